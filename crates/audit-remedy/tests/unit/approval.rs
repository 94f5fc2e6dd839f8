use super::*;
use crate::journal::{ChangePhase, JournalRecord};
use crate::testing::{approval, at, plan, record};

const WRITER: &str = "system:serviceaccount:irsa-audit:writer";

fn refusal(approval: ApprovalRecord, records: &[JournalRecord], now: i64) -> Option<ApprovalRefusal> {
    let journal = Journal::new(records);
    valid_approval(&[approval], &plan(), &journal, &[WRITER.to_owned()], at(now)).err()
}

fn changed(change: impl FnOnce(&mut ApprovalRecord)) -> Option<ApprovalRefusal> {
    let mut approval = approval(&plan());
    change(&mut approval);
    refusal(approval, &[], 10)
}

use ApprovalRefusal as R;

#[test]
fn a_whole_and_fresh_approval_counts() {
    assert_eq!(changed(|_| {}), None);
    assert_eq!(changed(|one| one.valid_for = MAX_VALIDITY), None);
}

#[test]
fn the_hash_is_compared_whole() {
    let hash = plan().hash.to_string();
    for text in [
        String::new(),
        hash[..12].to_owned(),
        hash[..63].to_owned(),
        format!("{}{}", &hash[..63], if hash.ends_with('0') { '1' } else { '0' }),
        format!("{}{}", if hash.starts_with('0') { '1' } else { '0' }, &hash[1..]),
        hash.to_uppercase(),
        format!("{hash} "),
        format!("sha256:{hash}"),
        format!("{hash}{hash}"),
    ] {
        if text != hash {
            let refusal = changed(|one| one.plan_hash.clone_from(&text));
            assert!(
                matches!(refusal, Some(R::OtherPlan { .. })),
                "{text:?} {refusal:?}"
            );
        }
    }
}

#[test]
fn one_for_somebody_else_is_none() {
    assert_eq!(changed(|one| one.namespace = "bank".to_owned()), Some(R::Missing));
    assert_eq!(
        changed(|one| one.service_account = "till".to_owned()),
        Some(R::Missing)
    );
}

#[test]
fn it_is_valid_from_its_creation_until_its_end_and_no_longer_than_a_day() {
    let hour = |now| refusal(approval(&plan()), &[], now);
    assert_eq!(hour(3599), None);
    assert!(matches!(hour(3600), Some(R::Expired { since, .. }) if since == at(3600)));
    assert_eq!(hour(-60), None, "clocks differ a little");
    assert!(matches!(hour(-61), Some(R::FromTheFuture { .. })));
    for bad in [
        SignedDuration::ZERO,
        -SignedDuration::from_secs(1),
        MAX_VALIDITY + SignedDuration::from_secs(1),
        SignedDuration::MAX,
        SignedDuration::MIN,
    ] {
        assert!(
            matches!(changed(|one| one.valid_for = bad), Some(R::BadValidity { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn who_approves_is_named_and_is_not_the_program_itself() {
    for name in ["", "  ", WRITER] {
        assert!(
            matches!(
                changed(|one| one.approved_by = name.to_owned()),
                Some(R::BadApprover { .. })
            ),
            "{name:?}"
        );
    }
}

#[test]
fn it_is_spent_by_any_record_of_its_uid_or_its_hash() {
    for phase in [
        ChangePhase::Prepared,
        ChangePhase::Applied,
        ChangePhase::Refused,
        ChangePhase::NotApplied,
        ChangePhase::Abandoned,
        ChangePhase::Latched,
    ] {
        let by_hash = record(&plan(), phase);
        let spent = |record: JournalRecord| refusal(approval(&plan()), &[record], 10);
        assert!(
            matches!(spent(by_hash.clone()), Some(R::Spent { .. })),
            "{phase:?}"
        );
        let other = PlanHash::parse(&"0".repeat(64)).unwrap();
        let by_uid = JournalRecord {
            approval: Some("approval-1".to_owned()),
            hash: other,
            ..by_hash
        };
        assert!(matches!(spent(by_uid), Some(R::Spent { .. })), "{phase:?}");
    }
}

#[test]
fn one_that_is_older_than_the_last_change_was_given_without_knowing_it() {
    let other = PlanHash::parse(&"0".repeat(64)).unwrap();
    let change = |created| JournalRecord {
        hash: other.clone(),
        created: at(created),
        ..record(&plan(), ChangePhase::Abandoned)
    };
    assert!(matches!(
        refusal(approval(&plan()), &[change(1)], 10),
        Some(R::OlderThanLastChange { .. })
    ));
    assert_eq!(refusal(approval(&plan()), &[change(0)], 10), None);
}

#[test]
fn one_that_the_admission_policy_has_not_seen_proves_no_author() {
    let unguarded = ApprovalRecord {
        is_guarded: false,
        ..approval(&plan())
    };
    assert!(matches!(refusal(unguarded, &[], 10), Some(R::Unguarded { .. })));
}

#[test]
fn of_several_the_valid_one_counts_and_else_the_nearest_is_told() {
    let good = approval(&plan());
    let other = ApprovalRecord {
        uid: "other".to_owned(),
        plan_hash: "0".repeat(64),
        ..good.clone()
    };
    let expired = ApprovalRecord {
        uid: "old".to_owned(),
        created: at(-7200),
        ..good.clone()
    };
    let journal = Journal::new(&[]);
    let of =
        |approvals: &[ApprovalRecord]| valid_approval(approvals, &plan(), &journal, &[], at(10)).cloned();
    assert_eq!(of(&[other.clone(), expired.clone(), good.clone()]), Ok(good));
    assert!(matches!(of(&[other.clone(), expired]), Err(R::Expired { .. })));
    assert!(matches!(of(&[other]), Err(R::OtherPlan { .. })));
    assert_eq!(of(&[]), Err(R::Missing));
}
