//! What is read from AWS, and when.

use super::*;

fn listed(times: usize) -> Vec<String> {
    let mut reads = vec![format!("list {HOME}"); times];
    reads.extend(vec![format!("provider {HOME}"); times]);
    reads
}

#[test]
fn healthy_bindings_cost_nothing_between_refreshes() {
    let mut lab = Lab::leading();
    for n in 0..1000 {
        lab.binding(&format!("app-{n:03}"));
    }
    lab.pass(10);
    assert_eq!(lab.short_reads(), listed(1), "not a thousand single reads");
    lab.forget();
    let quiet = i64::try_from(REFRESH).unwrap() - 30;
    let next = lab.engine.next().unwrap().duration_since(lab.now);
    assert!(next.as_secs() > quiet, "{next:?}");
    lab.pass(REFRESH - 30);
    assert_eq!((lab.short_reads(), lab.short_writes()), (Vec::new(), Vec::new()));
    lab.pass(REFRESH);
    assert_eq!((lab.short_reads(), lab.short_writes()), (listed(1), Vec::new()));
    lab.pass(2 * REFRESH);
    assert_eq!(lab.short_reads(), listed(3));
}

#[test]
fn a_new_binding_is_read_by_itself() {
    let mut lab = Lab::healthy();
    lab.binding("new");
    lab.settle();
    assert_eq!(lab.short_reads(), [format!("permissions {HOME} new")]);
    assert_eq!(lab.verdict("new"), Some(VerdictName::Working));
}

/// The verdicts and the reasons that were written of a binding so far.
fn written(lab: &Lab, name: &str) -> Vec<(Option<VerdictName>, Option<String>)> {
    let of = |write: &Write| match write {
        Write::Status { object, status, .. } if object.name == name => {
            let status = status.status();
            Some((status.verdict, status.reason))
        }
        _ => None,
    };
    lab.writes.iter().filter_map(of).collect()
}

/// A role that may do everything.
fn with_administrator() -> Lab {
    let mut lab = Lab::leading();
    let everything = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [everything]});
    lab.aws.home().policy = Some(policy.to_string());
    lab
}

#[test]
fn the_first_verdict_is_the_one_that_an_audit_gives() {
    let at_risk = (Some(VerdictName::AtRisk), Some("AdministratorAccess".to_owned()));
    let mut lab = with_administrator();
    // A role that is new to the operator, and one that a listing has shown, without what its policies say.
    lab.trusts("seen", "seen");
    lab.pass(REFRESH + 1);
    lab.binding("new");
    lab.annotated("seen", Some("seen"));
    lab.pass(2 * REFRESH);
    for name in ["new", "seen"] {
        assert_eq!(written(&lab, name)[0], at_risk);
        assert!(
            written(&lab, name).iter().all(|said| *said == at_risk),
            "{:?}",
            written(&lab, name)
        );
    }
    let report = lab.engine.report(lab.now);
    assert!(
        report
            .bindings
            .iter()
            .all(|binding| binding.reason == "AdministratorAccess")
    );
}

#[test]
fn a_document_that_is_slow_passes_no_link() {
    let mut lab = with_administrator();
    lab.aws.home().documents = Answers::Never;
    lab.binding("app");
    lab.pass(12);
    let status = lab.status("app").unwrap();
    let of = |kind: &str| {
        let condition = status.conditions.iter().find(|condition| condition.type_ == kind);
        serde_json::to_value(condition.unwrap().status).unwrap()
    };
    assert_eq!(
        (of("Permissions"), of("Reconciling")),
        (json!("Unknown"), json!("True"))
    );
    let pending = (Some(VerdictName::Unknown), Some("EvidencePending".to_owned()));
    assert_eq!(written(&lab, "app"), [pending]);
    lab.aws.home().documents = Answers::Well;
    lab.pass(20);
    assert_eq!(lab.reason("app").as_deref(), Some("AdministratorAccess"));
}

#[test]
fn what_policies_say_is_read_with_the_role_and_once() {
    let mut lab = Lab::healthy();
    lab.forget();
    lab.edit("app", |audit| {
        audit["spec"]["expect"] = json!({"aws": [{"actions": ["s3:GetObject"]}]});
    });
    lab.settle();
    let once = [format!("simulation {HOME} app")];
    assert_eq!(lab.short_reads(), once, "the rest is known");
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.forget();
    lab.pass(REFRESH - 30);
    assert_eq!(lab.short_reads(), Vec::<String>::new(), "and then it is known");
}

