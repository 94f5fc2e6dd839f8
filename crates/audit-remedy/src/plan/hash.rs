//! The hash of a plan: what an approval is given for.

use std::fmt;

use serde_json::{Value, json};

use crate::consent::RoleConsent;
use crate::digest::{canonical, sha256_hex};
use crate::edit::ProposedEdit;
use crate::facts::{LiveRole, RemedySubject};

/// The version of what is hashed. A change of meaning needs a new one, so that no old approval fits.
const VERSION: u32 = 1;

/// SHA-256 of all that a plan depends on, as 64 lowercase hexadecimal digits. Compared whole, never by a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanHash(String);

impl PlanHash {
    /// The hash of canonical JSON of: version, operation, the cluster's issuer, namespace and name, the UIDs of ServiceAccount and
    /// `IrsaAudit`, audience, role ARN and id, live document and statement as JSON values, the consent's value, and the role's change
    /// counter.
    pub(super) fn of(
        subject: &RemedySubject,
        role: &LiveRole,
        edit: &ProposedEdit,
        consent: Option<&RoleConsent>,
        counter: u64,
    ) -> Self {
        // An edit holds only documents that parse.
        let document: Value = serde_json::from_str(&edit.before).unwrap_or_default();
        let all = json!({
            "version": VERSION,
            "operation": edit.operation.as_str(),
            "issuer": subject.issuer.as_str(),
            "namespace": subject.namespace,
            "name": subject.name,
            "serviceAccountUid": subject.service_account_uid,
            "irsaAuditUid": subject.irsa_audit_uid,
            "audience": subject.audience,
            "roleArn": role.arn.to_string(),
            "roleId": role.id,
            "document": document,
            "statement": edit.statement,
            "consent": consent.map(|consent| consent.value.as_str()),
            "counter": counter,
        });
        Self(sha256_hex(canonical(&all).as_bytes()))
    }

    /// Reads a hash: exactly 64 lowercase hexadecimal digits, nothing trimmed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hash = text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_hash.then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
