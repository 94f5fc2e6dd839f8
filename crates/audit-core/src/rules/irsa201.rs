//! # IRSA201 `RoleNotFound`
//!
//! ## What it means
//! The account in the ARN has no role of that name: IAM answered `NoSuchEntity`, or a complete list of the account's roles
//! does not contain it. Usual causes: the tool that manages the role deleted or renamed it, or the ARN has the account of
//! a different environment.
//!
//! ## Why it breaks
//! There is no role to assume. STS returns the same error as for a role that refuses the token, so it looks like an error in
//! the trust policy.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart
//! An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name cart cannot be found.
//! ```
//!
//! ## Fix
//! Create the role, or set the ARN of an existing one where the role is named: in the annotation of the ServiceAccount, in the webhook's
//! ConfigMap, in the pod template, or in the object whose controller requests the token. If the account has the role in a different case
//! (`Cart` instead of `cart`; STS compares role names with case, and an account has no two roles that differ only by case), the fix sets
//! its ARN. If the running pods have an existing role that admits them, the fix names it: pods keep the role that they were created with when the
//! annotation changes.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME`, with credentials of that account, prints the ARN of the annotation.
//!
//! ## References
//! - [GetRole](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use iam_policy::RoleArn;

use super::repair;
use super::trust::overrides;
use crate::chain::{Chain, RoleChain, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Repaired;
use crate::fix::{Command, Fix};
use crate::model::{Role, RoleLookup};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA201",
    reason: "RoleNotFound",
    severity: Severity::Broken,
    link: Link::Role,
    title: "the role does not exist",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.aws.as_ref()?;
    if !matches!(aws.role, Ok(RoleLookup::Absent)) {
        return None;
    }
    let (account, name) = (aws.arn.account(), aws.arn.name());
    let message = format!("account {account} has no role `{}`", quote(name));
    if let Some(role) = in_another_case(chain, aws) {
        let message = format!(
            "{message}, but it has role `{}`: STS compares role names with case, so it refuses the request",
            quote(role.arn.name())
        );
        return Some(Finding::new(&ENTRY, message).fix(repair::name_role(chain, role.arn.as_str())));
    }
    let place = repair::where_it_stands(chain, "role-arn");
    let named = in_trust(chain, aws);
    if let Some(other) = named.iter().find(|other| other.eq_ignore_ascii_case(name)) {
        let message = format!(
            "{message}, but it has role `{}`: STS compares role names with case, so it refuses the request",
            quote(other)
        );
        let look = Command::new("aws iam get-role").option("--role-name", *other);
        let fix = Fix::manual(format!(
            "set {place} to the ARN of role `{}`, which `{}` prints",
            quote(other),
            look.own("--query Role.Arn")
        ));
        return Some(Finding::new(&ENTRY, message).fix(fix.repairs(Repaired::Role)));
    }
    let given = given_to_pods(chain);
    let hint = match (given.as_slice(), named.as_slice()) {
        ([], []) => String::new(),
        ([], others) => format!(
            "; roles there that trust this ServiceAccount by name: {}",
            quote_list(others, 3)
        ),
        (given, _) => format!(
            "; running pods still have {}, which admits them",
            quote_list(given, 3)
        ),
    };
    let fix = Fix::manual(match given.first() {
        Some(given) => format!(
            "create the role, or set {place} to `{}`, the role that the running pods have",
            quote(given)
        ),
        None => format!(
            "create the role, or set {place} to the ARN of an existing role: `aws iam list-roles --query \"Roles[].Arn\"`, with \
             credentials of that account, lists them"
        ),
    });
    let (fix, hint) = match repair::better_left_to_webhook(chain) {
        Some(other) => {
            let instead = format!("{hint}; {}", overrides(&other));
            (other.fix, instead)
        }
        None => (fix.repairs(Repaired::Role), hint),
    };
    Some(Finding::new(&ENTRY, format!("{message}, so STS refuses the request{hint}")).fix(fix))
}

