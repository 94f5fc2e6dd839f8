//! What the API server keeps from the user: approvals, policies, records and identities; and statuses that it may forge.

use audit_remedy::RemedyOperation;
use e2e::cluster::{Cluster, Target};
use e2e::objects;
use e2e::remediation::{
    APPROVER, Repairable, WRITER, approval_of, consent_of, journal, plan_of, recorded, writer,
};
use e2e::world::OPERATOR;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{OWN, SHOP, Stage, allowing, arn, by_token, opt_in, own, refused, reported};
use crate::{Outcome, WITHIN};

const API: &str = "/apis/irsa-audit.dev/v1alpha1";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The HTTP status by which the API server refuses a request, if it does.
async fn answer(cluster: &Cluster, method: &str, path: &str, body: Value) -> Option<u16> {
    let content = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content)
        .body(body.to_string().into_bytes())
        .expect("a request");
    match cluster.client().request::<Value>(request).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(status.code),
        Err(error) => panic!("{method} {path}: {error}"),
    }
}

/// A repair that the team, the admins and the owner of the role agreed to, which is not the user's.
const THEIRS: Repairable<'_> = Repairable {
    namespace: SHOP,
    name: "app",
    role: "shop",
};

async fn repair_theirs(stage: &mut Stage) -> Outcome {
    stage.role(THEIRS.role).await?;
    consent_of(&stage.world, THEIRS).await?;
    let cluster = stage.world.cluster();
    let account = objects::service_account(THEIRS.namespace, THEIRS.name, &arn(THEIRS.role));
    cluster.create(&account).await?;
    cluster
        .create(&opt_in(THEIRS.namespace, THEIRS.name, "Automatic"))
        .await?;
    Ok(())
}

/// Requests of the user, and what the API server says to them.
fn forbidden(record: &str, hash: &str) -> Vec<(&'static str, String, Value)> {
    let forged = |by: &str| approval_of("forged", own("liar"), hash, by);
    let record = format!("{API}/trustpolicychanges/{record}");
    let policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/approvals.irsa-audit.dev";
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let me = json!([{"kind": "ServiceAccount", "namespace": OWN, "name": OWN}]);
    let admin =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    let token =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}});
    let of_namespace =
        |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let accounts = format!("/api/v1/namespaces/{OPERATOR}/serviceaccounts");
    let now = "2026-01-01T00:00:00Z";
    let all = [
        // To approve.
        ("POST", format!("{API}/irsaapprovals"), forged(APPROVER)),
        (
            "POST",
            format!("{API}/irsaapprovals"),
            forged(&format!("system:serviceaccount:{OWN}:{OWN}")),
        ),
        // To allow.
        (
            "POST",
            format!("{API}/irsaauditpolicies"),
            allowing(&["kube-system"]),
        ),
        (
            "PATCH",
            format!("{API}/irsaauditpolicies/everything"),
            json!({"spec": {"remediation": {"allowToolOwned": true}}}),
        ),
        ("DELETE", policy.to_owned(), json!({})),
        (
            "PATCH",
            policy.to_owned(),
            json!({"spec": {"failurePolicy": "Ignore"}}),
        ),
        // To rewrite what happened.
        ("DELETE", record.clone(), json!({})),
        ("DELETE", format!("{API}/trustpolicychanges"), json!({})),
        (
            "PATCH",
            record.clone(),
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ServiceAccount", "name": OWN, "uid": "1"}]}}),
        ),
        (
            "PATCH",
            format!("{record}/status"),
            json!({"status": {"phase": "Applied", "released": now}}),
        ),
        // To be somebody else.
        ("POST", format!("{accounts}/{WRITER}/token"), token.clone()),
        ("POST", format!("{accounts}/{OPERATOR}/token"), token),
        (
            "POST",
            format!("{RBAC}/clusterrolebindings"),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "more"}, "roleRef": admin, "subjects": me}),
        ),
        (
            "POST",
            format!("{RBAC}/clusterroles"),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "more"}, "rules": everything}),
        ),
        (
            "PATCH",
            format!("/apis/coordination.k8s.io/v1/namespaces/{OPERATOR}/leases/irsa-audit-writer"),
            json!({"spec": {"holderIdentity": OWN}}),
        ),
        // To be somewhere else.
        ("POST", "/api/v1/namespaces".to_owned(), of_namespace("shop-2")),
        (
            "PATCH",
            format!("/api/v1/namespaces/{SHOP}/serviceaccounts/app"),
            json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": arn("liar")}}}),
        ),
        (
            "PATCH",
            format!("{API}/namespaces/{SHOP}/irsaaudits/app"),
            json!({"spec": {"remediation": "Automatic"}}),
        ),
    ];
    all.into()
}

