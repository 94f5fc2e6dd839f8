//! Old records of the journal are deleted, except those on which a decision depends.

use audit_api::TrustPolicyChange;
use audit_remedy::RemedyOperation;
use e2e::audit_log::AuditLog;
use e2e::aws::Aws;
use e2e::remediation::{WRITER, changes, install, journal, plan, recorded, writer};
use e2e::world::{OPERATOR, World, eventually};
use fake_aws::Fault;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde_json::json;
use test_kit::Signal;

use super::{approve, repairable, wait_until_refused};
use crate::{Outcome, WITHIN};

/// Lets a record have been created and closed 401 days earlier than it was.
async fn backdate(world: &World, record: &TrustPolicyChange) -> Outcome {
    let earlier = |time: Timestamp| (time - SignedDuration::from_hours(401 * 24)).to_string();
    let created = record.creation_timestamp().expect("a time").0;
    let changed = record.status.as_ref().and_then(|status| status.changed);
    let mut stored = serde_json::to_value(record)?;
    stored["metadata"]["creationTimestamp"] = json!(earlier(created));
    stored["status"]["changed"] = json!(earlier(changed.expect("a time")));
    // What has no namespace is stored by group, plural and name.
    let key = ("trustpolicychanges", record.name_any());
    world
        .plane()
        .replace_stored("irsa-audit.dev", (key.0, &key.1), &stored)
        .await?;
    Ok(())
}

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
    assert!(recorded(&world, NAMESPACE, 1, "Refused", WITHIN).await);
    // The role is left alone for a while unless a person approves.
    let again = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    approve(&world, "again", NAMESPACE, again.hash.as_str()).await?;
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

    for record in journal(&world).await? {
        backdate(&world, &record).await?;
    }
    let second = writer(&world, &[]).await?;
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
