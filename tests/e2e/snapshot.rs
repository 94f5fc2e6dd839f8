//! `irsa-audit snapshot`: an audit of what it captured says what a live audit says; what it could not capture is unknown.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use e2e::aws::{Aws, HOME};
use e2e::objects;
use e2e::operator;
use e2e::remediation::command;
use e2e::scenario::{self, APP};
use e2e::world::{World, eventually, ways_in};
use serde_json::{Map, Value, json};
use test_kit::{Process, Signal};

use super::{Failure, Outcome, WITHIN, play};

/// In every text that must not get into a snapshot.
const MARKER: &str = "m4rk3r";

/// Who may list everything that an audit reads but pods and Argo's workflows.
const LIMITED: &str = "limited";

/// The report that an audit prints, without where manifests are: a cluster has no files.
async fn report(world: &World, user: Option<&str>, words: &[&str]) -> Result<Value, Failure> {
    let words = [&["audit", "--output=json", "--fail-on=never", "--quiet"], words].concat();
    let (code, printed) = command(world, user, &words).await?;
    assert_eq!(code, 0, "{printed}");
    // Of files, nothing asks IAM's policy simulator.
    let printed = printed.replace(
        "IAM's policy simulator agrees; irsa-audit did not evaluate RCPs",
        "irsa-audit did not evaluate SCPs, RCPs",
    );
    let start = printed.find('{').unwrap_or_default();
    let mut report: Value =
        serde_json::from_str(&printed[start..]).map_err(|error| Failure(format!("{error}: {printed}")))?;
    for binding in report["bindings"].as_array_mut().into_iter().flatten() {
        binding.as_object_mut().expect("a binding").remove("manifest");
    }
    Ok(report)
}

async fn live(world: &World) -> Result<Value, Failure> {
    let ways = ways_in();
    report(world, None, &[&ways[0], &ways[1]]).await
}

/// Takes a snapshot; returns the exit code and what was printed.
async fn snapshot(
    world: &World,
    user: Option<&str>,
    directory: &str,
    flags: &[&str],
) -> Result<(i32, String), Failure> {
    let ways = ways_in();
    let words = [&["snapshot", directory, "--rate=100", &ways[0], &ways[1]], flags].concat();
    Ok(command(world, user, &words).await?)
}

