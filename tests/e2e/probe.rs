//! `irsa-audit probe`: tokens of a real API server, sent to a pretend STS that refuses on command, and to ministack's, which evaluates trust
//! policies itself.

use e2e::aws::{Aws, HOME};
use e2e::cluster::Cluster;
use e2e::issuer::ISSUER;
use e2e::operator;
use e2e::remediation::command;
use e2e::scenario::APP;
use e2e::world::{OPERATOR, World, ways_in};
use e2e::{objects, trust};
use fake_aws::{FakeAws, Fault};
use serde_json::{Value, json};
use test_kit::{ControlPlane, Ministack};

use super::{Failure, Outcome, WITHIN, play};

const CALL: &str = "AssumeRoleWithWebIdentity";

/// What STS says of a probe, and how the command judges it.
#[derive(Debug, PartialEq)]
struct Judged {
    exit: i32,
    answer: String,
    agreement: String,
    outcome: String,
}

impl Judged {
    fn new(exit: i32, answer: &str, agreement: &str, outcome: &str) -> Self {
        Self {
            exit,
            answer: answer.to_owned(),
            agreement: agreement.to_owned(),
            outcome: outcome.to_owned(),
        }
    }

    fn of(exit: i32, probe: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            exit,
            answer: text(&probe["sts"]["answer"]),
            agreement: text(&probe["agreement"]),
            outcome: text(&probe["evaluation"]["outcome"]),
        }
    }
}

/// The JSON in what a command prints.
fn json_in(printed: &str) -> Result<Value, Failure> {
    let json = printed.find('{').and_then(|start| printed.get(start..));
    serde_json::from_str(json.unwrap_or_default()).map_err(|error| Failure(format!("{error}: {printed}")))
}

/// A probe of the ServiceAccount of a scenario, as the administrator of cluster and accounts.
async fn probed(world: &World, namespace: &str, flags: &[&str]) -> Result<(Judged, Value), Failure> {
    let name = format!("{namespace}/{APP}");
    let access = ways_in();
    let words = ["probe", &name, "--output=json", &access[0], &access[1]];
    let (code, printed) = command(world, None, &[&words, flags].concat()).await?;
    let probe = json_in(&printed)?;
    Ok((Judged::of(code, &probe), probe))
}

fn fake(world: &World) -> &FakeAws {
    world.aws().as_fake().expect("a world of the fake")
}

/// What was sent to STS last, by the name of the parameter.
fn sent(fake: &FakeAws, parameter: &str) -> String {
    let calls = fake.calls();
    let last = calls.iter().rev().find(|call| call.operation == CALL);
    let value = last.and_then(|call| call.parameters.get(parameter));
    value.cloned().unwrap_or_default()
}

fn codes(values: &Value) -> Vec<&str> {
    let values = values.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(|value| value["code"].as_str()).collect()
}

/// The scenarios in which STS itself sees what is wrong without a trust policy: the fake evaluates none.
#[tokio::test]
async fn sts_and_the_evaluation_agree() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for (namespace, judged, symptom) in [
        ("eksctl", Judged::new(0, "admits", "agrees", "passes"), None),
        (
            "other-account",
            Judged::new(1, "refuses", "agrees", "fails"),
            Some("sts-no-provider"),
        ),
        (
            "audience-unknown",
            Judged::new(1, "refuses", "agrees", "fails"),
            Some("sts-audience"),
        ),
        (
            "role-gone",
            Judged::new(1, "refuses", "agrees", "fails"),
            Some("sts-not-authorized"),
        ),
    ] {
        play(&world, namespace).await?;
        let (found, probe) = probed(&world, namespace, &[]).await?;
        assert_eq!(found, judged, "{namespace}: {probe}");
        assert_eq!(probe["sts"]["symptoms"][0]["id"].as_str(), symptom, "{namespace}");
        assert_eq!(codes(&probe["findings"]), [""; 0], "{namespace}");
        assert_eq!(probe["status"]["kind"], "AuditReport", "{namespace}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sent_can_do_nothing_and_says_who_asked() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    play(&world, "eksctl").await?;
    let (_, probe) = probed(&world, "eksctl", &["--region=eu-north-1"]).await?;
    let fake = fake(&world);
    assert_eq!(fake.count(CALL), 1);
    assert_eq!(sent(fake, "DurationSeconds"), "900");
    let policy: Value = serde_json::from_str(&sent(fake, "Policy"))?;
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        policy["Statement"][0],
        json!({"Effect": "Deny", "Action": "*", "Resource": "*"})
    );
    let session = sent(fake, "RoleSessionName");
    assert!(
        session.starts_with("irsa-audit-probe-") && session.len() <= 64,
        "{session}"
    );
    assert_eq!(
        (&probe["sessionName"], &probe["region"]),
        (&json!(session), &json!("eu-north-1"))
    );
    assert_eq!(probe["issuer"], ISSUER);
    Ok(())
}

