//! The calls to the API server.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use audit_api::remediation::{self, JournalError, NamespaceLabels};
use audit_api::{IrsaApproval, IrsaAudit, IrsaAuditPolicy, TrustPolicyChange, admission};
use audit_remedy::{AdmissionGuard, Authorities, BreakerLimits, JournalRecord, LiveCheck, RemedySubject};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{ListParams, ObjectList, ObjectMeta};
use kube::core::Request;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::accounts::OwnAccounts;
use super::subject::{RemedyAudit, SubjectGap, SubjectScope, subject};
use crate::cluster::shown;

/// Objects in one answer. A record of the journal holds two documents.
const PAGE_SIZE: u32 = 250;

/// `IrsaAudit`s in one answer. An editor of a namespace fills each up to what the API server stores, 1.5 MiB, also its status. An answer is held
/// as text and as values; the chart gives the writer 256 MiB.
const AUDIT_PAGE_SIZE: u32 = 25;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The API server refused, or its answer does not parse.
    #[error("cannot read {what}: {}", shown(source))]
    Api {
        /// What was asked for.
        what: &'static str,
        /// Why.
        source: Box<kube::Error>,
    },
    /// There was no answer in time.
    #[error("cannot read {what}: no answer within {PATIENCE:?}")]
    TimedOut {
        /// What was asked for.
        what: &'static str,
    },
    /// An `IrsaAudit` is not what its definition allows.
    #[error("an IrsaAudit cannot be read: {0}")]
    Audit(#[from] serde_json::Error),
    /// A record is not as the writer makes them.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ReadError {
    /// Whether there is no such thing, or no such kind.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// Whether the API server refused because the caller lacks a permission.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.is(403)
    }

    fn is(&self, code: u16) -> bool {
        matches!(self, Self::Api { source, .. } if matches!(&**source, kube::Error::Api(status) if status.code == code))
    }
}

/// What one look at everyone who has to agree gives.
#[derive(Debug)]
pub struct LiveView {
    /// As the core reads them.
    pub authorities: Authorities,
    /// The approvals as objects: a record names the one that it spends.
    pub approvals: Vec<IrsaApproval>,
}

/// Reads live. Each method makes its calls anew.
#[derive(Clone)]
pub struct LiveReader {
    client: Client,
    scope: SubjectScope,
    own: OwnAccounts,
    /// More namespaces for which nothing is written.
    more_namespaces: Vec<String>,
}

impl LiveReader {
    /// A reader for a cluster. Nothing is written for the namespaces of the own accounts, and for `more_namespaces`.
    #[must_use]
    pub fn new(client: Client, scope: SubjectScope, own: OwnAccounts, more_namespaces: Vec<String>) -> Self {
        Self {
            client,
            scope,
            own,
            more_namespaces,
        }
    }

