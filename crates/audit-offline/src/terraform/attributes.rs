//! The attributes of a resource: what a plan gives of them, and what it leaves open.
//!
//! Terraform writes three trees of the same shape: the values, without those that are unknown; `after_unknown`, with `true` in the place of
//! each unknown value; and `after_sensitive`, with `true` in the place of each sensitive one.

use std::fmt::Write as _;

use audit_core::model::{PlanGap, PlanGapReason};
use serde_json::Value;

/// What a plan says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Planned<T> {
    Known(T),
    /// It is not set.
    Absent,
    /// It is set, or may be, and the plan does not give it.
    Open(PlanGap),
}

impl<T> Planned<T> {
    pub(super) fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Open(_) => None,
        }
    }

    pub(super) fn map<U>(self, of: impl FnOnce(T) -> U) -> Planned<U> {
        match self {
            Self::Known(value) => Planned::Known(of(value)),
            Self::Absent => Planned::Absent,
            Self::Open(gap) => Planned::Open(gap),
        }
    }

    fn and_then<U>(self, of: impl FnOnce(T) -> Option<U>) -> Planned<U> {
        match self {
            Self::Known(value) => of(value).map_or(Planned::Absent, Planned::Known),
            Self::Absent => Planned::Absent,
            Self::Open(gap) => Planned::Open(gap),
        }
    }
}

/// The attributes of a resource instance.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    /// The address of the instance.
    address: String,
    values: Value,
    unknown: Value,
    sensitive: Value,
}

impl Attributes {
    pub(super) fn new(address: &str, values: Value, unknown: Value, sensitive: Value) -> Self {
        Self {
            address: address.to_owned(),
            values,
            unknown,
            sensitive,
        }
    }

    /// What the plan says of the value at a path, of which a step is a field, or the index of an element. A value of which some part is
    /// unknown or sensitive is open as a whole.
    pub(super) fn at(&self, path: &[&str]) -> Planned<&Value> {
        let [mut value, mut unknown, mut sensitive] = [&self.values, &self.unknown, &self.sensitive];
        for step in path {
            if *unknown == Value::Bool(true) || *sensitive == Value::Bool(true) {
                break;
            }
            [value, unknown, sensitive] = [value, unknown, sensitive].map(|tree| below(tree, step));
        }
        // Nothing of a sensitive value is looked at.
        if has_mark(sensitive) {
            Planned::Open(self.gap(path, PlanGapReason::Sensitive))
        } else if has_mark(unknown) {
            Planned::Open(self.gap(path, PlanGapReason::AfterApply))
        } else if value.is_null() {
            Planned::Absent
        } else {
            Planned::Known(value)
        }
    }

    /// A text at a path. An empty one is not set: that is how the providers take it.
    pub(super) fn text(&self, path: &[&str]) -> Planned<&str> {
        let texts = self.at(path).and_then(Value::as_str);
        texts.and_then(|text| (!text.is_empty()).then_some(text))
    }

    /// The texts of a list or set at a path.
    pub(super) fn texts(&self, path: &[&str]) -> Planned<Vec<String>> {
        self.at(path).and_then(Value::as_array).map(|all| {
            let texts = all.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        })
    }

    /// The elements of a list or set at a path, each as far as it is given; open where not even their number is known.
    pub(super) fn elements(&self, path: &[&str]) -> Planned<Vec<Self>> {
        let whole = self.below(path);
        if whole.unknown == Value::Bool(true) {
            return Planned::Open(self.gap(path, PlanGapReason::AfterApply));
        }
        if whole.sensitive == Value::Bool(true) {
            return Planned::Open(self.gap(path, PlanGapReason::Sensitive));
        }
        let Some(all) = whole.values.as_array() else {
            return Planned::Absent;
        };
        let each = (0..all.len()).map(|index| whole.below(&[&index.to_string()]));
        Planned::Known(each.collect())
    }

