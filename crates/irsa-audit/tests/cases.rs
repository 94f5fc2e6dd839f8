//! Runs the binary on each folder in `tests/cases`: a small cluster, and what must hold of it. `tests/cases/README.md`
//! says what is in a folder.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/cases.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// A command that has not ended by then hangs: files of a few kilobytes take milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// `case.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, in a sentence.
    about: String,
    /// The documentation, source code or report that says how it really is.
    source: String,
    /// Commands, and what must hold of each.
    steps: Vec<Step>,
}

/// One command, run in the case's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    args: Vec<String>,
    /// The exit codes that are right. Any, where it is empty.
    #[serde(default)]
    exit: Vec<i32>,
    /// Each must match what the command prints, on both streams.
    #[serde(default)]
    says: Vec<String>,
    /// None may match.
    #[serde(default)]
    says_not: Vec<String>,
    /// `namespace/name` of a ServiceAccount, and what the report must say of it; `null` where it may not be there.
    bindings: Option<BTreeMap<String, Option<Expected>>>,
}

/// What must hold of a binding. Waived findings do not count.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    /// Any of these.
    verdict: Vec<String>,
    /// Any of these is the code of the finding that decides.
    reason_code: Vec<String>,
    /// All of these are among the codes.
    codes: Vec<String>,
    /// At least one of these is.
    any: Vec<String>,
    /// None of these is.
    not: Vec<String>,
    /// Each matches one of the fixes.
    fix: Vec<String>,
    /// None matches a fix.
    fix_not: Vec<String>,
}

/// What is read of a report.
#[derive(Debug, Deserialize)]
struct Report {
    bindings: Vec<Binding>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    namespace: String,
    service_account: String,
    verdict: String,
    reason: String,
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    code: String,
    reason: String,
    #[serde(default)]
    waived: serde_json::Value,
    #[serde(default)]
    fix: serde_json::Value,
}

impl Finding {
    fn counts(&self) -> bool {
        matches!(
            self.waived,
            serde_json::Value::Null | serde_json::Value::Bool(false)
        )
    }
}

/// What a command printed, and how it ended.
struct Printed {
    status: ExitStatus,
    out: String,
    both: String,
}

#[test]
fn each_case_holds() {
    let cases = support::folders();
    let mismatches: Vec<String> = cases.iter().flat_map(|case| mismatches(case)).collect();
    assert!(
        mismatches.is_empty(),
        "{} of {} expectations failed:\n{}",
        mismatches.len(),
        cases.len(),
        mismatches.join("\n")
    );
}

/// All that does not hold of the case in a folder, a line each.
fn mismatches(folder: &Path) -> Vec<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(folder.join("case.json"))
        .unwrap_or_else(|error| panic!("{name}/case.json: {error}"));
    let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/case.json: {error}"));
    assert!(
        !case.about.is_empty() && !case.source.is_empty() && !case.steps.is_empty(),
        "{name}: `about`, `source` and `steps` say what the case is for"
    );
    let steps = case.steps.iter().zip(1..);
    steps
        .flat_map(|(step, n)| check(folder, step).into_iter().map(move |bad| (n, bad)))
        .map(|(n, bad)| format!("{name}: step {n}: {bad}"))
        .collect()
}

/// All that does not hold of a step.
fn check(folder: &Path, step: &Step) -> Vec<String> {
    let Some(printed) = run(folder, step) else {
        return vec![format!("no answer in {PATIENCE:?}")];
    };
    let mut bad = Vec::new();
    if printed.both.contains("panicked") {
        bad.push(format!("panic: {}", printed.both));
    }
    let code = printed.status.code();
    if !step.exit.is_empty() && !code.is_some_and(|code| step.exit.contains(&code)) {
        let beginning: String = printed.both.trim().chars().take(300).collect();
        bad.push(format!("exit {code:?}, wanted {:?}: {beginning}", step.exit));
    }
    for wanted in &step.says {
        if !pattern(wanted).is_match(&printed.both) {
            bad.push(format!("does not say /{wanted}/"));
        }
    }
    for unwanted in &step.says_not {
        if let Some(found) = pattern(unwanted).find(&printed.both) {
            bad.push(format!("says /{unwanted}/: {}", found.as_str()));
        }
    }
    let Some(bindings) = &step.bindings else {
        return bad;
    };
    match serde_json::from_str::<Report>(&printed.out) {
        Ok(report) => {
            for (key, expected) in bindings {
                bad.extend(check_binding(&report, key, expected.as_ref()));
            }
        }
        Err(error) => bad.push(format!("no report ({error}): {}", printed.both)),
    }
    bad
}

