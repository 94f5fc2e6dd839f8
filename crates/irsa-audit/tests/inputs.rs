//! What `irsa-audit audit` makes of the files that it is given: each is used, or told, and what a missing one leaves open is unknown.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory of the fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// What a run came to.
struct Outcome {
    code: i32,
    stderr: String,
    report: Option<Value>,
}

impl Outcome {
    /// Verdict and codes of a binding.
    fn of(&self, binding: &str) -> (String, Vec<String>) {
        let report = self.report.as_ref().unwrap_or_else(|| panic!("{}", self.stderr));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let all = report["bindings"].as_array().unwrap();
        let one = all
            .iter()
            .find(|one| format!("{}/{}", text(&one["namespace"]), text(&one["serviceAccount"])) == binding)
            .unwrap_or_else(|| panic!("{binding} is not in {report}"));
        let codes = one["findings"].as_array().unwrap().iter();
        (
            text(&one["verdict"]),
            codes.map(|finding| text(&finding["code"])).collect(),
        )
    }

    fn bindings(&self) -> usize {
        self.report
            .as_ref()
            .map_or(0, |report| report["bindings"].as_array().unwrap().len())
    }
}

/// Audits; with this as standard input.
fn audit_with(arguments: &[&str], stdin: Stdio) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command
        .arg("audit")
        .args(arguments)
        .args(["-o", "json"])
        .stdin(stdin);
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        report: serde_json::from_slice(&output.stdout).ok(),
    }
}

fn audit(arguments: &[&str]) -> Outcome {
    audit_with(arguments, Stdio::null())
}

/// A cluster in which a pod of an annotated ServiceAccount got no credentials, kind by kind as `kubectl get` prints it, and the
/// account of the healthy fixture.
struct Dump(TempDir);

