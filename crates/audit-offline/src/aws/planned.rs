//! What Terraform plans change of accounts.
//!
//! What a plan leaves open is unknown, whatever the outputs say of it: they show it before the apply. What a plan destroys is not there, even
//! where no output lists the account.

use audit_core::model::{
    LastUsed, ManagedPolicy, PlanGap, PlanGapReason, PlannedResource, PlannedResources, Role, RolePolicies,
};
use iam_policy::RoleArn;

use super::account::{Told, ToldRole};
use super::accounts::Accounts;
use super::shape::{Association, ProviderOutput};
use crate::Options;
use crate::problem::Place;
use crate::terraform::attributes::Planned;
use crate::terraform::change::{AwsChange, PlannedAssociation, PlannedRole, What};
use crate::terraform::home::Home;

impl Accounts {
    /// The account of resources of which plans do not tell it: the one that the flag names, or the only one of the outputs.
    pub(super) fn only_home(&self, options: &Options) -> Option<Home> {
        let only = || {
            let mut all = self.told.keys();
            all.next().filter(|_| all.next().is_none()).cloned()
        };
        let account = options.account.clone().or_else(only)?;
        let told = self.told.get(&account);
        let role = told.and_then(|told| told.roles.values().next());
        Some(Home {
            partition: role.map_or("aws", |told| told.role.arn.partition()).to_owned(),
            account,
        })
    }

    /// Lays the changes of plans over the accounts, in their order; gives the resources by what they declare.
    pub(super) fn lay(&mut self, changes: Vec<AwsChange>) -> PlannedResources {
        let mut resources = PlannedResources::default();
        for AwsChange { home, resource, what } in changes {
            match home {
                Some(home) => {
                    let told = self.account(&home.account);
                    told.begin();
                    told.lay(&home, &resource, what, &mut resources);
                }
                None => {
                    for told in self.told.values_mut() {
                        told.begin();
                        told.doubt(&resource, &what);
                    }
                }
            }
        }
        resources
    }
}

impl Told {
    /// Takes note of how many roles there are before the first change.
    fn begin(&mut self) {
        if self.overlay.roles_before.is_none() {
            let unread = self.unread.iter().filter(|name| !self.roles.contains_key(*name));
            self.overlay.roles_before = Some(self.roles.len() + unread.count());
        }
    }

    fn lay(&mut self, home: &Home, resource: &PlannedResource, what: What, resources: &mut PlannedResources) {
        match what {
            What::RoleGone(name) => {
                self.roles.remove(&name);
                self.unread.remove(&name);
                self.overlay.gone_roles.insert(name);
            }
            What::ProviderGone(url) => {
                self.forget_provider(&url);
                self.overlay.gone_providers.insert(url);
            }
            What::PolicyGone(arn) => {
                self.managed.remove(&arn);
            }
            What::InlineGone { role, name } => {
                self.change_policies(&role, |policies| policies.inline.retain(|own| *own != name));
            }
            What::Detached { role, policy } => {
                self.change_policies(&role, |policies| policies.attached.retain(|own| *own != policy));
            }
            What::AssociationGone { cluster, key } => self.associations.retain(|own| {
                (&*own.cluster_name, &*own.namespace, &*own.service_account)
                    != (&*cluster, &*key.namespace, &*key.service_account)
            }),
            What::Role(role) => {
                if let Planned::Known(arn) = &role.arn {
                    resources.roles.insert(arn.clone(), resource.clone());
                }
                self.lay_role(resource, *role);
            }
            What::Nameless { prefix, gap } => self.overlay.nameless_roles.push((prefix, gap)),
            What::RoleSeen(role) => {
                if !self.roles.contains_key(&role.name) && !self.overlay.gone_roles.contains(&role.name) {
                    self.lay_role(resource, *role);
                }
            }
            What::Policy { arn, document } => self.lay_policy(arn, document),
            What::PolicySeen { arn, document } => {
                if !self.managed.contains_key(&arn) && !self.overlay.open_managed.contains_key(&arn) {
                    self.lay_policy(arn, Planned::Known(document));
                }
            }
            What::Provider { url, client_ids } => {
                if let Planned::Known(url) = &url {
                    let arn = home.arn(&format!("oidc-provider/{url}"));
                    resources.providers.insert(arn, resource.clone());
                }
                self.lay_provider(home, resource, url, client_ids);
            }
            What::ProviderSeen { url, client_ids } => {
                let is_told = self.details.iter().any(|own| own.host_path() == url);
                let is_planned = self.overlay.open_providers.contains_key(&url)
                    || self.overlay.gone_providers.contains(&url);
                if !is_told && !is_planned {
                    self.lay_provider(home, resource, Planned::Known(url), Planned::Known(client_ids));
                }
            }
            What::Association(association) => {
                resources
                    .associations
                    .insert(association.key.clone(), resource.clone());
                self.lay_association(association);
            }
            What::Inline { role, name, document } => self.lay_inline(&role, name, document),
            What::Attached { role, policy } => {
                self.change_policies(&role, |policies| policies.attached.push(policy));
            }
            What::AttachedTo { policy, roles } => {
                let all: Vec<String> = self.roles.keys().cloned().collect();
                for role in all {
                    self.change_policies(&role, |policies| {
                        policies.attached.retain(|own| *own != policy);
                        if roles.contains(&role) {
                            policies.attached.push(policy.clone());
                        }
                    });
                }
            }
            What::OnlyAttached { role, policies } => {
                self.change_policies(&role, |own| own.attached = policies);
            }
            What::OnlyInline { role, names } => {
                self.change_policies(&role, |own| own.inline.retain(|name| names.contains(name)));
            }
            What::PoliciesOpen { role, gap } => self.open_policies(role.as_deref(), &gap),
        }
    }

