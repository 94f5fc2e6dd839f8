//! Each code that the one kind of edit repairs: `Broken`, then consent and approval, then `Working`, on both AWS endpoints.

use audit_remedy::RemedyOperation;
use e2e::aws::Aws;
use e2e::operator::Operator;
use e2e::remediation::{changes, document, install, plan, recorded, writer};
use e2e::world::World;
use serde_json::Value;

use super::{approve, assert_appended, repairable};
use crate::{Outcome, WITHIN, WORKS, codes, named, wait_for};

/// Scenarios by their namespaces, with the code that the repair removes. None is left afterwards.
const REPAIRED: &[(&str, &str)] = &[
    ("ec2-role", "IRSA202"),
    ("old-cluster", "IRSA203"),
    ("wrong-namespace", "IRSA204"),
    ("shared-role", "IRSA204"),
    ("wrong-name", "IRSA205"),
    ("misspelt-subject", "IRSA206"),
    ("wildcard", "IRSA207"),
    ("wrong-audience", "IRSA209"),
    ("old-key", "IRSA210"),
    ("key-with-scheme", "IRSA211"),
];

#[tokio::test]
async fn each_repairable_code_is_repaired_on_the_fake() -> Outcome {
    repair_all(Aws::fake().await?).await
}

#[tokio::test]
async fn each_repairable_code_is_repaired_on_moto() -> Outcome {
    repair_all(Aws::moto().await?).await
}

async fn repair_all(aws: Aws) -> Outcome {
    let world = World::start(aws).await?;
    install(&world).await?;
    for (namespace, _) in REPAIRED {
        repairable(&world, namespace, "RequireApproval").await?;
    }
    let _operator = world.operator(&[]).await?;
    let writer = writer(&world, &[]).await?;
    let mut before = Vec::new();
    for (namespace, code) in REPAIRED {
        let scenario = named(namespace);
        assert_eq!(scenario.code, Some(*code), "{namespace}");
        wait_for(&world, namespace, (scenario.verdict, scenario.reason)).await?;
        before.push(document(&world, namespace).await?);
    }
    for (namespace, _) in REPAIRED {
        let append = plan(&world, namespace, RemedyOperation::Append).await?;
        approve(&world, namespace, namespace, append.hash.as_str()).await?;
    }
    for ((namespace, _), before) in REPAIRED.iter().zip(&before) {
        is_repaired(&world, &writer, namespace, before).await?;
        let audit = wait_for(&world, namespace, WORKS).await?;
        assert!(codes(&audit).is_empty(), "{namespace}: {:?}", codes(&audit));
    }
    Ok(())
}

/// The role has exactly one statement more, which the journal names, and the rest of its document is equal as a JSON value.
async fn is_repaired(world: &World, writer: &Operator, namespace: &str, before: &Value) -> Outcome {
    assert!(
        recorded(world, namespace, 1, "Applied", WITHIN).await,
        "{namespace}: {:?} {}",
        changes(world, namespace).await?,
        writer.process().log()
    );
    let change = changes(world, namespace).await?.remove(0);
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let after = document(world, namespace).await?;
    assert_appended(before, &after, &parsed(&change.spec.statement));
    assert_eq!(
        (&parsed(&change.spec.before), &parsed(&change.spec.after)),
        (before, &after),
        "{namespace}"
    );
    Ok(())
}
