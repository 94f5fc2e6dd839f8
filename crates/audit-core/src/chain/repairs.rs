//! Objects in place of those that were observed: what the chain of a binding is derived from once fixes were carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use iam_policy::RoleArn;

use crate::model::{Pod, Provider, RoleLookup, ServiceAccount, WebhookEntry};
use crate::snapshot::{AskedIn, AskedRole};

/// Objects in place of observed ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repairs {
    /// The ServiceAccount.
    pub(crate) service_account: Option<ServiceAccount>,
    /// What the webhook's ConfigMap says of it.
    pub(crate) entry: Option<WebhookEntry>,
    /// All its pods and templates.
    pub(crate) pods: Option<Vec<Arc<Pod>>>,
    /// Roles, by account and name.
    pub(crate) roles: BTreeMap<(String, String), RoleLookup>,
    /// The provider for the cluster's issuer in each account.
    pub(crate) providers: BTreeMap<String, Option<Provider>>,
}

impl Repairs {
    /// What the webhook is asked for, where what its ConfigMap says was repaired.
    pub(super) fn asked(&self) -> Option<AskedRole<'_>> {
        let entry = self.entry.as_ref()?;
        Some(AskedRole {
            source: AskedIn::ConfigMap,
            role: Some(&entry.role_arn),
            audience: Some(&entry.audience),
        })
    }

    pub(super) fn role_of(&self, arn: &RoleArn) -> Option<&RoleLookup> {
        self.roles.get(&(arn.account().to_owned(), arn.name().to_owned()))
    }

    pub(super) fn provider_of(&self, arn: &RoleArn) -> Option<&Option<Provider>> {
        self.providers.get(arn.account())
    }
}
