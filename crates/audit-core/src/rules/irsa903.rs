//! # IRSA903 `AccountUnreachable`
//!
//! ## What it means
//! The role is in an account for which no access is configured, or which the `default` `IrsaAuditPolicy` does not allow. In an audit of
//! files: the files do not contain the role, the documents of its policies, or everything that the verdict needs about its account's
//! provider. With `--filter Role`, `get-account-authorization-details` leaves out the documents of managed policies: the permissions of the
//! role are then not known, which counts for the verdict only if permissions are expected.
//!
//! ## Why it is unknown
//! The operator reads only its own account and the accounts for which access is configured. Among files, only the output of
//! `get-account-authorization-details` shows that a role does not exist, and only the output of `list-open-id-connect-providers`
//! shows that a provider does not exist.
//!
//! ## In logs
//! Nothing: irsa-audit makes no call.
//!
//! ## Example
//! The operator runs in account `111122223333`, without `--account`:
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   name: cart
//!   namespace: shop
//!   annotations:
//!     eks.amazonaws.com/role-arn: arn:aws:iam::444455556666:role/cart
//! ```
//!
//! ## Fix
//! Start the operator with `--account ID=ROLE_ARN`, with a role in that account that it may assume. In an audit of files,
//! the finding names the command of the AWS CLI whose output is missing.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` lists the account. Or the audit of files no longer reports the finding.
//!
//! ## References
//! - [Authenticate to another account with IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)
//! - [GetAccountAuthorizationDetails](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html)

use std::collections::BTreeSet;

use super::evidence::{account, gaps};
use crate::Config;
use crate::chain::{Chain, Gap, RoleChain};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Reread, Severity};
use crate::fix::{Command, Fix};
use crate::model::{Access, Observed};
use crate::permissions::public;
use crate::snapshot::Snapshot;
use crate::text::{quote, quote_list};
use jiff::Timestamp;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA903",
    reason: "AccountUnreachable",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "irsa-audit cannot read the role's account",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check), Check::Cluster(of_accounts)],
};

/// The most accounts that are named together.
const NAMED: usize = 10;

/// All such accounts in one finding: anyone who can annotate a ServiceAccount names as many as they like.
fn of_accounts(snapshot: &Snapshot, _: &Config, _: Timestamp) -> Vec<Finding> {
    let accounts = snapshot.accounts.iter();
    let closed = accounts.filter(|(_, account)| account.access == Access::NotConfigured);
    let closed: Vec<String> = closed.map(|(id, _)| id.clone()).collect();
    match closed.as_slice() {
        [] => Vec::new(),
        [one] => vec![finding(one)],
        [first, ..] => {
            let message = format!(
                "ServiceAccounts name roles in {} accounts to which no access is configured, so these roles cannot be checked: {}",
                closed.len(),
                quote_list(&closed, NAMED)
            );
            let mut all = finding(first);
            all.message = message;
            vec![all]
        }
    }
}

fn finding(account: &str) -> Finding {
    let fix = Fix::manual(format!(
        "start irsa-audit with `--account {account}=arn:aws:iam::{account}:role/NAME`, with a role that it may assume"
    ));
    Finding::new(
        &ENTRY,
        format!("no access to account {account} is configured, so its roles cannot be checked"),
    )
    .fix(fix)
    .reread(Reread::Nothing)
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.aws.as_ref()?;
    gaps(chain).into_iter().find_map(|(link, gap)| match gap {
        Gap::AccountNotConfigured => Some(finding(account(chain)).at(link)),
        Gap::NotGiven => Some(not_given(chain, aws, link).at(link)),
        _ => None,
    })
}

/// The most documents that are asked for one by one.
const DOCUMENTS: usize = 3;

