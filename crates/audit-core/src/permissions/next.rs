//! Roles that are assumed one with the credentials of the other, as profiles (`source_profile`) and stores (`role`) have it: how far
//! the credentials come.

use iam_policy::{ContextValue, RoleArn};

use super::chaining;
use super::policies::{Doubt, PolicyAnswer, PolicySet};
use super::question::request;
use super::session::Session;
use crate::chain::{Chain, RoleChain};
use crate::finding::Reread;
use crate::model::NextRole;
use crate::paths::MOST_NEXT_ROLES;
use crate::text::quote;

/// A step of such a chain that is not seen to succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The role that is to be assumed, as it is written.
    pub to: String,
    /// Whether it is proven to fail; else something was not seen.
    pub is_refused: bool,
    /// Why; safe to show.
    pub why: String,
    /// What to do; safe to show.
    pub remedy: String,
    /// The ARN of the role on whose side that is.
    pub side: String,
    /// What to read again of that role, so that a repair shows.
    pub reread: Reread,
}

impl Stop {
    fn refused(to: &str, why: String, remedy: String) -> Self {
        Self {
            to: to.to_owned(),
            is_refused: true,
            why,
            remedy,
            side: to.to_owned(),
            reread: Reread::Role,
        }
    }

    fn unseen(to: &str, why: String, remedy: String) -> Self {
        Self {
            is_refused: false,
            ..Self::refused(to, why, remedy)
        }
    }

    /// Where the policies of the role that assumes the other are what is in the way.
    fn by_policies_of(self, from: &RoleArn) -> Self {
        Self {
            side: from.to_string(),
            reread: Reread::Permissions,
            ..self
        }
    }
}

/// The first step that is not seen to succeed, from a role that is seen to be given.
#[must_use]
pub fn first_stop(chain: &Chain<'_>, first: &RoleChain<'_>, next: &[NextRole]) -> Option<Stop> {
    let mut from = first.clone();
    for (count, step) in next.iter().enumerate() {
        if count == MOST_NEXT_ROLES {
            let why = format!(
                "{} roles are assumed one with the credentials of the other, and irsa-audit follows only {MOST_NEXT_ROLES}",
                next.len()
            );
            return Some(Stop::unseen(
                &step.role,
                why,
                "remove roles from the chain".to_owned(),
            ));
        }
        let Ok(to) = RoleArn::parse(&step.role) else {
            let why = format!("`{}` is not the ARN of a role", quote(&step.role));
            return Some(Stop::refused(
                &step.role,
                why,
                "name the role by its whole ARN".to_owned(),
            ));
        };
        if let Some(stop) = stop(chain, &from, &to, step) {
            return Some(stop);
        }
        from = chain.for_role(to, &first.audience);
    }
    None
}

fn stop(chain: &Chain<'_>, from: &RoleChain<'_>, to: &RoleArn, step: &NextRole) -> Option<Stop> {
    let Ok(policies) = &from.permissions else {
        let why = format!(
            "irsa-audit did not see the policies of role `{}`",
            quote(&from.arn.to_string())
        );
        let remedy = format!(
            "give the audit access to account {}, or the policies of that role with --aws",
            from.arn.account()
        );
        return Some(Stop::unseen(&step.role, why, remedy).by_policies_of(&from.arn));
    };
    let mut actions = vec!["sts:AssumeRole"];
    if step.has_tags {
        actions.push("sts:TagSession");
    }
    let asked = actions.into_iter();
    let mut stops = asked.filter_map(|action| refused(chain, &from.arn, policies, (action, step)));
    let told = stops
        .next()
        .filter(|stop| stop.is_refused || chaining::lookup(chain, to).is_some());
    told.or_else(|| {
        chaining::lookup(chain, to).is_none().then(|| {
            let why = format!(
                "irsa-audit did not see the trust policy of role `{}`, which must admit role `{}`, or saw it too long ago",
                quote(&step.role),
                quote(from.arn.name())
            );
            let remedy = format!(
                "give the audit access to account {}, or the output of `aws iam get-role` for that role with --aws",
                to.account()
            );
            Stop::unseen(&step.role, why, remedy)
        })
    })
}

fn refused(
    chain: &Chain<'_>,
    from: &RoleArn,
    policies: &PolicySet<'_>,
    (action, step): (&str, &NextRole),
) -> Option<Stop> {
    let session = Session::of(chain, from);
    let mut request = request(&session, action, &step.role, []);
    let external_id = match &step.external_id {
        Some(id) => ContextValue::Known(vec![id.clone()]),
        None => ContextValue::Absent,
    };
    request.context.set("sts:ExternalId", external_id);
    let (shown, name) = (quote(&step.role), quote(from.name()));
    let what = format!("`{action}` on `{shown}`");
    let allow = || format!("allow {what} in a policy of role `{name}`");
    let answer = chaining::ask(chain, from, &request, policies);
    let (why, remedy) = match &answer {
        PolicyAnswer::Allowed(_) | PolicyAnswer::Trusted(_) | PolicyAnswer::Free | PolicyAnswer::Unlisted => {
            return None;
        }
        PolicyAnswer::NotAllowed => (format!("no policy of role `{name}` allows {what}"), allow()),
        PolicyAnswer::Denied(place) => (
            format!("{place} of role `{name}` denies {what}"),
            "no automatic fix: a Deny is usually deliberate. Ask the owner of that policy to exclude this role".to_owned(),
        ),
        PolicyAnswer::OutsideBoundary(boundary) => (
            format!("the permissions boundary of role `{name}`, {boundary}, does not allow {what}"),
            format!("allow {what} in the permissions boundary of role `{name}` as well"),
        ),
        PolicyAnswer::Refused(refusal) if refusal.needs_own && matches!(*refusal.own, PolicyAnswer::NotAllowed) => (
            format!("{}, and no policy of role `{name}` allows {what}", refusal.why),
            format!("{}; and {}", refusal.remedy, allow()),
        ),
        PolicyAnswer::Refused(refusal) => (refusal.why.clone(), refusal.remedy.clone()),
        PolicyAnswer::Undetermined(doubts) => {
            let doubts: Vec<String> = doubts.iter().take(2).map(Doubt::to_string).collect();
            let remedy = "check the policies of both roles by hand".to_owned();
            return Some(Stop::unseen(&step.role, doubts.join("; "), remedy));
        }
    };
    let refusal = Stop::refused(&step.role, why, remedy);
    Some(match answer {
        PolicyAnswer::Refused(_) => refusal,
        _ => refusal.by_policies_of(from),
    })
}
