//! Each state, and what leads out of it. Interleavings are the model's: `tests/model.rs`.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::block::{Authorities, Blocker};
use crate::facts::{LiveRole, RoleTag};
use crate::journal::{ChangePhase, JournalRecord};
use crate::testing::{EC2, at, authorities, document, plan, record, role, role_of, subject};

const TIMING: WriteTiming = WriteTiming {
    settle: SignedDuration::from_secs(60),
    call_timeout: SignedDuration::from_secs(10),
    late: SignedDuration::from_secs(300),
    consistency: SignedDuration::from_secs(60),
    lease: SignedDuration::from_secs(15),
    lease_margin: SignedDuration::from_secs(2),
    max_window: SignedDuration::from_secs(3),
    max_check_age: SignedDuration::from_secs(10),
    retry_every: SignedDuration::from_secs(5),
    give_up: SignedDuration::from_secs(600),
};

/// A world in which everything goes well, until a test changes it.
struct Shell {
    now: Timestamp,
    role: LiveRole,
    authorities: Authorities,
    lease: Option<Timestamp>,
    answer: WriteAnswer,
    /// What was done, one word each.
    log: Vec<&'static str>,
    notices: Vec<RemedyNotice>,
    /// Changes the outcome of the effect with this number.
    meddle: Option<(usize, WriterOutcome)>,
    /// The document after the write, in place of the one that is written.
    then: Option<String>,
    /// Seconds that pass at the effect with this number.
    delay: Option<(usize, i64)>,
}

impl Shell {
    fn new() -> Self {
        Self {
            now: at(0),
            role: role(),
            authorities: authorities(),
            lease: Some(at(1_000_000)),
            answer: WriteAnswer::Accepted,
            log: Vec::new(),
            notices: Vec::new(),
            meddle: None,
            then: None,
            delay: None,
        }
    }

    fn run(&mut self) -> WriterEnd {
        let mut machine = Execution::new(plan(), "writer-1", TIMING);
        for number in 0..300 {
            let effect = machine.next(self.now);
            if let WriterEffect::Done(end) = effect {
                return end;
            }
            if let Some((_, seconds)) = self.delay.filter(|(at, _)| *at == number) {
                self.now += SignedDuration::from_secs(seconds);
            }
            let outcome = self.carry_out(effect);
            let outcome = match &self.meddle {
                Some((at, other)) if *at == number => other.clone(),
                _ => outcome,
            };
            machine.observe(outcome, self.now);
        }
        panic!("it does not end: {:?}", self.log);
    }

    fn carry_out(&mut self, effect: WriterEffect) -> WriterOutcome {
        let word = match &effect {
            WriterEffect::ReadRole { .. } => "read",
            WriterEffect::Wait { .. } => "wait",
            WriterEffect::Check => "check",
            WriterEffect::CreateRecord(_) => "create",
            WriterEffect::CheckLease => "lease",
            WriterEffect::Write(_) => "write",
            WriterEffect::CloseRecord(_) => "close",
            WriterEffect::Announce(_) => "announce",
            WriterEffect::Done(_) => "done",
        };
        self.log.push(word);
        match effect {
            WriterEffect::ReadRole { role_name } => {
                assert_eq!(role_name, "app");
                WriterOutcome::Role(Box::new(self.role.clone()))
            }
            WriterEffect::Wait { until } => {
                self.now = self.now.max(until);
                WriterOutcome::Waited
            }
            WriterEffect::Check => WriterOutcome::Checked(Box::new(LiveCheck {
                subject: Some(subject()),
                authorities: self.authorities.clone(),
            })),
            WriterEffect::CreateRecord(record) => {
                self.authorities.journal.push(*record);
                WriterOutcome::Created
            }
            WriterEffect::CheckLease => WriterOutcome::Lease(self.lease),
            WriterEffect::Write(order) => {
                if self.now > order.not_after {
                    return WriterOutcome::Written(WriteAnswer::TooLate);
                }
                if !matches!(self.answer, WriteAnswer::Refused { .. }) {
                    self.role.trust_text = self.then.clone().unwrap_or(order.document);
                }
                WriterOutcome::Written(self.answer.clone())
            }
            WriterEffect::CloseRecord(closing) => {
                let record = self.authorities.journal.last_mut().unwrap();
                (record.phase, record.found) = (closing.phase, closing.found);
                WriterOutcome::Closed
            }
            WriterEffect::Announce(notice) => {
                self.notices.push(*notice);
                WriterOutcome::Announced
            }
            WriterEffect::Done(end) => panic!("a machine that ended with {end:?} asks for nothing"),
        }
    }

