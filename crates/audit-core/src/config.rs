//! What an audit may be told: the operator's flags and the `default` `IrsaAuditPolicy`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::finding::Severity;
use crate::model::BindingKey;

/// The codes that are too dangerous to wave through, unless a policy allows it.
pub const NOT_WAIVABLE: [&str; 4] = ["IRSA215", "IRSA217", "IRSA505", "IRSA506"];

/// The settings of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Prefix of the webhook's annotations; `eks.amazonaws.com` on EKS.
    pub annotation_prefix: String,
    /// Evidence older than this proves nothing any more.
    pub staleness_limit: Duration,
    /// Severities that replace those of the catalogue, by code. Never to or from *unknown*.
    pub severities: BTreeMap<String, Severity>,
    /// Codes for which waivers count, in place of all but [`NOT_WAIVABLE`].
    pub waivable: Option<BTreeSet<String>>,
    /// Namespaces that are not audited.
    pub excluded_namespaces: BTreeSet<String>,
    /// ServiceAccounts that are not audited.
    pub excluded_service_accounts: BTreeSet<BindingKey>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            annotation_prefix: "eks.amazonaws.com".to_owned(),
            staleness_limit: Duration::from_hours(1),
            severities: BTreeMap::new(),
            waivable: None,
            excluded_namespaces: BTreeSet::new(),
            excluded_service_accounts: BTreeSet::new(),
        }
    }
}

impl Config {
    /// Whether a binding is left out of the audit.
    #[must_use]
    pub fn excludes(&self, key: &BindingKey) -> bool {
        self.excluded_namespaces.contains(&key.namespace) || self.excluded_service_accounts.contains(key)
    }

    /// Whether a waiver for a code counts.
    #[must_use]
    pub fn may_waive(&self, code: &str) -> bool {
        match &self.waivable {
            Some(codes) => codes.contains(code),
            None => !NOT_WAIVABLE.contains(&code),
        }
    }
}
