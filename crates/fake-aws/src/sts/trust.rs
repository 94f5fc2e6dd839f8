//! Whether a role lets a caller assume it: as much of the policy language as a trust between accounts needs.

use crate::keyring::Principal;
use crate::policy::each;
use serde_json::Value;

/// Whether the trust policy admits `sts:AssumeRole` by `caller`. The one condition it knows is `StringEquals` of
/// `sts:ExternalId`; a statement with another one admits nobody, or refuses everybody.
pub(super) fn admits(document: &str, caller: &Principal, external_id: Option<&str>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(document) else {
        return false;
    };
    let mut admitted = false;
    for statement in each(policy.get("Statement")) {
        if !names_action(statement) || !names_caller(statement, caller) {
            continue;
        }
        let condition = condition_holds(statement, external_id);
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => admitted |= condition == Some(true),
            Some("Deny") if condition == Some(false) => {}
            _ => return false,
        }
    }
    admitted
}

fn names_action(statement: &Value) -> bool {
    let means_assume = |action: &str| {
        matches!(
            action.to_ascii_lowercase().as_str(),
            "sts:assumerole" | "sts:*" | "*"
        )
    };
    each(statement.get("Action"))
        .filter_map(Value::as_str)
        .any(means_assume)
}

fn names_caller(statement: &Value, caller: &Principal) -> bool {
    let root = format!("arn:aws:iam::{}:root", caller.account);
    let is_caller = |principal: &str| {
        principal == "*"
            || principal == caller.account
            || principal == root
            || principal == caller.arn
            || caller.role_arn.as_deref() == Some(principal)
    };
    let principal = statement.get("Principal");
    if principal.and_then(Value::as_str) == Some("*") {
        return true;
    }
    each(principal.and_then(|principal| principal.get("AWS")))
        .filter_map(Value::as_str)
        .any(is_caller)
}

/// Whether the statement's condition holds; `None` if it is one that is not known here.
fn condition_holds(statement: &Value, external_id: Option<&str>) -> Option<bool> {
    let Some(condition) = statement.get("Condition") else {
        return Some(true);
    };
    let mut holds = true;
    for (operator, keys) in condition.as_object()? {
        for (key, values) in keys.as_object()? {
            if operator != "StringEquals" || !key.eq_ignore_ascii_case("sts:ExternalId") {
                return None;
            }
            holds &= each(Some(values)).any(|value| external_id.is_some() && value.as_str() == external_id);
        }
    }
    Some(holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn admits_with(statements: &Value, external_id: Option<&str>) -> bool {
        let caller = Principal {
            account: "111122223333".to_owned(),
            arn: "arn:aws:sts::111122223333:assumed-role/auditor/s".to_owned(),
            user_id: String::new(),
            role_arn: Some("arn:aws:iam::111122223333:role/auditor".to_owned()),
        };
        admits(
            &json!({ "Statement": statements }).to_string(),
            &caller,
            external_id,
        )
    }

    #[test]
    fn every_way_to_name_the_caller_counts() {
        for aws in [
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/auditor",
            "arn:aws:sts::111122223333:assumed-role/auditor/s",
        ] {
            let statement =
                json!({"Effect": "Allow", "Action": "sts:assumerole", "Principal": {"AWS": ["x", aws]}});
            assert!(admits_with(&statement, None), "{aws}");
        }
        assert!(admits_with(
            &json!([{"Effect": "Allow", "Action": ["sts:*"], "Principal": "*"}]),
            None
        ));
    }

    #[test]
    fn others_and_other_actions_are_not_admitted() {
        for (action, principal) in [
            ("sts:AssumeRole", json!({"AWS": "444455556666"})),
            ("sts:AssumeRole", json!({"Service": "*"})),
            ("sts:AssumeRoleWithWebIdentity", json!("*")),
        ] {
            let statement = json!({"Effect": "Allow", "Action": action, "Principal": principal});
            assert!(!admits_with(&statement, None), "{statement}");
        }
        assert!(!admits_with(&json!([]), None));
    }

    #[test]
    fn the_external_id_must_be_the_one_asked_for() {
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*",
            "Condition": {"StringEquals": {"STS:externalid": ["one", "two"]}}});
        assert!(admits_with(&statement, Some("two")));
        assert!(!admits_with(&statement, Some("Two")));
        assert!(!admits_with(&statement, None));
    }

    #[test]
    fn deny_wins_and_unknown_conditions_fail_closed() {
        let allow = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"});
        let deny = |condition: Value| json!([allow, {"Effect": "Deny", "Action": "sts:*", "Principal": "*", "Condition": condition}]);
        assert!(!admits_with(&deny(json!({})), None));
        assert!(admits_with(
            &deny(json!({"StringEquals": {"sts:ExternalId": "x"}})),
            Some("y")
        ));
        assert!(!admits_with(
            &deny(json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}})),
            None
        ));
        let mut strange = allow.clone();
        strange["Condition"] = json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}});
        assert!(!admits_with(&strange, None));
    }
}
