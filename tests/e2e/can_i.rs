//! `irsa-audit can-i` and `irsa-audit audit --expect` on a real API server and AWS: what they print makes it a yes.

use e2e::aws::Aws;
use e2e::operator::{self, program};
use e2e::scenario::APP;
use e2e::tools::{self, Shell};
use e2e::world::{World, ways_in};
use serde_json::Value;
use test_kit::Moto;

use super::{Failure, Outcome, WITHIN, play};

const YES: i32 = 0;
const NO: i32 = 1;
const UNKNOWN: i32 = 3;
const WRONG: i32 = 2;

/// A question with its answer before anything is repaired, and the code of its reason.
struct Case {
    namespace: &'static str,
    question: &'static [&'static str],
    answer: i32,
    reason: &'static str,
    /// Whether what is printed makes it a yes.
    is_repaired: bool,
}

const fn case(
    namespace: &'static str,
    question: &'static [&'static str],
    answer: i32,
    reason: &'static str,
) -> Case {
    Case {
        namespace,
        question,
        answer,
        reason,
        is_repaired: answer == NO,
    }
}

const CARTS: &str = "arn:aws:s3:::carts/*";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

/// Each on a scenario; none of which is asked what its `IrsaAudit` expects, and no operator runs.
const CASES: [Case; 16] = [
    case("eksctl", &["s3:GetObject", CARTS], YES, "of inline policy `read`"),
    case("eksctl", &["s3:PutObject", CARTS], NO, "IRSA502"),
    case("no-policies", &["s3:GetObject", CARTS], NO, "IRSA501"),
    case("boundary-blocks", &["sqs:SendMessage", QUEUE], NO, "IRSA504"),
    // Neither the policies nor the boundary allow it.
    case("boundary-blocks", &["sns:Publish", TOPIC], NO, "IRSA502"),
    // A forgotten ARN is asked for: nothing is granted on everything.
    Case {
        is_repaired: false,
        ..case("boundary-blocks", &["sns:Publish"], NO, "IRSA502")
    },
    case("wrong-namespace", &["s3:GetObject", CARTS], NO, "IRSA204"),
    case(
        "action-undetermined",
        &["s3:GetObject", CARTS],
        UNKNOWN,
        "IRSA906",
    ),
    Case {
        is_repaired: false,
        ..case("action-denied", &["s3:DeleteObject", CARTS], NO, "IRSA503")
    },
    case("eksctl", &["get", "pods"], NO, "`pods`"),
    // By the names that the API server lists.
    case("eksctl", &["update", "deploy/scale"], NO, "`deployments/scale`"),
    case("eksctl", &["list", "irsa"], NO, "`irsaaudits`"),
    Case {
        is_repaired: false,
        ..case(
            "eksctl",
            &["get", "pods", "-n", "nowhere"],
            NO,
            "namespace `nowhere` does not exist",
        )
    },
    case("eksctl", &["get", "widgets"], WRONG, "`widgets`"),
    case("eksctl", &["get", "widgets.example.com"], WRONG, "`example.com`"),
    case(
        "eksctl",
        &["get", "/healthz"],
        WRONG,
        "kubectl auth can-i get /healthz --as system:serviceaccount:eksctl:app",
    ),
];

