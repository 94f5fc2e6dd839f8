//! Seeding an account.

use crate::ids::Ids;
use crate::role::{Role, StoredRole, Tags};
use crate::server::Shared;
use crate::tables::{Association, ManagedPolicy, Provider, without_scheme};
use crate::timeline::Timeline;
use jiff::Timestamp;
use std::sync::Arc;

/// An account to seed. What is seeded was always there: reads see it at once, whatever the consistency delay.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    shared: &'a Shared,
    id: &'a str,
}

#[allow(
    clippy::must_use_candidate,
    reason = "called for their effect; the handle comes back only to be chained"
)]
impl<'a> Account<'a> {
    pub(crate) fn new(shared: &'a Shared, id: &'a str) -> Self {
        Self { shared, id }
    }

    /// Adds a role, or replaces the one of the same name, whose id and date it keeps.
    pub fn role(&self, role: Role) -> &Self {
        self.seed(|timeline, ids| {
            let (id, created) = match timeline.live().roles.get(&role.name) {
                Some(held) => (held.id.clone(), held.created),
                None => (ids.unique("AROA"), Timestamp::now()),
            };
            let stored = Arc::new(StoredRole {
                id,
                arn: role.arn(self.id),
                created,
                role,
            });
            timeline.seed(|tables| {
                tables.roles.insert(stored.role.name.clone(), Arc::clone(&stored));
            });
        })
    }

    /// Takes a role away, policies and all.
    pub fn remove_role(&self, name: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.roles.remove(name);
            });
        })
    }

    /// A role's trust policy to the letter, also while reads do not see it yet; `None` without that role.
    #[must_use]
    pub fn trust_document(&self, role: &str) -> Option<String> {
        let world = self.shared.world();
        let stored = world.accounts.get(self.id)?.timeline.live().roles.get(role)?;
        Some(stored.role.trust.clone())
    }

    /// Adds an OpenID Connect provider for an issuer URL with these client ids, or replaces it.
    pub fn provider<I>(&self, url: &str, client_ids: I) -> &Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let provider = Arc::new(Provider {
            url: without_scheme(url).to_owned(),
            client_ids: client_ids.into_iter().map(Into::into).collect(),
            thumbprints: vec!["9e99a48a9960b14926bb7f3b02e22da2b0ab7280".to_owned()],
            created: Timestamp::now(),
            tags: Tags::default(),
        });
        let arn = Provider::arn(self.id, url);
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.providers.insert(arn.clone(), Arc::clone(&provider));
            });
        })
    }

    /// Takes the provider of an issuer URL away.
    pub fn remove_provider(&self, url: &str) -> &Self {
        let arn = Provider::arn(self.id, url);
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.providers.remove(&arn);
            });
        })
    }

    /// Adds a customer managed policy at the path `/`, or replaces it.
    pub fn managed_policy(&self, name: &str, document: &str) -> &Self {
        self.seed(|timeline, ids| {
            let arn = format!("arn:aws:iam::{}:policy/{name}", self.id);
            let policy = Arc::new(ManagedPolicy::new(ids.unique("ANPA"), arn, document.to_owned()));
            timeline.seed(|tables| {
                tables.policies.insert(policy.arn.clone(), Arc::clone(&policy));
            });
        })
    }

    /// Adds an EKS cluster with its issuer URL. It is in the region that the URL names, else in every one.
    pub fn eks_cluster(&self, name: &str, issuer: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.clusters.insert(name.to_owned(), issuer.to_owned());
            });
        })
    }

    /// Takes an EKS cluster away.
    pub fn remove_eks_cluster(&self, name: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.clusters.remove(name);
            });
        })
    }

    /// Adds an association of EKS Pod Identity in a cluster.
    pub fn pod_identity_association(
        &self,
        cluster: &str,
        namespace: &str,
        service_account: &str,
        role_arn: &str,
    ) -> &Self {
        self.seed(|timeline, ids| {
            let association = Arc::new(Association {
                id: format!("a-{:08}", ids.number()),
                cluster: cluster.to_owned(),
                namespace: namespace.to_owned(),
                service_account: service_account.to_owned(),
                role_arn: role_arn.to_owned(),
            });
            timeline.seed(|tables| {
                tables
                    .associations
                    .insert(association.id.clone(), Arc::clone(&association));
            });
        })
    }

    /// Grants the account trust policies of so many characters.
    pub fn trust_quota(&self, characters: usize) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| tables.trust_quota = Some(characters));
        })
    }

    /// An SCP of the account's organization denies an action, or a pattern of them, to everybody. Only the policy simulator tells.
    pub fn scp_denies(&self, action: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.scp_denies.insert(action.to_owned());
            });
        })
    }

    /// Takes back what [`scp_denies`](Self::scp_denies) denied with the same words.
    pub fn scp_allows(&self, action: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.scp_denies.remove(action);
            });
        })
    }

    /// Has the policy simulator say of an action the opposite of what the policies say.
    pub fn simulated_otherwise(&self, action: &str) -> &Self {
        self.seed(|timeline, _| {
            timeline.seed(|tables| {
                tables.simulated_otherwise.insert(action.to_owned());
            });
        })
    }

    fn seed(&self, change: impl FnOnce(&mut Timeline, &mut Ids)) -> &Self {
        let mut world = self.shared.world();
        let world = &mut *world;
        let account = world.accounts.entry(self.id.to_owned()).or_default();
        change(&mut account.timeline, &mut world.ids);
        self
    }
}
