//! Flux, from 2.6 on: sources of `provider: aws` that name a ServiceAccount of their namespace.
//!
//! The controller asks for a token with audience `sts.amazonaws.com`, and assumes the role of the annotation
//! `eks.amazonaws.com/role-arn`, inside and outside of EKS. A `Kustomization` decrypts with the ServiceAccount of
//! `spec.decryption`; which provider that is, only what is encrypted says. `spec.serviceAccountName` of a `Kustomization` or
//! `HelmRelease` is for the Kubernetes API, and no role of AWS.
//!
//! Source: <https://fluxcd.io/flux/integrations/aws/>.

use audit_core::model::Explains;

use super::usage::{ConsumerKind, Object, Usage, sts};

const fn source(group: &'static str, kind: &'static str, plural: &'static str) -> ConsumerKind {
    ConsumerKind {
        group,
        kind,
        plural,
        namespaced: true,
        explains: Explains::Requests,
        reads: &["/spec/provider", "/spec/serviceAccountName"],
        read,
    }
}

pub(super) const KINDS: &[ConsumerKind] = &[
    source("source.toolkit.fluxcd.io", "Bucket", "buckets"),
    source("source.toolkit.fluxcd.io", "GitRepository", "gitrepositories"),
    source("source.toolkit.fluxcd.io", "HelmRepository", "helmrepositories"),
    source("source.toolkit.fluxcd.io", "OCIRepository", "ocirepositories"),
    source("image.toolkit.fluxcd.io", "ImageRepository", "imagerepositories"),
    ConsumerKind {
        group: "kustomize.toolkit.fluxcd.io",
        kind: "Kustomization",
        plural: "kustomizations",
        namespaced: true,
        explains: Explains::Requests,
        reads: &["/spec/decryption/serviceAccountName"],
        read: decryption,
    },
];

fn read(object: &Object<'_>) -> Vec<Usage> {
    if object.text("/spec/provider") != "aws" {
        return Vec::new();
    }
    let used = object.own(object.text("/spec/serviceAccountName"));
    used.map(|used| Usage::requests(used, sts()))
        .into_iter()
        .collect()
}

fn decryption(object: &Object<'_>) -> Vec<Usage> {
    let used = object.own(object.text("/spec/decryption/serviceAccountName"));
    used.map(|used| Usage::requests(used, sts()).perhaps())
        .into_iter()
        .collect()
}
