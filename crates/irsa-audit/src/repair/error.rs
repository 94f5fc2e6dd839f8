//! Why a command of remediation has no answer.

use audit_aws::Failure;
use audit_core::fix::{Command, yaml};
use audit_core::model::{BindingKey, FailureKind};
use audit_core::text::{quote, reveal};

use crate::cluster::shown;
use crate::remediation::ReadError;
use crate::remediation::subject::SubjectGap;
use crate::service::ServiceError;

/// Why there is no answer. The exit code is then 2.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// No cluster to talk to.
    #[error(transparent)]
    Cluster(#[from] ServiceError),
    /// The issuer is not known.
    #[error(
        "the issuer of the cluster's tokens cannot be determined: neither the kubeconfig's token nor the API server's \
         /.well-known/openid-configuration says it. Give it with --issuer; for EKS, `aws eks describe-cluster --query \
         cluster.identity.oidc.issuer` prints it"
    )]
    NoIssuer,
    /// The API server does not answer, or does not know the caller.
    #[error("the API server cannot be asked: {0}; check the server and the credentials of the kubeconfig")]
    NoApiServer(String),
    /// The API server did not give something.
    #[error("{source}{}", hint(source))]
    Read {
        /// What and why.
        #[from]
        source: ReadError,
    },
    /// The ServiceAccount is not one that a role can be planned for.
    #[error(transparent)]
    NoSubject(Box<NoSubject>),
    /// IAM has no such role.
    #[error("role `{0}` does not exist: correct the ARN, or create the role")]
    RoleMissing(String),
    /// The credentials are of another account.
    #[error(
        "cannot read role `{role}`: the AWS credentials are of account {found}. Use credentials of account {wanted}, or name a role \
         there by which it can be read: --account {wanted}=ROLE_ARN"
    )]
    RoleElsewhere {
        /// Its ARN, safe to show.
        role: String,
        /// The account of the credentials, safe to show.
        found: String,
        /// The role's account, safe to show.
        wanted: String,
    },
    /// IAM did not give the role.
    #[error("cannot read role `{role}`: {}{}", message(failure), if *.or_existing { OR_EXISTING } else { "" })]
    RoleUnread {
        /// Its ARN, safe to show.
        role: String,
        /// What AWS said.
        failure: Box<Failure>,
        /// Whether the command can do without.
        or_existing: bool,
    },
    /// The API server refused a request other than a read.
    #[error("cannot {attempt}: {message}{hint}")]
    Refused {
        /// What was to be done: verb and kind.
        attempt: &'static str,
        /// Why not, safe to show.
        message: String,
        /// How to get the permission; empty where that does not help.
        hint: &'static str,
    },
    /// There is no such record.
    #[error("TrustPolicyChange `{0}` does not exist; `kubectl get trustpolicychanges` lists those that do")]
    NoSuchChange(String),
    /// There is no terminal to ask on.
    #[error("there is no terminal to confirm on: {0}")]
    NoTerminal(&'static str),
    /// The operating system refused.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

impl RepairError {
    /// That the API server refused a request; `hint` is how to get the permission, if that is what is missing.
    pub(super) fn refused(attempt: &'static str, error: &kube::Error, hint: &'static str) -> Self {
        let is_forbidden = matches!(error, kube::Error::Api(status) if status.is_forbidden());
        Self::Refused {
            attempt,
            message: shown(error),
            hint: if is_forbidden { hint } else { "" },
        }
    }
}

/// A ServiceAccount that no role can be planned for, and the way out.
#[derive(Debug, thiserror::Error)]
#[error("{}", no_subject(key, prefix, gap))]
pub struct NoSubject {
    /// The ServiceAccount.
    pub key: BindingKey,
    /// The prefix of the webhook's annotations.
    pub prefix: String,
    /// Why.
    pub gap: SubjectGap,
}

/// How to do without the role.
const OR_EXISTING: &str =
    "; or give the tag's value as it is now with --existing, empty if the role has no such tag";

/// The action that a failure names where there are no credentials.
const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// What AWS said, and the action that is missing, if one is.
fn message(failure: &Failure) -> String {
    match &failure.kind {
        // No call was made with credentials: there are none, or none could be had.
        FailureKind::AccessDenied { action } if action == WEB_IDENTITY => format!(
            "no usable AWS credentials: {}. Log in to AWS; `aws sts get-caller-identity` shows as whom",
            failure.message
        ),
        FailureKind::AccessDenied { action } => format!(
            "{}; allow {action} for the caller's credentials, or for the role that --account names for this account",
            failure.message
        ),
        FailureKind::Throttled => format!("{}; try again in a minute", failure.message),
        FailureKind::Unavailable => failure.message.clone(),
    }
}

/// What a person without a permission asks for.
fn hint(error: &ReadError) -> &'static str {
    if error.is_forbidden() {
        "; the ClusterRole for approvers in the chart of irsa-audit allows all that is read here"
    } else if error.is_not_found() {
        "; install the CustomResourceDefinitions of irsa-audit"
    } else if matches!(error, ReadError::Journal(_)) {
        "; nothing is planned or written while a record cannot be read. A cluster admin looks at who wrote it, by `kubectl get \
         trustpolicychange NAME -o yaml --show-managed-fields`, and deletes it if that was not the writer"
    } else {
        ""
    }
}

