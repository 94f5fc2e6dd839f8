//! What fixes do to a binding, in memory: the objects that they change.

use std::sync::Arc;

use iam_policy::{WebIdentity, trust_statement};
use serde_json::json;

use crate::chain::{Chain, Repairs};
use crate::fix::Repaired;
use crate::model::{
    Annotations, Container, LastUsed, Pod, Provider, Role, RoleLookup, ServiceAccount,
    service_account::DEFAULT_AUDIENCE,
};
use crate::paths::PathRole;
use crate::rules::pods::outdated;
use crate::snapshot::AskedIn;
use crate::webhook::{Injection, Treatment};

impl Repairs {
    /// What there is after one more thing was done to the binding of a chain. Pods come last: see [`Repairs::with_pods`].
    pub(crate) fn with(mut self, chain: &Chain<'_>, repaired: &Repaired) -> Self {
        let prefix = &chain.config.annotation_prefix;
        match repaired {
            Repaired::ServiceAccount => self.service_account = Some(account(chain)),
            Repaired::ConfigMapRole(arn) => self.set_entry(chain, Some(arn), None),
            Repaired::Audience(audience) if chain.source == AskedIn::ConfigMap => {
                self.set_entry(chain, None, audience.as_deref());
            }
            Repaired::RoleAnnotation { key, arn } => {
                let mut account = account(chain);
                account.annotations.insert(key.clone(), arn.clone());
                self.service_account = Some(account);
            }
            Repaired::OwnRole(arn) => {
                let of_the_way = chain.deciding.map(|way| way.role);
                let is_it = |container: &Container| {
                    let role = container.role_arn.as_deref().map(PathRole::Named);
                    role.is_some() && role == of_the_way
                };
                self.set_containers(chain, is_it, |container| container.role_arn = Some(arn.clone()));
            }
            Repaired::OwnTokenFile(path) => {
                let is_it =
                    |container: &Container| container.token_file.is_some() && container.leads_nowhere();
                self.set_containers(chain, is_it, |container| {
                    container.token_file = Some(path.clone());
                    if let Some(rarities) = &mut container.rarities {
                        (rarities.token_place, rarities.token_volume) = (None, None);
                    }
                });
            }
            Repaired::Audience(audience) => {
                let mut account = account(chain);
                let key = format!("{prefix}/audience");
                match audience {
                    Some(audience) => drop(account.annotations.insert(key, audience.clone())),
                    None => drop(account.annotations.remove(&key)),
                }
                self.service_account = Some(account);
            }
            Repaired::Role => {
                if let Some(text) = admitting(chain) {
                    self.set_trust(chain, &text);
                }
            }
            Repaired::TrustPolicy(text) => self.set_trust(chain, text),
            Repaired::ProviderAccepts(audience) => self.set_provider(chain, audience),
            Repaired::Pods | Repaired::Templates => {}
        }
        self
    }

    /// Changes what the webhook's ConfigMap says of the ServiceAccount.
    fn set_entry(&mut self, chain: &Chain<'_>, role_arn: Option<&str>, audience: Option<&str>) {
        let Some(mut entry) = self
            .entry
            .take()
            .or_else(|| chain.snapshot.cluster.webhook_entry(chain.key).cloned())
        else {
            return;
        };
        if let Some(role_arn) = role_arn {
            role_arn.clone_into(&mut entry.role_arn);
        }
        if let Some(audience) = audience {
            audience.clone_into(&mut entry.audience);
        }
        self.entry = Some(entry);
    }

    /// Changes some containers, of pods and of what their templates say.
    fn set_containers(
        &mut self,
        chain: &Chain<'_>,
        is_it: impl Fn(&Container) -> bool,
        change: impl Fn(&mut Container),
    ) {
        let all = || chain.pods.iter().chain(&chain.templates);
        let mut pods = self
            .pods
            .take()
            .unwrap_or_else(|| all().map(|pod| Arc::new((*pod).clone())).collect());
        for container in pods.iter_mut().flat_map(|pod| &mut Arc::make_mut(pod).containers) {
            if is_it(container) || container.in_template().is_some_and(&is_it) {
                change(container);
                let rarities = container.rarities.as_mut();
                if let Some(template) = rarities.and_then(|all| all.in_template.as_mut()) {
                    change(template);
                }
            }
        }
        self.pods = Some(pods);
    }

    fn set_trust(&mut self, chain: &Chain<'_>, text: &Arc<str>) {
        let Some(aws) = &chain.aws else { return };
        let role = match aws.found() {
            Some(role) => Role {
                trust_text: text.clone(),
                ..role.as_ref().clone()
            },
            None => Role {
                arn: aws.arn.clone(),
                id: String::new(),
                boundary: None,
                tags: None,
                trust_text: text.clone(),
                created: None,
                last_used: LastUsed::Unseen,
                told_after: None,
            },
        };
        let id = (aws.arn.account().to_owned(), aws.arn.name().to_owned());
        self.roles.insert(id, RoleLookup::Found(Arc::new(role)));
    }

