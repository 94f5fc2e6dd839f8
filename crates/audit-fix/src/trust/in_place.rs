//! The repair of a trust policy as a command line that edits the live document in place.

use serde_json::Value;

use crate::fix::{Fix, FixKind};
use crate::jq;
use crate::shell;

/// The command line that turns `old` into `new`, the trust policy of the role `role_name`; `None` where [`jq::program`] has none.
#[must_use]
pub fn edit_in_place(role_name: &str, old: &Value, new: &Value, brief: String) -> Option<Fix> {
    let program = shell::word_quoted(&jq::program(old, new)?);
    let role = shell::option("--role-name", role_name);
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    let role = shell::line("", &role);
    // `-e` makes jq fail where it is given nothing, so that nothing is written.
    let text = format!(
        "policy=$(aws iam get-role{role} --query Role.AssumeRolePolicyDocument --output json | jq -ce {program}) && \
         aws iam update-assume-role-policy{role} --policy-document \"$policy\""
    );
    Some(Fix::new(FixKind::AwsCli, text).brief(brief))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(old: &Value, new: &Value) -> String {
        edit_in_place("app", old, new, String::new()).unwrap().text
    }

    #[test]
    fn only_what_changes_is_told() {
        let old = json!({"Statement": [{"Secret": "other", "Condition": {"StringEquals": {"k:sub": "a"}}}]});
        let new = json!({"Statement": [{"Secret": "other", "Condition": {"StringEquals": {"k:sub": "b"}}}]});
        let text = command(&old, &new);
        assert!(!text.contains("other"), "{text}");
        assert!(
            text.contains(r#"["Statement",0,"Condition","StringEquals","k:sub"] as $p"#),
            "{text}"
        );
        assert!(
            text.contains(r#"if getpath($p) == "a" then setpath($p; "b") else error"#),
            "{text}"
        );
    }

    #[test]
    fn a_single_statement_is_wrapped_without_being_told() {
        let old = json!({"Statement": {"Secret": "other"}});
        let new = json!({"Statement": [{"Secret": "other"}, {"Sid": "new"}]});
        let text = command(&old, &new);
        assert!(!text.contains("other"), "{text}");
        let wrap = r#"["Statement"] as $p | if getpath($p)|type == "object" then setpath($p; [getpath($p)])"#;
        let set = r#"["Statement",1] as $p | if getpath($p[:-1])|type == "array" and length == 1 then setpath($p; {"Sid":"new"})"#;
        assert!(text.find(wrap).unwrap() < text.find(set).unwrap(), "{text}");
    }

    #[test]
    fn a_renamed_key_goes_and_comes() {
        let old = json!({"Condition": {"StringEquals": {"a:sub": "x"}}});
        let new = json!({"Condition": {"StringEquals": {"b:sub": "x"}}});
        let text = command(&old, &new);
        assert!(
            text.contains(r#""a:sub"] as $p | if getpath($p) == "x" then delpaths([$p])"#),
            "{text}"
        );
        assert!(
            text.contains(r#""b:sub"] as $p | if getpath($p) == null then setpath($p; "x")"#),
            "{text}"
        );
    }

    #[test]
    fn quotes_and_terminal_tricks_cannot_leave_their_place() {
        let old = json!({"a": "x"});
        let new = json!({"a": "it's \u{202e} \\(env) \u{1b}[0m"});
        let text = command(&old, &new);
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains(r"it'\''s"), "{text}");
        assert!(text.contains(r"\\(env)"), "{text}");
    }

    #[test]
    fn a_role_that_looks_like_an_option_stays_a_value() {
        let text = edit_in_place("-app", &json!({"a": 1}), &json!({"a": 2}), String::new())
            .unwrap()
            .text;
        assert!(text.contains("get-role --role-name=-app "), "{text}");
        assert!(
            text.contains("update-assume-role-policy --role-name=-app "),
            "{text}"
        );
    }

    #[test]
    fn equal_documents_need_no_fix() {
        assert!(edit_in_place("app", &json!({"a": 1}), &json!({"a": 1}), String::new()).is_none());
    }

    #[test]
    fn a_number_that_jq_would_change_gives_no_command() {
        let with = |number: Value| json!({"Statement": [{"n": number}], "a": "x"});
        for (number, given) in [
            (json!(111_122_223_333_u64), true),
            (json!(9_007_199_254_740_993_u64), false),
            (json!(-9_007_199_254_740_993_i64), false),
            (json!(u64::MAX), false),
            (json!(1.5), false),
        ] {
            let (old, mut new) = (with(number.clone()), with(number.clone()));
            new["a"] = json!("y");
            assert_eq!(
                edit_in_place("app", &old, &new, String::new()).is_some(),
                given,
                "{number}"
            );
        }
    }
}
