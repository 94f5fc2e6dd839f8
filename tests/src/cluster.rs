//! Acting as the cluster's administrator, and awaiting what the operator makes of it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use futures::StreamExt as _;
use k8s_openapi::api::events::v1::Event;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
    PostParams,
};
use kube::runtime::watcher::watch_object;
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The field manager of what is done here.
const MANAGER: &str = "e2e";

/// Why something in the cluster is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The API server refused something, or did not answer.
    #[error("{attempt}: {source}")]
    Kube {
        /// What was tried.
        attempt: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// An object is not one.
    #[error("no Kubernetes object: {0}")]
    Object(#[from] serde_json::Error),
    /// What was awaited did not happen.
    #[error("{awaited} did not happen within {within:?}; last seen: {seen}")]
    Deadline {
        /// What was awaited.
        awaited: String,
        /// For how long.
        within: Duration,
        /// What there was instead.
        seen: String,
    },
}

impl ClusterError {
    fn of(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Kube {
            attempt,
            source: Box::new(source),
        }
    }

    /// The HTTP status by which the API server refused, where it did.
    #[must_use]
    pub fn refusal(&self) -> Option<u16> {
        match self {
            Self::Kube { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            _ => None,
        }
    }
}

/// An object's place: API version, kind, namespace (empty for none) and name.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// `v1`, `apps/v1`, …
    pub api_version: &'a str,
    /// `Pod`, …
    pub kind: &'a str,
    /// The namespace; empty for what has none.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
}

impl<'a> Target<'a> {
    /// Something in the core group.
    #[must_use]
    pub fn core(kind: &'a str, namespace: &'a str, name: &'a str) -> Self {
        Self {
            api_version: "v1",
            kind,
            namespace,
            name,
        }
    }

    /// An `IrsaAudit`.
    #[must_use]
    pub fn audit(namespace: &'a str, name: &'a str) -> Self {
        Self {
            api_version: "irsa-audit.dev/v1alpha1",
            kind: "IrsaAudit",
            namespace,
            name,
        }
    }

    fn resource(&self) -> ApiResource {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", self.api_version));
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, self.kind))
    }
}

