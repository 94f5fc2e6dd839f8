//! `ServiceAccount`s: `kubernetes_service_account`, `kubernetes_default_service_account`, `kubernetes_annotations`, and the manifests of
//! `kubernetes_manifest` and `kubectl_manifest`.
//!
//! An annotation that is known only after apply, as of a role that the same plan creates, is taken from the role if the configuration
//! refers to that role's ARN alone.

use std::collections::BTreeMap;

use audit_core::model::{BindingKey, PlanGapReason, TakenAnnotation};
use serde_json::Value;

use super::Reading;
use crate::terraform::attributes::{Attributes, Planned};
use crate::terraform::change::{AccountChange, PlannedAccount};
use crate::terraform::plan::Resource;

/// Where a type of resource has the parts of a ServiceAccount.
struct Shape {
    attributes: Attributes,
    /// The path of the metadata.
    metadata: &'static [&'static str],
    /// The path of the annotations.
    annotations: &'static [&'static str],
    automount: &'static str,
    /// The name, where the metadata need not have it.
    name: Option<&'static str>,
    /// It is a whole ServiceAccount, not annotations for one.
    is_whole: bool,
}

const METADATA: &[&str] = &["metadata", "0"];

/// The kind of objects that is read.
const KIND: &str = "ServiceAccount";

/// Whether a resource is a ServiceAccount, or has annotations of one.
pub(in crate::terraform) fn is_service_account(resource: &Resource) -> bool {
    let attributes = resource.after.as_ref().or(resource.before.as_ref());
    attributes.is_some_and(|attributes| shape(&resource.kind, attributes).is_some())
}

fn shape(kind: &str, attributes: &Attributes) -> Option<Shape> {
    let of = |attributes: Attributes| Shape {
        attributes,
        metadata: METADATA,
        annotations: &["metadata", "0", "annotations"],
        automount: "automount_service_account_token",
        name: None,
        is_whole: true,
    };
    let is_kind = |attributes: &Attributes| attributes.text(&["kind"]) == Planned::Known(KIND);
    let manifest = |manifest: Attributes| {
        is_kind(&manifest).then(|| Shape {
            metadata: &["metadata"],
            annotations: &["metadata", "annotations"],
            automount: "automountServiceAccountToken",
            ..of(manifest)
        })
    };
    match kind {
        "kubernetes_service_account" | "kubernetes_service_account_v1" => Some(of(attributes.clone())),
        "kubernetes_default_service_account" | "kubernetes_default_service_account_v1" => Some(Shape {
            name: Some("default"),
            ..of(attributes.clone())
        }),
        "kubernetes_annotations" => is_kind(attributes).then(|| Shape {
            annotations: &["annotations"],
            is_whole: false,
            ..of(attributes.clone())
        }),
        "kubernetes_manifest" => manifest(attributes.below(&["manifest"])),
        "kubectl_manifest" => manifest(parsed(attributes)?),
        _ => None,
    }
}

/// The manifest in a `kubectl_manifest`. Its provider marks the text as sensitive, and repeats it without what is.
fn parsed(attributes: &Attributes) -> Option<Attributes> {
    let texts = ["yaml_body_parsed", "yaml_body"].map(|name| attributes.text(&[name]).known());
    let text = texts.into_iter().flatten().next()?;
    let value: Value = serde_saphyr::from_str(text).ok()?;
    let whole = attributes.below(&["yaml_body"]);
    Some(whole.with(value))
}

/// Reads all ServiceAccounts of a plan: first those that go.
pub(super) fn read(reading: &mut Reading<'_>) {
    let plan = reading.plan;
    for resource in &plan.resources {
        let gone = resource
            .destroyed()
            .and_then(|before| shape(&resource.kind, before));
        if let Some(change) = gone.and_then(|shape| without(reading, resource, &shape)) {
            reading.changes.service_accounts.push(change);
        }
    }
    for resource in &plan.resources {
        let after = resource.after.as_ref();
        if let Some(shape) = after.and_then(|after| shape(&resource.kind, after)) {
            put(reading, resource, &shape);
        }
    }
}

/// What is left where a resource goes.
fn without(reading: &Reading<'_>, resource: &Resource, shape: &Shape) -> Option<AccountChange> {
    let key = key(shape).known()?;
    // Kubernetes keeps the default one, and the provider leaves it as it is.
    if shape.name.is_some() {
        return None;
    }
    if shape.is_whole {
        return Some(AccountChange::Gone(key));
    }
    Some(AccountChange::Put(Box::new(PlannedAccount {
        key,
        resource: reading.named(resource),
        annotations: BTreeMap::new(),
        owned: shape.attributes.keys(shape.annotations),
        gap: None,
        taken: None,
        automount_off: None,
        is_created: false,
    })))
}

