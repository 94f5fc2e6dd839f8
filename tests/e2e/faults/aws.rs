//! AWS does not answer, or refuses, for a while.

use std::time::{Duration, Instant};

use audit_api::irsa_audit::VerdictName;
use e2e::aws::{HOME, arn};
use e2e::cluster::Target;
use e2e::scenario::APP;
use fake_aws::Fault;

use super::super::{Outcome, annotate, fake_world, play, wait_for};
use super::{CHANGED, Stage, is_right, log_lines};

/// How long AWS is away.
const AWAY: Duration = Duration::from_secs(12);

/// All is right within this time after AWS answers again.
const RIGHT: Duration = Duration::from_secs(15);

pub(super) async fn a_start_while_aws_is_away_is_right_soon_after_it_is_back() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    for namespace in ["eksctl", "terraform"] {
        play(&world, namespace).await?;
    }
    // What the operator asks once it knows its own account.
    let of_iam = [
        "GetAccountAuthorizationDetails",
        "GetRole",
        "GetOpenIDConnectProvider",
    ];
    for faults in [
        vec![Fault::on_any().hang()],
        of_iam
            .map(|operation| Fault::on(operation).drop_connection())
            .to_vec(),
    ] {
        for fault in faults {
            fake.fault(fault);
        }
        let operator = world.operator(&[]).await?;
        tokio::time::sleep(AWAY).await;
        fake.clear_faults();
        is_right(&world, &operator, RIGHT).await?;
        drop(operator);
        for namespace in ["eksctl", "terraform"] {
            world.cluster().delete(Target::audit(namespace, APP)).await?;
        }
    }
    Ok(())
}

pub(super) async fn what_changed_while_aws_was_away_is_right_soon() -> Outcome {
    let stage = Stage::set(&[]).await?;
    let faults = [
        Fault::on_any().error(503, "ServiceUnavailable", "down for tests"),
        Fault::on_any().expired_token(),
        Fault::on_any().throttle(),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let fake = stage.world.aws().as_fake().expect("the fake");
        fake.fault(fault);
        fake.reset_calls();
        // A role that nobody has read yet, for which there is no evidence to stand.
        let role = arn(HOME, "/", &format!("new-{number}"));
        annotate(&stage.world, CHANGED, Some(&role)).await?;
        let unknown = (VerdictName::Unknown, "AwsUnavailable");
        wait_for(&stage.world, CHANGED, unknown).await?;
        let (begun, before) = (Instant::now(), fake.calls().len());
        tokio::time::sleep(AWAY).await;
        let calls = fake.calls().len() - before;
        assert!(calls < 40, "{calls} calls in {:?}", begun.elapsed());
        fake.clear_faults();
        let begun = Instant::now();
        wait_for(&stage.world, CHANGED, (VerdictName::Broken, "RoleNotFound")).await?;
        assert!(begun.elapsed() <= RIGHT, "{:?}", begun.elapsed());
    }
    let lines = log_lines(&stage.operator, "WARN");
    assert!(lines.len() <= 6, "{lines:#?}");
    stage.is_right().await
}
