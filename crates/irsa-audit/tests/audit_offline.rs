//! `irsa-audit audit` of files, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/5D9B1A3E7C2F4860A1B2C3D4E5F60718";

/// A file or directory of the fixtures.
fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the command with this on its standard input.
fn audit_with(input: &[u8], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.arg("audit").args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may well end without having read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn audit(arguments: &[&str]) -> Output {
    audit_with(b"", arguments)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The exit code and the report.
fn report(arguments: &[&str]) -> (i32, Value) {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    let output = audit(&all);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", error(&output)));
    (code(&output), report)
}

/// Each binding's name, verdict and the code that decides.
fn verdicts(report: &Value) -> Vec<(String, String, Option<String>)> {
    let of = |binding: &Value| {
        let findings = binding["findings"].as_array().unwrap();
        let deciding = findings
            .iter()
            .find(|finding| finding["reason"] == binding["reason"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            format!(
                "{}/{}",
                text(&binding["namespace"]),
                text(&binding["serviceAccount"])
            ),
            text(&binding["verdict"]),
            deciding.map(|finding| text(&finding["code"])),
        )
    };
    report["bindings"].as_array().unwrap().iter().map(of).collect()
}

fn said(report: &Value) -> Vec<(String, String)> {
    verdicts(report)
        .into_iter()
        .map(|(name, verdict, code)| (name, code.unwrap_or(verdict)))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(name, code)| ((*name).to_owned(), (*code).to_owned()))
        .collect()
}

#[test]
fn a_healthy_cluster_of_two_accounts() {
    let (code, report) = report(&[
        "--kubernetes",
        &fixture("healthy/kubernetes"),
        "--aws",
        &fixture("healthy/aws"),
    ]);
    let expected = [
        ("billing/invoices", "Working"),
        ("kube-system/aws-node", "Working"),
        ("shop/cart", "Working"),
        ("shop/orders", "Working"),
    ];
    assert_eq!((code, said(&report)), (0, pairs(&expected)));
    assert_eq!(report["apiVersion"], "irsa-audit.dev/v1alpha1");
    assert_eq!(report["kind"], "AuditReport");
    assert_eq!(report["cluster"]["issuer"], ISSUER);
    assert_eq!(
        report["summary"],
        json!({"total": 4, "working": 4, "atRisk": 0, "broken": 0, "unknown": 0})
    );
    let cart = &report["bindings"][2];
    assert_eq!(cart["roleArn"], "arn:aws:iam::111122223333:role/cart");
    assert_eq!(
        (&cart["reason"], &cart["pods"]["total"]),
        (&json!("AllLinksPass"), &json!(1))
    );
    assert!(cart["findings"].as_array().unwrap().is_empty());
}

#[test]
fn a_break_in_every_link_is_named() {
    let (code, report) = report(&[
        "--kubernetes",
        &fixture("broken/kubernetes.yaml"),
        "--aws",
        &fixture("broken/aws"),
    ]);
    let expected = [
        ("shop/absent", "IRSA106"),
        ("shop/audience", "IRSA104"),
        ("shop/far-away", "IRSA903"),
        ("shop/fine", "Working"),
        ("shop/malformed", "IRSA102"),
        ("shop/no-policies", "IRSA501"),
        ("shop/no-provider", "IRSA301"),
        ("shop/no-role", "IRSA201"),
        ("shop/not-injected", "IRSA401"),
        ("shop/old-cluster", "IRSA203"),
        ("shop/other-path", "IRSA220"),
        ("shop/stale", "IRSA402"),
        ("shop/wide", "IRSA216"),
        ("shop/wrong-namespace", "IRSA204"),
    ];
    assert_eq!((code, said(&report)), (1, pairs(&expected)));
    let summary = json!({"total": 14, "working": 1, "atRisk": 1, "broken": 11, "unknown": 1});
    assert_eq!(report["summary"], summary);
}

#[test]
fn the_table_has_the_fix_to_paste() {
    let output = audit(&[
        "--kubernetes",
        &fixture("broken/kubernetes.yaml"),
        "--aws",
        &fixture("broken/aws"),
    ]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.starts_with("NAMESPACE"), "{table}");
    let restart = "kubectl rollout restart --namespace shop deployment/not-injected";
    assert!(table.lines().any(|line| line.trim() == restart), "{table}");
    let wide = audit(&[
        "--kubernetes",
        &fixture("broken/kubernetes.yaml"),
        "--aws",
        &fixture("broken/aws"),
        "-o",
        "wide",
    ]);
    assert!(String::from_utf8(wide.stdout).unwrap().contains("FINDINGS"));
}

/// Only these ServiceAccounts of the broken cluster.
fn only(names: &[&str]) -> tempfile::NamedTempFile {
    let accounts = names.iter().map(|name| {
        let arn = match *name {
            "far-away" => "arn:aws:iam::999900001111:role/far-away".to_owned(),
            name => format!("arn:aws:iam::111122223333:role/{name}"),
        };
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": name, "namespace": "shop", "annotations": {"eks.amazonaws.com/role-arn": arn}
        }})
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": accounts.collect::<Vec<_>>()});
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(list.to_string().as_bytes()).unwrap();
    file
}

#[test]
fn the_exit_code_tells_whether_the_threshold_is_reached() {
    for (names, thresholds) in [
        (
            vec!["wrong-namespace"],
            [
                ("broken", 1),
                ("unknown", 1),
                ("risk", 1),
                ("notice", 1),
                ("never", 0),
            ],
        ),
        (
            vec!["far-away"],
            [
                ("broken", 0),
                ("unknown", 1),
                ("risk", 1),
                ("notice", 1),
                ("never", 0),
            ],
        ),
        (
            vec!["wide"],
            [
                ("broken", 0),
                ("unknown", 0),
                ("risk", 1),
                ("notice", 1),
                ("never", 0),
            ],
        ),
        (
            vec!["fine"],
            [
                ("broken", 0),
                ("unknown", 0),
                ("risk", 0),
                ("notice", 0),
                ("never", 0),
            ],
        ),
        (
            vec!["fine", "wide", "far-away"],
            [
                ("broken", 0),
                ("unknown", 1),
                ("risk", 1),
                ("notice", 1),
                ("never", 0),
            ],
        ),
    ] {
        let file = only(&names);
        for (threshold, expected) in thresholds {
            let path = file.path().to_string_lossy();
            let output = audit(&[
                "--kubernetes",
                &path,
                // Not all that the account's roles trust.
                "--partial",
                "--aws",
                &fixture("broken/aws"),
                "--fail-on",
                threshold,
            ]);
            assert_eq!(
                code(&output),
                expected,
                "{names:?} --fail-on {threshold}: {}",
                error(&output)
            );
        }
    }
}

#[test]
fn a_chart_is_not_the_whole_cluster() {
    let chart = fixture("chart/rendered.yaml");
    let aws = fixture("healthy/aws");
    let with = |more: &[&str]| {
        let mut arguments = vec![
            "--kubernetes",
            chart.as_str(),
            "--aws",
            aws.as_str(),
            "-n",
            "shop",
        ];
        arguments.extend(more);
        let (code, report) = report(&arguments);
        (code, said(&report))
    };
    // The role trusts `cart`, and the release is named otherwise: that shows before it is installed.
    let expected = [("shop/release-cart", "IRSA205"), ("shop/reporting", "IRSA907")];
    assert_eq!(with(&["--partial"]), (1, pairs(&expected)));
    // Manifests never prove that the cluster holds nothing else; a dump of one does.
    assert_eq!(with(&[]).1, pairs(&expected));
    let dumped = fixture("healthy/kubernetes");
    let (_, said) = with(&["--kubernetes", &dumped]);
    assert!(said.contains(&("shop/reporting".to_owned(), "IRSA106".to_owned())));
}

#[test]
fn what_nobody_gave_is_unknown_and_never_broken() {
    let (code, report) = report(&["--kubernetes", &fixture("healthy/kubernetes")]);
    assert_eq!(code, 0);
    assert!(
        verdicts(&report)
            .iter()
            .all(|(_, verdict, code)| verdict == "Unknown" && code.as_deref() == Some("IRSA903"))
    );

    let aws = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| fixture(&format!("healthy/aws/{name}.json")))
            .collect()
    };
    let details = "get-account-authorization-details";
    for (given, expected) in [
        (vec![details], "IRSA304"),
        (vec![details, "describe-cluster"], "IRSA903"),
        (
            vec![details, "describe-cluster", "list-open-id-connect-providers"],
            "IRSA903",
        ),
        (
            vec![details, "describe-cluster", "get-open-id-connect-provider"],
            "Working",
        ),
        (
            vec!["list-open-id-connect-providers", "get-open-id-connect-provider"],
            "IRSA903",
        ),
    ] {
        let files = aws(&given);
        let kubernetes = fixture("healthy/kubernetes");
        let mut arguments = vec!["--kubernetes", kubernetes.as_str(), "--aws"];
        arguments.extend(files.iter().map(String::as_str));
        let (_, report) = self::report(&arguments);
        let cart = said(&report)
            .into_iter()
            .find(|(name, _)| name == "shop/cart")
            .unwrap();
        assert_eq!(cart.1, expected, "{given:?}");
    }
}

