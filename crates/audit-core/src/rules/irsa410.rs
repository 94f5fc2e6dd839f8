//! # IRSA410 `RoleNeverUsedByRunningPods`
//!
//! ## What it means
//! Every link passes, and pods have had their credentials for longer than IAM needs to record a use, but IAM has recorded no use of
//! the role since these pods started.
//!
//! According to its documentation, IAM records a use within a few hours. irsa-audit waits for 24 hours: only pods that are older
//! count, and no one, in these pods or elsewhere, may have used the role since the oldest of them was created. Files do not
//! say how old they are: IAM's answer counts as being from the latest date in it. The finding is not reported if IRSA402, IRSA405, IRSA406
//! or IRSA413 gives the reason.
//!
//! ## Why it matters
//! The application makes its calls with other credentials, or none: its SDK is too old for web identity, its code requests
//! the node's role or a profile, or its tokens expired. Or it does not call AWS at all. Role, provider and trust policy are not the
//! cause: they pass.
//!
//! The minimum versions that support web identity, from the list of EKS:
//!
//! | SDK | version |
//! |---|---|
//! | Java 2, Java 1 | 2.10.11, 1.12.782 (1.11.704 in earlier lists); both need the module `sts` |
//! | Go 1, Go 2 | 1.23.13, all |
//! | Python: boto3, botocore | 1.9.220, 1.12.200 |
//! | AWS CLI | 1.16.232 |
//! | JavaScript 2, 3 | 2.525.0, 3.27.0 |
//! | Ruby | 3.58.0 |
//! | C++ | 1.7.174 |
//! | .NET | 3.3.659.1; needs `AWSSDK.SecurityToken` |
//! | PHP | 3.110.7 |
//!
//! ## In logs
//! Nothing; or `AccessDenied` that names the node's role.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart --query Role.RoleLastUsed
//! {}
//! ```
//!
//! ## Fix
//! Compare the SDK in the image with the list above, look for credentials that the code passes itself, and update the SDK. Do not
//! change the role first: IRSA507 reports roles that nothing needs.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` names the role; a day later, `RoleLastUsed` has a date.
//!
//! ## References
//! - [Supported SDKs](https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts-minimum-sdk.html)
//! - [RoleLastUsed](https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html)

use jiff::{SignedDuration, Timestamp};