#[test]
fn many_new_bindings_are_listed() {
    let mut lab = Lab::healthy();
    for n in 0..50 {
        lab.binding(&format!("new-{n}"));
    }
    lab.pass(30);
    assert_eq!(lab.short_reads(), [format!("list {HOME}")]);
    assert_eq!(lab.verdict("new-49"), Some(VerdictName::Working));
}

#[test]
fn bindings_that_appear_during_a_listing_are_not_forgotten_by_it() {
    let mut lab = Lab::leading();
    lab.pass(1);
    for n in 0..30 {
        lab.binding(&format!("early-{n}"));
    }
    let under_way = lab.turn();
    for n in 0..30 {
        lab.binding(&format!("late-{n}"));
    }
    lab.settle();
    lab.carry_out(under_way);
    lab.pass(5);
    for n in 0..30 {
        assert_eq!(lab.verdict(&format!("early-{n}")), Some(VerdictName::Working));
        assert_eq!(lab.verdict(&format!("late-{n}")), Some(VerdictName::Working));
    }
}

#[test]
fn where_nothing_may_be_listed_roles_are_read_one_by_one_once_a_refresh() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Denied;
    for n in 0..30 {
        lab.binding(&format!("app-{n:02}"));
    }
    lab.pass(1);
    let mut once: Vec<String> = (0..30)
        .map(|n| format!("permissions {HOME} app-{n:02}"))
        .collect();
    once.extend(listed(1));
    once.sort();
    assert_eq!(lab.short_reads(), once);
    assert_eq!(lab.verdict("app-29"), Some(VerdictName::Working));
    lab.forget();
    lab.pass(REFRESH - 30);
    assert_eq!(lab.short_reads(), Vec::<String>::new());
    lab.pass(60);
    assert_eq!(
        lab.short_reads(),
        once,
        "the listing as well: somebody may have granted it"
    );
    lab.aws.home().listings = Answers::Well;
    lab.pass(REFRESH);
    lab.forget();
    lab.pass(REFRESH);
    assert_eq!(lab.short_reads(), listed(1));
}

#[test]
fn a_failing_listing_is_tried_again_with_backoff_and_then_done_without() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Down;
    lab.pass(REFRESH + 1);
    for n in 0..30 {
        lab.binding(&format!("app-{n:02}"));
    }
    lab.forget();
    let at = |lab: &Lab| {
        lab.short_reads()
            .iter()
            .filter(|read| read.starts_with("list"))
            .count()
    };
    lab.pass(60);
    assert!((1..=3).contains(&at(&lab)), "{:?}", lab.short_reads());
    lab.pass(REFRESH);
    assert_eq!(
        lab.verdict("app-29"),
        Some(VerdictName::Working),
        "by single reads"
    );
    let singles = lab
        .short_reads()
        .iter()
        .filter(|read| **read == format!("permissions {HOME} app-29"))
        .count();
    assert!((1..=3).contains(&singles), "{singles}");
}

#[test]
fn after_an_outage_of_any_length_what_failed_is_read_within_seconds() {
    for outage in [20, 200, 1800] {
        let mut lab = Lab::leading();
        lab.aws.home().listings = Answers::Denied;
        lab.aws.home().singles = Answers::Down;
        for n in 0..10 {
            lab.binding(&format!("app-{n:02}"));
        }
        lab.pass(outage);
        lab.forget();
        lab.pass(60);
        let asked = lab.short_reads().len();
        assert!(asked <= 60, "{asked} questions in a minute");
        lab.aws.home().singles = Answers::Well;
        lab.pass(15);
        for n in 0..10 {
            let verdict = lab.verdict(&format!("app-{n:02}"));
            assert_eq!(verdict, Some(VerdictName::Working), "{outage} {n}");
        }
    }
}

