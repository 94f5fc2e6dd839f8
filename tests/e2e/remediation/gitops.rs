//! From a manifest in Git that opts into remediation to a healthy object, as Flux and Argo CD judge it. The manifests are those of the
//! documentation.

use std::path::PathBuf;

use audit_api::IrsaAudit;
use audit_remedy::RemedyOperation;
use e2e::aws::{HOME, Role};
use e2e::checkers;
use e2e::cluster::{Cluster, Target};
use e2e::remediation::{
    APPROVER, Repairable, approval_of, as_user, changes, consent_of, document, plan_of, recorded, writer,
};
use e2e::tools;
use e2e::trust;
use e2e::world::{ISSUER, World};
use serde_json::{Value, json};

use super::{assert_appended, stage, wait_until_refused};
use crate::gitops::health;
use crate::{Failure, Outcome, WITHIN};

/// The account of the examples.
const EXAMPLE: &str = "111122223333";

const APPROVED: Repairable<'_> = Repairable {
    namespace: "shop",
    name: "cart",
    role: "cart",
};

const AUTOMATIC: Repairable<'_> = Repairable {
    namespace: "bank",
    name: "ledger",
    role: "ledger",
};

/// What `kustomize build` makes of a folder of the examples, in the test's account.
async fn built(folder: &str) -> Result<Vec<Value>, Failure> {
    let path = examples().join(folder).display().to_string();
    let kubectl = tools::kubectl().await?;
    let text = tools::run(&kubectl, &["kustomize", &path]).await?;
    Ok(serde_saphyr::from_multiple(&text.replace(EXAMPLE, HOME))?)
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/gitops")
}

/// A role below `/apps/` that admits another ServiceAccount.
async fn role_of_others(world: &World, binding: Repairable<'_>) -> Outcome {
    let statement = json!({
        "Sid": "Others",
        "Effect": "Allow",
        "Principal": {"Federated": trust::provider_arn(HOME, ISSUER)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{}:sub", trust::host_path(ISSUER)): trust::subject("others", "app"),
            format!("{}:aud", trust::host_path(ISSUER)): trust::AUDIENCE,
        }},
    });
    let role = Role {
        path: "/apps/",
        ..Role::new(binding.role, trust::document(&[statement]))
    };
    world.aws().create_role(&role).await?;
    Ok(())
}

/// As Flux's kustomize-controller applies them.
async fn reconcile(cluster: &Cluster, objects: &[Value]) -> Outcome {
    for object in objects {
        cluster.apply(object, "kustomize-controller").await?;
    }
    Ok(())
}

/// Whether a Kustomization with `wait: true` is ready, and the health of its `IrsaAudit` in Argo CD.
async fn judged(cluster: &Cluster, objects: &[Value]) -> Result<(bool, String), Failure> {
    let mut live = Vec::new();
    for object in objects {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let target = Target {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        };
        let found = cluster.get(target).await?.expect("what was applied");
        live.push(serde_json::to_value(found)?);
    }
    let is_ready = checkers::kstatus(&live).await?.iter().all(|one| one == "Current");
    let audit = live.iter().find(|one| one["kind"] == "IrsaAudit");
    let (argo, _) = health(audit.expect("an IrsaAudit"));
    Ok((is_ready, argo))
}

/// Awaits that the operator has looked at an audit as it is in Git.
async fn audited(world: &World, binding: Repairable<'_>, verdict: &str) -> Result<(), Failure> {
    let is_audited = |audit: Option<&IrsaAudit>| {
        audit.is_some_and(|audit| {
            let status = audit.status.as_ref();
            let said = status.and_then(|status| status.verdict);
            let of = status.and_then(|status| status.observed_generation);
            of == audit.metadata.generation && said.is_some_and(|said| format!("{said:?}") == verdict)
        })
    };
    let (namespace, name) = (binding.namespace, binding.name);
    world
        .cluster()
        .wait_for_audit(namespace, name, verdict, WITHIN, is_audited)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_kustomization_that_opts_in_is_healthy_once_its_role_is_repaired() -> Outcome {
    let world = stage().await?;
    let cluster = world.cluster();
    let admins = std::fs::read_to_string(examples().join("admins.yaml"))?.replace(EXAMPLE, HOME);
    cluster.create(&serde_saphyr::from_str(&admins)?).await?;
    for binding in [APPROVED, AUTOMATIC] {
        cluster.create_namespace(binding.namespace).await?;
        role_of_others(&world, binding).await?;
    }
    consent_of(&world, APPROVED).await?;
    let before = [
        document(&world, APPROVED.role).await?,
        document(&world, AUTOMATIC.role).await?,
    ];
    let (approved, automatic) = (built("require-approval").await?, built("automatic").await?);
    for objects in [&approved, &automatic] {
        reconcile(cluster, objects).await?;
        assert_eq!(
            judged(cluster, objects).await?,
            (false, "Progressing".to_owned()),
            "not audited yet"
        );
    }
    let _operator = world.operator(&[]).await?;
    let writer = writer(&world, &[]).await?;

    // Without a person: until the role's owner consents, once for all, it is not ready.
    audited(&world, AUTOMATIC, "Broken").await?;
    wait_until_refused(&writer, AUTOMATIC.namespace, "consent").await?;
    let (is_ready, argo) = judged(cluster, &automatic).await?;
    assert!(!is_ready && argo != "Healthy", "{argo}");
    consent_of(&world, AUTOMATIC).await?;
    // With one: until somebody approves.
    audited(&world, APPROVED, "Broken").await?;
    wait_until_refused(&writer, APPROVED.namespace, "approval").await?;
    let (is_ready, argo) = judged(cluster, &approved).await?;
    assert!(!is_ready && argo != "Healthy", "{argo}");
    let append = plan_of(&world, APPROVED, RemedyOperation::Append).await?;
    let person = as_user(&world, APPROVER).await?;
    person
        .create(&approval_of("cart", APPROVED, append.hash.as_str(), APPROVER))
        .await?;

    for (binding, objects, before) in [
        (APPROVED, &approved, &before[0]),
        (AUTOMATIC, &automatic, &before[1]),
    ] {
        assert!(
            recorded(&world, binding.namespace, 1, "Applied", WITHIN).await,
            "{binding:?}: {}",
            writer.process().log()
        );
        let change = changes(&world, binding.namespace).await?.remove(0);
        let is_approved = change.spec.approval.is_some();
        assert_eq!(is_approved, binding == APPROVED);
        let statement = serde_json::from_str(&change.spec.statement).expect("JSON");
        assert_appended(before, &document(&world, binding.role).await?, &statement);
        audited(&world, binding, "Working").await?;
        // The next reconciliation finds nothing to change.
        reconcile(cluster, objects).await?;
        assert_eq!(judged(cluster, objects).await?, (true, "Healthy".to_owned()));
    }
    Ok(())
}
