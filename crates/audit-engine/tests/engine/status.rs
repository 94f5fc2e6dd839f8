//! When a status is written, and what is announced.

use super::*;

#[test]
fn a_status_waits_for_evidence_but_not_for_ever() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Never;
    lab.aws.home().singles = Answers::Never;
    lab.binding("app");
    lab.pass(9);
    assert_eq!(lab.short_writes(), ["create app owned"]);
    lab.pass(2);
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Unknown));
    // The answer to a later question.
    lab.aws.home().singles = Answers::Well;
    lab.pass(60);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn the_first_listing_of_an_account_may_take_longer() {
    let mut lab = Lab::starting();
    lab.sync();
    lab.engine.set_leading(true);
    lab.aws.home().listings = Answers::Never;
    lab.aws.home().singles = Answers::Never;
    for n in 0..30 {
        lab.binding(&format!("app-{n}"));
    }
    lab.pass(50);
    let statuses = |lab: &mut Lab| {
        let writes = lab.short_writes();
        writes.iter().filter(|write| write.starts_with("status")).count()
    };
    assert_eq!(statuses(&mut lab), 0);
    lab.pass(15);
    assert_eq!(statuses(&mut lab), 30);
}

#[test]
fn another_role_is_waited_for_anew() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Never;
    lab.aws.home().singles = Answers::Never;
    lab.binding("app");
    lab.pass(9);
    lab.trusts("next", "app");
    lab.annotated("app", Some("next"));
    lab.pass(9);
    assert_eq!(lab.short_writes(), ["create app owned"]);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut lab = Lab::healthy();
    for _ in 0..3 {
        lab.engine.dirty.insert(Lab::key("app"));
        lab.settle();
    }
    lab.annotated("other", None);
    lab.pass(3 * REFRESH);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
}

#[test]
fn our_own_writes_do_not_wake_us_to_write_again() {
    let mut lab = Lab::leading();
    lab.lags = true;
    lab.binding("app");
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned"]);
    lab.catch_up();
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
    // Looks before and after the watch shows what was written.
    lab.engine.dirty.insert(Lab::key("app"));
    lab.settle();
    lab.catch_up();
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
}

#[test]
fn a_restart_writes_nothing_although_times_differ() {
    let mut lab = Lab::leading();
    for name in ["fine", "gone", "unknown"] {
        lab.binding(name);
    }
    lab.aws.home().roles.remove("gone");
    lab.annotated_with("unknown", Some(&arn(OTHER, "unknown")));
    lab.pod("fine-1", "fine", Some("fine"), true);
    lab.pass(300);
    let mut lab = lab.restarted();
    lab.tell_home();
    for name in ["fine", "gone"] {
        lab.annotated(name, Some(name));
    }
    lab.annotated_with("unknown", Some(&arn(OTHER, "unknown")));
    lab.pod("fine-1", "fine", Some("fine"), true);
    lab.sync_audits();
    let listed_last = [Kind::ServiceAccount, Kind::Pod];
    for kind in Kind::ALL.into_iter().filter(|kind| !listed_last.contains(kind)) {
        lab.see_listing(kind);
    }
    lab.see(Observation::ServiceAccount(WatchChange::Init));
    lab.see(Observation::Pod(WatchChange::Init));
    for name in ["fine", "gone"] {
        lab.annotated(name, Some(name));
    }
    lab.annotated_with("unknown", Some(&arn(OTHER, "unknown")));
    lab.pod("fine-1", "fine", Some("fine"), true);
    lab.see(Observation::ServiceAccount(WatchChange::InitDone));
    lab.see(Observation::Pod(WatchChange::InitDone));
    lab.engine.set_leading(true);
    lab.pass(60);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
    assert_eq!(lab.shown.bindings.len(), 3);
}

#[test]
fn details_are_written_at_most_once_a_minute() {
    let mut lab = Lab::healthy();
    for n in 0..10 {
        lab.pod(&format!("app-{n}"), "app", Some("app"), true);
        lab.pass(3);
    }
    assert_eq!(lab.short_writes(), Vec::<String>::new());
    lab.pass(60);
    assert_eq!(lab.short_writes(), ["status app"]);
    assert_eq!(lab.status("app").unwrap().pods.unwrap().total, 10);
}