impl Dump {
    fn new() -> Self {
        let dump = Self(tempfile::tempdir().unwrap());
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop", "uid": "1",
            "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"}}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart", "namespace": "shop", "uid": "2"},
            "spec": {"serviceAccountName": "cart", "containers": [{"name": "app"}]}, "status": {"phase": "Running"}});
        let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dns", "namespace": "kube-system", "uid": "3"},
            "spec": {"serviceAccountName": "default", "containers": [{"name": "app"}]}, "status": {"phase": "Running"}});
        dump.write("serviceaccounts.yaml", list(&[account]));
        dump.write("pods.yaml", list(&[pod]));
        dump.write("system.yaml", list(&[other]));
        copy(&fixture("healthy/aws"), &dump.path("aws"));
        dump
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Audits the directory, which holds both.
    fn audit(&self, more: &[&str]) -> Outcome {
        let path = self.0.path().to_string_lossy();
        audit(&[&[&*path], more].concat())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn list(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

#[test]
fn a_command_that_failed_turns_broken_into_unknown_and_never_into_working() {
    let dump = Dump::new();
    let whole = dump.audit(&[]);
    assert_eq!(
        (whole.code, whole.of("shop/cart").0),
        (1, "Broken".to_owned()),
        "{}",
        whole.stderr
    );
    for content in [
        &b""[..],
        b"\n\n",
        b"\x1f\x8b\x08\0\0",
        b"\x28\xb5\x2f\xfd\0",
        b"PK\x03\x04",
        b"\0\x01\x02",
        b"Error from server (Forbidden): pods is forbidden: User \"x\" cannot list\n",
        b"Unable to connect to the server: net/http: TLS handshake timeout\n",
        b"NAMESPACE   NAME   READY   STATUS\nshop        cart   1/1     Running\n",
    ] {
        dump.write("pods.yaml", content);
        let outcome = dump.audit(&[]);
        let (verdict, codes) = outcome.of("shop/cart");
        assert_eq!(verdict, "Unknown", "{content:?}: {}", outcome.stderr);
        assert!(codes.contains(&"IRSA918".to_owned()), "{codes:?}");
        assert!(outcome.stderr.contains("pods.yaml"), "{}", outcome.stderr);
        let pods = dump.path("pods.yaml").to_string_lossy().into_owned();
        let named = audit(&[&pods]);
        assert!(
            named.code == 2 && named.stderr.contains("pods.yaml"),
            "{}",
            named.stderr
        );
    }
    fs::remove_file(dump.path("pods.yaml")).unwrap();
    dump.write("pods.yaml.gz", b"\x1f\x8b\x08\0\0");
    assert_eq!(dump.audit(&[]).of("shop/cart").0, "Unknown");
}

#[test]
fn every_file_of_a_directory_is_accounted_for() {
    let dump = Dump::new();
    assert_eq!(dump.audit(&[]).stderr, "");
    for (name, content) in [
        ("README.md", "# a dump\n"),
        ("values.yaml", "replicas: 1\n"),
        ("comments.yaml", "# Source: chart/templates/x.yaml\n"),
        (".hidden.yaml", "a: 1\n"),
        ("aws/users.json", "{\"Users\": []}"),
        (
            "aws/role.json",
            "{\"RoleName\": \"x\", \"Arn\": \"arn:aws:iam::111122223333:role/x\"}",
        ),
        (
            "aws/failed.json",
            "An error occurred (AccessDenied) when calling the GetRole operation: no\n",
        ),
    ] {
        dump.write(name, content);
        let outcome = dump.audit(&[]);
        let told: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| line.contains(name))
            .collect();
        assert_eq!((outcome.code, told.len()), (1, 1), "{name}: {}", outcome.stderr);
        fs::remove_file(dump.path(name)).unwrap();
    }
    let many = dump.path("many");
    fs::create_dir(&many).unwrap();
    for n in 0..30 {
        fs::write(many.join(format!("{n}.txt")), "notes").unwrap();
    }
    let told = dump.audit(&[]).stderr;
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn outputs_beside_manifests_are_told_where_only_manifests_were_asked_for() {
    let dump = Dump::new();
    let path = dump.0.path().to_string_lossy();
    let outcome = audit(&["--kubernetes", &path]);
    assert!(
        outcome.stderr.contains("get-account-authorization-details.json") && outcome.stderr.contains("--aws"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn paths_are_sorted_by_what_is_in_them() {
    let (kubernetes, aws) = (fixture("healthy/kubernetes"), fixture("healthy/aws"));
    let (kubernetes, aws) = (kubernetes.to_string_lossy(), aws.to_string_lossy());
    for arguments in [
        &["--kubernetes", &kubernetes, "--aws", &aws][..],
        &[&kubernetes, &aws],
        &[&aws, &kubernetes],
        &[&kubernetes, "--aws", &aws],
    ] {
        let outcome = audit(arguments);
        assert_eq!(
            (outcome.code, outcome.bindings()),
            (0, 4),
            "{arguments:?}: {}",
            outcome.stderr
        );
        assert_eq!(
            outcome.of("shop/cart").0,
            "Working",
            "{arguments:?}: {}",
            outcome.stderr
        );
    }
    let all = Dump::new();
    let text = fs::read_to_string(all.path("serviceaccounts.yaml")).unwrap();
    all.write("in", text);
    let stdin = fs::File::open(all.path("in")).unwrap();
    let outcome = audit_with(&["-", &aws, "--partial"], stdin.into());
    assert_eq!(outcome.of("shop/cart").0, "Working", "{}", outcome.stderr);
    all.write("values.yaml", "replicas: 1\n");
    let values = all.path("values.yaml").to_string_lossy().into_owned();
    let foreign = audit(&[&values, &aws]);
    assert!(
        foreign.code == 2 && foreign.stderr.contains("values.yaml"),
        "{}",
        foreign.stderr
    );
}

#[test]
fn a_namespace_is_all_that_is_audited() {
    let (kubernetes, aws) = (fixture("healthy/kubernetes"), fixture("healthy/aws"));
    let (kubernetes, aws) = (kubernetes.to_string_lossy(), aws.to_string_lossy());
    let of = |namespace: &str| audit(&[&kubernetes, &aws, "-n", namespace]);
    let shop = of("shop");
    assert_eq!((shop.bindings(), shop.stderr.as_str()), (2, ""));
    let nowhere = of("nowhere");
    assert!(
        nowhere.bindings() == 0 && nowhere.stderr.contains("nowhere"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn manifests_without_a_namespace_are_unknown_until_it_is_given() {
    let chart = fixture("chart/rendered.yaml");
    let aws = fixture("healthy/aws");
    let (chart, aws) = (chart.to_string_lossy(), aws.to_string_lossy());
    let assumed = audit(&[&chart, &aws, "--partial"]);
    let (verdict, codes) = assumed.of("default/release-cart");
    assert!(
        verdict == "Unknown" && codes.contains(&"IRSA919".to_owned()),
        "{codes:?}"
    );
    assert!(assumed.stderr.contains("--namespace"), "{}", assumed.stderr);
    let said = audit(&[&chart, &aws, "--partial", "-n", "shop"]);
    assert_eq!(said.of("shop/release-cart").0, "Broken");
}

#[test]
fn a_name_of_any_length_fits_the_table() {
    let dump = Dump::new();
    let name = "x".repeat(65_536);
    let accounts: Vec<Value> = (0..20)
        .map(|n| {
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": format!("{name}{n}"), "namespace": name, "uid": "1",
                "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/deleted"}}})
        })
        .collect();
    dump.write("long.json", list(&accounts));
    let path = dump.0.path().to_string_lossy();
    for format in ["table", "wide"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
        let output = command.args(["audit", &path, "-o", format]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let table: Vec<&[u8]> = lines.take_while(|line| !line.is_empty()).collect();
        assert!(
            table.len() > 20 && table.iter().all(|line| line.len() < 2_048),
            "{format}"
        );
    }
}

#[test]
fn where_nothing_can_be_read_nothing_passes() {
    let dump = Dump::new();
    for name in ["serviceaccounts.yaml", "pods.yaml", "system.yaml"] {
        dump.write(name, "Error from server (Forbidden): pods is forbidden\n");
    }
    let outcome = dump.audit(&["--fail-on", "never"]);
    assert_eq!((outcome.code, outcome.report), (2, None), "{}", outcome.stderr);
}

#[test]
fn pods_of_one_file_say_nothing_of_those_of_another() {
    let dump = Dump::new();
    copy(&fixture("healthy/kubernetes"), &dump.path("healthy"));
    dump.write("pods.yaml", "");
    let (verdict, codes) = dump.audit(&[]).of("shop/cart");
    assert_eq!(verdict, "Unknown");
    assert!(codes.contains(&"IRSA918".to_owned()), "{codes:?}");
}

#[test]
fn a_list_that_was_cut_off_proves_no_absence() {
    let dump = Dump::new();
    let whole = fs::read_to_string(dump.path("serviceaccounts.yaml")).unwrap();
    let mut cut: Value = serde_json::from_str(&whole).unwrap();
    cut.as_object_mut().unwrap().remove("kind");
    for (text, is_cut) in [(whole.clone(), false), (cut.to_string(), true)] {
        dump.write("serviceaccounts.yaml", text);
        let outcome = dump.audit(&[]);
        assert_eq!(
            outcome.stderr.contains("serviceaccounts.yaml"),
            is_cut,
            "{}",
            outcome.stderr
        );
        assert_ne!(outcome.of("shop/cart").0, "Working");
        let codes = outcome.report.unwrap()["cluster"]["findings"].to_string();
        assert!(!codes.contains("IRSA701"), "{codes}");
    }
}
