//! The answers as text and JSON. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What is said of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Denied,
    /// Neither, in words that are safe to show.
    Unknown(String),
}

/// A permission, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// Where: `Kubernetes, all namespaces`, or `AWS, account 111122223333`.
    pub place: String,
    /// The verbs with the resource, or the action. Of verbs, those that are denied, if any is.
    pub what: String,
    /// What it is for, in a sentence.
    pub needed_for: &'static str,
    pub state: State,
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A line for each permission, by place; what it is for where it is not there.
pub(super) fn text(checked: &[Checked]) -> String {
    let mut out = String::new();
    let mut place = "";
    for one in checked {
        if one.place != place {
            let gap = if place.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}{}", one.place);
            place = &one.place;
        }
        let _ = writeln!(out, "  {:<8} {}", one.state.word(), one.what);
        match &one.state {
            State::Ok => {}
            State::Denied => {
                let _ = writeln!(out, "           needed for: {}", one.needed_for);
            }
            State::Unknown(why) => {
                let _ = writeln!(out, "           {why}\n           needed for: {}", one.needed_for);
            }
        }
    }
    let count = |word| checked.iter().filter(|one| one.state.word() == word).count();
    let _ = writeln!(
        out,
        "\n{} ok, {} denied, {} unknown",
        count("ok"),
        count("denied"),
        count("unknown")
    );
    out
}

/// The same for machines.
pub(super) fn json(checked: &[Checked]) -> String {
    let checks = checked.iter().map(|one| {
        json!({
            "place": one.place,
            "permission": one.what,
            "state": one.state.word(),
            "neededFor": one.needed_for,
            "why": match &one.state {
                State::Unknown(why) => Value::from(why.as_str()),
                State::Ok | State::Denied => Value::Null,
            },
        })
    });
    let value = json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "Permissions",
        "permissions": checks.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_says_what_it_is_for_and_what_is_allowed_does_not() {
        let one = |what: &str, state| Checked {
            place: "AWS, account 111122223333".to_owned(),
            what: what.to_owned(),
            needed_for: "PURPOSE",
            state,
        };
        let checked = [
            one("a", State::Ok),
            one("b", State::Denied),
            one("c", State::Unknown("WHY".to_owned())),
        ];
        let text = text(&checked);
        assert_eq!(text.matches("AWS, account").count(), 1);
        assert_eq!(
            (text.matches("PURPOSE").count(), text.matches("WHY").count()),
            (2, 1),
            "{text}"
        );
        let value: Value = serde_json::from_str(&json(&checked)).unwrap();
        let states: Vec<&Value> = value["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["state"])
            .collect();
        assert_eq!(states, ["ok", "denied", "unknown"]);
    }
}