#[test]
fn the_issuer_may_be_given() {
    let aws = tempfile::tempdir().unwrap();
    for name in [
        "get-account-authorization-details",
        "list-open-id-connect-providers",
        "get-open-id-connect-provider",
    ] {
        fs::copy(
            fixture(&format!("healthy/aws/{name}.json")),
            aws.path().join(format!("{name}.json")),
        )
        .unwrap();
    }
    let path = aws.path().to_string_lossy();
    let kubernetes = fixture("healthy/kubernetes");
    let cart = |more: &[&str]| {
        let mut arguments = vec!["--kubernetes", kubernetes.as_str(), "--aws", &path];
        arguments.extend(more);
        let (_, report) = report(&arguments);
        said(&report)
            .into_iter()
            .find(|(name, _)| name == "shop/cart")
            .unwrap()
            .1
    };
    assert_eq!(cart(&[]), "IRSA304");
    assert_eq!(cart(&["--issuer", ISSUER]), "Working");
    let other = ISSUER.replace("5D9B", "0000");
    assert_eq!(cart(&["--issuer", &other]), "IRSA301");
}

#[test]
fn standard_input_is_a_file_too() {
    let manifests = fs::read(fixture("chart/rendered.yaml")).unwrap();
    let output = audit_with(&manifests, &["--kubernetes", "-", "--partial", "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        said(&report),
        pairs(&[
            ("default/release-cart", "IRSA919"),
            ("default/reporting", "IRSA907")
        ])
    );
    assert_eq!(
        code(&audit_with(&manifests, &["--kubernetes", "-", "--aws", "-"])),
        2
    );
}

#[test]
fn a_trust_policy_means_the_same_in_every_form() {
    let details = fs::read_to_string(fixture("broken/aws/authorization-details.json")).unwrap();
    let details: Value = serde_json::from_str(&details).unwrap();
    let as_text = |document: &Value| json!(document.to_string());
    let encoded = |document: &Value| {
        let encode = |byte: u8| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        };
        json!(
            document
                .to_string()
                .bytes()
                .map(encode)
                .collect::<Vec<_>>()
                .concat()
        )
    };
    for form in [as_text, encoded] as [fn(&Value) -> Value; 2] {
        let mut details = details.clone();
        for role in details["RoleDetailList"].as_array_mut().unwrap() {
            role["AssumeRolePolicyDocument"] = form(&role["AssumeRolePolicyDocument"]);
        }
        let aws = tempfile::tempdir().unwrap();
        fs::write(aws.path().join("details.json"), details.to_string()).unwrap();
        for name in ["providers", "provider", "cluster"] {
            fs::copy(
                fixture(&format!("broken/aws/{name}.json")),
                aws.path().join(format!("{name}.json")),
            )
            .unwrap();
        }
        let file = only(&["wrong-namespace", "fine", "wide"]);
        let (_, report) = report(&[
            "--kubernetes",
            &file.path().to_string_lossy(),
            "--aws",
            &aws.path().to_string_lossy(),
        ]);
        let expected = [
            ("shop/fine", "Working"),
            ("shop/wide", "IRSA216"),
            ("shop/wrong-namespace", "IRSA204"),
        ];
        assert_eq!(said(&report), pairs(&expected));
    }
}

