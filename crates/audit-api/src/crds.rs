//! The definitions of the custom resources, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

use crate::{ClusterIrsaAudit, IrsaApproval, IrsaAudit, IrsaAuditPolicy, TrustPolicyChange};

/// All definitions, with the names of the files that hold them.
#[must_use]
pub fn all() -> Vec<(&'static str, CustomResourceDefinition)> {
    vec![
        ("irsaaudits.yaml", with_status_default(IrsaAudit::crd())),
        ("irsaauditpolicies.yaml", IrsaAuditPolicy::crd()),
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

fn property<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> Option<&'a mut JSONSchemaProps> {
    schema.properties.as_mut()?.get_mut(name)
}
