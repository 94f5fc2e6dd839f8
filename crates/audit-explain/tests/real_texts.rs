//! Real-world texts, and what must be recognized in them: the symptoms in their order, and the names.
//!
//! `tests/texts` has a file for each area. A text begins with a line `=== ` that names the program and what is expected:
//! `=== boto3 | sts-not-authorized | sa=shop/cart`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use audit_explain::{Explanation, json, text};

fn explain(text: &str) -> Explanation {
    audit_explain::explain(text, "irsa-audit")
}

/// A text, and what is expected of it.
struct Case {
    place: String,
    symptoms: Vec<String>,
    /// `kind=value`, each of which must be there.
    names: Vec<String>,
    text: String,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts");
    let mut cases = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let all = fs::read_to_string(&path).unwrap();
        for block in all.split("\n=== ").map(|block| block.trim_start_matches("=== ")) {
            let (head, text) = block
                .split_once('\n')
                .unwrap_or_else(|| panic!("{}: {block}", path.display()));
            let mut parts = head.split('|').map(str::trim);
            let name = parts.next().unwrap();
            let words = |part: Option<&str>| {
                part.unwrap_or_default()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect()
            };
            cases.push(Case {
                place: format!("{}: {name}", path.file_name().unwrap().display()),
                symptoms: words(parts.next()),
                names: words(parts.next()),
                text: text.to_owned(),
            });
        }
    }
    cases
}

/// The names that were found, as `kind=value`.
fn names(explanation: &Explanation) -> Vec<String> {
    let found = &explanation.mentioned;
    let mut names: Vec<String> = Vec::new();
    names.extend(found.service_accounts.iter().map(|key| format!("sa={key}")));
    names.extend(found.names.iter().map(|name| format!("name={name}")));
    names.extend(found.roles.iter().map(|role| format!("role={role}")));
    names.extend(
        found
            .principals
            .iter()
            .map(|caller| format!("caller={}", caller.arn)),
    );
    names.extend(found.issuers.iter().map(|issuer| format!("issuer={issuer}")));
    names.extend(found.findings.iter().map(|entry| format!("code={}", entry.code)));
    names.extend(found.aws.iter().map(|request| {
        let resource = request.resource.as_deref().unwrap_or_default();
        format!("action={},{resource}", request.action)
    }));
    names.extend(found.kubernetes.iter().map(|request| {
        let namespace = request.namespace.as_deref().unwrap_or("*");
        format!(
            "request={},{}.{},{namespace}",
            request.verb, request.resource, request.group
        )
    }));
    names.extend(
        explanation
            .old_sdks
            .iter()
            .map(|old| format!("old={}", old.version)),
    );
    names.extend(
        explanation
            .advice
            .iter()
            .map(|advice| format!("advice={}", advice.id)),
    );
    names
}

