//! The objects of a cluster to be written down: what an audit reads of them, in the form of the API server, page by page.
//!
//! Each kind is one list. What [`list`](crate::list()) reads is listed here as well, and nothing else: no Secret, no workload but those whose
//! kinds are known to use ServiceAccounts.

use audit_core::model::webhook::CONFIG_MAP;
use audit_core::text::reveal;
use kube::api::ListParams;
use kube::{Client, Resource as _};
use serde_json::Value;

use crate::audit_object::AuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers::{self, ConsumerKind};
use crate::list_reader::ListItem;
use crate::namespace_object::NamespaceObject;
use crate::pages::{Page, Pages};
use crate::policy_object::PolicyObject;
use crate::prune::{
    ClusterRoleBindingWire, ClusterRoleWire, Extract, PodWire, RoleBindingWire, RoleWire, ServiceAccountWire,
};
use crate::shallow::Shallow;
use crate::trouble;
use crate::watch::Scope;
use crate::webhook_object::WebhookObject;
use crate::wire::{Undecodable, extract};

/// A kind to be listed.
#[derive(Debug, Clone)]
pub struct CaptureKind {
    /// The resource as kubectl names it: `pods`, `secretstores.external-secrets.io`.
    pub resource: String,
    /// The `apiVersion` of its objects.
    pub api_version: String,
    /// The kind of its objects, as manifests spell it.
    pub kind: String,
    path: String,
    params: ListParams,
    /// Where the API server does not serve it, there are no objects of it.
    may_be_absent: bool,
    reduce: Reduce,
}

/// How an object is reduced.
#[derive(Debug, Clone)]
enum Reduce {
    /// For a prefix of annotations.
    Watched(fn(Value, &str) -> Result<Value, Undecodable>, String),
    Consumer(&'static ConsumerKind),
}

/// Objects of one page, reduced.
#[derive(Debug, Default)]
pub struct CapturedPage {
    /// The objects.
    pub objects: Vec<Value>,
    /// Objects that exist and cannot be read.
    pub unreadable: Vec<Undecodable>,
}

/// Why a list is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureObstacle {
    /// The caller may not list the kind.
    Forbidden,
    /// The API server is busy.
    Throttled,
    /// The list took so long that the API server has forgotten its version: it has to begin again.
    Expired,
    /// The API server refuses the call for another reason.
    Refused,
    /// There is no answer, or none that can be read.
    Unavailable,
}

/// A page could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CaptureFailure {
    /// Why.
    pub obstacle: CaptureObstacle,
    /// The same for a person; safe to show.
    pub message: String,
}

impl CaptureFailure {
    fn of(error: &kube::Error) -> Self {
        let obstacle = match error {
            kube::Error::Api(status) => match status.code {
                trouble::FORBIDDEN => CaptureObstacle::Forbidden,
                trouble::TOO_MANY_REQUESTS => CaptureObstacle::Throttled,
                trouble::GONE => CaptureObstacle::Expired,
                code if code >= 500 => CaptureObstacle::Unavailable,
                _ => CaptureObstacle::Refused,
            },
            _ => CaptureObstacle::Unavailable,
        };
        let message = match error {
            kube::Error::Api(status) => format!(
                "the API server answered {}: {}",
                status.code,
                reveal(&status.message)
            ),
            error => reveal(&trouble::with_root_cause(error)),
        };
        Self { obstacle, message }
    }
}

