//! Role chaining: whether another role's trust policy lets this one in.

use iam_policy::{Decision, Effect, Principal, PrincipalKind, Request, RoleArn, decide};

use super::policies::{Answer, Doubt};
use super::question::questions;
use crate::chain::{ABSENT, Chain};
use crate::model::{AwsExpectation, Observed, Role, RoleLookup};
use crate::snapshot::Origin;
use crate::text::quote;

/// The action of a role that assumes another.
const ASSUME_ROLE: &str = "sts:AssumeRole";

/// The role that a question wants to assume.
#[must_use]
pub fn target(action: &str, resource: &str) -> Option<RoleArn> {
    let is_one = action.eq_ignore_ascii_case(ASSUME_ROLE) && !iam_policy::is_pattern(resource);
    is_one.then(|| RoleArn::parse(resource).ok()).flatten()
}

/// What becomes of an answer on `sts:AssumeRole` when the trust policy of the target is asked as well, as far as it could be
/// read.
#[must_use]
pub fn with_trust<'a>(
    chain: &Chain<'_>,
    from: &RoleArn,
    request: &Request,
    answer: Answer<'a>,
) -> Answer<'a> {
    let Some(to) = target(&request.action, request.resource.as_deref().unwrap_or_default()) else {
        return answer;
    };
    match lookup(chain, &to) {
        Some(RoleLookup::Absent) if matches!(answer, Answer::Allowed(_)) => {
            Answer::Refused(format!("there is no role `{}`", quote(&to.to_string())))
        }
        None | Some(RoleLookup::Absent) => answer,
        Some(RoleLookup::Found(role)) => asked(role, from, request, answer),
    }
}

/// What was seen of a role that is to be assumed.
#[must_use]
pub fn lookup<'a>(chain: &Chain<'a>, to: &RoleArn) -> Option<&'a RoleLookup> {
    let account = chain.snapshot.accounts.get(to.account())?;
    let seen = account.roles.get(to.name()).and_then(Observed::latest);
    // Files hold every role of an account that they list.
    let is_listed = chain.snapshot.origin == Origin::Files && account.listing.value.is_some();
    seen.or(if is_listed { Some(&ABSENT) } else { None })
}

/// The roles that it is expected to assume, as far as the questions name them.
pub fn targets(expectations: &[AwsExpectation]) -> impl Iterator<Item = RoleArn> + '_ {
    questions(expectations).filter_map(|(asked, _)| target(asked.action, asked.resource))
}

fn asked<'a>(to: &Role, from: &RoleArn, request: &Request, answer: Answer<'a>) -> Answer<'a> {
    let target = quote(&to.arn.to_string());
    let Some(document) = to.trust().document else {
        return answer;
    };
    let request = Request {
        principal: Some(Principal::Aws(from.to_string())),
        resource: None,
        ..request.clone()
    };
    let decision = decide(&document, &request);
    let names_it = document.statements().iter().any(|statement| {
        let mut named = statement.principals();
        statement.effect() == Effect::Allow
            && named.any(|(kind, name)| kind == PrincipalKind::Aws && name == from.to_string())
    });
    match (decision, answer) {
        // Within an account, a trust policy that names the role itself needs no policy of the role.
        (Decision::Allowed, Answer::NotAllowed) if names_it && to.arn.account() == from.account() => {
            Answer::Trusted(to.arn.to_string())
        }
        (Decision::ExplicitlyDenied, Answer::Allowed(_)) => {
            Answer::Refused(format!("the trust policy of `{target}` denies it explicitly"))
        }
        (Decision::ImplicitlyDenied | Decision::Invalid, Answer::Allowed(_)) => Answer::Refused(format!(
            "the trust policy of `{target}` does not let `{}` in",
            quote(&from.to_string())
        )),
        (Decision::Undetermined, Answer::Allowed(_)) => Answer::Undetermined(vec![Doubt::Target(format!(
            "whether the trust policy of `{target}` lets it in depends on keys that are not known"
        ))]),
        (_, answer) => answer,
    }
}
