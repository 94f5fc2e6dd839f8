//! The rules of the Kubernetes RBAC authorizer, evaluated on plain data.
//!
//! What is true here is what the API server's authorizer does (`pkg/registry/rbac/validation` and
//! `plugin/pkg/auth/authorizer/rbac` of Kubernetes): RBAC only ever adds, everything is compared letter by letter, and
//! `*` means itself wherever it is not named below.
//!
//! | of a rule | it matches |
//! |---|---|
//! | `verbs`, `apiGroups` | the same word, or anything by `*` |
//! | `resources` | the same `resource` or `resource/subresource`; anything by `*`, subresources included; any resource's subresource by `*/subresource` |
//! | `resourceNames` | the name in the request; where there are none, any request. A request without a name (`create`, `deletecollection`, and `list` or `watch` without a `metadata.name` field selector) meets no list of names |
//! | `nonResourceURLs` | nothing that is asked here |
//!
//! Nothing here reads a clock, a file or an API server, and nothing here knows of AWS.
//!
//! | module | what is in it |
//! |---|---|
//! | [`objects`] | roles, bindings and their subjects |
//! | [`store`] | roles and bindings, indexed by whom they name |
//! | `allowance` | how much the large objects of one namespace may take |
//! | [`request`] | what is asked for, and what an expectation asks for |
//! | [`identity`] | by which names a ServiceAccount is known |
//! | [`matching`] | whether a rule matches a request |
//! | [`evaluate`] | who is allowed what, and by which binding |
//! | [`nearest`] | why not: the grant that misses least |
//! | [`answer`] | what expectations come to, with all of the above and [`review`] |
//! | [`review`] | what the API server itself answers |
//! | [`takers`] | who else can take an identity |
//! | [`least`] | the least role and binding that allow something |

mod allowance;
pub mod answer;
mod collected;
pub mod evaluate;
pub mod identity;
pub mod least;
pub mod matching;
pub mod nearest;
pub mod objects;
mod pool;
mod powers;
pub mod request;
pub mod review;
mod similar;
pub mod store;
mod subject_bindings;
mod taker_index;
pub mod takers;

pub use allowance::{Allowance, MOST_IN_NAMESPACE};
pub use answer::{
    Dispute, Extent, PermissionAnswer, PermissionDecision, RbacSight, Unseen, answers, questions,
};
pub use evaluate::HeldBindings;
pub use identity::Identity;
pub use nearest::{DenialCause, NearestGrant};
pub use objects::{
    AggregationRequirement, AggregationSelector, MOST_SUBJECTS, MOST_TEXT, MOST_WORDS, MOST_WORDS_IN_CLUSTER,
    ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text,
};
pub use request::{AccessRequest, KubernetesExpectation, requests};
pub use review::{Evaluated, OwnedRequest, ReviewQuestion, Reviewed, Ruling};
pub use store::{Rbac, RbacKind};
