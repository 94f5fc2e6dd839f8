//! One account, as outputs tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::document::may_mention;
use audit_core::model::{
    Account, BindingKey, Clusters, EksIssuer, InlineDocuments, IssuerUrl, LastUsed, ManagedPolicy, Observed,
    PodIdentityAssociation, Provider, Role, RoleLookup, RolePolicies, TrustedIssuer,
};
use audit_core::text::quote;
use audit_core::{issuers, subjects};
use iam_policy::RoleArn;
use jiff::Timestamp;
use serde_json::Value;

use super::overlay::Overlay;
use super::shape::{self, RoleDetail};
use super::whole::Wholeness;
use crate::problem::{InputProblem, Place};

/// What outputs say of an account.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Roles by name.
    pub(super) roles: BTreeMap<String, ToldRole>,
    /// Names of roles that are there and cannot be read.
    pub(super) unread: BTreeSet<String>,
    /// Whether all roles of the account were told.
    pub(super) whole: Wholeness,
    /// Managed policies whose document was told, by ARN.
    pub(super) managed: BTreeMap<String, ManagedPolicy>,
    /// The ARNs of the providers; absent where nobody listed them.
    pub(super) providers: Option<Vec<String>>,
    /// What was told of single providers.
    pub(super) details: Vec<shape::ProviderOutput>,
    /// How many characters a trust policy may have.
    pub(super) trust_quota: Option<usize>,
    /// EKS clusters, of whatever region.
    pub(super) clusters: Vec<shape::Cluster>,
    /// The names of all clusters of a region, each list of one.
    pub(super) cluster_lists: Vec<shape::ListedClusters>,
    /// Associations of EKS Pod Identity, of whatever cluster.
    pub(super) associations: Vec<shape::Association>,
    /// What a Terraform plan changes of all this.
    pub(super) overlay: Overlay,
}

/// A description of a provider, and where it was told.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) place: Place,
    /// The account that is likely its own.
    pub(super) home: Option<String>,
    pub(super) provider: shape::ProviderOutput,
}

/// A role, and where it was told.
#[derive(Debug)]
pub(super) struct ToldRole {
    pub(super) place: Place,
    pub(super) role: Role,
    pub(super) policies: Option<RolePolicies>,
    pub(super) inline: InlineDocuments,
    /// Outputs contradict each other about it.
    pub(super) is_disputed: bool,
}

