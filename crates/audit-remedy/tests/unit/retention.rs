use serde_json::{Value, json};

use super::*;
use crate::approval::ApprovalRecord;
use crate::block::{Authorities, write_grant};
use crate::facts::{LiveRole, RemedySubject};
use crate::journal::{Journal, open_breaker, record_name};
use crate::plan::{Plan, PlanHash};
use crate::testing::{EC2, at, authorities, document, plan, record, role_of, subject};

use ChangePhase as P;

const DAY: i64 = 24 * 3600;

/// A record of the role's n-th change, which ended so many days before the 1000th.
fn nth(sequence: u64, phase: ChangePhase, days_ago: i64) -> JournalRecord {
    let when = at((1000 - days_ago) * DAY);
    JournalRecord {
        name: record_name("AROAEXAMPLE", sequence),
        sequence,
        created: when,
        changed: when,
        ..record(&plan(), phase)
    }
}

/// The names of what may be deleted on the 1000th day, without a word of the circuit breaker.
fn expired(records: &[JournalRecord]) -> Vec<&str> {
    let none = BreakerLimits {
        failures: 1,
        cool_down: SignedDuration::ZERO,
        role_backoff: SignedDuration::from_secs(60),
    };
    let expired = expired_records(records, none, at(1000 * DAY));
    expired.into_iter().map(|record| record.name.as_str()).collect()
}

/// A change that ended just now, of another role: the last one that the breaker counts.
fn last() -> JournalRecord {
    JournalRecord {
        name: "last".to_owned(),
        role_id: "AROALAST".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/last".to_owned(),
        ..nth(1, P::Applied, 0)
    }
}

#[test]
fn an_old_change_that_came_to_nothing_and_was_followed_by_another_expires() {
    for phase in [P::Refused, P::NotApplied, P::Abandoned] {
        let old = nth(1, phase, 401);
        let name = old.name.clone();
        let records = [old.clone(), nth(2, P::Applied, 10), last()];
        assert_eq!(expired(&records), [name], "{phase:?}");
        // Not before its time, by either of its times.
        let young = nth(1, phase, 399);
        assert!(expired(&[young.clone(), nth(2, P::Applied, 10), last()]).is_empty());
        let closed_late = JournalRecord {
            changed: young.changed,
            ..old
        };
        assert!(expired(&[closed_late, nth(2, P::Applied, 10), last()]).is_empty());
    }
}

#[test]
fn the_newest_of_a_role_and_of_a_service_account_stay() {
    let till = |sequence, days_ago| JournalRecord {
        service_account: "till".to_owned(),
        ..nth(sequence, P::Refused, days_ago)
    };
    assert!(expired(&[nth(1, P::Refused, 900), last()]).is_empty());
    assert!(expired(&[nth(1, P::Refused, 900), till(2, 800), last()]).is_empty());
    let name = record_name("AROAEXAMPLE", 1);
    assert_eq!(
        expired(&[
            nth(1, P::Refused, 900),
            till(2, 800),
            nth(3, P::Refused, 700),
            last()
        ]),
        [name]
    );
}

#[test]
fn the_newest_of_a_role_stays_when_the_role_was_created_again() {
    let again = JournalRecord {
        role_id: "AROANEW".to_owned(),
        ..nth(2, P::Refused, 10)
    };
    assert!(expired(&[nth(1, P::Refused, 900), again, last()]).is_empty());
}

#[test]
fn what_is_open_or_latched_stays_until_it_is_released() {
    for phase in [P::Prepared, P::Latched] {
        let rollback = JournalRecord {
            operation: RemedyOperation::Remove,
            ..nth(1, phase, 900)
        };
        let newer = nth(2, P::Applied, 10);
        assert!(
            expired(&[rollback.clone(), newer.clone(), last()]).is_empty(),
            "{phase:?}"
        );
        let released = JournalRecord {
            released: Some(at(0)),
            ..rollback
        };
        let is_over = phase == P::Latched;
        assert_eq!(
            expired(&[released, newer, last()]).len(),
            usize::from(is_over),
            "{phase:?}"
        );
    }
}