#[tokio::test]
async fn a_contradiction_is_told_whichever_way_it_goes() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for namespace in ["eksctl", "wrong-namespace"] {
        play(&world, namespace).await?;
    }
    let disagrees = |answer: &str, outcome: &str| Judged::new(3, answer, "disagrees", outcome);
    // The fake looks at no trust policy.
    let (found, probe) = probed(&world, "wrong-namespace", &[]).await?;
    assert_eq!(found, disagrees("admits", "fails"), "{probe}");
    assert_eq!(codes(&probe["findings"]), ["IRSA905"]);
    let denied = Fault::on(CALL).error(
        403,
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    );
    fake(&world).fault(denied);
    let (found, probe) = probed(&world, "eksctl", &[]).await?;
    assert_eq!(found, disagrees("refuses", "passes"), "{probe}");
    assert_eq!(codes(&probe["findings"]), ["IRSA905"]);
    let (found, probe) = probed(&world, "wrong-namespace", &[]).await?;
    assert_eq!(found, Judged::new(1, "refuses", "agrees", "fails"), "{probe}");
    // As if its annotation named the other role.
    let arn = e2e::aws::arn(HOME, "/", "eksctl");
    let (found, probe) = probed(&world, "wrong-namespace", &["--role-arn", &arn]).await?;
    assert_eq!(found, Judged::new(1, "refuses", "agrees", "fails"), "{probe}");
    assert_eq!((&probe["roleArn"], &probe["status"]), (&json!(arn), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn an_answer_about_something_else_decides_nothing() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    play(&world, "eksctl").await?;
    fake(&world).fault(Fault::on(CALL).throttle());
    let (found, probe) = probed(&world, "eksctl", &[]).await?;
    assert_eq!(
        found,
        Judged::new(3, "undecided", "notCompared", "passes"),
        "{probe}"
    );
    assert_eq!(probe["sts"]["symptoms"][0]["id"], "sts-throttled");
    fake(&world)
        .clear_faults()
        .fault(Fault::on(CALL).drop_connection());
    let (code, printed) = command(&world, None, &["probe", &format!("eksctl/{APP}")]).await?;
    assert!(
        code == 2 && printed.contains("AWS_ENDPOINT_URL_STS"),
        "{code} {printed}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_named_before_anything_is_sent() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for namespace in ["eksctl", "pod-identity"] {
        play(&world, namespace).await?;
    }
    let operator = trust::subject(OPERATOR, OPERATOR);
    let [healthy, without_role] = ["eksctl", "pod-identity"].map(|namespace| format!("{namespace}/{APP}"));
    for (user, name, says) in [
        (None, "eksctl/absent", "kubectl get serviceaccounts"),
        (None, without_role.as_str(), "`PodIdentity`"),
        // Whoever may read everything that is evaluated, and no more.
        (
            Some(operator.as_str()),
            healthy.as_str(),
            "--resource=serviceaccounts/token",
        ),
        (Some("stranger"), healthy.as_str(), "forbidden"),
    ] {
        let (code, printed) = command(&world, user, &["probe", name]).await?;
        assert!(
            code == 2 && printed.contains(says),
            "{name} {says}: {code} {printed}"
        );
    }
    assert_eq!(fake(&world).count(CALL), 0);
    Ok(())
}

#[tokio::test]
async fn neither_token_nor_credentials_are_printed_at_any_verbosity() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    play(&world, "eksctl").await?;
    let name = format!("eksctl/{APP}");
    for (fault, output) in [
        (None, "text"),
        (None, "json"),
        (Some(Fault::on(CALL).access_denied()), "text"),
        (Some(Fault::on(CALL).garbage_body()), "json"),
    ] {
        let fake = fake(&world);
        fake.clear_faults().reset_calls();
        if let Some(fault) = fault {
            fake.fault(fault);
        }
        let words = ["probe", &name, "--verbose", "--output", output];
        let mut launch = operator::launch("irsa-audit", &words).await?;
        for (name, value) in world.aws().environment() {
            launch = launch.env(name, value);
        }
        let launch = launch.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        let process = launch
            .env("KUBECONFIG", world.plane().kubeconfig_path())
            .start()?;
        process.wait(WITHIN).await?;
        let printed = process.log();
        assert!(!printed.is_empty());
        let token = sent(fake, "WebIdentityToken");
        for part in token.split('.') {
            assert!(part.len() > 10 && !printed.contains(part), "{output}: {printed}");
        }
        for secret in ["fake-session-secret", "FakeSessionToken", "ASIAFAKE"] {
            assert!(!printed.contains(secret), "{output}: {printed}");
        }
    }
    Ok(())
}

