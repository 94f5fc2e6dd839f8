//! The rules of the operator's roles, from the table of what it calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use audit_k8s::rights::Right;

/// The lines around generated rules in a manifest that is otherwise written by hand.
const BEGIN: &str = "# Rights, generated: ";
const END: &str = "# End of rights.";

/// The list below `rules:`, as YAML.
#[must_use]
pub fn rules(rights: &[Right]) -> String {
    let mut yaml = String::new();
    for right in rights {
        // Writing to a string cannot fail.
        let _ = writeln!(yaml, "# {}", right.purpose);
        let _ = writeln!(yaml, "- apiGroups: [{:?}]", right.group);
        let _ = writeln!(yaml, "  resources: [{}]", right.resources.join(", "));
        if !right.names.is_empty() {
            let _ = writeln!(yaml, "  resourceNames: [{}]", right.names.join(", "));
        }
        let _ = writeln!(yaml, "  verbs: [{}]", right.verbs.join(", "));
    }
    yaml
}

/// The kinds of other projects that are watched where they are installed, as a list that the chart goes through.
#[must_use]
pub fn consumers() -> String {
    let mut yaml = String::new();
    for kind in audit_k8s::consumers::kinds() {
        let _ = writeln!(
            yaml,
            "- {{kind: {}, group: {}, resource: {}}}",
            kind.kind, kind.group, kind.plural
        );
    }
    yaml
}

/// The rules for them, as YAML.
fn consumer_rules() -> String {
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in audit_k8s::consumers::kinds() {
        by_group.entry(kind.group).or_default().push(kind.plural);
    }
    let mut yaml = String::new();
    for (group, resources) in by_group {
        let _ = writeln!(yaml, "- apiGroups: [{group:?}]");
        let _ = writeln!(yaml, "  resources: [{}]", resources.join(", "));
        let _ = writeln!(yaml, "  verbs: [list, watch]");
    }
    yaml
}

/// Replaces the rules between the marks for kinds of other projects.
#[must_use]
pub fn replace_consumers(manifest: &str) -> Option<String> {
    replace_by(manifest, "kinds of other projects", &consumer_rules())
}

/// Replaces the rules between the marks for `name`; nothing where the marks are not there.
#[must_use]
pub fn replace(manifest: &str, name: &str, rights: &[Right]) -> Option<String> {
    replace_by(manifest, name, &rules(rights))
}

fn replace_by(manifest: &str, name: &str, rules: &str) -> Option<String> {
    let begin = format!("{BEGIN}{name}.\n");
    let (before, rest) = manifest.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    let indent = "  ";
    let mut text = format!("{before}{begin}");
    for line in rules.lines() {
        let _ = writeln!(text, "{indent}{line}");
    }
    Some(format!("{text}{indent}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: Right = Right {
        purpose: "Why.",
        group: "",
        resources: &["pods"],
        names: &["one"],
        verbs: &["get"],
    };

    #[test]
    fn only_what_lies_between_the_marks_is_replaced() {
        let manifest = "rules:\n  # Rights, generated: all.\n  - old\n  # End of rights.\nrest\n";
        let made = replace(manifest, "all", &[RIGHT]).unwrap();
        assert!(
            made.starts_with("rules:\n  # Rights, generated: all.\n  # Why.\n")
                && made.ends_with("  # End of rights.\nrest\n")
        );
        assert!(!made.contains("old"));
        assert_eq!(replace(&made, "all", &[RIGHT]).unwrap(), made);
        assert_eq!(replace(manifest, "others", &[RIGHT]), None);
    }

    #[test]
    fn rules_are_those_of_rbac() {
        let rules: serde_json::Value = serde_saphyr::from_str(&rules(&[RIGHT])).unwrap();
        let expected = serde_json::json!([{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["one"], "verbs": ["get"]}]);
        assert_eq!(rules, expected);
    }
}
