//! Who may write, and when.

use super::aws::Answers;
use super::*;

#[test]
fn nothing_is_done_before_all_watches_have_listed() {
    let mut lab = Lab::starting();
    lab.engine.set_leading(true);
    lab.binding("app");
    lab.sync_all_but_audits();
    lab.pass(3600);
    assert_eq!(
        (lab.writes.len(), lab.reads.len(), lab.engine.next()),
        (0, 0, None)
    );
    lab.sync_audits();
    lab.settle();
    assert!(!lab.writes.is_empty() && !lab.reads.is_empty());
}

#[test]
fn what_is_there_at_a_start_is_looked_at_and_has_not_just_changed() {
    let mut lab = Lab::starting();
    lab.engine.set_leading(true);
    for kind in Kind::ALL {
        lab.see_step(kind, true);
    }
    for name in ["app", "other"] {
        lab.binding(name);
    }
    for kind in Kind::ALL {
        lab.see_step(kind, false);
    }
    lab.sync_audits();
    assert!(!lab.engine.dirty.is_empty() && !lab.engine.dirty.has_changed());
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.annotated("app", None);
    assert!(lab.engine.dirty.has_changed());
}

#[test]
fn a_follower_neither_writes_nor_asks() {
    let mut lab = Lab::starting();
    lab.sync();
    lab.binding("app");
    lab.declare("mine", "other");
    lab.pass(3600);
    assert_eq!(
        (lab.writes.len(), lab.reads.len(), lab.engine.next()),
        (0, 0, None)
    );
    assert!(lab.engine.is_synced() && lab.shown.bindings.is_empty());
}

#[test]
fn who_begins_to_lead_reads_anew_and_audits_all() {
    let mut lab = Lab::starting();
    lab.sync();
    for name in ["a", "b", "c"] {
        lab.binding(name);
    }
    lab.engine.set_leading(true);
    lab.settle();
    assert_eq!(
        lab.short_reads(),
        [format!("list {HOME}"), format!("provider {HOME}")]
    );
    for name in ["a", "b", "c"] {
        assert_eq!(lab.verdict(name), Some(VerdictName::Working));
    }
    assert_eq!(lab.shown.bindings.len(), 3);
}

#[test]
fn who_no_longer_leads_stops_and_shows_nothing() {
    let mut lab = Lab::healthy();
    lab.annotated("app", Some("missing"));
    lab.engine.set_leading(false);
    lab.pass(7200);
    assert_eq!(
        (lab.writes.len(), lab.reads.len(), lab.engine.next()),
        (0, 0, None)
    );
    assert!(lab.shown.bindings.is_empty() && lab.shown.evidence.is_empty());
}

#[test]
fn what_was_read_in_an_earlier_term_proves_nothing() {
    let mut lab = Lab::healthy();
    lab.engine.set_leading(false);
    lab.aws.home().roles.clear();
    lab.pass(60);
    lab.engine.set_leading(true);
    // Nothing of the old evidence is believed: the listing is awaited.
    lab.turn();
    assert_eq!(
        lab.short_reads(),
        [format!("list {HOME}"), format!("provider {HOME}")]
    );
    let reads: Vec<Action> = lab.reads.drain(..).map(Action::Read).collect();
    lab.carry_out(reads);
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
}

#[test]
fn answers_that_come_after_leadership_are_not_kept() {
    let mut lab = Lab::healthy();
    lab.reaudit("app", "now");
    let actions = lab.turn();
    lab.engine.set_leading(false);
    lab.carry_out(actions);
    lab.settle();
    assert!(lab.engine.snapshot.accounts.is_empty());
}

#[test]
fn a_write_of_an_earlier_term_that_is_still_under_way_is_not_overtaken() {
    let mut lab = Lab::healthy();
    lab.annotated("app", Some("missing"));
    lab.pass(1);
    lab.aws.home().roles.clear();
    lab.reaudit("app", "now");
    let reads = lab.turn();
    lab.carry_out(reads);
    lab.annotated("app", None);
    let under_way = lab.turn();
    assert!(matches!(under_way[..], [Action::Write(_), ..]), "{under_way:?}");
    lab.engine.set_leading(false);
    lab.engine.set_leading(true);
    lab.forget();
    lab.settle();
    assert_eq!(lab.short_writes(), Vec::<String>::new());
    lab.carry_out(under_way);
    lab.settle();
    assert!(!lab.api.objects.contains_key(&object("app")));
}

#[test]
fn a_follower_keeps_no_list_of_what_changed() {
    let mut lab = Lab::new();
    lab.sync();
    for n in 0..10 {
        let name = format!("app-{n}");
        lab.binding(&name);

        lab.no_service_account(&name);
    }
    assert!(lab.engine.dirty.is_empty() && lab.engine.forced.is_empty() && lab.engine.changed.is_empty());
}

/// The next leader asks the same account.
#[test]
fn who_leads_no_more_takes_back_what_it_has_asked_of_aws() {
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Denied;
    lab.pass(5);
    lab.binding("app");
    let asked = |actions: &[Action]| -> BTreeSet<String> {
        let asked = actions.iter().filter_map(|action| match action {
            Action::Read(DirectoryRequest::Piece { account, piece, .. }) => Some(short_read(account, piece)),
            _ => None,
        });
        asked.collect()
    };
    assert!(!asked(&lab.turn()).is_empty());
    lab.engine.set_leading(false);
    let taken_back = |actions: Vec<Action>| {
        let pieces = actions.into_iter().map(|action| match action {
            Action::Read(DirectoryRequest::Release { pieces, .. }) => pieces.len(),
            other => panic!("{other:?}"),
        });
        pieces.sum::<usize>()
    };
    assert!(taken_back(lab.turn()) > 0);
    assert_eq!(taken_back(lab.turn()), 0);
    // Nor is anything asked for any more of an account that is closed.
    let mut lab = Lab::leading();
    lab.aws.home().listings = Answers::Denied;
    lab.pass(5);
    lab.binding("app");
    assert!(!asked(&lab.turn()).is_empty());
    lab.policy(&json!({"allowedAccounts": [OTHER]}));
    let actions = lab.turn();
    let is_release = |action: &Action| matches!(action, Action::Read(DirectoryRequest::Release { .. }));
    assert!(actions.iter().any(is_release), "{actions:?}");
}
