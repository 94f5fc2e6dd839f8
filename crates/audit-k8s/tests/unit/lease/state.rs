//! The rules one by one. That they suffice together is shown by the simulation.

use super::*;

const START: Duration = Duration::ZERO;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn version(text: &str) -> Version {
    Version::new(text).unwrap()
}

fn candidate() -> Candidate {
    Candidate::new("us".to_owned(), Timing::default())
}

fn lease(at: &str, holder: Option<&str>, duration_seconds: Option<i64>) -> Answer {
    Answer::Read(Some(Record {
        version: version(at),
        holder: holder.map(str::to_owned),
        duration_seconds,
    }))
}

fn update(at: &str, change: Change) -> Action {
    Action::Call(Call::Update {
        version: version(at),
        change,
    })
}

const READ: Action = Action::Call(Call::Read);
const CREATE: Action = Action::Call(Call::Create);

fn wait(until: Duration) -> Action {
    Action::Wait { until }
}

/// Leads since a write sent at the start, at version 1.
fn leader() -> Candidate {
    let mut candidate = candidate();
    assert_eq!(candidate.next(START), READ);
    candidate.observe(START, Answer::Read(None));
    assert_eq!(candidate.next(START), CREATE);
    candidate.observe(START, Answer::Accepted(version("1")));
    assert_eq!(candidate.leads_until(START), Some(secs(12)));
    candidate
}

/// Has seen another's lease of `duration` seconds at the start, at version 1.
fn follower(duration: Option<i64>) -> Candidate {
    let mut candidate = candidate();
    assert_eq!(candidate.next(START), READ);
    candidate.observe(START, lease("1", Some("them"), duration));
    candidate
}

#[test]
fn an_update_never_goes_without_a_version() {
    assert_eq!(Version::new(""), None);
}

#[test]
fn reads_before_it_writes() {
    let cases = [
        (Answer::Read(None), CREATE),
        (lease("7", None, None), update("7", Change::Acquire)),
        (lease("7", Some("us"), None), update("7", Change::Renew)),
        (
            lease("7", Some("them"), Some(15)),
            wait(Timing::default().retry()),
        ),
        (Answer::Unknown, wait(Timing::default().retry())),
    ];
    for (answer, expected) in cases {
        let mut candidate = candidate();
        assert_eq!(candidate.next(START), READ);
        candidate.observe(START, answer.clone());
        assert_eq!(candidate.next(START), expected, "{answer:?}");
        assert_eq!(candidate.leads_until(START), None, "{answer:?}");
    }
}

#[test]
fn leadership_counts_from_when_the_write_was_sent() {
    let mut candidate = leader();
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
    candidate.observe(secs(9), Answer::Accepted(version("2")));
    assert_eq!(candidate.leads_until(secs(9)), Some(secs(17)));
    assert_eq!(candidate.next(secs(9)), wait(secs(10)));
}

#[test]
fn an_answer_after_the_belief_it_gives_has_ended_gives_none() {
    let mut candidate = leader();
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
    candidate.observe(secs(17), Answer::Accepted(version("2")));
    assert_eq!(candidate.leads_until(secs(17)), None);
    assert_eq!(candidate.next(secs(17)), update("2", Change::Renew));
}

#[test]
fn renews_at_a_third_of_the_duration_and_not_before() {
    let mut candidate = leader();
    assert_eq!(candidate.next(START), wait(secs(5)));
    assert_eq!(candidate.next(Duration::from_millis(4_999)), wait(secs(5)));
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
}

#[test]
fn steps_down_by_its_own_clock_whatever_happens_to_answers() {
    let mut candidate = leader();
    let mut now = secs(5);
    while now < secs(12) {
        assert!(candidate.leads_until(now).is_some());
        candidate.next(now);
        candidate.observe(now, Answer::Unknown);
        now += Duration::from_millis(500);
    }
    assert_eq!(candidate.leads_until(secs(12)), None);
}

#[test]
fn a_paused_process_is_not_leader_when_it_wakes() {
    let candidate = leader();
    assert_eq!(candidate.leads_until(secs(3600)), None);
}