impl Told {
    /// Takes in a role, from an output that is no older than `told_after`. The same role in a different form elsewhere makes it unknown:
    /// which of them is true cannot be determined.
    pub(super) fn role(
        &mut self,
        place: &Place,
        arn: RoleArn,
        detail: RoleDetail,
        told_after: Option<Timestamp>,
    ) -> Result<(), InputProblem> {
        let last_used = detail.last_used();
        let policies = policies(&detail);
        let inline = detail.role_policy_list.into_iter().flatten();
        let inline: InlineDocuments = inline
            .filter_map(|policy| Some((policy.policy_name, policy.policy_document?.into())))
            .collect();
        let role = Role {
            id: detail.role_id,
            boundary: detail
                .permissions_boundary
                .and_then(|boundary| boundary.permissions_boundary_arn)
                .map(Into::into),
            tags: detail
                .tags
                .map(|tags| tags.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            trust_text: detail.trust.into(),
            created: detail.create_date,
            last_used,
            told_after,
            arn,
        };
        let Some(old) = self.roles.get_mut(role.arn.name()) else {
            let told = ToldRole {
                place: place.clone(),
                role,
                policies,
                inline,
                is_disputed: false,
            };
            self.roles.insert(told.role.arn.name().to_owned(), told);
            return Ok(());
        };
        let contradicts = matches!((&old.policies, &policies), (Some(a), Some(b)) if a != b);
        if contradicts || !is_same(&old.role, &role) {
            old.is_disputed = true;
            return Err(InputProblem::warning(
                place.clone(),
                format!(
                    "role `{}` is also in {}, and differs there: which of them is true is unknown; give only the younger output",
                    quote(&role.arn.to_string()),
                    old.place
                ),
            ));
        }
        // `list-roles` leaves the boundary, the tags and the last use out.
        if old.role.boundary.is_none() {
            old.role.boundary = role.boundary;
        }
        if old.role.tags.is_none() {
            old.role.tags = role.tags;
        }
        if role.last_used != LastUsed::Unseen
            && (old.role.last_used == LastUsed::Unseen || old.role.told_after < role.told_after)
        {
            (old.role.last_used, old.role.told_after) = (role.last_used, role.told_after);
        }
        old.role.created = old.role.created.or(role.created);
        if old.policies.is_none() {
            old.policies = policies;
            old.inline = inline;
        }
        Ok(())
    }

    /// Takes note of a role that is there and cannot be read.
    pub(super) fn unread_role(&mut self, name: &str) {
        self.unread.insert(name.to_owned());
    }

    /// Takes in a provider. Another description of the same is an error: nobody can tell which of them is true.
    pub(super) fn provider(&mut self, described: &Described) -> Result<(), InputProblem> {
        let new = &described.provider;
        match self.details.iter().find(|old| old.host_path() == new.host_path()) {
            None => self.details.push(new.clone()),
            Some(old) if old == new => {}
            Some(_) => {
                let message = format!(
                    "provider `{}` is described twice, differently: give the younger only",
                    quote(new.host_path())
                );
                return Err(InputProblem::error(described.place.clone(), message));
            }
        }
        Ok(())
    }

    /// Whether a role of this name was told.
    pub(super) fn has_role(&self, name: &str) -> bool {
        self.roles.contains_key(name)
    }

    /// The ARN of a role's permissions boundary.
    pub(super) fn boundary_of(&self, role: &str) -> Option<String> {
        self.roles.get(role)?.role.boundary.as_deref().map(str::to_owned)
    }

    /// Takes in which policies a role has, where no other output told that.
    pub(super) fn policies_of(&mut self, role: &str, attached: &[String], inline: &[String]) {
        let Some(told) = self.roles.get_mut(role).filter(|told| told.policies.is_none()) else {
            return;
        };
        let mut policies = RolePolicies {
            attached: attached.to_vec(),
            inline: inline.to_vec(),
        };
        policies.attached.sort_unstable();
        policies.inline.sort_unstable();
        told.policies = Some(policies);
    }

    /// Takes in the document of an inline policy.
    pub(super) fn inline_document(&mut self, role: &str, name: String, document: String) {
        if let Some(told) = self.roles.get_mut(role) {
            told.inline.entry(name).or_insert_with(|| document.into());
        }
    }

    /// How many roles were told, with those that cannot be read.
    fn role_count(&self) -> usize {
        let unread = self.unread.iter().filter(|name| !self.has_role(name));
        self.roles.len() + unread.count()
    }

    /// The page of `get-account-authorization-details` after which another one is missing.
    pub(super) fn missing_page(&self) -> Option<&Place> {
        let roles = self.overlay.roles_before.unwrap_or_else(|| self.role_count());
        self.whole.missing_after(roles)
    }

    /// The account, as of `now`.
    pub(super) fn finish(
        self,
        id: &str,
        issuer: Option<&IssuerUrl>,
        cluster: Option<&str>,
        now: Timestamp,
        problems: &mut Vec<InputProblem>,
    ) -> Account {
        let mut account = Account::default();
        if let Some(quota) = self.trust_quota {
            account.trust_quota = Observed::known(quota, now);
        }
        if let Some(arns) = &self.providers {
            let urls = arns.iter().filter_map(|arn| arn.split_once(":oidc-provider/"));
            account.provider_urls = Observed::known(urls.map(|(_, url)| url.to_owned()).collect(), now);
        }
        account.clusters = clusters(&self.clusters, &self.cluster_lists)
            .into_iter()
            .map(|(region, clusters)| (region, Observed::known(clusters, now)))
            .collect();
        let associations = associations(&self.associations, cluster);
        if !associations.is_empty() {
            account.pod_identity = Observed::known(associations, now);
        }
        let roles = self.role_count();
        if self
            .whole
            .decide(id, self.overlay.roles_before.unwrap_or(roles), problems)
        {
            account.listing = Observed::known(roles, now);
        }
        let mut unread = self.unread;
        unread.retain(|name| !self.roles.contains_key(name));
        if let Some(issuer) = issuer {
            let partition = self
                .roles
                .values()
                .next()
                .map_or("aws", |told| told.role.arn.partition())
                .to_owned();
            account.provider = provider(
                id,
                &partition,
                issuer,
                self.providers.as_deref(),
                &self.details,
                now,
            );
            self.overlay
                .decide_provider(&mut account.provider, issuer.host_path(), now);
        }
        let managed = self.managed.into_iter();
        account.managed = managed
            .map(|(arn, policy)| (arn, Observed::known(policy, now)))
            .collect();
        let mut trusted = BTreeMap::new();
        for (name, told) in self.roles {
            if told.is_disputed {
                unread.insert(name);
                continue;
            }
            let is_open = self.overlay.open_roles.contains_key(&name);
            let issuer = issuer.filter(|_| !is_open);
            if let Some(trust) = issuer
                .filter(|issuer| issuers::may_name_another(&told.role.trust_text, Some(issuer)))
                .and_then(|_| told.role.trust().document)
            {
                issuers::gather(&mut trusted, &told.role.arn, &trust, issuer);
            }
            for subject in issuer
                .map(|issuer| subjects(&told.role, issuer))
                .unwrap_or_default()
            {
                account
                    .trusted_subjects
                    .entry(subject)
                    .or_default()
                    .push(name.clone());
            }
            if let Some(policies) = told.policies {
                account
                    .policies
                    .insert(name.clone(), Observed::known(policies, now));
            }
            if !told.inline.is_empty() {
                account
                    .inline
                    .insert(name.clone(), Observed::known(told.inline, now));
            }
            let found = RoleLookup::Found(Arc::new(told.role));
            account.roles.insert(name, Observed::known(found, now));
        }
        for name in unread {
            account.roles.insert(name, Observed::default());
        }
        self.overlay.finish(&mut account, now);
        account.trusted_issuers = trusted
            .into_iter()
            .map(|(issuer, roles)| (issuer, TrustedIssuer { roles, since: now }))
            .collect();
        account
    }
}

/// The clusters of each region. They are all of it where a list names no other than described ones of that region: lists do not
/// tell their region, and one that fits several, as an empty one does, tells nothing.
fn clusters(described: &[shape::Cluster], lists: &[shape::ListedClusters]) -> BTreeMap<String, Clusters> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut clusters: BTreeMap<String, Clusters> = BTreeMap::new();
    for (region, cluster) in described
        .iter()
        .filter_map(|cluster| Some((cluster.region()?, cluster)))
    {
        names.entry(region).or_default().insert(&cluster.name);
        let url = cluster.issuer().and_then(|url| url.strip_prefix("https://"));
        let known = clusters.entry(region.to_owned()).or_default();
        known.issuers.extend(url.and_then(EksIssuer::parse));
    }
    for list in lists {
        let fits = |names: &BTreeSet<&str>| list.names.iter().all(|name| names.contains(name.as_str()));
        if let Some(region) = &list.region {
            let known = clusters.entry(region.clone()).or_default();
            known.is_whole = names.get(region.as_str()).map_or(list.names.is_empty(), fits);
            continue;
        }
        let mut regions = names
            .iter()
            .filter(|(_, names)| !list.names.is_empty() && fits(names));
        if let (Some((region, _)), None) = (regions.next(), regions.next())
            && let Some(clusters) = clusters.get_mut(*region)
        {
            clusters.is_whole = true;
        }
    }
    clusters
}

