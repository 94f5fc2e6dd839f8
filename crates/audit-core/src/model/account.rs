//! What is known of an account.

use std::collections::BTreeMap;

use super::{
    BindingKey, ByRole, Clusters, EksIssuer, FailureKind, InlineDocuments, ManagedPolicy, Observed, PlanGap,
    PodIdentityAssociation, Provider, ReadFailure, RoleLookup, RolePolicies, Simulation, TrustedIssuer,
};

/// Whether the operator may look into an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It is the operator's own account, or one that the configuration names.
    #[default]
    Configured,
    /// The configuration gives no way in.
    NotConfigured,
}

/// What is known of an account, keyed by what rules look up.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Whether the operator may look into it.
    pub access: Access,
    /// Roles by name (IAM's names are unique within an account, whatever the path).
    pub roles: ByRole<RoleLookup>,
    /// Roles that a Terraform plan creates under a name that it does not give: what the name begins with, which may be nothing.
    pub nameless_roles: Vec<(String, PlanGap)>,
    /// Permission policies by role name; apart from the roles, because other permissions are needed to read them.
    pub policies: ByRole<RolePolicies>,
    /// The documents of inline policies, by the role's name: only of roles that bindings refer to, and that have any.
    pub inline: BTreeMap<String, Observed<InlineDocuments>>,
    /// The managed policies that such roles have attached, or as their boundary, by ARN: each once, however many roles share it.
    pub managed: BTreeMap<String, Observed<ManagedPolicy>>,
    /// What IAM's policy simulator says of roles of which somebody expects permissions, by the role's name.
    pub simulations: BTreeMap<String, Observed<Simulation>>,
    /// The provider for this cluster's issuer; `None` inside where IAM says that there is none.
    pub provider: Observed<Option<Provider>>,
    /// The URLs of all its providers, without the scheme; looked for where it has none for this cluster's issuer.
    pub provider_urls: Observed<Vec<String>>,
    /// How many characters the account lets a trust policy have; looked for where a policy comes near the least that there
    /// is, [`DEFAULT_TRUST_QUOTA`](super::aws::DEFAULT_TRUST_QUOTA).
    pub trust_quota: Observed<usize>,
    /// The associations of EKS Pod Identity of this cluster, if it is an EKS cluster of this account.
    pub pod_identity: Observed<BTreeMap<BindingKey, PodIdentityAssociation>>,
    /// Exact subjects in trust policies of roles that admit this cluster's issuer, with the roles' names; complete
    /// as of the last listing of the whole account.
    pub trusted_subjects: BTreeMap<String, Vec<String>>,
    /// The issuers of EKS clusters that roles trust, apart from this cluster's; as complete.
    pub trusted_issuers: BTreeMap<EksIssuer, TrustedIssuer>,
    /// The EKS clusters of a region; looked for where roles trust an issuer of that region of which no provider is there.
    pub clusters: BTreeMap<String, Observed<Clusters>>,
    /// The last listing of the whole account: how many roles it has.
    pub listing: Observed<usize>,
}

impl Account {
    /// Why a role of this name may come to be, although no role of it was seen: a Terraform plan leaves the name of some role open.
    #[must_use]
    pub fn nameless_role(&self, name: &str) -> Option<&PlanGap> {
        let mut roles = self.nameless_roles.iter();
        let found = roles.find(|(prefix, _)| name.starts_with(prefix.as_str()));
        found
            .map(|(_, gap)| gap)
            .filter(|_| !self.roles.contains_key(name))
    }

    /// Whether an inline policy that a role was listed with is gone: its document was looked for after that, and was not there.
    #[must_use]
    pub fn is_inline_gone(&self, role: &str, name: &str) -> bool {
        let listed = self.policies.get(role).and_then(Observed::observed_at);
        let documents = self.inline.get(role).and_then(|seen| seen.value.as_ref());
        let (Some(listed), Some((documents, read))) = (listed, documents) else {
            return false;
        };
        !documents.contains_key(name) && listed < *read
    }

    /// Whether the account could be listed as a whole, and has not been yet.
    #[must_use]
    pub fn listing_is_missing(&self) -> bool {
        self.access == Access::Configured && self.listing.value.is_none()
    }

    /// All failures that are going on now. That IAM does not simulate is none: nothing hangs on it; nor are those in regions where
    /// somebody keeps the operator out or nothing answers: no verdict hangs on clusters. And what nothing hangs on any more is not asked
    /// for again, so that a failure to read it would stand for ever.
    pub fn failures(&self) -> impl Iterator<Item = &ReadFailure> {
        let roles = self.roles.values().filter_map(|o| o.failure.as_ref());
        let policies = self.policies.values().filter_map(|o| o.failure.as_ref());
        let inline = self.inline.values().filter_map(|o| o.failure.as_ref());
        let managed = self.managed.values().filter_map(|o| o.failure.as_ref());
        roles
            .chain(policies)
            .chain(inline)
            .chain(managed)
            .chain(&self.provider.failure)
            .chain(
                self.provider_urls
                    .failure
                    .as_ref()
                    .filter(|_| self.hangs_on_provider_urls()),
            )
            .chain(&self.trust_quota.failure)
            .chain(&self.pod_identity.failure)
            .chain(&self.listing.failure)
            .chain(self.clusters.values().filter_map(denied))
    }
}

impl Account {
    /// Whether something hangs on which providers there are: whether one comes near to that which is absent, or which trusted issuers
    /// have one.
    fn hangs_on_provider_urls(&self) -> bool {
        matches!(self.provider.latest(), Some(None)) || !self.trusted_issuers.is_empty()
    }
}

/// Why clusters could not be listed, if somebody only has to allow it.
fn denied(clusters: &Observed<Clusters>) -> Option<&ReadFailure> {
    let failure = clusters.failure.as_ref()?;
    let is_denied = matches!(failure.kind, FailureKind::AccessDenied { .. });
    (is_denied && !failure.is_explicit_deny).then_some(failure)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_nothing_hangs_on_any_more_is_no_failure() {
        let mut account = Account::default();
        let (kind, now) = (FailureKind::Throttled, Timestamp::UNIX_EPOCH);
        account.provider_urls.fail(kind, "Rate exceeded".to_owned(), now);
        account.provider.succeed(None, now);
        assert_eq!(account.failures().count(), 1);
        let provider = Provider {
            arn: String::new(),
            url: String::new(),
            client_ids: Vec::new(),
        };
        account.provider.succeed(Some(provider), now);
        assert_eq!(account.failures().count(), 0);
    }

    #[test]
    fn clusters_that_somebody_denies_on_purpose_are_no_failure() {
        let denied = || FailureKind::AccessDenied {
            action: "eks:ListClusters".to_owned(),
        };
        for (kind, is_explicit_deny, failures) in [
            (denied(), false, 1),
            (denied(), true, 0),
            (FailureKind::Unavailable, false, 0),
        ] {
            let mut account = Account::default();
            let clusters = account.clusters.entry("eu-west-1".to_owned()).or_default();
            clusters.fail_as(ReadFailure {
                kind,
                // What it says decides nothing.
                message: "with an explicit deny in a service control policy".to_owned(),
                is_explicit_deny,
                since: Timestamp::UNIX_EPOCH,
            });
            assert_eq!(account.failures().count(), failures, "{is_explicit_deny}");
        }
    }
}
