//! What SCPs and RCPs deny, as far as they were given.
//!
//! A Deny is certain only where the policy is certainly attached to the account; else nothing is certain, neither a yes nor a no. That
//! they allow it is never certain, for each level above the account has its own policies: one that lists what it allows, and does not
//! list what is asked, leaves it open. One that only denies says nothing of what is allowed.
//!
//! Source: AWS Organizations User Guide, "SCP evaluation" and "RCP evaluation": an explicit Deny at any level decides; SCPs have to allow it
//! at each level; neither applies to the management account or to service-linked roles; an RCP applies to the account of the resource.

use std::borrow::Cow;

use iam_policy::{Effect, Request, RoleArn, Truth, WebIdentity, is_pattern};

use super::NOT_SEEN;
use super::doubt::{Doubt, Limits, PolicySource};
use super::policies::{RolePolicy, Side};
use crate::fix::Command;
use crate::model::{ControlKind, ControlPolicy};
use crate::snapshot::Snapshot;
use crate::text::{quote, quote_list};

/// The services to which RCPs have applied from the beginning. AWS adds others in time, so that of any other it is not certain.
const LIMITED: [&str; 5] = ["s3", "sts", "kms", "sqs", "secretsmanager"];

/// The most policies, or condition keys, that a message names.
const SHOWN: usize = 3;

impl<'a> Limits<'a> {
    /// What `policies` take away from a request of a role of `account`.
    pub(super) fn of<'p>(
        policies: impl IntoIterator<Item = &'p RolePolicy<'a>>,
        account: &str,
        request: &Request,
    ) -> Self
    where
        'a: 'p,
    {
        let mut limits = Self::default();
        let mut lists = Vec::new();
        for policy in policies {
            let PolicySource::Organization(control) = policy.source else {
                continue;
            };
            if control.accounts.is_empty() && !control.may_reach_others {
                continue;
            }
            let home = home(control.kind, account, request);
            let applies = match &home {
                Some(home) => control.applies_to(home) & is_limited(control.kind, &request.action),
                None => Truth::Unknown,
            };
            if applies == Truth::False {
                continue;
            }
            limits.take(policy, control, home.as_deref(), applies, request);
            if control.kind == ControlKind::Service && allows_anything(policy) {
                lists.push((policy, control, applies));
            }
        }
        limits.take_lists(&lists, account, request);
        limits
    }

    /// Whether none denies it for certain, and none may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.denies.is_none() && self.may_deny.is_empty()
    }

    fn take(
        &mut self,
        policy: &RolePolicy<'a>,
        control: &ControlPolicy,
        home: Option<&str>,
        applies: Truth,
        request: &Request,
    ) {
        let side = Side::of([policy], request);
        if applies == Truth::True {
            if self.denies.is_none() {
                self.denies = side.denies;
            }
            self.may_deny.extend(side.may_deny);
            return;
        }
        let place = side.denies.map(|place| (place, Vec::new()));
        let may = || {
            side.may_deny.iter().find_map(|doubt| match doubt {
                Doubt::Keys(place, keys) => Some((place.clone(), keys.clone())),
                Doubt::Part(place) => Some((place.clone(), Vec::new())),
                _ => None,
            })
        };
        let what = match place.or_else(may) {
            Some((place, keys)) if keys.is_empty() => (format!("{place} denies it"), keys),
            Some((place, keys)) => {
                let depends = quote_list(&keys, SHOWN);
                (format!("{place} denies it, depending on {depends}"), keys)
            }
            None if !side.may_deny.is_empty() => (format!("{} cannot be read", policy.source), Vec::new()),
            None => return,
        };
        let (what, keys) = what;
        let is_seen = home.is_some_and(|home| control.applies_to(home) == Truth::True);
        let (why, remedy) = match home {
            None => (
                format!(
                    "{what}, and irsa-audit did not see whether the resource is in an account to which the policy applies"
                ),
                None,
            ),
            Some(_) if is_seen => (
                format!("{what}, and whether RCPs apply to this service cannot be determined"),
                None,
            ),
            Some(home) => unattached(&what, control, home),
        };
        self.may_deny.push(Doubt::Organization { why, keys, remedy });
    }

    /// SCPs that list what they allow: each that does not allow it leaves it open, unless another one that is certainly attached to
    /// the same account does.
    fn take_lists(
        &mut self,
        lists: &[(&RolePolicy<'a>, &ControlPolicy, Truth)],
        account: &str,
        request: &Request,
    ) {
        let is_certain = |(_, _, applies): &&(_, _, Truth)| *applies == Truth::True;
        let certain: Vec<&RolePolicy<'a>> = lists
            .iter()
            .filter(is_certain)
            .map(|(policy, ..)| *policy)
            .collect();
        let open = lists.iter().filter(|list| !is_certain(list));
        if !certain.is_empty() && Side::of(certain.iter().copied(), request).granted() != Truth::True {
            let named: Vec<String> = certain
                .iter()
                .take(SHOWN)
                .map(|policy| policy.source.to_string())
                .collect();
            let why = format!(
                "none of the given SCPs that are attached to account {} certainly allows it ({}), and irsa-audit did not see whether another one \
                 does",
                quote(account),
                named.join(", ")
            );
            let list = Command::new("aws organizations list-policies-for-target")
                .option("--target-id", account)
                .own("--filter SERVICE_CONTROL_POLICY");
            let remedy = format!(
                "`{list}` lists the SCPs of the account: give the describe-policy and the list-targets-for-policy of each to `--aws`, in \
                 a separate directory"
            );
            self.may_deny.push(Doubt::Organization {
                why,
                keys: Vec::new(),
                remedy: Some(remedy),
            });
        }
        for (policy, control, _) in open {
            if Side::of([*policy], request).granted() == Truth::True {
                continue;
            }
            let what = format!("{} does not allow it", policy.source);
            let (why, remedy) = unattached(&what, control, account);
            self.may_deny.push(Doubt::Organization {
                why,
                keys: Vec::new(),
                remedy,
            });
        }
    }
}

/// That it was not seen whether a policy is attached to an account, or above it, and what would show it.
fn unattached(what: &str, control: &ControlPolicy, account: &str) -> (String, Option<String>) {
    if !control.units.is_empty() {
        let units: Vec<&String> = control.units.iter().collect();
        let why = format!(
            "{what}; the policy is attached to {}, and irsa-audit did not see whether account {} is below that",
            quote_list(&units, SHOWN),
            quote(account)
        );
        let parents = Command::new("aws organizations list-parents").option("--child-id", account);
        let remedy = format!(
            "`{parents}`, with credentials of the management account, shows the parent of the account; repeat the command for each unit that it \
             prints. If {} is not among them, `{}` does not apply",
            quote_list(&units, SHOWN),
            quote(&control.id)
        );
        return (why, Some(remedy));
    }
    let why = format!(
        "{what}, and irsa-audit did not see whether the policy is attached to account {}, or above it",
        quote(account)
    );
    let targets =
        Command::new("aws organizations list-targets-for-policy").option("--policy-id", &control.id);
    let remedy = format!(
        "give the output of `{targets}` to `--aws`, in a separate directory with the describe-policy of `{}`",
        quote(&control.id)
    );
    (why, Some(remedy))
}

/// The account whose policies of this kind count: of an SCP the role's, of an RCP that of what is acted upon. Not every ARN tells it.
fn home(kind: ControlKind, account: &str, request: &Request) -> Option<String> {
    if kind == ControlKind::Service {
        return Some(account.to_owned());
    }
    let owner = request.resource.as_deref()?.split(':').nth(4)?;
    (!owner.is_empty() && !is_pattern(owner)).then(|| owner.to_owned())
}

/// Whether policies of this kind apply to the service of an action.
fn is_limited(kind: ControlKind, action: &str) -> Truth {
    let service = action.split(':').next().unwrap_or_default();
    let is_known = LIMITED.iter().any(|known| service.eq_ignore_ascii_case(known));
    if kind == ControlKind::Service || is_known {
        Truth::True
    } else {
        Truth::Unknown
    }
}

/// Whether a policy has a statement that allows something. One that cannot be read is told as such.
fn allows_anything(policy: &RolePolicy<'_>) -> bool {
    let statements = policy.document().map(iam_policy::Document::statements);
    let mut effects = statements
        .into_iter()
        .flatten()
        .map(iam_policy::Statement::effect);
    effects.any(|effect| effect == Effect::Allow)
}

/// The policies that may concern what a role does.
#[must_use]
pub fn of_role<'a>(all: &'a [ControlPolicy], role: &RoleArn) -> Vec<RolePolicy<'a>> {
    let concerns = |control: &&ControlPolicy| match control.kind {
        ControlKind::Service => {
            !is_service_linked(role) && control.applies_to(role.account()) != Truth::False
        }
        ControlKind::Resource => true,
    };
    all.iter().filter(concerns).map(policy).collect()
}

