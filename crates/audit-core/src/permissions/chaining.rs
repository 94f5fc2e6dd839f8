//! Role chaining: what a role's own policies and the trust policy of another role say together of assuming it.
//!
//! Source: IAM User Guide, "Policy evaluation logic". Across accounts both sides have to allow it. Within an account a trust policy
//! may grant it by itself, see [`super::admission`]; unlike other policies of resources it always has to, so that an identity
//! policy alone never suffices. A role that assumes itself is no exception.

use std::collections::BTreeSet;

use iam_policy::{Request, RoleArn, Truth};

use super::admission::{Admission, unique_id};
use super::policies::{ChainRefusal, Doubt, PolicyAnswer, PolicySet, Sides};
use super::question::{is_chaining, questions};
use crate::chain::{ABSENT, Chain};
use crate::fix::Command;
use crate::model::{AwsExpectation, Role, RoleLookup};
use crate::snapshot::Origin;
use crate::text::quote;

/// The role that a question wants to assume.
#[must_use]
pub fn target(action: &str, resource: &str) -> Option<RoleArn> {
    let is_one = is_chaining(action) && !iam_policy::is_pattern(resource);
    is_one.then(|| RoleArn::parse(resource).ok()).flatten()
}

/// The most roles that are read because one binding is expected to assume them; of what is beyond, nothing is known.
const MOST_TARGETS: usize = 64;

/// The roles that it is expected to assume, as far as the questions name them.
pub fn targets(expectations: &[AwsExpectation]) -> impl Iterator<Item = RoleArn> + use<> {
    let all = questions(expectations).filter_map(|(asked, _)| target(asked.action, asked.resource));
    let each: BTreeSet<RoleArn> = all.collect();
    each.into_iter().take(MOST_TARGETS)
}

/// What was seen of a role that is to be assumed, and still proves something. Names of roles do not differ by case alone (IAM User Guide, quotas and names):
/// one that differs so is found, and has another ARN.
#[must_use]
pub fn lookup<'a>(chain: &Chain<'a>, to: &RoleArn) -> Option<&'a RoleLookup> {
    let account = chain.snapshot.accounts.get(to.account())?;
    let fresh = |role| chain.fresh(role);
    let seen = account.roles.get(to.name()).and_then(fresh);
    if let Some(found @ RoleLookup::Found(_)) = seen {
        return Some(found);
    }
    let in_other_case = || {
        let mut roles = account.roles.alike(to.name());
        let (_, role) = roles.find(|(name, _)| *name != to.name())?;
        fresh(role).filter(|lookup| matches!(lookup, RoleLookup::Found(_)))
    };
    // Files hold every role of an account that they list; one that has a slot is there and could not be read.
    let is_listed = chain.snapshot.origin == Origin::Files
        && account.listing.value.is_some()
        && account.roles.get(to.name()).is_none();
    in_other_case()
        .or(seen)
        .or(if is_listed { Some(&ABSENT) } else { None })
}

/// What policies of a role answer to a question; for one about assuming another role, together with that role's trust policy as far
/// as it was seen.
#[must_use]
pub fn ask<'a>(
    chain: &Chain<'_>,
    from: &RoleArn,
    request: &Request,
    policies: &PolicySet<'a>,
) -> PolicyAnswer<'a> {
    let resource = request.resource.as_deref().unwrap_or_default();
    let Some(to) = target(&request.action, resource) else {
        return policies.ask(request);
    };
    let sides = policies.sides(request);
    let shown = quote(&to.to_string());
    if to.partition() != from.partition() {
        let why = format!("`{shown}` is in another partition, and roles cannot be assumed across partitions");
        return refused(
            why,
            "assume a role of the same partition".to_owned(),
            sides,
            false,
        );
    }
    match lookup(chain, &to) {
        Some(RoleLookup::Found(role)) if role.arn != to => {
            let actual = quote(role.arn.as_str());
            let difference = if role.arn.name() == to.name() {
                "its path"
            } else {
                "the case of its name"
            };
            let why = format!(
                "there is no role `{shown}`: the ARN of that role is `{actual}`, and STS compares the whole ARN, {difference} included"
            );
            refused(why, format!("assume `{actual}`"), sides, false)
        }
        Some(RoleLookup::Found(role)) => with_trust(chain, role, from, request, sides),
        Some(RoleLookup::Absent) => {
            let why = format!("there is no role `{shown}`");
            refused(why, "assume a role that exists".to_owned(), sides, false)
        }
        None => unseen(&to, from, sides),
    }
}

