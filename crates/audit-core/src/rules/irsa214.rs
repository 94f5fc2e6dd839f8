//! # IRSA214 `ConditionUndetermined`
//!
//! ## What it means
//! The answer depends on a key that only the caller's side decides (`aws:SourceIp`, `aws:SourceVpc`,
//! `sts:RoleSessionName` …), or on something in the policy that AWS does not document, or documents in two ways:
//!
//! - a key that occurs twice in one object; condition keys are compared without case, so `…:sub` and
//!   `…:SUB` are the same key
//! - an empty list of values, actions or principals
//! - `NotPrincipal` with `Allow`
//! - `"Federated": "*"`
//! - a value that is not of its operator's type
//!
//! Or it depends on an RCP that was given as a file (`--aws`): the RCP denies the call, but no file says whether it is attached to the
//! role's account or above it; or the Deny of the RCP depends on such a key.
//!
//! ## Why it is unknown
//! Only AWS sees these keys, and only AWS knows what such a policy means. Calling it broken or working would be a guess.
//! Keys with a certain value in a call that a pod itself makes to STS are evaluated: `aws:SecureTransport` is `true`,
//! `aws:ViaAWSService` is `false`, `aws:CurrentTime` is now, `sts:RoleSessionName` has some value.
//!
//! ## In logs
//! If the condition is not met: `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
//! ```
//!
//! ## Fix
//! No edit of the policy is proposed for a key that the caller decides. Check in the pod whether it gets credentials, and waive this code
//! if the condition is intended.
//!
//! For `sts:RoleSessionName`, set the environment variable `AWS_ROLE_SESSION_NAME` of the containers to a name that meets the condition.
//! Without it, each SDK generates a session name that changes with each call. The webhook does not set the variable.
//!
//! Rewrite what AWS does not document: each key once, at least one value in each list, `Principal` with the provider's ARN.
//!
//! ## Verify
//! `aws sts get-caller-identity` in the pod names the role.
//!
//! ## References
//! - [Global condition keys](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [Assume role credential provider of the SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html)
//! - [NotPrincipal](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html)
//! - [Policy checks of IAM Access Analyzer](https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html)

use iam_policy::{Cause, CauseKind};

use super::trust::{clause_of, demand, denied, got};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::text::{quote, reveal};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA214",
    reason: "ConditionUndetermined",
    severity: Severity::Unknown,
    link: Link::Trust,
    title: "whether the role admits the token cannot be determined",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    by_trust(chain).or_else(|| by_organization(chain))
}

/// An RCP may deny what the trust policy allows.
fn by_organization(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.past_role().filter(|aws| aws.trust_policy_admits())?;
    let first = aws
        .limits
        .may_deny
        .first()
        .filter(|_| aws.limits.denies.is_none())?;
    let message = format!(
        "role `{}`: the trust policy admits this ServiceAccount, but an RCP may deny `sts:AssumeRoleWithWebIdentity`: {first}",
        quote(aws.arn.name())
    );
    Some(Finding::new(&ENTRY, message).fix(first.remedy().map(|remedy| Fix::manual(remedy.to_owned()))))
}

fn by_trust(chain: &Chain<'_>) -> Option<Finding> {
    let finding = undetermined(chain)?;
    if finding.fix.is_some() {
        return Some(finding);
    }
    let aws = chain.past_role()?;
    let cause = aws.trust.as_ref().and_then(|trust| trust.cause.as_ref());
    Some(finding.fix(cause.and_then(|cause| remedy(cause, aws.arn.name()))))
}

/// What a person does: no edit of the policy is safe, because only AWS knows whether the condition is met.
fn remedy(cause: &Cause, role_name: &str) -> Option<Fix> {
    let role = quote(role_name);
    if cause.undocumented.is_some() {
        return Some(Fix::manual(format!(
            "ask the owner of role `{role}` to rewrite the statement so that AWS documents its meaning: each condition key once, at least \
             one value in each list, values of the operator's type, and `Principal` with the ARN of the OIDC provider"
        )));
    }
    let key = cause.key.as_deref()?;
    Some(Fix::manual(if key.eq_ignore_ascii_case("sts:RoleSessionName") {
        // Shared settings of the AWS SDKs and tools, "Assume role credential provider".
        format!(
            "set the environment variable `AWS_ROLE_SESSION_NAME` of the containers to a name that meets the condition. Without it, each \
             SDK generates a session name that changes with each call. Or ask the owner of role `{role}` to remove the condition. In the \
             pod, `aws sts get-caller-identity` shows the session name at the end of the ARN"
        )
    } else {
        format!(
            "check in a pod of this ServiceAccount whether it gets credentials: `aws sts get-caller-identity` shows the role if the \
             condition on `{0}` is met. If it is not, ask the owner of role `{role}` to correct that condition",
            quote(key)
        )
    }))
}