    /// The ServiceAccount, if there is one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<ServiceAccount>, ReadError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        answered("the ServiceAccount", accounts.get_opt(name)).await
    }

    /// The ServiceAccount and its `IrsaAudit`, or why they are no subject.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn find(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Result<RemedySubject, SubjectGap>, ReadError> {
        let Some(account) = self.service_account(namespace, name).await? else {
            return Ok(Err(SubjectGap::NoServiceAccount));
        };
        let audits = self.audits_in(namespace).await?;
        Ok(subject(&self.scope, &account, &audits))
    }

    /// The ServiceAccount and its `IrsaAudit`; nothing where they are no subject.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn subject(&self, namespace: &str, name: &str) -> Result<Option<RemedySubject>, ReadError> {
        Ok(self.find(namespace, name).await?.ok())
    }

    /// All `IrsaAudit`s of a namespace.
    ///
    /// # Errors
    /// [`ReadError`], also if one of them cannot be understood: it may be the one that counts.
    pub async fn audits_in(&self, namespace: &str) -> Result<Vec<RemedyAudit>, ReadError> {
        let api: Api<IrsaAudit> = Api::namespaced(self.client.clone(), namespace);
        let mut audits = Vec::new();
        each(
            &api,
            "the IrsaAudits of the namespace",
            AUDIT_PAGE_SIZE,
            |object| {
                audits.push(RemedyAudit::read(object)?);
                Ok(())
            },
        )
        .await?;
        Ok(audits)
    }

    /// Goes through all `IrsaAudit`s, page by page. What cannot be understood is left out: nothing is repaired for it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn each_audit(&self, mut see: impl FnMut(RemedyAudit)) -> Result<(), ReadError> {
        let api: Api<IrsaAudit> = Api::all(self.client.clone());
        each(&api, "IrsaAudits", AUDIT_PAGE_SIZE, |object| {
            if let Ok(audit) = RemedyAudit::read(object) {
                see(audit);
            }
            Ok(())
        })
        .await
    }

    /// All records of the journal.
    ///
    /// # Errors
    /// [`ReadError`], also if one record cannot be understood.
    pub async fn journal(&self) -> Result<Vec<JournalRecord>, ReadError> {
        let api: Api<TrustPolicyChange> = Api::all(self.client.clone());
        let changes = collect(&api, "TrustPolicyChanges").await?;
        Ok(changes
            .iter()
            .map(remediation::record)
            .collect::<Result<_, _>>()?)
    }

    /// Everyone who has to agree.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn view(&self) -> Result<LiveView, ReadError> {
        let namespaces = self.namespaces().await?;
        let policies: Vec<IrsaAuditPolicy> =
            collect(&Api::all(self.client.clone()), "IrsaAuditPolicies").await?;
        let approvals: Vec<IrsaApproval> = collect(&Api::all(self.client.clone()), "IrsaApprovals").await?;
        let journal = self.journal().await?;
        let mut own_namespaces = self.own.namespaces();
        own_namespaces.extend(self.more_namespaces.iter().cloned());
        let policies = policies
            .iter()
            .filter_map(|object| remediation::policy(&object.name_any(), &object.spec, &namespaces));
        let (guard, since) = self.guard().await?;
        let approved = approvals
            .iter()
            .filter_map(|object| remediation::approval(object, since));
        Ok(LiveView {
            authorities: Authorities {
                policies: policies.collect(),
                own_namespaces,
                own_users: self.own.users(),
                approvals: approved.collect(),
                guard,
                journal,
                breaker: BreakerLimits::default(),
            },
            approvals,
        })
    }

    /// Everything that a write depends on beside the role, and the approvals as objects.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn check(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(LiveCheck, Vec<IrsaApproval>), ReadError> {
        let view = self.view().await?;
        let check = LiveCheck {
            subject: self.subject(namespace, name).await?,
            authorities: view.authorities,
        };
        Ok((check, view.approvals))
    }

    async fn namespaces(&self) -> Result<NamespaceLabels, ReadError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let mut labels = NamespaceLabels::new();
        let mut params = ListParams::default().limit(PAGE_SIZE);
        loop {
            let page = answered("namespaces", api.list_metadata(&params)).await?;
            for namespace in page.items {
                let ObjectMeta {
                    name, labels: own, ..
                } = namespace.metadata;
                labels.insert(name.unwrap_or_default(), own.unwrap_or_else(BTreeMap::new));
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(labels),
            }
        }
    }

    /// The admission policy and its binding, as JSON: no type of ours drops a field that weakens them. With them, since when both have
    /// been there.
    async fn guard(&self) -> Result<(AdmissionGuard, Option<Timestamp>), ReadError> {
        let policy = self.raw("validatingadmissionpolicies").await?;
        let binding = self.raw("validatingadmissionpolicybindings").await?;
        let (policy, binding) = (policy.as_ref(), binding.as_ref());
        let guard = admission::guard(policy, binding, &self.own.users());
        Ok((guard, admission::guarded_since(policy, binding)))
    }

    async fn raw(&self, resource: &str) -> Result<Option<Value>, ReadError> {
        const WHAT: &str = "the ValidatingAdmissionPolicy and its binding";
        let path = format!(
            "/apis/admissionregistration.k8s.io/v1/{resource}/{}",
            admission::NAME
        );
        let request = http::Request::get(path)
            .body(Vec::new())
            .map_err(|error| ReadError::Api {
                what: WHAT,
                source: Box::new(kube::Error::HttpError(error)),
            })?;
        match answered(WHAT, self.client.request::<Value>(request)).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

async fn collect<K>(api: &Api<K>, what: &'static str) -> Result<Vec<K>, ReadError>
where
    K: Clone + Debug + DeserializeOwned + Resource,
{
    let mut all = Vec::new();
    let failed = |error| ReadError::Api {
        what,
        source: Box::new(kube::Error::SerdeError(error)),
    };
    each(api, what, PAGE_SIZE, |object| {
        all.push(serde_json::from_str(object).map_err(failed)?);
        Ok(())
    })
    .await?;
    Ok(all)
}

/// Goes through pages, object by object as text: others write them, and what is odd in one must not hide the rest. All are of one moment,
/// or the API server says that they no longer are.
async fn each<K: Clone + Resource>(
    api: &Api<K>,
    what: &'static str,
    page_size: u32,
    mut see: impl FnMut(&str) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let client = api.clone().into_client();
    let failed = |error| ReadError::Api {
        what,
        source: Box::new(error),
    };
    let mut params = ListParams::default().limit(page_size);
    loop {
        let request = Request::new(api.resource_url()).list(&params);
        let request = request.map_err(|error| failed(kube::Error::BuildRequest(error)))?;
        let page = answered(what, client.request::<ObjectList<Box<RawValue>>>(request)).await?;
        for object in &page.items {
            see(object.get())?;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

async fn answered<T>(
    what: &'static str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ReadError> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(ReadError::Api {
            what,
            source: Box::new(error),
        }),
        Err(_) => Err(ReadError::TimedOut { what }),
    }
}
