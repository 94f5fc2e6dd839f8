//! Expectations on the command line: what every ServiceAccount that asks for a role must be able to do.

use std::collections::BTreeMap;
use std::str::FromStr;

use audit_core::model::{AuditRequest, AwsExpectation, Name};
use audit_core::snapshot::Cluster;
use audit_core::text::quote;

/// An action, and the resource on which it is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectArgument {
    /// The action, `service:Name`, which may have wildcards.
    pub action: String,
    /// The resource's ARN, which may have wildcards; none for an action that has no resource of its own.
    pub resource: Option<String>,
}

/// Why a text is no expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not ACTION or ACTION=RESOURCE, as in `s3:GetObject=arn:aws:s3:::bucket/*`")]
pub struct ExpectError(String);

impl FromStr for ExpectArgument {
    type Err = ExpectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (action, resource) = match text.split_once('=') {
            Some((action, resource)) => (action, Some(resource)),
            None => (text, None),
        };
        Self::new(action, resource).ok_or_else(|| ExpectError(quote(text)))
    }
}

impl ExpectArgument {
    /// An action on a resource, if they are such.
    #[must_use]
    pub fn new(action: &str, resource: Option<&str>) -> Option<Self> {
        let is_action = action
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty() && !name.contains(':'));
        let is_resource = resource.is_none_or(|arn| arn == "*" || arn.starts_with("arn:"));
        (is_action && is_resource).then(|| Self {
            action: action.to_owned(),
            resource: resource.map(str::to_owned),
        })
    }

    /// The same as an `IrsaAudit` says it, with what is known of condition keys.
    #[must_use]
    pub fn expectation(&self, context: BTreeMap<String, String>) -> AwsExpectation {
        AwsExpectation {
            actions: vec![self.action.clone()],
            resources: self.resource.iter().cloned().collect(),
            context,
        }
    }
}

/// Adds the expectations to those of every ServiceAccount that asks for a role.
pub fn add(cluster: &mut Cluster, annotation_prefix: &str, expected: &[ExpectArgument]) {
    if expected.is_empty() {
        return;
    }
    let asking = cluster
        .bindings()
        .filter(|(key, _)| cluster.asked(key, annotation_prefix).role.is_some());
    let requests: Vec<(Name, AuditRequest)> = asking
        .map(|(key, binding)| {
            let first = binding.request().cloned();
            let mut request = first.unwrap_or_else(|| AuditRequest {
                name: key.service_account.to_string(),
                service_account: key.service_account.to_string(),
                declared: true,
                from_command: true,
                ..AuditRequest::default()
            });
            let expected = expected.iter().map(|expect| expect.expectation(BTreeMap::new()));
            request.aws.extend(expected);
            (key.namespace.clone(), request)
        })
        .collect();
    for (namespace, request) in requests {
        cluster.put_request(&namespace, request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_comes_with_or_without_a_resource() {
        let expect = |action: &str, resource: Option<&str>| ExpectArgument {
            action: action.to_owned(),
            resource: resource.map(str::to_owned),
        };
        for (text, expected) in [
            (
                "s3:GetObject=arn:aws:s3:::b/*",
                Some(expect("s3:GetObject", Some("arn:aws:s3:::b/*"))),
            ),
            (
                "s3:GetObject=arn:aws:s3:::b/a=c",
                Some(expect("s3:GetObject", Some("arn:aws:s3:::b/a=c"))),
            ),
            (
                "sts:GetCallerIdentity",
                Some(expect("sts:GetCallerIdentity", None)),
            ),
            ("s3:*=*", Some(expect("s3:*", Some("*")))),
            ("s3", None),
            ("s3:GetObject=bucket", None),
            ("arn:aws:s3:::b=s3:GetObject", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<ExpectArgument>().ok(), expected, "{text}");
        }
    }
}
