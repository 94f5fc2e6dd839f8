use audit_aws::{StsAnswer, StsError};
use audit_core::rules::irsa905::ProbedRole;
use iam_policy::RoleArn;

use super::*;
use crate::probe::target::OtherRole;

/// A probe of a role that passes, of which STS gave this answer: as text and as JSON.
fn shown(answer: StsAnswer) -> (String, Value) {
    let key = BindingKey::new("shop", "cart");
    let target = Target {
        role: RoleArn::parse("arn:aws:iam::111122223333:role/cart").unwrap(),
        audience: "sts.amazonaws.com".to_owned(),
        issuer: None,
        outcome: RoleOutcome::Passes,
        findings: Vec::new(),
        others: vec![OtherRole {
            role: "arn:aws:iam::111122223333:role/other".to_owned(),
            audience: "a\u{202e}b".to_owned(),
        }],
    };
    let role = ProbedRole {
        arn: target.role.as_str(),
        outcome: target.outcome,
        findings: &target.findings,
        issuer: None,
        token_issuer: None,
    };
    let comparison = Comparison::new(answer, &role, "irsa-audit").unwrap();
    let region = StsRegion {
        name: "eu-west-1".to_owned(),
        source: "--region",
    };
    let view = ProbeView {
        key: &key,
        target: &target,
        token_issuer: None,
        region: &region,
        session_name: "irsa-audit-probe-jane",
        comparison: &comparison,
    };
    let json = view.json(Some(&json!({"kind": "AuditReport"})));
    let text = view.text(Some("the status\n"), Terminal::default());
    assert!(
        ![&json, &text]
            .iter()
            .any(|shown| shown.chars().any(|c| c != '\n' && audit_core::text::is_hidden(c))),
        "{text}{json}"
    );
    (text, serde_json::from_str(&json).unwrap())
}

#[test]
fn a_contradiction_is_shown_with_both_answers() {
    let (text, json) = shown(StsAnswer::Refused(StsError {
        code: "AccessDenied".to_owned(),
        message: "Not authorized\u{1b}[31m to perform sts:AssumeRoleWithWebIdentity".to_owned(),
    }));
    for part in [
        "AccessDenied",
        "IRSA905",
        "sts-not-authorized",
        "role/other",
        "the status",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(json["sts"]["answer"], "refuses");
    assert_eq!(json["sts"]["code"], "AccessDenied");
    assert_eq!(json["sts"]["symptoms"][0]["id"], "sts-not-authorized");
    assert_eq!(json["evaluation"]["outcome"], "passes");
    assert_eq!(json["agreement"], "disagrees");
    assert_eq!(
        (&json["findings"][0]["code"], &json["findings"][0]["severity"]),
        (&json!("IRSA905"), &json!("unknown"))
    );
    assert_eq!(
        json["notProbed"][0]["roleArn"],
        "arn:aws:iam::111122223333:role/other"
    );
    assert_eq!(json["status"]["kind"], "AuditReport");
}

#[test]
fn an_agreement_has_no_finding() {
    let (text, json) = shown(StsAnswer::Admitted);
    assert!(!text.contains("IRSA905"), "{text}");
    assert_eq!(
        (&json["sts"]["answer"], &json["agreement"], &json["findings"]),
        (&json!("admits"), &json!("agrees"), &json!([]))
    );
    assert_eq!(json["sts"]["code"], Value::Null);
}
