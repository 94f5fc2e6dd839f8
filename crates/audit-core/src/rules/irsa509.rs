//! # IRSA509 `NextRoleRefused`
//!
//! ## What it means
//! The credentials of the role are used to assume another role, but that fails: a store of external-secrets has a `role` or
//! `additionalRoles`, or a profile in a config file has `role_arn` with a `source_profile`. The finding is *broken* if a step is proven to
//! be refused, and *unknown* if irsa-audit did not see the next role's trust policy, or the policies of a role.
//!
//! If the container also has web identity in its environment, which some SDKs use before a profile, a refusal is a *risk*.
//!
//! ## Why it breaks
//! A role can assume another role only if both sides allow it: the next role's trust policy must name the first role (or its
//! account), and the first role's policies must allow `sts:AssumeRole`, unless both are in one account and the trust policy names
//! the first role's ARN. An external ID must match. Session tags need `sts:TagSession` on both sides.
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
//! Name the first role in the trust policy of the next role, or allow `sts:AssumeRole` on the next role in a policy of the first role, as
//! the finding says. The owners of both roles decide, so the finding has no command.
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
use crate::finding::{AboutRole, Entry, Finding, Link, NEXT_ROLE, Severity};
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
    title: "the role cannot assume the next role",
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
    let outcome = if stop.is_refused {
        "which fails"
    } else {
        "and whether that succeeds cannot be determined"
    };
    let message = format!(
        "{who} then assumes role `{}`, {outcome}: {}",
        quote(&stop.to),
        stop.why
    );
    // The next role is asked for with credentials, and no token.
    let about = AboutRole {
        role: quote(&stop.side),
        audience: String::new(),
    };
    Finding::new(&ENTRY, message)
        .about(about)
        .naming_taker()
        .reread(stop.reread)
        .severity(severity)
        .fix(Fix::manual(stop.remedy.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;
    use serde_json::{Value, json};

    use super::*;
    use crate::finding::Reread;
    use crate::model::{Consumer, ConsumerObject, NextRole, Observed, RequestedAudience, Use, Used};
    use crate::paths::MOST_NEXT_ROLES;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NEXT: &str = "arn:aws:iam::111122223333:role/reports";
    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA509", Severity::Broken, Link::Permissions, Verdict::Broken);
    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA509", Severity::Unknown, Link::Permissions, Verdict::Unknown);

    fn may(action: &str) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
    }

    fn admitting(principal: &str) -> String {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }
        ]})
        .to_string()
    }

    /// A store that goes on from the annotation's role to others.
    fn store(mut world: World, then: &[&str]) -> World {
        let object = ConsumerObject {
            group: "external-secrets.io".to_owned(),
            kind: "SecretStore".to_owned(),
            namespace: "shop".to_owned(),
            name: "aws".to_owned(),
        };
        let consumer = Consumer {
            object: Arc::new(object.clone()),
            used: Used::Named(world.key.clone()),
            how: Use::Requests {
                audience: RequestedAudience::Annotated,
                role: None,
                then: then.iter().map(|role| NextRole::new(*role)).collect(),
            },
            is_certain: true,
        };
        world.snapshot.cluster.put_consumer(object, vec![consumer]);
        world
    }

    /// The next role is seen, with this trust policy, so long ago.
    fn seen(world: World, trust: &str, ago: SignedDuration) -> World {
        let at = world.now - ago;
        world.account(|account| {
            let lookup = role(NEXT, trust);
            account
                .roles
                .insert("reports".to_owned(), Observed::known(lookup, at));
        })
    }

    fn going_on(action: &str, trust: &str) -> World {
        let world = store(World::healthy().without_pods().inline(&may(action)), &[NEXT]);
        seen(world, trust, SignedDuration::ZERO)
    }

    #[test]
    fn a_refusal_is_about_the_role_on_whose_side_it_is() {
        for (world, side, reread) in [
            (
                going_on(
                    "sts:AssumeRole",
                    &admitting("arn:aws:iam::111122223333:role/other"),
                ),
                NEXT,
                Reread::Role,
            ),
            (
                going_on("s3:GetObject", &admitting("arn:aws:iam::111122223333:root")),
                ROLE,
                Reread::Permissions,
            ),
        ] {
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            assert_eq!(
                finding.about.as_ref().map(|about| about.role.as_str()),
                Some(side)
            );
            assert_eq!(finding.to_reread(), reread);
            assert!(report.deciding().is_some_and(|deciding| deciding == finding));
        }
        assert_healthy(&going_on("sts:AssumeRole", &admitting(ROLE)).audit());
    }

    #[test]
    fn what_was_seen_too_long_ago_is_unknown() {
        for trust in [admitting(ROLE), admitting("arn:aws:iam::111122223333:role/other")] {
            let world = going_on("sts:AssumeRole", &trust);
            the_one(
                &seen(world, &trust, SignedDuration::from_hours(2)).audit(),
                UNKNOWN,
            );
        }
    }

    #[test]
    fn a_report_stands_as_long_as_what_it_says_of_the_next_role() {
        let trust = admitting(ROLE);
        let ago = SignedDuration::from_mins(30);
        let world = seen(going_on("sts:AssumeRole", &trust), &trust, ago);
        let limit = SignedDuration::try_from(world.config.staleness_limit).unwrap();
        assert_eq!(world.audit().valid_until, Some(world.now - ago + limit));
    }

    #[test]
    fn a_next_role_that_is_not_seen_counts_on_each_way() {
        let own_role = own(AUDIENCE, OLD_ROLE);
        let world = World::healthy()
            .inline(&may("sts:AssumeRole"))
            .good_role(OLD_ROLE)
            .container(own_role)
            .account(|account| {
                let policies = account.policies.get("cart").unwrap().clone();
                account.policies.insert("old-cart".to_owned(), policies);
                let documents = account.inline.get("cart").unwrap().clone();
                account.inline.insert("old-cart".to_owned(), documents);
            });
        let report = store(world, &[NEXT]).audit();
        assert_eq!(report.verdict, Verdict::Unknown, "{}", shown(&report));
        assert!(codes(&report).contains(&"IRSA509"), "{}", shown(&report));
    }

    #[test]
    fn a_chain_without_end_is_not_followed_to_it() {
        let world = |count: usize| {
            let itself = trust(&condition(SUBJECT)).to_string().replacen(
                "\"Statement\":[",
                &format!(
                    "\"Statement\":[{},",
                    json!({ "Effect": "Allow", "Principal": { "AWS": ROLE }, "Action": "sts:AssumeRole" })
                ),
                1,
            );
            let world = World::healthy().without_pods().inline(&may("sts:AssumeRole"));
            store(world.trust_text(&itself), &vec![ROLE; count])
        };
        assert_healthy(&world(MOST_NEXT_ROLES).audit());
        the_one(&world(MOST_NEXT_ROLES + 1).audit(), UNKNOWN);
        the_one(&world(5_000).audit(), UNKNOWN);
    }
}
