#![doc = include_str!("../README.md")]
#![allow(
    clippy::similar_names,
    reason = "`cause` and `clause`, `test` and `text` are the terms of the field"
)]

mod arn;
mod clock;
mod compare;
mod condition;
mod diagnose;
mod document;
mod edit;
mod evaluate;
mod explain;
mod few;
mod index;
mod json;
mod language;
mod open;
mod operator;
mod parse;
mod pattern;
mod position;
mod print;
mod problem;
mod reach;
mod request;
mod role_arn;
mod subject_pattern;
mod template;
mod text;
mod truth;
mod variable;
mod who_can;
mod written;

pub use clock::next_turn;
pub use diagnose::{
    Cause, CauseKind, Exposure, ExposureKind, KeyFault, ProviderDifference, ProviderMismatch, TrustDiagnosis,
    Undocumented, diagnose_trust, edit_distance,
};
pub use document::{Document, Effect, PrincipalKind, Statement, Version};
pub use edit::{Change, ChangeKind, Edit, Guard, Guards, guards, least_edit};
pub use evaluate::{Decision, PolicyKind, decide};
pub use explain::{
    ClauseExplanation, ElementExplanation, Explanation, Residual, StatementExplanation, explain,
};
pub use index::TrustIndex;
pub use operator::{Operator, Quantifier, Test};
pub use parse::{MAX_BYTES, Parsed, parse};
pub use pattern::Pattern;
pub use problem::{Gravity, Position, Problem};
pub use reach::{Reach, is_pattern, reach};
pub use request::{
    ASSUME_ROLE_WITH_WEB_IDENTITY, Context, ContextValue, Principal, Request, Unlisted, WebIdentity,
};
pub use role_arn::{RoleArn, RoleArnError};
pub use subject_pattern::{NamespaceAndName, SubjectPattern};
pub use template::{
    Appended, Removed, StatementShape, TemplateError, append, put_back, remove, take_away, trust_statement,
};
pub use text::is_hidden;
pub use truth::Truth;

pub use who_can::{AccessChange, SubjectSet, WhoCan, access_change, who_can};
