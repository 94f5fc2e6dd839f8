//! `cargo xtask demo`: the operator on a real API server, with one namespace for each failure that people reported.

mod observe;
mod remediation;
pub mod stand_in;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use clap::{Args, ValueEnum};
use e2e::aws::{Aws, AwsError};
use e2e::cluster::ClusterError;
use e2e::operator::{self, Operator, OperatorError};
use e2e::prometheus::{Prometheus, PrometheusError};
use e2e::remediation::StageError;
use e2e::scenario::{self, APP, Scenario};
use e2e::table;
use e2e::tools::{self, Shell, ToolError};
use e2e::world::{OPERATOR, World, WorldError};
use futures::future::join_all;
use tempfile::TempDir;

/// The verdicts come within seconds; a busy machine may take longer.
const VERDICTS_WITHIN: Duration = Duration::from_secs(90);

/// The operator looks at a broken binding again after a quarter of a minute.
const REPAIRED_WITHIN: Duration = Duration::from_mins(1);

/// The one that is repaired.
const REPAIRED: &str = "wrong-namespace";

/// Shows the operator at work.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// End by itself, with an error if an expected verdict was not reached
    #[arg(long)]
    once: bool,
    /// Who plays AWS; moto needs Python
    #[arg(long, value_enum, default_value_t = Endpoint::Fake)]
    aws: Endpoint,
    /// Have a Prometheus watch the operator, with the alerts that are shipped
    #[arg(long)]
    observe: bool,
}

/// Who plays AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Endpoint {
    Fake,
    Moto,
}