    /// Takes note of what is somewhere: whether it is in this account is open.
    fn doubt(&mut self, resource: &PlannedResource, what: &What) {
        let gap = gap_of_arn(resource);
        match what {
            What::Role(role) | What::RoleSeen(role) if !self.roles.contains_key(&role.name) => {
                self.overlay.open_roles.insert(role.name.clone(), gap);
            }
            What::Nameless { prefix, gap } => {
                self.overlay.nameless_roles.push((prefix.clone(), gap.clone()));
            }
            What::Provider { url, .. } => match url {
                Planned::Known(url) if self.details.iter().any(|own| own.host_path() == url) => {}
                Planned::Known(url) => {
                    self.overlay.open_providers.insert(url.clone(), gap);
                }
                Planned::Absent | Planned::Open(_) => self.overlay.open_url = Some(gap),
            },
            What::Inline { role, .. } | What::Attached { role, .. } | What::OnlyAttached { role, .. } => {
                self.open_policies(Some(role), &gap);
            }
            What::PoliciesOpen { role, gap } => self.open_policies(role.as_deref(), gap),
            What::AttachedTo { .. } => self.open_policies(None, &gap),
            _ => {}
        }
    }

    /// Some policy of a role, or of any, is open.
    fn open_policies(&mut self, role: Option<&str>, gap: &PlanGap) {
        for name in self
            .roles
            .keys()
            .filter(|name| role.is_none_or(|role| role == *name))
        {
            let open = self.overlay.open_policies.entry(name.clone());
            open.or_insert_with(|| gap.clone());
        }
    }

    /// Changes which policies a role has, where that is known.
    fn change_policies(&mut self, role: &str, change: impl FnOnce(&mut RolePolicies)) {
        if let Some(policies) = self.roles.get_mut(role).and_then(|told| told.policies.as_mut()) {
            change(policies);
            for names in [&mut policies.attached, &mut policies.inline] {
                names.sort_unstable();
                names.dedup();
            }
        }
    }

    fn lay_role(&mut self, resource: &PlannedResource, planned: PlannedRole) {
        let PlannedRole {
            name,
            arn,
            id,
            trust,
            boundary,
            tags,
            attached,
            inline,
            is_created,
        } = planned;
        self.unread.remove(&name);
        self.overlay.gone_roles.remove(&name);
        self.overlay.open_roles.remove(&name);
        self.overlay.open_policies.remove(&name);
        let old = self.roles.remove(&name).filter(|_| !is_created);
        let arn = match arn {
            Planned::Known(arn) => RoleArn::parse(&arn).map_err(|_| gap_of_arn(resource)),
            Planned::Absent => Err(gap_of_arn(resource)),
            Planned::Open(gap) => Err(gap),
        };
        let arn = match arn {
            Ok(arn) => arn,
            Err(gap) => {
                self.overlay.open_roles.insert(name, gap);
                return;
            }
        };
        let trust_text = match trust {
            Planned::Known(trust) => trust.into(),
            Planned::Absent => old
                .as_ref()
                .map_or_else(|| "".into(), |old| old.role.trust_text.clone()),
            Planned::Open(gap) => {
                self.overlay.open_roles.insert(name.clone(), gap);
                "".into()
            }
        };
        let mut gaps = Vec::new();
        let boundary = match boundary {
            Planned::Known(arn) => Some(arn.into()),
            Planned::Absent => None,
            Planned::Open(gap) => {
                gaps.push(gap);
                None
            }
        };
        let mut inline_documents = old.as_ref().map(|old| old.inline.clone()).unwrap_or_default();
        let mut known = old.as_ref().and_then(|old| old.policies.clone());
        match (attached, inline) {
            (Planned::Open(gap), _) | (_, Planned::Open(gap)) => gaps.push(gap),
            (Planned::Absent, Planned::Absent) => {}
            (attached, inline) => {
                let mut policies = known.unwrap_or_default();
                let is_whole = old.as_ref().is_some_and(|old| old.policies.is_some())
                    || matches!((&attached, &inline), (Planned::Known(_), Planned::Known(_)));
                if let Planned::Known(attached) = attached {
                    policies.attached = attached;
                    policies.attached.sort_unstable();
                }
                if let Planned::Known(inline) = inline {
                    policies.inline = inline.iter().map(|(name, _)| name.clone()).collect();
                    policies.inline.sort_unstable();
                    inline_documents.clear();
                    for (name, document) in inline {
                        match document {
                            Planned::Known(document) => {
                                inline_documents.insert(name, document.into());
                            }
                            Planned::Absent => {}
                            Planned::Open(gap) => gaps.push(gap),
                        }
                    }
                }
                known = is_whole.then_some(policies);
            }
        }
        if let Some(gap) = gaps.into_iter().next() {
            self.overlay.open_policies.insert(name.clone(), gap);
        }
        let role = Role {
            arn,
            id: id
                .or_else(|| old.as_ref().map(|old| old.role.id.clone()))
                .unwrap_or_default(),
            boundary,
            tags: tags.or_else(|| old.as_ref().and_then(|old| old.role.tags.clone())),
            trust_text,
            created: old.as_ref().and_then(|old| old.role.created),
            last_used: old.as_ref().map_or(LastUsed::Unseen, |old| old.role.last_used),
            told_after: old.as_ref().and_then(|old| old.role.told_after),
        };
        let told = ToldRole {
            place: old.map_or_else(Place::everywhere, |old| old.place),
            role,
            policies: known,
            inline: inline_documents,
            is_disputed: false,
        };
        self.roles.insert(name, told);
    }

