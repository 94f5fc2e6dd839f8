//! A status as it is kept in memory: there are ten thousand, and each is read only when its binding is looked at.
//!
//! As a struct, a status takes 5 KB, most of it in ten conditions whose texts hardly differ between bindings. So it is kept as its JSON,
//! compressed by LZ4 with such a text as its dictionary: a fifth, at the cost of some microseconds whenever it is read.

use std::fmt;
use std::sync::Arc;

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};

use crate::irsa_audit::IrsaAuditStatus;

/// What statuses have in common. It decides how small they become, and nothing else.
const DICTIONARY: &[u8] = include_bytes!("dictionary.json");

/// A status, packed. Equal statuses are packed equally. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct PackedStatus(Arc<[u8]>);

impl PackedStatus {
    /// Packs a status.
    #[must_use]
    pub fn new(status: &IrsaAuditStatus) -> Self {
        // Its keys are texts, so that it can always be written.
        let text = serde_json::to_vec(status).unwrap_or_default();
        Self(compress_prepend_size_with_dict(&text, DICTIONARY).into())
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> IrsaAuditStatus {
        // Only this type packs, and what it has packed it can read.
        let text = decompress_size_prepended_with_dict(&self.0, DICTIONARY).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

impl fmt::Debug for PackedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typical() -> IrsaAuditStatus {
        serde_json::from_slice(DICTIONARY).unwrap()
    }

    #[test]
    fn what_was_packed_is_read_as_it_was() {
        let mut broken = typical();
        broken.message = Some("\u{1F980} \"'\\\n".repeat(1000));
        broken.conditions.truncate(3);
        for status in [typical(), broken, IrsaAuditStatus::default()] {
            let packed = PackedStatus::new(&status);
            assert_eq!(packed.status(), status);
            assert_eq!(packed, PackedStatus::new(&status));
        }
        assert_ne!(
            PackedStatus::new(&typical()),
            PackedStatus::new(&IrsaAuditStatus::default())
        );
    }

    #[test]
    fn a_usual_status_becomes_small() {
        let mut status = typical();
        let binding = status.binding.as_mut().unwrap();
        binding.role_arn = Some("arn:aws:iam::444455556666:role/payments-reconciler".to_owned());
        binding.account_id = Some("444455556666".to_owned());
        binding.subject = Some("system:serviceaccount:payments:reconciler".to_owned());
        for condition in &mut status.conditions {
            condition.last_transition_time = "2026-03-04T05:06:07Z".parse().unwrap();
            condition.observed_generation = 7;
        }
        let packed = PackedStatus::new(&status).length();
        let text = serde_json::to_vec(&status).unwrap().len();
        assert!(packed * 4 < text, "{packed} of {text}");
    }
}
