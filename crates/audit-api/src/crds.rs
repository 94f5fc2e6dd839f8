//! The definitions of the custom resources, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, ValidationRule,
};
use kube::CustomResourceExt;

use crate::{
    ClusterIrsaAudit, DEFAULT_POLICY_NAME, IrsaApproval, IrsaAudit, IrsaAuditPolicy, TrustPolicyChange,
};

/// All definitions, with the names of the files that hold them.
#[must_use]
pub fn all() -> Vec<(&'static str, CustomResourceDefinition)> {
    vec![
        ("irsaaudits.yaml", with_status_default(IrsaAudit::crd())),
        (
            "irsaauditpolicies.yaml",
            with_settings_in_default(IrsaAuditPolicy::crd()),
        ),
        ("clusterirsaaudits.yaml", ClusterIrsaAudit::crd()),
        ("irsaapprovals.yaml", IrsaApproval::crd()),
        ("trustpolicychanges.yaml", TrustPolicyChange::crd()),
    ]
}

/// Gives a new object a status that no health check takes for current: kstatus counts an object without conditions as
/// done unless its observed generation says otherwise.
fn with_status_default(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let root = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(status) = root.and_then(|root| property(root, "status")) {
            status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
            if let Some(conditions) = property(status, "conditions") {
                conditions.x_kubernetes_list_type = Some("map".to_owned());
                conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
            }
        }
    }
    crd
}

/// Refuses settings in a policy of a name other than `default`, where nothing reads them: `remediation` alone counts there.
fn with_settings_in_default(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let root = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(root) = root else { continue };
        let fields = property(root, "spec").and_then(|spec| spec.properties.as_ref());
        let fields = fields.into_iter().flat_map(|fields| fields.keys());
        let others = fields.filter(|field| *field != "remediation");
        let has: Vec<String> = others.map(|field| format!("has(self.spec.{field})")).collect();
        let rule = ValidationRule {
            rule: format!(
                "self.metadata.name == '{DEFAULT_POLICY_NAME}' || (has(self.spec.remediation) && !({}))",
                has.join(" || ")
            ),
            message: Some(format!(
                "the settings of the audit are read from the policy named `{DEFAULT_POLICY_NAME}`; one with another name has \
                 `remediation` alone"
            )),
            ..ValidationRule::default()
        };
        root.x_kubernetes_validations.get_or_insert_default().push(rule);
    }
    crd
}

fn property<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> Option<&'a mut JSONSchemaProps> {
    schema.properties.as_mut()?.get_mut(name)
}