#[test]
fn losing_ends_leadership_at_once() {
    // What a leader learns from a read, after a renewal without an answer.
    for answer in [
        lease("9", Some("them"), Some(15)),
        lease("9", None, None),
        Answer::Read(None),
    ] {
        let mut candidate = leader();
        assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
        candidate.observe(secs(6), Answer::Unknown);
        assert!(candidate.leads_until(secs(8)).is_some());
        assert_eq!(candidate.next(secs(8)), READ);
        candidate.observe(secs(8), answer.clone());
        assert_eq!(candidate.leads_until(secs(8)), None, "{answer:?}");
    }

    let mut candidate = leader();
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
    candidate.observe(secs(6), Answer::Conflict);
    assert_eq!(candidate.leads_until(secs(6)), None);
    assert_eq!(candidate.next(secs(8)), READ);
}

#[test]
fn a_write_found_by_reading_proves_nothing_of_when_it_was_sent() {
    let mut candidate = leader();
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
    candidate.observe(secs(8), Answer::Unknown);
    assert_eq!(candidate.next(secs(10)), READ);
    candidate.observe(secs(10), lease("2", Some("us"), Some(15)));
    assert_eq!(candidate.leads_until(secs(10)), Some(secs(12)));
    assert_eq!(candidate.next(secs(10)), update("2", Change::Renew));
    candidate.observe(secs(11), Answer::Accepted(version("3")));
    assert_eq!(candidate.leads_until(secs(11)), Some(secs(22)));
}

#[test]
fn anothers_lease_lasts_its_own_duration_from_when_we_saw_it_change() {
    let cases = [
        (Some(15), 15),
        (Some(40), 40),
        (Some(1), 1),
        (None, 15),
        (Some(-3), 15),
        (Some(i64::MAX), 600),
    ];
    for (duration, expected) in cases {
        let mut candidate = follower(duration);
        let mut now = START;
        let acquired = loop {
            match candidate.next(now) {
                Action::Wait { until } => now = until,
                Action::Call(Call::Read) => candidate.observe(now, lease("1", Some("them"), duration)),
                action => break action,
            }
        };
        assert_eq!(acquired, update("1", Change::Acquire));
        assert_eq!(now, secs(expected), "{duration:?}");
    }
}

#[test]
fn each_change_of_anothers_lease_starts_the_count_anew() {
    let mut candidate = follower(Some(15));
    assert_eq!(candidate.next(secs(14)), READ);
    candidate.observe(secs(14), lease("2", Some("them"), Some(15)));
    assert_eq!(candidate.next(secs(28)), READ);
    candidate.observe(secs(28), Answer::Unknown);
    assert_eq!(candidate.next(secs(28)), wait(secs(29)));
    assert_eq!(candidate.next(secs(29)), update("2", Change::Acquire));
}

#[test]
fn who_loses_the_race_for_a_free_lease_reads_and_waits() {
    let mut candidate = follower(Some(15));
    assert_eq!(candidate.next(secs(15)), update("1", Change::Acquire));
    candidate.observe(secs(15), Answer::Conflict);
    assert!(matches!(candidate.next(secs(15)), Action::Wait { .. }));
    assert_eq!(candidate.next(secs(17)), READ);
    candidate.observe(secs(17), lease("2", Some("third"), Some(15)));
    assert!(matches!(candidate.next(secs(17)), Action::Wait { .. }));
    assert_eq!(candidate.next(secs(32)), update("2", Change::Acquire));
}

#[test]
fn whoever_has_seen_a_lease_waits_when_it_is_deleted() {
    let seen = [
        (lease("1", Some("them"), Some(40)), secs(40)),
        (lease("1", None, None), secs(15)),
        (lease("1", Some("us"), Some(15)), secs(15)),
    ];
    for (answer, expected) in seen {
        let mut candidate = candidate();
        assert_eq!(candidate.next(START), READ);
        candidate.observe(START, answer.clone());
        // It cannot be written: it has gone.
        if let Action::Call(_) = candidate.next(START) {
            candidate.observe(START, Answer::Conflict);
        }
        let gone = secs(2);
        let mut now = gone;
        let action = loop {
            match candidate.next(now) {
                Action::Wait { until } => now = until,
                Action::Call(Call::Read) => candidate.observe(now, Answer::Read(None)),
                action => break action,
            }
        };
        assert_eq!(action, CREATE);
        assert_eq!(now, gone + expected, "{answer:?}");
    }
}