/// A policy whose document is in no file.
enum Missing<'a> {
    Inline(&'a str),
    Managed(&'a str),
}

impl Missing<'_> {
    /// What it is, and the commands that print the document; a version does not tell of which policy it is, so that it comes with
    /// the policy.
    fn told(&self, role: &str) -> (String, String) {
        match self {
            Self::Inline(name) => {
                let command = Command::new("aws iam get-role-policy")
                    .option("--role-name", role)
                    .option("--policy-name", *name);
                (
                    format!("inline policy `{}`", quote(name)),
                    format!("the output of `{command}`"),
                )
            }
            Self::Managed(arn) => {
                let policy = Command::new("aws iam get-policy").option("--policy-arn", *arn);
                let version = Command::new("aws iam get-policy-version")
                    .option("--policy-arn", *arn)
                    .own("--version-id \"$(aws iam get-policy")
                    .option("--policy-arn", *arn)
                    .own("--query Policy.DefaultVersionId --output text)\"");
                (
                    format!("policy `{}`", quote(arn)),
                    format!("the output of `{policy}` and `{version}`, in a separate directory"),
                )
            }
        }
    }
}

/// The policies of a role whose list was given, and whose document was not.
fn missing_documents<'c>(chain: &'c Chain<'_>, aws: &'c RoleChain<'_>) -> Vec<Missing<'c>> {
    let (Some(account), Ok(policies)) = (chain.role_account(), &aws.policies) else {
        return Vec::new();
    };
    let given = account.inline.get(aws.arn.name()).and_then(Observed::latest);
    let is_given = |name: &str| given.is_some_and(|texts| texts.contains_key(name));
    let inline = policies.inline.iter().filter(|name| !is_given(name));
    let boundary = aws.found().and_then(|role| role.boundary.as_deref());
    let managed: BTreeSet<&str> = policies
        .attached
        .iter()
        .map(String::as_str)
        .chain(boundary)
        .collect();
    let managed = managed.into_iter().filter(|arn| {
        let document = account.managed.get(*arn).and_then(Observed::latest);
        document.is_none() && public::document(arn).is_none()
    });
    let inline = inline.map(|name| Missing::Inline(name));
    inline.chain(managed.map(Missing::Managed)).collect()
}

/// The finding for a role whose policies are known but for some documents.
fn without_documents(aws: &RoleChain<'_>, documents: &[Missing<'_>]) -> Finding {
    let (account, role) = (aws.arn.account(), aws.arn.name());
    let (names, commands): (Vec<String>, Vec<String>) =
        documents.iter().map(|document| document.told(role)).unzip();
    let fix = Fix::manual(format!(
        "give to `--aws`, produced with credentials of account {account}: {}",
        commands.join("; and ")
    ));
    let message = format!(
        "role `{}` of account {account}: no given file contains the document of {}",
        quote(role),
        names.join(", nor of ")
    );
    Finding::new(&ENTRY, message).fix(fix).reread(Reread::Nothing)
}

