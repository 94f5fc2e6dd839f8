//! What the API server itself answers to requests, as a `SubjectAccessReview` tells it, beside what the evaluation says of them.
//!
//! The evaluation sees RBAC, and names causes; RBAC is one authorizer of several. A webhook, or policies by attributes, may allow
//! what no role allows, and deny what a role does: the API server alone knows what holds. Files have no reviews.
//!
//! A review counts only for the request that it was asked for, and only as long as the evaluation says of it what it said then:
//! roles that change make an older answer worthless. Who asks, and when an answer is to be believed, is not decided here.

use std::collections::{BTreeMap, HashSet};

use super::evaluate::{Decision, Held, Sight};
use super::identity::Identity;
use super::request::{Request, requests};
use crate::model::{BindingKey, KubernetesExpectation};
use crate::snapshot::Snapshot;

/// A [`Request`] that outlives the expectation that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedRequest {
    /// See [`Request::namespace`].
    pub namespace: Option<String>,
    /// See [`Request::api_group`].
    pub api_group: String,
    /// See [`Request::resource`].
    pub resource: String,
    /// See [`Request::subresource`].
    pub subresource: String,
    /// See [`Request::name`].
    pub name: String,
    /// See [`Request::verb`].
    pub verb: String,
}

impl OwnedRequest {
    /// The same, borrowed.
    #[must_use]
    pub fn as_request(&self) -> Request<'_> {
        Request {
            namespace: self.namespace.as_deref(),
            api_group: &self.api_group,
            resource: &self.resource,
            subresource: &self.subresource,
            name: &self.name,
            verb: &self.verb,
        }
    }
}

impl From<Request<'_>> for OwnedRequest {
    fn from(request: Request<'_>) -> Self {
        Self {
            namespace: request.namespace.map(str::to_owned),
            api_group: request.api_group.to_owned(),
            resource: request.resource.to_owned(),
            subresource: request.subresource.to_owned(),
            name: request.name.to_owned(),
            verb: request.verb.to_owned(),
        }
    }
}

/// What the API server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// One of its authorizers allows the request.
    Allowed,
    /// None does, or one has denied it.
    Denied {
        /// An authorizer denied it whatever others say, which RBAC never does.
        explicitly: bool,
        /// An authorizer failed.
        failed: bool,
    },
}

/// What the evaluation of roles and bindings says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evaluated {
    /// Nothing gives it, and all was seen.
    Denied,
    /// Nothing that was seen gives it, and not all was seen.
    Unseen,
    /// A binding gives it.
    Granted,
}

impl Evaluated {
    /// What a decision of the evaluation means.
    pub(super) fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allowed => Self::Granted,
            Decision::Denied => Self::Denied,
            Decision::Unseen(_) | Decision::Disputed => Self::Unseen,
        }
    }

    /// Whether the API server says the opposite.
    #[must_use]
    pub fn is_contradicted_by(self, ruling: Ruling) -> bool {
        matches!(
            (self, ruling),
            (Self::Granted, Ruling::Denied { .. }) | (Self::Denied, Ruling::Allowed)
        )
    }

    /// Whether it makes a difference what the API server says: a contradiction, or an answer where there was none.
    #[must_use]
    pub fn is_changed_by(self, ruling: Ruling) -> bool {
        self.is_contradicted_by(ruling) || (self == Self::Unseen && ruling == Ruling::Allowed)
    }
}

/// What the API server is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The request.
    pub request: OwnedRequest,
    /// What the evaluation says of it.
    pub evaluated: Evaluated,
}

/// A question, and an answer to it that is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// What was asked.
    pub question: Question,
    /// What the API server answered.
    pub ruling: Ruling,
}

/// By binding, the answers that make a difference. Where they confirm the evaluation there is nothing to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reviews(BTreeMap<BindingKey, Vec<Reviewed>>);

impl Reviews {
    /// Those of a binding.
    #[must_use]
    pub fn of(&self, key: &BindingKey) -> &[Reviewed] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Puts others in the place of a binding's. Returns whether that changes anything.
    pub fn put(&mut self, key: &BindingKey, reviews: Vec<Reviewed>) -> bool {
        if self.of(key) == reviews {
            return false;
        }
        if reviews.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key.clone(), reviews);
        }
        true
    }
}

/// The answer that counts for a request of which the evaluation says this.
pub(super) fn ruling(reviews: &[Reviewed], request: &Request<'_>, evaluated: Evaluated) -> Option<Ruling> {
    let mut of_request = reviews.iter().filter(|reviewed| {
        reviewed.question.evaluated == evaluated && reviewed.question.request.as_request() == *request
    });
    of_request.next().map(|reviewed| reviewed.ruling)
}

