//! # IRSA910 `SimulationDisagrees`
//!
//! ## What it means
//! For something that an `IrsaAudit` expects (`spec.expect.aws`), IAM's policy simulator (`iam:SimulatePrincipalPolicy`) gives a different
//! answer from the evaluation of the role's own policies. The message shows both. irsa-audit called the simulator at least twice, some
//! seconds apart, and read the policies again in between. If the simulator allows what would otherwise be IRSA502, IRSA503 or IRSA504,
//! these are not reported, and IRSA501 is only a risk.
//!
//! irsa-audit calls the simulator only for actions and ARNs without wildcards, and only if it may; without
//! `iam:SimulatePrincipalPolicy` this finding never occurs.
//!
//! ## Why it is unknown
//! The simulator also evaluates the SCPs of the account's organization, which are not part of the role's policies. But it does not know the
//! whole request either. It gets the role, the `context` of the expectation, and the region of the ARN, or of the cluster
//! if the ARN has none. For an SCP that depends on a different condition key, such as `aws:SourceVpc`, the simulator may treat the key as
//! absent, and then deny what AWS actually allows. Neither evaluates RCPs and resource-based policies.
//!
//! ## In logs
//! If an SCP denies it: `AccessDenied … is not authorized to perform: s3:PutObject on resource: … with an explicit deny in a service
//! control policy`, or `… because no service control policy allows the s3:PutObject action`.
//!
//! ## Example
//! ```json
//! {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
//! ```
//! in an SCP, where `s3:PutObject` is expected and a policy of the role allows it.
//!
//! ## Fix
//! If an SCP is the cause, ask the administrator of the organization. If that SCP depends on keys of the request, give their values:
//! `spec.expect.aws[].context: {"aws:SourceVpc": "vpc-0123456789abcdef0"}`; irsa-audit passes them to the simulator as well. If the
//! workload can do what is expected nevertheless, waive this code.
//!
//! ## Verify
//! `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names s3:PutObject --resource-arns ARN` says the same as the
//! finding; once it says `allowed`, the finding disappears at the next audit. `kubectl annotate irsaaudit NAME irsa-audit.dev/reaudit=now`
//! starts one now.
//!
//! ## References
//! - [SimulatePrincipalPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html)
//! - [Testing IAM policies with the IAM policy simulator](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html)
//! - [Service control policies](https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html)

use super::expected::asked;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Reread, Severity};
use crate::fix::{Command, Fix};
use crate::model::{SimulatedAnswer, SimulatedDecision};
use crate::permissions::expectation::admitted;
use crate::permissions::{Confirmation, Expected, PolicyAnswer, expected};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA910",
    reason: "SimulationDisagrees",
    severity: Severity::Unknown,
    link: Link::Permissions,
    title: "IAM's policy simulator contradicts the role's policies",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// The most contradictions that a message lists.
const SHOWN: usize = 3;

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let contradicted: Vec<(&Expected<'_>, &SimulatedAnswer)> = expected(chain)
        .iter()
        .filter_map(|expected| match expected.simulated {
            Confirmation::Contradicts(said) => Some((expected, said)),
            _ => None,
        })
        .collect();
    let (_, first) = *contradicted.first()?;
    let shown: Vec<String> = contradicted
        .iter()
        .take(SHOWN)
        .map(|(expected, said)| both(expected, said.decision))
        .collect();
    let more = match contradicted.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!(
        "role `{}`: {}{more}; irsa-audit did not evaluate RCPs and resource-based policies",
        quote(aws.arn.name()),
        shown.join("; ")
    );
    let is_organizations =
        |(_, said): &(_, &SimulatedAnswer)| said.decision == SimulatedDecision::DeniedByOrganization;
    let fix = if contradicted.iter().any(is_organizations) {
        let place = if chain.request.is_some_and(|request| request.from_command) {
            "with `--condition KEY=VALUE`"
        } else {
            "in `spec.expect.aws[].context`"
        };
        Fix::manual(format!(
            "ask the administrator of the organization whether an SCP is intended to deny it; if that SCP depends on keys of the request, \
             such as `aws:SourceVpc`, give their values {place}"
        ))
    } else {
        compare(aws.arn.as_str(), first)
    };
    Some(
        Finding::new(&ENTRY, message)
            .fix(Some(fix))
            .reread(Reread::Simulation),
    )
}

