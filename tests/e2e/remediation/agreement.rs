//! Who has to agree before anything is written.

use audit_api::admission;
use audit_remedy::RemedyOperation;
use e2e::aws::{HOME, Role};
use e2e::cluster::Target;
use e2e::objects;
use e2e::remediation::{
    APPROVER, approval, as_user, changes, consent, document, grant, opt_in, own_users, plan, policy,
    policy_target, recorded, writer,
};
use e2e::scenario::APP;
use e2e::trust;
use e2e::world::{ISSUER, World};
use serde_json::json;

use super::{approve, assert_appended, broken, stage, wait_until_blocked, wait_until_refused};
use crate::{Failure, Outcome, WITHIN};

/// A binding in a namespace that Kubernetes keeps for itself, whose role trusts another namespace.
async fn broken_in_kube_namespace(world: &World, namespace: &'static str) -> Outcome {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": trust::provider_arn(HOME, ISSUER)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{}:sub", trust::host_path(ISSUER)): trust::subject("other", APP)}},
    });
    let role = Role::new(namespace, trust::document(&[statement]));
    world.aws().create_role(&role).await?;
    let cluster = world.cluster();
    cluster.create_namespace(namespace).await?;
    cluster
        .create(&objects::service_account(namespace, APP, &role.arn()))
        .await?;
    cluster.apply(&opt_in(namespace, "Automatic"), "team").await?;
    Ok(())
}

