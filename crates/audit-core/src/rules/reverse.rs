//! From roles to the cluster: whom the roles of an account name in their trust policies.

use crate::check::AccountEvidence;
use crate::model::BindingKey;
use crate::snapshot::Binding;
use crate::text::quote;

/// The most ServiceAccounts that a finding lists.
const SHOWN: usize = 5;

/// A ServiceAccount that roles name, be it there or not, and the roles' names.
pub(crate) struct Named<'a> {
    pub(crate) key: BindingKey,
    pub(crate) binding: Option<&'a Binding>,
    pub(crate) roles: Vec<&'a str>,
}

/// Those that the roles of an account name, as of its last listing: nobody where the account was never listed, or cannot be
/// accessed.
pub(crate) fn named<'a>(evidence: &AccountEvidence<'a>) -> impl Iterator<Item = Named<'a>> {
    let (snapshot, config, account) = (evidence.snapshot, evidence.config, evidence.account);
    let is_listed = evidence.is_accessible() && account.listing.value.is_some();
    let subjects = is_listed.then_some(&account.trusted_subjects);
    subjects.into_iter().flatten().filter_map(|(subject, roles)| {
        let key = key_of(subject)?;
        let binding = snapshot.cluster.binding(&key);
        let roles = roles.iter().map(String::as_str).collect();
        (!config.excludes(&key)).then_some(Named { key, binding, roles })
    })
}

/// The ServiceAccount of a subject, if it can be one's.
fn key_of(subject: &str) -> Option<BindingKey> {
    let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    };
    (is_name(namespace) && is_name(name)).then(|| BindingKey::new(namespace, name))
}

/// A few of them with a role of each, then how many more there are.
pub(crate) fn list(all: &[Named<'_>]) -> String {
    let mut shown: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|named| {
            let others = match named.roles.len() {
                0 | 1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            let role = named.roles.first().copied().unwrap_or_default();
            format!(
                "`{}` (role `{}`{others})",
                quote(&named.key.to_string()),
                quote(role)
            )
        })
        .collect();
    if all.len() > SHOWN {
        shown.push(format!("{} more", all.len() - SHOWN));
    }
    shown.join(", ")
}
