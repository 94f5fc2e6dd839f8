//! What reads after a write prove.

use jiff::Timestamp;

use crate::edit::same_document;
use crate::facts::LiveRole;
use crate::journal::JournalRecord;

/// What a read proves about the write of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proven {
    /// Nothing yet: the answer may be stale, or the write on its way.
    NotYet,
    /// The write is in effect; whether anything else happened since may be hidden by a stale answer.
    InEffect,
    /// The write is in effect, and nothing else happened.
    Applied,
    /// The write never took effect, and nothing else happened.
    NotApplied,
    /// Another actor changed the role: the document that was found, if the role exists.
    Foreign(Option<String>),
}

/// Judges a read that was asked for at `asked`.
///
/// A document that is neither the old nor the new one is a foreign change, whenever it is seen. The other two prove something only from
/// `decides` on: before that, the old one may be a stale answer, or the write still on its way; and the new one may be a stale answer
/// that hides a foreign change. Where IAM has acknowledged the write, or the new document was seen, the old one is a foreign change as
/// well: another actor put it back.
pub(super) fn judge(
    record: &JournalRecord,
    was_in_effect: bool,
    decides: Timestamp,
    role: Option<&LiveRole>,
    asked: Timestamp,
) -> Proven {
    let Some(role) = role else {
        return Proven::Foreign(None);
    };
    let found = || Proven::Foreign(Some(role.trust_text.clone()));
    let is_decisive = asked >= decides;
    if role.id != record.role_id {
        found()
    } else if same_document(&role.trust_text, &record.after) {
        if is_decisive {
            Proven::Applied
        } else {
            Proven::InEffect
        }
    } else if same_document(&role.trust_text, &record.before) {
        match (is_decisive, was_in_effect) {
            (false, _) => Proven::NotYet,
            (true, false) => Proven::NotApplied,
            (true, true) => found(),
        }
    } else {
        found()
    }
}
