//! Why a trust policy does not admit a web identity: exactly one cause, by a documented order.
//!
//! 1. A document that IAM would refuse: [`CauseKind::TrustPolicyInvalid`].
//! 2. Something that is not known decides: [`CauseKind::ConditionUndetermined`].
//! 3. A statement grants, or might, and another forbids: [`CauseKind::ExplicitDeny`].
//! 4. Nothing grants: the *nearest* Allow statement explains it. Among those whose action covers
//!    `sts:AssumeRoleWithWebIdentity` (all, if none does) it is the one with the fewest failing parts, then the
//!    smallest edit distance between what it wants and what it gets, then the first. In it the first cause that
//!    fits, in the order of [`CauseKind`], is *the* cause; [`CauseKind::ConditionUnsatisfiable`] fits always.

mod cause;
mod distance;
mod exposure;
mod key;
mod nearest;
mod provider;
mod subject;

pub use cause::{Cause, CauseKind, Undocumented};
pub use distance::distance as edit_distance;
pub use exposure::{Exposure, ExposureKind};
pub use key::KeyFault;
pub use provider::{ProviderDifference, ProviderMismatch};

pub(crate) use key::{Claim, KeyClass, classify as classify_key};
pub(crate) use nearest::{Miss, Nearest, right_key};

use crate::document::Document;
use crate::evaluate::{Decision, PolicyKind, decide};
use crate::parse::Parsed;
use crate::request::{Request, WebIdentity};

/// What a trust policy means for one web identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDiagnosis {
    /// The decision for `sts:AssumeRoleWithWebIdentity`.
    pub decision: Decision,
    /// Why it is not allowed; present exactly if it is not.
    pub cause: Option<Cause>,
    /// What is too wide in the statements that admit the identity; empty unless it is allowed.
    pub exposures: Vec<Exposure>,
}

/// Diagnoses a role's trust policy for a web identity.
#[must_use]
pub fn diagnose_trust(parsed: &Parsed, identity: &WebIdentity) -> TrustDiagnosis {
    let Some(document) = &parsed.document else {
        let cause = cause::invalid(parsed, None);
        return TrustDiagnosis {
            decision: Decision::Invalid,
            cause: Some(cause),
            exposures: Vec::new(),
        };
    };
    let request = Request::from(identity);
    let decision = decide(document, &request);
    let (cause, exposures) = match decision {
        Decision::Allowed => (None, exposure::find(document, identity, &request)),
        Decision::Invalid => (Some(cause::invalid(parsed, misfit(document))), Vec::new()),
        Decision::Undetermined => (Some(cause::undetermined(parsed, document, &request)), Vec::new()),
        Decision::ExplicitlyDenied | Decision::ImplicitlyDenied => {
            (Some(nearest::denied(document, identity, &request)), Vec::new())
        }
    };
    TrustDiagnosis {
        decision,
        cause,
        exposures,
    }
}

/// The first statement that does not belong into a trust policy.
fn misfit(document: &Document) -> Option<usize> {
    document
        .statements
        .iter()
        .position(|statement| !statement.fits(PolicyKind::Trust))
}
