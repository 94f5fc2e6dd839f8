//! How the operator starts, refuses to start, and stops.

use std::time::Duration;

use e2e::cluster::Target;
use e2e::operator::{self, Operator};
use e2e::world::OPERATOR;
use test_kit::Signal;

use super::{Failure, Outcome, WITHIN, WORKS, fake_world, play, wait_for};

/// Well within the grace period that Kubernetes gives a pod by default.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// Flags, environment, and what the message names.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// Runs it to its end: exit code and output.
async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(i32, String), Failure> {
    let mut launch = operator::launch("refusal", arguments)
        .await?
        .env("KUBECONFIG", "/nowhere/kubeconfig");
    for (name, value) in environment {
        launch = launch.env(name, value);
    }
    let process = launch.start()?;
    Ok((process.wait(WITHIN).await?, process.log()))
}

#[tokio::test]
async fn what_is_malformed_is_named_in_one_line() -> Outcome {
    let folder = tempfile::tempdir()?;
    let kubeconfig = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).map(|()| path.display().to_string())
    };
    let garbage = kubeconfig("garbage", "{{{")?;
    let empty = kubeconfig("empty", "")?;
    let no_context = kubeconfig(
        "no-context",
        "apiVersion: v1\nkind: Config\ncurrent-context: absent\n",
    )?;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let taken = taken.local_addr()?.to_string();
    let usable = kubeconfig(
        "usable",
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], \
         clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}]}",
    )?;
    let cases: &[Case<'_>] = &[
        (&["--refresh", "soon"], &[], "soon"),
        (&["--refresh", "0s"], &[], "0s"),
        (&[], &[("IRSA_AUDIT_REFRESH", "never")], "never"),
        (&["--metrics-addr", "8080"], &[], "8080"),
        (
            &["--oidc-issuer", "http://issuer.example"],
            &[],
            "http://issuer.example",
        ),
        (&["--oidc-issuer", "https://issuer.example:8443/x"], &[], "8443"),
        (&["--account", "12345"], &[], "12345"),
        (
            &["--account", "123456789012=arn:aws:iam::210987654321:role/x"],
            &[],
            "210987654321",
        ),
        (&["--annotation-prefix", "Not A Name"], &[], "Not A Name"),
        (&["--lease-duration", "1s"], &[], "--lease-duration"),
        (&["--log", "loud=="], &[], "loud=="),
        (&["--no-such-flag"], &[], "--no-such-flag"),
        (&[], &[], "KUBECONFIG"),
        (&[], &[("KUBECONFIG", &garbage)], "kubeconfig"),
        (&[], &[("KUBECONFIG", &empty)], "kubeconfig"),
        (&[], &[("KUBECONFIG", &no_context)], "absent"),
        (&["--metrics-addr", &taken], &[("KUBECONFIG", &usable)], &taken),
    ];
    for (flags, environment, named) in cases {
        let arguments: Vec<&str> = ["operator"].iter().chain(*flags).copied().collect();
        let (code, output) = run(&arguments, environment).await?;
        assert_eq!(code, 2, "{arguments:?} {environment:?}: {output}");
        assert_eq!(
            output.trim_end().lines().count(),
            1,
            "{arguments:?} {environment:?}: {output}"
        );
        assert!(output.contains(named), "{arguments:?} {environment:?}: {output}");
    }
    Ok(())
}

/// Tells it to stop, and awaits that it does so well.
async fn stop(operator: &Operator) -> Outcome {
    let process = operator.process();
    process.signal(Signal::Term)?;
    assert_eq!(process.wait(STOPS_WITHIN).await?, 0, "{}", process.log());
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_it_well_and_gives_the_lease_back() -> Outcome {
    let world = fake_world().await?;
    play(&world, "eksctl").await?;
    let operator = world.operator(&["--leader-elect"]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    let lease = Target {
        api_version: "coordination.k8s.io/v1",
        kind: "Lease",
        namespace: OPERATOR,
        name: OPERATOR,
    };
    let holder = async || {
        let lease = world.cluster().get(lease).await?;
        let holder = lease
            .map(|lease| lease.data["spec"]["holderIdentity"].clone())
            .unwrap_or_default();
        Ok::<_, Failure>(holder.as_str().unwrap_or_default().to_owned())
    };
    assert_ne!(holder().await?, "");
    stop(&operator).await?;
    assert_eq!(holder().await?, "");
    Ok(())
}

#[tokio::test]
async fn an_aws_endpoint_that_never_answers_does_not_keep_it_from_stopping() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.fault(fake_aws::Fault::on("GetAccountAuthorizationDetails").hang());
    fake.fault(fake_aws::Fault::on("GetRole").hang());
    play(&world, "eksctl").await?;
    let operator = world.operator(&["--leader-elect"]).await?;
    fake.wait_for_calls("GetAccountAuthorizationDetails", 1).await;
    stop(&operator).await?;
    Ok(())
}
