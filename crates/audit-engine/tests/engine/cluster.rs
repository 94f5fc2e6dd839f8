//! The status of the `ClusterIrsaAudit`.

use super::*;

fn cluster_writes(lab: &Lab) -> usize {
    lab.writes
        .iter()
        .filter(|write| matches!(write, Write::Cluster { .. }))
        .count()
}

#[test]
fn it_counts_bindings_by_verdict() {
    let mut lab = Lab::leading();
    lab.binding("fine");
    lab.annotated("broken-1", Some("missing-1"));
    lab.annotated("broken-2", Some("missing-2"));
    lab.annotated_with("unknown", Some(&arn(OTHER, "app")));
    lab.pass(10);
    let status = lab.api.cluster.clone().unwrap();
    assert_eq!(
        status["bindings"],
        json!({"working": 1, "atRisk": 0, "broken": 2, "unknown": 1})
    );
    assert_eq!(status["issuer"], json!({"url": ISSUER, "source": "Flag"}));
    let provider = issuer(ISSUER).url.provider_arn("aws", HOME);
    assert_eq!(
        status["accounts"][0],
        json!({"id": HOME, "provider": "Registered", "providerArn": provider})
    );
    assert_eq!(status["accounts"][1], json!({"id": OTHER, "provider": "Unknown"}));
    lab.annotated("broken-1", None);
    lab.no_service_account("unknown");
    lab.delete("unknown");
    lab.pass(10);
    let status = lab.api.cluster.clone().unwrap();
    assert_eq!(
        status["bindings"],
        json!({"working": 1, "atRisk": 0, "broken": 1, "unknown": 0})
    );
    assert_eq!(
        status["accounts"].as_array().unwrap().len(),
        1,
        "nothing leads there any more"
    );
}

#[test]
fn it_is_written_on_change_only_and_at_most_every_five_seconds() {
    let mut lab = Lab::healthy();
    lab.pass(10);
    lab.forget();
    lab.pass(3 * REFRESH);
    assert_eq!(cluster_writes(&lab), 0);
    for n in 0..20 {
        lab.annotated(&format!("app-{n}"), Some("missing"));
        lab.pass(1);
    }
    assert!(
        (3..=5).contains(&cluster_writes(&lab)),
        "{}",
        cluster_writes(&lab)
    );
    lab.pass(5);
    assert_eq!(lab.api.cluster.as_ref().unwrap()["bindings"]["broken"], 20);
}

#[test]
fn it_is_written_again_after_a_failure_with_backoff() {
    let mut lab = Lab::healthy();
    lab.pass(10);
    lab.forget();
    lab.fails = true;
    lab.annotated("app", Some("missing"));
    lab.pass(100);
    assert!(
        (3..=6).contains(&cluster_writes(&lab)),
        "{}",
        cluster_writes(&lab)
    );
    lab.fails = false;
    lab.pass(300);
    assert_eq!(lab.api.cluster.as_ref().unwrap()["bindings"]["broken"], 1);
}

#[test]
fn a_restart_writes_it_once_at_most() {
    let mut lab = Lab::healthy().restarted();
    lab.tell_home();
    lab.sync();
    lab.engine.set_leading(true);
    lab.binding("app");
    lab.pass(60);
    lab.forget();
    lab.pass(2 * REFRESH);
    assert_eq!(cluster_writes(&lab), 0);
}

#[test]
fn it_stays_small_whoever_names_accounts() {
    let mut lab = Lab::leading();
    for n in 0..300 {
        lab.annotated_with(&format!("app-{n}"), Some(&format!("arn:aws:iam::{n:012}:role/x")));
    }
    lab.pass(10);
    let status = lab.api.cluster.clone().unwrap();
    assert_eq!(status["accounts"].as_array().unwrap().len(), 200);
    assert_eq!(status["findings"].as_array().unwrap().len(), 50);
    assert!(status.to_string().len() < 100_000);
}