#[test]
fn after_an_outage_of_a_large_account_nothing_is_read_twice() {
    for outage in [20, 200] {
        let mut lab = Lab::leading();
        lab.aws.home().listings = Answers::Down;
        lab.aws.home().singles = Answers::Down;
        for n in 0..200 {
            lab.binding(&format!("app-{n:03}"));
        }
        lab.pass(outage);
        lab.aws.home().listings = Answers::Well;
        lab.aws.home().singles = Answers::Well;
        lab.forget();
        lab.pass(15);
        for n in 0..200 {
            let verdict = lab.verdict(&format!("app-{n:03}"));
            assert_eq!(verdict, Some(VerdictName::Working), "{outage} {n}");
        }
        let reads = lab.short_reads();
        let listings = reads.iter().filter(|read| read.starts_with("list ")).count();
        assert!(listings <= 2 && reads.len() <= 205, "{outage}: {reads:?}");
        lab.forget();
        lab.pass(REFRESH / 2);
        assert_eq!(lab.short_reads(), [""; 0], "{outage}");
    }
}

#[test]
fn an_unhealthy_binding_is_read_again_with_backoff_up_to_the_refresh() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Denied;
    lab.annotated("app", Some("app"));
    lab.settle();
    lab.forget();
    let mut seen = Vec::new();
    for second in 1..=i64::try_from(REFRESH).unwrap() - 10 {
        lab.pass(1);
        if lab.short_reads().contains(&format!("role {HOME} app")) {
            seen.push(second);
        }
        lab.forget();
    }
    assert_eq!(seen, [15, 45, 105, 225, 465]);
    // From then on, the refresh suffices.
    lab.pass(REFRESH);
    lab.forget();
    lab.pass(REFRESH);
    assert_eq!(
        lab.short_reads()
            .iter()
            .filter(|read| read.starts_with("permissions"))
            .count(),
        1
    );
    // A repair shows by itself.
    lab.trusts("app", "app");
    lab.pass(REFRESH);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn another_cause_begins_another_backoff() {
    let mut lab = Lab::leading();
    lab.annotated("app", Some("app"));
    lab.pass(300);
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
    lab.aws
        .home()
        .roles
        .insert("app".to_owned(), BTreeSet::from([subject("other")]));
    lab.pass(REFRESH);
    assert_eq!(
        lab.reason("app").as_deref(),
        Some("SubjectServiceAccountMismatch")
    );
    lab.forget();
    lab.trusts("app", "app");
    lab.pass(480);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    // The same cause on another role is another cause, too.
    lab.annotated("app", Some("missing"));
    lab.settle();
    lab.forget();
    lab.pass(16);
    assert_eq!(lab.short_reads(), [format!("role {HOME} missing")]);
}

#[test]
fn a_repair_shows_within_seconds() {
    let mut lab = Lab::leading();
    lab.annotated("app", Some("app"));
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
    lab.trusts("app", "app");
    lab.pass(16);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.forget();
    lab.pass(120);
    assert_eq!(lab.short_reads(), Vec::<String>::new(), "healthy again");
}

#[test]
fn many_bindings_that_hang_on_one_provider_ask_for_it_once() {
    let mut lab = Lab::leading();
    lab.aws.home().has_no_provider = true;
    for n in 0..100 {
        lab.binding(&format!("app-{n}"));
        lab.pass(u64::from(n % 7 == 0));
    }
    lab.settle();
    assert_eq!(lab.reason("app-99").as_deref(), Some("ProviderNotRegistered"));
    lab.pass(20);
    lab.forget();
    lab.pass(240);
    assert!(lab.short_reads().len() <= 4, "{:?}", lab.short_reads());
    lab.aws.home().has_no_provider = false;
    lab.pass(REFRESH);
    assert_eq!(lab.verdict("app-0"), Some(VerdictName::Working));
}

#[test]
fn many_roles_that_are_not_there_are_listed_rather_than_read_one_by_one() {
    let mut lab = Lab::leading();
    for n in 0..100 {
        lab.annotated(&format!("app-{n}"), Some(&format!("app-{n}")));
    }
    lab.settle();
    lab.forget();
    lab.pass(200);
    let reads = lab.short_reads();
    assert!(
        reads.iter().all(|read| *read == format!("list {HOME}")) && (2..=4).contains(&reads.len()),
        "{reads:?}"
    );
}

