//! Times as the API server takes them, which are more than there are here.
//!
//! A schema's `date-time` admits what RFC 3339 does, and `Timestamp` ends a day before the year 9999 does. Whoever writes such a time must not
//! make the whole object one that cannot be read: it would be audited by nobody.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer};

/// A time, or nothing. What is out of range counts as the end of time that is nearer, and what cannot be read as long past: a waiver with such an
/// end waives nothing.
///
/// # Errors
/// For what is no text.
pub fn any_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.map(|text| text.parse().unwrap_or_else(|_| nearest(&text))))
}

fn nearest(text: &str) -> Timestamp {
    let date = text.get(..19).and_then(|date| date.parse::<DateTime>().ok());
    match date {
        Some(date) if date.year() >= 9999 => Timestamp::MAX,
        _ => Timestamp::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_time() {
        let time = |text: &str| any_time(serde_json::Value::from(text)).unwrap();
        assert_eq!(time("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z".parse().ok());
        assert_eq!(time("9999-12-31T23:59:59Z"), Some(Timestamp::MAX));
        for unreadable in [
            "",
            "soon",
            "0000-13-01T00:00:00Z",
            "\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}",
        ] {
            assert_eq!(time(unreadable), Some(Timestamp::MIN), "{unreadable}");
        }
        assert_eq!(any_time(serde_json::Value::Null).unwrap(), None);
    }
}
