//! # IRSA901 `AwsAccessDenied`
//!
//! ## What it means
//! The credentials of irsa-audit itself lack a permission. A binding has the finding only if irsa-audit never read the evidence; the
//! cluster's audit has it as long as the permission is missing. For the link Permissions, it counts only if `expect.aws` needs the
//! evidence.
//!
//! ## Why it is unknown
//! Evidence that irsa-audit cannot read proves nothing.
//!
//! ## In logs
//! The operator logs `AccessDenied … is not authorized to perform: iam:GetRole`.
//!
//! ## Example
//! ```text
//! AccessDenied: User: arn:aws:sts::111122223333:assumed-role/irsa-audit/… is not authorized to perform: iam:GetRole
//! ```
//!
//! ## Fix
//! Add the action to a policy of the operator's role, in the account that the finding names.
//!
//! `sts:AssumeRoleWithWebIdentity` is different: no policy of the role allows it. The operator's own ServiceAccount is a binding like any
//! other, and `irsa-audit audit` in its namespace names the broken link: annotation, token in the pod, provider or trust policy.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` no longer shows the finding.
//!
//! ## References
//! - [Troubleshoot access denied errors](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)
//! - [GetAccountAuthorizationDetails](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html)

use super::evidence::{account, gaps};
use super::own_role::broken_link;
use crate::chain::{Chain, Gap};
use crate::check::{AccountEvidence, Check, Rule};
use crate::config::Config;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::FailureKind;
use crate::snapshot::Snapshot;
use crate::text::{ascii_json, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA901",
    reason: "AwsAccessDenied",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "irsa-audit lacks a permission in AWS",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check), Check::Account(of_account)],
};

/// All actions that are denied, in one finding.
fn of_account(account: &AccountEvidence<'_>) -> Vec<Finding> {
    let denied: Vec<&str> = account
        .failures
        .iter()
        .filter_map(|failure| match &failure.kind {
            FailureKind::AccessDenied { action } => Some(action.as_str()),
            FailureKind::Throttled | FailureKind::Unavailable => None,
        })
        .collect();
    let found = account.is_accessible() && !denied.is_empty();
    found
        .then(|| finding((account.snapshot, account.config), account.id, &denied))
        .into_iter()
        .collect()
}

/// The call by which the operator gets credentials for its own role. What decides is that role's trust policy.
const OWN_ROLE: &str = "sts:AssumeRoleWithWebIdentity";

/// The call by which it gets credentials for a role in another account, whose trust policy decides as well.
const ROLE_OF_ACCOUNT: &str = "sts:AssumeRole";

