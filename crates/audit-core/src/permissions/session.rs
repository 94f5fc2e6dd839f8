//! What is certain of the requests that a role's session makes.

use std::collections::BTreeMap;

use iam_policy::{Context, ContextValue, RoleArn, Unlisted};
use jiff::Timestamp;

use crate::chain::{Chain, RoleChain};

/// What requests that are made as a role say of it.
pub(super) fn principal(role: &RoleArn) -> [(&'static str, String); 3] {
    [
        ("aws:PrincipalArn", role.to_string()),
        ("aws:PrincipalAccount", role.account().to_owned()),
        ("aws:PrincipalType", "AssumedRole".to_owned()),
    ]
}

/// Keys of credentials that other services hand out: to EC2 instances, to Lambda functions, in chat channels.
const OF_OTHER_CREDENTIALS: [&str; 6] = [
    "aws:ChatbotSourceArn",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "ec2:RoleDelivery",
    "ec2:SourceInstanceARN",
    "lambda:SourceFunctionArn",
];

/// A session of a role, as a pod has it that assumed the role with its token.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// The role.
    pub role: &'a RoleArn,
    /// Its unique id (`AROA…`), where that is known.
    pub id: Option<&'a str>,
    /// Its tags, where those are known. A session by a Kubernetes token has no others.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// When it asks.
    pub at: Timestamp,
}

impl<'a> Session<'a> {
    /// A session of the annotation's role, or of another one, of which less is known.
    #[must_use]
    pub fn of(chain: &'a Chain<'_>, role: &'a RoleArn) -> Self {
        let own = chain.aws.as_ref().filter(|aws| aws.arn == *role);
        let found = own.and_then(RoleChain::found);
        let id = found.map(|role| role.id.as_str());
        // EKS Pod Identity adds session tags of its own, which replace tags of the role with the same key.
        let tags = found.filter(|_| !chain.uses_pod_identity);
        Self {
            role,
            id: id.filter(|id| !id.is_empty()),
            tags: tags.and_then(|role| role.tags.as_ref()),
            at: chain.now,
        }
    }

    /// What is certain of every request of the session.
    ///
    /// IAM User Guide, "AWS global condition context keys" and "Information in the request": a role's session has the role's
    /// ARN and account, `AssumedRole` as its type, `role-id:session-name` as its user id and no user name; a session by web
    /// identity is without MFA, and Kubernetes' tokens bring no source identity. `aws:PrincipalTag/…` are the role's tags and the
    /// session's, and Kubernetes' tokens bring no session tags either ("Pass session tags in AWS STS": they would be a claim of the
    /// token). Temporary credentials have `aws:TokenIssueTime`, and those by an identity provider `aws:FederatedProvider`. Keys of
    /// EC2, Lambda and chat applications are there only with credentials that these services hand out. The rest is what holds for every call that a
    /// workload makes itself, over TLS as AWS's SDKs do unless somebody turns it off.
    pub(super) fn context(&self) -> Context {
        let mut known = Context::new(Unlisted::Unknown);
        known.set_direct_call(self.at.as_second());
        let one = |value: &str| ContextValue::Known(vec![value.to_owned()]);
        known.set("aws:PrincipalIsAWSService", one("false"));
        known.set("aws:username", ContextValue::Absent);
        known.set("aws:SourceIdentity", ContextValue::Absent);
        known.set("aws:MultiFactorAuthAge", ContextValue::Absent);
        known.set(
            "aws:MultiFactorAuthPresent",
            ContextValue::AbsentOr(vec!["false".to_owned()]),
        );
        known.set(
            "aws:userid",
            self.id.map_or(ContextValue::Present, |id| {
                ContextValue::Beginning(format!("{id}:"))
            }),
        );
        for key in ["aws:TokenIssueTime", "aws:FederatedProvider"] {
            known.set(key, ContextValue::Present);
        }
        for key in OF_OTHER_CREDENTIALS {
            known.set(key, ContextValue::Absent);
        }
        if let Some(tags) = self.tags {
            known.set_absent_below("aws:PrincipalTag/");
            for (key, value) in tags {
                known.set(&format!("aws:PrincipalTag/{key}"), one(value));
            }
        }
        for (key, value) in principal(self.role) {
            known.set(key, ContextValue::Known(vec![value]));
        }
        known
    }
}