/// The account's role of the same name in another case, if it was read.
fn in_another_case<'a>(chain: &Chain<'a>, aws: &RoleChain<'_>) -> Option<&'a Role> {
    let account = chain.snapshot.accounts.get(aws.arn.account())?;
    let mut alike = account.roles.alike(aws.arn.name());
    alike.find_map(|(_, lookup)| match lookup.latest() {
        Some(RoleLookup::Found(role)) => Some(role.as_ref()),
        _ => None,
    })
}

/// The roles of running pods that admit them: what is missing may be a misspelt one of these.
fn given_to_pods<'c>(chain: &'c Chain<'_>) -> Vec<&'c str> {
    let admits = |arn: &&RoleArn| {
        let carried = chain.for_role((*arn).clone(), chain.audience);
        carried.outcome() == RoleOutcome::Passes
    };
    chain.other_roles().filter(admits).map(RoleArn::as_str).collect()
}

/// The account's roles whose trust policy names exactly this ServiceAccount.
fn in_trust<'a>(chain: &Chain<'a>, aws: &RoleChain<'_>) -> Vec<&'a str> {
    let own = chain
        .trusted_by
        .iter()
        .filter(|(account, _)| *account == aws.arn.account());
    own.map(|(_, role)| *role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{BindingReport, LinkState};
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_role_that_iam_does_not_know_is_broken() {
        let report = World::healthy().role(RoleLookup::Absent).audit();
        the_one(
            &report,
            ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken),
        );
        for link in [Link::Provider, Link::Trust, Link::Permissions] {
            assert_eq!(state(&report, link), LinkState::NotReached, "{link:?}");
        }
    }

    #[test]
    fn what_the_config_map_names_is_mended_there() {
        let world = World::healthy()
            .without_annotation()
            .listed_by_webhook("arn:aws:iam::111122223333:role/CART", AUDIENCE);
        let report = world.without_pods().read_from_files().audit();
        let broken = ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken);
        let fix = the_one(&report, broken).fix.as_ref().unwrap();
        assert!(
            fix.first.text.contains("`RoleARN` of `shop/cart`") && fix.first.text.contains(ROLE),
            "{}",
            fix.first.text
        );
        assert!(report.then.is_empty(), "{:?}", report.then);
    }

    #[test]
    fn the_role_that_pods_have_is_named_where_it_admits_them() {
        let old = || World::healthy().container(injected("app", OLD_ROLE));
        let told = |report: &BindingReport| {
            let absent = report
                .findings
                .iter()
                .find(|f| f.entry.code == "IRSA201")
                .unwrap();
            let fix = absent.fix.as_ref().unwrap();
            (
                absent.message.contains(OLD_ROLE),
                fix.first.text.contains(OLD_ROLE),
            )
        };
        let report = old().good_role(OLD_ROLE).role(RoleLookup::Absent).audit();
        assert_eq!(told(&report), (true, true), "{}", shown(&report));
        for lookup in [
            RoleLookup::Absent,
            role(
                OLD_ROLE,
                &trust(&condition("system:serviceaccount:shop:orders")).to_string(),
            ),
        ] {
            let report = old()
                .any_role("old-cart", lookup)
                .role(RoleLookup::Absent)
                .audit();
            assert_eq!(told(&report), (false, false), "{}", shown(&report));
        }
    }

    #[test]
    fn a_role_that_nobody_asked_for_is_not_absent() {
        assert!(!codes(&World::healthy().role_unseen(None).audit()).contains(&"IRSA201"));
    }

    #[test]
    fn another_case_is_put_right_where_the_role_is_named() {
        let other = "arn:aws:iam::111122223333:role/CART";
        let world = World::healthy()
            .without_annotation()
            .container(own(AUDIENCE, other));
        let report = world.any_role("CART", RoleLookup::Absent).audit();
        let broken = ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken);
        let fix = the_one(&report, broken).fix.as_ref().unwrap();
        assert_eq!(
            fix.first.text,
            format!("kubectl set env --namespace shop deployment/cart --containers app AWS_ROLE_ARN={ROLE}")
        );
    }

    #[test]
    fn it_is_known_without_the_issuer() {
        let report = World::healthy().role(RoleLookup::Absent).issuer_unknown().audit();
        the_one(
            &report,
            ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken),
        );
    }
}
