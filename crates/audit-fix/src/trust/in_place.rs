//! The repair of a trust policy as a command line that edits the live document in place.

use iam_policy::{ChangeKind, Edit, WebIdentity};
use serde_json::Value;

use crate::command::Command;
use crate::fix::Fix;
use crate::jq;

/// The command line that makes an edit of the trust policy `old` of the role `role_name`; `None` where jq has no program for it.
///
/// Whatever the document has become by the time of pasting, the command admits nobody but the edit's identity: an appended statement
/// admits no one else by itself, and a statement is edited only while it is still about this provider, and as confined as it was.
#[must_use]
pub fn edit_in_place(
    role_name: &str,
    old: &Value,
    edit: &Edit,
    identity: &WebIdentity,
    brief: String,
) -> Option<Fix> {
    let program = program(old, edit, identity)?;
    Some(fix(role_name, &program, &identity.issuer, brief))
}

fn program(old: &Value, edit: &Edit, identity: &WebIdentity) -> Option<String> {
    let first = edit.changes.first()?;
    if matches!(first.kind, ChangeKind::AppendedStatement { .. }) {
        return jq::program(old, &edit.document);
    }
    let statement = |document: &'_ Value| match document.get("Statement")? {
        Value::Array(statements) => statements.get(first.statement).cloned(),
        single => Some(single.clone()),
    };
    let (before, after) = (statement(old)?, statement(&edit.document)?);
    jq::statement_program(
        first.statement,
        &guards(&before, &after, identity),
        &before,
        &after,
    )
}

/// What confines the statement and does not change: its effect, this provider as its only principal, and its conditions that name this
/// token's claims. A guard holds nothing else of the document: many may read it.
fn guards<'v>(before: &'v Value, after: &'v Value, identity: &WebIdentity) -> Vec<(Vec<&'v str>, &'v Value)> {
    let is_only = |value: &Value, text: &str| match value {
        Value::Array(all) => matches!(all.as_slice(), [only] if only == text),
        value => value == text,
    };
    let mut guards = Vec::new();
    let mut guard = |path: Vec<&'v str>| {
        let at = |value: &'v Value| path.iter().try_fold(value, |value, name| value.get(*name));
        let value = at(before).filter(|value| at(after) == Some(*value));
        guards.extend(value.map(|value| (path.clone(), value)));
    };
    guard(vec!["Effect"]);
    let federated = before.get("Principal").and_then(Value::as_object);
    if federated
        .is_some_and(|all| all.len() == 1 && all.values().all(|one| is_only(one, &identity.provider_arn)))
    {
        guard(vec!["Principal"]);
    }
    let claims = [("sub", &identity.subject), ("aud", &identity.audience)];
    let claims = claims.map(|(claim, value)| (format!("{}:{claim}", identity.issuer), value));
    let conditions = before.get("Condition").and_then(Value::as_object);
    for (operator, keys) in conditions.into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let is_claim =
                |(claim, own): &(String, &String)| claim.eq_ignore_ascii_case(key) && is_only(value, own);
            if claims.iter().any(is_claim) {
                guard(vec!["Condition", operator, key]);
            }
        }
    }
    guards
}

/// The longest command that a status has room for.
const SHORT: usize = 1024;

/// The command, in which the issuer is written once where it would be too long otherwise.
fn fix(role_name: &str, program: &str, issuer: &str, brief: String) -> Fix {
    let mut edit = command(role_name, program);
    if edit.line().is_some_and(|line| line.len() > SHORT) {
        edit = command(role_name, &jq::abbreviated(program, issuer));
    }
    Fix::aws(edit).brief(brief)
}

