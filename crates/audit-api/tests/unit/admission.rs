use serde_json::json;

use super::*;

fn users() -> Vec<String> {
    vec!["system:serviceaccount:irsa-audit:irsa-audit".to_owned()]
}

#[test]
fn both_as_they_are_shipped_guard() {
    assert_eq!(
        guard(Some(&policy(&users())), Some(&binding()), &users()),
        AdmissionGuard::AsShipped
    );
}

#[test]
fn whatever_is_missing_or_going_guards_nothing() {
    let going = |mut object: Value| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        object
    };
    let (policy, binding) = (policy(&users()), binding());
    for (policy, binding, wanted) in [
        (None, Some(&binding), AdmissionGuard::PolicyMissing),
        (Some(&policy), None, AdmissionGuard::BindingMissing),
        (
            Some(&going(policy.clone())),
            Some(&binding),
            AdmissionGuard::PolicyMissing,
        ),
        (
            Some(&policy),
            Some(&going(binding.clone())),
            AdmissionGuard::BindingMissing,
        ),
    ] {
        assert_eq!(guard(policy, binding, &users()), wanted);
    }
}

#[test]
fn whatever_is_changed_guards_nothing() {
    let changes: [(&str, Value); 9] = [
        ("/spec/failurePolicy", json!("Ignore")),
        (
            "/spec/matchConstraints/resourceRules/0/operations",
            json!(["UPDATE"]),
        ),
        (
            "/spec/matchConstraints/resourceRules/0/resources",
            json!(["other"]),
        ),
        (
            "/spec/matchConstraints/objectSelector",
            json!({ "matchLabels": { "a": "b" } }),
        ),
        (
            "/spec/matchConstraints/namespaceSelector",
            json!({ "matchLabels": { "a": "b" } }),
        ),
        ("/spec/validations/0/expression", json!("true")),
        ("/spec/validations", json!([])),
        (
            "/spec/validations/1/expression",
            json!("!(request.userInfo.username in [])"),
        ),
        ("/spec", json!({})),
    ];
    for (pointer, value) in changes {
        let mut weakened = policy(&users());
        *weakened.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            guard(Some(&weakened), Some(&binding()), &users()),
            AdmissionGuard::PolicyChanged,
            "{pointer}"
        );
    }
    let mut conditional = policy(&users());
    conditional["spec"]["matchConditions"] = json!([{ "name": "a", "expression": "false" }]);
    assert_eq!(
        guard(Some(&conditional), Some(&binding()), &users()),
        AdmissionGuard::PolicyChanged
    );
    for (key, value) in [
        ("policyName", json!("other")),
        ("validationActions", json!(["Audit"])),
        ("validationActions", json!(["Deny", "Audit"])),
        (
            "matchResources",
            json!({ "objectSelector": { "matchLabels": { "a": "b" } } }),
        ),
    ] {
        let mut loose = binding();
        loose["spec"][key] = value;
        assert_eq!(
            guard(Some(&policy(&users())), Some(&loose), &users()),
            AdmissionGuard::BindingChanged,
            "{key}"
        );
    }
}

#[test]
fn other_accounts_than_ours_are_not_what_is_shipped() {
    let others = ["system:serviceaccount:irsa-audit:other".to_owned()];
    assert_eq!(
        guard(Some(&policy(&others)), Some(&binding()), &users()),
        AdmissionGuard::PolicyChanged
    );
}
