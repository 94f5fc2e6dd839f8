//! The commands of someone with a broken pod, on a real API server and a pretend AWS: `explain --live`, `status`, `refresh`, `doctor`.

use audit_api::{IrsaAudit, REAUDIT_ANNOTATION};
use e2e::aws::{Aws, HOME};
use e2e::remediation::command;
use e2e::scenario::APP;
use e2e::world::World;
use kube::Api;
use kube::api::{ListParams, ObjectMeta, PostParams};
use serde_json::Value;

use super::{Failure, Outcome, play};

const NAMESPACE: &str = "wrong-namespace";

/// The JSON that a command prints, and its exit code.
async fn asked(world: &World, user: Option<&str>, words: &[&str]) -> Result<(i32, Value), Failure> {
    let words = [words, &["--output=json"]].concat();
    let (code, printed) = command(world, user, &words).await?;
    let json = printed
        .find('{')
        .and_then(|start| printed.get(start..))
        .unwrap_or_default();
    let value = serde_json::from_str(json).map_err(|error| Failure(format!("{error}: {printed}")))?;
    Ok((code, value))
}

#[tokio::test]
async fn an_error_leads_to_the_status_of_its_service_account() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    play(&world, NAMESPACE).await?;
    let name = format!("{NAMESPACE}/{APP}");
    let (code, report) = asked(&world, None, &["status", &name]).await?;
    assert_eq!(
        (code, &report["bindings"][0]["verdict"]),
        (1, &"Broken".into()),
        "{report}"
    );
    assert_eq!(
        report["bindings"][0]["findings"][0]["code"], "IRSA204",
        "{report}"
    );
    let error = format!(
        "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity for system:serviceaccount:{NAMESPACE}:{APP}"
    );
    let (code, explained) = asked(&world, None, &["explain", "--live", &error]).await?;
    assert_eq!(code, 0);
    assert_eq!(explained["symptoms"][0]["id"], "sts-not-authorized");
    assert_eq!(explained["diagnoses"][0]["bindings"], report["bindings"]);
    Ok(())
}

#[tokio::test]
async fn a_refresh_is_an_annotation_of_the_irsa_audit() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    play(&world, NAMESPACE).await?;
    let name = format!("{NAMESPACE}/{APP}");
    let api: Api<IrsaAudit> = Api::namespaced(world.cluster().client(), NAMESPACE);
    for audit in api.list(&ListParams::default()).await? {
        let name = audit.metadata.name.unwrap_or_default();
        api.delete(&name, &kube::api::DeleteParams::default()).await?;
    }
    let (code, _) = command(&world, None, &["refresh", &name]).await?;
    assert_eq!(code, 1, "there is none");
    let audit = IrsaAudit {
        metadata: ObjectMeta {
            name: Some("own".to_owned()),
            ..ObjectMeta::default()
        },
        spec: audit_api::IrsaAuditSpec {
            service_account_name: APP.to_owned(),
            ..audit_api::IrsaAuditSpec::default()
        },
        status: None,
    };
    api.create(&PostParams::default(), &audit).await?;
    let (code, printed) = command(&world, None, &["refresh", &name]).await?;
    assert_eq!(code, 0, "{printed}");
    let audit = api.get("own").await?;
    assert!(
        audit
            .metadata
            .annotations
            .unwrap_or_default()
            .contains_key(REAUDIT_ANNOTATION)
    );
    Ok(())
}

#[tokio::test]
async fn the_doctor_says_what_is_missing() -> Outcome {
    let world = World::start(Aws::fake().await?).await?;
    let states = |value: &Value, state: &str| {
        let all = value["permissions"].as_array().cloned().unwrap_or_default();
        let with = all.into_iter().filter(|one| one["state"] == state);
        with.filter_map(|one| one["permission"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let (code, all) = asked(&world, None, &["doctor"]).await?;
    assert_eq!((code, states(&all, "denied")), (0, Vec::new()), "{all}");
    // Whoever has no role may ask about themselves.
    let (code, none) = asked(&world, Some("stranger"), &["doctor"]).await?;
    let denied = states(&none, "denied");
    assert_eq!(code, 1);
    assert!(denied.iter().any(|what| what == "list, watch pods"), "{denied:?}");
    let account = ["doctor", "--service-account", "irsa-audit/nobody"];
    assert_eq!(states(&asked(&world, None, &account).await?.1, "denied"), denied);
    let Aws::Fake(fake) = world.aws() else {
        return Ok(());
    };
    fake.deny(HOME, "iam:GetRole");
    let (code, one) = asked(&world, None, &["doctor"]).await?;
    assert_eq!(
        (code, states(&one, "denied")),
        (1, vec!["iam:GetRole".to_owned()])
    );
    Ok(())
}
