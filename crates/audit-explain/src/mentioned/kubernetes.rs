//! What the API server's RBAC authorizer refused.

use audit_core::model::BindingKey;

use super::run;
use super::service_account::{is_label, is_name};
use crate::pasted::Pasted;

/// The longest word that is taken.
const MAX_WORD: usize = 253;

/// The words before a refused user.
const CANNOT: &str = "\" cannot ";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesRequest {
    /// The user; absent where its name has other characters than those of e-mail addresses, ARNs and Kubernetes' own users.
    pub user: Option<String>,
    /// The ServiceAccount; absent for every other user.
    pub service_account: Option<BindingKey>,
    /// Whether nobody was authenticated: `system:anonymous`.
    pub is_anonymous: bool,
    /// `get`, `list`, ...
    pub verb: String,
    /// In the plural; empty for a path such as `/metrics`.
    pub resource: String,
    /// The subresource, such as `log`.
    pub subresource: Option<String>,
    /// The API group; empty for the core group.
    pub group: String,
    /// The one object; absent for all.
    pub name: Option<String>,
    /// The namespace, where the text names one that can be read.
    pub namespace: Option<String>,
    /// The request is about the whole cluster.
    pub is_cluster_wide: bool,
}

impl KubernetesRequest {
    /// Whether a kubelet made it.
    #[must_use]
    pub fn is_of_node(&self) -> bool {
        let user = self.user.as_deref();
        user.is_some_and(|user| user.starts_with("system:node:"))
    }

    /// The ServiceAccount that it is about.
    pub(super) fn about_service_account(&self) -> Option<BindingKey> {
        let (name, namespace) = self.name.as_deref().zip(self.namespace.as_deref())?;
        let is_one = self.resource == "serviceaccounts" && is_label(namespace) && is_name(name);
        is_one.then(|| BindingKey::new(namespace, name))
    }
}

/// `pods "a" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "ns"`.
pub(super) fn requests(pasted: &Pasted) -> impl Iterator<Item = KubernetesRequest> + '_ {
    pasted.behind(CANNOT).filter_map(|at| {
        let before = pasted.before(at - CANNOT.len());
        let user = before.get(before.rfind('"')? + 1..)?;
        let mut request = request(pasted.from(at))?;
        request.user = is_user(user).then(|| user.to_owned());
        request.service_account = service_account(user);
        request.is_anonymous = user == "system:anonymous";
        request.name = object(before);
        Some(request)
    })
}

fn service_account(user: &str) -> Option<BindingKey> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (is_label(namespace) && is_word(name)).then(|| BindingKey::new(namespace, name))
}

fn request(text: &str) -> Option<KubernetesRequest> {
    let (verb, rest) = word(text)?;
    let (path, rest) = if let Some(rest) = rest.strip_prefix(" resource \"") {
        quoted(rest)?
    } else if rest.starts_with(" path ") {
        ("", "")
    } else {
        // API servers before 1.12: `cannot list pods in the namespace "ns"`.
        let (path, rest) = word(rest.strip_prefix(' ')?)?;
        (path, rest)
    };
    let (full, subresource) = match path.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (path, None),
    };
    let (group, rest) = match rest.strip_prefix(" in API group \"") {
        Some(rest) => quoted(rest)?,
        None => ("", rest),
    };
    let (resource, group) = match full.split_once('.') {
        Some((resource, of_path)) if group.is_empty() => (resource, of_path),
        _ => (full, group),
    };
    let namespace = rest.strip_prefix(" in the namespace \"").and_then(quoted);
    Some(KubernetesRequest {
        user: None,
        service_account: None,
        is_anonymous: false,
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        subresource,
        group: group.to_owned(),
        name: None,
        namespace: namespace.map(|(namespace, _)| namespace.to_owned()),
        is_cluster_wide: rest.starts_with(" at the cluster scope"),
    })
}

/// The object, which stands before: `secrets "tls" is forbidden: User "`.
fn object(before: &str) -> Option<String> {
    let before = before.get(..before.rfind("\" is forbidden: User \"")?)?;
    let name = before.get(before.rfind('"')? + 1..)?;
    is_word(name).then(|| name.to_owned())
}

/// A word at the start, and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    let word = run(text, is_word_character);
    let rest = text.get(word.len()..)?;
    is_word(word).then_some((word, rest))
}

/// What is before the next quote, and the rest behind it. The core group is an empty text.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (quoted, rest) = text.split_once('"')?;
    (quoted.is_empty() || is_word(quoted)).then_some((quoted, rest))
}

fn is_user(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_WORD
        && !text.starts_with('-')
        && text.chars().all(|c| is_word_character(c) || "@+=,".contains(c))
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_WORD
        && text.chars().all(is_word_character)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*')
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._/*:".contains(c)
}
