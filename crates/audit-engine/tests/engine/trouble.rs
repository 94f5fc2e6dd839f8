//! Writes that fail, and watches that lag.

use audit_api::status::PackedStatus;

use super::*;

#[test]
fn a_failed_write_is_tried_again_with_backoff_and_not_lost() {
    let mut lab = Lab::healthy();
    lab.fails = true;
    lab.annotated("app", Some("missing"));
    lab.pass(1);
    lab.forget();
    let mut attempts = Vec::new();
    for _ in 0..4 {
        lab.pass(60);
        attempts.push(lab.short_writes().len());
        lab.forget();
        // Looks for other reasons neither hasten nor forget it.
        lab.pod("app-1", "app", Some("app"), true);
    }
    assert!(
        attempts[0] >= 4 && attempts[0] <= 7 && attempts[3] == 1,
        "{attempts:?}"
    );
    lab.fails = false;
    lab.pass(61);
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
}

#[test]
fn a_failed_creation_is_tried_again() {
    let mut lab = Lab::leading();
    lab.fails = true;
    lab.binding("app");
    lab.pass(30);
    assert!(
        (4..=6).contains(&lab.short_writes().len()),
        "{:?}",
        lab.short_writes()
    );
    lab.fails = false;
    lab.pass(30);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn many_creations_that_are_refused_cost_as_much_as_one_and_all_are_counted() {
    let mut lab = Lab::leading();
    lab.refuses = true;
    let names: Vec<String> = (0..50).map(|n| format!("app-{n:02}")).collect();
    for name in &names {
        lab.binding(name);
    }
    lab.pass(1);
    lab.forget();
    lab.pass(120);
    let tried = lab.short_writes().len();
    assert!((3..=8).contains(&tried), "{tried}");
    assert_eq!(lab.shown.unaudited[0].1.refused, 50);
    lab.refuses = false;
    lab.pass(120);
    for name in &names {
        assert_eq!(lab.verdict(name), Some(VerdictName::Working), "{name}");
    }
    assert!(lab.shown.unaudited.is_empty());
}

#[test]
fn what_is_gone_is_not_written_to_until_the_watch_has_caught_up() {
    let mut lab = Lab::healthy();
    lab.lags = true;
    let unshown = lab.api.delete(&object("app"));
    lab.annotated("app", Some("missing"));
    lab.pass(1);
    lab.forget();
    lab.pass(20);
    assert!(lab.short_writes().len() <= 5, "{:?}", lab.short_writes());
    lab.see_all(unshown);
    lab.lags = false;
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"), "created anew");
    // Once it is plain that nobody deletes it again.
    lab.pass(3 * REFRESH);
    assert_eq!(
        format!("{:?}", lab.engine.objects),
        format!("{:?}", crate::Objects::default())
    );
}

#[test]
fn what_is_being_deleted_is_deleted_once() {
    let mut lab = Lab::healthy();
    lab.lags = true;
    lab.annotated("app", None);
    lab.pass(5);
    // The second time it is gone.
    assert!(lab.short_writes().len() <= 4, "{:?}", lab.short_writes());
}

#[test]
fn another_object_of_the_same_name_is_not_deleted() {
    let mut lab = Lab::healthy();
    lab.lags = true;
    let mut unshown = lab.api.delete(&object("app"));
    unshown.extend(lab.api.put(json!({
        "metadata": {"namespace": NS, "name": "app"}, "spec": {"serviceAccountName": "app"},
    })));
    lab.annotated("app", None);
    lab.pass(2);
    assert!(lab.api.objects.contains_key(&object("app")));
    lab.see_all(unshown);
    lab.lags = false;
    lab.pass(60);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn a_change_during_a_write_is_written_afterwards() {
    let mut lab = Lab::leading();
    lab.declare("mine", "app");
    lab.annotated("app", Some("missing"));
    lab.pass(1);
    lab.annotated("app", Some("no-arn"));
    lab.annotated_with("app", Some("no-arn"));
    let under_way = lab.turn();
    assert_eq!(under_way.len(), 1, "{under_way:?}");
    lab.annotated("app", Some("missing"));
    let nothing = lab.turn();
    assert!(
        !nothing.iter().any(|action| matches!(action, Action::Write(_))),
        "{nothing:?}"
    );
    lab.carry_out(nothing);
    lab.carry_out(under_way);
    lab.settle();
    assert_eq!(lab.reason("mine").as_deref(), Some("RoleNotFound"));
}

#[test]
fn what_was_created_is_not_created_again_before_it_shows() {
    let mut lab = Lab::leading();
    lab.lags = true;
    lab.binding("app");
    lab.settle();
    lab.pod("app-1", "app", Some("app"), true);
    lab.pass(20);
    assert_eq!(lab.short_writes(), ["create app owned"]);
    lab.catch_up();
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
}

#[test]
fn what_somebody_else_created_first_is_taken_as_it_is() {
    let mut lab = Lab::leading();
    lab.lags = true;
    let unshown = lab.api.put(json!({
        "metadata": {"namespace": NS, "name": "app"}, "spec": {"serviceAccountName": "app"},
    }));
    lab.binding("app");
    lab.settle();
    lab.see_all(unshown);
    lab.lags = false;
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn what_does_not_read_back_as_written_is_not_written_for_ever() {
    // A definition that is older than the operator drops what it does not know.
    let mut lab = Lab::leading();
    lab.binding("app");
    for _ in 0..1000 {
        let actions = lab.turn();
        if actions.is_empty() {
            match lab.engine.next() {
                Some(at) if at.duration_since(lab.now).as_secs() < 300 => lab.now = at,
                _ => break,
            }
        }
        for action in actions {
            let write = match action {
                Action::Write(write) => write,
                other => {
                    lab.carry_out(vec![other]);
                    continue;
                }
            };
            let (outcome, mut observations) = lab.api.write(&write);
            for observation in &mut observations {
                if let Observation::Audit(WatchChange::Applied(audit)) = observation
                    && let Some(status) = &mut audit.status
                {
                    let mut kept = status.status();
                    kept.binding = None;
                    *status = PackedStatus::new(&kept);
                }
            }
            lab.engine.written(&write, &outcome, lab.now);
            lab.see_all(observations);
        }
        if lab.now.as_second() > 1_800_000_000 + 300 {
            break;
        }
    }
    let writes = lab.short_writes().len();
    assert!((5..=14).contains(&writes), "{writes}");
}

#[test]
fn a_watch_that_starts_anew_changes_nothing() {
    let mut lab = Lab::healthy();
    lab.see(Observation::Audit(WatchChange::Init));
    lab.settle();
    lab.see_all(lab.api.listed());
    lab.see(Observation::Audit(WatchChange::InitDone));
    lab.settle();
    assert_eq!((lab.short_writes(), lab.short_reads()), (Vec::new(), Vec::new()));
}

/// Its answer may be garbage, so that nothing else is in trouble and the watch goes on.
#[test]
fn a_write_that_got_no_answer_is_not_made_again_at_once() {
    let mut lab = Lab::healthy();
    lab.annotated("app", Some("missing"));
    let mut writes = 0;
    for _ in 0..200 {
        for action in lab.turn() {
            match action {
                Action::Write(write @ Write::Status { .. }) => {
                    writes += 1;
                    lab.engine.written(&write, &WriteOutcome::Unavailable, lab.now);
                }
                other => lab.carry_out(vec![other]),
            }
        }
        lab.now = after(lab.now, Duration::from_millis(50));
    }
    assert!((5..=11).contains(&writes), "{writes} in ten seconds");
    lab.pass(10);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Broken));
}
