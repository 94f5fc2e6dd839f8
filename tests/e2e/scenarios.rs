//! Every reported failure gets the verdict that names its cause, on both AWS endpoints.

use audit_api::IrsaAudit;
use audit_api::status::{MAX_BYTES, MAX_FIX_BYTES, MAX_QUESTION_BYTES, MORE_STEPS};
use e2e::aws::Aws;
use e2e::foreign;
use e2e::scenario;
use e2e::world::World;

use super::{Outcome, WITHIN, codes};

/// The operator finds everything there, as on a cluster that is older than it.
#[tokio::test]
async fn what_people_reported_is_named_on_the_fake() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    for scenario in scenario::all() {
        world.play(&scenario).await?;
    }
    let _operator = world.operator(&[]).await?;
    verdicts(&world).await
}

/// The operator is there first, and sees everything come. What no annotation leads to shows at the next refresh.
#[tokio::test]
async fn what_people_reported_is_named_on_moto() -> Outcome {
    let world = World::start(Aws::moto().await?).await?;
    // Kinds that are installed later are seen within a minute: see `consumers.rs`.
    let scenarios = scenario::all();
    let kinds = foreign::kinds(scenarios.iter().flat_map(|scenario| &scenario.objects));
    foreign::install(world.cluster(), &kinds).await?;
    let _operator = world.operator(&["--refresh=15s"]).await?;
    for scenario in scenario::all() {
        world.play(&scenario).await?;
    }
    verdicts(&world).await
}

async fn verdicts(world: &World) -> Outcome {
    let mut wrong = Vec::new();
    for scenario in scenario::all() {
        let (verdict, reason) = (scenario.verdict, scenario.reason);
        // One cause, one finding. A role may be read before its policies are attached: what that adds is gone with the next refresh.
        let is_told = |audit: Option<&IrsaAudit>| {
            audit.is_some_and(|audit| {
                let status = audit.status.as_ref();
                let said = status.map(|status| (status.verdict, status.reason.as_deref()));
                let mut found = codes(audit);
                found.sort_unstable();
                said == Some((Some(verdict), Some(reason))) && found == scenario.codes()
            })
        };
        let awaited = format!("{verdict:?} {reason} {:?}", scenario.codes());
        let found = world
            .cluster()
            .wait_for_audit(scenario.namespace, scenario::APP, &awaited, WITHIN, is_told)
            .await;
        match found {
            Ok(audit) => {
                let audit = audit.expect("what was awaited is there");
                let status = serde_json::to_vec(&audit.status)?;
                assert!(
                    status.len() < MAX_BYTES,
                    "{}: {} bytes",
                    scenario.namespace,
                    status.len()
                );
                for fix in audit
                    .status
                    .iter()
                    .flat_map(|status| &status.findings)
                    .filter_map(|f| f.fix.as_ref())
                {
                    let most = MAX_QUESTION_BYTES + 1 + MAX_FIX_BYTES + 1 + MORE_STEPS.len();
                    assert!(fix.len() <= most, "{}: {fix}", scenario.namespace);
                }
                let binding = audit.status.as_ref().and_then(|status| status.binding.as_ref());
                let path = binding.and_then(|binding| binding.path.as_deref());
                if scenario.path.is_some() && path != scenario.path {
                    wrong.push(format!("{}: by path {path:?}", scenario.namespace));
                }
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