#[test]
fn a_heartbeat_is_written_at_most_hourly_and_at_least_every_other_hour() {
    let mut lab = Lab::leading();
    for n in 0..20 {
        lab.binding(&format!("app-{n}"));
    }
    lab.settle();
    lab.forget();
    lab.pass(3590);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
    let mut most = 0;
    for _ in 0..7 {
        lab.forget();
        lab.pass(REFRESH);
        most = most.max(lab.short_writes().len());
    }
    // They do not come all at once.
    assert!(most < 15, "{most}");
    for n in 0..20 {
        let written = lab.status(&format!("app-{n}")).unwrap().last_audit_time.unwrap();
        assert!(lab.now.duration_since(written).as_secs() < 7200, "{n}");
    }
}

#[test]
fn what_stays_broken_for_two_minutes_is_stalled_by_the_clock_alone() {
    let stalled = |lab: &Lab| {
        let conditions = lab.status("app").unwrap().conditions;
        conditions
            .into_iter()
            .find(|c| c.type_ == "Stalled")
            .map(|c| format!("{:?}", c.status))
            .unwrap()
    };
    let mut lab = Lab::leading();
    lab.annotated_with("app", Some("no-arn-at-all:role/x"));
    lab.settle();
    assert_eq!(
        (lab.verdict("app"), stalled(&lab).as_str()),
        (Some(VerdictName::Broken), "False")
    );
    lab.forget();
    lab.pass(119);
    assert_eq!(
        (lab.short_writes(), stalled(&lab).as_str()),
        (Vec::new(), "False")
    );
    lab.pass(2);
    assert_eq!(
        (lab.short_writes(), stalled(&lab).as_str()),
        (vec!["status app".to_owned()], "True")
    );
    // Another reason begins anew.
    lab.annotated("app", Some("missing"));
    lab.settle();
    assert_eq!(
        (lab.reason("app").as_deref(), stalled(&lab).as_str()),
        (Some("RoleNotFound"), "False")
    );
}

#[test]
fn a_new_generation_is_confirmed_at_once() {
    let mut lab = Lab::leading();
    lab.binding("app");
    lab.declare("mine", "app");
    lab.settle();
    assert_eq!(lab.status("mine").unwrap().observed_generation, Some(1));
    lab.forget();
    lab.edit("mine", |stored| {
        stored["spec"]["waivers"] = json!([{"code": "IRSA208", "reason": "known"}]);
    });
    lab.settle();
    assert_eq!(lab.short_writes(), ["status mine"]);
    assert_eq!(lab.status("mine").unwrap().observed_generation, Some(2));
}

#[test]
fn what_somebody_else_writes_into_a_status_is_put_right() {
    let mut lab = Lab::healthy();
    lab.edit("app", |stored| stored["status"]["verdict"] = json!("Broken"));
    lab.settle();
    assert_eq!(
        (lab.short_writes(), lab.verdict("app")),
        (vec!["status app".to_owned()], Some(VerdictName::Working))
    );
    lab.edit("app", |stored| stored["status"] = json!("nonsense"));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn a_change_of_verdict_is_announced_once_with_before_and_after() {
    let announced = |lab: &mut Lab| {
        let writes = std::mem::take(&mut lab.writes);
        let news = writes.into_iter().filter_map(|write| match write {
            Write::Status { announce, .. } => announce,
            _ => None,
        });
        news.map(|news| {
            (
                news.before.map(audit_core::Verdict::as_str),
                news.verdict.as_str(),
                news.reason,
            )
        })
        .collect::<Vec<_>>()
    };
    let mut lab = Lab::leading();
    lab.binding("app");
    lab.settle();
    assert_eq!(
        announced(&mut lab),
        [],
        "the first verdict is no news where it is a good one"
    );
    lab.annotated("app", Some("missing"));
    lab.pass(60);
    assert_eq!(
        announced(&mut lab),
        [(Some("Working"), "Broken", "RoleNotFound".to_owned())]
    );
    lab.annotated("app", Some("app"));
    lab.pass(2 * REFRESH);
    assert_eq!(
        announced(&mut lab),
        [(Some("Broken"), "Working", "AllLinksPass".to_owned())]
    );
    lab.annotated("new", Some("missing"));
    lab.pass(60);
    assert_eq!(announced(&mut lab), [(None, "Broken", "RoleNotFound".to_owned())]);
}

#[test]
fn a_waiver_that_ends_is_noticed_by_the_clock() {
    let mut lab = Lab::leading();
    lab.declare("mine", "app");
    let end = after(lab.now, Duration::from_secs(90));
    lab.annotated("app", Some("missing"));
    lab.edit("mine", |stored| {
        stored["spec"]["waivers"] = json!([{"code": "IRSA201", "reason": "soon", "until": end.to_string()}]);
    });
    lab.settle();
    assert_ne!(lab.verdict("mine"), Some(VerdictName::Broken));
    lab.pass(95);
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Broken));
}
