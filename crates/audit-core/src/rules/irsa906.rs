//! # IRSA906 `ExpectationNotEvaluated`
//!
//! ## What it means
//! Whether an expectation of an `IrsaAudit` is met cannot be determined. The reason is one of these:
//!
//! - for AWS actions (`spec.expect.aws`): a statement of the role's policies, or of the trust policy of a role that is assumed next,
//!   depends on condition keys with unknown values (the message names them), or allows only a part of an expected pattern;
//! - no request for the action has the named resource, whatever policies say: an object for `s3:ListBucket`, a bucket for `s3:GetObject`,
//!   an alias for `kms:Decrypt`. The fix says what to name;
//! - irsa-audit did not see the trust policy of a role that is assumed next, or saw it too long ago: the policy must allow
//!   `sts:AssumeRole`, and within an account may grant it by itself;
//! - the pods get their credentials from EKS Pod Identity, so they do not use the annotation's role;
//! - the `IrsaAudit` expects more than one object may: 512 actions on resources, 256 verbs on names in Kubernetes, 65,536
//!   characters of either, and some lengths. The message names the limit. irsa-audit evaluates what is within it;
//! - the `IrsaAudit`s of the namespace with more than 8 KiB of expectations take more than 8 MiB together. irsa-audit does not evaluate the rest of
//!   them.
//!
//! ## Why it is unknown
//! The expectation may or may not be met. Reporting nothing would mean that it is met, and *broken* could be wrong.
//!
//! ## In logs
//! Nothing: only this finding reports it.
//!
//! ## Example
//! ```json
//! {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}
//! ```
//! where `s3:GetObject` is expected.
//!
//! ## Fix
//! Give the values of the keys: `spec.expect.aws[].context: {"aws:RequestedRegion": "eu-west-1"}`. Instead of a pattern, name the
//! actions. Over a limit, reduce `spec.expect`: keep the actions and resources that matter most, or delete
//! other large `IrsaAudit`s of the namespace. Otherwise remove the
//! expectation, or waive this code.
//!
//! ## Verify
//! The finding is gone.
//!
//! ## References
//! - [AWS global condition context keys](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [EKS Pod Identity](https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html)

use super::expected::{asked, message, of_kind};
use std::collections::BTreeSet;

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::admitted;
use crate::permissions::{Doubt, PolicyAnswer, expected};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA906",
    reason: "ExpectationNotEvaluated",
    severity: Severity::Unknown,
    link: Link::Permissions,
    title: "whether an expectation is met cannot be determined",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[
        Check::Binding(check),
        Check::Binding(over_limit_of_aws),
        Check::Binding(over_limit_of_kubernetes),
    ],
};

/// The most doubts that are told of one question.
const DOUBTS: usize = 2;

/// The most keys that are asked for.
const KEYS: usize = 5;

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let request = chain.request?;
    let (link, field) = if request.role_arn.is_some() && chain.uses_pod_identity {
        (Link::Role, "expect.roleArn")
    } else if !request.aws.is_empty() && chain.uses_pod_identity {
        (Link::Permissions, "expect.aws")
    } else if let Some(finding) = undetermined(chain) {
        return Some(finding);
    } else {
        return None;
    };
    let what = if request.from_command {
        "your question".to_owned()
    } else {
        format!("`spec.{field}`")
    };
    let message = format!(
        "the pods get their credentials from EKS Pod Identity, whose role irsa-audit does not read, so {what} is not evaluated"
    );
    Some(Finding::new(&ENTRY, message).at(link))
}

fn over_limit_of_aws(chain: &Chain<'_>) -> Option<Finding> {
    over_limit(chain, "expect.aws", Link::Permissions)
}

fn over_limit_of_kubernetes(chain: &Chain<'_>) -> Option<Finding> {
    over_limit(chain, "expect.kubernetes", Link::Rbac)
}

/// What the `IrsaAudit` expects in a field beyond the limits, of which nothing was evaluated.
fn over_limit(chain: &Chain<'_>, field: &str, link: Link) -> Option<Finding> {
    let request = chain.request?;
    let all: Vec<String> = request
        .over_limit
        .iter()
        .filter(|over| over.field == field)
        .map(|over| format!("`spec.{}` has more than {} {}", over.field, over.limit, over.what))
        .collect();
    if all.is_empty() {
        return None;
    }
    let message = format!(
        "IrsaAudit `{}`: {}. irsa-audit does not evaluate what exceeds a limit",
        quote(&request.name),
        all.join(", and ")
    );
    let of_namespace = request
        .over_limit
        .iter()
        .any(|over| over.field == field && over.limit == crate::rbac::MOST_IN_NAMESPACE);
    let fix = Fix::manual(if of_namespace {
        format!(
            "reduce `spec.{field}` of the large IrsaAudits of the namespace, this one last: it is evaluated when it changes"
        )
    } else {
        format!("reduce `spec.{field}` to what is within the limit: keep what matters most")
    });
    Some(Finding::new(&ENTRY, message).at(link).fix(Some(fix)))
}

/// The expected actions on which the role's policies have no certain answer.
fn undetermined(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let all = expected(chain);
    let open = of_kind(all, |answer| matches!(answer, PolicyAnswer::Undetermined(_)));
    open.first()?;
    let message = message(chain, aws.arn.name(), &open, |expected| {
        let doubts = match &expected.answer {
            PolicyAnswer::Undetermined(doubts) => &doubts[..],
            _ => &[],
        };
        let told: Vec<String> = doubts.iter().take(DOUBTS).map(Doubt::to_string).collect();
        format!(
            "whether {} is allowed cannot be determined: {}",
            asked(&expected.question),
            told.join(", and ")
        )
    });
    let doubts: Vec<Doubt<'_>> = open
        .iter()
        .flat_map(|expected| match &expected.answer {
            PolicyAnswer::Undetermined(doubts) => &doubts[..],
            _ => &[],
        })
        .cloned()
        .collect();
    Some(Finding::new(&ENTRY, message).fix(settle(chain, &doubts).map(Fix::manual)))
}