/// Why the demo did not go well.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The world is not whole.
    #[error(transparent)]
    World(#[from] WorldError),
    /// AWS is not there.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The operator is not there.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The cluster did not follow.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A repair could not be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// No table.
    #[error("the table could not be read: {0}")]
    Table(#[from] kube::Error),
    /// The printed text did not work.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// There is no Prometheus, or it does not see what it should.
    #[error(transparent)]
    Observe(#[from] PrometheusError),
    /// No alert came.
    #[error("no alert fired within {0:?}")]
    NoAlert(Duration),
    /// A file could not be written, or a signal not be awaited.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Some verdicts are not as they should be.
    #[error("not as expected:\n{0}")]
    Verdicts(String),
    /// The status prints no fix.
    #[error("the status of `{REPAIRED}` prints no fix")]
    NoFix,
}

/// Runs the demo.
///
/// # Errors
/// [`DemoError`]; verdicts that were not reached are among them.
pub fn run(args: &DemoArgs) -> Result<(), DemoError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(show(args))
}

async fn show(args: &DemoArgs) -> Result<(), DemoError> {
    step("building the operator");
    operator::program().await?;
    step("starting a Kubernetes API server and AWS (the very first time, the API server is built: minutes)");
    let aws = match args.aws {
        Endpoint::Fake => Aws::fake().await?,
        Endpoint::Moto => Aws::moto().await?,
    };
    let world = World::start(aws).await?;

    step("what people reported, a namespace each");
    let scenarios = scenario::all();
    for scenario in &scenarios {
        world.play(scenario).await?;
        println!("    {:18} \"{}\"", scenario.namespace, scenario.title);
    }
    let begun = Instant::now();
    let flag = format!("--writer-service-account={OPERATOR}/{}", e2e::remediation::WRITER);
    let operator = world.operator(&[&flag]).await?;
    let prometheus = if args.observe {
        step("starting Prometheus");
        observe::start(&operator).await?
    } else {
        None
    };
    step("what the operator says: kubectl get irsaaudits --all-namespaces");
    let missing = await_verdicts(&world, &scenarios).await;
    println!("{}", table::audits(world.cluster()).await?);
    if !missing.is_empty() {
        return Err(DemoError::Verdicts(missing.join("\n")));
    }
    println!(
        "All {} verdicts are as they should be, {:.1?} after the operator's start.",
        scenarios.len(),
        begun.elapsed()
    );

    if let Some(prometheus) = &prometheus {
        step("what Prometheus says of the operator's metrics");
        observe::alerts(prometheus).await?;
    }
    let shell = shell(&world).await?;
    repair(&world, &shell).await?;
    remediation::play(&world, &shell).await?;
    if args.once {
        return Ok(());
    }
    stay(&world, &operator, prometheus.as_ref()).await
}

fn step(what: &str) {
    println!("\n==> {what}");
}

/// Those that were not reached, and what there was instead.
async fn await_verdicts(world: &World, scenarios: &[Scenario]) -> Vec<String> {
    let cluster = world.cluster();
    let all = scenarios.iter().map(|scenario| {
        cluster.wait_for_verdict(
            scenario.namespace,
            APP,
            scenario.verdict,
            scenario.reason,
            VERDICTS_WITHIN,
        )
    });
    join_all(all)
        .await
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect()
}

/// Runs what a status prints, to the letter, and shows the status follow.
async fn repair(world: &World, shell: &Shell) -> Result<(), DemoError> {
    let Some(scenario) = scenario::named(REPAIRED) else {
        return Err(DemoError::NoFix);
    };
    let cluster = world.cluster();
    let (verdict, reason) = (scenario.verdict, scenario.reason);
    let audit = cluster
        .wait_for_verdict(REPAIRED, APP, verdict, reason, VERDICTS_WITHIN)
        .await?;
    let status = audit.status.unwrap_or_default();
    let deciding = status.findings.iter().find(|finding| finding.reason == reason);
    let fix = deciding
        .and_then(|finding| finding.fix.as_deref())
        .ok_or(DemoError::NoFix)?;
    step("one of them, as its status tells it");
    println!(
        "{}/{APP}: {verdict:?} {reason}\n    {}",
        REPAIRED,
        status.message.unwrap_or_default()
    );
    step("its fix, run as it is printed");
    println!("{fix}\n\n(The operator looks at a broken binding again after a quarter of a minute.)");
    shell.run(fix).await?;
    let begun = Instant::now();
    let repaired = |audit: Option<&IrsaAudit>| {
        audit
            .and_then(|audit| audit.status.as_ref())
            .is_some_and(|status| status.reason.as_deref() != Some(reason))
    };
    let audit = cluster
        .wait_for_audit(REPAIRED, APP, "repair", REPAIRED_WITHIN, repaired)
        .await?;
    let status = audit.and_then(|audit| audit.status).unwrap_or_default();
    let (verdict, reason) = (status.verdict, status.reason.unwrap_or_default());
    let verdict = verdict.map(|verdict| format!("{verdict:?}")).unwrap_or_default();
    println!(
        "\n{}/{APP}: {verdict} {reason}, {:.1?} later",
        REPAIRED,
        begun.elapsed()
    );
    if verdict == "Working" {
        Ok(())
    } else {
        Err(DemoError::Verdicts(format!(
            "{REPAIRED}/{APP}: {verdict} {reason} after the repair"
        )))
    }
}

/// A shell with what the printed text calls.
async fn shell(world: &World) -> Result<Shell, DemoError> {
    let stand_in = StandIn::write()?;
    let aws = match world.aws() {
        Aws::Moto(moto) => moto.aws_cli(),
        Aws::Fake(_) => tools::own_aws().unwrap_or_else(|| stand_in.path.clone()),
    };
    let jq = tools::jq().await?;
    let shell = Shell::new(&[("aws", &aws), ("jq", &jq)], &world.aws().environment())?;
    Ok(shell.keeping(stand_in.folder))
}

/// An `aws` for machines without one: a script that calls [`stand_in`].
struct StandIn {
    folder: TempDir,
    path: PathBuf,
}

impl StandIn {
    fn write() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("aws");
        let program = std::env::current_exe()?
            .display()
            .to_string()
            .replace('\'', r"'\''");
        fs::write(
            &path,
            format!("#!/bin/sh\nexec '{program}' {} \"$@\"\n", stand_in::COMMAND),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder, path })
    }
}

/// Keeps everything running until somebody has seen enough.
async fn stay(world: &World, operator: &Operator, prometheus: Option<&Prometheus>) -> Result<(), DemoError> {
    step("it stays up until Ctrl-C");
    println!(
        "    export KUBECONFIG={}",
        world.plane().kubeconfig_path().display()
    );
    for (name, value) in world.aws().environment() {
        if [
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_REGION",
        ]
        .contains(&name)
        {
            println!("    export {name}={value}");
        }
    }
    println!("    kubectl get irsaaudits --all-namespaces --watch");
    println!("    curl {}/metrics", operator.address());
    if let Some(prometheus) = prometheus {
        println!("    {}/alerts", prometheus.address());
        println!(
            "    {}/graph?g0.expr=irsa_audit_finding&g0.tab=1",
            prometheus.address()
        );
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}
