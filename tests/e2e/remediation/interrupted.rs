//! Writers that are killed, stopped or two, and what others do during a repair.

use std::time::Duration;

use audit_api::change::PhaseName;
use e2e::aws::HOME;
use e2e::operator::Operator;
use e2e::remediation::{changes, consent, document, opt_in, policy, policy_target, recorded, writer};
use e2e::trust;
use e2e::world::eventually;
use fake_aws::Fault;
use serde_json::{Value, json};
use test_kit::Signal;

use super::{broken, repairable, stage, wait_until_blocked, wait_until_refused};
use crate::{Failure, Outcome, WITHIN};

#[tokio::test]
async fn what_a_killed_writer_left_open_is_closed_by_the_next_one() -> Outcome {
    const NEVER: &str = "wrong-namespace";
    const DONE: &str = "wrong-name";
    const FOREIGN: &str = "misspelt-subject";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    let all = [NEVER, DONE, FOREIGN];
    for namespace in all {
        repairable(&world, namespace, "Automatic").await?;
    }
    let before = document(&world, NEVER).await?;
    fake.fault(Fault::on("UpdateAssumeRolePolicy").hang());
    let first = writer(&world, &["--unsafe-test-timing=call-timeout=2s,late=120s"]).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") >= 3 }).await;
    assert!(sent, "{}", first.process().log());
    first.process().signal(Signal::Kill)?;
    fake.clear_faults();
    // Of one the write never arrived, of one it did, and the last role somebody has changed since.
    let change = changes(&world, DONE).await?.remove(0);
    world.aws().trust_role(DONE, &change.spec.after).await?;
    let foreign = trust::document(&[
        json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"}),
    ]);
    world.aws().trust_role(FOREIGN, &foreign).await?;

    // The team of the first does not want it any more: that is no matter for what was begun.
    world.cluster().apply(&opt_in(NEVER, "Propose"), "team").await?;
    let second = writer(&world, &[]).await?;
    for (namespace, phase) in [(NEVER, "NotApplied"), (DONE, "Applied"), (FOREIGN, "Latched")] {
        assert!(
            recorded(&world, namespace, 1, phase, WITHIN).await,
            "{namespace}: {:?} {}",
            changes(&world, namespace).await?,
            second.process().log()
        );
    }
    assert_eq!(document(&world, NEVER).await?, before);
    let change = changes(&world, FOREIGN).await?.remove(0);
    let found = change
        .status
        .and_then(|status| status.found)
        .expect("what was found");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(parsed(&found), parsed(&foreign));
    assert_eq!(document(&world, FOREIGN).await?, parsed(&foreign));
    let latched = || async {
        let metrics = second.metrics().await;
        metrics.is_ok_and(|metrics| metrics.total("irsa_audit_remediation_latched_roles", &[]) == 1)
    };
    assert!(eventually(WITHIN, latched).await);
    wait_until_refused(&second, FOREIGN, "approval,latched").await?;
    Ok(())
}

#[tokio::test]
async fn a_writer_that_is_stopped_closes_what_it_has_begun_and_begins_nothing_else() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    repairable(&world, NAMESPACE, "Automatic").await?;
    // It has to wait for this long until a read tells what came of a write.
    let slow = "--unsafe-test-timing=consistency=5s";
    let writer = writer(&world, &[slow]).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") > 0 }).await;
    assert!(sent, "{}", writer.process().log());
    assert!(!recorded(&world, NAMESPACE, 1, "Applied", Duration::from_millis(1)).await);
    writer.process().signal(Signal::Term)?;
    assert_eq!(writer.process().wait(WITHIN).await?, 0);
    let change = changes(&world, NAMESPACE).await?.remove(0);
    assert_eq!(
        change.status.and_then(|status| status.phase),
        Some(PhaseName::Applied),
        "{}",
        writer.process().log()
    );
    Ok(())
}