    fn phase(&self) -> Option<ChangePhase> {
        self.authorities.journal.last().map(|record| record.phase)
    }

    fn wrote(&self) -> bool {
        self.log.contains(&"write")
    }
}

#[test]
fn everything_is_done_in_order_and_once() {
    let mut shell = Shell::new();
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
    let before_reading_back = [
        "read", "wait", "read", "check", "create", "check", "read", "lease", "write",
    ];
    assert_eq!(shell.log[..9], before_reading_back);
    assert_eq!(shell.log.iter().filter(|word| **word == "write").count(), 1);
    assert!(shell.log.ends_with(&["read", "announce", "close"]));
    assert_eq!(shell.role.trust_text, plan().edit.after);
    let record = shell.authorities.journal.last().unwrap();
    assert_eq!(
        (record.sequence, &record.before, &record.after),
        (1, &plan().edit.before, &plan().edit.after)
    );
    assert_eq!(
        (record.writer.as_str(), record.hash.as_str()),
        ("writer-1", plan().hash.as_str())
    );
    assert_eq!(shell.notices[0].phase, ChangePhase::Applied);
}

/// Where the effects are, in the order above.
const FIRST_READ: usize = 0;
const SECOND_READ: usize = 2;
const FIRST_CHECK: usize = 3;
const CREATE: usize = 4;
const SECOND_CHECK: usize = 5;
const FINAL_READ: usize = 6;
const LEASE: usize = 7;
const WRITE: usize = 8;

fn meddled(at: usize, outcome: WriterOutcome) -> (Shell, StopReason) {
    let mut shell = Shell::new();
    shell.meddle = Some((at, outcome));
    let WriterEnd::Stopped(reason) = shell.run() else {
        panic!("{:?}", shell.log)
    };
    assert!(!shell.wrote());
    // A record that is there says that nothing was sent, and that is published.
    let is_closed = shell.phase().is_none_or(|phase| phase == ChangePhase::Abandoned);
    assert!(is_closed || reason == StopReason::RecordUnknown || reason == StopReason::OtherWriter);
    (shell, reason)
}

#[test]
fn a_role_that_is_not_the_same_at_each_read_is_not_written_to() {
    let change = |change: &dyn Fn(&mut LiveRole)| {
        let mut role = role();
        change(&mut role);
        WriterOutcome::Role(Box::new(role))
    };
    for read in [FIRST_READ, SECOND_READ, FINAL_READ] {
        for other in [
            change(&|role| role.trust_text = document(&[EC2, EC2])),
            change(&|role| role.trust_text.push(' ')),
            change(&|role| role.id = "AROAOTHER".to_owned()),
            change(&|role| role.tags.push(RoleTag::new("ManagedBy", "terraform"))),
            change(&|role| role.tags.clear()),
            change(&|role| role.quota -= 1),
        ] {
            assert_eq!(meddled(read, other).1, StopReason::RoleChanged, "{read}");
        }
        assert_eq!(meddled(read, WriterOutcome::RoleGone).1, StopReason::RoleGone);
        assert_eq!(meddled(read, WriterOutcome::Failed).1, StopReason::RoleUnreadable);
        assert_eq!(meddled(read, WriterOutcome::Created).1, StopReason::WrongOutcome);
    }
}

