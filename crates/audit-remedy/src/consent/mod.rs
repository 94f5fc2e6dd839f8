//! The consent of a role: a tag that its owner sets, which names the ServiceAccounts of one cluster that may be admitted.
//!
//! The decision is made by those who may tag the role in IAM, not by those who may edit a namespace. The key has a
//! digest of the cluster's issuer, so that the consent given to one cluster is worth nothing in another. Reading is strict: a tag that
//! is not exactly as `irsa-audit consent` prints it is refused, with the reason.
//!
//! Source: IAM User Guide, rules for tagging: 128 characters for keys, 256 for values; keys keep their case and are compared
//! without it, <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules>.

mod key;
mod value;

use audit_core::model::IssuerUrl;

use crate::facts::RoleTag;

pub use key::consent_key;
pub use value::consent_value_with;

/// A consent that names the ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConsent {
    /// The tag's key.
    pub key: String,
    /// The tag's whole value, exactly as it is: part of what an approval is given for.
    pub value: String,
}

/// Why a role's tags are no consent to a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentRefusal {
    /// There is no tag for this cluster. `other_clusters` says whether there are any for others, which count for nothing here.
    Absent {
        /// Whether other clusters have a tag.
        other_clusters: bool,
    },
    /// A tag's key differs from this cluster's in case, white space or look-alike characters: it may be a typing
    /// error or an attempt to mislead.
    KeyLooksAlike {
        /// The key, untrusted text.
        key: String,
    },
    /// A tag's key begins as a consent does, and does not end in 32 lowercase hexadecimal digits.
    KeyMalformed {
        /// The key, untrusted text.
        key: String,
    },
    /// The key is there more than once.
    KeyTwice,
    /// The value is empty.
    ValueEmpty,
    /// The value has more than 256 characters.
    ValueTooLong,
    /// The value has characters other than ASCII.
    ValueNotAscii,
    /// The value begins or ends with a space, or has two in a row.
    ValueSpaces,
    /// One part of the value is neither `namespace/name` nor `sha256:<64 lowercase hexadecimal digits>`.
    EntryMalformed {
        /// The part, untrusted text.
        entry: String,
    },
    /// One part is there twice.
    EntryTwice {
        /// The part.
        entry: String,
    },
    /// The value is well-formed and names others only.
    NotListed,
    /// The value has no room for one more; only when one is added.
    Full,
    /// What is to be added is not the name of a ServiceAccount; only when one is added.
    NotAName,
}

/// The consent of a role with these tags to the ServiceAccount `namespace/name` of the cluster with this issuer.
///
/// # Errors
/// Why there is none. All tags count: one that looks like this cluster's key spoils the right one beside it.
pub fn role_consent(
    tags: &[RoleTag],
    issuer: &IssuerUrl,
    namespace: &str,
    name: &str,
) -> Result<RoleConsent, ConsentRefusal> {
    let key = consent_key(issuer);
    let mut own = Vec::new();
    let mut other_clusters = false;
    for tag in tags {
        match key::compare(&tag.key, &key) {
            key::Likeness::Own => own.push(tag),
            key::Likeness::OtherCluster => other_clusters = true,
            key::Likeness::Unrelated => {}
            key::Likeness::LooksAlike => return Err(ConsentRefusal::KeyLooksAlike { key: tag.key.clone() }),
            key::Likeness::Malformed => return Err(ConsentRefusal::KeyMalformed { key: tag.key.clone() }),
        }
    }
    match own.as_slice() {
        [] => Err(ConsentRefusal::Absent { other_clusters }),
        [tag] => {
            let entries = value::entries(&tag.value)?;
            if !value::names(&entries, namespace, name) {
                return Err(ConsentRefusal::NotListed);
            }
            Ok(RoleConsent {
                key,
                value: tag.value.clone(),
            })
        }
        _ => Err(ConsentRefusal::KeyTwice),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/consent.rs"]
mod tests;
