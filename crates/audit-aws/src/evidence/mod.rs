//! The kinds of evidence, one file each.
//!
//! A piece of evidence is one thing in an account that one question asks AWS about, such as a role or the OIDC provider of
//! the cluster. Its file says all that there is to say of its kind: what tells one piece from another, what is read, by
//! which calls, where a snapshot keeps it, when a binding needs it, and which bindings a change concerns. Everything
//! else treats all kinds alike, by the enums that `kinds!` makes of the list below.
//!
//! To add a kind: write its file, and add it to the modules and to the list. Its calls go to `deploy/iam/reader.json`.

mod clusters;
mod inline;
mod kind;
mod managed;
mod pod_identity;
pub(crate) mod policies;
mod provider;
mod provider_urls;
mod role;
mod simulation;
mod trust_quota;

use audit_core::model::{Account, FailureKind, Observed, RoleLookup};
use jiff::Timestamp;

pub use self::clusters::Clusters;
pub use self::inline::Inline;
pub use self::kind::{Answered, Circumstances, EvidenceKind, Read};
pub use self::managed::Managed;
pub(crate) use self::managed::count;
pub use self::pod_identity::{PodIdentity, lacks_role};
pub use self::policies::Policies;
pub use self::provider::Provider;
pub use self::provider_urls::ProviderUrls;
pub use self::role::Role;
pub(crate) use self::role::{Dates, build};
pub use self::simulation::Simulation;
pub use self::trust_quota::TrustQuota;
use crate::account::AccountClient;
use crate::concern::Applied;
use crate::failure::Failure;

impl<K: EvidenceKind> Answered<K> {
    fn put(self, id: &str, account: &mut Account) -> Applied {
        let confirmed = self.asked.confirms(id, &self.result);
        let old = K::kept(account, self.asked.key()).and_then(Observed::latest);
        let changes = self.asked.changes(id, old, self.result.as_ref().ok());
        let is_changed = keep::<K>(account, self.asked.key(), self.at, self.result);
        if let Some(trouble) = self.trouble {
            K::slot(account, self.asked.key()).fail_as(trouble.since(self.at));
        }
        Applied {
            changed: if is_changed { changes } else { Vec::new() },
            confirmed,
        }
    }
}

/// Keeps what was read under a key; says whether its meaning changed. A value that means the same as the old one is dropped
/// for the old one, so that what is shared stays shared.
pub(crate) fn keep<K: EvidenceKind>(
    account: &mut Account,
    key: &str,
    at: Timestamp,
    result: Result<K::Value, Failure>,
) -> bool {
    let seen = K::slot(account, key);
    let failed_by = failure_kind(seen);
    let (mut is_changed, mut is_replaced) = (false, false);
    match result {
        Ok(new) => {
            let new = if let Some((old, _)) = seen.value.take() {
                let new = K::continued(new, &old);
                is_changed = old != new;
                is_replaced = K::is_replaced(&old, &new);
                if is_changed { new } else { old }
            } else {
                is_changed = true;
                new
            };
            seen.succeed(new, at);
        }
        Err(failure) => seen.fail_as(failure.since(at)),
    }
    let is_changed = is_changed || failed_by != failure_kind(seen);
    if is_replaced {
        // What was read of a role's policies says nothing of another role that bears its name later.
        let own = K::kept(account, key).cloned();
        forget_role(account, key);
        if let Some(own) = own {
            *K::slot(account, key) = own;
        }
    }
    is_changed
}

/// Forgets a role, and all that was read of it.
pub fn forget_role(account: &mut Account, name: &str) {
    for kind in PieceKind::ALL.iter().filter(|kind| kind.is_of_role()) {
        kind.forget(account, name);
    }
}

fn failure_kind<T>(seen: &Observed<T>) -> Option<FailureKind> {
    seen.failure.as_ref().map(|failure| failure.kind.clone())
}

/// Which piece of evidence: where the plan of what to read keeps a place for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PieceId {
    /// The ID of the account that it is in: 12 digits.
    pub account: String,
    /// Its kind.
    pub kind: PieceKind,
    /// What tells it from others of its kind, see [`EvidenceKind::key`].
    pub key: String,
}

