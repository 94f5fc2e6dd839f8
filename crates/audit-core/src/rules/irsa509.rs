//! # IRSA509 `NextRoleRefused`
//!
//! ## What it means
//! The credentials of the role are used to assume another role, and that fails: a store of external-secrets has a `role` or
//! `additionalRoles`, or a profile in a config file has `role_arn` with a `source_profile`. *Broken* where a step is proven to be
//! refused, *unknown* where the next role's trust policy, or what a role's policies say, was not seen.
//!
//! Where the container also has web identity in its environment, which some SDKs take before a profile, a refusal is a *risk*.
//!
//! ## Why it breaks
//! A role can be assumed by another role only if both sides agree: the next role's trust policy has to name the first role (or its
//! account), and the first role's policies have to allow `sts:AssumeRole`, unless both are in one account and the trust policy names
//! the first role's ARN itself. An external ID has to match. Session tags need `sts:TagSession` on both sides.
//!
//! ## In logs
//! `AccessDenied: User: arn:aws:sts::111122223333:assumed-role/cart/… is not authorized to perform: sts:AssumeRole on resource:
//! arn:aws:iam::444455556666:role/secrets`.
//!
//! ## Example
//! ```yaml
//! kind: SecretStore
//! spec:
//!   provider:
//!     aws:
//!       role: arn:aws:iam::444455556666:role/secrets   # its trust policy does not name the first role
//!       auth:
//!         jwt:
//!           serviceAccountRef: {name: cart}
//! ```
//!
//! ## Fix
//! Let the trust policy of the next role name the first one, or allow `sts:AssumeRole` on it in a policy of the first role, as the
//! finding says. It is for the owners of both roles: no command is printed.
//!
//! ## Verify
//! `irsa-audit can-i NAMESPACE/SERVICEACCOUNT sts:AssumeRole ROLE_ARN` says `yes`.
//!
//! ## References
//! - [Cross-account roles with IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)
//! - [Assume role credential provider of SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html)
//! - [AWS access of external-secrets](https://external-secrets.io/latest/provider/aws-access/)
//! - [Policy evaluation across accounts](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html)

use iam_policy::RoleArn;

use super::pods::{ToldContainer, among_containers, containers_shown};
use crate::chain::{Chain, RoleChain, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, NEXT_ROLE, Severity};
use crate::fix::Fix;
use crate::model::{Configured, WebIdentityProfile};
use crate::permissions::next::{Stop, first_stop};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: NEXT_ROLE,
    reason: "NextRoleRefused",
    severity: Severity::Broken,
    link: Link::Permissions,
    title: "a role that is assumed next is refused",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    along_the_way(chain).or_else(|| by_profile(chain))
}

/// The steps of the way that decides.
fn along_the_way(chain: &Chain<'_>) -> Option<Finding> {
    let way = chain.deciding.filter(|way| !way.then.is_empty())?;
    let aws = given(chain.past_role()?)?;
    let stop = first_stop(chain, aws, way.then)?;
    let severity = if stop.is_refused {
        Severity::Broken
    } else {
        Severity::Unknown
    };
    Some(finding(&way.taker.shown(), &stop, severity))
}

/// The profile of a container that the webhook gave a role as well.
fn by_profile(chain: &Chain<'_>) -> Option<Finding> {
    let told = among_containers(chain, |container| match container.configured() {
        Some(Configured::WebIdentity(profile)) if container.role_arn.is_some() => Some(profile),
        _ => None,
    });
    told.iter().find_map(|one| of_profile(chain, one))
}

fn of_profile(chain: &Chain<'_>, told: &ToldContainer<'_, &WebIdentityProfile>) -> Option<Finding> {
    let profile = told.what;
    let token = told.container.token_at(&profile.token_file)?;
    let first = chain.for_role(RoleArn::parse(&profile.role).ok()?, token.audience.as_deref()?);
    let stop = first_stop(chain, given(&first)?, &profile.then).filter(|stop| stop.is_refused)?;
    let who = containers_shown(std::slice::from_ref(told));
    Some(finding(&format!("the profile of {who}"), &stop, Severity::Risk))
}

/// A role whose own credentials are seen to be given: what refuses them is the matter of earlier links.
fn given<'c, 'a>(aws: &'c RoleChain<'a>) -> Option<&'c RoleChain<'a>> {
    (aws.outcome() == RoleOutcome::Passes).then_some(aws)
}

fn finding(who: &str, stop: &Stop, severity: Severity) -> Finding {
    let message = format!("{who} goes on to role `{}`: {}", quote(&stop.to), stop.why);
    Finding::new(&ENTRY, message)
        .severity(severity)
        .fix(Fix::manual(stop.remedy.clone()))
}