/// Replaces the trust policy by what a program of jq makes of it.
pub(super) fn command(role_name: &str, program: &str) -> Command {
    // Where the role cannot be read, jq is given nothing; not every jq calls that a failure.
    Command::new("policy=$(aws iam get-role")
        .option("--role-name", role_name)
        .own("--query Role.AssumeRolePolicyDocument --output json | jq -ce")
        .verbatim(program)
        .glued(") && test -n \"$policy\" && aws iam update-assume-role-policy")
        .option("--role-name", role_name)
        .own("--policy-document \"$policy\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(role_name: &str, program: &str) -> String {
        super::command(role_name, program).line().unwrap()
    }

    fn command(old: &Value, new: &Value) -> String {
        line("app", &jq::program(old, new).unwrap())
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
        let append = r#"["Statement"] as $p | if ((getpath($p)|if type == "object" then [.] else . end)|type) == "array" then setpath"#;
        assert!(text.contains(append), "{text}");
        assert!(text.contains(r#"$l + ([{"Sid":"new"}] - $l)"#), "{text}");
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
        let text = line("-app", ".");
        assert!(text.contains("get-role --role-name=-app "), "{text}");
        assert!(
            text.contains("update-assume-role-policy --role-name=-app "),
            "{text}"
        );
    }

    #[test]
    fn equal_documents_need_no_fix() {
        assert!(jq::program(&json!({"a": 1}), &json!({"a": 1})).is_none());
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
            assert_eq!(jq::program(&old, &new).is_some(), given, "{number}");
        }
    }

    const HOST: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

    fn identity(name: &str) -> WebIdentity {
        WebIdentity {
            provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{HOST}"),
            issuer: HOST.to_owned(),
            subject: format!("system:serviceaccount:shop:{name}"),
            audience: "sts.amazonaws.com".to_owned(),
            called_at: None,
        }
    }

    fn policy(condition: &Value, is_list: bool) -> Value {
        let statement = json!({ "Effect": "Allow", "Principal": { "Federated": identity("x").provider_arn },
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition });
        json!({ "Version": "2012-10-17", "Statement": if is_list { json!([statement]) } else { statement } })
    }

    fn printed(old: &Value, name: &str) -> String {
        let edit = iam_policy::least_edit(&old.to_string(), &identity(name)).unwrap();
        edit_in_place("app", old, &edit, &identity(name), String::new())
            .unwrap()
            .first
            .text
    }

    /// What a shell does with a command: `aws` is a function that gives the document in the file `$1` and takes the new one.
    fn paste(shell: &str, command: &str, document: &str) -> (bool, String) {
        let folder = std::env::temp_dir().join(format!(
            "irsa-audit-{}-{:p}",
            std::process::id(),
            &raw const command
        ));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("now"), document).unwrap();
        let script = format!(
            "aws() {{ if [ \"$2\" = get-role ]; then cat now; else while [ $# -gt 1 ]; do shift; done; printf %s \"$1\" > now; fi; }}\n{command}"
        );
        let output = std::process::Command::new(shell)
            .args(["-c", &script])
            .current_dir(&folder)
            .output()
            .unwrap();
        let now = std::fs::read_to_string(folder.join("now")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        (output.status.success(), now)
    }

    fn has_jq() -> bool {
        std::process::Command::new("jq").arg("--version").output().is_ok()
    }

    fn admits(document: &str, name: &str) -> bool {
        let parsed = iam_policy::parse(document);
        iam_policy::diagnose_trust(&parsed, &identity(name)).decision == iam_policy::Decision::Allowed
    }

    #[test]
    fn commands_of_two_bindings_work_one_after_the_other_and_again() {
        if !has_jq() {
            return;
        }
        let aud = (format!("{HOST}:aud"), json!("sts.amazonaws.com"));
        let sub = format!("{HOST}:sub");
        let equals =
            |subject: Value| json!({ "StringEquals": { (aud.0.clone()): aud.1, (sub.clone()): subject } });
        for condition in [
            equals(json!("system:serviceaccount:shop:till")),
            equals(json!(["system:serviceaccount:shop:till"])),
            equals(json!("system:serviceaccount:*:*")),
            equals(json!("shop/cart")),
            json!({ "StringLike": { (aud.0.clone()): "vault" } }),
            json!({ "StringEquals": { (aud.0.clone()): "vault", (sub.clone()): "system:serviceaccount:shop:cart" } }),
        ] {
            for is_list in [true, false] {
                let old = policy(&condition, is_list);
                let commands = [printed(&old, "cart"), printed(&old, "orders")];
                assert!(
                    commands.iter().all(|command| command.len() <= SHORT),
                    "{commands:?}"
                );
                for order in [[0, 1, 0], [1, 0, 1]] {
                    let mut now = old.to_string();
                    for at in order {
                        let (done, next) = paste("sh", &commands[at], &now);
                        assert!(done, "{order:?} {old} {now} {}", commands[at]);
                        now = next;
                    }
                    assert!(admits(&now, "cart") && admits(&now, "orders"), "{now}");
                    assert!(!admits(&now, "other"), "{now}");
                }
            }
        }
    }

    #[test]
    fn what_has_changed_since_is_not_edited() {
        if !has_jq() {
            return;
        }
        let equals = json!({ "StringEquals": { format!("{HOST}:aud"): "sts.amazonaws.com", format!("{HOST}:sub"): "system:serviceaccount:shop:till" } });
        let old = policy(&equals, true);
        let command = printed(&old, "cart");
        for (pointer, value) in [
            ("/Statement/0/Effect", json!("Deny")),
            ("/Statement/0/Principal", json!("*")),
            (
                &format!(
                    "/Statement/0/Condition/StringEquals/{}:aud",
                    HOST.replace('/', "~1")
                ),
                json!(["sts.amazonaws.com", "vault"]),
            ),
            ("/Statement/0/Condition/StringEquals", json!({})),
            ("/Statement", json!([])),
        ] {
            let mut now = old.clone();
            *now.pointer_mut(pointer).unwrap() = value;
            let (done, after) = paste("sh", &command, &now.to_string());
            assert_eq!((done, after), (false, now.to_string()), "{pointer}");
        }
    }

    #[test]
    fn a_role_that_cannot_be_read_is_not_written() {
        let edit = line("app", ".a");
        // jq 1.5 and 1.6 call it no failure to be given nothing; 1.7 and 1.8 do.
        let given_nothing = ["jq() { cat > /dev/null; }", "jq() { cat > /dev/null; return 4; }"];
        for jq in given_nothing {
            for shell in ["sh", "bash", "zsh"] {
                let script = format!("aws() {{ [ \"$2\" = get-role ] || echo written; }}\n{jq}\n{edit}");
                let Ok(output) = std::process::Command::new(shell).args(["-c", &script]).output() else {
                    assert_ne!(shell, "sh");
                    continue;
                };
                assert!(
                    !output.status.success() && output.stdout.is_empty(),
                    "{shell}: {output:?}"
                );
            }
        }
        if has_jq() {
            for nothing in ["", "null"] {
                assert_eq!(paste("sh", &edit, nothing), (false, nothing.to_owned()));
            }
        }
    }
}
