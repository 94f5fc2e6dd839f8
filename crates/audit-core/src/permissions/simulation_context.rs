//! Condition keys for IAM's policy simulator, which wants to know the type of each value.

use std::net::IpAddr;

use crate::model::{ContextEntry, ValueType};

/// Keys whose values are dates, addresses or booleans; those of all others are text, where they do not look like any of these.
const DATES: &[&str] = &["aws:currenttime", "aws:tokenissuetime"];
const ADDRESSES: &[&str] = &["aws:sourceip", "aws:vpcsourceip"];

/// Parts of keys whose values people choose freely, so that they are text whatever they look like.
const FREE: &[&str] = &["tag/", "encryptioncontext:"];

/// The end of keys whose values are numbers of accounts, which are text.
const ACCOUNT: &str = "account";

/// The entries for some keys; none at all where the type of one is not certain, because a wrong type makes a wrong answer.
pub(super) fn entries(context: impl IntoIterator<Item = (String, String)>) -> Option<Vec<ContextEntry>> {
    let mut entries: Vec<ContextEntry> = Vec::new();
    for (key, value) in context {
        let value_type = value_type(&key, &value)?;
        // What people say of a key goes before what goes without saying.
        entries.retain(|other| !other.key.eq_ignore_ascii_case(&key));
        entries.push(ContextEntry {
            key,
            value,
            value_type,
        });
    }
    Some(entries)
}

fn value_type(key: &str, value: &str) -> Option<ValueType> {
    let key = key.to_ascii_lowercase();
    if FREE.iter().any(|part| key.contains(part)) || key.ends_with(ACCOUNT) {
        Some(ValueType::Text)
    } else if DATES.contains(&key.as_str()) {
        Some(ValueType::Date)
    } else if ADDRESSES.contains(&key.as_str()) {
        Some(ValueType::Ip)
    } else if matches!(value, "true" | "false") {
        Some(ValueType::Boolean)
    } else {
        let address = value.split('/').next().unwrap_or(value);
        let is_text = address.parse::<IpAddr>().is_err()
            && value.parse::<f64>().is_err()
            && value.parse::<jiff::Timestamp>().is_err()
            && value.parse::<jiff::civil::Date>().is_err();
        is_text.then_some(ValueType::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(context: &[(&str, &str)]) -> Option<Vec<ContextEntry>> {
        entries(
            context
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn a_type_is_certain_or_nothing_is_asked() {
        for (key, value, wanted) in [
            (
                "aws:PrincipalArn",
                "arn:aws:iam::111122223333:role/app",
                Some(ValueType::Text),
            ),
            ("aws:PrincipalAccount", "111122223333", Some(ValueType::Text)),
            ("aws:ResourceTag/cost", "42", Some(ValueType::Text)),
            ("kms:EncryptionContext:purpose", "true", Some(ValueType::Text)),
            ("aws:RequestedRegion", "eu-west-1", Some(ValueType::Text)),
            ("aws:SecureTransport", "true", Some(ValueType::Boolean)),
            ("AWS:sourceip", "10.0.0.0/8", Some(ValueType::Ip)),
            ("aws:CurrentTime", "2027-01-01T00:00:00Z", Some(ValueType::Date)),
            ("s3:max-keys", "10", None),
            ("ec2:Whatever", "10.0.0.1", None),
            ("ec2:Whatever", "2027-01-01T00:00:00Z", None),
            ("ec2:Whatever", "2027-01-01", None),
        ] {
            let found = of(&[(key, value)]).map(|entries| entries[0].value_type);
            assert_eq!(found, wanted, "{key} {value}");
        }
    }

    #[test]
    fn the_last_word_on_a_key_counts() {
        let entries = of(&[("aws:PrincipalArn", "a"), ("aws:principalarn", "b"), ("x:y", "c")]).unwrap();
        let found: Vec<(&str, &str)> = entries
            .iter()
            .map(|e| (e.key.as_str(), e.value.as_str()))
            .collect();
        assert_eq!(found, [("aws:principalarn", "b"), ("x:y", "c")]);
        assert_eq!(of(&[("x:y", "c"), ("s3:max-keys", "10")]), None);
    }
}