#[test]
fn a_call_given_up_counts_as_unanswered() {
    let mut candidate = leader();
    assert_eq!(candidate.next(secs(5)), update("1", Change::Renew));
    assert!(matches!(candidate.next(secs(6)), Action::Wait { .. }));
    assert_eq!(candidate.next(secs(8)), READ);
}

#[test]
fn answers_without_a_question_change_nothing() {
    for answer in [
        Answer::Accepted(version("9")),
        Answer::Conflict,
        lease("9", Some("them"), None),
    ] {
        let mut candidate = leader();
        candidate.observe(secs(1), answer.clone());
        assert_eq!(candidate.leads_until(secs(1)), Some(secs(12)), "{answer:?}");
        assert_eq!(candidate.next(secs(1)), wait(secs(5)), "{answer:?}");
    }
}

#[test]
fn stopping_ends_leadership_before_it_releases_at_the_version_it_holds() {
    let mut candidate = leader();
    candidate.stop();
    assert_eq!(candidate.leads_until(secs(1)), None);
    assert_eq!(candidate.next(secs(1)), update("1", Change::Release));
    candidate.observe(secs(1), Answer::Accepted(version("2")));
    assert_eq!(candidate.leads_until(secs(1)), None);
    assert_eq!(candidate.next(secs(1)), Action::Done);
}

#[test]
fn stopping_tries_once() {
    for answer in [Answer::Conflict, Answer::Unknown] {
        let mut candidate = leader();
        candidate.stop();
        assert_eq!(candidate.next(secs(1)), update("1", Change::Release));
        candidate.observe(secs(1), answer);
        assert_eq!(candidate.next(secs(1)), Action::Done);
    }
}

#[test]
fn stopping_looks_whether_an_unanswered_write_made_it_holder() {
    let cases = [
        (lease("2", Some("us"), Some(15)), update("2", Change::Release)),
        (lease("2", Some("them"), Some(15)), Action::Done),
        (Answer::Read(None), Action::Done),
        (Answer::Unknown, Action::Done),
    ];
    for (answer, expected) in cases {
        let mut candidate = follower(Some(15));
        assert_eq!(candidate.next(secs(15)), update("1", Change::Acquire));
        candidate.observe(secs(15), Answer::Unknown);
        candidate.stop();
        assert_eq!(candidate.next(secs(15)), READ);
        candidate.observe(secs(15), answer.clone());
        assert_eq!(candidate.next(secs(15)), expected, "{answer:?}");
    }
}

#[test]
fn an_acceptance_that_comes_after_the_stop_is_released_not_believed() {
    let mut candidate = follower(Some(15));
    assert_eq!(candidate.next(secs(15)), update("1", Change::Acquire));
    candidate.stop();
    candidate.observe(secs(15), Answer::Accepted(version("2")));
    assert_eq!(candidate.leads_until(secs(15)), None);
    assert_eq!(candidate.next(secs(15)), update("2", Change::Release));
}

#[test]
fn a_follower_stops_without_a_call() {
    let mut candidate = follower(Some(15));
    candidate.stop();
    assert_eq!(candidate.next(secs(1)), Action::Done);
}

#[test]
fn the_end_of_time_does_not_overflow() {
    let mut candidate = candidate();
    assert_eq!(candidate.next(Duration::MAX), READ);
    candidate.observe(Duration::MAX, lease("1", Some("us"), Some(i64::MAX)));
    assert_eq!(candidate.next(Duration::MAX), update("1", Change::Renew));
    candidate.observe(Duration::MAX, Answer::Accepted(version("2")));
    assert_eq!(candidate.leads_until(Duration::MAX), None);
}
