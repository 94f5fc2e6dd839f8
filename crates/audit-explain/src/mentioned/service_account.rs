//! ServiceAccounts: as the subject of a token, as `NAMESPACE/NAME`, or by name alone.

use audit_core::model::BindingKey;

use super::run;
use crate::pasted::Pasted;

/// Behind these words stands `NAMESPACE/NAME` or a name.
const WORDS: [&str; 9] = [
    "service account ",
    "service account \"",
    "service account '",
    "serviceaccount ",
    "serviceaccount \"",
    "serviceaccount/",
    "serviceaccounts \"",
    "serviceaccounts/",
    "serviceaccount '",
];

/// Words that follow `service account` in prose and are no names.
const PROSE: [&str; 24] = [
    "a",
    "an",
    "and",
    "annotation",
    "for",
    "from",
    "has",
    "in",
    "is",
    "issuer",
    "key",
    "name",
    "not",
    "of",
    "on",
    "role",
    "that",
    "the",
    "to",
    "token",
    "tokens",
    "was",
    "with",
    "does",
];

/// `system:serviceaccount:NAMESPACE:NAME`.
pub(super) fn subjects(pasted: &Pasted) -> impl Iterator<Item = BindingKey> + '_ {
    pasted.behind("system:serviceaccount:").filter_map(|at| {
        let rest = pasted.from(at);
        let namespace = run(rest, is_label_character);
        let rest = rest.get(namespace.len()..)?.strip_prefix(':')?;
        key(namespace, run(rest, is_name_character))
    })
}

/// `NAMESPACE/NAME` behind a word that says what it is, or as the whole text.
pub(super) fn pairs(pasted: &Pasted) -> impl Iterator<Item = BindingKey> + '_ {
    let whole = pair(pasted.plain.trim()).filter(|(_, length)| *length == pasted.plain.trim().len());
    let named = WORDS
        .iter()
        .flat_map(|word| pasted.behind(word))
        .filter_map(|at| pair(pasted.from(at)));
    whole.into_iter().chain(named).map(|(key, _)| key)
}

/// Names in quotes behind `serviceaccounts`, as API servers write them, and behind `service account`.
pub(super) fn names(pasted: &Pasted) -> impl Iterator<Item = String> + '_ {
    WORDS
        .iter()
        .flat_map(|word| pasted.behind(word))
        .filter_map(|at| {
            let rest = pasted.from(at);
            if pair(rest).is_some() {
                return None;
            }
            let name = trim(run(rest, is_name_character));
            (is_name(name) && !PROSE.contains(&name)).then(|| name.to_owned())
        })
}

/// A pair at the start of a text, with its length.
fn pair(text: &str) -> Option<(BindingKey, usize)> {
    let namespace = run(text, is_label_character);
    let name = run(text.get(namespace.len()..)?.strip_prefix('/')?, is_name_character);
    let key = key(namespace, name)?;
    let length = namespace.len() + 1 + key.service_account.len();
    Some((key, length))
}

fn key(namespace: &str, name: &str) -> Option<BindingKey> {
    let name = trim(name);
    (is_label(namespace) && is_name(name)).then(|| BindingKey::new(namespace, name))
}

/// Without the period or hyphen of the sentence around it.
fn trim(name: &str) -> &str {
    name.trim_end_matches(['.', '-'])
}

fn is_label_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn is_name_character(c: char) -> bool {
    is_label_character(c) || c == '.'
}

/// Whether a text is a DNS label: a namespace.
pub(super) fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(is_label_character)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a DNS name: the name of a ServiceAccount.
fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}
