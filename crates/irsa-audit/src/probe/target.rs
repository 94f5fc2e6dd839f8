//! What STS is asked for: which role, with a token for which audience, in which region. Pure.

use audit_core::audit::along_ways;
use audit_core::chain::{Chain, NamedRole, RoleOutcome};
use audit_core::fix::Command;
use audit_core::model::{BindingKey, EksIssuer};
use audit_core::snapshot::{Binding, Cluster};
use audit_core::text::quote;
use audit_core::{CredentialPath, Finding};
use iam_policy::RoleArn;

/// The role that STS is asked for, and what the evaluation says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The role.
    pub role: RoleArn,
    /// The audience of the token.
    pub audience: String,
    /// The issuer that the evaluation uses.
    pub issuer: Option<String>,
    /// Whether the evaluation says that the role is given.
    pub outcome: RoleOutcome,
    /// What the evaluation finds on the way to the role; nothing for a role to which no way leads.
    pub findings: Vec<Finding>,
    /// What else the ServiceAccount is used with, which is not asked for.
    pub others: Vec<OtherRole>,
}

/// A role that is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OtherRole {
    /// Its ARN.
    pub role: String,
    /// The audience of the token; empty where it does not show.
    pub audience: String,
}

/// Why there is nothing to ask STS for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingToProbe {
    /// There is no such ServiceAccount.
    #[error("ServiceAccount `{}` does not exist: check the name with `{}`", quote(&.0.to_string()), accounts(.0))]
    NoServiceAccount(BindingKey),
    /// What stands in the place of the role is not an ARN of one.
    #[error("ServiceAccount `{}`: `{}` is not the ARN of a role (IRSA102): correct it, or give --role-arn", quote(&.key.to_string()), quote(.named))]
    NotAnArn {
        /// The ServiceAccount.
        key: BindingKey,
        /// What names the role.
        named: String,
    },
    /// Nothing names a role.
    #[error("ServiceAccount `{}`: no role to ask STS for: {}. To ask for a role anyway, give --role-arn", quote(&.key.to_string()), .why)]
    NoRole {
        /// The ServiceAccount.
        key: BindingKey,
        /// What its pods get in place of a role.
        why: &'static str,
    },
    /// The token's audience is unknown.
    #[error(
        "the audience of the tokens of ServiceAccount `{}` is unknown, because it is a flag of the self-hosted webhook: give it with --token-audience",
        quote(&.0.to_string())
    )]
    NoAudience(BindingKey),
    /// The endpoint is unknown.
    #[error("the region of STS is unknown for partition `{0}`: give --region, or set AWS_REGION")]
    NoRegion(String),
}

fn accounts(key: &BindingKey) -> Command {
    Command::new("kubectl get serviceaccounts").option("--namespace", key.namespace.as_str())
}

/// What to ask for: the role that the evaluation audits, or the one that is `wanted`.
pub(super) fn find(chain: Chain<'_>, wanted: Option<&RoleArn>) -> Result<Target, NothingToProbe> {
    let key = chain.key;
    if chain.service_account.is_none() {
        return Err(NothingToProbe::NoServiceAccount(key.clone()));
    }
    let aws = match (wanted, &chain.aws) {
        (None, Some(aws)) => aws.clone(),
        (None, None) => return Err(without_role(&chain)),
        (Some(wanted), Some(aws)) if aws.arn == *wanted => aws.clone(),
        (Some(wanted), _) => {
            let audience = chain.asked().audience.or(chain.default_audience);
            chain.for_role(wanted.clone(), audience.unwrap_or(chain.audience))
        }
    };
    if aws.audience.is_empty() {
        return Err(NothingToProbe::NoAudience(key.clone()));
    }
    let mut target = Target {
        issuer: chain.issuer.map(|issuer| issuer.url.to_string()),
        outcome: aws.outcome(),
        role: aws.arn,
        audience: aws.audience,
        findings: Vec::new(),
        others: Vec::new(),
    };
    for way in along_ways(chain) {
        let Some(aws) = way.chain.aws else { continue };
        if (&aws.arn, &aws.audience) == (&target.role, &target.audience) {
            target.findings = way.findings;
        } else {
            target.others.push(OtherRole {
                role: aws.arn.to_string(),
                audience: aws.audience,
            });
        }
    }
    Ok(target)
}

fn without_role(chain: &Chain<'_>) -> NothingToProbe {
    let key = chain.key.clone();
    if chain.uses_pod_identity {
        return NothingToProbe::NoRole {
            key,
            why: POD_IDENTITY,
        };
    }
    if let NamedRole::Malformed(named, _) = &chain.named_role {
        return NothingToProbe::NotAnArn {
            key,
            named: (*named).to_owned(),
        };
    }
    let why = match chain.path {
        Some(CredentialPath::PodIdentity) => POD_IDENTITY,
        Some(CredentialPath::Own) => {
            "its pods bring their own token, and their role could not be seen (credential path `Own`, IRSA911)"
        }
        Some(CredentialPath::Requested) => {
            "a controller requests its tokens, and the role could not be seen (credential path `Requested`)"
        }
        Some(CredentialPath::Static) => "its pods bring access keys (credential path `Static`)",
        Some(CredentialPath::Node) => {
            "it has no role annotation, and its pods use the role of their node (credential path `Node`)"
        }
        Some(CredentialPath::Webhook | CredentialPath::Launched) | None => {
            "it has no role annotation, and nothing that was seen gives it a role"
        }
    };
    NothingToProbe::NoRole { key, why }
}

const POD_IDENTITY: &str = "its pods get credentials from EKS Pod Identity, which does not use this call of STS (credential path `PodIdentity`)";

/// Lets a ServiceAccount's annotation name a role, in this process alone.
pub(super) fn annotate(cluster: &mut Cluster, key: &BindingKey, prefix: &str, role: &RoleArn) {
    let found = cluster.binding(key).and_then(Binding::service_account);
    let Some(mut account) = found.cloned() else {
        return;
    };
    account
        .annotations
        .insert(format!("{prefix}/role-arn"), role.to_string());
    cluster.put_service_account(account);
}

/// A region, and why this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StsRegion {
    /// Such as `eu-west-1`.
    pub name: String,
    /// How it was determined.
    pub source: &'static str,
}

/// The region whose endpoint is asked: pods of EKS use that of their cluster, unless they set a different one.
pub(super) fn region(
    given: Option<&str>,
    issuer: Option<&str>,
    configured: Option<String>,
    partition: &str,
) -> Result<StsRegion, NothingToProbe> {
    let of_eks = || {
        let issuer = EksIssuer::parse(issuer?.strip_prefix("https://")?)?;
        issuer.is_in(partition).then(|| issuer.region().to_owned())
    };
    let (name, source) = match given {
        Some(given) => (given.to_owned(), "--region"),
        None => match (of_eks(), configured, partition) {
            (Some(region), ..) => (region, "the EKS cluster"),
            (None, Some(region), _) => (region, "the AWS configuration"),
            (None, None, "aws") => ("us-east-1".to_owned(), "the default"),
            (None, None, partition) => return Err(NothingToProbe::NoRegion(partition.to_owned())),
        },
    };
    Ok(StsRegion { name, source })
}

#[cfg(test)]
#[path = "../../tests/unit/probe/target.rs"]
mod tests;