#[test]
fn each_text_is_recognized() {
    let cases = cases();
    assert!(cases.len() > 90, "only {} texts", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let explanation = explain(&case.text);
        let symptoms: Vec<&str> = explanation.symptoms.iter().map(|symptom| symptom.id).collect();
        if symptoms != case.symptoms {
            let _ = writeln!(wrong, "{}: {symptoms:?}, and not {:?}", case.place, case.symptoms);
        }
        let names = names(&explanation);
        for expected in &case.names {
            let (is_wanted, name) = match expected.strip_prefix('!') {
                Some(name) => (false, name),
                None => (true, expected.as_str()),
            };
            if names.iter().any(|found| found == name) != is_wanted {
                let _ = writeln!(wrong, "{}: {expected} is wrong of {names:?}", case.place);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_loggers_do_to_a_text_changes_nothing() {
    for case in cases() {
        let quoted = serde_json::Value::from(case.text.as_str()).to_string();
        for text in [
            format!("{{\"level\":\"error\",\"msg\":{quoted}}}"),
            case.text.replace('\n', "\r\n"),
            format!("\u{1b}[31m{}\u{1b}[0m", case.text),
        ] {
            let symptoms: Vec<&str> = explain(&text).symptoms.iter().map(|symptom| symptom.id).collect();
            assert_eq!(symptoms, case.symptoms, "{}: {text}", case.place);
        }
    }
}

#[test]
fn an_explanation_names_the_account_and_the_commands_to_run() {
    let explanation = explain(
        "pods \"a\" is forbidden: User \"system:serviceaccount:shop:cart\" cannot get resource \"pods/log\" in API group \"\" in the namespace \
         \"other\"",
    );
    let commands: Vec<&str> = explanation
        .next
        .iter()
        .map(|next| next.command.as_str())
        .collect();
    assert_eq!(
        commands,
        [
            "irsa-audit can-i shop/cart get pods a --subresource log --namespace other",
            "irsa-audit status shop/cart"
        ]
    );
    let value = json::value(&explanation);
    assert_eq!(value["serviceAccounts"], serde_json::json!(["shop/cart"]));
    let of_user = explain(
        "nodes is forbidden: User \"jane@example.com\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
    );
    let commands: Vec<&str> = of_user.next.iter().map(|next| next.command.as_str()).collect();
    assert_eq!(
        commands,
        ["kubectl auth can-i list nodes --all-namespaces --as jane@example.com"]
    );
}

#[test]
fn hostile_text_reaches_neither_the_terminal_nor_a_command() {
    let hostile = "$(touched)`touched`';touched&touched|touched>touched\u{1b}[31m\u{202e}\u{200b}\"\n";
    for case in cases() {
        for at in (0..=case.text.len())
            .step_by(13)
            .filter(|at| case.text.is_char_boundary(*at))
        {
            let (before, after) = case.text.split_at(at);
            let explanation = explain(&format!("{before}{hostile}{after}"));
            let shown = text::render(&explanation);
            assert!(
                !shown.contains("touched") && !shown.chars().any(|c| c != '\n' && c.is_control()),
                "{}: {shown}",
                case.place
            );
            assert!(
                !json::value(&explanation).to_string().contains("touched"),
                "{}",
                case.place
            );
        }
    }
}

#[test]
fn the_output_is_bounded_whatever_the_text() {
    let every: String = cases().iter().map(|case| case.text.as_str()).collect();
    let mut many = String::new();
    for n in 0..5000 {
        let _ = write!(
            many,
            "system:serviceaccount:ns{n}:name{n} arn:aws:iam::111122223333:role/r{n} "
        );
    }
    for text in [
        every.as_str(),
        &many,
        &"arn:".repeat(60_000),
        &"\\\"".repeat(100_000),
        &"\" cannot ".repeat(20_000),
        &"{\"eventSource\":".repeat(20_000),
    ] {
        assert!(text::render(&explain(text)).len() < 64 * 1024);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn any_text_is_explained(text in r#"(\PC|.|arn:aws:iam::|system:serviceaccount:|" cannot |\\|"|service account ){0,60}"#) {
        let explanation = explain(&text);
        let shown = text::render(&explanation);
        proptest::prop_assert!(!shown.chars().any(|c| c != '\n' && c.is_control()));
    }
}

#[test]
fn only_what_says_so_is_about_the_whole_cluster() {
    for (end, is_wide) in [
        (" at the cluster scope", true),
        (" in the name", false),
        (" in the namespace \"$(x)\"", false),
        (" in the namespace \"shop\"", false),
        ("", false),
    ] {
        let text = format!(
            "pods is forbidden: User \"system:serviceaccount:shop:cart\" cannot list resource \"pods\" in API group \"\"{end}"
        );
        let commands = audit_explain::explain(&text, "irsa-audit").next;
        let is_offered = commands
            .iter()
            .any(|next| next.command.contains("--all-namespaces"));
        assert_eq!(is_offered, is_wide, "{text}");
    }
}
