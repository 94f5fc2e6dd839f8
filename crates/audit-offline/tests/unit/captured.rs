use audit_core::audit::audit;
use audit_core::model::{BindingKey, LookedUp, RoleLookup, WorkloadRef};
use audit_core::verdict::Verdict;
use serde_json::json;

use super::*;
use crate::snapshot_manifest::{PartReason, SnapshotCluster, SnapshotWorkload};
use crate::testing::{ACCOUNT, ISSUER, KEYS, load_texts, options};
use crate::{Loaded, Options, Weight};

/// When the parts were taken.
const TAKEN: Timestamp = Timestamp::UNIX_EPOCH;

const ROLE: &str = "arn:aws:iam::111122223333:role/cart";

fn part(state: PartState, count: u64) -> SnapshotPart {
    SnapshotPart {
        state,
        taken_at: TAKEN,
        count,
        file: None,
        reason: None,
        message: None,
    }
}

/// The manifest of a snapshot of which every part is whole.
fn manifest() -> SnapshotManifest {
    let cluster = SnapshotCluster {
        identity: "uid:1".to_owned(),
        issuer: None,
        name: None,
        namespace: None,
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        webhook_namespace: "kube-system".to_owned(),
    };
    let mut manifest = SnapshotManifest::new("irsa-audit".to_owned(), TAKEN, cluster);
    let issuer = audit_core::model::ClusterIssuer {
        url: audit_core::model::IssuerUrl::parse(ISSUER).unwrap(),
        source: audit_core::model::IssuerSource::Discovery,
    };
    manifest.cluster.issuer = Some((&issuer).into());
    manifest.finished_at = Some(TAKEN);
    let others = [SERVED_KINDS, CONFIG_MAP, REGISTRATIONS, "kubernetes/namespaces"];
    let names = GAPS.iter().map(|(name, _)| *name).chain(NEEDED).chain(others);
    for name in names {
        manifest.parts.insert(name.to_owned(), part(PartState::Whole, 1));
    }
    for what in ["account", "details", "providers", "provider", "summary"] {
        let name = format!("aws/{ACCOUNT}/{what}");
        manifest.parts.insert(name, part(PartState::Whole, 1));
    }
    manifest
}

fn lacking(name: &str) -> SnapshotManifest {
    let mut manifest = manifest();
    let missing = SnapshotPart::missing(TAKEN, PartReason::Forbidden, Some("may not list".to_owned()));
    manifest.parts.insert(name.to_owned(), missing);
    manifest
}

fn of(manifest: SnapshotManifest) -> Options {
    let given = GivenSnapshot {
        path: "prod/snapshot.json".to_owned(),
        manifest,
    };
    Options {
        snapshot: Some(given),
        ..options()
    }
}

/// A ServiceAccount with its pod, its role and the registration of the webhook.
fn load(manifest: SnapshotManifest, with_pods: bool) -> Loaded {
    let container = json!({
        "name": "app",
        "env": [{"name": "AWS_ROLE_ARN", "value": ROLE},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}],
        "volumeMounts": [{"name": "aws-iam-token", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"}],
    });
    let token = json!({"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart-1", "namespace": "shop", "uid": "2"},
        "spec": {"serviceAccountName": "cart", "containers": [container],
            "volumes": [{"name": "aws-iam-token", "projected": {"sources": [token]}}]},
        "status": {"phase": "Running"},
    });
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "1", "annotations": {"eks.amazonaws.com/role-arn": ROLE}},
    });
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook", "uid": "3"},
        "webhooks": [{"name": "iam-for-pods.amazonaws.com",
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}],
    });
    let condition = json!({"StringEquals": {
        format!("{KEYS}:sub"): "system:serviceaccount:shop:cart", format!("{KEYS}:aud"): "sts.amazonaws.com"}});
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]});
    let details = json!({
        "RoleDetailList": [{"Arn": ROLE, "RoleId": "AROA1", "AssumeRolePolicyDocument": trust.to_string(), "Tags": [],
            "AttachedManagedPolicies": [], "RolePolicyList": []}],
        "UserDetailList": [], "GroupDetailList": [],
    });
    let outputs = [
        json!({"UserId": "", "Account": ACCOUNT}),
        details,
        json!({"OpenIDConnectProviderList": [{"Arn": provider}]}),
        json!({"Url": KEYS, "ClientIDList": ["sts.amazonaws.com"]}),
    ];
    let mut manifests = vec![account.to_string(), webhook.to_string()];
    manifests.extend(with_pods.then(|| pod.to_string()));
    let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
    let refs = |texts: &[String]| texts.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    load_texts(&[&refs(&manifests)], &[&refs(&outputs)], &of(manifest))
}

