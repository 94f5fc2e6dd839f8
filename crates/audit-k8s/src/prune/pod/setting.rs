//! What a container's `env` says of a variable.

use audit_core::model::SetBy;

use super::raw::RawVariable;

/// What `env` says of a variable.
#[derive(Default)]
pub(super) enum Setting<'a> {
    #[default]
    Absent,
    /// An empty value: the SDKs take that for nothing.
    Empty,
    Literal(&'a str),
    /// Its value stands elsewhere: in a field, in another variable, in a `ConfigMap` or `Secret`.
    Elsewhere {
        /// It may have none.
        optional: bool,
    },
}

impl<'a> Setting<'a> {
    pub(super) fn of(variable: &'a RawVariable) -> Self {
        if let Some(from) = &variable.value_from {
            let key = from.secret_key_ref.as_ref().or(from.config_map_key_ref.as_ref());
            return Self::Elsewhere {
                optional: key.is_some_and(|key| key.optional),
            };
        }
        // The kubelet puts the values of other variables in place of `$(NAME)`.
        match variable.value.as_str() {
            "" => Self::Empty,
            value if value.contains("$(") => Self::Elsewhere { optional: false },
            value => Self::Literal(value),
        }
    }

    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere { .. })
    }

    /// It is named, without a value that shows.
    pub(super) fn is_named_only(&self) -> bool {
        matches!(self, Self::Empty | Self::Elsewhere { .. })
    }

    pub(super) fn literal(&self) -> Option<String> {
        match self {
            Self::Literal(value) => Some((*value).to_owned()),
            _ => None,
        }
    }

    pub(super) fn set_by(&self) -> Option<SetBy> {
        match self {
            Self::Absent | Self::Elsewhere { optional: true } => None,
            Self::Empty => Some(SetBy::Nothing),
            Self::Literal(_) | Self::Elsewhere { optional: false } => Some(SetBy::Env),
        }
    }
}