#[tokio::test]
async fn what_decides_is_out_of_reach_and_a_forged_status_decides_nothing() -> Outcome {
    const LIAR: &str = "liar";
    let mut stage = Stage::new(&[]).await?;
    repair_theirs(&mut stage).await?;
    stage.consented(own(LIAR), "RequireApproval").await?;
    let writer = writer(&stage.world, &[]).await?;
    let log = || writer.process().log();
    assert!(
        recorded(&stage.world, SHOP, 1, "Applied", WITHIN).await,
        "{}",
        log()
    );
    let record = journal(&stage.world).await?.remove(0);
    refused(&writer, OWN, LIAR, "approval").await?;
    let hash = plan_of(&stage.world, own(LIAR), RemedyOperation::Append)
        .await?
        .hash;

    // A Role of its own may name what is not in a namespace: that gives nothing.
    let more = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"namespace": OWN, "name": "approve"},
        "rules": [{"apiGroups": ["irsa-audit.dev"], "resources": ["irsaapprovals", "trustpolicychanges"], "verbs": ["*"]}],
    });
    stage.user.create(&more).await?;
    for (method, path, body) in forbidden(&record.name_any(), hash.as_str()) {
        let said = answer(&stage.user, method, &path, body).await;
        assert_eq!(said, Some(403), "{method} {path}");
    }
    // There is no approval in a namespace.
    let path = format!("{API}/namespaces/{OWN}/irsaapprovals");
    let forged = approval_of("forged", own(LIAR), hash.as_str(), APPROVER);
    assert_eq!(
        answer(&stage.user, "POST", &path, forged.clone()).await,
        Some(404)
    );
    for other in [APPROVER, &format!("system:serviceaccount:{OPERATOR}:{WRITER}")] {
        let as_other = by_token(&stage.world, (OWN, OWN), Some(other)).await?;
        let path = format!("{API}/irsaapprovals");
        assert_eq!(
            answer(&as_other, "POST", &path, forged.clone()).await,
            Some(403),
            "{other}"
        );
    }

    forge_statuses(&stage, LIAR, hash.as_str()).await?;
    stage.looked_again(LIAR).await?;
    let fake = stage.world.aws().as_fake().expect("the fake");
    let blocked = "irsa_audit_remediation_blocked_total";
    assert!(reported(&writer, blocked, ("by", "approval")).await? >= 2);
    stage.unchanged(&[THEIRS.role]).await?;
    assert_eq!(fake.count("UpdateAssumeRolePolicy"), 1);
    let records = journal(&stage.world).await?;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].uid(), record.uid());
    assert_eq!(records[0].status, record.status);
    Ok(())
}