#[test]
fn names_of_hostile_making_reach_no_terminal_and_no_shell() {
    let name = "x\u{1b}[2J\u{202e};`$(reboot)`'\"\n---\nkind: Pod\u{7f}";
    let manifest = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": name, "namespace": name, "uid": "1", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/deleted"}
        }},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": name},
            "spec": {"template": {"spec": {"serviceAccountName": format!("{name}-absent"), "containers": [{"name": name}]}}}},
    ]});
    for format in ["table", "wide", "json", "yaml"] {
        let arguments = ["--kubernetes", "-", "--aws", &fixture("broken/aws"), "-o", format];
        let output = audit_with(manifest.to_string().as_bytes(), &arguments);
        assert_eq!(code(&output), 1, "{}", error(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.chars().any(hidden), "{format}: {text:?}");
        assert!(
            text.contains("IRSA106") || text.contains("ServiceAccountMissing"),
            "{format}: {text}"
        );
        // No line begins with what a name brought along: neither a command nor a document.
        assert!(
            !text
                .lines()
                .any(|line| line.trim_start().starts_with("---") || line == "kind: Pod"),
            "{text}"
        );
    }
    let broken = audit_with(format!("a: [\u{1b}[31m{name}").as_bytes(), &["--kubernetes", "-"]);
    assert!(
        code(&broken) == 2 && !error(&broken).contains('\u{1b}'),
        "{}",
        error(&broken)
    );
}

