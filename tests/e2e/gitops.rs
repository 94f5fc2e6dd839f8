//! What Argo CD, Flux and `kubectl wait` make of an `IrsaAudit` over its life.

use std::fs;
use std::path::PathBuf;

use audit_api::status::{STALLED_AFTER, duplicate_status, status};
use audit_api::{IrsaAudit, IrsaAuditStatus};
use audit_core::finding::{Finding, Link};
use audit_core::model::BindingKey;
use audit_core::report::{BindingFacts, BindingReport, LinkState, PodSummary};
use audit_core::{Severity, Verdict, rules};
use e2e::checkers;
use e2e::cluster::Target;
use e2e::objects;
use e2e::scenario::APP;
use e2e::tools;
use jiff::{SignedDuration, Timestamp};
use mlua::{Lua, LuaSerdeExt as _};
use serde_json::{Value, json};

use super::{Failure, Outcome, WITHIN, WORKS, annotate, fake_world, play, wait_for};

fn argo(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy/argocd/resource_customizations/irsa-audit.dev/IrsaAudit")
        .join(path)
}

/// Argo CD's health of an object: status and message.
pub(super) fn health(object: &Value) -> (String, String) {
    let lua = Lua::new();
    // Absent, as Argo CD has it, and not a null that is a value of its own.
    let options = mlua::serde::SerializeOptions::new()
        .serialize_none_to_null(false)
        .serialize_unit_to_null(false);
    let object = lua.to_value_with(object, options).expect("a Lua value");
    lua.globals().set("obj", object).expect("a global");
    let script = fs::read_to_string(argo("health.lua")).expect("the check");
    let health: mlua::Table = lua.load(script).eval().expect("a table");
    (
        health.get("status").expect("a status"),
        health.get("message").expect("a message"),
    )
}

/// The test data in Argo CD's own form, so that it could be handed in there as it is.
#[test]
fn argo_cd_shows_the_health_that_the_test_data_expects() -> Outcome {
    let cases: Value = serde_saphyr::from_str(&fs::read_to_string(argo("health_test.yaml"))?)?;
    let cases = cases["tests"].as_array().expect("tests");
    for case in cases {
        let input = case["inputPath"].as_str().expect("an input");
        let object: Value = serde_saphyr::from_str(&fs::read_to_string(argo(input))?)?;
        let (status, message) = health(&object);
        assert_eq!(
            json!({"status": status, "message": message}),
            case["healthStatus"],
            "{input}"
        );
    }
    assert_eq!(
        fs::read_dir(argo("testdata"))?.count(),
        cases.len(),
        "each has a case"
    );
    Ok(())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn report(code: Option<&str>) -> BindingReport {
    let finding =
        code.map(|code| Finding::new(rules::entry(code).expect("a rule"), "wanted a, got b".to_owned()));
    BindingReport {
        key: BindingKey::new("shop", APP),
        verdict: match finding.as_ref().map(|finding| finding.severity) {
            None | Some(Severity::Notice) => Verdict::Working,
            Some(Severity::Risk) => Verdict::AtRisk,
            Some(Severity::Unknown) => Verdict::Unknown,
            Some(Severity::Broken) => Verdict::Broken,
        },
        reason: finding
            .as_ref()
            .map_or("AllLinksPass", |finding| finding.entry.reason),
        message: finding
            .as_ref()
            .map_or_else(String::new, |finding| finding.message.clone()),
        links: Link::ALL.map(|link| (link, LinkState::Passes)),
        facts: BindingFacts::default(),
        pods: PodSummary::default(),
        pending: false,
        valid_until: None,
        then: Vec::new(),
        deciding: finding.as_ref().map(|_| 0),
        findings: finding.into_iter().collect(),
    }
}

/// The object as the API server would give it.
fn object(generation: i64, status: &IrsaAuditStatus) -> Value {
    let mut object = objects::audit("shop", APP, &json!({"serviceAccountName": APP}));
    object["metadata"]["generation"] = json!(generation);
    object["status"] = json!(status);
    object
}

/// From the first audit to the last, every verdict on the way, with the real library of Flux and the check of Argo CD: the
/// two agree, nothing passes before it is audited, and what stays broken fails.
#[tokio::test]
async fn gates_agree_over_the_whole_life_of_an_audit() -> Outcome {
    let later = STALLED_AFTER + SignedDuration::from_secs(1);
    let mut objects = Vec::new();
    let mut expected = Vec::new();
    let mut step = |what: &'static str,
                    generation,
                    status: &IrsaAuditStatus,
                    kstatus: &'static str,
                    argo: &'static str| {
        objects.push(object(generation, status));
        expected.push((what, kstatus, argo));
    };
    let first = IrsaAuditStatus {
        observed_generation: Some(-1),
        ..IrsaAuditStatus::default()
    };
    step("new", 1, &first, "InProgress", "Progressing");
    let unknown = status(&report(Some("IRSA902")), None, 1, at(0));
    step("unseen", 1, &unknown, "InProgress", "Progressing");
    let working = status(&report(None), Some(&unknown), 1, at(60));
    step("working", 1, &working, "Current", "Healthy");
    step("changed in Git", 2, &working, "InProgress", "Progressing");
    let risk = status(&report(Some("IRSA216")), Some(&working), 2, at(120));
    step("at risk", 2, &risk, "Current", "Healthy");
    let broken = status(&report(Some("IRSA204")), Some(&risk), 2, at(180));
    step("broken just now", 2, &broken, "InProgress", "Progressing");
    let stalled = status(&report(Some("IRSA204")), Some(&broken), 2, at(180) + later);
    step("broken for two minutes", 2, &stalled, "Failed", "Degraded");
    let other = status(&report(Some("IRSA301")), Some(&stalled), 2, at(400));
    step(
        "broken for another reason",
        2,
        &other,
        "InProgress",
        "Progressing",
    );
    let repaired = status(&report(None), Some(&other), 2, at(430));
    step("repaired", 2, &repaired, "Current", "Healthy");
    let unseen = status(&report(Some("IRSA904")), Some(&repaired), 2, at(9000));
    step("evidence too old", 2, &unseen, "InProgress", "Progressing");
    let double = duplicate_status("other", Some(&unseen), 2, at(9100));
    step("a duplicate", 2, &double, "Failed", "Degraded");

    let found = checkers::kstatus(&objects).await?;
    let found: Vec<_> = expected
        .iter()
        .zip(found.iter().zip(&objects))
        .map(|((what, ..), (kstatus, object))| (*what, kstatus.clone(), health(object).0))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(what, kstatus, argo)| (*what, (*kstatus).to_owned(), (*argo).to_owned()))
        .collect();
    assert_eq!(found, expected);
    Ok(())
}