/// The finding for actions that were denied in an account.
fn finding((snapshot, config): (&Snapshot, &Config), account: &str, actions: &[&str]) -> Finding {
    if actions.contains(&OWN_ROLE) {
        return without_own_role(snapshot, config, account);
    }
    if actions.contains(&ROLE_OF_ACCOUNT) {
        return without_role_of(account);
    }
    let message = format!(
        "irsa-audit may not call {} in account {account}, so it cannot read this evidence",
        quote_list(actions, 5)
    );
    let fix = Fix::manual(format!(
        "add this statement to a policy of the role that irsa-audit uses: {}",
        ascii_json(&serde_json::json!({"Effect": "Allow", "Action": actions, "Resource": "*"}))
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

/// There are no credentials at all. No identity policy helps: the binding of the operator itself is broken, or the user has not logged in.
fn without_own_role(snapshot: &Snapshot, config: &Config, account: &str) -> Finding {
    if let Some((broken, fix)) = broken_link(snapshot, config) {
        let message = format!("irsa-audit has no AWS credentials to read account {account}: {broken}");
        return Finding::new(&ENTRY, message).fix(fix);
    }
    let message = format!("irsa-audit has no AWS credentials to read account {account}");
    let fix = Fix::manual(
        "a command needs your own credentials: `aws sts get-caller-identity` must succeed where the command runs. The operator gets its \
         credentials like any pod, and no policy of its role fixes this. Check, in this order: its ServiceAccount has the annotation with the role's ARN; its \
         pod was created after that and has `AWS_WEB_IDENTITY_TOKEN_FILE`; the role exists; the role's account has an OIDC provider for the \
         cluster's issuer; the role's trust policy admits this ServiceAccount. `irsa-audit audit -n NAMESPACE`, with the operator's namespace \
         and your own credentials, names the broken link and prints its fix",
    );
    Finding::new(&ENTRY, message).fix(fix)
}

/// The operator has credentials, but not for the role by which it is to read this account.
fn without_role_of(account: &str) -> Finding {
    let message = format!("irsa-audit may not assume the role that is configured for account {account}");
    let fix = Fix::manual(format!(
        "two policies must allow it: the trust policy of the role in `--account {account}=ROLE_ARN` must admit the role that irsa-audit uses \
         (and its external ID, if one is set), and a policy of the role that irsa-audit uses must allow `{ROLE_OF_ACCOUNT}` on that ARN"
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let denied: Vec<_> = gaps(chain)
        .into_iter()
        .filter_map(|(link, gap)| match gap {
            Gap::Failed(FailureKind::AccessDenied { action }) => Some((link, action.as_str())),
            _ => None,
        })
        .collect();
    let (link, _) = *denied.first()?;
    let mut actions: Vec<&str> = denied.iter().map(|(_, action)| *action).collect();
    actions.dedup();
    Some(finding((chain.snapshot, chain.config), account(chain), &actions).at(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn denied(action: &str) -> FailureKind {
        FailureKind::AccessDenied {
            action: action.to_owned(),
        }
    }

    #[test]
    fn it_lies_on_the_first_link_that_could_not_be_read() {
        for (world, link, verdict) in [
            (
                World::healthy().role_unseen(Some(denied("iam:GetRole"))),
                Link::Role,
                Verdict::Unknown,
            ),
            (
                World::healthy().provider_unseen(Some(denied("iam:GetOpenIDConnectProvider"))),
                Link::Provider,
                Verdict::Unknown,
            ),
            (
                World::healthy()
                    .policies_unseen(Some(denied("iam:ListAttachedRolePolicies")))
                    .expect_aws(),
                Link::Permissions,
                Verdict::Unknown,
            ),
        ] {
            let report = world.audit();
            the_one(&report, ("IRSA901", Severity::Unknown, link, verdict));
            assert_eq!(state(&report, link), LinkState::Unseen("AwsAccessDenied"));
            assert!(!report.pending, "waiting does not help");
        }
    }

    #[test]
    fn unread_permissions_do_not_count_where_nobody_asked() {
        let report = World::healthy()
            .policies_unseen(Some(denied("iam:ListRolePolicies")))
            .audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA901"])
        );
    }

    #[test]
    fn what_stands_in_policies_matters_to_those_who_expect_something_of_it() {
        let unread = |kind| World::healthy().documents_unseen(kind);
        let denied = denied("iam:GetPolicyVersion");
        let report = unread(Some(&denied)).expect_aws().audit();
        the_one(
            &report,
            ("IRSA901", Severity::Unknown, Link::Permissions, Verdict::Unknown),
        );
        assert!(!report.pending);
        assert!(unread(None).expect_aws().audit().pending);
        let report = unread(Some(&denied)).audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA901"])
        );
        assert_eq!(
            state(&report, Link::Permissions),
            LinkState::NotExpected,
            "nothing passes unread"
        );
    }

    #[test]
    fn several_actions_are_one_finding() {
        let report = World::healthy()
            .provider_unseen(Some(denied("iam:GetOpenIDConnectProvider")))
            .policies_unseen(Some(denied("iam:ListRolePolicies")))
            .audit();
        let finding = the_one(
            &report,
            ("IRSA901", Severity::Unknown, Link::Provider, Verdict::Unknown),
        );
        assert!(
            finding
                .message
                .contains("`iam:GetOpenIDConnectProvider`, `iam:ListRolePolicies`")
        );
    }

    #[test]
    fn credentials_that_the_operator_does_not_get_are_no_matter_of_a_policy_of_its_role() {
        for (action, said, fixed) in [
            (
                "sts:AssumeRoleWithWebIdentity",
                "no AWS credentials",
                "trust policy admits",
            ),
            (
                "sts:AssumeRole",
                "may not assume the role that is configured",
                "--account 111122223333=",
            ),
        ] {
            let report = World::healthy().role_unseen(Some(denied(action))).audit();
            let finding = the_one(
                &report,
                ("IRSA901", Severity::Unknown, Link::Role, Verdict::Unknown),
            );
            let fix = finding.fix.as_ref().unwrap().whole();
            assert!(finding.message.contains(said), "{}", finding.message);
            assert!(fix.contains(fixed) && !fix.contains("\"Effect\""), "{fix}");
        }
    }

    #[test]
    fn evidence_from_before_the_denial_stands() {
        let now = World::healthy().now;
        let world = World::healthy().account(|account| {
            let denied = || denied("iam:GetRole");
            account
                .roles
                .get_mut("cart")
                .unwrap()
                .fail(denied(), "no".to_owned(), now);
            account.provider.fail(denied(), "no".to_owned(), now);
        });
        assert_healthy(&world.audit());
    }

    #[test]
    fn a_listing_that_is_denied_is_waited_out() {
        let report = World::healthy()
            .role_unseen(None)
            .listing_fails(denied("iam:X"))
            .audit();
        the_one(
            &report,
            ("IRSA914", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
        assert!(report.pending, "a read of the one role follows");
    }
}
