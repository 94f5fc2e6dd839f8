//! Turns that end before everything was looked at.

use super::*;

/// One look, carried out. Returns the bindings whose status was written, so far.
fn step(lab: &mut Lab) {
    let actions = lab.engine.turn(lab.now, || false);
    lab.writes
        .extend(actions.iter().filter_map(|action| match action {
            Action::Write(write) => Some(write.clone()),
            _ => None,
        }));
    lab.carry_out(actions);
}

fn in_namespace(namespace: &str, name: &str, role: &str) -> Observation {
    let account = json!({"metadata": {
        "namespace": namespace, "name": name, "uid": format!("{namespace}-{name}"),
        "annotations": {format!("{PREFIX}/role-arn"): arn(HOME, role)},
    }});
    Observation::ServiceAccount(WatchChange::Applied(
        prune::service_account(account, PREFIX).unwrap(),
    ))
}

#[test]
fn what_a_turn_leaves_is_wanted_at_once_and_comes_to_the_same() {
    let mut lab = Lab::leading();
    for name in ["a", "b", "c", "d"] {
        lab.binding(name);
    }
    lab.pass(5);
    let whole: Vec<_> = ["a", "b", "c", "d"].map(|name| lab.status(name)).into();

    let mut steps = Lab::leading();
    for name in ["a", "b", "c", "d"] {
        steps.binding(name);
    }
    step(&mut steps);
    assert!(steps.engine.has_more());
    assert!(steps.engine.next().is_some_and(|at| at <= steps.now));
    for _ in 0..1_000 {
        step(&mut steps);
        if !steps.engine.has_more() {
            break;
        }
    }
    assert!(!steps.engine.has_more());
    steps.pass(5);
    let stepped: Vec<_> = ["a", "b", "c", "d"].map(|name| steps.status(name)).into();
    assert_eq!(stepped, whole);
}

#[test]
fn a_change_elsewhere_does_not_wait_for_a_namespace_that_is_full_of_them() {
    let mut lab = Lab::leading();
    for at in 0..200 {
        lab.see(in_namespace("greedy", &format!("app-{at}"), "missing"));
    }
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    // Two looks: one for each namespace.
    step(&mut lab);
    step(&mut lab);
    assert!(
        lab.short_writes().contains(&"create app owned".to_owned()),
        "{:?}",
        lab.short_writes()
    );
}

#[test]
fn a_change_does_not_wait_for_what_is_refreshed() {
    let mut lab = Lab::leading();
    for at in 0..50 {
        lab.see(in_namespace("many", &format!("app-{at}"), "missing"));
    }
    lab.settle();
    lab.forget();
    // A new policy concerns them all.
    lab.policy(&json!({"severities": {"IRSA201": "risk"}}));
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    step(&mut lab);
    assert_eq!(lab.short_writes(), ["create app owned"]);
}

/// Whether roles of this name are asked for, one by one, for somebody who waits.
fn urgency(actions: &[Action], name: &str) -> Vec<bool> {
    let asked = actions.iter().filter_map(|action| match action {
        Action::Read(DirectoryRequest::Piece {
            piece: Piece::Role(role),
            asked_for,
            ..
        }) if role.name == name => Some(asked_for.is_urgent),
        _ => None,
    });
    asked.collect()
}

#[test]
fn what_has_just_changed_goes_first_also_where_a_listing_should_have_brought_it() {
    let mut lab = Lab::starting();
    lab.aws.home().listings = Answers::Denied;
    lab.sync();
    for at in 0..50 {
        lab.see(in_namespace(
            "many",
            &format!("app-{at}"),
            &format!("missing-{at}"),
        ));
    }
    lab.engine.set_leading(true);
    // The change comes before the account is listed, which brings nothing.
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    let mut asked = Vec::new();
    while lab.engine.next().is_some_and(|at| at <= lab.now) {
        let actions = lab.engine.turn(lab.now, || false);
        asked.extend(urgency(&actions, "app"));
        lab.carry_out(actions);
    }
    assert_eq!(asked, [true]);
}