fn verdict(loaded: &Loaded) -> Verdict {
    let report = audit(&loaded.snapshot, &loaded.config, TAKEN);
    let binding = report
        .bindings
        .iter()
        .find(|one| one.key == BindingKey::new("shop", "cart"));
    binding.unwrap().verdict
}

/// Whether it works, as far as anything shows.
fn is_seen_whole(loaded: &Loaded) -> bool {
    matches!(verdict(loaded), Verdict::Working | Verdict::AtRisk)
}

#[test]
fn a_whole_snapshot_is_judged_as_a_cluster_is() {
    for with_pods in [true, false] {
        let loaded = load(manifest(), with_pods);
        assert_eq!(loaded.problems, []);
        assert!(is_seen_whole(&loaded), "{with_pods}: {:?}", verdict(&loaded));
    }
}

#[test]
fn what_a_missing_part_may_have_held_is_unknown() {
    for (name, with_pods, expected) in [
        ("kubernetes/pods", false, false),
        ("kubernetes/clusterroles", true, true),
    ] {
        let loaded = load(lacking(name), with_pods);
        assert!(!loaded.has_errors());
        let shown: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert!(
            shown
                .iter()
                .any(|problem| problem.contains(name) && problem.contains("may not list")),
            "{shown:?}"
        );
        assert_eq!(is_seen_whole(&loaded), expected, "{name}");
    }
    // What the manifest does not speak of was not taken.
    let mut unfinished = manifest();
    unfinished.parts.remove("kubernetes/pods");
    unfinished.finished_at = None;
    assert_eq!(verdict(&load(unfinished, false)), Verdict::Unknown);
    for name in NEEDED {
        let loaded = load(lacking(name), true);
        let errors: Vec<_> = loaded
            .problems
            .iter()
            .filter(|one| one.weight == Weight::Error)
            .collect();
        assert_eq!(errors.len(), 1, "{name}: {errors:?}");
    }
}

#[test]
fn the_manifest_proves_what_no_file_does() {
    let mut manifest = lacking("kubernetes/secretstores.external-secrets.io");
    let workload = WorkloadRef {
        kind: "Deployment".to_owned(),
        name: "cart".to_owned(),
    };
    let key = BindingKey::new("shop", "cart");
    manifest
        .workloads
        .push(SnapshotWorkload::new(&key, &workload, &LookedUp::Absent));
    manifest
        .absent_roles
        .insert(ACCOUNT.to_owned(), ["cart".to_owned(), "gone".to_owned()].into());
    let associations = format!("aws/{ACCOUNT}/associations");
    manifest.parts.insert(associations, part(PartState::Whole, 0));
    let loaded = load(manifest, true);
    let cluster = &loaded.snapshot.cluster;
    assert_eq!(cluster.looked_up(&key, &workload), Some(&LookedUp::Absent));
    let unseen: Vec<&str> = cluster
        .unseen_kinds()
        .iter()
        .map(|kind| kind.kind.as_str())
        .collect();
    assert_eq!(unseen, ["SecretStore"]);
    let account = loaded.snapshot.accounts.get(ACCOUNT).unwrap();
    assert!(matches!(
        account.roles.get("gone").unwrap().latest(),
        Some(RoleLookup::Absent)
    ));
    assert!(account.pod_identity.latest().unwrap().is_empty());
    match account.roles.get("cart").unwrap().latest() {
        Some(RoleLookup::Found(role)) => assert_eq!(role.told_after, Some(TAKEN), "it is there after all"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_discovery_every_kind_of_other_projects_is_unknown() {
    let loaded = load(lacking(SERVED_KINDS), true);
    assert_eq!(
        loaded.snapshot.cluster.unseen_kinds().len(),
        consumers::kinds().count()
    );
    let loaded = load(lacking(CONFIG_MAP), true);
    assert!(loaded.snapshot.cluster.webhook_entries_unseen());
}
