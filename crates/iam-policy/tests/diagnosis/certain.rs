//! What AWS does not document, and what is certain of a call.

use super::*;

#[test]
fn what_aws_documents_nowhere_or_in_two_ways_is_named() {
    let issuer = |text: &str| text.replace("ISS", ISSUER);
    let right = issuer(
        r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:cart","ISS:aud":"sts.amazonaws.com"}}"#,
    );
    let ours = principal(ISSUER);
    let web_identity = "sts:AssumeRoleWithWebIdentity";
    let by_condition = |condition: &str| statement("Allow", &ours, web_identity, &issuer(condition));
    let by_principal = |principal: &str| statement("Allow", principal, web_identity, &right);
    let not_principal = |text: String| text.replace("\"Principal\"", "\"NotPrincipal\"");
    for (statement, expected) in [
        (
            by_condition(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:cart","ISS:SUB":"x"}}"#),
            U::DuplicateKey,
        ),
        (
            by_condition(r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:cart","ISS:sub":"x"}}"#),
            U::DuplicateKey,
        ),
        (by_condition(r#"{"StringLike":{"ISS:sub":[]}}"#), U::EmptyValues),
        (
            by_condition(r#"{"StringNotEquals":{"ISS:sub":[]}}"#),
            U::EmptyValues,
        ),
        (
            not_principal(by_principal(r#"{"AWS":"arn:aws:iam::111122223333:user/x"}"#)),
            U::NotPrincipal,
        ),
        (by_principal(r#"{"Federated":"*"}"#), U::AnyProvider),
        (by_principal("{}"), U::EmptyPrincipals),
        (by_principal(r#"{"Federated":[]}"#), U::EmptyPrincipals),
        (
            by_principal(&ours).replace(&format!("\"{web_identity}\""), "[]"),
            U::EmptyActions,
        ),
    ] {
        let cause = cause(std::slice::from_ref(&statement));
        assert_eq!(cause.kind, K::ConditionUndetermined, "{statement}");
        assert_eq!(cause.undocumented, Some(expected), "{statement}");
        assert!(!expected.to_string().is_empty());
        // As a Deny beside a statement that admits, it is as unknown.
        let denying = statement.replace("\"Allow\"", "\"Deny\"");
        let beside = [by_principal(&ours), denying];
        let decision = diagnose_trust(&parse(&policy(&beside)), &identity()).decision;
        let expected_of_deny = if expected == U::NotPrincipal {
            Decision::ExplicitlyDenied
        } else {
            Decision::Undetermined
        };
        assert_eq!(decision, expected_of_deny, "{statement}");
    }
    // What makes no difference is decided.
    for (condition, expected) in [
        (
            r#"{"StringLike":{"ISS:sub":"system:serviceaccount:shop:cart","ISS:Sub":"*:cart"}}"#,
            Decision::Allowed,
        ),
        (
            r#"{"StringEquals":{"ISS:sub":[],"ISS:aud":"other"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (r#"{"StringEquals":{}}"#, Decision::Allowed),
        (r#"{"StringLike":{"sts:RoleSessionName":"*"}}"#, Decision::Allowed),
    ] {
        let decision = diagnose_trust(&parse(&policy(&[by_condition(condition)])), &identity()).decision;
        assert_eq!(decision, expected, "{condition}");
    }
}

#[test]
fn what_is_certain_of_a_pods_own_call_is_decided() {
    let called = WebIdentity {
        called_at: Some(1_767_225_600),
        ..identity()
    };
    for (condition, expected) in [
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, Decision::Allowed),
        (
            r#"{"Bool":{"aws:SecureTransport":"false"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (r#"{"Bool":{"aws:ViaAWSService":"false"}}"#, Decision::Allowed),
        (
            r#"{"StringEquals":{"aws:CalledViaFirst":"athena.amazonaws.com"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (
            r#"{"Bool":{"aws:PrincipalIsAWSService":"true"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (
            r#"{"Bool":{"aws:PrincipalIsAWSService":"false"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (
            r#"{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#,
            Decision::Allowed,
        ),
        (
            r#"{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (
            r#"{"NumericGreaterThan":{"aws:EpochTime":"1577836800"}}"#,
            Decision::Allowed,
        ),
        (
            r#"{"DateLessThan":{"aws:EpochTime":"1577836800"}}"#,
            Decision::ImplicitlyDenied,
        ),
        (
            r#"{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}}"#,
            Decision::Undetermined,
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
            Decision::Undetermined,
        ),
    ] {
        let text = policy(&[allow(condition)]);
        assert_eq!(
            diagnose_trust(&parse(&text), &called).decision,
            expected,
            "{condition}"
        );
        // Where nothing is known of the call, nothing is certain.
        let unknown = diagnose_trust(&parse(&text), &identity()).decision;
        assert_eq!(unknown, Decision::Undetermined, "{condition}");
    }
}
