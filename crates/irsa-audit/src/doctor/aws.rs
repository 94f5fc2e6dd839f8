//! What AWS says of the permissions of the operator.

use audit_aws::{ActionPermitted, DirectorySettings, Permitted};

use super::args::DoctorArgs;
use super::view::{Checked, State};

/// What is not seen without an action.
const NEEDED_FOR: &[(&str, &str)] = &[
    (
        "iam:GetRole",
        "Whether a role exists, and its trust policy. Without it, both links are unknown (IRSA901).",
    ),
    (
        "iam:GetAccountAuthorizationDetails",
        "All roles of an account by one listing. Without it, each role is read by itself, and roles that trust ServiceAccounts that do not exist \
         (IRSA701 to IRSA703) are not seen.",
    ),
    (
        "iam:GetOpenIDConnectProvider",
        "The OIDC provider of the cluster's issuer. Without it, that link is unknown (IRSA901).",
    ),
    (
        "iam:ListOpenIDConnectProviders",
        "A provider whose URL only resembles the issuer (IRSA302), and providers of clusters that are gone (IRSA703).",
    ),
    (
        "iam:ListAttachedRolePolicies",
        "Which managed policies a role has. Without it, permissions are unknown.",
    ),
    (
        "iam:ListRolePolicies",
        "Which inline policies a role has. Without it, permissions are unknown.",
    ),
    (
        "iam:GetRolePolicy",
        "What inline policies allow. Without it, expected permissions are unknown.",
    ),
    (
        "iam:GetPolicy",
        "The current version of a managed policy. Without it, expected permissions are unknown.",
    ),
    (
        "iam:GetPolicyVersion",
        "What managed policies allow. Without it, expected permissions are unknown.",
    ),
    (
        "iam:GetAccountSummary",
        "The quota of trust policies. Without it, the default of 2,048 characters is assumed (IRSA219).",
    ),
    (
        "iam:SimulatePrincipalPolicy",
        "What IAM itself says of expected permissions, with service control policies. Without it, IRSA910 is not reported.",
    ),
    (
        "eks:ListClusters",
        "Whether the cluster of an issuer still exists (IRSA703).",
    ),
    (
        "eks:DescribeCluster",
        "The issuer of a cluster, where nothing else tells it.",
    ),
    (
        "eks:ListPodIdentityAssociations",
        "Which ServiceAccounts EKS Pod Identity serves (IRSA408, IRSA912).",
    ),
    (
        "eks:DescribePodIdentityAssociation",
        "The roles of these associations.",
    ),
];

/// Tries each action, in the caller's account and in those that are given.
pub(super) async fn check(args: &DoctorArgs) -> Vec<Checked> {
    let mut settings = DirectorySettings::new(audit_aws::load_home().await);
    settings.accounts.clone_from(&args.accounts);
    match audit_aws::permitted(settings).await {
        Ok(found) => found.into_iter().map(checked).collect(),
        Err(failure) => vec![Checked {
            place: "AWS".to_owned(),
            what: "sts:GetCallerIdentity".to_owned(),
            needed_for: "The account of the credentials. Without it, nothing of AWS is seen.",
            state: State::Unknown(failure.message),
        }],
    }
}

fn checked(found: ActionPermitted) -> Checked {
    let needed_for = NEEDED_FOR.iter().find(|(action, _)| *action == found.action);
    Checked {
        place: format!("AWS, account {}", audit_core::text::quote(&found.account)),
        what: found.action.to_owned(),
        needed_for: needed_for.map_or("", |(_, needed_for)| needed_for),
        state: match found.permitted {
            Permitted::Yes => State::Ok,
            Permitted::No => State::Denied,
            Permitted::Unknown(why) => State::Unknown(why),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_missing_is_said_of_every_call_of_an_audit() {
        let said: BTreeSet<&str> = NEEDED_FOR.iter().map(|(action, _)| *action).collect();
        let calls: BTreeSet<&str> = audit_aws::PieceKind::ALL
            .iter()
            .flat_map(|kind| kind.calls())
            .copied()
            .chain(["iam:GetAccountAuthorizationDetails"])
            .collect();
        assert_eq!(said, calls);
    }
}