/// The finding for what files do not hold, with the commands whose output would.
fn not_given(chain: &Chain<'_>, aws: &RoleChain<'_>, link: Link) -> Finding {
    let documents = missing_documents(chain, aws);
    if link == Link::Permissions && (1..=DOCUMENTS).contains(&documents.len()) {
        return without_documents(aws, &documents);
    }
    let (account, role) = (aws.arn.account(), aws.arn.name());
    // With `--filter Role` it would leave out the managed policies.
    let all = Command::new("aws iam get-account-authorization-details");
    let (what, commands) = match (link, &aws.provider_arn) {
        (Link::Provider, Some(arn)) => (
            format!("all that is needed about the provider `{}`", quote(arn)),
            vec![
                Command::new("aws iam list-open-id-connect-providers"),
                Command::new("aws iam get-open-id-connect-provider")
                    .option("--open-id-connect-provider-arn", arn),
            ],
        ),
        (Link::Permissions, _) => (format!("the policies of role `{}`", quote(role)), vec![all]),
        _ => (
            format!("role `{}`", quote(role)),
            vec![all, Command::new("aws iam get-role").option("--role-name", role)],
        ),
    };
    let join = if link == Link::Provider {
        "` and `"
    } else {
        "` or `"
    };
    let commands: Vec<String> = commands.iter().map(Command::to_string).collect();
    let fix = Fix::manual(format!(
        "give the output of `{}`, with credentials of account {account}, to `--aws`",
        commands.join(join)
    ));
    Finding::new(
        &ENTRY,
        format!("no given file contains {what} of account {account}"),
    )
    .fix(fix)
    .reread(Reread::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit_cluster;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_role_in_an_account_without_access_is_unknown() {
        let world = World::healthy().account_not_configured();
        the_one(
            &world.audit(),
            ("IRSA903", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
        let cluster = audit_cluster(&world.snapshot, &world.config, world.now);
        assert_eq!(
            cluster.findings.iter().map(|f| f.entry.code).collect::<Vec<_>>(),
            ["IRSA903"]
        );
    }

    #[test]
    fn what_files_do_not_hold_is_unknown() {
        for (world, link, command) in [
            (
                World::healthy().without_account(),
                Link::Role,
                "get-role --role-name cart",
            ),
            (
                World::healthy()
                    .role_unseen(None)
                    .account(|account| account.listing = Observed::default()),
                Link::Role,
                "get-account-authorization-details",
            ),
            (
                World::healthy().provider_unseen(None),
                Link::Provider,
                "get-open-id-connect-provider",
            ),
            (
                World::healthy().policies_unseen(None).expect_aws(),
                Link::Permissions,
                "get-account-authorization-details`",
            ),
        ] {
            let report = world.read_from_files().audit();
            let finding = the_one(&report, ("IRSA903", Severity::Unknown, link, Verdict::Unknown));
            assert!(
                finding.fix.as_ref().unwrap().first.text.contains(command),
                "{:?}",
                finding.fix
            );
            assert!(!report.pending, "no answer is on its way");
        }
    }

    #[test]
    fn policies_that_were_not_given_are_named_and_count_where_permissions_are_expected() {
        for (world, named) in [
            (
                World::healthy().policies_unseen(None),
                "the policies of role `cart`",
            ),
            (
                World::healthy().documents_unseen(None),
                "policy `arn:aws:iam::aws:policy/",
            ),
            (
                World::healthy().attached_unread("arn:aws:iam::aws:policy/ReadOnlyAccess"),
                "policy/ReadOnlyAccess`",
            ),
        ] {
            let world = world.read_from_files();
            let report = world.audit();
            let [finding] = &report.findings[..] else {
                panic!("{:?}", report.findings)
            };
            assert_eq!((finding.entry.code, finding.link), ("IRSA903", Link::Permissions));
            assert!(finding.message.contains(named), "{}", finding.message);
            assert_eq!(report.verdict, Verdict::Working, "nobody asked for permissions");
            assert_eq!(world.expect_aws().audit().verdict, Verdict::Unknown);
        }
        assert_healthy(&World::healthy().read_from_files().audit());
    }

    #[test]
    fn of_administrator_access_the_document_is_public() {
        let world = World::healthy().attached_unread("arn:aws:iam::aws:policy/AdministratorAccess");
        assert_eq!(codes(&world.clone().read_from_files().audit()), ["IRSA505"]);
        let look_alike =
            World::healthy().attached_unread("arn:aws:iam::111122223333:policy/AdministratorAccess");
        assert_eq!(codes(&look_alike.read_from_files().audit()), ["IRSA903"]);
    }

    #[test]
    fn what_files_list_whole_is_not_there() {
        let report = World::healthy().role_unseen(None).read_from_files().audit();
        assert_eq!((report.verdict, report.reason), (Verdict::Broken, "RoleNotFound"));
    }

    #[test]
    fn what_was_seen_before_access_was_taken_away_does_not_count() {
        let world = World::healthy().account(|account| account.access = crate::model::Access::NotConfigured);
        the_one(
            &world.audit(),
            ("IRSA903", Severity::Unknown, Link::Role, Verdict::Unknown),
        );
    }
}
