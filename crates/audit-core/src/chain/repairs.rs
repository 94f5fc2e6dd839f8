//! Objects in place of those that were observed: what the chain of a binding is derived from once fixes were carried out.

use iam_policy::RoleArn;

use crate::model::{Pod, Provider, RoleLookup, ServiceAccount};

/// Objects in place of observed ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repairs {
    /// The ServiceAccount.
    pub(crate) service_account: Option<ServiceAccount>,
    /// All its pods and templates.
    pub(crate) pods: Option<Vec<Pod>>,
    /// A role, with its account and name.
    pub(crate) role: Option<((String, String), RoleLookup)>,
    /// The provider for the cluster's issuer in an account.
    pub(crate) provider: Option<(String, Option<Provider>)>,
}

impl Repairs {
    pub(super) fn role_of(&self, arn: &RoleArn) -> Option<&RoleLookup> {
        let ((account, name), lookup) = self.role.as_ref()?;
        (account == arn.account() && name == arn.name()).then_some(lookup)
    }

    pub(super) fn provider_of(&self, arn: &RoleArn) -> Option<&Option<Provider>> {
        let (account, provider) = self.provider.as_ref()?;
        (account == arn.account()).then_some(provider)
    }
}