    fn lay_inline(&mut self, role: &str, name: String, document: Planned<String>) {
        match document {
            Planned::Known(document) => {
                if let Some(told) = self.roles.get_mut(role) {
                    told.inline.insert(name.clone(), document.into());
                }
            }
            Planned::Absent => {}
            Planned::Open(gap) => self.open_policies(Some(role), &gap),
        }
        self.change_policies(role, |policies| policies.inline.push(name));
    }

    fn lay_policy(&mut self, arn: String, document: Planned<String>) {
        match document {
            Planned::Known(document) => {
                self.overlay.open_managed.remove(&arn);
                let is_same = |old: &ManagedPolicy| *old.text == *document;
                if !self.managed.get(&arn).is_some_and(is_same) {
                    self.managed.insert(arn, document.into());
                }
            }
            Planned::Absent => {}
            Planned::Open(gap) => {
                self.managed.remove(&arn);
                self.overlay.open_managed.insert(arn, gap);
            }
        }
    }

    fn forget_provider(&mut self, url: &str) {
        let suffix = format!(":oidc-provider/{url}");
        if let Some(listed) = &mut self.providers {
            listed.retain(|arn| !arn.ends_with(&suffix));
        }
        self.details.retain(|own| own.host_path() != url);
        self.overlay.open_providers.remove(url);
    }

    fn lay_provider(
        &mut self,
        home: &Home,
        resource: &PlannedResource,
        url: Planned<String>,
        client_ids: Planned<Vec<String>>,
    ) {
        let url = match url {
            Planned::Known(url) => url,
            Planned::Absent => return,
            Planned::Open(gap) => {
                self.overlay.open_url = Some(gap);
                return;
            }
        };
        self.forget_provider(&url);
        self.overlay.gone_providers.remove(&url);
        if let Some(listed) = &mut self.providers {
            listed.push(home.arn(&format!("oidc-provider/{url}")));
        }
        match client_ids {
            Planned::Known(client_ids) => self.details.push(ProviderOutput { url, client_ids }),
            Planned::Absent => {
                self.overlay.open_providers.insert(url, gap_of_arn(resource));
            }
            Planned::Open(gap) => {
                self.overlay.open_providers.insert(url, gap);
            }
        }
    }

    fn lay_association(&mut self, planned: PlannedAssociation) {
        let PlannedAssociation {
            cluster,
            key,
            id,
            role_arn,
            disable_session_tags,
        } = planned;
        self.associations.retain(|own| {
            (&*own.cluster_name, &*own.namespace, &*own.service_account)
                != (&*cluster, &*key.namespace, &*key.service_account)
        });
        self.associations.push(Association {
            cluster_name: cluster,
            namespace: key.namespace.into(),
            service_account: key.service_account.into(),
            arn: String::new(),
            id,
            role_arn,
            disable_session_tags,
        });
    }
}

/// That the ARN of a resource is open.
fn gap_of_arn(resource: &PlannedResource) -> PlanGap {
    PlanGap {
        attribute: format!("{}.arn", resource.address),
        why: PlanGapReason::AfterApply,
        is_trust: false,
    }
}