#[test]
fn what_was_or_may_have_been_appended_stays_and_its_rollback_goes() {
    let released = JournalRecord {
        released: Some(at(0)),
        ..nth(2, P::Latched, 890)
    };
    let rollback = JournalRecord {
        operation: RemedyOperation::Remove,
        ..nth(3, P::Applied, 880)
    };
    let name = rollback.name.clone();
    let records = [
        nth(1, P::Applied, 900),
        released,
        rollback,
        nth(4, P::Applied, 10),
        last(),
    ];
    assert_eq!(expired(&records), [name]);
}

#[test]
fn what_the_breaker_counts_stays() {
    let records = [
        nth(1, P::Refused, 900),
        nth(2, P::Refused, 800),
        nth(3, P::Abandoned, 700),
        nth(4, P::Refused, 600),
    ];
    let limits = BreakerLimits {
        failures: 2,
        cool_down: SignedDuration::ZERO,
        role_backoff: SignedDuration::from_secs(60),
    };
    let found = expired_records(&records, limits, at(1000 * DAY));
    let sequences: Vec<u64> = found.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [1, 3]);
}

/// The roles of the property: the second is the first one created again, the third has a name of its own.
const ROLES: [(&str, &str); 3] = [
    ("AROAONE", "arn:aws:iam::111122223333:role/app"),
    ("AROATWO", "arn:aws:iam::111122223333:role/app"),
    ("AROATHREE", "arn:aws:iam::111122223333:role/other"),
];

fn account_named(name: &str) -> RemedySubject {
    RemedySubject {
        name: name.to_owned(),
        ..subject()
    }
}

fn live(role: usize, statements: &[String]) -> LiveRole {
    let texts: Vec<&str> = [EC2]
        .into_iter()
        .chain(statements.iter().map(String::as_str))
        .collect();
    let (id, arn) = ROLES[role];
    LiveRole {
        id: id.to_owned(),
        arn: iam_policy::RoleArn::parse(arn).unwrap(),
        ..role_of(&document(&texts))
    }
}

/// A statement of ours for an account, for the audience of its tokens or for one from before.
fn statement(rng: &mut fastrand::Rng, account: &str, number: usize) -> Value {
    let text = plan().edit.statement.to_string();
    let text = text.replace("shop:cart", &format!("shop:{account}"));
    let audience = ["sts.amazonaws.com", "before.example.com"][rng.usize(..2)];
    let mut statement: Value =
        serde_json::from_str(&text.replace("\"sts.amazonaws.com\"", &format!("{audience:?}"))).unwrap();
    statement["Sid"] = json!(format!("IrsaAudit{number:016x}"));
    statement
}

/// A journal of up to thirty changes within a thousand days, numbered as the writer does, and each with an approval or without.
fn history(rng: &mut fastrand::Rng) -> (Vec<JournalRecord>, Vec<ApprovalRecord>) {
    let (mut records, mut approvals) = (Vec::new(), Vec::new());
    let mut seconds: Vec<i64> = (0..rng.usize(1..30)).map(|_| rng.i64(0..1000 * DAY)).collect();
    seconds.sort_unstable();
    for second in seconds {
        let role = live(rng.usize(..ROLES.len()), &[]);
        let sequence = Journal::new(&records).counter(&role) + 1;
        let phase = [
            P::Applied,
            P::Applied,
            P::Refused,
            P::NotApplied,
            P::Abandoned,
            P::Latched,
            P::Prepared,
        ][rng.usize(..7)];
        let uid = format!("approval-{second}");
        let has_approval = rng.bool();
        let number = records.len();
        let account = ["cart", "till"][rng.usize(..2)];
        let record = JournalRecord {
            name: record_name(&role.id, sequence),
            sequence,
            role_id: role.id.clone(),
            role_arn: role.arn.to_string(),
            service_account: account.to_owned(),
            operation: [RemedyOperation::Append, RemedyOperation::Remove][rng.usize(..2)],
            statement: statement(rng, account, number),
            hash: PlanHash::parse(&format!("{number:064x}")).unwrap(),
            approval: has_approval.then(|| uid.clone()),
            created: at(second),
            changed: at(second + rng.i64(0..600)),
            released: (phase == P::Latched && rng.bool()).then(|| at(second + 1000)),
            ..record(&plan(), phase)
        };
        if has_approval {
            approvals.push(ApprovalRecord {
                uid,
                namespace: record.namespace.clone(),
                service_account: record.service_account.clone(),
                plan_hash: record.hash.to_string(),
                valid_for: crate::MAX_VALIDITY,
                approved_by: "alice".to_owned(),
                created: at(second - rng.i64(0..3600)),
                is_guarded: true,
            });
        }
        records.push(record);
    }
    (records, approvals)
}

