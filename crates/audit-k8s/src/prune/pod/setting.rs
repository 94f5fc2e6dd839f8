//! What a container's `env` says of a variable.

use std::borrow::Cow;

use audit_core::model::SetBy;

use super::raw::RawVariable;

/// How many references to other variables a value may hold, with those in the values that they name: what doubles a variable thirty
/// times is nobody's role.
const REFERENCES: usize = 64;

/// The longest value that is read, in bytes: Linux's longest path; a role's ARN has half of that. A variable may have a megabyte, and a
/// value sixty-four times another one.
pub(super) const LONGEST: usize = 4096;

/// What `env` says of a variable.
#[derive(Default)]
pub(super) enum Setting<'a> {
    #[default]
    Absent,
    /// An empty value: the SDKs take that for nothing.
    Empty,
    Literal(Cow<'a, str>),
    /// Its value stands elsewhere: in a field, in another variable, in a `ConfigMap` or `Secret`. Or it is longer than [`LONGEST`].
    Elsewhere {
        /// It may have none.
        optional: bool,
    },
}

impl<'a> Setting<'a> {
    /// The variable at a place of `env`.
    pub(super) fn of(env: &'a [RawVariable], at: usize) -> Self {
        Self::within(env, at, &mut { REFERENCES })
    }

    fn within(env: &'a [RawVariable], at: usize, left: &mut usize) -> Self {
        let Some(variable) = env.get(at) else {
            return Self::Absent;
        };
        if let Some(from) = &variable.value_from {
            let key = from.secret_key_ref.as_ref().or(from.config_map_key_ref.as_ref());
            return Self::Elsewhere {
                optional: key.is_some_and(|key| key.optional),
            };
        }
        match variable.value.as_str() {
            "" => Self::Empty,
            value if value.len() > LONGEST => Self::Elsewhere { optional: false },
            value if !value.contains('$') => Self::Literal(Cow::Borrowed(value)),
            value => match expanded(value, env.get(..at).unwrap_or_default(), left) {
                Some(value) if value.is_empty() => Self::Empty,
                Some(value) => Self::Literal(Cow::Owned(value)),
                None => Self::Elsewhere { optional: false },
            },
        }
    }

    /// The variable at a place of `env` of a container without `envFrom`: there, a reference to what neither `env` before it nor a Service
    /// defines stays in the value as it is.
    pub(super) fn without_others(env: &'a [RawVariable], at: usize) -> Self {
        let before = env.get(..at).unwrap_or_default();
        match (Self::of(env, at), env.get(at)) {
            (Self::Elsewhere { .. }, Some(variable)) if refers_to_nothing(&variable.value, before) => {
                Self::Literal(Cow::Borrowed(&variable.value))
            }
            (other, _) => other,
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
            Self::Literal(value) => Some(value.clone().into_owned()),
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

/// A value with those of variables before it in place of `$(NAME)`, as the kubelet puts them there; `$$` is a `$`. Absent where one of
/// them does not show, or is not in `env`: it may come from `envFrom`, or be the kubelet's own; and where it is longer than [`LONGEST`].
///
/// Source: [dependent environment
/// variables](https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
fn expanded(value: &str, before: &[RawVariable], left: &mut usize) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((plain, after)) = rest.split_once('$') {
        text.push_str(plain);
        rest = if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            after
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(')')) {
            let at = before.iter().rposition(|variable| variable.name == name)?;
            *left = left.checked_sub(1)?;
            match Setting::within(before, at, left) {
                Setting::Literal(value) => text.push_str(&value),
                Setting::Empty => {}
                Setting::Absent | Setting::Elsewhere { .. } => return None,
            }
            after
        } else {
            text.push('$');
            after
        };
        if text.len() > LONGEST {
            return None;
        }
    }
    text.push_str(rest);
    (text.len() <= LONGEST).then_some(text)
}

/// Whether a value of usual length refers to a variable that certainly is not there. The kubelet defines some for each Service, in capital
/// letters.
fn refers_to_nothing(value: &str, before: &[RawVariable]) -> bool {
    let is_of_service = |name: &str| {
        name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.contains("_PORT")
    };
    let plain = value.replace("$$", "");
    let mut references = plain
        .split("$(")
        .skip(1)
        .filter_map(|after| after.split_once(')'));
    value.len() <= LONGEST
        && references
            .any(|(name, _)| !is_of_service(name) && before.iter().all(|variable| variable.name != name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Vec<RawVariable> {
        let one = |(name, value): &(&str, &str)| RawVariable {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            value_from: None,
        };
        variables.iter().map(one).collect()
    }

    fn last(variables: &[(&str, &str)]) -> Option<String> {
        Setting::of(&env(variables), variables.len() - 1).literal()
    }

    #[test]
    fn variables_before_it_are_put_into_a_value() {
        let account = ("ACCOUNT", "111122223333");
        for (value, expected) in [
            ("role-of-$(ACCOUNT)", Some("role-of-111122223333")),
            ("$(ACCOUNT)$(ACCOUNT)", Some("111122223333111122223333")),
            ("$$(ACCOUNT)", Some("$(ACCOUNT)")),
            ("$ACCOUNT", Some("$ACCOUNT")),
            ("a$", Some("a$")),
            ("$(ACCOUNT", Some("$(ACCOUNT")),
            ("$(UNSEEN)", None),
        ] {
            assert_eq!(last(&[account, ("X", value)]).as_deref(), expected, "{value}");
        }
        assert_eq!(
            last(&[account, ("B", "$(ACCOUNT)"), ("X", "<$(B)>")]).as_deref(),
            Some("<111122223333>")
        );
        let doubled: Vec<(String, String)> = (0..40)
            .map(|n: u8| (format!("V{}", n + 1), format!("$(V{n})$(V{n})")))
            .collect();
        let mut doubled: Vec<(&str, &str)> = doubled
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        doubled.insert(0, ("V0", "x"));
        assert_eq!(last(&doubled), None, "the kubelet would have to write a terabyte");
        for (n, is_read) in [(64, true), (65, false)] {
            let long = "x".repeat(LONGEST / 64);
            let all = format!("{}{}", "$(A)".repeat(n.min(64)), "y".repeat(n - n.min(64)));
            assert_eq!(last(&[("A", &long), ("X", &all)]).is_some(), is_read, "{n}");
            let plain = "x".repeat(n * LONGEST / 64);
            assert_eq!(last(&[("X", &plain)]).is_some(), is_read, "{n}");
        }
        let later = env(&[("X", "$(ACCOUNT)"), account]);
        assert!(Setting::of(&later, 0).is_elsewhere(), "it is not yet known there");
    }
}