#[test]
fn what_is_waited_for_goes_before_others_for_whom_it_was_asked_earlier() {
    let mut lab = Lab::starting();
    (lab.aws.home().listings, lab.aws.home().singles) = (Answers::Denied, Answers::Never);
    lab.sync();
    for at in 0..50 {
        lab.see(in_namespace("many", &format!("app-{at}"), &format!("role-{at}")));
    }
    lab.engine.set_leading(true);
    let mut asked = Vec::new();
    for _ in 0..3 {
        let actions = lab.turn();
        asked.extend(urgency(&actions, "role-7"));
        lab.carry_out(actions);
    }
    assert_eq!(asked, [false]);
    lab.annotated("app", Some("role-7"));
    assert_eq!(urgency(&lab.turn(), "role-7"), [true]);
    lab.annotated("app-2", Some("role-7"));
    assert!(urgency(&lab.turn(), "role-7").is_empty(), "once is enough");
}

#[test]
fn what_an_account_says_of_all_its_roles_is_awaited_by_none_of_their_bindings() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    for at in 0..50 {
        lab.see(in_namespace("many", &format!("app-{at}"), "app"));
    }
    lab.settle();
    lab.aws.home().has_no_provider = true;
    let known = |lab: &Lab| {
        lab.engine.snapshot.accounts[HOME]
            .provider
            .latest()
            .is_some_and(Option::is_some)
    };
    while known(&lab) {
        lab.now = after(lab.now, Duration::from_secs(1));
        let reads = lab
            .turn()
            .into_iter()
            .filter(|action| matches!(action, Action::Read(_)));
        let reads = reads.collect();
        lab.lags = true;
        lab.carry_out(reads);
    }
    assert!(!lab.engine.dirty.is_empty() && !lab.engine.dirty.has_changed());
}

#[test]
fn what_has_just_changed_is_asked_of_aws_before_what_is_refreshed() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Denied;
    lab.pass(5);
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    let actions = lab.turn();
    let asked = actions.iter().filter_map(|action| match action {
        Action::Read(DirectoryRequest::Piece {
            piece: Piece::Role(_),
            asked_for,
            ..
        }) => Some(asked_for.clone()),
        _ => None,
    });
    let asked: Vec<_> = asked.collect();
    assert!(
        !asked.is_empty() && asked.iter().all(|asked| asked.is_urgent && asked.namespace == NS),
        "{asked:?}"
    );
    lab.carry_out(actions);
    lab.pass(5);
    // The same role, read again because it is time.
    for _ in 0..2 * REFRESH {
        lab.now = after(lab.now, Duration::from_secs(1));
        let actions = lab.turn();
        for action in &actions {
            if let Action::Read(DirectoryRequest::Piece {
                piece: Piece::Role(_),
                asked_for,
                ..
            }) = action
            {
                assert!(!asked_for.is_urgent && asked_for.namespace == NS);
                return;
            }
        }
        lab.carry_out(actions);
    }
    panic!("the role is never read again");
}

/// Somebody has mended a role that is known, and does not want to wait.
#[test]
fn what_somebody_asks_to_be_read_anew_goes_before_what_is_refreshed() {
    let mut lab = Lab::healthy();
    lab.aws.home().listings = Answers::Denied;
    lab.pass(60);
    lab.forget();
    lab.reaudit("app", "now");
    lab.settle();
    let mut asked = lab.reads.iter().filter_map(|read| match read {
        DirectoryRequest::Piece {
            piece: Piece::Role(_),
            asked_for,
            ..
        } => Some(asked_for.is_urgent),
        _ => None,
    });
    assert_eq!(asked.next(), Some(true));
}

/// A listing may have read the role before it was mended.
#[test]
fn what_is_to_be_read_anew_is_not_left_to_a_listing_that_began_before() {
    let mut lab = Lab::leading();
    let names: Vec<String> = (0..60).map(|at| format!("app-{at}")).collect();
    for name in &names {
        lab.binding(name);
    }
    lab.settle();
    lab.aws.home().listings = Answers::Never;
    lab.pass(REFRESH + REFRESH / 4);
    let is_listing = |read: &DirectoryRequest| matches!(read, DirectoryRequest::Listing { .. });
    assert!(lab.reads.iter().any(is_listing), "{:?}", lab.short_reads());
    lab.forget();
    for name in &names {
        lab.reaudit(name, "now");
    }
    lab.settle();
    let reads = lab.short_reads();
    let single = |name: &String| reads.contains(&format!("permissions {HOME} {name}"));
    assert!(names.iter().all(single), "{reads:?}");
}

