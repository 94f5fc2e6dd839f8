//! Objects that use ServiceAccounts without being pods, almost all of other projects: a table of kinds, one file for each project.
//!
//! A kind is a row of its file's table and a function that reads an object's JSON. Versions do not matter: only fields are
//! read that all served versions have, and what is not there is not used. To add a kind, copy the nearest file, and name its
//! table in `TABLES`; `docs/credential-paths.md` goes through it step by step.

mod bounds;
mod cert_manager;
mod cron_job;
mod external_secrets;
mod extract;
mod flux;
mod launchers;
mod list;
mod secrets_store;
mod seen;
mod served;
mod usage;
mod watch;

use std::sync::Arc;

use audit_core::model::{Consumer, ConsumerObject};
use serde_json::Value;

pub(crate) use extract::extract;
pub(crate) use list::list;
pub(crate) use served::{served, url_path};
pub use usage::{ConsumerKind, ReadObject};
use usage::{Object, text};
pub(crate) use watch::observe;

/// The tables of all files.
static TABLES: [&[ConsumerKind]; 6] = [
    cert_manager::KINDS,
    cron_job::KINDS,
    external_secrets::KINDS,
    flux::KINDS,
    launchers::KINDS,
    secrets_store::KINDS,
];

/// All kinds.
pub fn kinds() -> impl Iterator<Item = &'static ConsumerKind> {
    TABLES.into_iter().flatten()
}

/// The kind of this group and name, if it is one of the table's.
#[must_use]
pub fn kind(group: &str, kind: &str) -> Option<&'static ConsumerKind> {
    kinds().find(|one| one.group == group && one.kind == kind)
}

/// Reads what an object uses. It has to have a name, and a namespace if its kind is in namespaces.
#[must_use]
pub fn read(kind: &ConsumerKind, value: &Value) -> Option<ReadObject> {
    let name = text(value, "/metadata/name");
    let namespace = if kind.namespaced {
        text(value, "/metadata/namespace")
    } else {
        ""
    };
    if name.is_empty() || (kind.namespaced && namespace.is_empty()) {
        return None;
    }
    let object = Arc::new(ConsumerObject {
        group: kind.group.to_owned(),
        kind: kind.kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    });
    let usages = (kind.read)(&Object { namespace, value });
    let mut consumers: Vec<Consumer> = usages
        .into_iter()
        .map(|usage| Consumer {
            object: Arc::clone(&object),
            used: usage.used,
            how: usage.how,
            is_certain: usage.is_certain,
        })
        .collect();
    consumers.sort();
    consumers.dedup();
    let uses = bounds::within(consumers);
    Some((Arc::unwrap_or_clone(object), uses))
}

#[cfg(test)]
#[path = "../../tests/unit/consumers/mod.rs"]
mod tests;