#[tokio::test]
async fn of_two_writers_one_writes_and_the_other_follows_it() -> Outcome {
    let world = stage().await?;
    let leads = async |writer: &Operator| {
        let metrics = writer.metrics().await;
        metrics.is_ok_and(|metrics| metrics.total("irsa_audit_writer_leader", &[]) == 1)
    };
    let first = writer(&world, &[]).await?;
    assert!(eventually(WITHIN, || leads(&first)).await);
    let second = writer(&world, &[]).await?;
    assert!(eventually(WITHIN, || second.is_ready()).await);
    repairable(&world, "wrong-namespace", "Automatic").await?;
    assert!(recorded(&world, "wrong-namespace", 1, "Applied", WITHIN).await);
    assert!(leads(&first).await && !leads(&second).await);

    first.process().signal(Signal::Kill)?;
    repairable(&world, "wrong-name", "Automatic").await?;
    assert!(
        recorded(&world, "wrong-name", 1, "Applied", WITHIN).await,
        "{}",
        second.process().log()
    );
    let writer_of = async |namespace: &str| -> Result<String, Failure> {
        let change = changes(&world, namespace).await?.remove(0);
        Ok(change.spec.writer)
    };
    assert_ne!(
        writer_of("wrong-namespace").await?,
        writer_of("wrong-name").await?
    );
    assert_eq!(changes(&world, "wrong-namespace").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_happens_during_a_repair_counts() -> Outcome {
    const PAUSED: &str = "wrong-namespace";
    const FOREIGN: &str = "wrong-name";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    for namespace in [PAUSED, FOREIGN] {
        broken(&world, namespace, "Automatic").await?;
        consent(&world, namespace).await?;
    }
    let before = document(&world, PAUSED).await?;
    let allowed = policy(PAUSED, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    let slow = "--unsafe-test-timing=consistency=4s";
    let writer = writer(&world, &[slow]).await?;
    let log = || writer.process().log();
    // An admin pauses while the writer waits for the role to settle.
    writer.process().wait_for_line("it begins", WITHIN).await?;
    let pause = json!({"spec": {"remediation": {"paused": true}}});
    world
        .cluster()
        .merge(policy_target("repair-wrong-namespace"), &pause)
        .await?;
    let given_up = || {
        let log = log();
        log.lines()
            .any(|line| line.contains("given up") && line.contains("paused"))
    };
    assert!(eventually(WITHIN, || async { given_up() }).await, "{}", log());
    assert!(changes(&world, PAUSED).await?.is_empty());
    assert_eq!(document(&world, PAUSED).await?, before);
    assert_eq!(fake.count("UpdateAssumeRolePolicy"), 0);

    // The role's owner changes the role right after the write.
    let allowed = policy(FOREIGN, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") > 0 }).await;
    assert!(sent, "{}", log());
    let foreign = trust::document(&[
        json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"}),
    ]);
    world.aws().trust_role(FOREIGN, &foreign).await?;
    assert!(recorded(&world, FOREIGN, 1, "Latched", WITHIN).await, "{}", log());
    wait_until_refused(&writer, FOREIGN, "approval,latched").await?;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(document(&world, FOREIGN).await?, parsed(&foreign));
    let warned = || async {
        let events = world.cluster().events(FOREIGN).await.unwrap_or_default();
        events.iter().any(|event| {
            event.type_.as_deref() == Some("Warning") && event.reason.as_deref() == Some("RemediationLatched")
        })
    };
    assert!(eventually(WITHIN, warned).await);
    Ok(())
}

/// Of one role that IAM does not let the writer edit, nothing is tried again at once, and the record says why.
#[tokio::test]
async fn what_iam_refuses_is_recorded_with_its_code_and_the_role_is_left_alone() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.fault(Fault::on("UpdateAssumeRolePolicy").access_denied());
    repairable(&world, NAMESPACE, "Automatic").await?;
    let before = document(&world, NAMESPACE).await?;
    let writer = writer(&world, &[]).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Refused", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let change = changes(&world, NAMESPACE).await?.remove(0);
    let refused = change.status.and_then(|status| status.refused);
    assert_eq!(refused.as_deref(), Some("AccessDenied"));
    wait_until_blocked(&writer, "role_backoff").await?;
    fake.clear_faults();
    wait_until_blocked(&writer, "role_backoff").await?;
    assert_eq!(changes(&world, NAMESPACE).await?.len(), 1);
    assert_eq!(document(&world, NAMESPACE).await?, before);
    // The others go on.
    repairable(&world, "wrong-name", "Automatic").await?;
    assert!(recorded(&world, "wrong-name", 1, "Applied", WITHIN).await);
    Ok(())
}