#[test]
fn a_namespace_whose_changes_never_end_does_not_stop_the_reads() {
    let mut lab = Lab::leading();
    lab.pass(5);
    for at in 0..500 {
        lab.see(in_namespace("greedy", &format!("app-{at}"), "missing"));
    }
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    for at in 0..40 {
        // One look a turn, and a new change before each.
        lab.see(in_namespace(
            "greedy",
            &format!("app-{at}"),
            &format!("missing-{at}"),
        ));
        let actions = lab.engine.turn(lab.now, || false);
        let is_asked = actions.iter().any(|action| match action {
            Action::Read(DirectoryRequest::Piece {
                piece: Piece::Role(role),
                ..
            }) => role.name == "app",
            Action::Read(DirectoryRequest::Listing { wanted, .. }) => wanted.contains("app"),
            _ => false,
        });
        if is_asked {
            return;
        }
        lab.now = after(lab.now, Duration::from_millis(100));
    }
    panic!("the role is not asked for");
}

/// The roles that are read one by one by these actions.
fn singles(actions: &[Action]) -> Vec<String> {
    let asked = actions.iter().filter_map(|action| match action {
        Action::Read(DirectoryRequest::Piece {
            piece: Piece::Role(role),
            ..
        }) => Some(role.name.clone()),
        _ => None,
    });
    asked.collect()
}

fn listings(actions: &[Action]) -> usize {
    let is_listing = |action: &&Action| matches!(action, Action::Read(DirectoryRequest::Listing { .. }));
    actions.iter().filter(is_listing).count()
}

fn released(actions: &[Action]) -> Vec<String> {
    let released = actions.iter().filter_map(|action| match action {
        Action::Read(DirectoryRequest::Release { pieces, .. }) => Some(pieces),
        _ => None,
    });
    let mut names: Vec<String> = released.flatten().map(|piece| piece.key.clone()).collect();
    names.dedup();
    names
}

#[test]
fn roles_that_come_one_after_the_other_are_listed_rather_than_read_one_by_one() {
    let mut lab = Lab::leading();
    lab.pass(60);
    let (mut read, mut listed, mut dropped) = (Vec::new(), 0, 0);
    for at in 0..200 {
        let name = format!("app-{at}");
        lab.see(in_namespace("greedy", &name, &format!("missing-{at}")));
        let actions = lab.turn();
        read.extend(singles(&actions));
        listed += listings(&actions);
        dropped += released(&actions).len();
        lab.now = after(lab.now, Duration::from_millis(10));
    }
    // Nothing was answered yet. What waited is left to the listing.
    assert_eq!(listed, 1);
    assert!(dropped > 10, "{dropped}");
    assert!(read.len() < 200, "{}", read.len());
    // Who waits for little is not made to wait for all of that.
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    assert_eq!(singles(&lab.turn()), ["app"]);
}

#[test]
fn what_nobody_refers_to_any_more_is_not_read() {
    let mut lab = Lab::leading();
    lab.pass(60);
    lab.annotated("app", Some("gone"));
    assert_eq!(singles(&lab.turn()), ["gone"]);
    lab.annotated("app", None);
    assert_eq!(released(&lab.turn()), ["gone"]);
    lab.annotated("app", Some("gone"));
    assert_eq!(singles(&lab.turn()), ["gone"]);
}

#[test]
fn a_role_that_changes_all_the_time_has_bindings_looked_at_once_a_second() {
    let mut lab = Lab::healthy();
    lab.declare("mine", "app");
    lab.edit("mine", |stored| {
        let expected = json!([{"verbs": ["get"], "resource": "pods", "namespace": NS}]);
        stored["spec"]["expect"] = json!({"kubernetes": expected});
    });
    lab.see(permissions::role_binding_of(&["app"]));
    lab.pass(60);
    let mut looks = 0;
    for round in 0..50 {
        let verbs: &[&str] = if round % 2 == 0 { &["get"] } else { &["list"] };
        lab.see(permissions::role(verbs));
        let before = lab.engine.permissions_looked_at;
        lab.now = after(lab.now, Duration::from_millis(100));
        let actions = lab.turn();
        lab.carry_out(actions);
        looks += usize::from(lab.engine.permissions_looked_at != before);
    }
    assert!((4..=6).contains(&looks), "{looks}");
    // The last change is not lost.
    lab.see(permissions::role(&["get"]));
    lab.pass(2);
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Working));
}

