//! An explanation for machines. A promise to users: fields are added, and never change their meaning.

use serde_json::{Value, json};

use crate::explanation::Explanation;
use crate::symptom::Symptom;

/// A symptom as a JSON object.
#[must_use]
pub fn symptom(symptom: &Symptom) -> Value {
    json!({
        "id": symptom.id,
        "title": symptom.title,
        "means": symptom.means,
        "codes": symptom.codes,
        "checks": symptom.checks,
    })
}

/// The explanation as a JSON object.
#[must_use]
pub fn value(explanation: &Explanation) -> Value {
    let mentioned = &explanation.mentioned;
    let symptoms = explanation.symptoms.iter().map(|known| symptom(known));
    let kubernetes = mentioned.kubernetes.iter().map(|request| {
        json!({
            "user": request.user,
            "serviceAccount": request.service_account.as_ref().map(ToString::to_string),
            "verb": request.verb,
            "group": request.group,
            "resource": request.resource,
            "subresource": request.subresource,
            "name": request.name,
            "namespace": request.namespace,
        })
    });
    json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "Explanation",
        "recognized": explanation.is_recognized(),
        "cut": explanation.is_cut,
        "serviceAccounts": mentioned.service_accounts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "serviceAccountNames": mentioned.names,
        "roles": mentioned.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "callers": mentioned.principals.iter().map(|caller| json!({
            "arn": caller.arn,
            "account": caller.account,
            "role": caller.role(),
        })).collect::<Vec<_>>(),
        "actions": mentioned.aws.iter().map(|request| json!({
            "action": request.action,
            "resource": request.resource,
        })).collect::<Vec<_>>(),
        "requests": kubernetes.collect::<Vec<_>>(),
        "issuers": mentioned.issuers,
        "symptoms": symptoms.collect::<Vec<_>>(),
        "codes": explanation.findings().iter().map(|entry| entry.code).collect::<Vec<_>>(),
        "oldSdks": explanation.old_sdks.iter().map(|old| json!({
            "sdk": old.sdk.name,
            "version": old.version.to_string(),
            "minimum": old.sdk.minimum.to_string(),
        })).collect::<Vec<_>>(),
        "advice": explanation.advice.iter().map(|advice| json!({
            "id": advice.id,
            "says": advice.says,
            "truth": advice.truth,
        })).collect::<Vec<_>>(),
        "next": explanation.next.iter().map(|next| &next.command).collect::<Vec<_>>(),
    })
}