#[test]
fn roles_that_are_renamed_for_ever_have_the_account_listed_ever_more_rarely() {
    let mut lab = Lab::healthy();
    lab.pass(1);
    lab.forget();
    for second in 0..300 {
        for n in 0..60 {
            lab.annotated(&format!("app-{n}"), Some(&format!("role-{second}-{n}")));
        }
        lab.pass(1);
    }
    // They ask for a listing, and for nothing of what a refresh reads beside it.
    let reads = lab.short_reads();
    assert!(!reads.contains(&format!("provider {HOME}")), "{reads:?}");
    let listings = |lab: &Lab| {
        let reads = lab.short_reads();
        reads.iter().filter(|read| read.starts_with("list")).count()
    };
    let count = listings(&lab);
    assert!((5..=18).contains(&count), "{count} listings in 300 s");
    // Nobody is left without an answer.
    lab.pass(31);
    for n in 0..60 {
        assert_eq!(lab.reason(&format!("app-{n}")).as_deref(), Some("RoleNotFound"));
    }
    // And what is new after a while is listed at once.
    lab.pass(300);
    lab.forget();
    for n in 0..60 {
        lab.annotated(&format!("app-{n}"), Some(&format!("new-{n}")));
    }
    lab.settle();
    assert_eq!(listings(&lab), 1);
}

#[test]
fn the_annotation_forces_reads() {
    let mut lab = Lab::healthy();
    lab.pass(6);
    lab.reaudit("app", "1");
    lab.settle();
    assert_eq!(
        lab.short_reads(),
        [format!("permissions {HOME} app"), format!("provider {HOME}")]
    );
    // Once more within a moment: the question waits, and is not lost.
    lab.forget();
    lab.aws.home().roles.clear();
    lab.reaudit("app", "2");
    lab.settle();
    assert_eq!(lab.short_reads(), Vec::<String>::new());
    lab.pass(6);
    assert_eq!(
        lab.short_reads(),
        [format!("permissions {HOME} app"), format!("provider {HOME}")]
    );
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
    lab.forget();
    // The same value again asks for nothing.
    lab.reaudit("app", "2");
    lab.pass(6);
    assert_eq!(lab.short_reads(), Vec::<String>::new());
}

#[test]
fn an_account_without_a_way_in_is_asked_for_once() {
    let mut lab = Lab::leading();
    lab.annotated_with("app", Some(&arn(OTHER, "app")));
    lab.pass(4 * REFRESH);
    assert_eq!(lab.reason("app").as_deref(), Some("AccountUnreachable"));
    assert!(
        lab.short_reads()
            .iter()
            .filter(|read| read.contains(OTHER))
            .count()
            <= 2,
        "{:?}",
        lab.short_reads()
    );
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut lab = Lab::healthy();
    lab.aws.home().listings = Answers::Never;
    lab.aws.home().singles = Answers::Never;
    lab.binding("new");
    lab.pass(REFRESH + 60);
    assert_eq!(lab.verdict("new"), Some(VerdictName::Unknown));
    lab.aws.home().listings = Answers::Well;
    lab.aws.home().singles = Answers::Well;
    lab.forget();
    lab.pass(2 * REFRESH);
    assert_eq!(lab.verdict("new"), Some(VerdictName::Working));
    assert!(lab.short_reads().contains(&format!("list {HOME}")));
}