/// All that anyone asks of a journal, for a role that has some of our statements.
fn answers(
    records: &[JournalRecord],
    approvals: &[ApprovalRecord],
    role: &LiveRole,
    limits: BreakerLimits,
    now: Timestamp,
) -> Vec<String> {
    let journal = Journal::new(records);
    let name =
        |found: Option<&JournalRecord>| found.map_or_else(|| "none".to_owned(), |one| one.name.clone());
    let mut all = vec![
        journal.counter(role).to_string(),
        name(journal.newest(role)),
        name(journal.in_flight(role)),
        name(journal.latched(role)),
        format!("{:?}", journal.open().map(|one| &one.name).collect::<Vec<_>>()),
        format!("{:?}", journal.within_hour("apps", now)),
        format!("{:?}", open_breaker(&journal, limits, now).map(|open| open.until)),
    ];
    for account in ["cart", "till"] {
        let subject = account_named(account);
        all.push(name(journal.vanished(role, &subject)));
        all.push(name(journal.removable(role, &subject)));
        for operation in [RemedyOperation::Append, RemedyOperation::Remove] {
            let planned = Plan::new(operation, &subject, role, &journal, now);
            all.push(match planned {
                Err(refusal) => format!("{refusal:?}"),
                Ok(plan) => {
                    // What is still approvable is approved; all old approvals are there as well.
                    let mut approvals = approvals.to_vec();
                    approvals.push(ApprovalRecord {
                        uid: "new".to_owned(),
                        namespace: "shop".to_owned(),
                        service_account: account.to_owned(),
                        plan_hash: plan.hash.to_string(),
                        valid_for: crate::MAX_VALIDITY,
                        approved_by: "alice".to_owned(),
                        created: now - SignedDuration::from_hours(1),
                        is_guarded: true,
                    });
                    let authorities = Authorities {
                        approvals,
                        journal: records.to_vec(),
                        breaker: limits,
                        ..authorities()
                    };
                    format!(
                        "{} {:?}",
                        plan.hash,
                        write_grant(&plan, &authorities, None, now).ok()
                    )
                }
            });
        }
    }
    all
}

#[test]
fn whatever_of_the_expired_is_deleted_the_journal_answers_as_before() {
    let now = at(1000 * DAY);
    let limits = BreakerLimits {
        failures: 3,
        cool_down: SignedDuration::from_hours(500 * 24),
        role_backoff: SignedDuration::from_secs(60),
    };
    let mut deleted = 0;
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (records, approvals) = history(&mut rng);
        let names: Vec<String> = expired_records(&records, limits, now)
            .iter()
            .filter(|_| rng.u8(..4) > 0)
            .map(|record| record.name.clone())
            .collect();
        deleted += names.len();
        let kept: Vec<JournalRecord> = records
            .iter()
            .filter(|record| !names.contains(&record.name))
            .cloned()
            .collect();
        for role in 0..ROLES.len() {
            let statements: Vec<String> = records
                .iter()
                .filter(|_| rng.bool())
                .map(|record| record.statement.to_string())
                .collect();
            let role = live(role, &statements);
            assert_eq!(
                answers(&kept, &approvals, &role, limits, now),
                answers(&records, &approvals, &role, limits, now),
                "seed {seed}, {names:?} deleted"
            );
        }
        // A record of the same name is never made again.
        for name in &names {
            let counters = (0..ROLES.len()).map(|role| live(role, &[])).map(|role| {
                let counter = Journal::new(&kept).counter(&role);
                record_name(&role.id, counter + 1)
            });
            assert!(counters.into_iter().all(|next| next != *name), "seed {seed}");
        }
    }
    assert!(deleted > 200, "{deleted}");
}