    fn set_provider(&mut self, chain: &Chain<'_>, audience: &str) {
        let Some((aws, issuer)) = chain.aws.as_ref().zip(chain.issuer) else {
            return;
        };
        let mut provider = match &aws.provider {
            Ok(Some(provider)) => provider.clone(),
            _ => Provider {
                arn: aws.provider_arn.clone().unwrap_or_default(),
                url: issuer.url.host_path().to_owned(),
                client_ids: Vec::new(),
            },
        };
        provider.client_ids.push(audience.to_owned());
        self.providers
            .insert(aws.arn.account().to_owned(), Some(provider));
    }

    /// What there is after the running pods of a chain were created again, from their templates where these were seen, by a webhook that
    /// looks at the chain's ServiceAccount; of templates that leave everything to it, if they were edited.
    pub(crate) fn with_pods(mut self, chain: &Chain<'_>, edited: bool) -> Self {
        // Where none is registered, IRSA401 says so.
        let is_registered = chain.snapshot.cluster.has_webhook() != Some(false);
        let injection = Injection::asked(chain).filter(|_| is_registered);
        if injection.is_none() && outdated(chain).is_empty() {
            return self;
        }
        let running = chain
            .pods
            .iter()
            .map(|pod| Arc::new(renewed(injection.as_ref(), pod, edited)));
        let templates = chain.templates.iter().map(|pod| Arc::new((*pod).clone()));
        self.pods = Some(running.chain(templates).collect());
        self
    }
}

/// The ServiceAccount of a chain, created where it does not exist.
fn account(chain: &Chain<'_>) -> ServiceAccount {
    chain.service_account.cloned().unwrap_or_else(|| ServiceAccount {
        key: chain.key.clone(),
        uid: String::new(),
        created: None,
        annotations: Annotations::default(),
        automount_off: false,
    })
}

/// A trust policy that lets the ServiceAccount in.
fn admitting(chain: &Chain<'_>) -> Option<Arc<str>> {
    let audience = match chain.audience {
        "" => DEFAULT_AUDIENCE,
        audience => audience,
    };
    let identity = WebIdentity {
        provider_arn: chain.aws.as_ref()?.provider_arn.clone()?,
        issuer: chain.issuer?.url.host_path().to_owned(),
        subject: chain.subject.clone(),
        audience: audience.to_owned(),
        called_at: Some(chain.now.as_second()),
    };
    let statement = trust_statement(&identity, "Repaired").ok()?;
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    Some(policy.to_string().into())
}

/// A pod as it is after it was created again.
fn renewed(injection: Option<&Injection<'_>>, pod: &Pod, edited: bool) -> Pod {
    let mut pod = pod.clone();
    for container in &mut pod.containers {
        begin_anew(container);
        if edited {
            leave_to_webhook(container);
        }
    }
    let Some(injection) = injection else {
        return pod;
    };
    if edited {
        pod.annotations
            .remove(&format!("{}/skip-containers", injection.prefix));
    }
    let treatments: Vec<Treatment> = pod
        .containers
        .iter()
        .map(|container| injection.treatment(&pod, container))
        .collect();
    for (container, treatment) in pod.containers.iter_mut().zip(treatments) {
        match treatment {
            Treatment::Injected => injection.inject(container),
            Treatment::Preset => injection.mount(container),
            // An edited template has the labels that the webhook wants.
            Treatment::NotSelected if edited => injection.inject(container),
            Treatment::NotSelected | Treatment::Skipped | Treatment::LeftAlone => {}
        }
    }
    pod
}

/// Puts what the template says in place of a container that brings another role than it.
fn begin_anew(container: &mut Container) {
    let is_older = |template: &&Container| {
        template.role_arn != container.role_arn
            && (template.role_arn.is_some() || container.presets_role().is_some())
    };
    let Some(template) = container.in_template().filter(is_older).cloned() else {
        return;
    };
    let old = std::mem::replace(container, template);
    let in_template = old.rarities.and_then(|rarities| rarities.in_template);
    container.rarities.get_or_insert_default().in_template = in_template;
}

/// Takes both variables out of a container and of its template.
fn leave_to_webhook(container: &mut Container) {
    (container.role_arn, container.token_file) = (None, None);
    (container.names_variable, container.sets_all) = (false, false);
    if let Some(rarities) = &mut container.rarities {
        rarities.role_came_first = false;
        if let Some(template) = &mut rarities.in_template {
            leave_to_webhook(template);
        }
    }
}
