//! The image: its recipe, and a container of it. Only the build stage, which needs a base image from a registry, is not run.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::chart;
use e2e::checkers;
use e2e::image::Image;
use e2e::operator::{self, Operator};
use e2e::tools;
use e2e::world::OPERATOR;
use serde_json::Value;

use super::{Failure, Outcome, WORKS, fake_world, play, wait_for};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test]
async fn hadolint_finds_nothing_to_complain_about() -> Outcome {
    let file = root().join("Dockerfile").display().to_string();
    tools::run(
        &checkers::hadolint().await?,
        &["--failure-threshold", "style", &file],
    )
    .await?;
    Ok(())
}

/// The workspace has to load in the build stage, where only the context is.
#[tokio::test]
async fn the_context_has_all_that_the_build_reads() -> Outcome {
    let ignored: Vec<String> = fs::read_to_string(root().join(".dockerignore"))?
        .lines()
        .filter_map(|line| line.strip_prefix('/').map(str::to_owned))
        .collect();
    assert!(ignored.contains(&"target".to_owned()) && ignored.contains(&".git".to_owned()));
    let metadata = tools::run(
        Path::new("cargo"),
        &[
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
            &root().join("Cargo.toml").display().to_string(),
        ],
    )
    .await?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let workspace = metadata["workspace_root"].as_str().expect("a root");
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("a manifest");
        let place = Path::new(
            manifest
                .strip_prefix(workspace)
                .expect("a member")
                .trim_start_matches('/'),
        );
        assert!(
            !ignored.iter().any(|folder| place.starts_with(folder)),
            "{place:?} is not in the context"
        );
    }
    Ok(())
}

/// The pod of the operator, as the chart renders it.
async fn pod() -> Result<Value, Failure> {
    let values = chart::folder().join("ci/minimal-values.yaml");
    let objects = chart::objects(&chart::template("1.36.3", &values, &[]).await?)?;
    Ok(chart::one(&objects, "Deployment").expect("a Deployment")["spec"]["template"]["spec"].clone())
}

/// The user ID that a process has in its own user namespace, and whether its root file system is mounted read-only.
fn user_and_root(pid: i32) -> Result<(u64, bool), Failure> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let numbers = |line: &str| -> Vec<u64> {
        let words = line.split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let status = read("status")?;
    let user = status.lines().find(|line| line.starts_with("Uid:"));
    let user = numbers(user.expect("a user"))[0];
    let map = numbers(&read("uid_map")?);
    let mounts = read("mountinfo")?;
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let root = mounts.find(|fields| fields[4] == "/").expect("a root");
    Ok((
        user - map[1] + map[0],
        root[5].split(',').any(|option| option == "ro"),
    ))
}

/// What the chart says about the container is what the image is.
fn assert_runs_as_the_chart_says(image: &Image, pod: &Value) {
    let config = image.config();
    let container = &pod["containers"][0];
    let user = &pod["securityContext"]["runAsUser"];
    let group = &pod["securityContext"]["runAsGroup"];
    assert_eq!(config.user, format!("{user}:{group}"));
    let ports = container["ports"].as_array().expect("ports");
    let ports: Vec<String> = ports
        .iter()
        .map(|port| format!("{}/tcp", port["containerPort"]))
        .collect();
    assert_eq!(config.exposed_ports.keys().cloned().collect::<Vec<_>>(), ports);
    assert_eq!(config.entrypoint, ["/irsa-audit"]);
    assert!(
        container.get("command").is_none(),
        "the entry point is the image's"
    );
    assert_eq!(Value::from(config.cmd.clone())[0], container["args"][0]);
}

/// The pod finds the API server as in a cluster, by its environment and the files of its `ServiceAccount`.
#[tokio::test]
async fn the_operator_runs_from_the_image_as_the_chart_says() -> Outcome {
    const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let world = fake_world().await?;
    let plane = world.plane();
    let program = operator::program().await?;
    let image = Image::build(&root().join("Dockerfile"), program, plane.ca_pem()).await?;
    let pod = pod().await?;
    assert_runs_as_the_chart_says(&image, &pod);
    assert_eq!(
        image.files()?,
        ["/etc/ssl/certs/ca-certificates.crt", "/irsa-audit"]
    );

    let token = plane.service_account_token(OPERATOR, OPERATOR, None).await?;
    let mounted = [
        (format!("{MOUNT}/token"), token.as_str()),
        (format!("{MOUNT}/ca.crt"), plane.ca_pem()),
        (format!("{MOUNT}/namespace"), OPERATOR),
    ];
    let mounted: Vec<(&str, &str)> = mounted
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    let server = plane.server_url().trim_start_matches("https://");
    let (host, port) = server.rsplit_once(':').expect("a port");
    let mut environment = world.aws().environment();
    environment.extend([
        ("KUBERNETES_SERVICE_HOST", host.to_owned()),
        ("KUBERNETES_SERVICE_PORT", port.to_owned()),
        ("IRSA_AUDIT_POD_NAME", "irsa-audit-0".to_owned()),
        ("IRSA_AUDIT_LEASE_NAMESPACE", OPERATOR.to_owned()),
    ]);
    let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
    let mut arguments: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
    // The machine's network is shared with other tests.
    arguments.extend(["--metrics-addr", "127.0.0.1:0"]);
    play(&world, "eksctl").await?;
    let container = image.container(&mounted, &environment, &arguments).await?;
    let operator = Operator::started(container).await?;
    assert!(operator.is_alive().await, "{}", operator.process().log());
    let user = pod["securityContext"]["runAsUser"].as_u64().expect("a user");
    assert_eq!(user_and_root(operator.process().pid())?, (user, true));
    wait_for(&world, "eksctl", WORKS).await?;
    Ok(())
}
