//! The status of the `ClusterIrsaAudit`.

use audit_core::Verdict;

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
    assert_eq!(
        (
            status["accounts"].as_array().unwrap().len(),
            &status["otherAccounts"]
        ),
        (1, &json!(1))
    );
    lab.annotated("broken-1", None);
    lab.no_service_account("unknown");
    lab.delete("unknown");
    lab.pass(10);
    let status = lab.api.cluster.clone().unwrap();
    assert_eq!(
        status["bindings"],
        json!({"working": 1, "atRisk": 0, "broken": 1, "unknown": 0})
    );
    assert_eq!(status["otherAccounts"], json!(0), "nothing leads there any more");
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
fn it_is_written_again_when_it_was_deleted() {
    let mut lab = Lab::healthy();
    lab.pass(10);
    lab.forget();
    lab.see(Observation::ClusterAudit(WatchChange::Applied(
        ClusterAuditObject,
    )));
    lab.pass(60);
    assert_eq!(cluster_writes(&lab), 0);
    lab.see(Observation::ClusterAudit(WatchChange::Deleted {
        namespace: String::new(),
        name: "cluster".to_owned(),
    }));
    lab.pass(10);
    assert_eq!(cluster_writes(&lab), 1);
    // Its definition was deleted, and nothing could be written for a long time.
    lab.fails = true;
    lab.see(Observation::ClusterAudit(WatchChange::Deleted {
        namespace: String::new(),
        name: "cluster".to_owned(),
    }));
    lab.pass(1000);
    lab.fails = false;
    lab.forget();
    lab.see(Observation::ClusterAudit(WatchChange::Init));
    lab.see(Observation::ClusterAudit(WatchChange::InitDone));
    lab.pass(6);
    assert_eq!(cluster_writes(&lab), 1);
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
fn accounts_that_anyone_can_name_neither_crowd_out_nor_blame_those_of_the_admins() {
    let mut lab = Lab::healthy();
    lab.pass(20);
    for at in 0..300 {
        let account = format!("{:012}", 500_000_000_000_u64 + at);
        lab.aws.account(&account).is_closed = true;
        lab.annotated_with(&format!("app-{at}"), Some(&arn(&account, "app")));
    }
    lab.pass(60);
    let status = lab.api.cluster.clone().unwrap();
    let listed = status["accounts"].as_array().unwrap().iter();
    let listed: Vec<&Value> = listed.map(|account| &account["id"]).collect();
    assert_eq!(
        (listed, &status["otherAccounts"]),
        (vec![&json!(HOME)], &json!(300))
    );
    let findings = status["findings"].as_array().unwrap().iter();
    assert_eq!(findings.filter(|finding| finding["code"] == "IRSA903").count(), 1);
    assert_eq!(status["conditions"][0]["status"], "True");
    assert!(status.to_string().len() < 10_000);
}

#[test]
fn a_binding_whose_audit_is_refused_is_counted_and_told_to_the_admins() {
    let mut lab = Lab::healthy();
    lab.refuses = true;
    lab.annotated("hidden", Some("missing"));
    lab.pass(60);
    let hidden = &lab.shown.bindings[&Lab::key("hidden")];
    assert_eq!((hidden.verdict, hidden.reason), (Verdict::Broken, "RoleNotFound"));
    let (namespace, count) = &lab.shown.unaudited[0];
    assert_eq!((namespace.as_str(), count.refused), (NS, 1));
    let status = lab.api.cluster.clone().unwrap();
    assert_eq!(
        status["unaudited"],
        json!([{"namespace": NS, "suspended": 0, "refused": 1, "overLimit": 0}])
    );
    assert_eq!(status["bindings"]["broken"], 1);
    let mut findings = status["findings"].as_array().unwrap().iter();
    assert!(findings.any(|finding| finding["code"] == "IRSA917"));
    assert_eq!(
        status["conditions"][0]["status"], "True",
        "anyone can bring that about"
    );
    // Once it is let through.
    lab.refuses = false;
    lab.pass(120);
    assert_eq!(lab.verdict("hidden"), Some(VerdictName::Broken));
    assert!(lab.shown.unaudited.is_empty());
    assert!(lab.api.cluster.as_ref().unwrap().get("unaudited").is_none());
}

#[test]
fn a_suspended_audit_is_told_to_the_admins() {
    let mut lab = Lab::healthy();
    lab.declare("mine", "app");
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    lab.pass(60);
    assert_eq!(lab.api.cluster.as_ref().unwrap()["unaudited"][0]["suspended"], 1);
    // It goes, and nothing else speaks of its ServiceAccount: nor does the cluster's status.
    let mut gone = Lab::leading();
    gone.annotated("alone", None);
    gone.declare("mine", "alone");
    gone.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    gone.pass(10);
    assert_eq!(gone.api.cluster.as_ref().unwrap()["unaudited"][0]["suspended"], 1);
    gone.delete("mine");
    gone.pass(10);
    assert_eq!(gone.api.cluster.as_ref().unwrap().get("unaudited"), None);
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(false));
    lab.pass(60);
    assert!(lab.api.cluster.as_ref().unwrap().get("unaudited").is_none());
}
