//! `irsa-audit audit` says what the operator says: of the same cluster and accounts, and of what kubectl and the AWS CLI print of
//! them.

use std::collections::{BTreeMap, BTreeSet};

use audit_api::IrsaAudit;
use e2e::aws::{self, Aws};
use e2e::foreign;
use e2e::operator::{self, program};
use e2e::scenario;
use e2e::tools::{self, Shell};
use e2e::world::{ISSUER, World, eventually, ways_in};
use serde_json::Value;
use test_kit::Moto;

use super::{Failure, Outcome, WITHIN, cluster_status, codes};

/// Verdict, reason and codes by binding.
pub(super) type Said = BTreeMap<String, (String, String, Vec<String>)>;

/// The same, and the codes of what is said of trust that nothing needs.
type Whole = (Said, BTreeSet<String>);

#[tokio::test]
async fn the_command_says_what_the_operator_says() -> Outcome {
    // For its AWS CLI.
    let moto = Moto::start().await?;
    let world = World::start(Aws::fake().await?).await?;
    for scenario in scenario::all() {
        world.play(&scenario).await?;
    }
    let home = world.aws().as_fake().expect("the fake").account(aws::HOME);
    home.eks_cluster(
        "live",
        "https://oidc.eks.eu-west-1.amazonaws.com/id/11111111111111111111111111111111",
    );
    let operator = world.operator(&[]).await?;
    let expected = statuses(&world).await?;
    drop(operator);
    assert_eq!(live_whole(&world, &[]).await?, expected);

    let one = scenario::named("wrong-namespace").expect("a scenario");
    let only = live(&world, &["--namespace", one.namespace]).await?;
    assert_eq!(
        only.keys().collect::<Vec<_>>(),
        [&format!("{}/{}", one.namespace, scenario::APP)]
    );

    assert_eq!(offline(&world, &moto).await?, expected);
    Ok(())
}

/// What the operator published of every scenario.
async fn statuses(world: &World) -> Result<Whole, Failure> {
    let mut said = Said::new();
    for scenario in scenario::all() {
        let (namespace, verdict, reason) = (scenario.namespace, scenario.verdict, scenario.reason);
        let audit = world
            .cluster()
            .wait_for_verdict(namespace, scenario::APP, verdict, reason, WITHIN)
            .await?;
        said.insert(format!("{namespace}/{}", scenario::APP), of_status(&audit));
    }
    let reverse = async || reverse(&cluster_status(world).await["findings"]);
    let is_whole = || async { reverse().await.contains("IRSA703") };
    assert!(eventually(WITHIN, is_whole).await, "{:?}", reverse().await);
    Ok((said, reverse().await))
}

/// The codes of trust that nothing needs among findings, in whatever order they are shown.
fn reverse(findings: &Value) -> BTreeSet<String> {
    let findings = findings.as_array().into_iter().flatten();
    let codes = findings.filter_map(|finding| finding["code"].as_str());
    codes
        .filter(|code| code.starts_with("IRSA7"))
        .map(str::to_owned)
        .collect()
}

pub(super) fn of_status(audit: &IrsaAudit) -> (String, String, Vec<String>) {
    let status = audit.status.clone().unwrap_or_default();
    let verdict = status.verdict.map(|verdict| format!("{verdict:?}"));
    let codes = codes(audit).into_iter().map(str::to_owned).collect();
    (
        verdict.unwrap_or_default(),
        status.reason.unwrap_or_default(),
        codes,
    )
}

/// What a report says.
fn of_report(report: &Value) -> Whole {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bindings = report["bindings"].as_array().cloned().unwrap_or_default();
    let of = |binding: &Value| {
        let findings = binding["findings"].as_array().cloned().unwrap_or_default();
        let codes = findings.iter().map(|finding| text(&finding["code"])).collect();
        let name = format!(
            "{}/{}",
            text(&binding["namespace"]),
            text(&binding["serviceAccount"])
        );
        (name, (text(&binding["verdict"]), text(&binding["reason"]), codes))
    };
    (bindings.iter().map(of).collect(), reverse(&report["findings"]))
}

