//! Roles, ServiceAccounts, namespaces and audiences that are not the user's to name.

use e2e::aws::OTHER;
use e2e::cluster::Target;
use e2e::objects;
use e2e::remediation::{Repairable, consent_of, writer};
use serde_json::{Value, json};

use super::{OWN, SHOP, Stage, arn, opt_in, own, refused, reported};
use crate::Outcome;

/// The role that consents to a ServiceAccount of others, which is annotated with it. Only the opt-in of its team is missing.
const THEIRS: Repairable<'_> = Repairable {
    namespace: SHOP,
    name: "app",
    role: "shop",
};

/// Audiences that mean something else in a policy than in a token, or look like the usual one.
const AUDIENCES: [&str; 9] = [
    "*",
    "sts.amazonaws.com*",
    "sts.amazonaws.?om",
    "${aws:PrincipalTag/audience}",
    "sts.amazonaws.com\"",
    "sts.amazonaws.com\", \"*",
    "sts.amazonaws.com ",
    "st\u{455}.amazonaws.com",
    "",
];

/// ARNs that are nearly, or not at all, those of roles that consent; and why nothing is written for them.
fn odd_roles() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("path", arn("elsewhere/shop"), "other_role"),
        ("account", arn("shop").replace(e2e::aws::HOME, OTHER), "no_policy"),
        (
            "partition",
            arn("shop").replace("arn:aws:", "arn:aws-cn:"),
            "no_policy",
        ),
        ("wildcard", arn("*"), "no role"),
        ("padded", format!("{} ", arn("shop")), "no role"),
        // The path of a role may have any such characters.
        (
            "two-roles",
            format!("{},{}", arn("shop"), arn("shop")),
            "other_role",
        ),
        ("session", arn("shop").replace(":iam:", ":sts:"), "no role"),
        ("missing", arn("missing"), "role_missing"),
    ]
}

#[tokio::test]
async fn no_name_leads_to_a_role_of_others() -> Outcome {
    let mut stage = Stage::new(&["kube-mallory"]).await?;
    stage.role(THEIRS.role).await?;
    consent_of(&stage.world, THEIRS).await?;
    let account = objects::service_account(THEIRS.namespace, THEIRS.name, &arn(THEIRS.role));
    stage.world.cluster().create(&account).await?;

    // The annotation names their role: with a name of its own, and with that of their ServiceAccount.
    for name in ["borrower", THEIRS.name] {
        let binding = Repairable {
            role: THEIRS.role,
            ..own(name)
        };
        stage.bind(binding, "Automatic").await?;
    }
    for (name, role, _) in odd_roles() {
        let annotations = json!({"eks.amazonaws.com/role-arn": role});
        stage.bind_with(OWN, name, &annotations, "Automatic").await?;
    }
    // Kubernetes keeps such namespaces for itself, whoever was given one.
    let reserved = Repairable {
        namespace: "kube-mallory",
        name: "app",
        role: "reserved",
    };
    stage.consented(reserved, "Automatic").await?;
    owned_by_others(&stage).await?;
    speak_for_others(&stage).await?;
    for (at, audience) in AUDIENCES.iter().enumerate() {
        let name = format!("audience-{at}");
        stage.role(&name).await?;
        consent_of(&stage.world, own(&name)).await?;
        let annotations =
            json!({"eks.amazonaws.com/role-arn": arn(&name), "eks.amazonaws.com/audience": audience});
        stage.bind_with(OWN, &name, &annotations, "Automatic").await?;
    }

    let writer = writer(&stage.world, &[]).await?;
    for name in ["borrower", THEIRS.name, "owned"] {
        refused(&writer, OWN, name, "consent").await?;
    }
    for (name, _, why) in odd_roles() {
        refused(&writer, OWN, name, why).await?;
    }
    refused(&writer, reserved.namespace, reserved.name, "namespace").await?;
    for at in 0..AUDIENCES.len() {
        refused(&writer, OWN, &format!("audience-{at}"), "odd_identity").await?;
    }
    let blocked = "irsa_audit_remediation_blocked_total";
    for (by, least) in [
        ("consent", 3),
        ("namespace", 1),
        ("no_policy", 2),
        ("role_missing", 1),
    ] {
        assert!(reported(&writer, blocked, ("by", by)).await? >= least, "{by}");
    }
    let looks = "irsa_audit_remediations_total";
    assert!(reported(&writer, looks, ("outcome", "not_planned")).await? > AUDIENCES.len() as u64);
    stage.nothing_happened().await?;
    stage.repairs_what_is_agreed(&writer).await
}

/// An `IrsaAudit` that looks as if the operator had made it for the ServiceAccount of others, which owns it.
async fn owned_by_others(stage: &Stage) -> Outcome {
    let theirs = Target::core("ServiceAccount", THEIRS.namespace, THEIRS.name);
    let theirs = stage
        .world
        .cluster()
        .get(theirs)
        .await?
        .expect("their ServiceAccount");
    let owners = json!([
        {"apiVersion": "v1", "kind": "ServiceAccount", "name": THEIRS.name, "uid": theirs.metadata.uid, "controller": true},
        {"apiVersion": "v1", "kind": "Namespace", "name": "kube-system", "uid": "11111111-2222-3333-4444-555555555555"},
    ]);
    let binding = own("owned");
    let account = objects::service_account(binding.namespace, binding.name, &arn(THEIRS.role));
    stage.user.create(&account).await?;
    let mut audit = opt_in(binding.namespace, binding.name, "Automatic");
    audit["metadata"]["ownerReferences"] = owners;
    audit["metadata"]["labels"] = json!({"irsa-audit.dev/automatic": "true"});
    stage.user.create(&audit).await?;
    Ok(())
}

/// The user cannot opt in for others: an `IrsaAudit` speaks for its own namespace.
async fn speak_for_others(stage: &Stage) -> Outcome {
    let attempt = async |name: &str, spec: &Value| -> Option<u16> {
        let audit = objects::audit(OWN, name, spec);
        stage
            .user
            .create(&audit)
            .await
            .err()
            .and_then(|error| error.refusal())
    };
    for service_account in [
        "shop/app",
        "../../shop/serviceaccounts/app",
        "..",
        "shop:app",
        "app?namespace=shop",
        "app#",
        "app%2f",
        "app ",
        "app\u{a0}",
        "\u{430}pp",
        "",
    ] {
        let spec = json!({"serviceAccountName": service_account, "remediation": "Automatic"});
        assert_eq!(attempt("path", &spec).await, Some(422), "{service_account:?}");
    }
    // Fields that there are not come to nothing: no ServiceAccount of this name is in the user's namespace.
    let spec = json!({
        "serviceAccountName": "theirs",
        "remediation": "Automatic",
        "namespace": THEIRS.namespace,
        "serviceAccountNamespace": THEIRS.namespace,
        "serviceAccount": {"namespace": THEIRS.namespace, "name": THEIRS.name},
    });
    assert_eq!(attempt("injected", &spec).await, None);
    let stored = stage.user.get(Target::audit(OWN, "injected")).await?;
    let stored = stored.expect("the IrsaAudit").data["spec"].clone();
    for field in ["namespace", "serviceAccountNamespace", "serviceAccount"] {
        assert!(stored.get(field).is_none(), "{stored}");
    }
    let theirs = opt_in(THEIRS.namespace, THEIRS.name, "Automatic");
    let refused = stage.user.create(&theirs).await.err();
    assert_eq!(refused.and_then(|error| error.refusal()), Some(403));
    Ok(())
}