/// The associations of a cluster; the description of one tells more than a list.
fn associations(
    told: &[shape::Association],
    cluster: Option<&str>,
) -> BTreeMap<BindingKey, PodIdentityAssociation> {
    let mut associations: BTreeMap<BindingKey, PodIdentityAssociation> = BTreeMap::new();
    for association in told
        .iter()
        .filter(|association| Some(association.cluster_name.as_str()) == cluster)
    {
        let key = BindingKey::new(
            association.namespace.as_str(),
            association.service_account.as_str(),
        );
        let known = associations.remove(&key);
        let (known_role, has_tags) =
            known.map_or((None, true), |known| (known.role_arn, known.has_session_tags));
        associations.insert(
            key,
            PodIdentityAssociation {
                is_described: true,
                id: association.id.clone(),
                role_arn: association.role_arn.clone().or(known_role),
                has_session_tags: !association.disable_session_tags && has_tags,
            },
        );
    }
    associations
}

/// Whether two descriptions mean the same role; the form of a trust policy does not matter.
fn is_same(a: &Role, b: &Role) -> bool {
    let json = |role: &Role| serde_json::from_str::<Value>(&role.trust_text).ok();
    let same_trust = || json(a).is_some_and(|trust| Some(trust) == json(b));
    a.arn == b.arn
        && (a.id == b.id || a.id.is_empty() || b.id.is_empty())
        && (a.trust_text == b.trust_text || same_trust())
}

/// A role's policies, where the output tells them.
fn policies(detail: &RoleDetail) -> Option<RolePolicies> {
    let (attached, inline) = (
        detail.attached_managed_policies.as_ref()?,
        detail.role_policy_list.as_ref()?,
    );
    let mut policies = RolePolicies {
        attached: attached.iter().map(|policy| policy.policy_arn.clone()).collect(),
        inline: inline.iter().map(|policy| policy.policy_name.clone()).collect(),
    };
    policies.attached.sort_unstable();
    policies.inline.sort_unstable();
    Some(policies)
}

/// The subjects that a role trusts by name.
fn subjects(role: &Role, issuer: &IssuerUrl) -> Vec<String> {
    let parsed = may_mention(&role.trust_text, issuer.host_path()).then(|| role.trust());
    parsed
        .and_then(|parsed| parsed.document)
        .map(|document| {
            subjects::named(&document, &role.arn, issuer)
                .into_iter()
                .collect()
        })
        .unwrap_or_default()
}

/// The provider for the issuer: not there only where the providers were listed, and there only where its client ids are
/// known.
fn provider(
    account: &str,
    partition: &str,
    issuer: &IssuerUrl,
    listed: Option<&[String]>,
    details: &[shape::ProviderOutput],
    now: Timestamp,
) -> Observed<Option<Provider>> {
    let suffix = format!("::{account}:oidc-provider/{}", issuer.host_path());
    let arn = listed.and_then(|arns| {
        arns.iter()
            .find(|arn| arn.strip_prefix("arn:").is_some_and(|arn| arn.ends_with(&suffix)))
    });
    let detail = details
        .iter()
        .find(|detail| detail.host_path() == issuer.host_path());
    match (listed, arn, detail) {
        (Some(_), None, _) => Observed::known(None, now),
        (_, arn, Some(detail)) => {
            let provider = Provider {
                arn: arn
                    .cloned()
                    .unwrap_or_else(|| issuer.provider_arn(partition, account)),
                url: detail.host_path().to_owned(),
                client_ids: detail.client_ids.clone(),
            };
            Observed::known(Some(provider), now)
        }
        (_, _, None) => Observed::default(),
    }
}
