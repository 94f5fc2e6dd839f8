//! What is printed to be pasted into a shell, for each case of `tests/cases`: as it is, and with hostile text wherever a tenant writes. A
//! shell with nothing but functions for `aws`, `kubectl` and `jq` must run it without a word, and nothing else.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/cases.rs"]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

/// What a tenant might write. It ends quotes, comments, words and lines; `touched` is a function that tells on it.
const HOSTILE: &str = "-$(touched)`touched`'\";touched&touched|touched>touched #(touched)";
/// The same on several lines: such a value is never a word of a command.
const HOSTILE_LINES: &str = "x\ntouched\r$(touched)\u{2028}`touched`\n";

/// What a shell needs to carry out a fix: no other program can be found.
const STUBS: &str = "PATH=/nowhere\ntouched() { echo touched >&2; }\naws() { echo '{\"a\":1}'; }\nkubectl() { :; }\njq() { echo '{\"a\":1}'; }\n";

#[derive(Debug, Clone, Copy)]
enum Variant {
    AsItIs,
    /// Everything that a tenant writes has an end that is hostile.
    All(&'static str),
    /// Only the names of what owns pods.
    Owners(&'static str),
}

const VARIANTS: [Variant; 4] = [
    Variant::AsItIs,
    Variant::All(HOSTILE),
    Variant::All(HOSTILE_LINES),
    Variant::Owners(HOSTILE),
];

#[test]
fn what_is_printed_for_a_shell_is_all_that_it_runs() {
    let cases = support::folders();
    let workers: Vec<_> = cases
        .chunks(cases.len().div_ceil(4))
        .map(|some| {
            let some = some.to_vec();
            thread::spawn(move || some.iter().map(|case| of_case(case)).collect::<Vec<_>>())
        })
        .collect();
    let found: Vec<Found> = workers
        .into_iter()
        .flat_map(|worker| worker.join().unwrap())
        .collect();
    let wrong: String = found.iter().map(|found| found.wrong.as_str()).collect();
    assert!(wrong.is_empty(), "{wrong}");
    let commands: usize = found.iter().map(|found| found.commands).sum();
    assert!(commands > 500, "only {commands} commands were looked at");
}

/// What was looked at in a case.
#[derive(Debug, Default)]
struct Found {
    commands: usize,
    wrong: String,
}

fn of_case(case: &Path) -> Found {
    let name = case.file_name().unwrap().to_string_lossy();
    let about: Value = serde_json::from_str(&fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
    let mut found = Found::default();
    for variant in VARIANTS {
        let folder = tempfile::tempdir().unwrap();
        write_variant(case, folder.path(), variant);
        let mut scripts = Vec::new();
        for step in about["steps"].as_array().unwrap() {
            let args: Vec<&str> = step["args"]
                .as_array()
                .unwrap()
                .iter()
                .map(|arg| arg.as_str().unwrap())
                .collect();
            scripts.extend(pasted(folder.path(), &args));
        }
        found.commands += scripts.len();
        if let Some(problem) = problem(&scripts) {
            let _ = writeln!(found.wrong, "{name}, {variant:?}: {problem}\n");
        }
    }
    found
}

/// All that a step prints for a shell.
fn pasted(folder: &Path, args: &[&str]) -> Vec<String> {
    match args.first() {
        Some(&"can-i") => after_headings(&run(folder, args)),
        Some(&"audit") => {
            let given: Vec<&str> = match args.iter().position(|arg| *arg == "-o") {
                Some(at) => [&args[..at], &args[at + 2..]].concat(),
                None => args.to_vec(),
            };
            let with = |format| run(folder, &[&given[..], &["-o", format]].concat());
            let mut all = after_headings(&with("wide"));
            let report: Value = serde_json::from_str(&with("json")).unwrap_or_default();
            fixes(&report, &mut all);
            all
        }
        _ => Vec::new(),
    }
}

/// The fixes of a report that are for a shell.
fn fixes(report: &Value, all: &mut Vec<String>) {
    match report {
        Value::Object(fields) => {
            let kind = fields.get("fixKind").and_then(Value::as_str);
            if matches!(kind, Some("aws" | "kubectl")) {
                all.extend(fields["fix"].as_str().map(str::to_owned));
            }
            fields.values().for_each(|value| fixes(value, all));
        }
        Value::Array(values) => values.iter().for_each(|value| fixes(value, all)),
        _ => {}
    }
}

/// What follows headings that name a program, and comments: each of one line.
fn after_headings(printed: &str) -> Vec<String> {
    let is_heading = |line: &str| {
        let line = line.trim_start().trim_start_matches("# ");
        let begins = ["fix, with", "then, with", "What allows it, with", "First, with"];
        line.ends_with(':') && begins.iter().any(|begin| line.starts_with(begin))
    };
    let lines: Vec<&str> = printed.lines().collect();
    let commands = lines
        .windows(2)
        .filter(|pair| is_heading(pair[0]))
        .map(|pair| pair[1]);
    let comments = lines.iter().copied().filter(|line| {
        ["# To do: ", "# then, by hand: "]
            .iter()
            .any(|begin| line.starts_with(begin))
    });
    commands.chain(comments).map(str::to_owned).collect()
}

fn run(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What a shell has to say of commands: nothing, if all is well.
fn problem(scripts: &[String]) -> Option<String> {
    if scripts.is_empty() {
        return None;
    }
    // An interactive zsh takes `#` for a program.
    let without_comments = scripts.iter().map(|script| {
        let lines = script.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) => format!("told{rest}"),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let all: Vec<String> = scripts.iter().cloned().chain(without_comments).collect();
    let each: Vec<String> = all.iter().map(|script| format!("(\n:\n{script}\n)\n")).collect();
    let each = each.concat();
    let script = format!("{STUBS}told() {{ :; }}\n{each}");
    let parsed = shell(&["bash", "-n"], &script);
    if !parsed.is_empty() {
        return Some(format!("bash -n: {parsed}"));
    }
    let said = shell(&["sh"], &script);
    (!said.is_empty()).then(|| format!("{said}\nin {each}"))
}

/// What a shell says on its second stream of a script that it reads from the first.
fn shell(words: &[&str], script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A shell that gives up does not read to the end.
    let _ = writer.join().unwrap();
    let files = fs::read_dir(folder.path()).unwrap().count();
    let made = if files == 0 { "" } else { "a file was made\n" };
    format!("{made}{}", String::from_utf8_lossy(&output.stderr))
}

/// Writes a case's cluster as a variant of it; all else of it is as it is.
fn write_variant(case: &Path, to: &Path, variant: Variant) {
    for entry in fs::read_dir(case).unwrap() {
        let from = entry.unwrap().path();
        let name = from.file_name().unwrap();
        if name != "k8s.yaml" || matches!(variant, Variant::AsItIs) {
            symlink(&from, to.join(name)).unwrap();
            continue;
        }
        let text = fs::read_to_string(&from).unwrap();
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        for object in &mut objects {
            match variant {
                Variant::AsItIs => {}
                Variant::All(end) => taint(object, "", end),
                Variant::Owners(end) => taint_owners(object, end),
            }
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(to.join(name), list.to_string()).unwrap();
    }
}

/// Texts that a tenant writes: each gets the same end, so that what refers to another object still does. Names of variables, namespaces and
/// ServiceAccounts stay, and those of what administrators write.
fn taint(value: &mut Value, key: &str, end: &str) {
    let is_text = |key: &str| {
        [
            "name",
            "mountPath",
            "path",
            "subPath",
            "key",
            "secretName",
            "generateName",
        ]
        .contains(&key)
    };
    match value {
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
            let is_kept = |kind: &str| {
                let kept = [
                    "Namespace",
                    "ServiceAccount",
                    "Webhook",
                    "Role",
                    "Binding",
                    "List",
                ];
                kept.iter().any(|one| kind.contains(one))
            };
            if is_kept(kind) && kind != "List" {
                return;
            }
            let is_variable = fields.get("name").and_then(Value::as_str).is_some_and(|name| {
                key == "env"
                    || name
                        .chars()
                        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            });
            for (name, value) in fields.iter_mut() {
                let is_name_of_variable = is_variable && name == "name";
                match value {
                    Value::String(text) if is_text(name) && !is_name_of_variable => text.push_str(end),
                    // A role's ARN would be none.
                    Value::String(text) if name == "value" && !text.starts_with("arn:") => text.push_str(end),
                    Value::Object(texts) if name == "annotations" => {
                        texts.insert("irsa.example.com/note".to_owned(), json!(end));
                    }
                    Value::Object(texts) if name == "matchLabels" || name == "labels" => {
                        texts.insert("note".to_owned(), json!(end));
                    }
                    value => taint(value, name, end),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| taint(value, key, end)),
        _ => {}
    }
}

/// The names of what owns pods, and of pods that nothing owns.
fn taint_owners(value: &mut Value, end: &str) {
    let is_pod = value["kind"] == "Pod";
    let Some(metadata) = value.get_mut("metadata") else {
        return;
    };
    let push = |name: Option<&mut Value>| {
        if let Some(Value::String(name)) = name {
            name.push_str(end);
        }
    };
    match metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        Some(owners) => owners.iter_mut().for_each(|owner| push(owner.get_mut("name"))),
        None if is_pod => push(metadata.get_mut("name")),
        None => {}
    }
}