#[tokio::test]
async fn automatic_repairs_need_the_team_the_admins_and_the_roles_owner() -> Outcome {
    let world = stage().await?;
    let cluster = world.cluster();
    for namespace in ["wrong-namespace", "wrong-name", "misspelt-subject", "wildcard"] {
        broken(&world, namespace, "Automatic").await?;
    }
    broken_in_kube_namespace(&world, "kube-shop").await?;
    let none = json!({});
    // One to which everyone agrees, but paused; others that lack one word each.
    cluster
        .create(&policy("wrong-namespace", "Automatic", &json!({"paused": true})))
        .await?;
    cluster.create(&policy("wrong-name", "Automatic", &none)).await?;
    cluster
        .create(&policy("misspelt-subject", "Automatic", &none))
        .await?;
    cluster.create(&policy("kube-shop", "Automatic", &none)).await?;
    for namespace in ["wrong-namespace", "wildcard", "kube-shop"] {
        consent(&world, namespace).await?;
    }
    let other_cluster = format!("irsa-audit.dev/trust.{}", "0a".repeat(16));
    world
        .aws()
        .tag_role("misspelt-subject", &other_cluster, "misspelt-subject/app")
        .await?;
    let namespaces = [
        "wrong-namespace",
        "wrong-name",
        "misspelt-subject",
        "wildcard",
        "kube-shop",
    ];
    let mut before = Vec::new();
    for namespace in namespaces {
        before.push(document(&world, namespace).await?);
    }

    let fake = world.aws().as_fake().expect("the fake");
    fake.reset_calls();
    let writer = writer(&world, &[]).await?;
    wait_until_refused(&writer, "wrong-namespace", "paused").await?;
    wait_until_refused(&writer, "wrong-name", "consent").await?;
    wait_until_refused(&writer, "misspelt-subject", "consent").await?;
    wait_until_refused(&writer, "wildcard", "no_policy").await?;
    cluster.create(&policy("wildcard", "Propose", &none)).await?;
    wait_until_refused(&writer, "wildcard", "policy_mode").await?;
    wait_until_refused(&writer, "kube-shop", "namespace").await?;
    // Nothing is asked of AWS about roles for which admins allow nothing.
    let calls = fake.calls();
    let asked = |role: &str| {
        let mut roles = calls.iter().filter_map(|call| call.parameters.get("RoleName"));
        roles.any(|name| name == role)
    };
    assert!(asked("wrong-name") && !asked("wildcard") && !asked("kube-shop"));
    for namespace in namespaces {
        assert!(changes(&world, namespace).await?.is_empty(), "{namespace}");
    }

    // The pause ends, and nobody else is asked.
    let resumed = json!({"spec": {"remediation": {"paused": false}}});
    cluster
        .merge(policy_target("repair-wrong-namespace"), &resumed)
        .await?;
    assert!(
        recorded(&world, "wrong-namespace", 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let change = changes(&world, "wrong-namespace").await?.remove(0);
    assert_eq!(change.spec.approval, None);
    assert_eq!(change.spec.policies, ["repair-wrong-namespace"]);
    let statement = serde_json::from_str(&change.spec.statement).expect("JSON");
    assert_appended(
        &before[0],
        &document(&world, "wrong-namespace").await?,
        &statement,
    );
    for (namespace, before) in namespaces.iter().zip(&before).skip(1) {
        assert_eq!(document(&world, namespace).await?, *before, "{namespace}");
    }
    let metrics = writer.metrics().await?;
    assert_eq!(
        metrics.total("irsa_audit_remediations_total", &[("outcome", "applied")]),
        1
    );
    Ok(())
}

#[tokio::test]
async fn no_one_approves_in_another_name_and_no_one_who_only_edits_a_namespace() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    const EDITOR: &str = "ed";
    let world = stage().await?;
    let cluster = world.cluster();
    broken(&world, NAMESPACE, "RequireApproval").await?;
    let hash = "ab".repeat(32);
    let refused = async |user: &str, approved_by: &str| -> Result<Option<u16>, Failure> {
        let person = as_user(&world, user).await?;
        let created = person
            .create(&approval("tried", NAMESPACE, &hash, approved_by))
            .await;
        Ok(created.err().and_then(|error| error.refusal()))
    };
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let editor = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": EDITOR});
    grant(cluster, NAMESPACE, "everything", &everything, &editor).await?;
    assert_eq!(refused(EDITOR, EDITOR).await?, Some(403));

    assert_eq!(refused(APPROVER, "somebody-else").await?, Some(403));
    // Also if somebody gives irsa-audit itself the right to create approvals.
    for (at, user) in own_users().iter().enumerate() {
        let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user});
        let approve =
            json!([{"apiGroups": ["irsa-audit.dev"], "resources": ["irsaapprovals"], "verbs": ["create"]}]);
        grant(cluster, "", &format!("too-much-{at}"), &approve, &subject).await?;
        assert_eq!(refused(user, user).await?, Some(403), "{user}");
    }
    assert_eq!(refused(APPROVER, APPROVER).await?, None);
    // It never changes.
    let tried = Target {
        kind: "IrsaApproval",
        ..policy_target("tried")
    };
    let changed = cluster
        .merge(tried, &json!({"spec": {"planHash": "cd".repeat(32)}}))
        .await;
    assert_eq!(changed.err().and_then(|error| error.refusal()), Some(422));
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_unless_the_admission_policy_and_its_binding_are_as_shipped() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let cluster = world.cluster();
    broken(&world, NAMESPACE, "RequireApproval").await?;
    consent(&world, NAMESPACE).await?;
    cluster
        .create(&policy(NAMESPACE, "RequireApproval", &json!({})))
        .await?;
    let append = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    approve(&world, "given", NAMESPACE, append.hash.as_str()).await?;
    let of = |kind: &'static str| Target {
        api_version: "admissionregistration.k8s.io/v1",
        kind,
        namespace: "",
        name: admission::NAME,
    };
    let (the_policy, the_binding) = (
        of("ValidatingAdmissionPolicy"),
        of("ValidatingAdmissionPolicyBinding"),
    );
    cluster.delete(the_binding).await?;
    let writer = writer(&world, &[]).await?;
    wait_until_blocked(&writer, "admission").await?;

    let mut weak = admission::binding();
    weak["spec"]["validationActions"] = json!(["Warn"]);
    cluster.create(&weak).await?;
    wait_until_blocked(&writer, "admission").await?;
    cluster.delete(the_binding).await?;
    cluster.create(&admission::binding()).await?;
    let ignoring = json!({"spec": {"failurePolicy": "Ignore"}});
    cluster.delete(the_policy).await?;
    wait_until_blocked(&writer, "admission").await?;
    let mut weak = admission::policy(&own_users());
    weak["spec"]["failurePolicy"] = ignoring["spec"]["failurePolicy"].clone();
    cluster.create(&weak).await?;
    wait_until_blocked(&writer, "admission").await?;
    assert!(changes(&world, NAMESPACE).await?.is_empty());

    // Nothing has compared the author of the old approval with its `approvedBy` since.
    cluster
        .merge(the_policy, &json!({"spec": {"failurePolicy": "Fail"}}))
        .await?;
    wait_until_blocked(&writer, "approval").await?;
    assert!(changes(&world, NAMESPACE).await?.is_empty());
    approve(&world, "again", NAMESPACE, append.hash.as_str()).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    Ok(())
}
