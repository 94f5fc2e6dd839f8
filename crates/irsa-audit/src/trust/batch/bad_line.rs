//! Why a line cannot be answered.

use super::principal::NoPrincipal;

/// Why a line cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLine {
    #[error("the line has more than {} bytes; shorten the policy", super::MAX_LINE)]
    TooLong,
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("not a JSON object; write one object a line")]
    NotAnObject,
    #[error("column {column}: {message}")]
    Json { column: usize, message: String },
    #[error("no `{0}`")]
    Missing(&'static str),
    #[error("`{member}` is not {expected}")]
    Kind {
        member: &'static str,
        expected: &'static str,
    },
    #[error("`principal` is {0}")]
    Principal(#[from] NoPrincipal),
    #[error("`policy` is a string with an escape that stands for no character")]
    Escape,
    #[error("`action` is not of the form `service:Name`")]
    Action,
    #[error("the `context` key `{}` is given twice; a list gives several values", audit_core::text::quote(.0))]
    Twice(String),
    #[error("the value of the `context` key `{}` is not a string, number, boolean or list of them", audit_core::text::quote(.0))]
    Value(String),
}