/// Our answer, and that of the simulator.
fn both(expected: &Expected<'_>, said: SimulatedDecision) -> String {
    let what = asked(&expected.question);
    let ours = match &expected.answer {
        PolicyAnswer::Allowed(place) => format!("{place} allows {what}"),
        PolicyAnswer::Denied(place) => format!("{place} denies {what}"),
        PolicyAnswer::OutsideBoundary(boundary) => {
            format!("the role's policies allow {what}, and the permissions boundary, {boundary}, does not")
        }
        _ => format!("no policy allows {what}"),
    };
    let theirs = match said {
        SimulatedDecision::Allowed => "that it is allowed",
        SimulatedDecision::DeniedByOrganization => "that an SCP of the account's organization denies it",
        SimulatedDecision::DeniedByBoundary => "that the permissions boundary does not allow it",
        SimulatedDecision::DeniedExplicitly => "that a policy denies it (`explicitDeny`)",
        SimulatedDecision::DeniedImplicitly => "that nothing allows it (`implicitDeny`)",
    };
    format!("{ours}, but IAM's policy simulator says {theirs}")
}

/// The command that shows by which statements the simulator came to its answer.
fn compare(role_arn: &str, said: &SimulatedAnswer) -> Fix {
    let mut simulate = Command::new("aws iam simulate-principal-policy")
        .option("--policy-source-arn", role_arn)
        .option("--action-names", &said.action);
    if said.resource != "*" {
        simulate = simulate.option("--resource-arns", &said.resource);
    }
    Fix::manual(format!(
        "`{simulate}` names the statements behind this answer: compare them with the role's policies"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::FailureKind;
    use crate::permissions::{DENIED_BY_SCP, NOT_SEEN, NOT_SIMULATED};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA910", Severity::Unknown, Link::Permissions, Verdict::Unknown);
    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA502", Severity::Broken, Link::Permissions, Verdict::Broken);
    const OBJECT: &str = "arn:aws:s3:::carts/a";

    fn allowing(action: &str) -> World {
        World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": action, "Resource": "*" }
        ]}))
    }

    #[test]
    fn both_answers_are_shown_where_only_the_policies_allow_it() {
        for (decision, words) in [
            (SimulatedDecision::DeniedByOrganization, "an SCP"),
            (SimulatedDecision::DeniedByBoundary, "permissions boundary"),
            (SimulatedDecision::DeniedExplicitly, "explicitDeny"),
            (SimulatedDecision::DeniedImplicitly, "implicitDeny"),
        ] {
            let world = allowing("s3:*").expect(&["s3:GetObject", "s3:PutObject"], &[OBJECT]);
            let report = world.simulated(&[("s3:PutObject", decision)]).audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(
                finding.message.contains("`s3:PutObject` on"),
                "{}",
                finding.message
            );
            assert!(finding.message.contains(words), "{}", finding.message);
            assert!(!finding.message.contains("s3:GetObject"), "{}", finding.message);
        }
    }

    #[test]
    fn what_the_simulator_allows_is_not_proven_to_be_broken() {
        let boundary = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }
        ]});
        let deny = World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*" }
        ]}));
        for (world, without) in [
            (allowing("sqs:*"), "IRSA502"),
            (deny, "IRSA503"),
            (allowing("s3:*").boundary(&boundary), "IRSA504"),
        ] {
            let world = world.expect(&["s3:PutObject"], &[OBJECT]);
            assert!(codes(&world.audit()).contains(&without));
            let report = world
                .clone()
                .simulated(&[("s3:PutObject", SimulatedDecision::DeniedImplicitly)])
                .audit();
            assert!(
                codes(&report).contains(&without) && !codes(&report).contains(&"IRSA910"),
                "{report:?}"
            );
            let report = world
                .simulated(&[("s3:PutObject", SimulatedDecision::Allowed)])
                .audit();
            assert!(
                !codes(&report).contains(&without) && codes(&report).contains(&"IRSA910"),
                "{report:?}"
            );
            assert_eq!(
                (report.verdict, report.reason),
                (Verdict::Unknown, "SimulationDisagrees")
            );
        }
    }

    #[test]
    fn a_role_without_policies_is_a_risk_all_the_same() {
        let world = World::healthy().policies(0).expect(&["s3:PutObject"], &[OBJECT]);
        let report = world
            .simulated(&[("s3:PutObject", SimulatedDecision::Allowed)])
            .audit();
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|finding| (finding.entry.code, finding.severity))
            .collect();
        assert_eq!(
            found,
            [("IRSA501", Severity::Risk), ("IRSA910", Severity::Unknown)]
        );
    }

    #[test]
    fn what_it_does_not_contradict_stays_broken() {
        let world =
            allowing("s3:GetObject").expect(&["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], &[OBJECT]);
        let report = world
            .simulated(&[("s3:PutObject", SimulatedDecision::Allowed)])
            .audit();
        assert_eq!(codes(&report), ["IRSA502", "IRSA910"]);
        assert!(
            !report.findings[0].message.contains("s3:PutObject"),
            "{}",
            report.findings[0].message
        );
    }

    #[test]
    fn once_is_not_enough() {
        let world = allowing("s3:*").expect(&["s3:PutObject"], &[OBJECT]);
        let contradicted = world.simulated(&[("s3:PutObject", SimulatedDecision::DeniedImplicitly)]);
        the_one(&contradicted.audit(), UNKNOWN);
        assert_healthy(&contradicted.simulated_once().audit());
    }

    #[test]
    fn answers_count_only_for_what_was_asked_of_these_policies() {
        let denied = [("s3:PutObject", SimulatedDecision::DeniedImplicitly)];
        let world = || {
            allowing("s3:*")
                .expect(&["s3:PutObject"], &[OBJECT])
                .simulated(&denied)
        };
        the_one(&world().audit(), UNKNOWN);
        // Another policy came, which denies nothing.
        let other = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }] });
        assert_healthy(&world().inline_named("other", &other).audit());
        // Something else is expected.
        let changed =
            world().request(|request| request.aws[0].resources = vec!["arn:aws:s3:::carts/b".to_owned()]);
        assert_healthy(&changed.audit());
        let context = ("aws:RequestedRegion".to_owned(), "eu-central-1".to_owned());
        assert_healthy(
            &world()
                .request(|request| drop(request.aws[0].context.insert(context.0, context.1)))
                .audit(),
        );
    }

    #[test]
    fn what_the_simulator_does_not_know_contradicts_nothing() {
        let world = allowing("s3:*").expect(&["s3:PutObject"], &[OBJECT]);
        let missing = |decision| {
            let world = world.clone().simulated(&[("s3:PutObject", decision)]);
            world.simulated_without_key("aws:SourceVpc").audit()
        };
        assert_healthy(&missing(SimulatedDecision::DeniedImplicitly));
        // The keys of SCPs are not among those that it misses.
        the_one(&missing(SimulatedDecision::DeniedByOrganization), UNKNOWN);
    }

    #[test]
    fn that_it_agrees_is_told() {
        let world = allowing("s3:GetObject").expect(&["s3:PutObject", "s3:DeleteObject"], &[OBJECT]);
        let message = |world: &World| the_one(&world.audit(), BROKEN).message.clone();
        assert!(message(&world).contains(NOT_SEEN));
        assert!(message(&world.clone().simulated(&[])).contains(NOT_SIMULATED));
        let by_scp = |action| (action, SimulatedDecision::DeniedByOrganization);
        let both = [by_scp("s3:PutObject"), by_scp("s3:DeleteObject")];
        assert!(message(&world.clone().simulated(&both)).contains(DENIED_BY_SCP));
        assert!(
            message(&world.simulated(&both[..1])).contains(NOT_SIMULATED),
            "not both"
        );
    }

    /// Whatever it says of whatever there is.
    #[test]
    fn it_proves_nothing_and_hides_nothing_else() {
        let statement =
            |effect: &str, action: &str| json!({ "Effect": effect, "Action": action, "Resource": "*" });
        let policy = |statements: &[Value]| json!({ "Version": "2012-10-17", "Statement": statements });
        let allow = statement("Allow", "s3:*");
        let mut regional = allow.clone();
        regional["Condition"] = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
        let worlds = [
            World::healthy().policies(0),
            World::healthy().inline(&policy(&[statement("Allow", "sqs:*")])),
            World::healthy().inline(&policy(std::slice::from_ref(&allow))),
            World::healthy().inline(&policy(&[allow.clone(), statement("Deny", "s3:Put*")])),
            World::healthy().inline(&policy(&[regional])),
            World::healthy()
                .inline(&policy(&[allow]))
                .boundary(&policy(&[statement("Allow", "sqs:*")])),
        ];
        for world in worlds {
            let world = world.expect(&["s3:PutObject"], &[OBJECT]);
            let before = world.audit();
            for decision in [
                SimulatedDecision::Allowed,
                SimulatedDecision::DeniedByOrganization,
                SimulatedDecision::DeniedByBoundary,
                SimulatedDecision::DeniedExplicitly,
                SimulatedDecision::DeniedImplicitly,
            ] {
                let again = world.clone().simulated(&[("s3:PutObject", decision)]);
                for (world, is_believed) in [
                    (
                        again
                            .clone()
                            .simulated_without_key("aws:SourceVpc")
                            .simulated_once(),
                        false,
                    ),
                    (again.clone().simulated_once(), false),
                    (again, true),
                ] {
                    let report = world.audit();
                    let contradicts = codes(&report).contains(&"IRSA910");
                    assert!(is_believed || !contradicts, "{decision:?}: {report:?}");
                    assert!(
                        report.verdict != Verdict::Broken || before.verdict == Verdict::Broken,
                        "{report:?}"
                    );
                    if !contradicts {
                        assert_eq!((codes(&report), report.verdict), (codes(&before), before.verdict));
                    }
                }
            }
        }
    }

    #[test]
    fn that_iam_does_not_simulate_changes_nothing() {
        let world = allowing("s3:GetObject").expect(&["s3:PutObject"], &[OBJECT]);
        for kind in [
            FailureKind::AccessDenied {
                action: "iam:SimulatePrincipalPolicy".to_owned(),
            },
            FailureKind::Unavailable,
            FailureKind::Throttled,
        ] {
            let report = world.clone().simulation_fails(kind).audit();
            assert_eq!(report, world.audit());
        }
    }

    #[test]
    fn trust_between_roles_is_none_of_the_simulators() {
        let target = "arn:aws:iam::111122223333:role/old-cart";
        let lets_in = |principal: &str| {
            json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }
            ]})
            .to_string()
        };
        let refused = allowing("sts:*").expect(&["sts:AssumeRole"], &[target]);
        let refused = refused.any_role(
            "old-cart",
            role(target, &lets_in("arn:aws:iam::111122223333:role/other")),
        );
        let report = refused
            .simulated(&[("sts:AssumeRole", SimulatedDecision::Allowed)])
            .audit();
        assert_eq!(codes(&report), ["IRSA502"]);
        let trusted = allowing("s3:*").expect(&["sts:AssumeRole"], &[target]);
        let trusted = trusted.any_role("old-cart", role(target, &lets_in(ROLE)));
        assert_healthy(
            &trusted
                .simulated(&[("sts:AssumeRole", SimulatedDecision::DeniedImplicitly)])
                .audit(),
        );
    }

    #[test]
    fn nobody_is_told_whom_the_trust_policy_does_not_admit() {
        let world = allowing("s3:*").expect(&["s3:PutObject"], &[OBJECT]);
        let world = world.simulated(&[("s3:PutObject", SimulatedDecision::DeniedImplicitly)]);
        // What a role's trust policy says is no part of what the simulator reads.
        let refusing = world.condition(&condition("system:serviceaccount:shop:orders"));
        assert_eq!(codes(&refusing.audit()), ["IRSA205"]);
    }
}