#[test]
fn what_cannot_be_read_is_named_with_its_place_and_nothing_is_printed() {
    let chart = fixture("chart/rendered.yaml");
    for (input, arguments, expected) in [
        ("a: [", vec!["--kubernetes", "-"], "standard input"),
        ("{{ .Values.x }}", vec!["--kubernetes", "-"], "helm template"),
        ("a: 1\n---\nb: 1\n", vec!["--kubernetes", "-"], "document 2"),
        ("{\"a\": ", vec!["--kubernetes", &chart, "--aws", "-"], "cut off"),
        (
            "{\"a\": 1}",
            vec!["--kubernetes", &chart, "--aws", "-"],
            "is not an output of the AWS CLI",
        ),
        (
            "{\"OpenIDConnectProviderList\": []}",
            vec!["--kubernetes", &chart, "--aws", "-"],
            "--account ID",
        ),
        (
            "",
            vec!["--kubernetes", "/nowhere/at/all.yaml"],
            "/nowhere/at/all.yaml",
        ),
        ("", vec!["--aws", &chart], "--kubernetes"),
        (
            "",
            vec!["--kubernetes", &chart, "--fail-on", "sometimes"],
            "--fail-on",
        ),
        ("", vec!["--kubernetes", &chart, "-o", "papyrus"], "papyrus"),
        ("", vec!["--kubernetes", &chart, "--issuer", "http://x"], "https"),
        ("", vec!["--kubernetes", &chart, "--account", "12"], "12 digits"),
    ] {
        let output = audit_with(input.as_bytes(), &arguments);
        let error = error(&output);
        assert!(
            code(&output) == 2 && error.contains(expected),
            "{arguments:?}: {error}"
        );
        assert!(
            output.stdout.is_empty() && error.lines().all(|line| line.starts_with("irsa-audit: ")),
            "{error}"
        );
    }
}

#[test]
fn a_directory_may_hold_both_and_other_things_besides() {
    let all = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        fs::copy(fixture(from), all.path().join(to)).unwrap();
    };
    copy("broken/kubernetes.yaml", "kubernetes.yaml");
    for name in ["authorization-details", "providers", "provider", "cluster"] {
        copy(&format!("broken/aws/{name}.json"), &format!("{name}.json"));
    }
    fs::write(all.path().join("values.yaml"), "replicas: 1\n").unwrap();
    fs::write(all.path().join("README.md"), "# not read").unwrap();
    let path = Path::new(all.path()).to_string_lossy();
    let output = audit(&["--kubernetes", &path, "--aws", &path, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (code(&output), report["bindings"].as_array().unwrap().len()),
        (1, 14)
    );
    assert!(error(&output).contains("values.yaml"), "{}", error(&output));
}

#[test]
fn the_same_input_gives_the_same_text() {
    let text = || {
        audit(&[
            "--kubernetes",
            &fixture("broken/kubernetes.yaml"),
            "--aws",
            &fixture("broken/aws"),
            "-o",
            "yaml",
        ])
        .stdout
    };
    assert_eq!(text(), text());
}

#[test]
fn without_files_and_without_a_cluster_there_is_nothing_to_audit() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.arg("audit").env("KUBECONFIG", "/nowhere/at/all");
    for name in ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(
        code(&output) == 2 && error(&output).contains("--kubernetes"),
        "{}",
        error(&output)
    );
    assert!(output.stdout.is_empty());
}
