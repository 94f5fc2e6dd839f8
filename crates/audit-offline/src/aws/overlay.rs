//! What is known of an account by Terraform plans that no output can say: what they leave open, and what they destroy.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{Account, Observed, PlanGap, Provider, RoleLookup};
use jiff::Timestamp;

/// What is known of an account by plans that no output can say.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// How many roles the outputs hold, before any plan.
    pub(super) roles_before: Option<usize>,
    pub(super) gone_roles: BTreeSet<String>,
    /// Roles whose names are open: what each begins with.
    pub(super) nameless_roles: Vec<(String, PlanGap)>,
    /// Roles of which the trust policy is open, or whether they are in this account, by name.
    pub(super) open_roles: BTreeMap<String, PlanGap>,
    /// Roles of which some policy is open, by name.
    pub(super) open_policies: BTreeMap<String, PlanGap>,
    /// Managed policies whose document is open, by ARN.
    pub(super) open_managed: BTreeMap<String, PlanGap>,
    /// By URL without the scheme.
    pub(super) gone_providers: BTreeSet<String>,
    /// Providers of which something is open, by URL.
    pub(super) open_providers: BTreeMap<String, PlanGap>,
    /// A provider of which the URL is open.
    pub(super) open_url: Option<PlanGap>,
}

impl Overlay {
    /// Decides about the provider for an issuer.
    pub(super) fn decide_provider(
        &self,
        provider: &mut Observed<Option<Provider>>,
        host_path: &str,
        now: Timestamp,
    ) {
        let is_found = matches!(provider.latest(), Some(Some(_)));
        if let Some(gap) = self.open_providers.get(host_path) {
            *provider = Observed::undecided(gap.clone());
        } else if let (Some(gap), false) = (&self.open_url, is_found) {
            *provider = Observed::undecided(gap.clone());
        } else if self.gone_providers.contains(host_path) && !is_found {
            *provider = Observed::known(None, now);
        }
    }

    /// Puts what is open, and what is gone, into the account.
    pub(super) fn finish(self, account: &mut Account, now: Timestamp) {
        for name in self.gone_roles {
            if !account.roles.contains_key(&name) {
                account
                    .roles
                    .insert(name, Observed::known(RoleLookup::Absent, now));
            }
        }
        account.nameless_roles = self.nameless_roles;
        for (name, gap) in self.open_roles {
            account.roles.insert(name, Observed::undecided(gap));
        }
        for (name, gap) in self.open_policies {
            account.policies.insert(name, Observed::undecided(gap));
        }
        for (arn, gap) in self.open_managed {
            account.managed.insert(arn, Observed::undecided(gap));
        }
    }
}
