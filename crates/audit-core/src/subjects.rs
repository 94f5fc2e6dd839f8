//! Whom a trust policy names.

use std::collections::BTreeSet;

use iam_policy::{
    ASSUME_ROLE_WITH_WEB_IDENTITY, Document, Effect, Operator, Pattern, PrincipalKind, RoleArn, Statement,
    Test,
};

use crate::model::IssuerUrl;

/// The subjects to which a trust policy gives its role by name: exact values of the issuer's `:sub`, in statements
/// that allow web identity by the issuer's provider. Patterns name nobody.
#[must_use]
pub fn named(document: &Document, role: &RoleArn, issuer: &IssuerUrl) -> BTreeSet<String> {
    if document.is_refused() {
        return BTreeSet::new();
    }
    let provider_arn = issuer.provider_arn(role.partition(), role.account());
    let key = format!("{}:sub", issuer.host_path());
    document
        .statements()
        .iter()
        .filter(|statement| admits(statement, &provider_arn))
        .flat_map(Statement::conditions)
        .filter(|(_, name, _)| name.eq_ignore_ascii_case(&key))
        .flat_map(|(operator, _, values)| values.into_iter().filter_map(move |value| exact(operator, value)))
        .collect()
}

fn admits(statement: &Statement, provider_arn: &str) -> bool {
    let names_provider = statement.is_for_everyone()
        || (!statement.is_not_principal()
            && statement.principals().any(|(kind, name)| {
                kind == PrincipalKind::Federated && (name == provider_arn || name == "*")
            }));
    statement.effect() == Effect::Allow && names_provider && allows_web_identity(statement)
}

pub(crate) fn allows_web_identity(statement: &Statement) -> bool {
    let (actions, negated) = statement.actions();
    let wanted = ASSUME_ROLE_WITH_WEB_IDENTITY.to_ascii_lowercase();
    actions
        .iter()
        .any(|action| Pattern::new(&action.to_ascii_lowercase()).matches(&wanted))
        != negated
}

/// The one subject that a value lets pass.
fn exact(operator: Operator, value: &str) -> Option<String> {
    // No subject has a wildcard or a policy variable in it: under `StringEquals` such a value matches nothing.
    if value.contains(['*', '?']) || value.contains("${") {
        return None;
    }
    match operator.test {
        Test::StringEquals | Test::StringLike => Some(value.to_owned()),
        // Kubernetes has names in lower case only.
        Test::StringEqualsIgnoreCase => Some(value.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A";

    fn names(statement: &str) -> Vec<String> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let document = iam_policy::parse(&text).document.unwrap();
        let role = RoleArn::parse("arn:aws:iam::111122223333:role/app").unwrap();
        let issuer = IssuerUrl::parse("https://oidc.example.com/id/A").unwrap();
        named(&document, &role, &issuer).into_iter().collect()
    }

    fn statement(principal: &str, action: &str, condition: &str) -> String {
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":{action},"Condition":{condition}}}"#)
    }

    #[test]
    fn exact_values_of_positive_operators_are_subjects() {
        let federated = format!(r#"{{"Federated":"{PROVIDER}"}}"#);
        let action = r#""sts:AssumeRoleWithWebIdentity""#;
        let (x, y) = ("system:serviceaccount:ns:x", "system:serviceaccount:ns:y");
        for (condition, expected) in [
            (
                format!(r#"{{"StringEquals":{{"oidc.example.com/id/A:sub":["{y}","{x}"]}}}}"#),
                vec![x, y],
            ),
            (
                format!(
                    r#"{{"StringLike":{{"OIDC.example.com/id/a:SUB":["{x}","system:serviceaccount:ns:*"]}}}}"#
                ),
                vec![x],
            ),
            (
                r#"{"StringEqualsIgnoreCase":{"oidc.example.com/id/A:sub":"System:ServiceAccount:ns:x"}}"#
                    .to_owned(),
                vec![x],
            ),
            (
                format!(r#"{{"ForAnyValue:StringEqualsIfExists":{{"oidc.example.com/id/A:sub":"{x}"}}}}"#),
                vec![x],
            ),
            (
                format!(r#"{{"StringNotEquals":{{"oidc.example.com/id/A:sub":"{x}"}}}}"#),
                vec![],
            ),
            (
                format!(r#"{{"StringEquals":{{"oidc.example.com/id/B:sub":"{x}"}}}}"#),
                vec![],
            ),
            (
                format!(r#"{{"StringEquals":{{"oidc.example.com/id/A:aud":"{x}"}}}}"#),
                vec![],
            ),
            (
                r#"{"StringEquals":{"oidc.example.com/id/A:sub":"system:serviceaccount:${aws:x}:y"}}"#
                    .to_owned(),
                vec![],
            ),
        ] {
            assert_eq!(
                names(&statement(&federated, action, &condition)),
                expected,
                "{condition}"
            );
        }
    }

    #[test]
    fn only_statements_that_admit_the_issuer_name_anybody() {
        let federated = format!(r#"{{"Federated":["arn:aws:iam::1:saml-provider/x","{PROVIDER}"]}}"#);
        let condition = r#"{"StringEquals":{"oidc.example.com/id/A:sub":"system:serviceaccount:ns:x"}}"#;
        let other = r#"{"Federated":"arn:aws:iam::999922223333:oidc-provider/oidc.example.com/id/A"}"#;
        for (principal, action, expected) in [
            (federated.as_str(), r#""STS:assumerole*""#, 1),
            (
                r#""*""#,
                r#"["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]"#,
                1,
            ),
            (r#"{"Federated":"*"}"#, r#""*""#, 1),
            (federated.as_str(), r#""sts:AssumeRole""#, 0),
            (other, r#""sts:AssumeRoleWithWebIdentity""#, 0),
            (r#"{"AWS":"*"}"#, r#""sts:AssumeRoleWithWebIdentity""#, 0),
        ] {
            assert_eq!(
                names(&statement(principal, action, condition)).len(),
                expected,
                "{principal} {action}"
            );
        }
        let allow = statement(&federated, r#""sts:*""#, condition);
        assert!(names(&allow.replace("Allow", "Deny")).is_empty());
        assert!(names(&allow.replace("\"Principal\"", "\"NotPrincipal\"")).is_empty());
        assert!(names(&allow.replace("\"Action\"", "\"NotAction\"")).is_empty());
        assert_eq!(
            names(&allow.replace("\"Action\":\"sts:*\"", "\"NotAction\":\"sts:TagSession\"")).len(),
            1
        );
    }
}
