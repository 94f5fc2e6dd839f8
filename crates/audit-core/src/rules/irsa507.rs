//! # IRSA507 `RoleUnused`
//!
//! ## What it means
//! Every link to the role passes, but IAM has recorded no use of the role for longer than the `default` IrsaAuditPolicy allows
//! (`roleUnusedAfter`, 90 days by default). A role that was never used must be older than that.
//!
//! IAM looks back 400 days, and records a use some hours later, so irsa-audit adds a day. The finding is reported only if IAM's answer has
//! the last use; `list-roles` leaves it out. Files do not say how old they are: a dump counts as being from the latest date in it. The
//! finding is not reported if a finding on the pods says why nothing uses the role, or that nothing uses it (IRSA410).
//!
//! ## Why it matters
//! No one needs the permissions of the role, but anyone who may run a pod as the ServiceAccount can still use them.
//!
//! ## In logs
//! Nothing.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart --query Role.RoleLastUsed.LastUsedDate
//! "2026-02-03T09:12:44+00:00"
//! ```
//!
//! ## Fix
//! If nothing needs the role, remove it from the ServiceAccount, and delete it once nothing else needs it.
//!
//! ## Verify
//! The ServiceAccount names no role; or `RoleLastUsed` has a newer date, some hours after the role was used.
//!
//! ## References
//! - [RoleLastUsed](https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html)
//! - [Find unused AWS credentials](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html)

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{irsa401, irsa402, irsa403, irsa404, irsa405, irsa406, irsa407, irsa408, irsa410, irsa413};
use crate::chain::{Chain, RoleChain, RoleOutcome};
use crate::check::{BindingCheck, Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Command, Fix};
use crate::model::aws::TRACKED;
use crate::model::{LastUsed, Observed, Role};
use crate::snapshot::Origin;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA507",
    reason: "RoleUnused",
    severity: Severity::Notice,
    link: Link::Permissions,
    title: "the role has not been used for a long time",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// How long IAM may take to tell of a use, several times what its documentation says.
const LAG: SignedDuration = SignedDuration::from_hours(24);