fn undetermined(chain: &Chain<'_>) -> Option<Finding> {
    denied(chain, CauseKind::ConditionUndetermined, &ENTRY, |cause| {
        match (cause.undocumented, &cause.key, cause.position) {
            (Some(undocumented), Some(_), _) => format!("{}: {undocumented}", clause_of(cause)),
            (Some(undocumented), None, _) => undocumented.to_string(),
            (None, Some(_), _) => format!("{}, and only AWS sees this key of the request", demand(cause)),
            (None, None, Some(position)) => format!("{position}: {}", reveal(&cause.got.join(", "))),
            (None, None, None) => {
                format!(
                    "whether its condition is met cannot be determined: it has {}",
                    got(cause)
                )
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fix::FixKind;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA214", Severity::Unknown, Link::Trust, Verdict::Unknown);

    fn with(operator: &str, key: &str, value: &Value) -> World {
        let mut conditions = condition(SUBJECT);
        conditions[operator][key] = value.clone();
        World::healthy().condition(&conditions)
    }

    #[test]
    fn what_depends_on_the_caller_is_unknown() {
        for (operator, key, value) in [
            ("IpAddress", "aws:SourceIp", json!("10.0.0.0/8")),
            ("StringEquals", "aws:SourceVpc", json!("vpc-1")),
            ("StringLike", "sts:RoleSessionName", json!("cart-*")),
        ] {
            let report = with(operator, key, &value).audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(finding.message.contains(key), "{}", finding.message);
            let fix = finding.fix.as_ref().unwrap();
            assert_eq!((fix.first.kind, fix.then.len()), (FixKind::Manual, 0));
            assert_eq!(
                fix.first.text.contains("AWS_ROLE_SESSION_NAME"),
                key == "sts:RoleSessionName",
                "{fix:?}"
            );
            assert_eq!(state(&report, Link::Permissions), LinkState::NotReached);
        }
    }

    #[test]
    fn what_fails_anyway_is_broken() {
        let mut conditions = condition("system:serviceaccount:staging:cart");
        conditions["IpAddress"]["aws:SourceIp"] = json!("10.0.0.0/8");
        let report = World::healthy().condition(&conditions).audit();
        assert_eq!(
            (codes(&report), report.verdict),
            (vec!["IRSA204"], Verdict::Broken)
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_unknown() {
        let text = trust(&condition(SUBJECT)).to_string().replacen(
            &format!("\"{HOST_PATH}:sub\""),
            &format!("\"{HOST_PATH}:sub\":\"system:serviceaccount:staging:cart\",\"{HOST_PATH}:sub\""),
            1,
        );
        let report = World::healthy().trust_text(&text).audit();
        the_one(&report, UNKNOWN);
    }

    #[test]
    fn what_aws_does_not_document_is_unknown_and_named() {
        let text = |from: &str, to: &str| trust(&condition(SUBJECT)).to_string().replace(from, to);
        let subject = format!("\"{HOST_PATH}:sub\":\"{SUBJECT}\"");
        let provider = provider_arn(HOST_PATH);
        for (text, named) in [
            (
                text(
                    &subject,
                    &format!("{subject},\"{HOST_PATH}:SUB\":\"system:serviceaccount:shop:other\""),
                ),
                "there twice",
            ),
            (
                text(&subject, &format!("\"{HOST_PATH}:sub\":[]")),
                "empty list of values",
            ),
            (
                text(
                    &format!("\"Principal\":{{\"Federated\":\"{provider}\"}}"),
                    "\"NotPrincipal\":{\"AWS\":\"arn:aws:iam::111122223333:user/x\"}",
                ),
                "NotPrincipal",
            ),
            (text(&format!("\"{provider}\""), "\"*\""), "Federated"),
            (
                text("\"sts:AssumeRoleWithWebIdentity\"", "[]"),
                "list of actions is empty",
            ),
        ] {
            let report = World::healthy().trust_text(&text).audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(finding.message.contains(named), "{text}: {}", finding.message);
            assert!(finding.fix.is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_certain_of_a_pods_own_call_is_decided() {
        for (operator, key, value) in [
            ("Bool", "aws:SecureTransport", json!("true")),
            ("Bool", "aws:ViaAWSService", json!(false)),
            (
                "DateGreaterThan",
                "aws:CurrentTime",
                json!("2020-01-01T00:00:00Z"),
            ),
            ("NumericGreaterThan", "aws:EpochTime", json!(1_577_836_800)),
            ("StringLike", "sts:RoleSessionName", json!("*")),
        ] {
            assert_healthy(&with(operator, key, &value).audit());
        }
        let report = with("Bool", "aws:SecureTransport", &json!("false")).audit();
        assert_eq!(
            (codes(&report), report.verdict),
            (vec!["IRSA213"], Verdict::Broken)
        );
    }

    #[test]
    fn a_date_decides_until_it_passes() {
        let world = World::healthy();
        let end = world
            .now
            .checked_add(jiff::SignedDuration::from_secs(600))
            .unwrap();
        let ends = with("DateLessThan", "aws:CurrentTime", &json!(end.to_string()));
        let report = ends.audit();
        assert_healthy(&report);
        assert_eq!(report.valid_until, Some(end));
        let report = ends.later(600).audit();
        assert_eq!(codes(&report), ["IRSA213"]);
        let begins = with("DateGreaterThan", "aws:CurrentTime", &json!(end.to_string()));
        assert_eq!(codes(&begins.audit()), ["IRSA213"]);
        assert_healthy(&begins.later(601).audit());
    }

    #[test]
    fn another_statement_that_certainly_admits_settles_it() {
        let mut conditions = condition(SUBJECT);
        conditions["IpAddress"]["aws:SourceIp"] = json!("10.0.0.0/8");
        let mut document = trust(&conditions);
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(statement(&condition(SUBJECT)));
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
