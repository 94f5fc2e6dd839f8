//! What the API server itself answers to requests, as a `SubjectAccessReview` tells it, beside what the evaluation says of them.
//!
//! The evaluation sees RBAC, and names causes; RBAC is one authorizer of several. A webhook, or policies by attributes, may allow
//! what no role allows, and deny what a role does: the API server alone knows what holds. Files have no reviews.
//!
//! A review counts only for the request that it was asked for, and only as long as the evaluation says of it what it said then:
//! roles that change make an older answer worthless. Who asks, and when an answer is to be believed, is not decided here.

use crate::request::AccessRequest;

/// A [`AccessRequest`] that outlives the expectation that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedRequest {
    /// See [`AccessRequest::namespace`].
    pub namespace: Option<String>,
    /// See [`AccessRequest::api_group`].
    pub api_group: String,
    /// See [`AccessRequest::resource`].
    pub resource: String,
    /// See [`AccessRequest::subresource`].
    pub subresource: String,
    /// See [`AccessRequest::name`].
    pub name: String,
    /// See [`AccessRequest::verb`].
    pub verb: String,
}

impl OwnedRequest {
    /// The same, borrowed.
    #[must_use]
    pub fn as_request(&self) -> AccessRequest<'_> {
        AccessRequest {
            namespace: self.namespace.as_deref(),
            api_group: &self.api_group,
            resource: &self.resource,
            subresource: &self.subresource,
            name: &self.name,
            verb: &self.verb,
        }
    }
}

impl From<AccessRequest<'_>> for OwnedRequest {
    fn from(request: AccessRequest<'_>) -> Self {
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
pub struct ReviewQuestion {
    /// The request.
    pub request: OwnedRequest,
    /// What the evaluation says of it.
    pub evaluated: Evaluated,
}

/// A question, and an answer to it that is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// What was asked.
    pub question: ReviewQuestion,
    /// What the API server answered.
    pub ruling: Ruling,
}

/// The answer that counts for a request of which the evaluation says this.
pub(crate) fn ruling(
    reviews: &[Reviewed],
    request: &AccessRequest<'_>,
    evaluated: Evaluated,
) -> Option<Ruling> {
    let mut of_request = reviews.iter().filter(|reviewed| {
        reviewed.question.evaluated == evaluated && reviewed.question.request.as_request() == *request
    });
    of_request.next().map(|reviewed| reviewed.ruling)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