/// What to ask the API server of all that is expected of a ServiceAccount, each request once; of more than `most` those that are
/// evaluated as denied, which make a verdict *broken*, before all others.
#[must_use]
pub fn questions(
    snapshot: &Snapshot,
    key: &BindingKey,
    expectations: &[KubernetesExpectation],
    most: usize,
) -> Vec<Question> {
    let sight = Sight::of(snapshot);
    let identity = Identity::of(key);
    let held = Held::by(sight.rbac(), &identity);
    let mut seen = HashSet::new();
    let distinct = expectations
        .iter()
        .flat_map(requests)
        .filter(|request| seen.insert(*request));
    let mut all: Vec<(Evaluated, Request<'_>)> = distinct
        .map(|request| {
            let evaluated = match held.grant(&request) {
                Some(_) => Evaluated::Granted,
                None => Evaluated::of(&sight.without_grant(&held, request.namespace)),
            };
            (evaluated, request)
        })
        .collect();
    all.sort_by_key(|(evaluated, _)| *evaluated);
    all.truncate(most);
    let question = |(evaluated, request): (Evaluated, Request<'_>)| Question {
        request: request.into(),
        evaluated,
    };
    all.into_iter().map(question).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::Kind;
    use crate::rbac::testing::{account, binding, role};

    fn expectation(verbs: &[&str], names: &[&str]) -> KubernetesExpectation {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        KubernetesExpectation {
            verbs: owned(verbs),
            api_group: String::new(),
            resource: "pods".to_owned(),
            subresource: None,
            resource_names: owned(names),
            namespace: Some("shop".to_owned()),
        }
    }

    /// Verb and name of each question, and what is evaluated.
    fn asked(
        snapshot: &Snapshot,
        expectations: &[KubernetesExpectation],
        most: usize,
    ) -> Vec<(String, Evaluated)> {
        let key = BindingKey::new("shop", "cart");
        let questions = questions(snapshot, &key, expectations, most);
        let short = |question: Question| {
            let request = question.request;
            (format!("{} {}", request.verb, request.name), question.evaluated)
        };
        questions.into_iter().map(short).collect()
    }

    #[test]
    fn each_request_is_asked_for_once_and_the_denied_ones_first() {
        let mut snapshot = Snapshot::default();
        let rbac = snapshot.cluster.rbac_mut();
        rbac.put_role(role("shop", "r", &["get core pods a"]));
        rbac.put_binding(&binding("shop", "b", "r", &[account("shop", "cart")]));
        let expected = [
            expectation(&["get"], &["a", "b"]),
            expectation(&["get", "create"], &["b", "c"]),
        ];
        let say = |what: &str, evaluated| (what.to_owned(), evaluated);
        let of_rest = |evaluated| {
            ["get b", "get c", "create "]
                .map(|what| say(what, evaluated))
                .to_vec()
        };
        let granted = say("get a", Evaluated::Granted);
        let unseen = [of_rest(Evaluated::Unseen), vec![granted.clone()]].concat();
        assert_eq!(asked(&snapshot, &expected, 64), unseen);
        for kind in Kind::ALL {
            snapshot.cluster.rbac_mut().set_listed(kind);
        }
        let denied = [of_rest(Evaluated::Denied), vec![granted]].concat();
        assert_eq!(asked(&snapshot, &expected, 64), denied);
        assert_eq!(asked(&snapshot, &expected, 2), denied[..2]);
        assert_eq!(asked(&snapshot, &[], 2), []);
    }

    #[test]
    fn only_an_answer_that_makes_a_difference_does() {
        let denied = Ruling::Denied {
            explicitly: false,
            failed: false,
        };
        for (evaluated, ruling, contradicts, changes) in [
            (Evaluated::Granted, Ruling::Allowed, false, false),
            (Evaluated::Granted, denied, true, true),
            (Evaluated::Denied, Ruling::Allowed, true, true),
            (Evaluated::Denied, denied, false, false),
            (Evaluated::Unseen, Ruling::Allowed, false, true),
            (Evaluated::Unseen, denied, false, false),
        ] {
            let found = (
                evaluated.is_contradicted_by(ruling),
                evaluated.is_changed_by(ruling),
            );
            assert_eq!(found, (contradicts, changes), "{evaluated:?} {ruling:?}");
        }
    }

    #[test]
    fn nothing_is_kept_of_a_binding_without_reviews() {
        let key = BindingKey::new("shop", "cart");
        let mut reviews = Reviews::default();
        let reviewed = Reviewed {
            question: Question {
                request: requests(&expectation(&["get"], &[]))[0].into(),
                evaluated: Evaluated::Denied,
            },
            ruling: Ruling::Allowed,
        };
        assert!(!reviews.put(&key, Vec::new()));
        assert!(reviews.put(&key, vec![reviewed.clone()]));
        assert!(!reviews.put(&key, vec![reviewed]));
        assert!(reviews.put(&key, Vec::new()));
        assert_eq!(reviews, Reviews::default());
    }
}