/// What RCPs take away from the call by which a web identity assumes a role: the role is the resource. The caller is in no account, so
/// that no SCP limits it.
#[must_use]
pub fn of_trust<'a>(all: &'a [ControlPolicy], role: &RoleArn, identity: &WebIdentity) -> Limits<'a> {
    let is_of_resources = |control: &&ControlPolicy| control.kind == ControlKind::Resource;
    if is_service_linked(role) || !all.iter().any(|control| is_of_resources(&control)) {
        return Limits::default();
    }
    let request = Request {
        principal: None,
        resource: Some(role.as_str().to_owned()),
        ..Request::from(identity)
    };
    let policies: Vec<RolePolicy<'a>> = all.iter().filter(is_of_resources).map(policy).collect();
    Limits::of(&policies, role.account(), &request)
}

fn policy(control: &ControlPolicy) -> RolePolicy<'_> {
    RolePolicy::new(PolicySource::Organization(control), &control.text)
}

/// Whether AWS made the role for one of its services.
fn is_service_linked(role: &RoleArn) -> bool {
    role.path().starts_with("/aws-service-role/")
}

/// What was not looked at, for messages: of SCPs and RCPs, which were.
#[must_use]
pub fn not_seen(snapshot: &Snapshot) -> Cow<'static, str> {
    let given = &snapshot.control_policies;
    if given.is_empty() {
        return NOT_SEEN.into();
    }
    let named: Vec<String> = given
        .iter()
        .take(SHOWN)
        .map(|control| PolicySource::Organization(control).to_string())
        .collect();
    let more = match given.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "irsa-audit evaluated only the SCPs and RCPs that were given ({}{more}), and no resource-based policies",
        named.join(", ")
    )
    .into()
}

#[cfg(test)]
#[path = "../../tests/unit/permissions/organization.rs"]
mod tests;