/// The same against an STS that other people wrote. ministack reads issuer and subject from the token that the real API server made, and
/// evaluates the role's trust policy on them, as AWS documents it: these answers do not come from this project's own evaluation. It verifies
/// no signature, looks for no provider, and takes the token's list of audiences for one text: the policies here have no condition on it.
#[tokio::test]
async fn an_sts_of_other_people_gives_the_answers_of_the_evaluation() -> Outcome {
    let (plane, aws) = tokio::try_join!(
        async { ControlPlane::start().await.map_err(Failure::from) },
        async { Ministack::start().await.map_err(Failure::from) }
    )?;
    let cluster = Cluster::new(plane.client().await?);
    cluster.create(&objects::webhook()).await?;
    cluster.create_namespace("shop").await?;
    let iam = iam(&aws).await;
    let provider = iam.create_open_id_connect_provider().url(ISSUER);
    let provider = provider.client_id_list(trust::AUDIENCE);
    provider
        .thumbprint_list("0123456789abcdef0123456789abcdef01234567")
        .send()
        .await?;
    for (name, subject) in [("admitted", "admitted"), ("refused", "elsewhere")] {
        let sub = format!("{}:sub", trust::host_path(ISSUER));
        let condition = json!({"StringEquals": {sub: trust::subject("shop", subject)}});
        let document = trust::web_identity(&trust::provider_arn(HOME, ISSUER), &condition);
        let role = iam
            .create_role()
            .role_name(name)
            .assume_role_policy_document(document);
        role.send().await?;
        let arn = e2e::aws::arn(HOME, "/", name);
        cluster
            .create(&objects::service_account("shop", name, &arn))
            .await?;
    }
    for (name, judged) in [
        ("admitted", Judged::new(0, "admits", "agrees", "passes")),
        ("refused", Judged::new(1, "refuses", "agrees", "fails")),
    ] {
        let account = format!("shop/{name}");
        let words = ["probe", account.as_str(), "--output=json"];
        let mut launch = operator::launch("irsa-audit", &words).await?;
        for (name, value) in aws.aws_environment() {
            launch = launch.env(name, value);
        }
        let process = launch.env("KUBECONFIG", plane.kubeconfig_path()).start()?;
        let code = process.wait(WITHIN).await?;
        let probe = json_in(&process.log())?;
        assert_eq!(Judged::of(code, &probe), judged, "{name}: {probe}");
    }
    Ok(())
}

async fn iam(aws: &Ministack) -> aws_sdk_iam::Client {
    let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "e2e");
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(aws.endpoint())
        .region(aws_config::Region::from_static(e2e::aws::REGION))
        .credentials_provider(credentials)
        .load()
        .await;
    aws_sdk_iam::Client::new(&config)
}
