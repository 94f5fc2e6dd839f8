//! Approvals of something else, from before, or for a second time.

use audit_remedy::RemedyOperation;
use e2e::cluster::Target;
use e2e::remediation::{
    APPROVER, Repairable, approval_of, as_user, document, journal, plan_of, policy_target, writer,
};
use e2e::world::eventually;
use serde_json::{Value, json};

use super::{OWN, Stage, arn, opt_in, own, refused, refused_times, reported};
use crate::{Outcome, WITHIN};

/// The approver approves the plan of a binding as it is now, and the hash is given.
async fn approve(stage: &Stage, binding: Repairable<'_>) -> Result<String, crate::Failure> {
    let plan = plan_of(&stage.world, binding, RemedyOperation::Append).await?;
    let hash = plan.hash.as_str().to_owned();
    create(stage, binding.name, binding, &hash).await?;
    Ok(hash)
}

async fn create(stage: &Stage, name: &str, binding: Repairable<'_>, hash: &str) -> Outcome {
    let person = as_user(&stage.world, APPROVER).await?;
    person.create(&approval_of(name, binding, hash, APPROVER)).await?;
    Ok(())
}

/// What the user changes after an approval, each of a binding of this name.
const CHANGED: [&str; 6] = [
    "new-account",
    "new-audit",
    "other-role",
    "other-audience",
    "old-document",
    "for-another",
];

async fn change(stage: &Stage, name: &'static str) -> Outcome {
    let user = &stage.user;
    let account = Target::core("ServiceAccount", OWN, name);
    let annotate = async |annotations: Value| {
        let patch = json!({"metadata": {"annotations": annotations}});
        user.merge(account, &patch).await
    };
    match name {
        "new-account" => {
            user.delete(account).await?;
            user.create(&e2e::objects::service_account(OWN, name, &arn(name)))
                .await?;
        }
        "new-audit" => {
            user.delete(Target::audit(OWN, name)).await?;
            user.create(&opt_in(OWN, name, "RequireApproval")).await?;
        }
        "other-role" => {
            annotate(json!({"eks.amazonaws.com/role-arn": arn("second")})).await?;
        }
        "other-audience" => {
            annotate(json!({"eks.amazonaws.com/audience": "second.example.com"})).await?;
        }
        // Their owner edits the role.
        "old-document" => {
            let mut edited = document(&stage.world, name).await?;
            edited["Statement"][0]["Sid"] = json!("Machines");
            stage.world.aws().trust_role(name, &edited.to_string()).await?;
        }
        other => panic!("{other}"),
    }
    Ok(())
}

#[tokio::test]
async fn an_approval_is_worth_nothing_for_anything_else() -> Outcome {
    let mut stage = Stage::new(&[]).await?;
    for name in CHANGED {
        stage.consented(own(name), "RequireApproval").await?;
    }
    // Its role consents to the binding that turns to it.
    stage.role("second").await?;
    let second = Repairable {
        role: "second",
        ..own("other-role")
    };
    e2e::remediation::consent_of(&stage.world, second).await?;
    for name in CHANGED {
        if name == "for-another" {
            // The hash of one binding with the name of another.
            let of_first = plan_of(&stage.world, own(CHANGED[0]), RemedyOperation::Append).await?;
            create(&stage, name, own(name), of_first.hash.as_str()).await?;
        } else {
            approve(&stage, own(name)).await?;
            change(&stage, name).await?;
        }
    }
    stage.before.insert(
        "old-document".to_owned(),
        document(&stage.world, "old-document").await?,
    );
    let fake = stage.world.aws().as_fake().expect("the fake");
    fake.reset_calls();
    let writer = writer(&stage.world, &[]).await?;
    for name in CHANGED {
        refused(&writer, OWN, name, "approval").await?;
    }
    let blocked = reported(
        &writer,
        "irsa_audit_remediation_blocked_total",
        ("by", "approval"),
    );
    assert!(blocked.await? >= CHANGED.len() as u64);
    stage.nothing_happened().await?;
    stage.repairs_what_is_agreed(&writer).await
}

/// What is nearly a hash is none: the definition takes only whole ones, in lower case.
#[tokio::test]
async fn an_approval_is_spent_by_use_and_names_a_whole_hash() -> Outcome {
    const ONCE: &str = "once";
    const HASTY: &str = "hasty";
    let mut stage = Stage::new(&[]).await?;
    for name in [ONCE, HASTY] {
        stage.consented(own(name), "RequireApproval").await?;
    }
    let plan = plan_of(&stage.world, own(ONCE), RemedyOperation::Append).await?;
    let hash = plan.hash.as_str();
    let person = as_user(&stage.world, APPROVER).await?;
    for nearly in [
        hash[..63].to_owned(),
        hash[..8].to_owned(),
        format!("{hash}0"),
        format!(" {hash}"),
        format!("sha256:{hash}"),
        hash.to_uppercase(),
        format!("{hash}\n"),
        String::new(),
    ] {
        let created = person
            .create(&approval_of("nearly", own(ONCE), &nearly, APPROVER))
            .await;
        let refused = created.err().and_then(|error| error.refusal());
        assert_eq!(refused, Some(422), "{nearly:?}");
    }

    // The role at rest gives the user time to turn to another role.
    let writer = writer(&stage.world, &["--unsafe-test-timing=consistency=4s"]).await?;
    approve(&stage, own(HASTY)).await?;
    writer.process().wait_for_line("it begins", WITHIN).await?;
    let patch = json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": arn(ONCE)}}});
    stage
        .user
        .merge(Target::core("ServiceAccount", OWN, HASTY), &patch)
        .await?;
    let given_up = || {
        let log = writer.process().log();
        log.lines()
            .any(|line| line.contains("given up") && line.contains("why=\"other_role\""))
    };
    assert!(
        eventually(WITHIN, || async { given_up() }).await,
        "{}",
        writer.process().log()
    );
    refused(&writer, OWN, HASTY, "approval,consent").await?;
    stage.nothing_happened().await?;

    refused(&writer, OWN, ONCE, "approval").await?;
    // Used once, and again by an object of the same name and with the same hash, after the role has its old document back.
    create(&stage, ONCE, own(ONCE), hash).await?;
    let is_applied = || async {
        let records = journal(&stage.world).await.unwrap_or_default();
        let mut phases = records.iter().filter_map(|record| record.status.as_ref()?.phase);
        phases.any(|phase| phase == audit_api::change::PhaseName::Applied)
    };
    assert!(eventually(WITHIN, is_applied).await, "{}", writer.process().log());
    refused(&writer, OWN, ONCE, "admitted").await?;
    let spent = Target {
        kind: "IrsaApproval",
        ..policy_target(ONCE)
    };
    stage.world.cluster().delete(spent).await?;
    create(&stage, ONCE, own(ONCE), hash).await?;
    let before = stage.before[ONCE].to_string();
    stage.world.aws().trust_role(ONCE, &before).await?;
    refused_times(&writer, OWN, ONCE, "approval", 2).await?;
    stage.unchanged(&[]).await?;
    assert_eq!(journal(&stage.world).await?.len(), 1);
    Ok(())
}