#[tokio::test]
async fn what_can_i_prints_makes_it_a_yes() -> Outcome {
    // For its AWS CLI.
    let moto = Moto::start().await?;
    let world = World::start(Aws::fake().await?).await?;
    let namespaces = CASES.iter().map(|case| case.namespace);
    for namespace in namespaces.collect::<std::collections::BTreeSet<_>>() {
        play(&world, namespace).await?;
    }
    let shell = shell(&world, &moto).await?;
    let mut wrong = Vec::new();
    for case in &CASES {
        let said = can_i(&world, case).await?;
        let ask = || format!("{}: {:?}", case.namespace, case.question);
        if said.0 != case.answer || !said.1.contains(case.reason) {
            wrong.push(format!("{}: {said:?}", ask()));
        } else if case.is_repaired {
            shell.run(&pasted(&said.1)).await?;
            let mut after = can_i(&world, case).await?;
            // The boundary is next where it lacks the action as well.
            if after.1.contains("IRSA504") && case.reason != "IRSA504" {
                shell.run(&pasted(&after.1)).await?;
                after = can_i(&world, case).await?;
            }
            if after.0 != YES {
                wrong.push(format!("{} after its fix: {after:?}", ask()));
            }
        }
    }
    let nobody = run(&world, &["can-i", "eksctl/nobody", "get", "pods"], &[]).await?;
    if nobody.0 != NO || !nobody.1.contains("does not exist") || nobody.1.contains("kind: Role") {
        wrong.push(format!("of no ServiceAccount: {nobody:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What is expected on the command line holds for the bindings that ask for a role, beside what their `IrsaAudit`s expect.
#[tokio::test]
async fn expectations_on_the_command_line_are_audited_live() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for namespace in ["eksctl", "action-allowed", "action-not-allowed"] {
        play(&world, namespace).await?;
    }
    let codes = |expect: &'static [&'static str]| {
        let world = &world;
        async move {
            let (code, log) = run(world, &["audit", "--output=json"], expect).await?;
            let report: Value = serde_json::from_str(&log)?;
            let of = |binding: &Value| {
                let findings = binding["findings"].as_array().cloned().unwrap_or_default();
                let codes = findings.iter().map(|finding| text(&finding["code"]));
                (text(&binding["namespace"]), codes.collect::<Vec<_>>())
            };
            let bindings = report["bindings"].as_array().cloned().unwrap_or_default();
            Ok::<_, Failure>((code, bindings.iter().map(of).collect::<Vec<_>>()))
        }
    };
    let said = |rows: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
        let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        rows.iter()
            .map(|(namespace, codes)| ((*namespace).to_owned(), owned(codes)))
            .collect()
    };
    let before = said(&[
        ("action-allowed", &[]),
        ("action-not-allowed", &["IRSA502"]),
        ("eksctl", &[]),
    ]);
    assert_eq!(codes(&[]).await?, (1, before.clone()));
    assert_eq!(
        codes(&["--expect=s3:GetObject=arn:aws:s3:::carts/*"]).await?,
        (1, before)
    );
    assert_eq!(
        codes(&["--namespace=eksctl", "--expect=s3:GetObject=*"]).await?,
        (0, said(&[("eksctl", &[])]))
    );
    assert_eq!(
        codes(&["--namespace=eksctl", "--expect=s3:PutObject=arn:aws:s3:::carts/*"]).await?,
        (1, said(&[("eksctl", &["IRSA502"])]))
    );
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Exit code and answer.
async fn can_i(world: &World, case: &Case) -> Result<(i32, String), Failure> {
    let account = format!("{}/{APP}", case.namespace);
    let words: Vec<&str> = ["can-i", &account]
        .into_iter()
        .chain(case.question.iter().copied())
        .collect();
    run(world, &words, &[]).await
}

/// A call as the administrator of cluster and account.
async fn run(world: &World, words: &[&str], flags: &[&str]) -> Result<(i32, String), Failure> {
    let mut launch = operator::launch("irsa-audit", words).await?;
    launch = launch.args(ways_in()).args(flags);
    for (name, value) in world.aws().environment() {
        launch = launch.env(name, value);
    }
    let process = launch
        .env("KUBECONFIG", world.plane().kubeconfig_path())
        .start()?;
    let code = process.wait(WITHIN).await?;
    Ok((code, process.log()))
}

/// The first thing that is printed to be pasted: a command, or manifests.
fn pasted(answer: &str) -> String {
    let (_, below) = answer.split_once(":\n").expect("something to paste");
    let below = below.split("\n\n#").next().unwrap_or_default();
    if below.starts_with("apiVersion:") {
        format!("kubectl apply -f - <<'EOF'\n{below}\nEOF")
    } else {
        below.to_owned()
    }
}

async fn shell(world: &World, moto: &Moto) -> Result<Shell, Failure> {
    let (cli, jq, kubectl) = (moto.aws_cli(), tools::jq().await?, tools::kubectl().await?);
    let tools = [
        ("aws", cli.as_path()),
        ("jq", &jq),
        ("kubectl", &kubectl),
        ("irsa-audit", program().await?),
    ];
    let mut environment = world.aws().environment();
    let kubeconfig = world.plane().kubeconfig_path().display().to_string();
    environment.push(("KUBECONFIG", kubeconfig));
    Ok(Shell::new(&tools, &environment)?)
}
