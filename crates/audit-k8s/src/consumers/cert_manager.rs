//! cert-manager: issuers that solve DNS-01 challenges in Route 53 as a ServiceAccount.
//!
//! The controller asks for a token with the audiences of `serviceAccountRef`, else for `sts.amazonaws.com`, and assumes the
//! role that the solver names; no annotation is read. A `ClusterIssuer` takes the ServiceAccount from the namespace of
//! `--cluster-resource-namespace`, which defaults to the controller's own.
//!
//! Source: <https://cert-manager.io/docs/configuration/acme/dns01/route53/>,
//! <https://cert-manager.io/docs/configuration/#cluster-resource-namespace>.

use audit_core::model::{BindingKey, Explains, RequestedAudience, Use, Used};
use serde_json::Value;

use super::usage::{ConsumerKind, Object, Usage, items, sts, text};

/// The namespace into which its documentation installs it.
const USUAL_NAMESPACE: &str = "cert-manager";

const READS: &[&str] = &[
    "/spec/acme/solvers/*/dns01/route53/role",
    "/spec/acme/solvers/*/dns01/route53/auth/kubernetes/serviceAccountRef/name",
    "/spec/acme/solvers/*/dns01/route53/auth/kubernetes/serviceAccountRef/audiences",
];

pub(super) const KINDS: &[ConsumerKind] = &[
    ConsumerKind {
        group: "cert-manager.io",
        kind: "Issuer",
        plural: "issuers",
        namespaced: true,
        explains: Explains::RequestsForTheirRole,
        reads: READS,
        read,
    },
    ConsumerKind {
        group: "cert-manager.io",
        kind: "ClusterIssuer",
        plural: "clusterissuers",
        namespaced: false,
        explains: Explains::RequestsForTheirRole,
        reads: READS,
        read,
    },
];

fn read(object: &Object<'_>) -> Vec<Usage> {
    let solvers = items(object.value, "/spec/acme/solvers").iter();
    solvers.filter_map(|solver| of_solver(object, solver)).collect()
}

fn of_solver(object: &Object<'_>, solver: &Value) -> Option<Usage> {
    let route53 = solver.pointer("/dns01/route53")?;
    let reference = route53.pointer("/auth/kubernetes/serviceAccountRef")?;
    let (name, role) = (text(reference, "/name"), text(route53, "/role"));
    let audience = match items(reference, "/audiences") {
        [] => sts(),
        [one] => RequestedAudience::Fixed(one.as_str().unwrap_or_default().to_owned()),
        _ => RequestedAudience::Several,
    };
    let used = match object.namespace {
        "" => Used::WithController {
            name: name.to_owned(),
            usual: USUAL_NAMESPACE,
        },
        namespace => Used::Named(BindingKey::new(namespace, name)),
    };
    (!name.is_empty() && !role.is_empty()).then(|| Usage {
        used,
        how: Use::Requests {
            audience,
            role: Some(role.to_owned()),
            then: Vec::new(),
        },
        is_certain: true,
    })
}
