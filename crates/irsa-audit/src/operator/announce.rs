//! Changed verdicts as Events.

use audit_core::Verdict;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType};

use audit_core::model::NamespacedName;
pub use audit_engine::Announcement;

/// The API version of our objects.
pub const API_VERSION: &str = "irsa-audit.dev/v1alpha1";

/// The most bytes of a note that the API server takes.
const MAX_NOTE: usize = 1024;

/// The Event that tells of a change.
#[must_use]
pub fn event(news: &Announcement) -> Event {
    let verdict = news.verdict.as_str();
    let (change, action) = match news.before.map(Verdict::as_str) {
        Some(before) => (format!("{before} -> {verdict}"), format!("{before}To{verdict}")),
        None => (verdict.to_owned(), verdict.to_owned()),
    };
    Event {
        type_: if news.verdict == Verdict::Broken {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: news.reason.clone(),
        note: Some(cut(format!("{change}: {}", news.message))),
        // Events that differ in nothing but their note are counted as one, with the note of the first: so what was
        // before must not stand in the note alone.
        action,
        secondary: None,
    }
}

/// The object that an Event is about.
#[must_use]
pub fn reference(object: &NamespacedName, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.to_owned()),
        kind: Some("IrsaAudit".to_owned()),
        namespace: Some(object.namespace.to_string()),
        name: Some(object.name.to_string()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

fn cut(mut note: String) -> String {
    if note.len() > MAX_NOTE {
        note.truncate(note.floor_char_boundary(MAX_NOTE - '…'.len_utf8()));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(before: Option<Verdict>, verdict: Verdict, message: &str) -> Announcement {
        Announcement {
            before,
            verdict,
            reason: "RoleNotFound".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_event_tells_before_and_after() {
        let event = event(&news(Some(Verdict::Working), Verdict::Broken, "no role"));
        assert_eq!(event.note.as_deref(), Some("Working -> Broken: no role"));
        assert_eq!(
            (event.reason.as_str(), event.action.as_str()),
            ("RoleNotFound", "WorkingToBroken")
        );
        assert_eq!(event.type_, EventType::Warning);
    }

    #[test]
    fn only_what_is_broken_is_a_warning() {
        for verdict in [Verdict::Working, Verdict::AtRisk, Verdict::Unknown] {
            assert_eq!(
                event(&news(None, verdict, "")).type_,
                EventType::Normal,
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn a_note_fits_whatever_it_is_made_of() {
        for message in [
            "x".repeat(5000),
            "é".repeat(2000),
            "🦀".repeat(1000),
            "x".repeat(1016),
        ] {
            let note = event(&news(None, Verdict::Broken, &message)).note.unwrap();
            assert!(
                note.len() <= MAX_NOTE && note.len() > MAX_NOTE - 8,
                "{}",
                note.len()
            );
        }
    }
}
