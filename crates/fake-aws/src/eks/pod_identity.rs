//! Associations of EKS Pod Identity.

use super::cluster;
use crate::error::ServiceError;
use crate::paging;
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::tables::{Association, Tables};
use serde_json::{Value, json};

/// `ListPodIdentityAssociations`, which does not tell roles.
pub(super) fn list(
    tables: &Tables,
    settings: &Settings,
    parameters: &Parameters,
) -> Result<Value, ServiceError> {
    let name = parameters.required("name")?;
    cluster(tables, name)?;
    let invalid = || ServiceError::new(400, "InvalidParameterException", "invalid paging parameters");
    let asked = parameters
        .integer("maxResults", 1..=100)
        .map_err(|_| invalid())?
        .unwrap_or(100);
    let of_cluster = tables
        .associations
        .values()
        .filter(|association| association.cluster == name);
    let items = of_cluster.map(|association| ((0, association.id.as_str()), association));
    let page = paging::cut(settings, asked, parameters.get("nextToken"), items).ok_or_else(invalid)?;
    let associations: Vec<Value> = page
        .items
        .iter()
        .map(|association| summary(association))
        .collect();
    Ok(json!({ "associations": associations, "nextToken": page.next }))
}

/// `DescribePodIdentityAssociation`.
pub(super) fn describe(tables: &Tables, parameters: &Parameters) -> Result<Value, ServiceError> {
    let (name, id) = (
        parameters.required("name")?,
        parameters.required("associationId")?,
    );
    cluster(tables, name)?;
    let association = tables
        .associations
        .get(id)
        .filter(|association| association.cluster == name);
    let association = association.ok_or_else(|| {
        let message = format!("No association found with id: {id}.");
        ServiceError::new(404, "ResourceNotFoundException", message)
    })?;
    let mut described = summary(association);
    if let Some(fields) = described.as_object_mut() {
        fields.insert("roleArn".to_owned(), json!(association.role_arn));
    }
    Ok(json!({ "association": described }))
}

fn summary(association: &Association) -> Value {
    json!({
        "clusterName": association.cluster,
        "namespace": association.namespace,
        "serviceAccount": association.service_account,
        "associationId": association.id,
    })
}
