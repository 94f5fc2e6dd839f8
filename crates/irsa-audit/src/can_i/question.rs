//! What the words on the command line ask for.

use std::collections::BTreeMap;

use audit_core::fix::Command;
use audit_core::model::{AwsExpectation, KubernetesExpectation};
use audit_core::text::quote;

use super::args::CanIArgs;
use crate::audit::expect::ExpectArgument;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CanIQuestion {
    /// Of an action of AWS.
    Aws(AwsExpectation),
    /// Of a verb of Kubernetes.
    Kubernetes(KubernetesExpectation),
}

/// Why it is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// An action or a resource of AWS that is none.
    #[error("`{0}` is no action of AWS, or not on an ARN: ask as in `s3:GetObject arn:aws:s3:::bucket/*`")]
    NoAction(String),
    /// A verb alone.
    #[error("`{0}` on what? Give a resource in the plural, such as `pods`")]
    NoResource(String),
    /// A path of the API server in place of a resource.
    #[error(
        "`{path}` is a path of the API server, and can-i answers about resources. Ask the API server itself: `{ask}`"
    )]
    NoResourcePath {
        /// The path, safe to show.
        path: String,
        /// The command that asks.
        ask: Command,
    },
    /// A word or a flag that the question has no room for.
    #[error("{word} is for {what}")]
    Besides {
        /// Which.
        word: &'static str,
        /// To what it belongs.
        what: &'static str,
    },
    /// A condition key with two values.
    #[error("--condition gives `{0}` twice: a request has one value of it")]
    Twice(String),
}

/// Reads the question: what has a colon is an action of AWS.
pub(super) fn read(args: &CanIArgs) -> Result<CanIQuestion, QuestionError> {
    if args.action.contains(':') {
        aws(args).map(CanIQuestion::Aws)
    } else {
        kubernetes(args).map(CanIQuestion::Kubernetes)
    }
}

fn aws(args: &CanIArgs) -> Result<AwsExpectation, QuestionError> {
    let besides = [
        ("NAME", args.name.is_some()),
        ("--subresource", args.subresource.is_some()),
        ("--namespace", args.namespace.is_some()),
        ("--all-namespaces", args.all_namespaces),
    ];
    refuse(&besides, "verbs of Kubernetes")?;
    let target = args.target.as_deref();
    let asked = ExpectArgument::new(&args.action, target).ok_or_else(|| {
        let words = [args.action.as_str()].into_iter().chain(target);
        QuestionError::NoAction(quote(&words.collect::<Vec<_>>().join(" ")))
    })?;
    let mut context = BTreeMap::new();
    for (key, value) in &args.condition {
        if context.insert(key.clone(), value.clone()).is_some() {
            return Err(QuestionError::Twice(quote(key)));
        }
    }
    Ok(asked.expectation(context))
}

fn kubernetes(args: &CanIArgs) -> Result<KubernetesExpectation, QuestionError> {
    refuse(&[("--condition", !args.condition.is_empty())], "actions of AWS")?;
    let target = args
        .target
        .as_deref()
        .ok_or_else(|| QuestionError::NoResource(quote(&args.action)))?;
    if target.starts_with('/') {
        let user = format!("system:serviceaccount:{}", args.service_account).replacen('/', ":", 1);
        let ask = Command::new("kubectl auth can-i")
            .argument(&args.action)
            .argument(target);
        return Err(QuestionError::NoResourcePath {
            path: quote(target),
            ask: ask.option("--as", user),
        });
    }
    let (path, in_path) = match target.split_once('/') {
        // Rules of RBAC hold for every version of an API.
        Some((path, version)) if is_version(version) => (path, None),
        Some((path, subresource)) => (path, Some(subresource.to_owned())),
        None => (target, None),
    };
    let (resource, group) = path.split_once('.').unwrap_or((path, ""));
    let group = match group.split_once('.') {
        Some((version, group)) if is_version(version) => group,
        None if is_version(group) => "",
        _ => group,
    };
    let namespace = args
        .namespace
        .as_deref()
        .unwrap_or(&args.service_account.namespace);
    Ok(KubernetesExpectation {
        verbs: vec![args.action.clone()],
        api_group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: args.subresource.clone().or(in_path),
        resource_names: args.name.iter().cloned().collect(),
        namespace: (!args.all_namespaces).then(|| namespace.to_owned()),
    })
}

/// Whether a word is the version of an API: `v1`, `v1beta2`.
fn is_version(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = word.strip_prefix('v') else {
        return false;
    };
    let pre = ["alpha", "beta"]
        .into_iter()
        .find_map(|stage| rest.split_once(stage));
    digits(rest) || pre.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn refuse(besides: &[(&'static str, bool)], what: &'static str) -> Result<(), QuestionError> {
    match besides.iter().find(|(_, is_given)| *is_given) {
        Some((word, _)) => Err(QuestionError::Besides { word, what }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::args;
    use super::*;

    #[test]
    fn a_resource_may_have_a_group_and_a_subresource() {
        let asked = |words: &[&str]| match read(&args(words)) {
            Ok(CanIQuestion::Kubernetes(asked)) => asked,
            other => panic!("{words:?}: {other:?}"),
        };
        let scale = asked(&["get", "deployments.apps/scale"]);
        assert_eq!(
            (
                scale.resource.as_str(),
                scale.api_group.as_str(),
                scale.subresource.as_deref()
            ),
            ("deployments", "apps", Some("scale"))
        );
        assert_eq!(asked(&["get", "deployments.apps", "--subresource=scale"]), scale);
        assert_eq!(scale.namespace.as_deref(), Some("shop"));
        assert_eq!(asked(&["get", "nodes", "-A"]).namespace, None);
        assert_eq!(asked(&["get", "secrets", "tls"]).resource_names, ["tls"]);
    }

    #[test]
    fn what_has_a_colon_is_an_action_of_aws() {
        let asked = |words: &[&str]| match read(&args(words)) {
            Ok(CanIQuestion::Aws(asked)) => asked,
            other => panic!("{words:?}: {other:?}"),
        };
        assert_eq!(
            asked(&["s3:GetObject", "arn:aws:s3:::b/*"]).resources,
            ["arn:aws:s3:::b/*"]
        );
        let bare = asked(&["s3:ListAllMyBuckets", "--condition=aws:SourceIp=10.0.0.1"]);
        assert_eq!(bare.actions, ["s3:ListAllMyBuckets"]);
        assert!(bare.resources.is_empty());
        assert_eq!(bare.context["aws:SourceIp"], "10.0.0.1");
    }

    #[test]
    fn what_makes_no_question_is_refused() {
        for words in [
            &["get"][..],
            &["s3:"],
            &["s3:GetObject", "bucket"],
            &["s3:GetObject", "arn:aws:s3:::b", "name"],
            &["s3:GetObject", "-n", "shop"],
            &["s3:GetObject", "-A"],
            &["s3:GetObject", "--subresource=log"],
            &["get", "pods", "--condition=aws:SourceIp=10.0.0.1"],
            &["s3:GetObject", "--condition=a:b=1", "--condition=a:b=2"],
            &["get", "/healthz"],
        ] {
            assert!(read(&args(words)).is_err(), "{words:?}");
        }
    }
}