/// All that does not hold of a binding.
fn check_binding(report: &Report, key: &str, expected: Option<&Expected>) -> Vec<String> {
    let found = report
        .bindings
        .iter()
        .find(|binding| format!("{}/{}", binding.namespace, binding.service_account) == key);
    let (binding, expected) = match (found, expected) {
        (None, None) => return Vec::new(),
        (None, Some(_)) => return vec![format!("{key} is not in the report")],
        (Some(binding), None) => {
            return vec![format!(
                "{key} is in the report: {} {}",
                binding.verdict, binding.reason
            )];
        }
        (Some(binding), Some(expected)) => (binding, expected),
    };
    let findings: Vec<&Finding> = binding.findings.iter().filter(|f| f.counts()).collect();
    let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    let has = |code: &String| codes.contains(&code.as_str());
    let decides = |f: &&Finding| f.reason == binding.reason && expected.reason_code.contains(&f.code);
    let said = format!("{key}: {} {} {codes:?}", binding.verdict, binding.reason);
    let mut bad = Vec::new();
    if !expected.verdict.is_empty() && !expected.verdict.contains(&binding.verdict) {
        bad.push(format!("{said}, wanted {:?}", expected.verdict));
    }
    if !expected.reason_code.is_empty() && !findings.iter().any(decides) {
        bad.push(format!("{said}, wanted {:?} to decide", expected.reason_code));
    }
    let lacking = expected.codes.iter().filter(|code| !has(code));
    bad.extend(lacking.map(|code| format!("{said} lacks {code}")));
    if !expected.any.is_empty() && !expected.any.iter().any(has) {
        bad.push(format!("{said} has none of {:?}", expected.any));
    }
    let unwanted = expected.not.iter().filter(|code| has(code));
    bad.extend(unwanted.map(|code| format!("{said} has {code}")));
    let fixes: Vec<&serde_json::Value> = findings.iter().map(|f| &f.fix).collect();
    let fixes = serde_json::to_string(&fixes).unwrap();
    for wanted in &expected.fix {
        if !pattern(wanted).is_match(&fixes) {
            bad.push(format!("{key}: no fix has /{wanted}/: {fixes}"));
        }
    }
    for unwanted in &expected.fix_not {
        if pattern(unwanted).is_match(&fixes) {
            bad.push(format!("{key}: a fix has /{unwanted}/: {fixes}"));
        }
    }
    bad
}

/// A regular expression whose `.` matches line ends too: what is looked for may span lines.
fn pattern(text: &str) -> Regex {
    RegexBuilder::new(text)
        .dot_matches_new_line(true)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a step's command in the case's folder; nothing, where it does not end.
fn run(folder: &Path, step: &Step) -> Option<Printed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.args(&step.args).current_dir(folder);
    if step.bindings.is_some() && !step.args.iter().any(|arg| arg == "-o") {
        command.args(["-o", "json"]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (out, error) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let error = thread::spawn(move || std::io::read_to_string(error).unwrap());
        let out = std::io::read_to_string(out).unwrap();
        // It has no receiver once the command took too long.
        let _ = sender.send((out, error.join().unwrap()));
    });
    let Ok((out, error)) = receiver.recv_timeout(PATIENCE) else {
        child.kill().unwrap();
        child.wait().unwrap();
        return None;
    };
    let status = child.wait().unwrap();
    let both = format!("{out}{error}");
    Some(Printed { status, out, both })
}
