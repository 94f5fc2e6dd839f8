//! What an account holds, as plain data.

use crate::role::{StoredRole, Tags};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tables of one account. Rows are shared, so that a copy of the tables is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// By bare name.
    pub(crate) roles: BTreeMap<String, Arc<StoredRole>>,
    /// Customer managed policies, by ARN.
    pub(crate) policies: BTreeMap<String, Arc<ManagedPolicy>>,
    /// OpenID Connect providers, by ARN.
    pub(crate) providers: BTreeMap<String, Arc<Provider>>,
    /// EKS clusters' issuer URLs, by cluster name.
    pub(crate) clusters: BTreeMap<String, String>,
    /// Associations of Pod Identity, by id.
    pub(crate) associations: BTreeMap<String, Arc<Association>>,
    /// How many characters a trust policy may have; the default unless more were granted.
    pub(crate) trust_quota: Option<usize>,
    /// Patterns of actions that an SCP of the account's organization denies.
    pub(crate) scp_denies: BTreeSet<String>,
    /// Actions of which the policy simulator says the opposite of what the policies say.
    pub(crate) simulated_otherwise: BTreeSet<String>,
}

/// An association of EKS Pod Identity.
#[derive(Debug)]
pub(crate) struct Association {
    pub(crate) id: String,
    pub(crate) cluster: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    pub(crate) role_arn: String,
}

/// A managed policy.
#[derive(Clone, Debug)]
pub(crate) struct ManagedPolicy {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) description: Option<String>,
    /// Never empty.
    pub(crate) versions: Vec<PolicyVersion>,
    /// The number of the version that counts.
    pub(crate) default: usize,
    pub(crate) created: Timestamp,
    pub(crate) tags: Tags,
}

/// A version of a managed policy.
#[derive(Clone, Debug)]
pub(crate) struct PolicyVersion {
    /// From 1; a number is not used again.
    pub(crate) number: usize,
    pub(crate) document: String,
    pub(crate) created: Timestamp,
}

impl PolicyVersion {
    pub(crate) fn new(number: usize, document: String) -> Self {
        Self {
            number,
            document,
            created: Timestamp::now(),
        }
    }

    /// Its id, as in `v1`.
    pub(crate) fn id(&self) -> String {
        format!("v{}", self.number)
    }
}

impl ManagedPolicy {
    /// What the version says that counts.
    pub(crate) fn document(&self) -> &str {
        let counts = |version: &&PolicyVersion| version.number == self.default;
        self.versions
            .iter()
            .find(counts)
            .map_or("", |version| &version.document)
    }

    /// A policy at the path `/`, named by its ARN.
    pub(crate) fn new(id: String, arn: String, document: String) -> Self {
        Self {
            name: name_of(&arn).to_owned(),
            path: "/".to_owned(),
            description: None,
            versions: vec![PolicyVersion::new(1, document)],
            default: 1,
            created: Timestamp::now(),
            tags: Tags::default(),
            id,
            arn,
        }
    }
}

/// An OpenID Connect provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// The issuer without its scheme, as IAM returns it.
    pub(crate) url: String,
    pub(crate) client_ids: Vec<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) tags: Tags,
}

impl Provider {
    /// ARN of the provider for an issuer, with or without its scheme.
    pub(crate) fn arn(account: &str, url: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", without_scheme(url))
    }
}

/// An issuer URL without its scheme.
pub(crate) fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}

/// A policy's name: the end of its ARN.
pub(crate) fn name_of(policy_arn: &str) -> &str {
    policy_arn.rsplit('/').next().unwrap_or(policy_arn)
}
