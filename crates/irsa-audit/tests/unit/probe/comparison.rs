use audit_core::finding::Entry;
use audit_core::rules::{irsa204, irsa301, irsa303};

use super::*;

const AGREES: Option<bool> = Some(true);
const DISAGREES: Option<bool> = Some(false);

fn role(outcome: RoleOutcome, findings: &[Finding]) -> ProbedRole<'_> {
    ProbedRole {
        arn: "arn:aws:iam::111122223333:role/cart",
        outcome,
        findings,
        issuer: None,
        token_issuer: None,
    }
}

fn fails(entry: &'static Entry) -> [Finding; 1] {
    [Finding::new(entry, String::new())]
}

fn error(code: &str, message: &str) -> StsError {
    StsError {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

fn compared(answer: StsAnswer, role: &ProbedRole<'_>) -> Comparison {
    Comparison::new(answer, role, "irsa-audit").unwrap()
}

/// Whether the two agree; `None` where one has no answer.
fn agrees(comparison: &Comparison) -> Option<bool> {
    match comparison.agreement {
        Agreement::Agrees => Some(true),
        Agreement::Disagrees(_) => Some(false),
        Agreement::NotCompared => None,
    }
}

/// What STS documents for a token that it refuses, with the symptom, and the finding that explains it.
#[test]
fn each_error_is_explained_by_the_findings_behind_it() {
    for (code, message, symptom, entry) in [
        (
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "sts-not-authorized",
            &irsa204::ENTRY,
        ),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://a.example",
            "sts-no-provider",
            &irsa301::ENTRY,
        ),
        (
            "InvalidIdentityToken",
            "Incorrect token audience",
            "sts-audience",
            &irsa303::ENTRY,
        ),
    ] {
        let findings = fails(entry);
        let failing = role(RoleOutcome::Fails, &findings);
        let comparison = compared(StsAnswer::Refused(error(code, message)), &failing);
        let ids: Vec<&str> = comparison.symptoms.iter().map(|symptom| symptom.id).collect();
        assert_eq!((ids, agrees(&comparison)), (vec![symptom], AGREES), "{message}");
        let passing = compared(
            StsAnswer::Refused(error(code, message)),
            &role(RoleOutcome::Passes, &[]),
        );
        assert_eq!(agrees(&passing), DISAGREES, "{message}");
    }
    let findings = fails(&irsa301::ENTRY);
    let other = compared(
        StsAnswer::Refused(error("InvalidIdentityToken", "Incorrect token audience")),
        &role(RoleOutcome::Fails, &findings),
    );
    assert_eq!(
        agrees(&other),
        DISAGREES,
        "the provider is not what STS finds wrong"
    );
}

/// No link shows what is wrong: the pods meet it as well.
#[test]
fn a_refusal_that_no_finding_explains_contradicts_a_chain_that_passes() {
    for (code, message, symptom) in [
        (
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
            "sts-verification-key",
        ),
        (
            "ExpiredTokenException",
            "Token expired: current date/time 1 must be before the expiration date/time 0",
            "sts-token-expired",
        ),
        (
            "RegionDisabledException",
            "STS is not activated in this region for account:111122223333.",
            "sts-region-disabled",
        ),
        ("ValidationError", "Request ARN is invalid", "sts-role-arn"),
    ] {
        let comparison = compared(
            StsAnswer::Refused(error(code, message)),
            &role(RoleOutcome::Passes, &[]),
        );
        let ids: Vec<&str> = comparison.symptoms.iter().map(|symptom| symptom.id).collect();
        assert_eq!((ids, agrees(&comparison)), (vec![symptom], DISAGREES), "{code}");
        assert_eq!(comparison.exit_code(RoleOutcome::Passes, Some(0)), UNKNOWN);
    }
}

#[test]
fn an_error_that_is_not_about_the_token_decides_nothing() {
    let answers = [
        ("Throttling", "Rate exceeded", "sts-throttled"),
        ("IDPCommunicationError", "no answer", "sts-idp-communication"),
        ("PackedPolicyTooLarge", "112%", "sts-session-policy"),
        ("MalformedPolicyDocument", "no JSON", "sts-session-policy"),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "sts-duration",
        ),
    ];
    for (code, message, symptom) in answers {
        for outcome in [RoleOutcome::Passes, RoleOutcome::Fails, RoleOutcome::Unknown] {
            let error = error(code, message);
            let answer = if code == "ValidationError" {
                StsAnswer::Refused(error)
            } else {
                StsAnswer::Undecided(error)
            };
            let comparison = compared(answer, &role(outcome, &[]));
            let ids: Vec<&str> = comparison.symptoms.iter().map(|symptom| symptom.id).collect();
            assert_eq!((ids, agrees(&comparison)), (vec![symptom], None), "{code}");
            assert_eq!(comparison.exit_code(outcome, Some(0)), UNKNOWN, "{code}");
        }
    }
}

#[test]
fn no_answer_is_no_comparison() {
    let silent = StsAnswer::Silent("no connection in time".to_owned());
    assert_eq!(
        Comparison::new(silent, &role(RoleOutcome::Passes, &[]), "irsa-audit").unwrap_err(),
        "no connection in time"
    );
}

#[test]
fn the_exit_code_is_that_of_the_status_where_the_answers_agree() {
    let findings = fails(&irsa204::ENTRY);
    let refusal = || StsAnswer::Refused(error("AccessDenied", "no"));
    let cases = [
        (StsAnswer::Admitted, RoleOutcome::Passes, Some(0), 0),
        // The pods lack their credentials, for example.
        (StsAnswer::Admitted, RoleOutcome::Passes, Some(1), 1),
        (StsAnswer::Admitted, RoleOutcome::Unknown, Some(3), 3),
        (refusal(), RoleOutcome::Fails, Some(1), 1),
        (StsAnswer::Admitted, RoleOutcome::Fails, Some(1), 3),
        (refusal(), RoleOutcome::Passes, Some(0), 3),
        // Of a role that is not its own.
        (StsAnswer::Admitted, RoleOutcome::Passes, None, 0),
        (refusal(), RoleOutcome::Fails, None, 1),
        (StsAnswer::Admitted, RoleOutcome::Unknown, None, 3),
    ];
    for (answer, outcome, status, expected) in cases {
        let comparison = compared(answer.clone(), &role(outcome, &findings));
        assert_eq!(
            comparison.exit_code(outcome, status),
            expected,
            "{answer:?} {outcome:?} {status:?}"
        );
    }
}
