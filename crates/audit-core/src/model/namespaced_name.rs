//! The name of a namespaced object of Kubernetes.

use std::fmt;

/// The name of an object or of a namespace. Most have at most 23 bytes, and are in place; clones of longer ones share the text. A binding is the key
/// of a dozen tables, whose copies of its names took a tenth of the operator's memory in large clusters.
pub use smol_str::SmolStr as Name;

/// The unique id of an object, whose clones share the text.
pub type Uid = Name;

/// Names an object of some kind. Ordered by namespace, then name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl NamespacedName {
    /// Names the object `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for NamespacedName {
    /// `<namespace>/<name>`, or the bare name where there is no namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}