#[test]
fn a_start_lists_an_account_once_with_the_roles_of_all_bindings() {
    let mut lab = Lab::starting();
    lab.sync();
    for at in 0..50 {
        lab.binding(&format!("app-{at}"));
    }
    lab.engine.set_leading(true);
    let mut listings = Vec::new();
    while lab.engine.next().is_some_and(|at| at <= lab.now) {
        // A turn for each binding.
        let actions = lab.engine.turn(lab.now, || false);
        listings.extend(actions.iter().filter_map(|action| match action {
            Action::Read(DirectoryRequest::Listing { wanted, .. }) => Some(wanted.len()),
            _ => None,
        }));
        lab.carry_out(actions);
    }
    assert_eq!(listings, [50]);
}

#[test]
fn a_first_status_waits_for_any_listing_that_brings_its_role() {
    let mut lab = Lab::healthy();
    lab.aws.home().listings = Answers::Never;
    for at in 0..50 {
        lab.binding(&format!("new-{at}"));
    }
    lab.pass(30);
    assert_eq!(lab.verdict("new-0"), None);
    lab.pass(60);
    assert_eq!(lab.verdict("new-0"), Some(VerdictName::Unknown));
}

#[test]
fn the_status_of_what_was_changed_goes_before_that_of_what_was_only_read_again() {
    let mut lab = Lab::healthy();
    let is_urgent = |lab: &Lab| -> Vec<bool> {
        let statuses = lab
            .writes
            .iter()
            .filter(|write| matches!(write, Write::Status { .. }));
        statuses.map(Write::is_urgent).collect()
    };
    lab.annotated("app", Some("missing"));
    lab.pass(10);
    assert!(!is_urgent(&lab).is_empty() && is_urgent(&lab).iter().all(|is| *is));
    lab.annotated("app", Some("app"));
    lab.pass(10);
    lab.forget();
    // Somebody deletes the role in AWS: the next refresh finds that.
    lab.aws.home().roles.clear();
    lab.pass(2 * 3600);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Broken));
    assert_eq!(is_urgent(&lab).first(), Some(&false));
}

/// Sixty healthy bindings, each with a pod that nobody has looked at.
fn with_new_pods() -> (Lab, Vec<String>) {
    let mut lab = Lab::leading();
    let names: Vec<String> = (0..60).map(|at| format!("app-{at}")).collect();
    for name in &names {
        lab.binding(name);
    }
    lab.pass(120);
    lab.forget();
    for name in &names {
        lab.pod(&format!("{name}-1"), name, Some(name), true);
    }
    (lab, names)
}

/// How many pods the statuses count.
fn assert_totals(lab: &Lab, names: &[String], wanted: u32) {
    for name in names {
        let status = lab.status(name);
        let total = status.and_then(|status| status.pods).map(|pods| pods.total);
        assert_eq!(total, Some(wanted), "{name}");
    }
}

/// Where the API server is slow, a binding whose numbers change must not wait behind thousands of others when its verdict does.
#[test]
fn few_statuses_are_under_way_that_say_nothing_new_but_numbers() {
    let (mut lab, names) = with_new_pods();
    // Nobody answers yet.
    let under_way = lab.turn();
    assert!(
        (1..10).contains(&lab.short_writes().len()),
        "{:?}",
        lab.short_writes()
    );
    let waits = |name: &&String| !lab.short_writes().contains(&format!("status {name}"));
    let name = names.iter().rev().find(waits).unwrap().clone();
    lab.forget();
    // Its role is known, and trusts another ServiceAccount.
    lab.annotated(&name, Some("app-0"));
    let urgent = lab.turn();
    assert_eq!(lab.short_writes(), [format!("status {name}")]);
    assert!(lab.writes.iter().all(Write::is_urgent));
    lab.carry_out(urgent);
    lab.carry_out(under_way);
    lab.pass(60);
    assert_totals(&lab, &names, 1);
}

/// What comes and goes meanwhile is written once, or not at all.
#[test]
fn numbers_that_are_back_where_they_were_are_not_written() {
    let (mut lab, names) = with_new_pods();
    let under_way = lab.turn();
    for name in &names {
        lab.no_pod(&format!("{name}-1"));
    }
    lab.carry_out(under_way);
    lab.pass(300);
    assert!(lab.short_writes().len() < 20, "{:?}", lab.short_writes());
    assert_totals(&lab, &names, 0);
}
