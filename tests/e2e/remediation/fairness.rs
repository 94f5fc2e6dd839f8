//! One namespace does not take the writer's time from the others.

use std::time::Instant;

use e2e::objects;
use e2e::remediation::{policy, recorded, role_arn, writer};
use serde_json::json;

use super::{repairable, stage};
use crate::{Outcome, WITHIN, play};

#[tokio::test]
async fn a_namespace_full_of_requests_keeps_no_other_from_being_repaired() -> Outcome {
    const GREEDY: &str = "any-subject";
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let cluster = world.cluster();
    play(&world, GREEDY).await?;
    for at in 0..60 {
        let name = format!("app-{at}");
        let spec = json!({"serviceAccountName": name, "remediation": "Automatic"});
        let account = objects::service_account(GREEDY, &name, &role_arn(GREEDY));
        cluster.create(&account).await?;
        cluster.create(&objects::audit(GREEDY, &name, &spec)).await?;
    }
    let everyone = json!({"serviceAccounts": ["*"]});
    cluster.create(&policy(GREEDY, "Automatic", &everyone)).await?;
    repairable(&world, NAMESPACE, "Automatic").await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.reset_calls();
    let start = Instant::now();
    let writer = writer(&world, &["--role-reads-per-minute=60"]).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let calls = fake.calls();
    let roles = calls.iter().filter_map(|call| call.parameters.get("RoleName"));
    let reads = roles.filter(|name| *name == GREEDY).count();
    let most = 15 + usize::try_from(start.elapsed().as_secs())? + 1;
    assert!((1..=most).contains(&reads), "{reads} reads, {most} at most");
    Ok(())
}