fn manifest(directory: &Path) -> Value {
    let text = fs::read(directory.join("snapshot.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn whole_parts(directory: &Path) -> usize {
    let manifest = manifest(directory);
    let parts = manifest["parts"].as_object().into_iter().flatten();
    parts.filter(|(_, part)| part["state"] == "whole").count()
}

fn verdicts(report: &Value) -> Vec<(String, String)> {
    let bindings = report["bindings"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    bindings
        .map(|binding| (text(&binding["namespace"]), text(&binding["verdict"])))
        .collect()
}

/// Every file below a directory, with its text.
fn files(directory: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            files.extend(self::files(&path));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

/// Objects whose free texts are secret.
async fn create_secrets(world: &World) -> Outcome {
    let namespace = "secrets";
    let applied = json!({"kubectl.kubernetes.io/last-applied-configuration": MARKER, "note": MARKER});
    let metadata = |name: &str| json!({"namespace": namespace, "name": name, "annotations": applied});
    let env = json!([
        {"name": "PASSWORD", "value": MARKER}, {"name": "AWS_SECRET_ACCESS_KEY", "value": MARKER},
        {"name": "AWS_ACCESS_KEY_ID", "value": MARKER}, {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::111122223333:role/x"},
    ]);
    let container = json!({"name": "app", "image": "example.com/app", "env": env, "args": [MARKER]});
    let spec = json!({"serviceAccountName": APP, "containers": [container]});
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(APP), "secrets": [{"name": MARKER}],
    });
    world.cluster().create_namespace(namespace).await?;
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("db"), "stringData": {"password": MARKER}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("env"), "data": {"PASSWORD": MARKER}}),
        account,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata("app"), "spec": spec}),
    ] {
        world.cluster().create(&object).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_audit_of_a_snapshot_says_what_the_live_audit_says() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for scenario in scenario::all() {
        world.play(&scenario).await?;
    }
    create_secrets(&world).await?;
    let home = world.aws().as_fake().expect("the fake").account(HOME);
    home.eks_cluster(
        "live",
        "https://oidc.eks.eu-west-1.amazonaws.com/id/11111111111111111111111111111111",
    );
    let folder = tempfile::tempdir()?;
    let directory = folder.path().join("prod");
    let path = directory.display().to_string();
    let (code, printed) = snapshot(&world, None, &path, &[]).await?;
    assert_eq!(code, 0, "{printed}");
    let (live, captured) = (live(&world).await?, report(&world, None, &[&path]).await?);
    assert!(verdicts(&live).len() >= scenario::all().len(), "{live}");
    assert_same(&live, &captured);

    let files = files(&directory);
    for (name, text) in &files {
        assert!(
            !text.contains(MARKER) && !text.contains("managedFields"),
            "{name}"
        );
    }
    assert!(files.iter().all(|(name, _)| !name.contains("/secrets.json")));

    // What was captured cannot be changed unnoticed.
    let pods = directory.join("kubernetes/pods.json");
    let text = fs::read_to_string(&pods)?;
    fs::write(&pods, text.replacen("app", "apq", 1))?;
    let (code, printed) = command(&world, None, &["audit", &path]).await?;
    assert!(code == 2 && printed.contains("pods.json"), "{code}: {printed}");
    fs::remove_file(&pods)?;
    let (code, printed) = command(&world, None, &["audit", &path]).await?;
    assert!(code == 2 && printed.contains("pods.json"), "{code}: {printed}");
    // The same command mends it.
    let (code, printed) = snapshot(&world, None, &path, &[]).await?;
    assert_eq!(code, 0, "{printed}");
    assert_same(&live, &report(&world, None, &[&path]).await?);
    Ok(())
}

/// That two reports are the same. What is not is told by its place.
fn assert_same(one: &Value, other: &Value) {
    let mut different = Vec::new();
    compare("", one, other, &mut different);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Collects the places at which two values differ.
fn compare(place: &str, one: &Value, other: &Value, different: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let of = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                compare(&format!("{place}/{name}"), &of(one), &of(other), different);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                let name = one.get("namespace").or(one.get("code")).and_then(Value::as_str);
                let name = name.map_or_else(|| at.to_string(), str::to_owned);
                compare(&format!("{place}/{name}"), one, other, different);
            }
        }
        _ if one == other => {}
        _ => different.push(format!("{place}:\n  {one}\n  {other}")),
    }
}