/// The user writes into the status of its `IrsaAudit` all that could persuade anyone. What the definition does not know is dropped, or
/// the request is refused.
async fn forge_statuses(stage: &Stage, name: &str, hash: &str) -> Outcome {
    let condition = |kind: &str, reason: &str| json!({"type": kind, "status": "True", "reason": reason, "message": "approved", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let path = format!("{API}/namespaces/{OWN}/irsaaudits/{name}/status");
    let right = json!({"verdict": "Broken", "reason": "WebIdentityNotAllowed"});
    let working = json!({"verdict": "Working", "reason": "AllLinksPass"});
    for forged in [right, working] {
        assert_eq!(
            answer(&stage.user, "PATCH", &path, json!({"status": forged})).await,
            None
        );
        for field in [
            json!({"conditions": [condition("Ready", "Approved"), condition("Approved", "Approved"), condition("RemediationApproved", "Approved")]}),
            json!({"binding": {"roleArn": arn("shop")}}),
            json!({"plan": {"hash": hash, "approved": true, "approvedBy": APPROVER, "phase": "Approved"}}),
            json!({"remediation": {"hash": hash, "phase": "Approved", "approval": {"name": "forged", "approvedBy": APPROVER}}}),
            json!({"approval": {"planHash": hash, "approvedBy": APPROVER}}),
        ] {
            let said = answer(&stage.user, "PATCH", &path, json!({"status": field})).await;
            assert!(matches!(said, None | Some(422)), "{said:?}: {field}");
        }
    }
    Ok(())
}

/// A record is nobody's dependent, so that nothing that is deleted takes it along, and also the writer cannot make it one.
#[tokio::test]
async fn a_record_outlives_what_it_is_about_and_its_writer_cannot_rewrite_it() -> Outcome {
    let mut stage = Stage::new(&[]).await?;
    let mine = own("mine");
    stage.consented(mine, "Automatic").await?;
    let writer = writer(&stage.world, &[]).await?;
    assert!(
        recorded(&stage.world, OWN, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let record = journal(&stage.world).await?.remove(0);
    assert!(record.owner_references().is_empty() && record.finalizers().is_empty());

    let as_writer = by_token(&stage.world, (OPERATOR, WRITER), None).await?;
    let path = format!("{API}/trustpolicychanges/{}", record.name_any());
    let owned = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ServiceAccount", "name": OWN, "uid": "1"}]}});
    assert_eq!(answer(&as_writer, "PATCH", &path, owned.clone()).await, Some(403));
    // Its right to the status does not reach the metadata, nor the rest.
    let mut wide = owned;
    wide["spec"] = json!({"before": "{}"});
    wide["status"] = json!({"phase": "Applied"});
    assert_eq!(
        answer(&as_writer, "PATCH", &format!("{path}/status"), wide).await,
        None
    );
    let kept = journal(&stage.world).await?.remove(0);
    assert!(kept.owner_references().is_empty());
    assert_eq!(kept.spec, record.spec);

    // Deleted and made again, the binding is what it was: a statement of ours that is gone is not added again by itself.
    for target in [
        Target::audit(OWN, mine.name),
        Target::core("ServiceAccount", OWN, mine.name),
    ] {
        stage.user.delete(target).await?;
    }
    let before = stage.before[mine.role].to_string();
    stage.world.aws().trust_role(mine.role, &before).await?;
    stage.bind(mine, "Automatic").await?;
    refused(&writer, OWN, mine.name, "approval").await?;
    let records = journal(&stage.world).await?;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].uid(), record.uid());
    stage.unchanged(&[]).await
}

/// The namespace is the user's to label: what a policy selects by labels of its own, the user may join. The label that the API server
/// keeps is not.
#[tokio::test]
async fn a_label_of_the_namespace_leads_into_a_policy_and_no_further() -> Outcome {
    let mut stage = Stage::new(&[]).await?;
    let cluster = stage.world.cluster();
    let everything = Target {
        api_version: "irsa-audit.dev/v1alpha1",
        kind: "IrsaAuditPolicy",
        namespace: "",
        name: "everything",
    };
    let by_label = json!({"spec": {"remediation": {"namespaceSelector": {"matchExpressions": null, "matchLabels": {"team": "shop"}}}}});
    cluster.merge(everything, &by_label).await?;
    let theirs = Repairable {
        role: THEIRS.role,
        ..own("borrower")
    };
    stage.role(THEIRS.role).await?;
    consent_of(&stage.world, THEIRS).await?;
    stage.bind(theirs, "Automatic").await?;
    let writer = writer(&stage.world, &[]).await?;
    refused(&writer, OWN, theirs.name, "no_policy").await?;

    let path = format!("/api/v1/namespaces/{OWN}");
    let kept = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": SHOP}}});
    let said = answer(&stage.user, "PATCH", &path, kept).await;
    let namespace = stage
        .world
        .cluster()
        .get(Target::core("Namespace", "", OWN))
        .await?;
    let namespace = namespace.expect("the namespace");
    assert_eq!(namespace.labels()["kubernetes.io/metadata.name"], OWN, "{said:?}");

    let joined = json!({"metadata": {"labels": {"team": "shop"}}});
    assert_eq!(answer(&stage.user, "PATCH", &path, joined).await, None);
    refused(&writer, OWN, theirs.name, "consent").await?;
    stage.nothing_happened().await
}
