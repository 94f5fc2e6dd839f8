//! What was said last lives in the operator's memory: a status is never read as an input, whoever writes into it.

use super::*;

const BINDINGS: [(&str, &str); 3] = [("app", "app"), ("bad", "missing"), ("worse", "missing")];

/// A healthy binding, a broken one of long ago, and one whose `IrsaAudit` is suspended.
fn of_all_kinds() -> Lab {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.declare("mine", "worse");
    for (name, role) in BINDINGS {
        lab.annotated(name, Some(role));
    }
    lab.pass(600);
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    lab.declare("younger", "worse");
    lab.pass(60);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Broken));
    assert_eq!(stalled(&lab, "bad").as_deref(), Some("True"));
    lab.forget();
    lab
}

/// Another process that begins to lead, with somebody's writing in the statuses.
fn started_again(lab: Lab) -> Lab {
    let mut lab = lab.restarted();
    lab.tell_home();
    lab.sync_all_but_audits();
    for (name, role) in BINDINGS {
        lab.annotated(name, Some(role));
    }
    lab.sync_audits();
    lab.engine.set_leading(true);
    lab
}

fn stalled(lab: &Lab, name: &str) -> Option<String> {
    let conditions = lab.status(name)?.conditions;
    let stalled = conditions.into_iter().find(|c| c.type_ == "Stalled")?;
    Some(format!("{:?}", stalled.status))
}

fn announced(lab: &Lab) -> usize {
    let is_news = |write: &&Write| {
        matches!(
            write,
            Write::Status {
                announce: Some(_),
                ..
            }
        )
    };
    lab.writes.iter().filter(is_news).count()
}

/// What somebody may write into the status of a broken binding.
fn forgeries() -> Vec<(&'static str, Value)> {
    vec![
        ("/verdict", json!("Working")),
        ("/reason", json!("AllLinksPass")),
        ("/message", json!("all is well")),
        ("/codes", json!("IRSA105")),
        ("/binding/roleArn", json!(arn(OTHER, "app"))),
        ("/conditions/0/status", json!("True")),
        ("/conditions/0/reason", json!("AllLinksPass")),
        ("/conditions/0/message", json!("all is well")),
        ("/conditions/0/lastTransitionTime", json!("2200-01-01T00:00:00Z")),
        ("/conditions/0/lastTransitionTime", json!("1999-01-01T00:00:00Z")),
        ("/conditions", json!([])),
        ("/findings/0/message", json!("nothing")),
        ("/findings/0/fix", json!("aws iam delete-role --role-name app")),
        ("/findings/0/firstSeen", json!("2200-01-01T00:00:00Z")),
        ("/findings/0/firstSeen", json!("1999-01-01T00:00:00Z")),
        ("/findings", json!([])),
        ("/pods", json!({"total": 7, "ready": 7, "stale": 0, "missing": 0})),
        ("/observedGeneration", json!(77)),
        ("/lastAuditTime", json!("2200-01-01T00:00:00Z")),
        ("", json!({"observedGeneration": -1})),
        ("", json!("nonsense")),
    ]
}

fn forge(stored: &mut Value, path: &str, value: &Value) {
    *stored["status"].pointer_mut(path).unwrap() = value.clone();
}

/// A status without the time when it was confirmed.
fn meaning(lab: &Lab, name: &str) -> IrsaAuditStatus {
    let mut status = lab.status(name).unwrap();
    assert!(status.last_audit_time.is_some_and(|at| at <= lab.now));
    status.last_audit_time = None;
    status
}

#[test]
fn a_start_over_correct_statuses_writes_and_announces_nothing() {
    let mut lab = started_again(of_all_kinds());
    lab.pass(300);
    // Of a suspended one, nothing that is evaluated now confirms what is found: it may be anybody's words.
    assert_eq!(lab.short_writes(), ["status mine"]);
    assert_eq!(lab.verdict("mine"), None);
    assert_eq!(lab.shown.bindings.len(), 2);
    let mut lab = started_again(lab);
    lab.forget();
    lab.pass(300);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
}

#[test]
fn what_others_write_into_a_status_is_written_over_within_5_s() {
    for name in ["bad", "mine"] {
        for (path, value) in forgeries() {
            let mut lab = of_all_kinds();
            let right = meaning(&lab, name);
            lab.edit(name, |stored| forge(stored, path, &value));
            lab.pass(5);
            assert_eq!(meaning(&lab, name), right, "{name} {path} {value}");
            assert_eq!(lab.short_writes(), [format!("status {name}")], "{path} {value}");
            assert_eq!(announced(&lab), 0, "{name} {path} {value}");
        }
    }
}