#[test]
fn whoever_objects_at_either_check_is_heard() {
    let checked = |change: &dyn Fn(&mut LiveCheck), own: bool| {
        let mut check = LiveCheck {
            subject: Some(subject()),
            authorities: authorities(),
        };
        if own {
            check.authorities.journal.push(own_record());
        }
        change(&mut check);
        WriterOutcome::Checked(Box::new(check))
    };
    for (place, own) in [(FIRST_CHECK, false), (SECOND_CHECK, true)] {
        let reason = |change: &dyn Fn(&mut LiveCheck)| meddled(place, checked(change, own)).1;
        assert!(matches!(
            reason(&|check| check.authorities.policies[0].paused = true),
            StopReason::Blocked(_)
        ));
        assert!(matches!(
            reason(&|check| check.authorities.policies.clear()),
            StopReason::Blocked(_)
        ));
        assert_eq!(reason(&|check| check.subject = None), StopReason::SubjectGone);
        let uid =
            |check: &mut LiveCheck| check.subject.as_mut().unwrap().service_account_uid = "sa-2".to_owned();
        assert_eq!(reason(&uid), StopReason::PlanChanged);
        let other_role = |check: &mut LiveCheck| {
            check.subject.as_mut().unwrap().role_arn =
                iam_policy::RoleArn::parse("arn:aws:iam::111122223333:role/x").unwrap();
        };
        assert!(matches!(reason(&other_role), StopReason::NoEdit(_)));
        let another_change = |check: &mut LiveCheck| {
            check.authorities.journal.push(JournalRecord {
                name: "x".to_owned(),
                sequence: 9,
                ..record(&plan(), ChangePhase::Applied)
            });
        };
        assert!(
            matches!(reason(&another_change), StopReason::PlanChanged),
            "the counter is part of the hash"
        );
        assert_eq!(meddled(place, WriterOutcome::Failed).1, StopReason::Unchecked);
        assert_eq!(
            meddled(place, WriterOutcome::Announced).1,
            StopReason::WrongOutcome
        );
    }
}

/// The record as the execution creates it at the end of the settle time.
fn own_record() -> JournalRecord {
    JournalRecord {
        created: at(60),
        changed: at(60),
        ..record(&plan(), ChangePhase::Prepared)
    }
}

#[test]
fn the_record_has_to_stand_as_it_was_created_with_the_grant_that_it_names() {
    let second = |change: &dyn Fn(&mut Authorities)| {
        let mut authorities = authorities();
        authorities.journal.push(own_record());
        change(&mut authorities);
        let check = LiveCheck {
            subject: Some(subject()),
            authorities,
        };
        meddled(SECOND_CHECK, WriterOutcome::Checked(Box::new(check))).1
    };
    assert_eq!(second(&|all| all.journal.clear()), StopReason::RecordChanged);
    assert_eq!(
        second(&|all| all.journal[0].writer = "writer-2".to_owned()),
        StopReason::RecordChanged
    );
    assert_eq!(
        second(&|all| all.journal[0].phase = ChangePhase::NotApplied),
        StopReason::RecordChanged
    );
    let more = |all: &mut Authorities| {
        let other = crate::policy::RemediationPolicy {
            name: "more".to_owned(),
            ..crate::testing::policy()
        };
        all.policies.push(other);
    };
    assert_eq!(second(&more), StopReason::GrantChanged);
}

#[test]
fn without_a_record_of_ours_nothing_is_written() {
    assert_eq!(meddled(CREATE, WriterOutcome::Exists).1, StopReason::OtherWriter);
    assert_eq!(
        meddled(CREATE, WriterOutcome::Failed).1,
        StopReason::RecordUnknown
    );
    assert_eq!(
        meddled(CREATE, WriterOutcome::Waited).1,
        StopReason::RecordUnknown
    );
}

#[test]
fn the_lease_has_to_outlast_the_call() {
    let reason = |lease| meddled(LEASE, WriterOutcome::Lease(lease)).1;
    assert_eq!(reason(None), StopReason::NoLease);
    assert_eq!(reason(Some(at(60))), StopReason::NoLease);
    assert_eq!(reason(Some(at(71))), StopReason::NoLease);
    assert_eq!(meddled(LEASE, WriterOutcome::Failed).1, StopReason::NoLease);
    let mut shell = Shell::new();
    shell.lease = Some(at(72));
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
}