/// A cluster in which someone may list everything but pods and one kind of another project.
async fn limit(world: &World) -> Outcome {
    let rules = json!([
        {"apiGroups": [""], "resources": ["serviceaccounts", "namespaces", "configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": ["rbac.authorization.k8s.io", "admissionregistration.k8s.io", "irsa-audit.dev", "batch"], "resources": ["*"],
            "verbs": ["get", "list"]},
    ]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": LIMITED}, "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": LIMITED},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": LIMITED},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": LIMITED}],
    });
    for object in [role, binding] {
        world.cluster().create(&object).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_could_not_be_captured_is_unknown_and_named() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for namespace in ["eksctl", "not-injected"] {
        play(&world, namespace).await?;
    }
    limit(&world).await?;
    let fake = world.aws().as_fake().expect("the fake");
    let folder = tempfile::tempdir()?;
    let directory = folder.path().join("prod");
    let path = directory.display().to_string();
    let (code, printed) = snapshot(&world, Some(LIMITED), &path, &[]).await?;
    assert!(code == 1 && printed.contains("kubernetes/pods"), "{printed}");
    let part = manifest(&directory)["parts"]["kubernetes/pods"].clone();
    assert_eq!(
        (&part["state"], &part["reason"]),
        (&json!("missing"), &json!("forbidden"))
    );
    let captured = report(&world, None, &[&path]).await?;
    assert!(
        verdicts(&captured)
            .iter()
            .all(|(_, verdict)| verdict == "Unknown"),
        "{captured}"
    );

    // The account cannot be listed: its roles are read one by one, and those of no binding are unknown.
    fake.deny(HOME, "iam:GetAccountAuthorizationDetails");
    fs::remove_dir_all(&directory)?;
    let (code, printed) = snapshot(&world, None, &path, &[]).await?;
    assert!(code == 1 && printed.contains("/details"), "{printed}");
    assert_eq!(
        verdicts(&live(&world).await?),
        verdicts(&report(&world, None, &[&path]).await?)
    );

    // Without roles there is no verdict, and none is made up.
    fake.deny(HOME, "iam:GetRole");
    let (code, printed) = snapshot(&world, None, &path, &[]).await?;
    assert_eq!(code, 1, "{printed}");
    let captured = report(&world, None, &[&path]).await?;
    let of = |name: &str| {
        verdicts(&captured)
            .into_iter()
            .find(|(namespace, _)| namespace == name)
    };
    assert_eq!(
        of("eksctl").map(|(_, verdict)| verdict).as_deref(),
        Some("Unknown"),
        "{captured}"
    );

    // What is expected is not known.
    fs::remove_dir_all(&directory)?;
    let (code, _) = snapshot(&world, Some("stranger"), &path, &[]).await?;
    assert_eq!(code, 1);
    let (code, printed) = command(&world, None, &["audit", &path]).await?;
    assert!(
        code == 2 && printed.contains("kubernetes/irsaaudits"),
        "{code}: {printed}"
    );

    fs::write(folder.path().join("notes"), "mine")?;
    let (code, printed) = snapshot(&world, None, &folder.path().display().to_string(), &[]).await?;
    assert_eq!(code, 2, "{printed}");
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_was_interrupted_is_resumed() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for namespace in ["eksctl", "wrong-namespace"] {
        play(&world, namespace).await?;
    }
    world
        .cluster()
        .create(&objects::bare_service_account("eksctl", "other"))
        .await?;
    let folder = tempfile::tempdir()?;
    for signal in [Signal::Kill, Signal::Interrupt] {
        let directory = folder.path().join(format!("{signal:?}"));
        let path = directory.display().to_string();
        let process = start(&world, &["snapshot", &path, "--rate=1"]).await?;
        let has_begun = || async { whole_parts(&directory) >= 3 };
        assert!(eventually(WITHIN, has_begun).await, "{}", process.log());
        process.signal(signal)?;
        let ended = || async { process.exit_code().is_some() };
        assert!(eventually(WITHIN, ended).await, "{}", process.log());
        let kept = whole_parts(&directory);
        assert!(manifest(&directory)["finishedAt"].is_null());
        // What was not captured yet is unknown, or keeps the audit from saying anything.
        let words = ["audit", "--output=json", "--fail-on=never", &path];
        let (code, printed) = command(&world, None, &words).await?;
        assert!(
            code == 2 || !printed.contains("\"verdict\": \"Working\""),
            "{printed}"
        );

        let (code, printed) = snapshot(&world, None, &path, &[]).await?;
        assert!(
            code == 0 && printed.contains(&format!("{kept} parts")),
            "{kept}: {printed}"
        );
        assert_same(&live(&world).await?, &report(&world, None, &[&path]).await?);
    }
    Ok(())
}

/// Starts a command that is not awaited.
async fn start(world: &World, words: &[&str]) -> Result<Process, Failure> {
    let mut launch = operator::launch("snapshot", words).await?;
    for (name, value) in world.aws().environment() {
        launch = launch.env(name, value);
    }
    let kubeconfig = world.plane().kubeconfig_path();
    Ok(launch.env("KUBECONFIG", kubeconfig).start()?)
}
