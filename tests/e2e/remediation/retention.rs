//! Old records of the journal are deleted, except those on which a decision depends.

use e2e::audit_log::AuditLog;
use e2e::aws::Aws;
use e2e::remediation::{WRITER, changes, install, journal, recorded, writer};
use e2e::world::{OPERATOR, World, eventually};
use fake_aws::Fault;
use kube::ResourceExt as _;
use test_kit::Signal;

use super::{repairable, wait_until_refused};
use crate::{Outcome, WITHIN};

#[tokio::test]
async fn an_old_change_that_came_to_nothing_is_deleted_and_what_was_appended_stays() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    // The last three changes stay: the circuit breaker counts them.
    const OTHERS: [&str; 2] = ["wrong-name", "misspelt-subject"];
    let log = AuditLog::new()?;
    let world = World::start_with(Aws::fake().await?, &log.options()).await?;
    install(&world).await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.fault(Fault::on("UpdateAssumeRolePolicy").access_denied().times(1));
    repairable(&world, NAMESPACE, "Automatic").await?;
    let first = writer(&world, &[]).await?;
    assert!(
        recorded(&world, NAMESPACE, 2, "Applied", WITHIN).await,
        "{:?} {}",
        changes(&world, NAMESPACE).await?,
        first.process().log()
    );
    for namespace in OTHERS {
        repairable(&world, namespace, "Automatic").await?;
        assert!(recorded(&world, namespace, 1, "Applied", WITHIN).await);
    }
    let refused = changes(&world, NAMESPACE).await?.remove(0);
    first.process().signal(Signal::Term)?;
    assert_eq!(first.process().wait(WITHIN).await?, 0);
    assert_eq!(journal(&world).await?.len(), 4, "nothing is old yet");

    let second = writer(&world, &["--unsafe-test-timing=keep=1s"]).await?;
    let is_deleted = || async {
        let records = journal(&world).await.unwrap_or_default();
        records.len() == 3 && records.iter().all(|record| record.uid() != refused.uid())
    };
    assert!(
        eventually(WITHIN, is_deleted).await,
        "{:?} {}",
        journal(&world).await?,
        second.process().log()
    );
    // What vanishes is still known to have been there.
    world.aws().trust_role(NAMESPACE, &refused.spec.before).await?;
    wait_until_refused(&second, NAMESPACE, "approval").await?;
    assert_eq!(journal(&world).await?.len(), 3);
    let deleted: Vec<_> = log
        .requests(OPERATOR, WRITER)?
        .into_iter()
        .filter(|request| request.verb == "delete")
        .map(|request| (request.resource, request.name, request.allowed))
        .collect();
    assert_eq!(
        deleted,
        [("trustpolicychanges".to_owned(), refused.name_any(), true)]
    );
    Ok(())
}