/// For so long an answer counts as one of now: half of the time that is left for a use to show.
const FRESH: SignedDuration = SignedDuration::from_hours(12);

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (aws, role, seen_until) = seen(chain)?;
    if proven_at(role, chain.config.role_unused_after)? > seen_until || is_explained(chain) {
        return None;
    }
    let name = quote(aws.arn.name());
    let threshold = span(chain.config.role_unused_after);
    let is_older = |created: Timestamp| seen_until.duration_since(created) > signed(TRACKED);
    let message = match (role.last_used, role.created) {
        (LastUsed::At(at), _) => {
            format!("role `{name}` was last used at {at}, more than {threshold} ago")
        }
        (_, Some(created)) if is_older(created) => {
            format!(
                "role `{name}` has no recorded use in the {} that IAM looks back",
                span(TRACKED)
            )
        }
        (_, Some(created)) => {
            format!("role `{name}` was created at {created}, more than {threshold} ago, and was never used")
        }
        (_, None) => return None,
    };
    let look = Command::new("aws iam get-role")
        .option("--role-name", aws.arn.name())
        .own("--query Role.RoleLastUsed");
    let fix = Fix::manual(format!(
        "if nothing needs the role (`{look}` shows when it was used), remove it from the ServiceAccount, and delete it once nothing \
         else needs it"
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// When the role will have been unused for long enough, so that the report may change without another answer of IAM.
#[must_use]
pub fn changes_at(chain: &Chain<'_>) -> Option<Timestamp> {
    let (_, role, _) = seen(chain)?;
    let at = proven_at(role, chain.config.role_unused_after)?;
    (chain.snapshot.origin == Origin::Live && at > chain.now && at <= fresh_until(chain)?).then_some(at)
}

/// From when on what IAM says proves that the role was not used for `threshold`.
fn proven_at(role: &Role, threshold: Duration) -> Option<Timestamp> {
    let since = match role.last_used {
        LastUsed::At(at) => at,
        LastUsed::Never => role.created?,
        LastUsed::Unseen => return None,
    };
    since.checked_add(signed(threshold)).ok()?.checked_add(LAG).ok()
}

/// The role, where every link to it passes, and until when what IAM told of its use holds.
fn seen<'c, 'a>(chain: &'c Chain<'a>) -> Option<(&'c RoleChain<'a>, &'a Role, Timestamp)> {
    let aws = chain
        .past_role()
        .filter(|aws| aws.outcome() == RoleOutcome::Passes)?;
    let role = aws.found()?;
    let until = match chain.snapshot.origin {
        Origin::Live => fresh_until(chain)?,
        Origin::Files => role.told_after?,
    };
    Some((aws, role, until.min(chain.now)))
}

fn fresh_until(chain: &Chain<'_>) -> Option<Timestamp> {
    let name = chain.aws.as_ref()?.arn.name();
    let read = chain
        .role_account()?
        .roles
        .get(name)
        .and_then(Observed::observed_at)?;
    read.checked_add(FRESH).ok()
}

/// Whether a finding on the pods says why the role is not used, or the same.
fn is_explained(chain: &Chain<'_>) -> bool {
    let rules: [BindingCheck; 10] = [
        irsa401::check,
        irsa402::check,
        irsa403::check,
        irsa404::check,
        irsa405::check,
        irsa406::check,
        irsa407::check,
        irsa408::check,
        irsa410::check,
        irsa413::check,
    ];
    rules.iter().any(|check| check(chain).is_some())
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

/// A time span in words.
fn span(span: Duration) -> String {
    let hours = span.as_secs() / 3600;
    if hours.is_multiple_of(24) {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Rarities, RoleLookup, SetBy};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA507", Severity::Notice, Link::Permissions, Verdict::Working);

    fn days_ago(world: &World, days: i64) -> Timestamp {
        world
            .now
            .checked_sub(SignedDuration::from_hours(days * 24))
            .unwrap()
    }

    fn used(world: World, change: impl FnOnce(&mut Role, &World)) -> World {
        let RoleLookup::Found(known) = role(ROLE, &trust(&condition(SUBJECT)).to_string()) else {
            panic!()
        };
        let mut known = Role::clone(&known);
        change(&mut known, &world);
        world.role(RoleLookup::Found(Arc::new(known)))
    }

    /// A role that was used so many days ago.
    fn used_ago(days: i64) -> World {
        used(World::healthy(), |role, world| {
            role.created = Some(days_ago(world, 1000));
            role.last_used = LastUsed::At(days_ago(world, days));
        })
    }

    /// A role that was created so many days ago, and never used as far as IAM looks back.
    fn created_ago(days: i64) -> World {
        used(World::healthy(), |role, world| {
            role.created = Some(days_ago(world, days));
            role.last_used = LastUsed::Never;
        })
    }

    #[test]
    fn a_role_that_nobody_used_for_long_is_a_notice() {
        the_one(&used_ago(91).audit(), NOTICE);
        the_one(&created_ago(91).audit(), NOTICE);
        assert!(
            the_one(&created_ago(402).audit(), NOTICE)
                .message
                .contains("400 days")
        );
        the_one(&used_ago(91).without_pods().audit(), NOTICE);
    }

    #[test]
    fn the_policy_says_how_long_is_long() {
        let after = |days: u64| {
            move |config: &mut crate::Config| config.role_unused_after = Duration::from_hours(days * 24)
        };
        the_one(&used_ago(31).config(after(30)).audit(), NOTICE);
        assert_healthy(&used_ago(30).config(after(30)).audit());
        the_one(&created_ago(401).config(after(400)).audit(), NOTICE);
        assert_healthy(&created_ago(400).config(after(400)).audit());
    }

    #[test]
    fn a_use_that_iam_may_not_have_told_yet_is_waited_for() {
        let world = used_ago(90);
        assert_healthy(&world.audit());
        assert_eq!(changes(&world), None, "only a younger answer proves it then");
    }

    #[test]
    fn time_alone_proves_it_while_the_answer_is_fresh() {
        let hours = SignedDuration::from_hours(6);
        let world = used(World::healthy(), |role, world| {
            role.last_used = LastUsed::At(days_ago(world, 91).checked_add(hours).unwrap());
        });
        assert_healthy(&world.audit());
        let proven = world.now.checked_add(hours).unwrap();
        assert_eq!(changes(&world), Some(proven));
        let world = world.config(|config| config.staleness_limit = Duration::from_hours(24 * 365));
        assert_eq!(world.audit().valid_until, Some(proven));
        the_one(&world.clone().later(6 * 60 * 60).audit(), NOTICE);
        let years = used_ago(1).config(|config| config.staleness_limit = Duration::from_hours(24 * 365));
        assert_healthy(&years.later(200 * 24 * 60 * 60).audit());
    }

    fn changes(world: &World) -> Option<Timestamp> {
        changes_at(&Chain::derive(
            &world.snapshot,
            &world.config,
            &world.key,
            world.now,
        ))
    }

    #[test]
    fn what_iam_did_not_tell_proves_nothing() {
        let untold = used(World::healthy(), |role, world| {
            role.created = Some(days_ago(world, 1000));
        });
        assert_healthy(&untold.audit());
        assert_healthy(&used(World::healthy(), |role, _| role.last_used = LastUsed::Never).audit());
    }

    #[test]
    fn a_file_is_no_older_than_what_stands_in_it() {
        let told = |days: i64| {
            let world = used_ago(200).read_from_files();
            used(world, |role, world| {
                role.last_used = LastUsed::At(days_ago(world, 200));
                role.told_after = Some(days_ago(world, days));
            })
        };
        the_one(&told(0).audit(), NOTICE);
        the_one(&told(-5).audit(), NOTICE);
        assert_healthy(&told(150).audit());
        assert_healthy(&used_ago(200).read_from_files().audit());
        assert_eq!(changes(&told(150)), None);
    }

    #[test]
    fn what_explains_it_is_the_finding() {
        let keys = Rarities {
            access_key: Some(SetBy::Env),
            ..Rarities::default()
        };
        let world = used_ago(200).pod(|pod| pod.containers[0].rarities = Some(Box::new(keys)));
        assert_eq!(codes(&world.audit()), ["IRSA406"]);
        let world = used_ago(200);
        let long_ago = days_ago(&world, 2);
        assert_eq!(
            codes(&world.pod(|pod| pod.created = Some(long_ago)).audit()),
            ["IRSA410"]
        );
        assert_eq!(codes(&used_ago(200).container(bare("app")).audit()), ["IRSA401"]);
        assert_eq!(codes(&used_ago(200).without_provider().audit()), ["IRSA301"]);
    }
}