/// Whoever held the lease in between, and lost it again, may be about to close the record.
#[test]
fn a_record_that_is_older_than_a_lease_is_not_written_for() {
    for (seconds, end) in [
        (15, WriterEnd::Closed(ChangePhase::Applied)),
        (16, WriterEnd::Stopped(StopReason::TooSlow)),
    ] {
        let mut shell = Shell::new();
        shell.delay = Some((SECOND_CHECK, seconds));
        assert_eq!(shell.run(), end, "{seconds}");
    }
}

#[test]
fn what_was_read_too_long_ago_is_read_again_a_few_times() {
    let mut shell = Shell::new();
    shell.delay = Some((LEASE, 4));
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
    assert_eq!(shell.log[7..12], ["lease", "check", "read", "lease", "write"]);
    // One that wakes up late does not send.
    let mut shell = Shell::new();
    shell.delay = Some((WRITE, 4));
    assert_eq!(shell.run(), WriterEnd::Stopped(StopReason::TooSlow));
    assert_eq!(shell.phase(), Some(ChangePhase::Abandoned));
    assert_eq!(shell.role, role());
}

#[test]
fn what_iam_refuses_is_closed_as_refused_and_not_sent_again() {
    let mut shell = Shell::new();
    shell.answer = WriteAnswer::Refused {
        code: "Throttling".to_owned(),
    };
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Refused));
    assert_eq!(shell.notices[0].refused.as_deref(), Some("Throttling"));
    assert_eq!(shell.log.iter().filter(|word| **word == "write").count(), 1);
}

#[test]
fn after_a_lost_answer_the_role_is_read_until_the_write_is_there_or_never_will_be() {
    for (then, phase) in [
        (None, ChangePhase::Applied),
        (Some(plan().edit.before), ChangePhase::NotApplied),
    ] {
        let mut shell = Shell::new();
        (shell.answer, shell.then) = (WriteAnswer::Lost, then);
        assert_eq!(shell.run(), WriterEnd::Closed(phase));
        assert_eq!(shell.log.iter().filter(|word| **word == "write").count(), 1);
        // Sent at 63 at the latest, given up after 10, refused by AWS after 300, seen by all after 60.
        assert!(shell.now >= at(63 + 10 + 300 + 60), "{}", shell.now);
    }
    // Any other outcome is as good as lost.
    let mut shell = Shell::new();
    shell.meddle = Some((WRITE, WriterOutcome::Waited));
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
    assert!(shell.now >= at(433));
}

#[test]
fn a_foreign_document_after_the_write_latches_with_the_document() {
    let foreign = document(&[&EC2.replace("ec2", "ecs")]);
    for answer in [WriteAnswer::Accepted, WriteAnswer::Lost] {
        let mut shell = Shell::new();
        (shell.answer, shell.then) = (answer, Some(foreign.clone()));
        assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Latched));
        assert_eq!(shell.notices[0].found.as_ref(), Some(&foreign));
        assert_eq!(shell.authorities.journal[0].found.as_ref(), Some(&foreign));
        assert!(shell.now < at(100), "it does not wait to say so");
    }
    // The old document after an acknowledged write: somebody put it back.
    let mut shell = Shell::new();
    shell.then = Some(plan().edit.before);
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Latched));
    assert!(shell.now >= at(120), "it may have been a stale answer");
}

#[test]
fn a_released_role_rests_until_the_write_of_the_latched_change_can_no_longer_come() {
    let mut shell = Shell::new();
    let latched = JournalRecord {
        released: Some(at(1)),
        statement: serde_json::json!({}),
        service_account: "till".to_owned(),
        sequence: 0,
        hash: crate::plan::PlanHash::parse(&"0".repeat(64)).unwrap(),
        name: "old".to_owned(),
        ..record(&plan(), ChangePhase::Latched)
    };
    shell.authorities.journal.push(latched);
    let end = shell.run();
    let expected = vec![Blocker::Settling { until: at(370) }];
    assert_eq!(end, WriterEnd::Stopped(StopReason::Blocked(expected)));
    assert!(!shell.wrote());
}