/// A declared audit gates a rollout on a real API server: not before it is audited, and then by its verdict.
#[tokio::test]
async fn a_declared_audit_gates_a_rollout() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    play(&world, namespace).await?;
    let role = "arn:aws:iam::123456789012:role/eksctl";
    let spec = json!({"serviceAccountName": APP, "expect": {"roleArn": role}});
    cluster
        .apply(&objects::audit(namespace, APP, &spec), "argocd-controller")
        .await?;
    let shown = || async {
        let object = cluster
            .get(Target::audit(namespace, APP))
            .await?
            .expect("the audit");
        let object = serde_json::to_value(object)?;
        let kstatus = checkers::kstatus(std::slice::from_ref(&object)).await?.remove(0);
        Ok::<_, Failure>((kstatus, health(&object).0))
    };
    let both = |kstatus: &str, argo: &str| (kstatus.to_owned(), argo.to_owned());
    // No operator has looked at it.
    assert_eq!(shown().await?, both("InProgress", "Progressing"));

    let operator = world.operator(&[]).await?;
    let kubectl = tools::kubectl().await?;
    let kubeconfig = world.plane().kubeconfig_path().display().to_string();
    let audit = format!("irsaaudit/{APP}");
    let wait = [
        "--kubeconfig",
        &kubeconfig,
        "wait",
        "--for=condition=Ready",
        &audit,
        "--namespace",
        namespace,
        "--timeout=90s",
    ];
    tools::run(&kubectl, &wait).await?;
    assert_eq!(shown().await?, both("Current", "Healthy"));

    annotate(&world, namespace, Some("arn:aws:iam::123456789012:role/other")).await?;
    let unexpected = |audit: Option<&IrsaAudit>| {
        let status = audit.and_then(|audit| audit.status.as_ref());
        status.is_some_and(|status| status.reason.as_deref() == Some("RoleUnexpected"))
    };
    cluster
        .wait_for_audit(namespace, APP, "RoleUnexpected", WITHIN, unexpected)
        .await?;
    assert_eq!(shown().await?, both("InProgress", "Progressing"));
    annotate(&world, namespace, Some(role)).await?;
    wait_for(&world, namespace, WORKS).await?;

    // What Git changes is not taken for audited by a verdict from before.
    drop(operator);
    cluster
        .merge(
            Target::audit(namespace, APP),
            &json!({"spec": {"expect": {"roleArn": "arn:aws:iam::123456789012:role/next"}}}),
        )
        .await?;
    assert_eq!(shown().await?, both("InProgress", "Progressing"));
    Ok(())
}
