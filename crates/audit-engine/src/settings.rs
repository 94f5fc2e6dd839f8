//! By which settings the engine works: its own, with the default policy over them.

use std::collections::BTreeSet;
use std::time::Duration;

use audit_api::policy::{DisclosureRule, IrsaAuditPolicySpec};
use audit_core::Config;

/// What the engine is started with.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The audit's settings, before any policy.
    pub config: Config,
    /// How often everything in AWS is read anew, before any policy.
    pub refresh: Duration,
    /// The cluster's name at EKS, if it is a cluster of EKS in the operator's own account.
    pub cluster_name: Option<String>,
    /// Who repairs trust policies.
    pub remediation: RemediationSettings,
}

/// Who repairs trust policies, and who of irsa-audit itself may not approve.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemediationSettings {
    /// The namespaces of the operator and the writer, for which nothing is written.
    pub own_namespaces: Vec<String>,
    /// The user names of the operator and the writer, in this order; empty where the writer is not installed.
    pub own_users: Vec<String>,
}

impl RemediationSettings {
    /// Whether the writer is installed.
    #[must_use]
    pub fn has_writer(&self) -> bool {
        !self.own_users.is_empty()
    }
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSettings {
    /// The audit's settings.
    pub config: Config,
    /// How often everything in AWS is read anew.
    pub refresh: Duration,
    /// The accounts that may be looked into; all that the configuration gives a way into where absent.
    pub allowed_accounts: Option<BTreeSet<String>>,
    /// What may be told of a role in which namespaces.
    pub disclosure: Vec<DisclosureRule>,
}

impl EffectiveSettings {
    /// Puts the default policy, if there is one, over the operator's own settings.
    #[must_use]
    pub fn new(settings: &EngineSettings, policy: Option<&IrsaAuditPolicySpec>) -> Self {
        let mut config = settings.config.clone();
        let mut refresh = settings.refresh;
        if let Some(policy) = policy {
            refresh = audit_api::spec::configure(&mut config, policy).unwrap_or(refresh);
        }
        // A shorter one would keep AWS and the operator busy with nothing else.
        let refresh = refresh.max(Duration::from_secs(1));
        // Evidence is as old as a refresh interval even when all is well.
        config.staleness_limit = config.staleness_limit.max(refresh.saturating_mul(2));
        let accounts = policy.and_then(|policy| policy.allowed_accounts.as_ref());
        Self {
            config,
            refresh,
            allowed_accounts: accounts.map(|accounts| accounts.iter().cloned().collect()),
            disclosure: policy.map(|policy| policy.disclosure.clone()).unwrap_or_default(),
        }
    }
}