impl PieceId {
    /// The piece of a kind with a key.
    #[must_use]
    pub fn new(account: &str, kind: PieceKind, key: &str) -> Self {
        Self {
            account: account.to_owned(),
            kind,
            key: key.to_owned(),
        }
    }

    /// The piece of the same key and of a kind that this one includes, or rests on.
    #[must_use]
    pub fn of(&self, kind: PieceKind) -> Self {
        Self { kind, ..self.clone() }
    }
}

/// Makes the enums of all kinds, and the only `match`es over them.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {
        /// The kinds of evidence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PieceKind {
            $($(#[$doc])+ $name),+
        }

        /// A question about one piece of evidence.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Piece {
            $($(#[$doc])+ $name($name)),+
        }

        /// The answer to a question about one piece of evidence.
        #[derive(Debug, Clone)]
        pub enum PieceAnswer {
            $($(#[$doc])+ $name(Answered<$name>)),+
        }

        $(
            impl From<$name> for Piece {
                fn from(asked: $name) -> Self {
                    Self::$name(asked)
                }
            }

            impl From<Answered<$name>> for PieceAnswer {
                fn from(answered: Answered<$name>) -> Self {
                    Self::$name(answered)
                }
            }
        )+

        impl PieceKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The actions that a policy must allow for its calls.
            #[must_use]
            pub fn calls(self) -> &'static [&'static str] {
                match self { $(Self::$name => $name::CALLS),+ }
            }

            /// Whether its keys are names of roles.
            #[must_use]
            pub fn is_of_role(self) -> bool {
                match self { $(Self::$name => $name::OF_ROLE),+ }
            }

            /// Whether a listing of the whole account brings it.
            #[must_use]
            pub fn is_listed(self) -> bool {
                match self { $(Self::$name => $name::IS_LISTED),+ }
            }

            /// The key of the piece that is needed, if one is.
            #[must_use]
            pub fn needed(self, of: &Circumstances<'_>) -> Option<String> {
                match self { $(Self::$name => $name::needed(of)),+ }
            }

            /// The question about the piece with a key, as its kind has it.
            fn own_question(self, key: &str, of: &Circumstances<'_>) -> Option<Piece> {
                match self { $(Self::$name => $name::ask(key, of).map(Piece::from)),+ }
            }

            /// When the value with a key was read, and whether reading it was ever answered.
            fn seen(self, account: &Account, key: &str) -> (Option<Timestamp>, bool) {
                fn of<T>(seen: Option<&Observed<T>>) -> (Option<Timestamp>, bool) {
                    let is_pending = seen.is_none_or(Observed::is_pending);
                    (seen.and_then(Observed::observed_at), !is_pending)
                }
                match self { $(Self::$name => of($name::kept(account, key))),+ }
            }

            fn forget(self, account: &mut Account, key: &str) {
                match self { $(Self::$name => $name::forget(account, key)),+ }
            }
        }

        impl Piece {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> PieceKind {
                match self { $(Self::$name(_) => PieceKind::$name),+ }
            }

            /// Its key.
            #[must_use]
            pub fn key(&self) -> &str {
                match self { $(Self::$name(asked) => asked.key()),+ }
            }

            /// Asks AWS.
            pub(crate) async fn read(self, account: &AccountClient) -> PieceAnswer {
                match self {
                    $(Self::$name(asked) => {
                        let Read { at, result, trouble } = asked.read(account).await;
                        PieceAnswer::$name(Answered { asked, at, result, trouble })
                    }),+
                }
            }

            /// The answer where nothing could be asked.
            #[must_use]
            pub fn failed(self, at: Timestamp, failure: Failure) -> PieceAnswer {
                match self {
                    $(Self::$name(asked) => Answered::new(asked, at, Err(failure)).into()),+
                }
            }
        }

        impl PieceAnswer {
            /// The kind of what was asked.
            #[must_use]
            pub fn kind(&self) -> PieceKind {
                match self { $(Self::$name(_) => PieceKind::$name),+ }
            }

            /// The key of what was asked.
            #[must_use]
            pub fn key(&self) -> &str {
                match self { $(Self::$name(answered) => answered.asked.key()),+ }
            }

            /// Why there is no answer, if there is none.
            #[must_use]
            pub fn failure(&self) -> Option<&Failure> {
                match self { $(Self::$name(answered) => answered.result.as_ref().err()),+ }
            }

            /// Whether it still answers what would be asked now.
            #[must_use]
            pub fn is_current(&self, of: &Circumstances<'_>) -> bool {
                match self { $(Self::$name(answered) => answered.asked.is_current(of)),+ }
            }

            /// Puts it into its account.
            pub(crate) fn put(self, id: &str, account: &mut Account) -> Applied {
                match self { $(Self::$name(answered) => answered.put(id, account)),+ }
            }
        }
    };
}