/// What would settle doubts: condition keys to say, or else what to give.
pub(super) fn settle(chain: &Chain<'_>, doubts: &[Doubt<'_>]) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    for key in doubts.iter().flat_map(Doubt::keys) {
        if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            keys.push(key);
        }
    }
    keys.truncate(KEYS);
    if keys.is_empty() {
        let remedies: BTreeSet<&str> = doubts.iter().filter_map(Doubt::remedy).collect();
        let remedies: Vec<&str> = remedies.into_iter().take(KEYS).collect();
        return (!remedies.is_empty()).then(|| remedies.join("; "));
    }
    let is_asked = chain.request.is_some_and(|request| request.from_command);
    let given: Vec<String> = if is_asked {
        keys.iter()
            .map(|key| format!("--condition {}=VALUE", quote(key)))
            .collect()
    } else {
        keys.iter()
            .map(|key| format!("\"{}\": \"VALUE\"", quote(key)))
            .collect()
    };
    Some(if is_asked {
        format!(
            "if you know the values in the request, ask `irsa-audit can-i` with `{}`",
            given.join(" ")
        )
    } else {
        format!(
            "if you know the values in the request, set `spec.expect.aws[].context: {{{}}}`",
            given.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::OverLimit;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA906", Severity::Unknown, Link::Permissions, Verdict::Unknown);

    fn conditional(effect: &str, condition: &Value) -> World {
        World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "sqs:*", "Resource": "*" },
            { "Sid": "Maybe", "Effect": effect, "Action": ["s3:*", "sqs:*"], "Resource": "*", "Condition": condition }
        ]}))
    }

    #[test]
    fn keys_of_which_nothing_is_known_are_named() {
        let region = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
        for (effect, action) in [("Allow", "s3:GetObject"), ("Deny", "sqs:SendMessage")] {
            let report = conditional(effect, &region)
                .expect(&[action], &["arn:aws:s3:::carts/*"])
                .audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(
                finding.message.contains("statement `Maybe`"),
                "{}",
                finding.message
            );
            assert!(
                finding.message.contains("`aws:RequestedRegion`"),
                "{}",
                finding.message
            );
        }
    }

    #[test]
    fn what_people_know_of_a_key_decides() {
        let region = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
        let in_region = |name: &str| {
            let world = conditional("Allow", &region).expect(&["s3:GetObject"], &[]);
            world.request(|request| {
                let context = &mut request.aws.last_mut().unwrap().context;
                context.insert("aws:RequestedRegion".to_owned(), name.to_owned());
            })
        };
        assert_healthy(&in_region("eu-west-1").audit());
        assert_eq!(codes(&in_region("us-east-1").audit()), ["IRSA502"]);
    }

    #[test]
    fn a_part_of_a_pattern_of_actions_is_neither() {
        let world = World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetBucketLocation"], "Resource": "*" }
        ]}));
        the_one(&world.clone().expect(&["s3:Get*"], &[]).audit(), UNKNOWN);
        assert_eq!(codes(&world.expect(&["s3:Put*"], &[]).audit()), ["IRSA502"]);
    }

    #[test]
    fn what_is_not_evaluated_is_unknown() {
        for (world, link) in [
            (
                World::healthy().expect_aws().container(with_pod_identity("app")),
                Link::Permissions,
            ),
            (
                World::healthy()
                    .expect_role(OLD_ROLE)
                    .container(with_pod_identity("app")),
                Link::Role,
            ),
        ] {
            let report = world.audit();
            the_one(&report, ("IRSA906", Severity::Unknown, link, Verdict::Unknown));
        }
    }

    #[test]
    fn what_is_over_a_limit_is_unknown_and_what_is_within_it_is_evaluated() {
        let many = ["s3:GetObject"; 513];
        let within = World::healthy().expect(&["s3:GetObject"], &[]);
        let over = within.clone().expect(&many, &[]);
        let bounded = |world: World| world.request(|request| *request = std::mem::take(request).bounded());
        assert_healthy(&bounded(within).audit());
        the_one(&bounded(over).audit(), UNKNOWN);
        let broken = World::healthy()
            .expect(&["iam:CreateUser"], &[])
            .expect(&many, &[]);
        let mut found = codes(&bounded(broken).audit());
        found.sort_unstable();
        assert_eq!(found, ["IRSA502", "IRSA906"]);
    }

    #[test]
    fn each_field_that_is_over_a_limit_is_told_at_its_link() {
        let world = World::healthy()
            .expect(&["s3:GetObject"; 513], &[])
            .request(|request| {
                *request = std::mem::take(request).bounded();
                request.over_limit.push(OverLimit {
                    field: "expect.kubernetes",
                    limit: 256,
                    what: "verbs on names",
                });
            });
        let report = world.audit();
        let links: Vec<Link> = report.findings.iter().map(|finding| finding.link).collect();
        assert_eq!(codes(&report), ["IRSA906"; 2]);
        assert!(
            links.contains(&Link::Permissions) && links.contains(&Link::Rbac),
            "{links:?}"
        );
    }

    #[test]
    fn without_expectations_nothing_is_missing() {
        assert_healthy(&World::healthy().request(|_| ()).audit());
        assert_healthy(&World::healthy().expect_role(ROLE).audit());
        assert_healthy(&World::healthy().expect_aws().audit());
    }
}
