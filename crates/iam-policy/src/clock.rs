//! When a document may answer otherwise by itself, because it compares the time.
//!
//! Source: IAM User Guide, `aws:CurrentTime` and `aws:EpochTime`,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-currenttime>.

use crate::compare::date;
use crate::document::Document;
use crate::operator::Family;

/// The keys that have the time as their value (IAM User Guide, "AWS global condition context keys").
const CLOCKS: [&str; 2] = ["aws:currenttime", "aws:epochtime"];

/// The first second after `now` at which a condition on the time may change its outcome. Both in seconds since 1970.
///
/// A comparison changes at the value of the policy or right after it, so that the second after counts as well.
#[must_use]
pub fn next_turn(document: &Document, now: i64) -> Option<i64> {
    let clauses = document
        .statements
        .iter()
        .flat_map(|statement| &statement.conditions);
    let timed = clauses.filter(|clause| CLOCKS.iter().any(|key| clause.is_about(key)));
    let values = timed.flat_map(|clause| {
        let family = clause.operator.test.family();
        clause.values.iter().filter_map(move |value| match family {
            Family::Number(_) => value.text.split('.').next()?.parse().ok(),
            _ => date::parse(&value.text).map(|(seconds, _)| seconds),
        })
    });
    values
        .flat_map(|value| [value, value.saturating_add(1)])
        .filter(|turn| *turn > now)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn turn(conditions: &str, now: i64) -> Option<i64> {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{conditions}}}]}}"#
        );
        next_turn(&parse(&text).document.unwrap(), now)
    }

    #[test]
    fn the_next_date_counts_until_it_is_past() {
        let window = r#"{"DateGreaterThan":{"aws:CurrentTime":"1970-01-01T00:01:40Z"},"DateLessThan":{"AWS:currenttime":"1970-01-01T00:03:20Z"}}"#;
        for (now, expected) in [
            (0, Some(100)),
            (99, Some(100)),
            (100, Some(101)),
            (101, Some(200)),
            (200, Some(201)),
            (201, None),
        ] {
            assert_eq!(turn(window, now), expected, "{now}");
        }
        assert_eq!(
            turn(r#"{"NumericLessThan":{"aws:EpochTime":"100"}}"#, 0),
            Some(100)
        );
        assert_eq!(turn(r#"{"DateLessThan":{"aws:EpochTime":"100"}}"#, 0), Some(100));
        for other in [
            "{}",
            r#"{"DateLessThan":{"aws:TokenIssueTime":"1970-01-01T00:01:40Z"}}"#,
            r#"{"StringLike":{"aws:CurrentTime":"*"}}"#,
            r#"{"NumericLessThan":{"aws:EpochTime":"soon"}}"#,
        ] {
            assert_eq!(turn(other, 0), None, "{other}");
        }
    }
}
