//! The value of a consent: ServiceAccounts, separated by single spaces.

use super::ConsentRefusal;
use crate::digest::sha256_hex;
use crate::names::{is_namespace, is_service_account};

/// The longest value of a tag, in characters.
const VALUE_MAX: usize = 256;
/// The prefix of an entry that has the digest of a pair in place of the pair.
const DIGEST_PREFIX: &str = "sha256:";

/// The parts of a value, if it is exactly as it has to be.
pub(super) fn entries(value: &str) -> Result<Vec<&str>, ConsentRefusal> {
    if value.is_empty() {
        return Err(ConsentRefusal::ValueEmpty);
    }
    if !value.is_ascii() {
        return Err(ConsentRefusal::ValueNotAscii);
    }
    if value.len() > VALUE_MAX {
        return Err(ConsentRefusal::ValueTooLong);
    }
    let entries: Vec<&str> = value.split(' ').collect();
    for (at, entry) in entries.iter().enumerate() {
        if entry.is_empty() {
            return Err(ConsentRefusal::ValueSpaces);
        }
        if !is_entry(entry) {
            return Err(ConsentRefusal::EntryMalformed {
                entry: (*entry).to_owned(),
            });
        }
        if entries.iter().take(at).any(|earlier| earlier == entry) {
            return Err(ConsentRefusal::EntryTwice {
                entry: (*entry).to_owned(),
            });
        }
    }
    Ok(entries)
}

fn is_entry(entry: &str) -> bool {
    if let Some(digest) = entry.strip_prefix(DIGEST_PREFIX) {
        return digest.len() == 64
            && digest
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    }
    entry
        .split_once('/')
        .is_some_and(|(namespace, name)| is_namespace(namespace) && is_service_account(name))
}

/// Whether one of the entries is the ServiceAccount's name or its digest.
pub(super) fn names(entries: &[&str], namespace: &str, name: &str) -> bool {
    let pair = format!("{namespace}/{name}");
    let digest = by_digest(&pair);
    entries.iter().any(|entry| *entry == pair || *entry == digest)
}

fn by_digest(pair: &str) -> String {
    format!("{DIGEST_PREFIX}{}", sha256_hex(pair.as_bytes()))
}

/// The value of a consent that names `namespace/name` beside what `existing` names already; `existing` itself if that has it.
///
/// The pair is written out where there is room for it, else as `sha256:` and the digest of `namespace/name`.
///
/// # Errors
/// If `existing` is malformed, the names are not such as Kubernetes has, or there is no room for either form.
pub fn consent_value_with(
    existing: Option<&str>,
    namespace: &str,
    name: &str,
) -> Result<String, ConsentRefusal> {
    if !is_namespace(namespace) || !is_service_account(name) {
        return Err(ConsentRefusal::NotAName);
    }
    if let Some(value) = existing
        && names(&entries(value)?, namespace, name)
    {
        return Ok(value.to_owned());
    }
    let pair = format!("{namespace}/{name}");
    let digest = by_digest(&pair);
    let with = |entry: &str| match existing {
        Some(value) => format!("{value} {entry}"),
        None => entry.to_owned(),
    };
    [with(&pair), with(&digest)]
        .into_iter()
        .find(|value| value.len() <= VALUE_MAX)
        .ok_or(ConsentRefusal::Full)
}
