//! The image's recipe, as far as it can be checked without a container engine.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::chart;
use e2e::checkers;
use e2e::tools;
use serde_json::Value;

use super::{Failure, Outcome};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn dockerfile() -> Result<String, Failure> {
    Ok(fs::read_to_string(root().join("Dockerfile"))?)
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

/// What the chart says of the container is what the image is.
#[tokio::test]
async fn the_image_runs_as_the_chart_says() -> Outcome {
    let dockerfile = dockerfile()?;
    let values = chart::folder().join("ci/minimal-values.yaml");
    let objects = chart::objects(&chart::template("1.36.3", &values, &[]).await?)?;
    let pod = &chart::one(&objects, "Deployment").expect("a Deployment")["spec"]["template"]["spec"];
    let user = pod["securityContext"]["runAsUser"].as_u64().expect("a user");
    let group = pod["securityContext"]["runAsGroup"].as_u64().expect("a group");
    assert!(dockerfile.contains(&format!("USER {user}:{group}\n")));
    let port = pod["containers"][0]["ports"][0]["containerPort"]
        .as_u64()
        .expect("a port");
    assert!(dockerfile.contains(&format!("EXPOSE {port}\n")));
    assert!(dockerfile.contains("ENTRYPOINT [\"/irsa-audit\"]\n"));
    assert!(
        pod["containers"][0].get("command").is_none(),
        "the entry point is the image's"
    );
    Ok(())
}