#[test]
fn whoever_keeps_writing_is_written_over_at_a_bounded_rate() {
    let mut lab = of_all_kinds();
    let right = meaning(&lab, "bad");
    for _ in 0..200 {
        lab.edit("bad", |stored| forge(stored, "/verdict", &json!("Working")));
        lab.pass(1);
    }
    assert!(
        (100..=200).contains(&lab.short_writes().len()),
        "{}",
        lab.short_writes().len()
    );
    lab.pass(5);
    assert_eq!((meaning(&lab, "bad"), announced(&lab)), (right, 0));
}

#[test]
fn a_start_believes_nothing_but_times_that_can_be_true() {
    for (path, value) in forgeries() {
        let mut lab = of_all_kinds();
        let right = meaning(&lab, "bad");
        lab.api.edit(&object("bad"), |stored| forge(stored, path, &value));
        let mut lab = started_again(lab);
        lab.pass(5);
        let mut status = meaning(&lab, "bad");
        for condition in &mut status.conditions {
            assert!(condition.last_transition_time <= lab.now, "{path} {value}");
            let old = right.conditions.iter().find(|old| old.type_ == condition.type_);
            condition.last_transition_time = old.unwrap().last_transition_time;
        }
        for (finding, old) in status.findings.iter_mut().zip(&right.findings) {
            assert!(finding.first_seen <= lab.now && finding.first_seen.as_second() > 1_700_000_000);
            finding.first_seen = old.first_seen;
        }
        // What may have begun just now is not stalled yet.
        if stalled(&lab, "bad").as_deref() == Some("False") {
            lab.pass(130);
            status.conditions.clone_from(&meaning(&lab, "bad").conditions);
            for (condition, old) in status.conditions.iter_mut().zip(&right.conditions) {
                condition.last_transition_time = old.last_transition_time;
            }
        }
        assert_eq!(status, right, "{path} {value}");
    }
}

#[test]
fn a_start_does_not_believe_that_a_fault_has_stalled() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    for (name, role) in BINDINGS {
        lab.annotated(name, Some(role));
    }
    lab.pass(30);
    assert_eq!(stalled(&lab, "bad").as_deref(), Some("False"));
    lab.api.edit(&object("bad"), |stored| {
        stored["status"]["conditions"][2]["status"] = json!("True");
    });
    assert_eq!(stalled(&lab, "bad").as_deref(), Some("True"));
    let mut lab = started_again(lab);
    lab.pass(5);
    assert_eq!(stalled(&lab, "bad").as_deref(), Some("False"));
    // It goes by when the fault was seen first, also by another process.
    lab.pass(90);
    assert_eq!(stalled(&lab, "bad").as_deref(), Some("True"));
}

#[test]
fn an_object_that_is_created_again_has_been_told_nothing() {
    let mut lab = Lab::leading();
    lab.binding("app");
    lab.declare("mine", "app");
    lab.pass(600);
    let before = lab.status("mine").unwrap();
    lab.forget();
    // A status for the former object is under way while it is deleted and created again.
    lab.annotated("app", Some("missing"));
    lab.pass(60);
    lab.annotated("app", Some("app"));
    lab.reaudit("mine", "now");
    let under_way = lab.turn();
    lab.delete("mine");
    lab.declare("mine", "app");
    assert_eq!(lab.verdict("mine"), None);
    let writes = under_way
        .into_iter()
        .filter(|action| matches!(action, Action::Write(_)));
    lab.carry_out(writes.collect());
    assert_eq!(lab.verdict("mine"), None, "it is said of another object");
    lab.pass(60);
    let after = lab.status("mine").unwrap();
    assert_eq!(after.verdict, Some(VerdictName::Working));
    assert!(after.conditions[0].last_transition_time > before.conditions[0].last_transition_time);
}

#[test]
fn what_is_no_more_is_not_remembered() {
    let mut lab = of_all_kinds();
    for name in ["app", "bad", "mine", "younger"] {
        lab.delete(name);
    }
    for (name, _) in BINDINGS {
        lab.no_service_account(name);
    }
    lab.pass(60);
    assert!(lab.api.objects.is_empty());
    assert_eq!(format!("{:?}", lab.engine.memory), "Memory { objects: {} }");
}
