//! `irsa-audit audit -o FORMAT`, as a user calls it. What each format looks like is tested in `audit-report`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use serde_json::Value;

const FORMATS: [&str; 9] = [
    "table", "wide", "json", "yaml", "sarif", "junit", "markdown", "html", "dot",
];

/// The command on these fixtures, in their folder.
fn command(folder: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.current_dir(format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR")));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    command.arg("audit").args(arguments);
    command
}

fn audit(folder: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(folder, arguments, environment).output().unwrap()
}

/// What a terminal of so many columns gets to show.
fn on_terminal(columns: u16, environment: &[(&str, &str)]) -> String {
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&user).unwrap();
    unlockpt(&user).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&user, size).unwrap();
    let name = ptsname(&user, Vec::new()).unwrap().into_string().unwrap();
    let terminal: OwnedFd = File::options().read(true).write(true).open(name).unwrap().into();
    let arguments = ["--kubernetes", "kubernetes.yaml", "--aws", "aws"];
    let mut command = command("broken", &arguments, environment);
    let mut child = command
        .env("TERM", "xterm-256color")
        .stdout(Stdio::from(terminal))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The command keeps the other end open.
    drop(command);
    let (mut user, mut shown, mut part) = (File::from(user), Vec::new(), [0; 4096]);
    // A terminal that everyone has closed gives an error at its end.
    while let Ok(count @ 1..) = user.read(&mut part) {
        shown.extend(&part[..count]);
    }
    child.wait().unwrap();
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn every_format_has_the_same_exit_code_and_names_what_failed() {
    let broken = ["--kubernetes", "kubernetes.yaml", "--aws", "aws"];
    for format in FORMATS {
        for (fail_on, code) in [("broken", 1), ("never", 0)] {
            let mut arguments = broken.to_vec();
            arguments.extend(["-o", format, "--fail-on", fail_on]);
            let output = audit("broken", &arguments, &[]);
            assert_eq!(output.status.code(), Some(code), "{format}");
            assert!(text(&output).contains("IRSA204"), "{format}");
        }
    }
}

#[test]
fn what_fails_is_printed_although_everything_works() {
    let cluster = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart, namespace: shop, uid: a, annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/cart'}}
";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sa.yaml");
    std::fs::write(&file, cluster).unwrap();
    let file = file.display().to_string();
    for format in FORMATS {
        let of = |fail_on: &str| {
            let arguments = [
                "--kubernetes",
                &file,
                "--partial",
                "-o",
                format,
                "--fail-on",
                fail_on,
            ];
            audit("broken", &arguments, &[])
        };
        let json = of("notice");
        let reached = json.status.code() == Some(1);
        assert!(reached, "{format}: {}", String::from_utf8_lossy(&json.stderr));
        assert!(text(&json).contains("IRSA9"), "{format}");
    }
}

#[test]
fn a_result_is_at_the_file_and_the_line_of_the_manifest() {
    let arguments = [
        "--kubernetes",
        "./rendered.yaml",
        "--partial",
        "-o",
        "sarif",
        "--fail-on",
        "never",
    ];
    let output = audit("chart", &arguments, &[]);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let manifest = include_str!("fixtures/chart/rendered.yaml");
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let location = &result["locations"][0];
        let physical = &location["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "rendered.yaml");
        if location["logicalLocations"][0]["name"] == "cluster" {
            continue;
        }
        let line = physical["region"]["startLine"].as_u64().unwrap();
        let first = manifest.lines().nth(usize::try_from(line).unwrap() - 1).unwrap();
        assert!(first.starts_with("apiVersion:"), "{line}: {first}");
    }
}

#[test]
fn colors_are_for_terminals_unless_they_are_asked_for() {
    let has_colors = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut all = vec!["--kubernetes", "kubernetes.yaml", "--aws", "aws"];
        all.extend(arguments);
        text(&audit("broken", &all, environment)).contains('\u{1b}')
    };
    assert!(!has_colors(&[], &[]));
    assert!(has_colors(&["--color", "always"], &[]));
    assert!(has_colors(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colors(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!has_colors(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colors(&["--color", "always", "-o", "markdown"], &[]));
}

#[test]
fn a_terminal_gets_colors_and_a_table_that_fits() {
    assert!(on_terminal(80, &[]).contains('\u{1b}'));
    let shown = on_terminal(80, &[("NO_COLOR", "1")]);
    assert!(!shown.contains('\u{1b}'));
    let table: Vec<&str> = shown.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), 15, "{shown}");
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{shown}");
    // A file gets whole names.
    let whole = text(&audit(
        "broken",
        &["--kubernetes", "kubernetes.yaml", "--aws", "aws"],
        &[],
    ));
    assert!(whole.lines().take(15).any(|line| line.chars().count() > 80));
}