use super::pods::{some_of, workloads};
use super::{irsa402, irsa405, irsa406, irsa413};
use crate::chain::{Chain, RoleChain, RoleOutcome};
use crate::check::{BindingCheck, Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::{Container, LastUsed, Pod, PodPhase};
use crate::snapshot::Origin;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA410",
    reason: "RoleNeverUsedByRunningPods",
    severity: Severity::Notice,
    link: Link::Pods,
    title: "pods have run for a long time without using their role",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// How long IAM may take to tell of a use; several times what its documentation says.
const LAG: SignedDuration = SignedDuration::from_hours(24);

/// Where EKS lists the least versions of SDKs.
const MINIMUM: &str =
    "https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts-minimum-sdk.html";

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (aws, last_used, seen_until) = seen(chain)?;
    let pods: Vec<(&Pod, Timestamp)> = users(chain, aws);
    let is_grown = |from: Timestamp| grown_at(from).is_some_and(|at| at <= seen_until);
    let grown: Vec<(&Pod, Timestamp)> = pods.into_iter().filter(|(_, from)| is_grown(*from)).collect();
    let oldest = grown.iter().map(|(_, created)| *created).min()?;
    let when = match last_used {
        LastUsed::Never => "no use of the role".to_owned(),
        LastUsed::At(at) if at < oldest => format!("the last use of the role at {at}"),
        LastUsed::At(_) | LastUsed::Unseen => return None,
    };
    let explained: [BindingCheck; 4] = [irsa402::check, irsa405::check, irsa406::check, irsa413::check];
    if explained.iter().any(|check| check(chain).is_some()) {
        return None;
    }
    let pods: Vec<&Pod> = grown.iter().map(|(pod, _)| *pod).collect();
    let (_, names) = workloads(&pods);
    let message = format!(
        "{} able to assume `{}` since {oldest} at the earliest, but IAM recorded {when}: {names}. Check the AWS SDK in these containers, \
         not the role",
        some_of(pods.len(), chain.pods.len(), "has been", "have been"),
        aws.arn
    );
    let fix = Fix::manual(format!(
        "compare the AWS SDKs in the images of {names} with the minimum versions that support web identity ({MINIMUM}), and look \
         for credentials that the code passes to its clients itself"
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// When a pod will have run for long enough, so that the report may change.
#[must_use]
pub fn changes_at(chain: &Chain<'_>) -> Option<Timestamp> {
    if chain.snapshot.origin != Origin::Live {
        return None;
    }
    let (aws, ..) = seen(chain)?;
    let ends = users(chain, aws)
        .into_iter()
        .filter_map(|(_, created)| grown_at(created));
    ends.filter(|end| *end > chain.now).min()
}

fn grown_at(created: Timestamp) -> Option<Timestamp> {
    created.checked_add(LAG).ok()
}

/// The role, where every link to it passes, when IAM saw it used, where IAM told, and until when that holds.
fn seen<'c, 'a>(chain: &'c Chain<'a>) -> Option<(&'c RoleChain<'a>, LastUsed, Timestamp)> {
    let aws = chain
        .past_role()
        .filter(|aws| aws.outcome() == RoleOutcome::Passes)?;
    let role = aws.found()?;
    let until = match chain.snapshot.origin {
        Origin::Live => chain.now,
        Origin::Files => role.told_after?.min(chain.now),
    };
    (role.last_used != LastUsed::Unseen).then_some((aws, role.last_used, until))
}

/// The running pods that carry the role, and when they were created.
fn users<'a>(chain: &Chain<'a>, aws: &RoleChain<'_>) -> Vec<(&'a Pod, Timestamp)> {
    let carries = |c: &Container| c.has_web_identity() && c.role_arn.as_deref() == Some(aws.arn.as_str());
    let pods = chain.pods.iter().copied();
    pods.filter(|pod| pod.phase == PodPhase::Running && pod.containers.iter().any(carries))
        .filter_map(|pod| Some((pod, pod.created?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Rarities, RoleLookup, SetBy};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA410", Severity::Notice, Link::Pods, Verdict::Working);

    fn hours_ago(world: &World, hours: i64) -> Timestamp {
        world.now.checked_sub(SignedDuration::from_hours(hours)).unwrap()
    }

    /// A pod that was created so many hours ago, and what IAM says of its role.
    fn running_for(hours: i64, last_used: impl Fn(&World) -> LastUsed) -> World {
        let world = World::healthy();
        let (created, last_used) = (hours_ago(&world, hours), last_used(&world));
        let RoleLookup::Found(known) = role(ROLE, &trust(&condition(SUBJECT)).to_string()) else {
            panic!()
        };
        let known = crate::model::Role {
            last_used,
            ..(*known).clone()
        };
        world
            .role(RoleLookup::Found(Arc::new(known)))
            .pod(|pod| pod.created = Some(created))
    }

    #[test]
    fn a_role_that_pods_have_long_and_never_used_is_a_notice() {
        the_one(&running_for(25, |_| LastUsed::Never).audit(), NOTICE);
        the_one(
            &running_for(25, |world| LastUsed::At(hours_ago(world, 26))).audit(),
            NOTICE,
        );
    }

    #[test]
    fn a_use_since_then_whoever_made_it_says_nothing() {
        assert_healthy(&running_for(25, |world| LastUsed::At(hours_ago(world, 24))).audit());
        assert_healthy(&running_for(25, |_| LastUsed::Unseen).audit());
        assert_healthy(&running_for(25, |_| LastUsed::Never).read_from_files().audit());
    }

    #[test]
    fn files_tell_what_their_latest_date_allows() {
        let told = |hours: i64| {
            let world = running_for(48, |_| LastUsed::Never).read_from_files();
            let (at, now) = (hours_ago(&world, hours), world.now);
            world.account(|account| {
                let seen = account.roles.get_mut("cart").unwrap();
                let Some((RoleLookup::Found(known), _)) = seen.value.take() else {
                    panic!()
                };
                let known = crate::model::Role {
                    told_after: Some(at),
                    ..(*known).clone()
                };
                seen.value = Some((RoleLookup::Found(Arc::new(known)), now));
            })
        };
        the_one(&told(24).audit(), NOTICE);
        assert_healthy(&told(25).audit());
    }

    #[test]
    fn young_pods_are_waited_for() {
        let world = running_for(23, |_| LastUsed::Never);
        let report = world.audit();
        assert_healthy(&report);
        let grown = world.now.checked_add(SignedDuration::from_hours(1)).unwrap();
        assert_eq!(changes(&world), Some(grown));
        assert!(report.valid_until <= Some(grown));
        assert_healthy(
            &running_for(25, |_| LastUsed::Never)
                .pod(|pod| pod.created = None)
                .audit(),
        );
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
    fn what_explains_it_is_the_finding() {
        let keys = Rarities {
            access_key: Some(SetBy::Env),
            ..Rarities::default()
        };
        let world =
            running_for(25, |_| LastUsed::Never).pod(|pod| pod.containers[0].rarities = Some(Box::new(keys)));
        assert_eq!(codes(&world.audit()), ["IRSA406"]);
        let refused = running_for(25, |_| LastUsed::Never).without_provider();
        assert_eq!(codes(&refused.audit()), ["IRSA301"]);
        let pending = running_for(25, |_| LastUsed::Never).pod(|pod| pod.phase = PodPhase::Pending);
        assert_healthy(&pending.audit());
    }
}