/// The audit of the cluster, by its administrator.
pub(super) async fn live(world: &World, flags: &[&str]) -> Result<Said, Failure> {
    Ok(live_whole(world, flags).await?.0)
}

async fn live_whole(world: &World, flags: &[&str]) -> Result<Whole, Failure> {
    Ok(of_report(&serde_json::from_str(&printed(world, flags).await?)?))
}

/// What it prints, warnings included.
pub(super) async fn printed(world: &World, flags: &[&str]) -> Result<String, Failure> {
    let arguments = ["audit", "--output=json", "--fail-on=never"];
    let mut launch = operator::launch("audit", &arguments).await?;
    launch = launch.args(ways_in()).args(flags);
    for (name, value) in world.aws().environment() {
        launch = launch.env(name, value);
    }
    let process = launch
        .env("KUBECONFIG", world.plane().kubeconfig_path())
        .start()?;
    let code = process.wait(WITHIN).await?;
    let log = process.log();
    assert_eq!(code, 0, "{log}");
    Ok(log)
}

/// The audit of dumps, in a shell such as a person's.
async fn offline(world: &World, moto: &Moto) -> Result<Whole, Failure> {
    let cli = moto.aws_cli();
    let (kubectl, jq) = (tools::kubectl().await?, tools::jq().await?);
    let all: [(&str, &std::path::Path); 4] = [
        ("aws", &cli),
        ("kubectl", &kubectl),
        ("jq", &jq),
        ("irsa-audit", program().await?),
    ];
    let folder = tempfile::tempdir()?;
    let path = folder.path().display();
    let mut home = world.aws().environment();
    home.push((
        "KUBECONFIG",
        world.plane().kubeconfig_path().display().to_string(),
    ));
    let home = Shell::new(&all, &home)?;
    let other = Shell::new(&all, &world.aws().environment_in(aws::OTHER).await?)?;
    let near = Shell::new(&all, &world.aws().environment_in(aws::NEAR).await?)?;
    let scenarios = scenario::all();
    let foreign = foreign::kinds(scenarios.iter().flat_map(|scenario| &scenario.objects));
    let foreign: Vec<String> = foreign.into_iter().map(foreign::name).collect();
    let foreign = foreign.join(",");
    home.run(&format!(
        "mkdir {path}/aws && kubectl get namespaces,serviceaccounts,pods,deployments,cronjobs,roles,clusterroles,rolebindings,\
         clusterrolebindings,mutatingwebhookconfigurations,irsaaudits,{foreign} --all-namespaces \
         --output=yaml > {path}/cluster.yaml"
    ))
    .await?;
    for (shell, name) in [(&home, "home"), (&other, "other"), (&near, "near")] {
        shell.run(&account(&format!("{path}/aws/{name}"))).await?;
    }
    home.run(&format!(
        "irsa-audit audit --kubernetes {path}/cluster.yaml --aws {path}/aws --issuer {ISSUER} --output json --fail-on never \
         > {path}/report.json"
    ))
    .await?;
    Ok(of_report(&serde_json::from_slice(&std::fs::read(
        folder.path().join("report.json"),
    )?)?))
}

/// A script that dumps an account into a folder.
fn account(folder: &str) -> String {
    format!(
        "mkdir {folder} && aws iam get-account-authorization-details > {folder}/details.json \
         && aws iam get-account-summary > {folder}/summary.json \
         && aws iam list-open-id-connect-providers > {folder}/providers.json \
         && aws eks list-clusters > {folder}/clusters.json \
         && for name in $(jq -r '.clusters[]' {folder}/clusters.json); do \
         aws eks describe-cluster --name \"$name\" > {folder}/cluster-$name.json || exit 1; done \
         && for arn in $(jq -r '.OpenIDConnectProviderList[].Arn' {folder}/providers.json); do \
         aws iam get-open-id-connect-provider --open-id-connect-provider-arn \"$arn\" \
         > {folder}/provider-$(echo \"$arn\" | tr -c 'a-zA-Z0-9\\n' -).json || exit 1; done"
    )
}
