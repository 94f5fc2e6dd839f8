//! What the documents say is there, and what they ask for is what is needed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use audit_api::irsa_audit::VerdictName;
use e2e::aws::HOME;
use e2e::scenario::{self, APP};
use e2e::world::eventually;
use fake_aws::Fault;
use serde_json::Value;

use super::{Outcome, WITHIN, WORKS, fake_world, wait_for};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Markdown files that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/findings", "charts/irsa-audit"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        pages.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// The targets of a page's links, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 0 {
            let targets = part.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.extend(targets.map(str::to_owned));
        }
    }
    links
}

#[test]
fn each_link_leads_to_a_file_that_is_there() {
    let mut dead = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for link in links(&text)
            .iter()
            .filter(|link| !link.starts_with("http") && !link.starts_with('#'))
        {
            count += 1;
            let path = link.split('#').next().unwrap_or_default();
            if !page.parent().expect("a folder").join(path).exists() {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty() && count > 20, "{count} links, dead: {dead:#?}");
}

/// The shipped IAM policy is what the operator calls, with and without the action that lists everything.
#[tokio::test]
async fn the_shipped_iam_policy_allows_what_the_operator_calls() -> Outcome {
    let policy: Value = serde_json::from_str(&fs::read_to_string(root().join("deploy/iam/reader.json"))?)?;
    let allowed: BTreeSet<String> = policy["Statement"][0]["Action"]
        .as_array()
        .expect("actions")
        .iter()
        .filter_map(|action| action.as_str().map(str::to_owned))
        .collect();
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    for scenario in scenario::all() {
        world.play(&scenario).await?;
    }
    let account = fake.account(HOME);
    account.eks_cluster("prod", "https://oidc.example.com/id/A");
    account.pod_identity_association(
        "prod",
        "wrong-namespace",
        APP,
        "arn:aws:iam::123456789012:role/other",
    );
    // From here on only the operator calls.
    fake.reset_calls();
    let flags = ["--cluster-name=prod"];
    let first = world.operator(&flags).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    wait_for(
        &world,
        "wrong-namespace",
        (VerdictName::Broken, "SubjectNamespaceMismatch"),
    )
    .await?;
    // What only a listing calls for is asked after the verdicts.
    let described = || {
        fake.calls()
            .iter()
            .any(|call| call.operation == "DescribeCluster")
    };
    assert!(eventually(WITHIN, || async { described() }).await);
    drop(first);
    fake.fault(Fault::on("GetAccountAuthorizationDetails").access_denied());
    let _second = world.operator(&flags).await?;
    let called = || -> BTreeSet<String> {
        let calls = fake.calls();
        let reads = calls.into_iter().filter(|call| call.service != "sts");
        reads
            .map(|call| format!("{}:{}", call.service, call.operation))
            .collect()
    };
    assert!(
        eventually(WITHIN, || async { called() == allowed }).await,
        "called: {:?}, in deploy/iam/reader.json: {allowed:?}",
        called()
    );
    Ok(())
}
