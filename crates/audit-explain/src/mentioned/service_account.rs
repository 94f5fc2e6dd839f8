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

/// Behind these words stands a name whose namespace follows, in logs and in JSON.
const FIELDS: [&str; 6] = [
    "serviceaccount=\"",
    "serviceaccount=",
    "serviceaccountname\":\"",
    "serviceaccountname\": \"",
    "serviceaccountname: ",
    "serviceaccount\":{\"name\":\"",
];

/// Words that follow `service account` in prose and are no names.
const PROSE: [&str; 27] = [
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
    "namespace",
    "namespaces",
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
    "ca.crt",
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
    let named = named(pasted).filter_map(|at| pair(pasted.from(at)));
    whole.into_iter().chain(named).map(|(key, _)| key)
}

/// Names in quotes behind `serviceaccounts`, as API servers write them, and behind `service account`.
pub(super) fn names(pasted: &Pasted) -> impl Iterator<Item = String> + '_ {
    named(pasted).filter_map(|at| {
        let rest = pasted.from(at);
        if pair(rest).is_some() {
            return None;
        }
        Some(name(rest)?.to_owned())
    })
}

/// Names with the namespace beside them: `service account NAME (namespace: NAMESPACE)`, the same as fields of a log, a URL of the API server,
/// and what `kubectl describe pod` prints.
pub(super) fn placed(pasted: &Pasted) -> impl Iterator<Item = BindingKey> + '_ {
    let fields = FIELDS.iter().flat_map(|word| pasted.behind(word));
    let followed = named(pasted).chain(fields).filter_map(|at| {
        let rest = pasted.from(at);
        let name = name(rest)?;
        key(following_namespace(rest.get(name.len()..)?)?, name)
    });
    let in_urls = pasted.behind("/serviceaccounts/").filter_map(|at| {
        let before = pasted.before(at).strip_suffix("/serviceaccounts/")?;
        let (_, namespace) = before.rsplit_once("/namespaces/")?;
        key(namespace, run(pasted.from(at), is_name_character))
    });
    let described = pasted.behind("service account: ").filter_map(|at| {
        let (_, namespace) = pasted.before(at).rsplit_once("Namespace: ")?;
        key(
            run(namespace, is_label_character),
            run(pasted.from(at), is_name_character),
        )
    });
    followed.chain(in_urls).chain(described)
}

/// The places behind the words that say what follows. In a URL of the API server, other parts of the path follow.
fn named(pasted: &Pasted) -> impl Iterator<Item = usize> + '_ {
    let places = |word: &'static &'static str| {
        let places = pasted.behind(word);
        let is_in_path = |at: &usize| word.ends_with('/') && pasted.before(at - word.len()).ends_with('/');
        places.filter(move |at| !is_in_path(at))
    };
    WORDS.iter().flat_map(places)
}

/// A name at the start of a text.
fn name(text: &str) -> Option<&str> {
    let name = trim(run(text, is_name_character));
    (is_name(name) && !PROSE.contains(&name)).then_some(name)
}

/// The namespace that is said right behind a name: ` (namespace: shop)`, ` in namespace shop`, `" in the namespace "shop"`, `","namespace":"shop"`.
fn following_namespace(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| "\"'`, (".contains(c));
    let rest = rest.strip_prefix("in ").unwrap_or(rest);
    let rest = rest.strip_prefix("the ").unwrap_or(rest);
    let rest = rest.strip_prefix("namespace")?;
    let value = rest.trim_start_matches(|c: char| "\"'`:= ".contains(c));
    let namespace = run(value, is_label_character);
    let is_said = value.len() < rest.len() && is_label(namespace) && !PROSE.contains(&namespace);
    is_said.then_some(namespace)
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
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}
