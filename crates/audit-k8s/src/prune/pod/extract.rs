//! A pod without what nothing reads of it, in the form of the API server.

use std::borrow::Cow;

use audit_core::model::ServiceAccount;
use audit_core::model::pod::UNKEPT_LABELS;
use serde_json::Value;

use super::MIRROR;
use super::container::{self, Told};
use super::csi;
use super::raw::{Raw, RawContainer, RawKey, RawMetadata, RawProjected, RawSpec, RawValueFrom, RawVariable};
use super::setting::Setting;
use super::system;

/// The condition that is read.
const READY: &str = "Ready";

/// Takes out of a pod what nothing reads. What is left is read as the whole pod would be.
pub(super) fn reduce(raw: &mut Raw, prefix: &str) {
    reduce_metadata(&mut raw.metadata, prefix);
    reduce_spec(&mut raw.spec);
    raw.status.conditions.retain(|condition| condition.type_ == READY);
}

fn reduce_metadata(metadata: &mut RawMetadata, prefix: &str) {
    metadata
        .labels
        .retain(|key, _| !UNKEPT_LABELS.contains(&key.as_str()));
    metadata
        .annotations
        .retain(|key, _| ServiceAccount::keeps_annotation(key, prefix) || key == MIRROR);
    // Only that it is there is read of it: the kubelet's hash.
    if let Some(mirror) = metadata.annotations.get_mut(MIRROR) {
        mirror.clear();
    }
    metadata.owner_references.retain(|owner| owner.controller);
    let is_time = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
    };
    if let Some(at) = metadata.deletion_timestamp.as_mut().filter(|at| !is_time(at)) {
        *at = "1970-01-01T00:00:00Z".into();
    }
}

fn reduce_spec(spec: &mut RawSpec) {
    system::reduce(spec);
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        reduce_container(container);
    }
    for volume in &mut spec.volumes {
        volume.csi.take_if(|of| !csi::is_read(of));
        volume.projected.iter_mut().for_each(reduce_projected);
    }
}

/// Of what is projected beside tokens, only the paths are read.
fn reduce_projected(projected: &mut RawProjected) {
    for source in &mut projected.sources {
        let others = [
            &mut source.secret,
            &mut source.config_map,
            &mut source.downward_api,
        ];
        for keys in others.into_iter().flatten() {
            keys.secret_name.clear();
            keys.name.clear();
            keys.items.iter_mut().for_each(|item| item.key.clear());
        }
    }
}

fn reduce_container(container: &mut RawContainer) {
    let env = container.env.iter().enumerate();
    let env = env.filter_map(|(at, variable)| {
        let told = container::told(&variable.name)?;
        Some(reduced(variable, &Setting::of(&container.env, at), told))
    });
    container.env = env.collect();
}

/// A variable that is read. Its value stands there as the kubelet would put it in, since the variables that it names are left out.
fn reduced(variable: &RawVariable, setting: &Setting<'_>, told: Told) -> RawVariable {
    let value = match setting {
        Setting::Literal(value) => told.of(value),
        Setting::Absent | Setting::Empty | Setting::Elsewhere { .. } => Cow::Borrowed(""),
    };
    let optional = match setting {
        Setting::Elsewhere { optional } => Some(*optional),
        Setting::Absent | Setting::Empty | Setting::Literal(_) => None,
    };
    RawVariable {
        name: variable.name.clone(),
        value: value.replace('$', "$$"),
        value_from: optional.map(|optional| RawValueFrom {
            secret_key_ref: None,
            config_map_key_ref: Some(RawKey { optional }),
        }),
    }
}
