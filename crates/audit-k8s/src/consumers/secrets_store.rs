//! The secrets-store CSI driver with the provider of AWS: a `SecretProviderClass` that pods mount.
//!
//! When a pod is started, the provider asks for a token of the pod's ServiceAccount with audience `sts.amazonaws.com`, and
//! assumes the role of its annotation `eks.amazonaws.com/role-arn`. With `usePodIdentity` it asks EKS Pod Identity instead.
//!
//! Source: <https://github.com/aws/secrets-store-csi-driver-provider-aws#usage>.

use audit_core::model::{Explains, Use, Used};

use super::usage::{ConsumerKind, Object, Usage, sts};

pub(super) const KINDS: &[ConsumerKind] = &[ConsumerKind {
    group: audit_core::model::consumer::SECRET_PROVIDER_CLASS.0,
    kind: audit_core::model::consumer::SECRET_PROVIDER_CLASS.1,
    plural: "secretproviderclasses",
    namespaced: true,
    explains: Explains::RequestsOfMountingPods,
    reads: &["/spec/provider", "/spec/parameters/usePodIdentity"],
    read,
}];

fn read(object: &Object<'_>) -> Vec<Usage> {
    if object.text("/spec/provider") != "aws" {
        return Vec::new();
    }
    let by_pod_identity = object
        .text("/spec/parameters/usePodIdentity")
        .eq_ignore_ascii_case("true");
    let usage = Usage::requests(Used::OfMountingPods, sts());
    let how = if by_pod_identity {
        Use::UsesPodIdentity
    } else {
        usage.how
    };
    vec![Usage { how, ..usage }]
}