/// Why there is no subject, and the way out.
fn no_subject(key: &BindingKey, prefix: &str, gap: &SubjectGap) -> String {
    let account = format!("ServiceAccount `{}`", quote(&key.to_string()));
    match gap {
        SubjectGap::NoServiceAccount => format!(
            "{account} does not exist: check its name with `{}`",
            Command::new("kubectl get serviceaccounts").option("--namespace", key.namespace.as_str())
        ),
        SubjectGap::Deleted => format!("{account} is being deleted: create it again first"),
        SubjectGap::NoAnnotation => format!(
            "{account} has no annotation `{prefix}/role-arn`, so there is no role to plan for: set it with `{}`",
            Command::new("kubectl annotate serviceaccount")
                .option("--namespace", key.namespace.as_str())
                .argument(key.service_account.as_str())
                .argument(format!("{prefix}/role-arn=ROLE_ARN"))
        ),
        SubjectGap::NotARole { value, error } => format!(
            "annotation `{prefix}/role-arn` of {account} is `{}`, which is not the ARN of a role: {}",
            quote(value),
            // It quotes the value itself.
            reveal(&error.to_string())
        ),
        SubjectGap::NoAudit => format!(
            "no IrsaAudit names {account}, so no repair is requested. Wait until the operator has created one, or apply this:\n{}",
            manifest(key)
        ),
        SubjectGap::NoUid => format!("{account} or its IrsaAudit has no UID, so nothing can be planned"),
    }
}

/// The least `IrsaAudit` by which a team asks for a repair.
fn manifest(key: &BindingKey) -> String {
    let (namespace, name) = (yaml::scalar(&key.namespace), yaml::scalar(&key.service_account));
    format!(
        "apiVersion: irsa-audit.dev/v1alpha1\nkind: IrsaAudit\nmetadata:\n  namespace: {namespace}\n  name: {name}\nspec:\n  \
         serviceAccountName: {name}\n  remediation: RequireApproval"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(gap: SubjectGap) -> String {
        let (key, prefix) = (BindingKey::new("shop", "cart"), "eks.amazonaws.com".to_owned());
        NoSubject { key, prefix, gap }.to_string()
    }

    #[test]
    fn each_gap_is_named_with_its_own_way_out() {
        for (gap, way_out) in [
            (
                SubjectGap::NoServiceAccount,
                "kubectl get serviceaccounts --namespace shop",
            ),
            (
                SubjectGap::NoAnnotation,
                "kubectl annotate serviceaccount --namespace shop cart eks.amazonaws.com/role-arn=",
            ),
            (SubjectGap::NoAudit, "kind: IrsaAudit"),
        ] {
            assert!(told(gap.clone()).contains(way_out), "{gap:?}");
        }
    }

    #[test]
    fn who_may_do_it_is_told_only_where_the_permission_is_missing() {
        for (code, reason, is_hinted) in [
            (403, "Forbidden", true),
            (409, "Conflict", false),
            (422, "Invalid", false),
        ] {
            let status = kube::core::Status::failure("no", reason).with_code(code);
            let error =
                RepairError::refused("create it", &kube::Error::Api(status.boxed()), "; ask an admin");
            assert_eq!(error.to_string().ends_with("; ask an admin"), is_hinted, "{code}");
        }
    }

    /// What is missing then is not a permission.
    #[test]
    fn a_person_without_credentials_is_not_asked_for_an_action() {
        let action = WEB_IDENTITY.to_owned();
        let failure = Box::new(Failure::new(FailureKind::AccessDenied { action }, "none found"));
        let error = RepairError::RoleUnread {
            role: "app".to_owned(),
            failure,
            or_existing: false,
        };
        assert!(!error.to_string().contains(WEB_IDENTITY), "{error}");
    }

    #[test]
    fn what_an_annotation_says_is_quoted() {
        let value = "\u{1b}[2J".to_owned();
        let error = iam_policy::RoleArn::parse(&value).unwrap_err();
        assert!(!told(SubjectGap::NotARole { value, error }).contains('\u{1b}'));
    }
}
