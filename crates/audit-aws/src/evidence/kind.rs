//! What a kind of evidence has to say of itself.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use audit_core::model::{Account, BindingKey, IssuerUrl, Observed};
use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::Failure;

/// What a kind of evidence says of itself. The type that implements it is the question: it has what the calls need.
pub trait EvidenceKind: Clone + Debug + Ord + Hash + Send + Sync {
    /// What a snapshot keeps of it. Values that are equal mean the same.
    type Value: Clone + Debug + PartialEq + Send;

    /// The actions that a policy must allow for its calls, as `deploy/iam/reader.json` has them.
    const CALLS: &'static [&'static str];

    /// Its key is the name of a role: it is forgotten with the role, and expected only while a binding refers to the role.
    const OF_ROLE: bool = false;

    /// A listing of the whole account brings it as well.
    const IS_LISTED: bool = false;

    /// What tells it from other pieces of its kind in the account, such as a role's name. Empty where an account has one.
    fn key(&self) -> &str {
        Default::default()
    }

    /// Asks AWS.
    fn read(&self, account: &AccountClient) -> impl Future<Output = Read<Self::Value>> + Send;

    /// Where a snapshot keeps it, if it does by now.
    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<Self::Value>>;

    /// The same, for writing.
    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<Self::Value>;

    /// Forgets it; only kinds with keys can.
    fn forget(_account: &mut Account, _key: &str) {}

    /// The key of the piece that a binding needs, or with [`Circumstances::role`] absent, that the account's refresh needs.
    /// Roles with their policies need no saying.
    #[must_use]
    fn needed(_of: &Circumstances<'_>) -> Option<String> {
        None
    }

    /// The question about the piece with a key; none where it cannot be asked yet, or never by itself.
    #[must_use]
    fn ask(_key: &str, _of: &Circumstances<'_>) -> Option<Self> {
        None
    }

    /// Whether an answer to this question still answers what would be asked now.
    fn is_current(&self, _of: &Circumstances<'_>) -> bool {
        true
    }

    /// A new value in the light of the one that was there.
    fn continued(new: Self::Value, _old: &Self::Value) -> Self::Value {
        new
    }

    /// Whether a new value says that the thing of this key is another one, of which nothing was read yet.
    fn is_replaced(_old: &Self::Value, _new: &Self::Value) -> bool {
        false
    }

    /// Whom it concerns that this became another; `new` is absent where it only fails now, or in another way.
    fn changes(&self, account: &str, _old: Option<&Self::Value>, _new: Option<&Self::Value>) -> Vec<Concern> {
        vec![Concern::account(account)]
    }

    /// Whom it concerns that this was answered, whatever the answer.
    fn confirms(&self, account: &str, result: &Result<Self::Value, Failure>) -> Vec<Concern> {
        match result {
            Ok(value) => self.changes(account, None, Some(value)),
            Err(_) => Vec::new(),
        }
    }
}

/// What a question of some kind may depend on: what is known of its account, and who asks.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The account's ID: 12 digits.
    pub account_id: &'a str,
    /// What is known of the account.
    pub account: Option<&'a Account>,
    /// The partition of the account, such as `aws`, where that is known.
    pub partition: Option<&'a str>,
    /// The cluster's issuer.
    pub issuer: Option<&'a IssuerUrl>,
    /// The cluster's name at EKS, if it is a cluster of this account.
    pub cluster_name: Option<&'a str>,
    /// The roles that bindings refer to.
    pub references: &'a BTreeMap<BindingKey, Box<[RoleArn]>>,
    /// The name of the role for whose sake this is asked; absent where it is for the account's.
    pub role: Option<&'a str>,
}

/// What calls brought.
#[derive(Debug)]
pub struct Read<V> {
    /// When the first call started: what AWS said is at least as young.
    pub(crate) at: Timestamp,
    /// The value.
    pub(crate) result: Result<V, Failure>,
    /// Why a part of the value is missing, where the rest is there.
    pub(crate) trouble: Option<Failure>,
}

impl<V> From<(Timestamp, Result<V, Failure>)> for Read<V> {
    fn from((at, result): (Timestamp, Result<V, Failure>)) -> Self {
        Self {
            at,
            result,
            trouble: None,
        }
    }
}

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Answered<K: EvidenceKind> {
    /// The question.
    pub asked: K,
    /// When the first call for the answer started: what AWS said is at least as young.
    pub at: Timestamp,
    /// The answer.
    pub result: Result<K::Value, Failure>,
    /// Why a part of the value is missing, where the rest is there.
    pub trouble: Option<Failure>,
}

impl<K: EvidenceKind> Answered<K> {
    /// A whole answer, or a failure.
    pub fn new(asked: K, at: Timestamp, result: Result<K::Value, Failure>) -> Self {
        Self {
            asked,
            at,
            result,
            trouble: None,
        }
    }
}