/// The cluster, as its administrator has it. Belongs to the runtime that it was made on.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Acts through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    fn api(&self, target: Target<'_>) -> Api<DynamicObject> {
        let resource = target.resource();
        if target.namespace.is_empty() {
            Api::all_with(self.client(), &resource)
        } else {
            Api::namespaced_with(self.client(), target.namespace, &resource)
        }
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn create_namespace(&self, name: &str) -> Result<(), ClusterError> {
        self.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await?;
        Ok(())
    }

    /// Whether an object would be created: the HTTP status by which the API server would refuse it, where it would.
    ///
    /// # Errors
    /// [`ClusterError::Kube`], [`ClusterError::Object`].
    pub async fn would_refuse(&self, object: &Value) -> Result<Option<u16>, ClusterError> {
        let whole: DynamicObject = serde_json::from_value(object.clone())?;
        let target = target_of(&whole);
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let created = self.api(target).create(&params, &whole).await;
        let created = created.map_err(ClusterError::of(format!("try to create {}", target.kind)));
        match created {
            Ok(_) => Ok(None),
            Err(error) => error.refusal().map_or(Err(error), |code| Ok(Some(code))),
        }
    }

    /// Creates an object, and then gives it its `status`, as a controller or a kubelet would.
    ///
    /// # Errors
    /// [`ClusterError::Kube`], [`ClusterError::Object`].
    pub async fn create(&self, object: &Value) -> Result<DynamicObject, ClusterError> {
        let whole: DynamicObject = serde_json::from_value(object.clone())?;
        let target = target_of(&whole);
        let attempt = || format!("create {} {}/{}", target.kind, target.namespace, target.name);
        let api = self.api(target);
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let created = api
            .create(&params, &whole)
            .await
            .map_err(ClusterError::of(attempt()))?;
        let Some(status) = object.get("status") else {
            return Ok(created);
        };
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams::default();
        api.patch_status(target.name, &params, &patch)
            .await
            .map_err(ClusterError::of(attempt()))
    }

    /// Applies an object by server-side apply, under the given field manager.
    ///
    /// # Errors
    /// [`ClusterError::Kube`], [`ClusterError::Object`].
    pub async fn apply(&self, object: &Value, manager: &str) -> Result<DynamicObject, ClusterError> {
        let whole: DynamicObject = serde_json::from_value(object.clone())?;
        let target = target_of(&whole);
        let attempt = format!("apply {} {}/{}", target.kind, target.namespace, target.name);
        let params = PatchParams::apply(manager).force();
        let applied = self
            .api(target)
            .patch(target.name, &params, &Patch::Apply(object))
            .await;
        applied.map_err(ClusterError::of(attempt))
    }

    /// Asks the API server whether it would take an object, unknown fields included, and changes nothing.
    ///
    /// # Errors
    /// [`ClusterError::Kube`] if it would not, [`ClusterError::Object`].
    pub async fn check(&self, object: &Value) -> Result<(), ClusterError> {
        let whole: DynamicObject = serde_json::from_value(object.clone())?;
        let target = target_of(&whole);
        let attempt = format!("check {} {}/{}", target.kind, target.namespace, target.name);
        let params = PatchParams::apply(MANAGER).force().dry_run().validation_strict();
        let checked = self
            .api(target)
            .patch(target.name, &params, &Patch::Apply(object))
            .await;
        checked.map_err(ClusterError::of(attempt))?;
        Ok(())
    }

    /// Changes an object by a merge patch.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn merge(&self, target: Target<'_>, patch: &Value) -> Result<DynamicObject, ClusterError> {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let merged = self
            .api(target)
            .patch(target.name, &params, &Patch::Merge(patch))
            .await;
        merged.map_err(ClusterError::of(format!(
            "patch {} {}/{}",
            target.kind, target.namespace, target.name
        )))
    }

    /// Reads an object, if it is there.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn get(&self, target: Target<'_>) -> Result<Option<DynamicObject>, ClusterError> {
        let found = self.api(target).get_opt(target.name).await;
        found.map_err(ClusterError::of(format!(
            "get {} {}/{}",
            target.kind, target.namespace, target.name
        )))
    }

    /// Deletes an object at once.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn delete(&self, target: Target<'_>) -> Result<(), ClusterError> {
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            ..DeleteParams::default()
        };
        let deleted = self.api(target).delete(target.name, &params).await;
        deleted.map_err(ClusterError::of(format!(
            "delete {} {}/{}",
            target.kind, target.namespace, target.name
        )))?;
        Ok(())
    }

    /// Makes the operator read everything about a binding anew.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn reaudit(&self, namespace: &str, name: &str, token: &str) -> Result<(), ClusterError> {
        let annotations = json!({"metadata": {"annotations": {"irsa-audit.dev/reaudit": token}}});
        self.merge(Target::audit(namespace, name), &annotations).await?;
        Ok(())
    }

    /// Awaits, by watching, that an `IrsaAudit` is as it should be, and gives it. `None` is the absent object.
    ///
    /// # Errors
    /// [`ClusterError::Deadline`], with what there was instead.
    pub async fn wait_for_audit(
        &self,
        namespace: &str,
        name: &str,
        awaited: &str,
        within: Duration,
        holds: impl Fn(Option<&IrsaAudit>) -> bool,
    ) -> Result<Option<IrsaAudit>, ClusterError> {
        let api: Api<IrsaAudit> = Api::namespaced(self.client(), namespace);
        let mut seen = "nothing".to_owned();
        let watch = async {
            let mut changes = pin!(watch_object(api, name));
            while let Some(change) = changes.next().await {
                // An error is tried again by the watch itself.
                match change {
                    Ok(audit) if holds(audit.as_ref()) => return audit,
                    Ok(None) => "no such object".clone_into(&mut seen),
                    Ok(Some(audit)) => seen = serde_json::to_string(&audit.status).unwrap_or_default(),
                    Err(error) => seen = error.to_string(),
                }
            }
            None
        };
        if let Ok(audit) = timeout(within, watch).await {
            return Ok(audit);
        }
        let awaited = format!("IrsaAudit {namespace}/{name}: {awaited}");
        Err(ClusterError::Deadline {
            awaited,
            within,
            seen,
        })
    }

    /// Awaits, by watching, that an `IrsaAudit` has a verdict for a reason, and gives it.
    ///
    /// # Errors
    /// [`ClusterError::Deadline`], with what there was instead.
    pub async fn wait_for_verdict(
        &self,
        namespace: &str,
        name: &str,
        verdict: VerdictName,
        reason: &str,
        within: Duration,
    ) -> Result<IrsaAudit, ClusterError> {
        let awaited = format!("{verdict:?} {reason}");
        let has = |audit: Option<&IrsaAudit>| {
            audit
                .and_then(|audit| audit.status.as_ref())
                .is_some_and(|status| {
                    status.verdict == Some(verdict) && status.reason.as_deref() == Some(reason)
                })
        };
        let audit = self
            .wait_for_audit(namespace, name, &awaited, within, has)
            .await?;
        audit.ok_or_else(|| ClusterError::Deadline {
            awaited,
            within,
            seen: "no such object".to_owned(),
        })
    }

    /// All `IrsaAudit`s.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn audits(&self) -> Result<Vec<IrsaAudit>, ClusterError> {
        let api: Api<IrsaAudit> = Api::all(self.client());
        let list = api
            .list(&ListParams::default())
            .await
            .map_err(ClusterError::of("list IrsaAudits"))?;
        Ok(list.items)
    }

    /// The resource version of each `IrsaAudit`, by namespace and name: equal before and after means that nobody wrote.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn audit_versions(&self) -> Result<BTreeMap<String, String>, ClusterError> {
        let version = |audit: IrsaAudit| {
            let name = format!("{}/{}", audit.namespace().unwrap_or_default(), audit.name_any());
            (name, audit.resource_version().unwrap_or_default())
        };
        Ok(self.audits().await?.into_iter().map(version).collect())
    }

    /// The Events of a namespace.
    ///
    /// # Errors
    /// [`ClusterError::Kube`].
    pub async fn events(&self, namespace: &str) -> Result<Vec<Event>, ClusterError> {
        let api: Api<Event> = Api::namespaced(self.client(), namespace);
        let list = api
            .list(&ListParams::default())
            .await
            .map_err(ClusterError::of("list Events"))?;
        Ok(list.items)
    }
}

fn target_of(object: &DynamicObject) -> Target<'_> {
    let types = object.types.as_ref();
    Target {
        api_version: types.map_or("", |types| &types.api_version),
        kind: types.map_or("", |types| &types.kind),
        namespace: object.metadata.namespace.as_deref().unwrap_or_default(),
        name: object.metadata.name.as_deref().unwrap_or_default(),
    }
}