    /// The keys of a map at a path: those with values, then those whose values are open.
    pub(super) fn keys(&self, path: &[&str]) -> Vec<String> {
        let whole = self.below(path);
        let keys_of = |tree: &Value| -> Vec<String> {
            let fields = tree.as_object().into_iter().flatten();
            fields.map(|(key, _)| key.clone()).collect()
        };
        let mut keys = keys_of(&whole.values);
        for key in [keys_of(&whole.unknown), keys_of(&whole.sensitive)].concat() {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The attributes below a path.
    pub(super) fn below(&self, path: &[&str]) -> Self {
        let down = |tree: &Value| {
            let mut tree = tree;
            for step in path {
                // All of what is unknown is unknown.
                if *tree == Value::Bool(true) {
                    break;
                }
                tree = below(tree, step);
            }
            tree.clone()
        };
        Self {
            address: self.name_of(path),
            values: down(&self.values),
            unknown: down(&self.unknown),
            sensitive: down(&self.sensitive),
        }
    }

    /// Other values under the same name, all of them known.
    pub(super) fn with(self, values: Value) -> Self {
        Self {
            values,
            unknown: Value::Null,
            sensitive: Value::Null,
            ..self
        }
    }

    /// That the value at a path is open.
    pub(super) fn gap(&self, path: &[&str], why: PlanGapReason) -> PlanGap {
        PlanGap {
            attribute: self.name_of(path),
            why,
            is_trust: path == ["assume_role_policy"],
        }
    }

    /// The name of the value at a path, as Terraform writes it.
    fn name_of(&self, path: &[&str]) -> String {
        let mut name = self.address.clone();
        for step in path {
            let is_word = step
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if step.bytes().all(|byte| byte.is_ascii_digit()) {
                let _ = write!(name, "[{step}]");
            } else if is_word {
                let _ = write!(name, ".{step}");
            } else {
                let _ = write!(name, "[\"{step}\"]");
            }
        }
        name
    }
}

/// What is one step below in a tree.
fn below<'v>(tree: &'v Value, step: &str) -> &'v Value {
    static NOTHING: Value = Value::Null;
    let found = match tree {
        Value::Object(fields) => fields.get(step),
        Value::Array(elements) => step.parse().ok().and_then(|index: usize| elements.get(index)),
        _ => None,
    };
    found.unwrap_or(&NOTHING)
}

/// Whether anything in a tree of marks is marked.
fn has_mark(tree: &Value) -> bool {
    match tree {
        Value::Bool(is_marked) => *is_marked,
        Value::Array(elements) => elements.iter().any(has_mark),
        Value::Object(fields) => fields.values().any(has_mark),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes() -> Attributes {
        Attributes::new(
            "aws_x.y[\"z\"]",
            json!({
                "known": "a", "empty": "", "null": null, "list": ["a", "b"], "half": ["a", null],
                "metadata": [{"annotations": {"a.b/c": "d"}, "name": "n"}], "secret": "s", "map": {"secret": "s"},
            }),
            json!({"open": true, "half": [false, true], "metadata": [{"annotations": {"a.b/e": true}}]}),
            json!({"secret": true, "map": {"secret": true}}),
        )
    }

    fn open(path: &[&str]) -> Option<(String, PlanGapReason)> {
        match attributes().at(path) {
            Planned::Open(gap) => Some((gap.attribute, gap.why)),
            Planned::Known(_) | Planned::Absent => None,
        }
    }

    #[test]
    fn a_value_is_known_absent_or_open() {
        let attributes = attributes();
        assert_eq!(attributes.text(&["known"]), Planned::Known("a"));
        for path in ["empty", "null", "nothing", "list"] {
            assert_eq!(attributes.text(&[path]), Planned::Absent, "{path}");
        }
        assert_eq!(
            attributes.texts(&["list"]),
            Planned::Known(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(attributes.text(&["metadata", "0", "name"]), Planned::Known("n"));
        assert_eq!(
            attributes.text(&["metadata", "0", "annotations", "a.b/c"]),
            Planned::Known("d")
        );
    }

    #[test]
    fn what_is_open_is_named_as_terraform_names_it() {
        use PlanGapReason::{AfterApply, Sensitive};
        for (path, name, why) in [
            (&["open"][..], "open", AfterApply),
            (&["open", "0", "below"], "open[0].below", AfterApply),
            (&["half"], "half", AfterApply),
            (&["secret"], "secret", Sensitive),
            (&["map"], "map", Sensitive),
            (
                &["metadata", "0", "annotations", "a.b/e"],
                "metadata[0].annotations[\"a.b/e\"]",
                AfterApply,
            ),
        ] {
            assert_eq!(
                open(path),
                Some((format!("aws_x.y[\"z\"].{name}"), why)),
                "{path:?}"
            );
        }
        assert_eq!(open(&["list"]), None);
    }

    #[test]
    fn elements_and_keys_are_told_apart_from_their_values() {
        let attributes = attributes();
        let names = attributes.elements(&["metadata"]).known().unwrap();
        assert_eq!(names[0].text(&["name"]), Planned::Known("n"));
        assert!(matches!(attributes.elements(&["open"]), Planned::Open(_)));
        assert_eq!(
            attributes.keys(&["metadata", "0", "annotations"]),
            ["a.b/c", "a.b/e"]
        );
    }
}