#[test]
fn a_role_that_cannot_be_read_back_leaves_the_record_open_and_says_so() {
    let mut shell = Shell::new();
    let mut machine = Execution::new(plan(), "writer-1", TIMING);
    let mut wrote = false;
    let end = loop {
        let effect = machine.next(shell.now);
        if let WriterEffect::Done(end) = effect {
            break end;
        }
        wrote |= matches!(effect, WriterEffect::Write(_));
        let is_read = matches!(effect, WriterEffect::ReadRole { .. });
        let outcome = shell.carry_out(effect);
        let outcome = if wrote && is_read {
            WriterOutcome::Failed
        } else {
            outcome
        };
        machine.observe(outcome, shell.now);
    };
    assert_eq!(end, WriterEnd::Undecided);
    assert_eq!(shell.phase(), Some(ChangePhase::Prepared));
    assert_eq!(shell.notices[0].phase, ChangePhase::Prepared);
}

#[test]
fn a_record_that_cannot_be_closed_is_tried_again_and_left_to_a_recovery() {
    let closing = |outcome: WriterOutcome| {
        let mut shell = Shell::new();
        let mut machine = Execution::new(plan(), "writer-1", TIMING);
        let mut tries = 0;
        loop {
            let effect = machine.next(shell.now);
            if let WriterEffect::Done(end) = effect {
                return (end, tries);
            }
            let is_close = matches!(effect, WriterEffect::CloseRecord(_));
            tries += u32::from(is_close);
            let done = shell.carry_out(effect);
            machine.observe(if is_close { outcome.clone() } else { done }, shell.now);
        }
    };
    assert_eq!(
        closing(WriterOutcome::Failed),
        (WriterEnd::Unrecorded(ChangePhase::Applied), 5)
    );
    assert_eq!(closing(WriterOutcome::Conflict), (WriterEnd::Superseded, 1));
}

/// What a recovery makes of a role with this document.
fn recovered(outcome: &WriterOutcome) -> (WriterEnd, Timestamp, Vec<RemedyNotice>) {
    let left = record(&plan(), ChangePhase::Prepared);
    let mut machine = Recovery::new(left, at(0), TIMING);
    let (mut now, mut notices) = (at(0), Vec::new());
    loop {
        match machine.next(now) {
            WriterEffect::Wait { until } => {
                now = now.max(until);
                machine.observe(&WriterOutcome::Waited, now);
            }
            WriterEffect::ReadRole { role_name } => {
                assert_eq!(role_name, "app");
                machine.observe(outcome, now);
            }
            WriterEffect::Announce(notice) => {
                notices.push(*notice);
                machine.observe(&WriterOutcome::Announced, now);
            }
            WriterEffect::CloseRecord(_) => machine.observe(&WriterOutcome::Closed, now),
            WriterEffect::Done(end) => return (end, now, notices),
            other => panic!("a recovery asks for {other:?}"),
        }
    }
}

#[test]
fn a_recovery_waits_for_lease_and_call_and_judges_by_one_read() {
    let reading = |text: &str| WriterOutcome::Role(Box::new(role_of(text)));
    let foreign = document(&[EC2, EC2]);
    for (outcome, phase) in [
        (reading(&plan().edit.after), ChangePhase::Applied),
        (reading(&plan().edit.before), ChangePhase::NotApplied),
        (reading(&foreign), ChangePhase::Latched),
        (WriterOutcome::RoleGone, ChangePhase::Latched),
    ] {
        let (end, ended, notices) = recovered(&outcome);
        assert_eq!(end, WriterEnd::Closed(phase));
        assert_eq!(ended, at(15 + 10 + 300 + 60));
        assert_eq!(notices[0].phase, phase);
    }
    let other = WriterOutcome::Role(Box::new(LiveRole {
        id: "AROANEW".to_owned(),
        ..role_of(&plan().edit.after)
    }));
    assert_eq!(
        recovered(&other).0,
        WriterEnd::Closed(ChangePhase::Latched),
        "a role that was created again"
    );
    assert_eq!(recovered(&WriterOutcome::Failed).0, WriterEnd::Undecided);
}

#[test]
fn a_settle_time_below_the_bound_of_consistency_is_raised_to_it() {
    let short = WriteTiming {
        settle: SignedDuration::from_secs(1),
        ..TIMING
    };
    let mut machine = Execution::new(plan(), "writer-1", short);
    machine.next(at(0));
    machine.observe(WriterOutcome::Role(Box::new(role())), at(0));
    assert_eq!(machine.next(at(0)), WriterEffect::Wait { until: at(60) });
    machine.observe(WriterOutcome::Waited, at(59));
    assert_eq!(
        machine.next(at(59)),
        WriterEffect::Wait { until: at(60) },
        "a wait that ends early is no wait"
    );
}

