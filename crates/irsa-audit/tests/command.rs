//! The command line as a whole, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_irsa-audit");

fn called(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("KUBECONFIG", "/nowhere")
        .env("HOME", "/nowhere");
    command.output().unwrap()
}

fn call(arguments: &[&str]) -> Output {
    called(Path::new(BINARY), arguments)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A manifest of one ServiceAccount.
fn one_account() -> tempfile::TempPath {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let text = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {namespace: shop, name: cart, uid: a}\n";
    std::fs::write(&file, text).unwrap();
    file.into_temp_path()
}

#[test]
fn help_is_an_answer_and_a_missing_argument_is_not() {
    for arguments in [
        &["--help"][..],
        &["audit", "--help"],
        &["can-i", "--help"],
        &["trust", "evaluate", "--help"],
    ] {
        let output = call(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(out(&output).contains("Usage: irsa-audit"), "{arguments:?}");
    }
    for arguments in [&[][..], &["can-i"], &["trust"], &["explain"], &["refresh"]] {
        let output = call(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error(&output).contains("Usage: irsa-audit"), "{arguments:?}");
    }
}

#[test]
fn as_a_plugin_of_kubectl_it_says_how_it_was_called() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-irsa_audit");
    symlink(BINARY, &plugin).unwrap();
    let help = out(&called(&plugin, &["status", "--help"]));
    assert!(help.contains("Usage: kubectl irsa-audit status"), "{help}");
    let wrong = error(&called(&plugin, &["audit", "--nope"]));
    assert!(wrong.contains("`kubectl irsa-audit audit --help`"), "{wrong}");
    let explained = out(&called(&plugin, &["explain", "system:serviceaccount:shop:cart"]));
    assert!(
        explained.contains("kubectl irsa-audit status shop/cart"),
        "{explained}"
    );
}

#[test]
fn a_condition_by_its_old_flag_warns_and_works() {
    let file = one_account();
    let files = ["--kubernetes", file.to_str().unwrap(), "--partial"];
    let asked =
        |flags: &[&str]| call(&[&["can-i", "shop/cart", "s3:ListAllMyBuckets"], flags, &files[..]].concat());
    let new = asked(&["--condition", "aws:RequestedRegion=eu-west-1"]);
    let old = asked(&["--context", "aws:RequestedRegion=eu-west-1"]);
    assert_eq!((new.status.code(), &new.stdout), (old.status.code(), &old.stdout));
    assert!(error(&old).contains("--condition") && !error(&new).contains("--condition"));
    let quiet = asked(&["-q", "--context", "aws:RequestedRegion=eu-west-1"]);
    assert!(!error(&quiet).contains("--condition"));
    // A context of the kubeconfig has no place beside files.
    assert_eq!(asked(&["--context", "prod"]).status.code(), Some(2));
}

#[test]
fn a_kubeconfig_or_context_that_is_not_there_is_an_error() {
    for flags in [&["--kubeconfig", "/nowhere/x"][..], &["--context", "absent"]] {
        for command in [
            &["audit"][..],
            &["status", "a/b"],
            &["probe", "a/b"],
            &["refresh", "a/b"],
            &["doctor"],
            &["plan", "a/b"],
        ] {
            let output = call(&[command, flags].concat());
            assert_eq!(
                output.status.code(),
                Some(2),
                "{command:?} {flags:?}: {}",
                error(&output)
            );
        }
    }
}

#[test]
fn the_issuer_has_one_name_and_an_alias() {
    for flag in ["--issuer", "--oidc-issuer"] {
        for command in [
            &["audit"][..],
            &["status", "a/b"],
            &["probe", "a/b"],
            &["plan", "a/b"],
            &["operator"],
            &["writer"],
        ] {
            let output = call(&[command, &[flag, "not-a-url"]].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?}");
            assert!(
                error(&output).contains("'--issuer"),
                "{command:?}: {}",
                error(&output)
            );
        }
    }
}

#[test]
fn the_definitions_are_those_that_are_shipped() {
    let printed = out(&call(&["crds"]));
    let folder = format!("{}/../../crds", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let shipped = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let (_, yaml) = shipped.split_once('\n').unwrap();
        assert!(printed.contains(yaml.trim_end()), "{yaml}");
        count += 1;
    }
    assert_eq!(printed.matches("---\n").count(), count);
}

#[test]
fn uninstalling_names_every_definition() {
    let printed = out(&call(&["crds"]));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/install.md"));
    let page = page.unwrap();
    let line = page.lines().find(|line| line.starts_with("kubectl delete crd "));
    let deleted: BTreeSet<&str> = line.unwrap().split_whitespace().skip(3).collect();
    let shipped: BTreeSet<&str> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("  name: "))
        .collect();
    assert_eq!(deleted, shipped);
}

#[test]
fn each_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = call(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("explain"), "{shell}");
    }
    let script = out(&call(&["completions", "bash"]));
    let mut child = Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn how_much_is_said_beside_the_answer_can_be_chosen() {
    let file = one_account();
    let said = |flag: &[&str]| {
        call(
            &[
                flag,
                &["audit", "--kubernetes", file.to_str().unwrap(), "--partial"],
            ]
            .concat(),
        )
    };
    let (normal, quiet, verbose) = (said(&[]), said(&["-q"]), said(&["-v"]));
    assert!(error(&quiet).is_empty(), "{}", error(&quiet));
    assert!(error(&verbose).lines().count() > error(&normal).lines().count());
    assert!(out(&normal) == out(&quiet) && out(&normal) == out(&verbose));
    assert_eq!(said(&["-q", "-v"]).status.code(), Some(2));
}
