//! # IRSA502 `ActionNotAllowed`
//!
//! ## What it means
//! An `IrsaAudit` expects AWS permissions (`spec.expect.aws`), but no policy of the role allows one of them. irsa-audit checks every action
//! on every resource. A wildcard in an action or in a resource stands for everything that it matches; the resource `*` is for
//! actions that have no resource of their own, and irsa-audit checks these on `*` whatever resource is named, as AWS does. For `sts:AssumeRole` on a role that was read, irsa-audit evaluates that role's trust policy
//! as well, and the finding names both refusals if both sides refuse. Within an account, a trust policy that names the role's ARN
//! grants `sts:AssumeRole` without an identity policy; a trust policy that names the account does not.
//!
//! ## Why it breaks
//! AWS denies what no policy allows. irsa-audit does not evaluate resource-based policies, nor SCPs and RCPs that were not given: a
//! bucket policy may allow what the role's policies do not. In that case, do not expect the permission of the role. If irsa-audit may call
//! IAM's policy simulator, the simulator confirms the finding, and also evaluates SCPs (IRSA910).
//!
//! ## In logs
//! `AccessDenied … assumed-role/NAME/… is not authorized to perform: s3:PutObject on resource: … because no identity-based policy
//! allows the s3:PutObject action`.
//!
//! ## Example
//! ```yaml
//! kind: IrsaAudit
//! spec:
//!   serviceAccountName: cart
//!   expect:
//!     aws:
//!       - actions: ["s3:GetObject", "s3:PutObject"]
//!         resources: ["arn:aws:s3:::carts/*"]
//! ```
//! with a policy that allows `s3:GetObject` only.
//!
//! ## Fix
//! The command adds one inline policy that allows exactly what is missing. If you manage policies in code, use
//! the Terraform form, or the statement in it. For an action on resources of which none is named, there is no command: name the ARN first. If
//! a statement allows the action on the resource, and only its condition is not
//! met, the finding has no command: it names the condition key, what it must be, and what the request has.
//!
//! ## Verify
//! `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names s3:PutObject --resource-arns ARN` says `allowed`.
//!
//! ## References
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [Actions, resources and condition keys for AWS services](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
//! - [Troubleshoot access denied errors](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)

use super::expected::{
    Granted, and_asks, and_by_hand, as_request, asked, grant, message, missed, of_kind, why_not,
};
use super::irsa906::settle;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::admitted;
use crate::permissions::{Doubt, Expected, ExpectedRequest, PolicyAnswer, chaining, expected};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA502",
    reason: "ActionNotAllowed",
    severity: Severity::Broken,
    link: Link::Permissions,
    title: "no policy of the role allows an expected action",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    // A role without any policy is IRSA501's.
    if matches!(aws.policies, Ok(policies) if policies.attached.is_empty() && policies.inline.is_empty()) {
        return None;
    }
    let all = expected(chain);
    let failing = of_kind(all, is_missing);
    failing.first()?;
    let message = message(chain, aws.arn.name(), &failing, |expected| why(chain, expected));
    let (fix, nor) = match let_it(chain, &failing) {
        Some(Granted {
            fix,
            is_outside: true,
        }) => (
            Some(fix),
            "; the permissions boundary does not allow all of it either",
        ),
        granted => (granted.map(|granted| granted.fix), ""),
    };
    let message = and_asks(format!("{message}{nor}"), fix.as_ref());
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// Whether this rule speaks of an answer: not of a Deny, nor of a boundary, which are those of others.
fn is_missing(answer: &PolicyAnswer<'_>) -> bool {
    match answer {
        PolicyAnswer::NotAllowed => true,
        PolicyAnswer::Refused(refusal) => !matches!(
            *refusal.own,
            PolicyAnswer::Denied(_) | PolicyAnswer::OutsideBoundary(_)
        ),
        _ => false,
    }
}

/// What refuses it: the role's own policies, the role that is to be assumed, or both.
fn why(chain: &Chain<'_>, expected: &Expected<'_>) -> String {
    let what = asked(&expected.question);
    let own = match (expected.answer.own(), missed(chain, &expected.question)) {
        (PolicyAnswer::NotAllowed, Some(missed)) => {
            format!(
                "no policy allows {what}, because the condition of {} is not met: {}",
                missed.place,
                missed.why()
            )
        }
        (PolicyAnswer::NotAllowed, None) => {
            format!("no policy allows {what}{}", why_not(chain, &expected.question))
        }
        (PolicyAnswer::Undetermined(_), _) => {
            format!("{what} is refused, even if the role's own policies allow it")
        }
        _ => format!("the role's own policies allow {what}"),
    };
    match expected.answer.refusal() {
        None => match doubts(chain, expected).first() {
            Some(doubt) => format!("{own}; also, {doubt}"),
            None => own,
        },
        Some(why) if matches!(expected.answer.own(), PolicyAnswer::NotAllowed) => format!("{own}, and {why}"),
        Some(why) if matches!(expected.answer.own(), PolicyAnswer::Undetermined(_)) => {
            format!("{own}: {why}")
        }
        Some(why) => format!("{own}, but {why}"),
    }
}

/// What keeps it open whether a role that is to be assumed admits this one, once the own policies allow it.
fn doubts(chain: &Chain<'_>, expected: &Expected<'_>) -> Vec<Doubt<'static>> {
    let (PolicyAnswer::NotAllowed, Some(aws)) = (&expected.answer, admitted(chain)) else {
        return Vec::new();
    };
    as_request(chain, &expected.question)
        .map(|request| chaining::doubts(chain, &aws.arn, &request))
        .unwrap_or_default()
}