#[test]
fn the_write_is_given_out_once() {
    let mut shell = Shell::new();
    let mut machine = Execution::new(plan(), "writer-1", TIMING);
    loop {
        let effect = machine.next(shell.now);
        let is_write = matches!(effect, WriterEffect::Write(_));
        let outcome = shell.carry_out(effect);
        if is_write {
            break;
        }
        machine.observe(outcome, shell.now);
    }
    // The shell has forgotten what came of it, and asks again.
    for _ in 0..3 {
        assert!(matches!(machine.next(shell.now), WriterEffect::ReadRole { .. }));
    }
}

#[test]
fn the_order_of_the_tags_says_nothing() {
    let mut shell = Shell::new();
    let more = RoleTag::new("team", "shop");
    let mut tagged = role();
    tagged.tags.push(more);
    shell.role = tagged.clone();
    let plan = crate::testing::plan_with(&subject(), &tagged, &[]);
    let mut machine = Execution::new(plan, "writer-1", TIMING);
    let end = loop {
        shell.role.tags.reverse();
        let effect = machine.next(shell.now);
        if let WriterEffect::Done(end) = effect {
            break end;
        }
        let outcome = shell.carry_out(effect);
        machine.observe(outcome, shell.now);
    };
    assert_eq!(end, WriterEnd::Closed(ChangePhase::Applied));
}

#[test]
fn what_was_checked_too_long_ago_is_checked_again() {
    let mut shell = Shell::new();
    shell.delay = Some((SECOND_CHECK, 11));
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
    assert_eq!(
        shell.log[5..12],
        ["check", "read", "lease", "check", "read", "lease", "write"]
    );
}

#[test]
fn a_document_that_was_seen_and_is_gone_is_a_foreign_change() {
    let mut shell = Shell::new();
    shell.answer = WriteAnswer::Lost;
    let mut machine = Execution::new(plan(), "writer-1", TIMING);
    let mut reads_after = 0;
    let end = loop {
        let effect = machine.next(shell.now);
        if let WriterEffect::Done(end) = effect {
            break end;
        }
        let is_read = matches!(effect, WriterEffect::ReadRole { .. }) && shell.wrote();
        reads_after += u32::from(is_read);
        if reads_after == 2 {
            shell.role.trust_text = plan().edit.before;
        }
        let outcome = shell.carry_out(effect);
        machine.observe(outcome, shell.now);
    };
    assert_eq!(end, WriterEnd::Closed(ChangePhase::Latched));
    assert_eq!(shell.notices[0].found, Some(plan().edit.before));
}

#[test]
fn one_approval_does_not_stand_in_for_another() {
    let by_approval = |uid: &str| {
        let mut authorities = authorities();
        authorities.policies[0].max_mode = crate::mode::RemediationMode::RequireApproval;
        let approval = crate::approval::ApprovalRecord {
            uid: uid.to_owned(),
            ..crate::testing::approval(&plan())
        };
        authorities.approvals.push(approval);
        authorities
    };
    let mut shell = Shell::new();
    shell.authorities = by_approval("first");
    assert_eq!(shell.run(), WriterEnd::Closed(ChangePhase::Applied));
    assert_eq!(shell.authorities.journal[0].approval.as_deref(), Some("first"));
    // The first one is revoked after the record was created.
    let mut shell = Shell::new();
    shell.authorities = by_approval("first");
    let mut then = by_approval("second");
    then.journal.push(JournalRecord {
        approval: Some("first".to_owned()),
        ..own_record()
    });
    let check = LiveCheck {
        subject: Some(subject()),
        authorities: then,
    };
    shell.meddle = Some((SECOND_CHECK, WriterOutcome::Checked(Box::new(check))));
    assert_eq!(shell.run(), WriterEnd::Stopped(StopReason::GrantChanged));
    assert!(!shell.wrote());
}
