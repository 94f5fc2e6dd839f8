//! # IRSA508 `ActionUnknown`
//!
//! ## What it means
//! An expected action, or an action in one of the role's own policies, is not in AWS's list of actions, as of the month that the message
//! gives. Often it is the name of an API operation whose action has a different name, such as `s3:ListObjectsV2`, which needs
//! `s3:ListBucket`. The finding is *unknown* if the action is expected, else a *notice*. irsa-audit does not check AWS managed policies,
//! nor actions with wildcards in policies.
//!
//! ## Why it is unknown
//! An action that does not exist allows nothing. But AWS adds actions all the time, so an action that is
//! not in the list may be new: the list alone proves nothing.
//!
//! ## In logs
//! If a different action was intended: `AccessDenied … is not authorized to perform: s3:ListBucket`, which names the right one.
//!
//! ## Example
//! ```json
//! {"Effect": "Allow", "Action": ["s3:ListObjectsV2", "s3:HeadObject"], "Resource": "*"}
//! ```
//!
//! ## Fix
//! Write the intended action: the message names it if there is a similar one. If the action is new, waive this code until the list has
//! the action.
//!
//! ## Verify
//! `aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document file://policy.json` reports no
//! `INVALID_ACTION`.
//!
//! ## References
//! - [Actions, resources and condition keys for AWS services](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
//! - [Required permissions for Amazon S3 API operations](https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)
//! - [Policy checks of IAM Access Analyzer](https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::{admitted, questions};
use crate::permissions::{PolicySet, PolicySource, StatementPlace, is_free, is_listed};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA508",
    reason: "ActionUnknown",
    severity: Severity::Unknown,
    link: Link::Permissions,
    title: "an action is not in AWS's list of actions",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// The most actions that a message names.
const SHOWN: usize = 5;

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let expectations = chain.request.map_or(&[][..], |request| &request.aws);
    let mut expected: Vec<&str> = questions(expectations)
        .map(|(question, _)| question.action)
        .filter(|action| !is_free(action) && !is_listed(action))
        .collect();
    expected.dedup();
    let own = aws.permissions.as_ref().map(unlisted).unwrap_or_default();
    let expected_ones = expected.iter().map(|action| (*action, String::new()));
    let own_ones = own
        .iter()
        .filter(|(action, _)| !expected.iter().any(|other| other.eq_ignore_ascii_case(action)))
        .map(|(action, place)| (action.as_str(), format!(" ({place})")));
    let all: Vec<(&str, String)> = expected_ones.chain(own_ones).collect();
    all.first()?;
    let told: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|(action, place)| told(action, place))
        .collect();
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!(
        "role `{}`: AWS's list of actions, as of {}, does not contain {}{more}",
        quote(aws.arn.name()),
        iam_actions::AS_OF,
        told.join("; ")
    );
    let severity = if expected.is_empty() {
        Severity::Notice
    } else {
        Severity::Unknown
    };
    let actions: Vec<&str> = all.iter().take(SHOWN).map(|(action, _)| *action).collect();
    Some(
        Finding::new(&ENTRY, message)
            .severity(severity)
            .fix(Some(fix(&actions))),
    )
}

/// An action with the one that was probably meant.
fn told(action: &str, place: &str) -> String {
    match iam_actions::meant(action) {
        Some(meant) => format!("`{}`{place}: `{}` was probably meant", quote(action), meant.name),
        None => format!("`{}`{place}", quote(action)),
    }
}

fn fix(actions: &[&str]) -> Fix {
    let pairs: Vec<String> = actions
        .iter()
        .filter_map(|action| {
            let meant = iam_actions::meant(action)?;
            Some(format!("`{}` instead of `{}`", meant.name, quote(action)))
        })
        .collect();
    if pairs.is_empty() {
        return Fix::manual(
            "compare the action with the Service Authorization Reference: one that is newer than the list may exist",
        );
    }
    Fix::manual(format!(
        "write {}, also in the role's policies",
        pairs.join(", and ")
    ))
}

/// The actions that policies of the account's own name and that are in no list, each once, with the first place of each.
fn unlisted<'a>(policies: &PolicySet<'a>) -> Vec<(String, StatementPlace<'a>)> {
    let mut found: Vec<(String, StatementPlace<'a>)> = Vec::new();
    let own = policies.identity.iter().filter(|policy| match policy.source {
        PolicySource::Inline(_) => true,
        PolicySource::Managed(arn) => arn.split(':').nth(4) != Some("aws"),
        PolicySource::Organization(_) => false,
    });
    for policy in own {
        let statements = policy
            .document()
            .map(iam_policy::Document::statements)
            .unwrap_or_default();
        for (at, statement) in statements.iter().enumerate() {
            for action in statement.actions().0 {
                let is_new = !found.iter().any(|(other, _)| other.eq_ignore_ascii_case(action));
                if is_new && !iam_policy::is_pattern(action) && !is_listed(action) {
                    found.push((action.to_owned(), policy.place(at)));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA508", Severity::Unknown, Link::Permissions, Verdict::Unknown);
    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA508", Severity::Notice, Link::Permissions, Verdict::Working);

    fn allowing(actions: &[&str]) -> World {
        World::healthy().inline(&json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }]
        }))
    }

    #[test]
    fn an_expected_action_that_does_not_exist_is_unknown_whatever_policies_say() {
        for (allowed, expected, meant) in [
            ("s3:ListObjectsV2", "s3:ListObjectsV2", "s3:ListBucket"),
            ("s3:*", "s3:HeadObject", "s3:GetObject"),
            ("s3:GetObject", "s3:HeadBucket", "s3:ListBucket"),
            (
                "elasticloadbalancing:*",
                "elb:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeLoadBalancers",
            ),
            ("s3:*", "s3:ListObjects*", ""),
        ] {
            let report = allowing(&[allowed]).expect(&[expected], &[]).audit();
            let finding = the_one(&report, UNKNOWN);
            for named in [expected, meant, "April 2026"] {
                assert!(finding.message.contains(named), "{}", finding.message);
            }
        }
    }

    #[test]
    fn in_a_policy_of_its_own_it_is_a_notice() {
        let report = allowing(&["s3:GetObject", "s3:ListObjectsV2"]).audit();
        let message = &the_one(&report, NOTICE).message;
        assert!(
            message.contains("`s3:ListBucket` was probably meant"),
            "{message}"
        );
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "s3:ListObjectsV2", "Resource": "*" }]
        });
        assert_healthy(
            &World::healthy()
                .attached("arn:aws:iam::aws:policy/Theirs", &policy)
                .audit(),
        );
    }

    #[test]
    fn what_admins_may_count_as_broken_says_what_to_do() {
        for action in ["s3:ListObjectsV2", "no-such-service:Act"] {
            for report in [
                allowing(&[action]).audit(),
                allowing(&["s3:*"]).expect(&[action], &[]).audit(),
            ] {
                assert!(
                    report.findings.iter().all(|finding| finding.fix.is_some()),
                    "{action}"
                );
            }
        }
    }

    #[test]
    fn what_exists_is_fine_in_whatever_case() {
        let world = allowing(&["S3:getobject", "s3:List*", "nosuch:*"]);
        assert_healthy(&world.clone().audit());
        assert_healthy(&world.clone().expect(&["s3:GETOBJECT", "s3:ListB*"], &[]).audit());
        assert_healthy(&world.expect(&["sts:GetCallerIdentity"], &[]).audit());
    }
}
