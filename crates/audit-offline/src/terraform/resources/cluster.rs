//! `aws_eks_cluster` and `aws_eks_pod_identity_association`.

use audit_core::model::BindingKey;

use super::Reading;
use crate::terraform::attributes::{Attributes, Planned};
use crate::terraform::change::{PlannedAssociation, PlannedCluster, What};
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    let gone = resource.destroyed().and_then(|before| issuer(before).known());
    let (name, issuer) = match &resource.after {
        Some(after) => (
            after.text(&["name"]).known().unwrap_or_default().to_owned(),
            issuer(after),
        ),
        None => (String::new(), Planned::Absent),
    };
    let cluster = PlannedCluster {
        resource: reading.named(resource),
        name,
        issuer,
        gone,
    };
    reading.changes.clusters.push(cluster);
}

fn issuer(attributes: &Attributes) -> Planned<String> {
    let path = ["identity", "0", "oidc", "0", "issuer"];
    attributes.text(&path).map(str::to_owned)
}

pub(super) fn take_association<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(before) = resource.destroyed()
        && let (Some(cluster), Some(key)) = (before.text(&["cluster_name"]).known(), key(before).known())
    {
        let cluster = cluster.to_owned();
        reading.change(resource, What::AssociationGone { cluster, key });
    }
    let Some(after) = &resource.after else { return };
    let (cluster, key) = match (after.text(&["cluster_name"]), key(after)) {
        (Planned::Known(cluster), Planned::Known(key)) => (cluster.to_owned(), key),
        (Planned::Open(gap), _) | (_, Planned::Open(gap)) => {
            reading.tell_gap(&gap, "this association cannot be audited");
            return;
        }
        _ => return,
    };
    let association = PlannedAssociation {
        cluster,
        key,
        id: after
            .text(&["association_id"])
            .known()
            .unwrap_or_default()
            .to_owned(),
        role_arn: reading.role_arn(resource, after, &["role_arn"]).known(),
        disable_session_tags: after
            .at(&["disable_session_tags"])
            .known()
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false),
    };
    if reading.homes.home(reading.plan, resource).is_none() {
        reading.tell_homeless(resource);
    }
    reading.change(resource, What::Association(association));
}

fn key(attributes: &Attributes) -> Planned<BindingKey> {
    match (
        attributes.text(&["namespace"]),
        attributes.text(&["service_account"]),
    ) {
        (Planned::Known(namespace), Planned::Known(name)) => Planned::Known(BindingKey::new(namespace, name)),
        (Planned::Open(gap), _) | (_, Planned::Open(gap)) => Planned::Open(gap),
        _ => Planned::Absent,
    }
}