kinds! {
    /// Whether there is a role, and its trust policy.
    Role,
    /// Which permission policies a role has.
    Policies,
    /// The documents of a role's inline policies.
    Inline,
    /// The document of a managed policy.
    Managed,
    /// What IAM's policy simulator says of a role.
    Simulation,
    /// The OIDC provider for the cluster's issuer.
    Provider,
    /// The URLs of all OIDC providers of an account.
    ProviderUrls,
    /// How many characters a trust policy may have.
    TrustQuota,
    /// The associations of EKS Pod Identity of the cluster.
    PodIdentity,
    /// The EKS clusters of an account in a region.
    Clusters,
}

/// What the pieces that a role is made of have to do with each other.
impl PieceKind {
    /// What is read with it, so that it need not be asked for beside it.
    #[must_use]
    pub fn includes(self) -> Option<Self> {
        (self == Self::Policies).then_some(Self::Role)
    }

    /// What has to be read again whenever it is: without that, an answer could be about another role.
    #[must_use]
    pub fn basis(self) -> Option<Self> {
        (self == Self::Simulation).then_some(Self::Policies)
    }

    /// The question that brings the piece with a key; none where it cannot be asked yet. What policies a role has, and what they say,
    /// is asked by way of the role, which says whether it exists.
    #[must_use]
    pub fn ask(self, key: &str, of: &Circumstances<'_>) -> Option<Piece> {
        if matches!(self, Self::Policies | Self::Inline) {
            let (name, with_documents) = (key.to_owned(), true);
            return Some(Role { name, with_documents }.into());
        }
        self.own_question(key, of)
    }
}

impl PieceAnswer {
    /// What is to be read at once because of this answer: of a role its policies, of these what they say.
    pub(crate) fn then(&self) -> Vec<Piece> {
        match self {
            Self::Role(answered) => match &answered.result {
                Ok(RoleLookup::Found(role)) => {
                    let boundary = role.boundary.as_deref().map(str::to_owned);
                    let policies = Policies {
                        role: answered.asked.name.clone(),
                        documents: answered.asked.with_documents.then_some(boundary),
                    };
                    vec![policies.into()]
                }
                _ => Vec::new(),
            },
            Self::Policies(answered) => match (&answered.result, &answered.asked.documents) {
                (Ok(policies), Some(boundary)) => {
                    let inline = (!policies.inline.is_empty()).then(|| {
                        let (role, names) = (answered.asked.role.clone(), policies.inline.clone());
                        Inline { role, names }.into()
                    });
                    let managed = policies.attached.iter().chain(boundary);
                    let managed = managed.map(|arn| Managed { arn: arn.clone() }.into());
                    inline.into_iter().chain(managed).collect()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

impl PieceKind {
    /// When the value with a key was read, if it was.
    #[must_use]
    pub fn observed_at(self, account: &Account, key: &str) -> Option<Timestamp> {
        self.seen(account, key).0
    }

    /// Whether the first answer is not there yet.
    #[must_use]
    pub fn is_pending(self, account: &Account, key: &str) -> bool {
        !self.seen(account, key).1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is called for no single piece of evidence.
    const LISTING: &str = "iam:GetAccountAuthorizationDetails";

    #[test]
    fn the_shipped_policy_allows_the_calls_of_all_kinds_and_no_others() {
        let policy = include_str!("../../../../deploy/iam/reader.json");
        let is_action = |word: &&str| word.starts_with("iam:") || word.starts_with("eks:");
        let allowed: BTreeSet<&str> = policy.split('"').filter(is_action).collect();
        let calls = PieceKind::ALL.iter().flat_map(|kind| kind.calls()).copied();
        assert_eq!(allowed, calls.chain([LISTING]).collect());
    }
}