/// What allows it: a grant of what no policy allows, then what to ask the owners of the rest.
fn let_it(chain: &Chain<'_>, failing: &[&Expected<'_>]) -> Option<Granted> {
    let (mut missing, mut by_hand): (Vec<&ExpectedRequest<'_>>, Vec<String>) = (Vec::new(), Vec::new());
    for expected in failing {
        let question = &expected.question;
        let is_needed = match &expected.answer {
            PolicyAnswer::Refused(refusal) => {
                by_hand.push(refusal.remedy.clone());
                refusal.needs_own && matches!(*refusal.own, PolicyAnswer::NotAllowed)
            }
            _ => true,
        };
        match missed(chain, question).filter(|_| is_needed) {
            // A condition is there for a reason: nothing is granted past it.
            Some(missed) => by_hand.push(format!(
                "make the request meet the condition of {}, or ask the owner of the policy to change it: a condition is usually \
                 deliberate, so no command is given that allows {} without it",
                missed.place,
                asked(question)
            )),
            None if is_needed => missing.push(question),
            None => {}
        }
        by_hand.extend(settle(chain, &doubts(chain, expected)));
    }
    by_hand.dedup();
    if missing.is_empty() {
        return (!by_hand.is_empty()).then(|| Fix::manual(by_hand.join("; ")).into());
    }
    grant(chain, &missing).map(|granted| Granted {
        fix: and_by_hand(granted.fix, &by_hand),
        ..granted
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA502", Severity::Broken, Link::Permissions, Verdict::Broken);

    fn allowing(actions: &[&str], resources: &[&str]) -> World {
        World::healthy().inline(&json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resources }]
        }))
    }

    const CARTS: &str = "arn:aws:s3:::carts/*";

    #[test]
    fn every_action_on_every_resource_is_asked_for() {
        let world = allowing(&["s3:Get*"], &[CARTS]);
        assert_healthy(
            &world
                .clone()
                .expect(&["s3:GetObject", "S3:getobjectacl"], &[CARTS])
                .audit(),
        );
        for (actions, resources) in [
            (&["s3:GetObject", "s3:PutObject"][..], &[CARTS][..]),
            (&["s3:GetObject"], &[CARTS, "arn:aws:s3:::orders/a"]),
            (&["s3:GetObject"], &["arn:aws:s3:::*"]),
            (&["s3:ListAllMyBuckets"], &[]),
        ] {
            let report = world.clone().expect(actions, resources).audit();
            let finding = the_one(&report, BROKEN);
            assert_eq!(
                finding.fix.as_ref().unwrap().first.kind,
                FixKind::AwsCli,
                "{finding:?}"
            );
        }
    }

    #[test]
    fn a_forgotten_arn_is_asked_for_and_nothing_is_granted_on_everything() {
        for actions in [&["s3:PutObject"][..], &["s3:Put*"]] {
            let report = allowing(&["s3:GetObject"], &[CARTS]).expect(actions, &[]).audit();
            let fix = the_one(&report, BROKEN).fix.clone().unwrap();
            assert_eq!(fix.first.kind, FixKind::Manual, "{actions:?}");
            assert!(fix.first.text.contains("ARN"), "{}", fix.first.text);
        }
        // What names no resource does not keep the rest from its command.
        let report = allowing(&["s3:GetObject"], &[CARTS])
            .expect(&["s3:PutObject", "s3:ListAllMyBuckets"], &[])
            .audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        assert_eq!(fix.first.kind, FixKind::AwsCli);
        assert!(!fix.first.text.contains("PutObject"), "{}", fix.first.text);
        assert_eq!(fix.then.last().unwrap().kind, FixKind::Manual);
    }

    #[test]
    fn an_action_without_a_resource_is_checked_on_everything_whatever_is_named() {
        const INSTANCE: &str = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1";
        let expecting = |resource: &str| {
            allowing(&["ec2:DescribeInstances"], &[resource]).expect(&["ec2:DescribeInstances"], &[INSTANCE])
        };
        assert_healthy(&expecting("*").audit());
        let report = expecting("arn:aws:ec2:*:*:instance/*").audit();
        let finding = the_one(&report, BROKEN);
        assert!(
            finding.message.contains("no resource of its own"),
            "{}",
            finding.message
        );
        let command = &finding.fix.as_ref().unwrap().first.text;
        assert!(command.contains(r#""Resource":["*"]"#), "{command}");
    }

    #[test]
    fn a_resource_that_no_request_has_proves_nothing() {
        let alias = "arn:aws:kms:eu-west-1:111122223333:alias/cart";
        for (action, resource) in [("s3:ListBucket", CARTS), ("kms:Decrypt", alias)] {
            for allowed in [resource, "arn:aws:s3:::other/*"] {
                let report = allowing(&[action], &[allowed])
                    .expect(&[action], &[resource])
                    .audit();
                assert_eq!(codes(&report), ["IRSA906"], "{action} {allowed}");
                assert!(report.findings[0].fix.is_some());
            }
        }
    }

    #[test]
    fn who_it_is_everybody_may_ask() {
        let denied = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
        for world in [allowing(&["s3:Get*"], &[CARTS]), World::healthy().inline(&denied)] {
            assert_healthy(&world.expect(&["sts:GetCallerIdentity"], &[]).audit());
        }
    }

    #[test]
    fn the_fix_makes_it_pass() {
        let world = allowing(&["s3:GetObject"], &[CARTS])
            .expect(&["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], &[CARTS]);
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        let (_, document) = fix.first.text.split_once("--policy-document ").unwrap();
        let document: serde_json::Value = serde_json::from_str(document.trim_matches('\'')).unwrap();
        assert_eq!(document["Statement"].as_array().unwrap().len(), 1, "{document}");
        assert_eq!(
            document["Statement"][0]["Action"],
            json!(["s3:DeleteObject", "s3:PutObject"])
        );
        let (_, name) = fix.first.text.split_once("--policy-name ").unwrap();
        let (name, _) = name.split_once(' ').unwrap();
        assert_healthy(&world.inline_named(name, &document).audit());
    }

    #[test]
    fn nothing_that_iam_would_not_take_is_printed() {
        let world = || allowing(&["s3:GetObject"], &[CARTS]);
        let report = world().expect(&["s3:PutObject"], &["carts"]).audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert_eq!(fix.first.kind, FixKind::Manual);
        for action in ["PutObject", "s3:Put Object"] {
            let report = world().expect(&[action], &[CARTS]).audit();
            assert_eq!(codes(&report), ["IRSA508"], "{action}");
            let fix = report.findings[0].fix.as_ref();
            assert!(
                fix.is_none_or(|fix| fix.first.kind == FixKind::Manual),
                "{action}"
            );
        }
    }

    /// The name and the document of the inline policy that a command puts.
    fn put(report: &crate::BindingReport) -> (String, serde_json::Value) {
        let text = &the_one(report, BROKEN).fix.as_ref().unwrap().first.text;
        let (_, rest) = text.split_once("--policy-name ").unwrap();
        let (name, document) = rest.split_once(" --policy-document ").unwrap();
        let document = serde_json::from_str(document.trim_matches('\'')).unwrap();
        (name.to_owned(), document)
    }

    #[test]
    fn a_policy_of_the_same_name_is_not_overwritten() {
        let other = json!({ "Version": "2012-10-17", "Statement": [] });
        let world = || allowing(&["s3:GetObject"], &[CARTS]);
        let (name, _) = put(&world().expect(&["s3:PutObject"], &[CARTS]).audit());
        let edited = world().inline_named(&name, &other);
        let (next, _) = put(&edited.expect(&["s3:PutObject"], &[CARTS]).audit());
        assert_eq!(next, format!("{name}-2"));
    }

    #[test]
    fn two_commands_for_one_role_can_be_pasted_one_after_the_other() {
        let world = || allowing(&["s3:GetObject"], &[CARTS]);
        let (first, put_object) = put(&world().expect(&["s3:PutObject"], &[CARTS]).audit());
        let (second, delete) = put(&world().expect(&["s3:DeleteObject"], &[CARTS]).audit());
        assert_ne!(first, second, "PutRolePolicy replaces the policy of a name");
        let both = world()
            .inline_named(&first, &put_object)
            .inline_named(&second, &delete);
        assert_healthy(
            &both
                .expect(&["s3:PutObject", "s3:DeleteObject"], &[CARTS])
                .audit(),
        );
    }

    #[test]
    fn who_else_gets_it_is_told() {
        let with = |conditions: &serde_json::Value, more: &[serde_json::Value]| {
            let mut document = trust(conditions);
            document["Statement"]
                .as_array_mut()
                .unwrap()
                .extend(more.iter().cloned());
            let world = allowing(&["s3:GetObject"], &[CARTS]).trust(&document);
            let report = world
                .service_account("shop", "orders")
                .expect(&["s3:PutObject"], &[CARTS])
                .audit();
            let finding = report
                .findings
                .iter()
                .find(|finding| finding.entry.code == "IRSA502");
            let finding = finding.unwrap();
            let asks = finding.fix.as_ref().unwrap().asks.clone();
            assert!(asks.as_ref().is_none_or(|asks| finding.message.contains(asks)));
            asks.unwrap_or_default()
        };
        assert_eq!(with(&condition(SUBJECT), &[]), "");
        let mut both = condition(SUBJECT);
        both["StringEquals"][format!("{HOST_PATH}:sub")] =
            json!([SUBJECT, "system:serviceaccount:staging:cart"]);
        let asks = with(&both, &[]);
        assert!(asks.contains("ServiceAccount `staging/cart`"), "{asks}");
        let like = json!({ "StringLike": { format!("{HOST_PATH}:sub"): "system:serviceaccount:shop:*" },
            "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } });
        let asks = with(&like, &[]);
        assert!(asks.contains("ServiceAccount `shop/orders`"), "{asks}");
        let nodes = json!({ "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" });
        let asks = with(&condition(SUBJECT), &[nodes]);
        assert!(asks.contains("AWS services") && !asks.contains("ec2"), "{asks}");
    }

    #[test]
    fn a_role_to_be_assumed_has_its_say() {
        let target = "arn:aws:iam::111122223333:role/old-cart";
        let lets_in = |principal: &str| {
            json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }
            ]})
            .to_string()
        };
        let world = || allowing(&["sts:AssumeRole"], &[target]).expect(&["sts:AssumeRole"], &[target]);
        assert_eq!(codes(&world().audit()), ["IRSA906"], "what it says was not seen");
        for principal in [ROLE, "arn:aws:iam::111122223333:root", "*"] {
            assert_healthy(
                &world()
                    .any_role("old-cart", role(target, &lets_in(principal)))
                    .audit(),
            );
        }
        let refusing = world().any_role(
            "old-cart",
            role(target, &lets_in("arn:aws:iam::111122223333:role/other")),
        );
        let report = refusing.audit();
        let finding = the_one(&report, BROKEN);
        assert!(finding.message.contains("does not let"), "{}", finding.message);
        let by_name = allowing(&["s3:GetObject"], &["*"]).expect(&["sts:AssumeRole"], &[target]);
        assert_healthy(
            &by_name
                .clone()
                .any_role("old-cart", role(target, &lets_in(ROLE)))
                .audit(),
        );
        let by_account = by_name.any_role(
            "old-cart",
            role(target, &lets_in("arn:aws:iam::111122223333:root")),
        );
        the_one(&by_account.audit(), BROKEN);
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        let world = allowing(&["s3:GetObject"], &["arn:aws:s3:::carts/${aws:username}/*"])
            .expect(&["s3:GetObject"], &["arn:aws:s3:::carts/x/y"]);
        let report = world.audit();
        let message = &the_one(&report, BROKEN).message;
        assert!(message.contains("`${aws:username}`"), "{message}");
        let other = world.expect(&["s3:GetObject"], &["arn:aws:s3:::orders/x"]);
        let report = other.audit();
        let message = &the_one(&report, BROKEN).message;
        assert!(!message.contains("orders/x` (statement"), "{message}");
    }

    #[test]
    fn what_is_certain_of_a_roles_session_decides() {
        let with = |condition: &serde_json::Value| {
            World::healthy()
                .inline(&json!({ "Version": "2012-10-17", "Statement": [
                    { "Effect": "Allow", "Action": "s3:GetObject", "Resource": CARTS, "Condition": condition }
                ]}))
                .expect(&["s3:GetObject"], &[CARTS])
        };
        for (condition, is_met) in [
            (json!({ "Bool": { "aws:SecureTransport": "true" } }), true),
            (json!({ "Bool": { "aws:ViaAWSService": "true" } }), false),
            (json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), false),
            (json!({ "Null": { "aws:username": "true" } }), true),
            (
                json!({ "StringEquals": { "aws:PrincipalType": "AssumedRole" } }),
                true,
            ),
            (json!({ "StringEquals": { "aws:PrincipalType": "User" } }), false),
            (
                json!({ "DateGreaterThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }),
                true,
            ),
            (
                json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }),
                false,
            ),
        ] {
            let report = with(&condition).audit();
            if is_met {
                assert_healthy(&report);
            } else {
                the_one(&report, BROKEN);
            }
        }
    }

    #[test]
    fn an_action_without_a_resource_is_allowed_where_aws_says_so() {
        let all = allowing(
            &["s3:ListAllMyBuckets", "ecr:GetAuthorizationToken"],
            &["arn:aws:s3:::*"],
        );
        assert_healthy(&all.clone().expect(&["s3:ListAllMyBuckets"], &[]).audit());
        the_one(&all.expect(&["ecr:GetAuthorizationToken"], &[]).audit(), BROKEN);
        let one = allowing(&["s3:ListAllMyBuckets"], &["arn:aws:s3:::carts"]);
        the_one(&one.expect(&["s3:ListAllMyBuckets"], &[]).audit(), BROKEN);
    }

    #[test]
    fn nobody_is_told_whom_the_trust_policy_does_not_admit() {
        let world = allowing(&["s3:GetObject"], &[CARTS]).expect(&["s3:PutObject"], &[CARTS]);
        let refusing = world.condition(&condition("system:serviceaccount:shop:orders"));
        assert_eq!(codes(&refusing.audit()), ["IRSA205"]);
    }
}
