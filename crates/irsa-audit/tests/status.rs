//! `irsa-audit status` of files, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn status(folder: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .arg("status")
        .args(arguments)
        .args(files(folder))
        .output()
        .unwrap()
}

/// The flags that name the files of a cluster.
fn files(folder: &str) -> [String; 4] {
    let kubernetes = match folder {
        "broken" => "broken/kubernetes.yaml".to_owned(),
        folder => format!("{folder}/kubernetes"),
    };
    let aws = format!("{folder}/aws");
    [
        "--kubernetes".to_owned(),
        fixture(&kubernetes),
        "--aws".to_owned(),
        fixture(&aws),
    ]
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_name_that_no_service_account_has_leads_to_the_one_that_was_meant() {
    for meant in ["shop/cart-6c9f7d5b8-x2v7k", "shop/cort", "shop/carts"] {
        let output = status("healthy", &[meant]);
        assert_eq!(output.status.code(), Some(3), "{meant}");
        assert!(text(&output).contains("`shop/cart`"), "{}", text(&output));
    }
    assert!(!text(&status("healthy", &["shop/entirely-different"])).contains("`shop/cart`"));
}

#[test]
fn the_exit_code_is_that_of_the_verdict() {
    for words in [
        &["shop/cart"][..],
        &["cart", "-n", "shop"],
        &["shop/cart", "-n", "shop"],
    ] {
        let output = status("healthy", words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(text(&output).starts_with("shop/cart: Working\n"));
    }
    let output = status("broken", &["shop/wrong-namespace"]);
    let report: Value =
        serde_json::from_slice(&status("broken", &["shop/wrong-namespace", "-o", "json"]).stdout).unwrap();
    let binding = &report["bindings"][0];
    assert_eq!(
        (output.status.code(), &binding["verdict"]),
        (Some(1), &"Broken".into())
    );
    let links = binding["links"].as_array().unwrap();
    let broken = links.iter().find(|link| link["state"] == "Broken").unwrap();
    let text = text(&output);
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with("=> ")).collect();
    assert_eq!(marked.len(), 1, "{text}");
    assert!(marked[0].contains(broken["link"].as_str().unwrap()), "{text}");
    for finding in binding["findings"].as_array().unwrap() {
        assert!(text.contains(finding["code"].as_str().unwrap()), "{text}");
    }
}

#[test]
fn the_status_says_what_the_audit_says() {
    for folder in ["healthy", "broken"] {
        let audit = Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
            .args(["audit", "-o", "json"])
            .args(files(folder))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&audit.stdout).unwrap();
        for binding in report["bindings"].as_array().unwrap() {
            let name = format!(
                "{}/{}",
                binding["namespace"].as_str().unwrap(),
                binding["serviceAccount"].as_str().unwrap()
            );
            let status: Value =
                serde_json::from_slice(&status(folder, &[&name, "-o", "json"]).stdout).unwrap();
            assert_eq!(&status["bindings"][0], binding, "{name}");
        }
    }
}

#[test]
fn a_service_account_without_a_role_is_not_called_broken() {
    let output = status("healthy", &["shop/absent"]);
    assert_eq!(output.status.code(), Some(3));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    std::fs::write(
        &file,
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {namespace: shop, name: plain, uid: a}\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .args(["status", "shop/plain", "--kubernetes", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn a_name_without_a_namespace_and_two_namespaces_are_refused() {
    for words in [
        &["cart"][..],
        &["shop/cart", "-n", "other"],
        &["shop/"],
        &["a/b/c"],
    ] {
        assert_eq!(status("healthy", words).status.code(), Some(2), "{words:?}");
    }
}

/// README shows a part of what a command prints, with `…` where a line goes on.
#[test]
fn the_readme_shows_what_is_printed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let readme = std::fs::read_to_string(format!("{root}/README.md")).unwrap();
    let (_, block) = readme.split_once("\n$ irsa-audit status ").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let (words, shown) = block.split_once('\n').unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .current_dir(root)
        .arg("status")
        .args(words.split(' '))
        .output()
        .unwrap();
    let printed = text(&output);
    let mut lines = printed.lines();
    for line in shown.lines() {
        let (begin, is_cut) = match line.strip_suffix('…') {
            Some(begin) => (begin, true),
            None => (line, false),
        };
        let is_it = |own: &str| own == begin || (is_cut && own.starts_with(begin));
        assert!(lines.any(is_it), "{line}: {printed}");
    }
}
