//! Objects of other projects that use a ServiceAccount without being a pod: some have a controller ask the API server for
//! its token, others start pods as it.

use std::sync::Arc;

use super::BindingKey;

/// Group and kind of what pods name in volumes of the secrets-store CSI driver.
pub const SECRET_PROVIDER_CLASS: (&str, &str) = ("secrets-store.csi.x-k8s.io", "SecretProviderClass");

/// An object that uses ServiceAccounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerObject {
    /// The group of its `apiVersion`; its version does not matter.
    pub group: String,
    /// Its kind, as manifests spell it.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ConsumerObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Which ServiceAccounts an object uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// The one that it names.
    Named(BindingKey),
    /// The one of this name in whatever namespace the object is used from.
    InAnyNamespace(String),
    /// Those of the pods that mount it by its name, in its own namespace.
    OfMountingPods,
    /// The one of this name in the namespace of the object's controller. The object does not say which that is: it must be
    /// one where such a ServiceAccount exists.
    WithController {
        /// The ServiceAccount's name.
        name: String,
        /// The namespace where the controller is usually installed.
        usual: &'static str,
    },
}

/// What an object does with a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// A controller asks the API server for the ServiceAccount's token and assumes a role with it.
    Requests {
        /// The audience that it asks for.
        audience: RequestedAudience,
        /// The role that the object itself names; where it names none, the ServiceAccount's annotation does.
        role: Option<String>,
        /// The roles that are assumed next, each with the credentials of the one before.
        then: Vec<NextRole>,
    },
    /// Its controller starts pods as the ServiceAccount, some time.
    Launches,
    /// A controller asks EKS Pod Identity for the credentials of the ServiceAccount.
    UsesPodIdentity,
}

/// A role that is assumed with the credentials of another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextRole {
    /// Its ARN, as it is written.
    pub role: String,
    /// The external ID with which it is asked for.
    pub external_id: Option<String>,
    /// It is asked for with session tags, which needs a permission of its own.
    pub has_tags: bool,
}

impl NextRole {
    /// A role that is asked for by its ARN alone.
    #[must_use]
    pub fn new(role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            external_id: None,
            has_tags: false,
        }
    }
}

/// For whom a controller asks the API server to issue a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestedAudience {
    /// For this audience.
    Fixed(String),
    /// For that of the annotation `eks.amazonaws.com/audience`; without one, for `sts.amazonaws.com`.
    Annotated,
    /// For several at once. What STS takes from such a token is not documented.
    Several,
}

/// What a use takes beside its texts, in bytes.
const USE: usize = 128;

/// One use that an object makes of ServiceAccounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consumer {
    /// The object.
    pub object: Arc<ConsumerObject>,
    /// Which ServiceAccounts.
    pub used: Used,
    /// What it does with them.
    pub how: Use,
    /// The object fails without the ServiceAccount, and without a role where it requests a token. Where this is not certain,
    /// the use explains what is there and calls for nothing.
    pub is_certain: bool,
}

impl Consumer {
    /// About how many bytes it takes beside the object.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let used = match &self.used {
            Used::Named(key) => key.namespace.len() + key.service_account.len(),
            Used::InAnyNamespace(name) | Used::WithController { name, .. } => name.len(),
            Used::OfMountingPods => 0,
        };
        let Use::Requests { audience, role, then } = &self.how else {
            return USE + used;
        };
        let audience = match audience {
            RequestedAudience::Fixed(audience) => audience.len(),
            RequestedAudience::Annotated | RequestedAudience::Several => 0,
        };
        let of_next = |next: &NextRole| next.role.len() + next.external_id.as_ref().map_or(0, String::len);
        let then = then.iter().map(of_next).sum::<usize>();
        USE + used + audience + role.as_ref().map_or(0, String::len) + then
    }

    /// Whether it has a controller ask for tokens.
    #[must_use]
    pub fn requests(&self) -> bool {
        matches!(self.how, Use::Requests { .. })
    }
}

/// What an object uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectUses {
    /// Its uses, sorted, each once.
    pub uses: Vec<Consumer>,
    /// It has more than these, which are not kept.
    pub has_more: bool,
}

impl From<Vec<Consumer>> for ObjectUses {
    fn from(uses: Vec<Consumer>) -> Self {
        Self {
            uses,
            has_more: false,
        }
    }
}

/// A kind of other projects that may have objects, which could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnseenKind {
    /// Its API group.
    pub group: String,
    /// Its kind, as manifests spell it.
    pub kind: String,
    /// Its resource, in the plural, as rights spell it.
    pub resource: String,
    /// What its objects can explain.
    pub explains: Explains,
}

impl std::fmt::Display for UnseenKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)
    }
}

/// What the objects of a kind can explain, so that nothing is proven by the absence of such an object where the kind could not
/// be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Explains {
    /// Controllers request tokens for them, and they name the role themselves: the ServiceAccount needs no annotation, and its
    /// pods no credentials.
    RequestsForTheirRole,
    /// Controllers request tokens for them, and take the role from the annotation: pods need no credentials.
    Requests,
    /// The same, for the pods that mount them, and for no others.
    RequestsOfMountingPods,
    /// Controllers start pods for them, some time.
    Launches,
}
