//! The `ValidatingAdmissionPolicy` that makes `approvedBy` of an `IrsaApproval` true, and its binding.
//!
//! The API server compares `approvedBy` with the name of the user who creates the approval; the operator and the writer may not approve
//! their own plans. The writer acts only while it sees both objects exactly as they are shipped: a policy that is not bound, or that
//! selects less, says nothing about who approved.
//!
//! Source: [Validating Admission Policy](https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/).

use audit_remedy::AdmissionGuard;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::GROUP;

/// The name of the policy, and of its binding.
pub const NAME: &str = "approvals.irsa-audit.dev";

/// The policy, for the user names of the operator and the writer, such as `system:serviceaccount:irsa-audit:irsa-audit`. Its `spec` is
/// written out with the API server's defaults, so that it can be compared with what the API server returns.
#[must_use]
pub fn policy(own_users: &[String]) -> Value {
    let own: Vec<String> = own_users.iter().map(|user| format!("'{user}'")).collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": NAME },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": [{
                    "apiGroups": [GROUP],
                    "apiVersions": ["*"],
                    "operations": ["CREATE"],
                    "resources": ["irsaapprovals"],
                    "scope": "*"
                }]
            },
            "validations": [
                {
                    "expression": "object.spec.approvedBy == request.userInfo.username",
                    "message": "approvedBy must be the name of the user who creates the approval",
                    "reason": "Forbidden"
                },
                {
                    "expression": format!("!(request.userInfo.username in [{}])", own.join(", ")),
                    "message": "irsa-audit may not approve its own plans",
                    "reason": "Forbidden"
                }
            ]
        }
    })
}

/// Its binding.
#[must_use]
pub fn binding() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": NAME },
        "spec": { "policyName": NAME, "validationActions": ["Deny"] }
    })
}

/// What the two objects are that the API server returned, whole; `None` for one that does not exist.
#[must_use]
pub fn guard(
    policy_seen: Option<&Value>,
    binding_seen: Option<&Value>,
    own_users: &[String],
) -> AdmissionGuard {
    let Some(seen) = policy_seen.filter(|seen| is_there(seen)) else {
        return AdmissionGuard::PolicyMissing;
    };
    if seen.get("spec") != policy(own_users).get("spec") {
        return AdmissionGuard::PolicyChanged;
    }
    let Some(seen) = binding_seen.filter(|seen| is_there(seen)) else {
        return AdmissionGuard::BindingMissing;
    };
    if seen.get("spec") != binding().get("spec") {
        return AdmissionGuard::BindingChanged;
    }
    AdmissionGuard::AsShipped
}

/// Since when both objects have been there: an approval that is older was not checked by them. Nothing where one of them is not there.
#[must_use]
pub fn guarded_since(policy_seen: Option<&Value>, binding_seen: Option<&Value>) -> Option<Timestamp> {
    let created = |seen: Option<&Value>| -> Option<Timestamp> {
        let text = seen
            .filter(|seen| is_there(seen))?
            .pointer("/metadata/creationTimestamp")?;
        text.as_str()?.parse().ok()
    };
    Some(created(policy_seen)?.max(created(binding_seen)?))
}

/// An object that is being deleted is as good as gone.
fn is_there(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_none()
}

#[cfg(test)]
#[path = "../tests/unit/admission.rs"]
mod tests;