/// Why it is not certain that the trust policy of the role that a request wants to assume admits this one: worth knowing also where the
/// own policies refuse, for it is what stands in the way next.
#[must_use]
pub fn doubts(chain: &Chain<'_>, from: &RoleArn, request: &Request) -> Vec<Doubt<'static>> {
    let resource = request.resource.as_deref().unwrap_or_default();
    let to = target(&request.action, resource).filter(|to| to.partition() == from.partition());
    let found = to.and_then(|to| match lookup(chain, &to)? {
        RoleLookup::Found(role) => (role.arn == to).then_some(role),
        RoleLookup::Absent => None,
    });
    let trust = found.and_then(|role| Some((role, role.trust().document?)));
    trust.map_or_else(Vec::new, |(role, document)| {
        let own_id = unique_id(chain.snapshot, from);
        Admission::of(&document, &role.arn, from, own_id, request).doubts()
    })
}

fn refused(why: String, remedy: String, sides: Sides<'_>, needs_own: bool) -> PolicyAnswer<'_> {
    PolicyAnswer::Refused(ChainRefusal {
        why,
        remedy,
        needs_own,
        own: Box::new(sides.answer()),
    })
}

/// Where nothing is known of the other role, the own policies alone can refuse; within an account, where its trust policy may grant it by
/// itself, only by an explicit Deny. They never suffice: the other role's trust policy has to allow it.
fn unseen<'a>(to: &RoleArn, from: &RoleArn, sides: Sides<'a>) -> PolicyAnswer<'a> {
    let answer = sides.answer();
    let shown = quote(&to.to_string());
    let why = match &answer {
        PolicyAnswer::Allowed(place) => format!(
            "{place} allows it, but irsa-audit did not see the trust policy of `{shown}`, which must allow it as well: `{}` shows it",
            Command::new("aws iam get-role").option("--role-name", to.name())
        ),
        PolicyAnswer::NotAllowed | PolicyAnswer::OutsideBoundary(_) if to.account() == from.account() => {
            format!(
                "the role's own policies do not allow it, and irsa-audit did not see whether the trust policy of `{shown}` names this role, \
                 which would be enough"
            )
        }
        _ => return answer,
    };
    PolicyAnswer::Undetermined(vec![Doubt::Target {
        why,
        keys: Vec::new(),
    }])
}

fn with_trust<'a>(
    chain: &Chain<'_>,
    role: &Role,
    from: &RoleArn,
    request: &Request,
    sides: Sides<'a>,
) -> PolicyAnswer<'a> {
    let Some(document) = role.trust().document else {
        let why = format!(
            "the trust policy of `{}` cannot be read",
            quote(role.arn.as_str())
        );
        return PolicyAnswer::Undetermined(vec![Doubt::Target {
            why,
            keys: Vec::new(),
        }]);
    };
    let own_id = unique_id(chain.snapshot, from);
    let admission = Admission::of(&document, &role.arn, from, own_id, request);
    if admission.denied == Truth::True || admission.any() == Truth::False {
        let mut why = admission.refusal(chain.snapshot, &request.action);
        if role.arn == *from {
            why = format!(
                "it is the same role that the pods already have, and a role may assume itself only if its own trust policy allows it: {why}"
            );
        }
        let needs_own = role.arn.account() != from.account();
        let remedy = remedy(&admission, &role.arn, from, &request.action);
        return refused(why, remedy, sides, needs_own);
    }
    if sides.denies().is_some() {
        return sides.answer();
    }
    let within = sides.within();
    let own = sides.identity.granted() & within;
    // What the trust policy grants by itself, as far as the permissions boundary limits that.
    let direct = if role.arn.account() == from.account() {
        let undocumented = if within == Truth::True {
            Truth::True
        } else {
            Truth::Unknown
        };
        (admission.role & within)
            | admission.session
            | admission.everyone_by_arn
            | (admission.everyone & undocumented)
    } else {
        Truth::False
    };
    let denied = if sides.may_deny() || admission.denied == Truth::Unknown {
        Truth::Unknown
    } else {
        Truth::False
    };
    match (direct | (admission.any() & own)) & !denied {
        Truth::True if own == Truth::True => sides.answer(),
        Truth::True => PolicyAnswer::Trusted(admission.grant()),
        Truth::False => match (&sides.boundary, within) {
            // Where the ARN is named no identity policy is needed, so that the boundary is what is in the way.
            (Some((boundary, _)), Truth::False) if direct_but_for(&admission, role, from) => {
                PolicyAnswer::OutsideBoundary(*boundary)
            }
            _ => sides.answer(),
        },
        Truth::Unknown => {
            let mut doubts = admission.doubts();
            if admission.everyone == Truth::True && within != Truth::True && own == Truth::False {
                doubts.push(Doubt::Target {
                    why: format!(
                        "the trust policy of `{}` is open to everyone, and whether the permissions boundary limits that is not \
                         documented",
                        quote(role.arn.as_str())
                    ),
                    keys: Vec::new(),
                });
            }
            if own != Truth::False || sides.may_deny() || within == Truth::Unknown {
                doubts.extend(sides.doubts());
            }
            PolicyAnswer::Undetermined(doubts)
        }
    }
}

/// Whether the trust policy names the role itself, within one account.
fn direct_but_for(admission: &Admission<'_>, role: &Role, from: &RoleArn) -> bool {
    admission.role == Truth::True && role.arn.account() == from.account()
}

/// What to do where a role refuses another one, by whom.
fn remedy(admission: &Admission<'_>, to: &RoleArn, from: &RoleArn, action: &str) -> String {
    if to == from {
        return "remove the step that assumes this role from the application's configuration (`role_arn` of a profile, or a call of \
                AssumeRole): the pods have the credentials of this role already"
            .to_owned();
    }
    let remedy = admission.remedy(action);
    if to.account() == from.account() && admission.denied != Truth::True {
        format!("{remedy}; within an account, a trust policy that names this ARN is enough")
    } else {
        remedy
    }
}

#[cfg(test)]
#[path = "../../tests/unit/permissions/chaining.rs"]
mod tests;
