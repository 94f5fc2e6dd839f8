//! Objects in place of those that were observed: what the chain of a binding is derived from once fixes were carried out.

use std::collections::BTreeMap;

use iam_policy::RoleArn;

use crate::model::{Pod, Provider, RoleLookup, ServiceAccount};

/// Objects in place of observed ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repairs {
    /// The ServiceAccount.
    pub(crate) service_account: Option<ServiceAccount>,
    /// All its pods and templates.
    pub(crate) pods: Option<Vec<Pod>>,
    /// Roles, by account and name.
    pub(crate) roles: BTreeMap<(String, String), RoleLookup>,
    /// The provider for the cluster's issuer in each account.
    pub(crate) providers: BTreeMap<String, Option<Provider>>,
}

impl Repairs {
    pub(super) fn role_of(&self, arn: &RoleArn) -> Option<&RoleLookup> {
        self.roles.get(&(arn.account().to_owned(), arn.name().to_owned()))
    }

    pub(super) fn provider_of(&self, arn: &RoleArn) -> Option<&Option<Provider>> {
        self.providers.get(arn.account())
    }
}
