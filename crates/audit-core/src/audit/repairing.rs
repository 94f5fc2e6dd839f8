//! What fixes do to a binding, in memory: the objects that they change.

use std::sync::Arc;

use iam_policy::{WebIdentity, trust_statement};
use serde_json::json;

use crate::chain::{Chain, Repairs};
use crate::fix::Repaired;
use crate::model::{
    LastUsed, Pod, Provider, Role, RoleLookup, ServiceAccount, service_account::DEFAULT_AUDIENCE,
};
use crate::snapshot::AskedIn;
use crate::webhook::{Injection, Treatment};

impl Repairs {
    /// What there is after one more thing was done to the binding of a chain. Pods come last: see [`Repairs::with_pods`].
    pub(crate) fn with(mut self, chain: &Chain<'_>, repaired: &Repaired) -> Self {
        let prefix = &chain.config.annotation_prefix;
        match repaired {
            Repaired::ServiceAccount => self.service_account = Some(account(chain)),
            Repaired::RoleAnnotation(arn) if chain.source == AskedIn::ConfigMap => {
                self.set_entry(chain, Some(arn), None);
            }
            Repaired::Audience(audience) if chain.source == AskedIn::ConfigMap => {
                self.set_entry(chain, None, audience.as_deref());
            }
            Repaired::RoleAnnotation(arn) => {
                let mut account = account(chain);
                account
                    .annotations
                    .insert(format!("{prefix}/role-arn"), arn.clone());
                self.service_account = Some(account);
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

    /// What there is after the running pods of a chain were created again, by a webhook that looks at the chain's ServiceAccount; of
    /// templates that leave everything to it, if they were edited.
    pub(crate) fn with_pods(mut self, chain: &Chain<'_>, edited: bool) -> Self {
        let Some(injection) = Injection::of(chain) else {
            return self;
        };
        // Where none is registered, IRSA401 says so.
        if chain.snapshot.cluster.has_webhook() == Some(false) {
            return self;
        }
        let running = chain.pods.iter().map(|pod| injected(&injection, pod, edited));
        let templates = chain.templates.iter().map(|pod| (*pod).clone());
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
        annotations: [].into(),
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
fn injected(injection: &Injection<'_>, pod: &Pod, edited: bool) -> Pod {
    let mut pod = pod.clone();
    if edited {
        pod.annotations
            .remove(&format!("{}/skip-containers", injection.prefix));
        for container in &mut pod.containers {
            (container.role_arn, container.token_file) = (None, None);
            (container.names_variable, container.sets_all) = (false, false);
        }
    }
    let treatments: Vec<Treatment> = pod
        .containers
        .iter()
        .map(|container| injection.treatment(&pod, container))
        .collect();
    for (container, treatment) in pod.containers.iter_mut().zip(treatments) {
        // An edited template has the labels that the webhook wants.
        if treatment == Treatment::Injected || (edited && treatment == Treatment::NotSelected) {
            injection.inject(container);
        }
    }
    pod
}