/// The kinds that every cluster has, and those of irsa-audit, in all namespaces or in one. An expectation may be about another namespace: roles and
/// their bindings are those of all.
#[must_use]
pub fn kinds(scope: &Scope, namespace: Option<&str>) -> Vec<CaptureKind> {
    let own_name = ListParams::default().fields(&format!("metadata.name={CONFIG_MAP}"));
    let webhook_namespace = Some(scope.webhook_namespace.as_str());
    let config_map = CaptureKind {
        params: own_name,
        ..watched::<ConfigMapObject>(scope, webhook_namespace)
    };
    vec![
        config_map,
        watched::<WebhookObject>(scope, None),
        watched::<ServiceAccountWire>(scope, namespace),
        watched::<PodWire>(scope, namespace),
        watched::<Box<AuditObject>>(scope, namespace),
        watched::<Box<PolicyObject>>(scope, None),
        watched::<NamespaceObject>(scope, None),
        watched::<RoleWire>(scope, None),
        watched::<ClusterRoleWire>(scope, None),
        watched::<RoleBindingWire>(scope, None),
        watched::<ClusterRoleBindingWire>(scope, None),
    ]
}

/// The kinds of other projects that the API server serves.
///
/// # Errors
/// [`CaptureFailure`] where the API server does not say what it serves.
pub async fn consumer_kinds(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<CaptureKind>, CaptureFailure> {
    let served = consumers::served(client)
        .await
        .map_err(|error| CaptureFailure::of(&error))?;
    let kinds = served.into_iter().map(|(kind, resource)| {
        let within = namespace.filter(|_| kind.namespaced);
        CaptureKind {
            resource: resource_of(kind),
            api_version: resource.api_version.clone(),
            kind: kind.kind.to_owned(),
            path: consumers::url_path(&resource, within),
            params: ListParams::default(),
            may_be_absent: false,
            reduce: Reduce::Consumer(kind),
        }
    });
    Ok(kinds.collect())
}

/// The resource of a kind of another project, as [`CaptureKind::resource`] names it.
#[must_use]
pub fn resource_of(kind: &ConsumerKind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

fn watched<W: Extract>(scope: &Scope, namespace: Option<&str>) -> CaptureKind {
    let of = &();
    CaptureKind {
        resource: W::Resource::plural(of).into_owned(),
        api_version: W::Resource::api_version(of).into_owned(),
        kind: W::Resource::kind(of).into_owned(),
        path: W::Resource::url_path(of, namespace),
        params: ListParams::default(),
        may_be_absent: W::KIND.is_custom(),
        reduce: Reduce::Watched(extract::<W>, scope.prefix.clone()),
    }
}

impl CaptureKind {
    /// Begins its list.
    #[must_use]
    pub fn list(&self, client: &Client) -> CaptureList {
        CaptureList {
            pages: Pages::new(client.clone(), &self.path, self.params.clone()),
            kind: self.clone(),
            has_ended: false,
        }
    }

    fn reduced(&self, object: Value) -> Result<Value, Undecodable> {
        match &self.reduce {
            Reduce::Watched(extract, prefix) => extract(object, prefix),
            Reduce::Consumer(kind) => Ok(consumers::extract(kind, &self.api_version, &object)),
        }
    }
}

impl ListItem for Shallow {}

/// The list of a kind, page by page.
pub struct CaptureList {
    pages: Pages,
    kind: CaptureKind,
    has_ended: bool,
}

impl CaptureList {
    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// [`CaptureFailure`]. The same page can be asked for again, unless the list has [expired](CaptureObstacle::Expired).
    pub async fn next(&mut self) -> Result<Option<CapturedPage>, CaptureFailure> {
        if self.has_ended {
            return Ok(None);
        }
        let page: Page<Shallow> = match self.pages.next().await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if self.kind.may_be_absent && status.code == trouble::NOT_FOUND => {
                self.has_ended = true;
                return Ok(None);
            }
            Err(error) => return Err(CaptureFailure::of(&error)),
        };
        self.has_ended = page.is_last();
        let mut captured = CapturedPage::default();
        for Shallow(object) in page.items {
            match self.kind.reduced(object) {
                Ok(object) => captured.objects.push(object),
                Err(undecodable) => captured.unreadable.push(undecodable),
            }
        }
        Ok(Some(captured))
    }
}

#[cfg(test)]
#[path = "../tests/unit/capture.rs"]
mod tests;