#[test]
fn without_an_issuer_the_verdict_is_unknown_until_there_is_one() {
    let mut lab = Lab::new();
    lab.tell_home();
    lab.sync();
    lab.engine.set_leading(true);
    lab.binding("app");
    lab.pass(4);
    assert_eq!(
        lab.short_reads(),
        Vec::<String>::new(),
        "it may be found out in a moment"
    );
    lab.pass(2);
    assert_eq!(lab.reason("app").as_deref(), Some("IssuerUnknown"));
    lab.pass(2 * REFRESH);
    assert!(lab.short_reads().len() <= 4, "{:?}", lab.short_reads());
    lab.engine.set_issuer(issuer(ISSUER));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn an_issuer_that_is_found_in_time_costs_no_single_reads() {
    let mut lab = Lab::new();
    lab.tell_home();
    lab.sync();
    lab.engine.set_leading(true);
    for n in 0..30 {
        lab.binding(&format!("app-{n}"));
    }
    lab.pass(3);
    lab.engine.set_issuer(issuer(ISSUER));
    lab.pass(10);
    assert_eq!(lab.short_reads(), listed(1));
}

#[test]
fn another_issuer_makes_what_was_said_of_the_old_one_worthless() {
    let mut lab = Lab::healthy();
    lab.engine
        .set_issuer(issuer("https://oidc.eks.eu-west-1.amazonaws.com/id/B"));
    lab.settle();
    let mut expected = listed(1);
    expected.push(format!("providers {HOME}"));
    assert_eq!(lab.short_reads(), expected);
    assert_eq!(lab.reason("app").as_deref(), Some("ProviderNotRegistered"));
}

#[test]
fn while_the_own_account_is_unknown_nothing_is_taken_for_broken() {
    let mut lab = Lab::new();
    lab.engine.set_issuer(issuer(ISSUER));
    lab.sync();
    lab.engine.set_leading(true);
    lab.aws.home().singles = Answers::Never;
    lab.aws.home().listings = Answers::Never;
    lab.binding("app");
    lab.pass(30);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Unknown));
    lab.aws.home().singles = Answers::Well;
    lab.aws.home().listings = Answers::Well;
    lab.tell_home();
    lab.pass(60);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn a_wrong_partition_misleads_nobody_about_the_provider() {
    // Whoever may annotate a ServiceAccount may write any partition.
    let mut lab = Lab::leading();
    lab.annotated_with("wrong", Some(&format!("arn:aws-cn:iam::{HOME}:role/wrong")));
    lab.pass(30);
    lab.binding("app");
    lab.pass(1);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    let mut announced = lab.writes.iter().filter_map(|write| match write {
        Write::Status { object, status, .. } if object.name == "app" => status.status().verdict,
        _ => None,
    });
    assert!(announced.all(|verdict| verdict == VerdictName::Working));
    lab.pass(2 * REFRESH);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn old_evidence_stands_until_it_is_too_old_and_counts_again_when_confirmed() {
    let mut lab = Lab::healthy();
    lab.aws.home().listings = Answers::Down;
    lab.aws.home().singles = Answers::Down;
    lab.pass(3500);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.pass(200);
    assert_eq!(lab.reason("app").as_deref(), Some("EvidenceStale"));
    lab.aws.home().listings = Answers::Well;
    lab.aws.home().singles = Answers::Well;
    lab.pass(REFRESH + 1);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn evidence_that_grew_old_in_silence_counts_again_when_confirmed() {
    let mut lab = Lab::healthy();
    lab.aws.home().listings = Answers::Never;
    lab.aws.home().singles = Answers::Never;
    lab.pass(3700);
    assert_eq!(lab.reason("app").as_deref(), Some("EvidenceStale"));
    lab.aws.home().singles = Answers::Well;
    lab.reaudit("app", "now");
    lab.pass(6);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn the_age_of_the_evidence_is_shown() {
    let mut lab = Lab::healthy();
    lab.pass(10);
    let read = lab.shown.evidence[HOME];
    lab.pass(REFRESH);
    assert!(lab.shown.evidence[HOME] > read);
    lab.aws.home().listings = Answers::Down;
    lab.aws.home().singles = Answers::Down;
    let read = lab.shown.evidence[HOME];
    lab.pass(2 * REFRESH);
    assert_eq!(lab.shown.evidence[HOME], read);
}

#[test]
fn who_audits_once_waits_for_every_answer_and_no_longer() {
    let mut lab = Lab::new();
    lab.engine.set_issuer(issuer(ISSUER));
    lab.engine.set_leading(true);
    lab.sync();
    lab.binding("app");
    assert!(!lab.engine.is_settled(lab.now), "nobody knows the account");
    lab.tell_home();
    let reads = lab.turn();
    assert!(!lab.engine.is_settled(lab.now), "nothing was answered");
    lab.carry_out(reads);
    lab.settle();
    assert!(lab.engine.is_settled(lab.now));
    let report = lab.engine.report(lab.now);
    assert_eq!(
        report
            .bindings
            .iter()
            .map(|binding| binding.reason)
            .collect::<Vec<_>>(),
        ["AllLinksPass"]
    );
}

#[test]
fn who_audits_once_does_not_wait_for_answers_that_fail() {
    for answers in [Answers::Denied, Answers::Down] {
        let mut lab = Lab::starting();
        lab.engine.set_leading(true);
        lab.sync();
        lab.binding("app");
        (lab.aws.home().listings, lab.aws.home().singles) = (answers, answers);
        lab.settle();
        assert!(lab.engine.is_settled(lab.now));
    }
}