fn put(reading: &mut Reading<'_>, resource: &Resource, shape: &Shape) {
    let key = match key(shape) {
        Planned::Known(key) => key,
        Planned::Absent => return,
        Planned::Open(gap) => {
            reading.tell_gap(&gap, "this ServiceAccount cannot be audited");
            return;
        }
    };
    let before = resource.before.as_ref();
    let owned = before
        .and_then(|before| self::shape(&resource.kind, before))
        .map(|before| before.attributes.keys(before.annotations))
        .unwrap_or_default();
    let automount = shape.attributes.at(&[shape.automount]).known();
    let mut account = PlannedAccount {
        key,
        resource: reading.named(resource),
        annotations: BTreeMap::new(),
        owned,
        gap: None,
        taken: None,
        automount_off: automount.and_then(Value::as_bool).map(|is_on| !is_on),
        is_created: resource.is_created && shape.is_whole,
    };
    annotate(reading, resource, shape, &mut account);
    reading
        .changes
        .service_accounts
        .push(AccountChange::Put(Box::new(account)));
}

fn key(shape: &Shape) -> Planned<BindingKey> {
    let metadata = shape.attributes.below(shape.metadata);
    let name = match (metadata.text(&["name"]), shape.name) {
        (Planned::Known(name), _) | (Planned::Absent | Planned::Open(_), Some(name)) => name.to_owned(),
        (Planned::Open(gap), None) => return Planned::Open(gap),
        (Planned::Absent, None) => return Planned::Absent,
    };
    match metadata.text(&["namespace"]) {
        Planned::Known(namespace) => Planned::Known(BindingKey::new(namespace, name)),
        // As the provider does it.
        Planned::Absent => Planned::Known(BindingKey::new("default", name)),
        Planned::Open(gap) => Planned::Open(gap),
    }
}

/// Reads the annotations.
fn annotate(reading: &Reading<'_>, resource: &Resource, shape: &Shape, account: &mut PlannedAccount) {
    let all = &shape.attributes;
    if let Planned::Open(gap) = all.elements(shape.annotations) {
        account.gap = Some(gap);
        return;
    }
    let prefix = &reading.options.annotation_prefix;
    let role_arn = format!("{prefix}/role-arn");
    let keys = all.keys(shape.annotations);
    let at = |key: &str| {
        let path: Vec<&str> = shape.annotations.iter().copied().chain([key]).collect();
        all.text(&path).map(str::to_owned)
    };
    let open = keys.iter().filter(|key| matches!(at(key), Planned::Open(_)));
    let is_only_one = open.count() == 1;
    for key in &keys {
        match at(key) {
            Planned::Known(value) => {
                account.annotations.insert(key.clone(), value);
            }
            Planned::Open(gap) if gap.why == PlanGapReason::AfterApply && *key == role_arn && is_only_one => {
                match role_of(reading, resource) {
                    Some((role, Planned::Known(arn))) => {
                        account.annotations.insert(key.clone(), arn);
                        account.taken = Some(TakenAnnotation {
                            gap,
                            role: role.address.clone(),
                        });
                    }
                    Some((_, Planned::Open(of_role))) => account.gap = Some(of_role),
                    Some((_, Planned::Absent)) | None => account.gap = Some(gap),
                }
            }
            Planned::Open(gap) if key.starts_with(prefix.as_str()) => {
                account.gap.get_or_insert(gap);
            }
            Planned::Absent | Planned::Open(_) => {}
        }
    }
}

/// The role to whose ARN alone the configuration of the annotations refers, and its ARN.
fn role_of<'p>(reading: &Reading<'p>, resource: &Resource) -> Option<(&'p Resource, Planned<String>)> {
    let path: &[&str] = match resource.kind.as_str() {
        "kubernetes_annotations" => &["annotations"],
        "kubernetes_manifest" => &["manifest"],
        "kubectl_manifest" => return None,
        _ => &["metadata", "0", "annotations"],
    };
    let role = reading.referred(resource, path, "aws_iam_role", &["arn"])?;
    Some((role, reading.arn_of(role, role.after.as_ref()?, "role")))
}
