use super::*;
use crate::facts::RoleTag;
use crate::journal::ChangePhase;
use crate::plan::PlanHash;
use crate::testing::{approval, at, authorities, plan, plan_with, policy, record, role, role_of, subject};

fn asked(plan: &Plan, authorities: &Authorities) -> Result<WriteGrant, Vec<Blocker>> {
    write_grant(plan, authorities, None, at(10))
}

fn blocked(plan: &Plan, authorities: &Authorities) -> Blocker {
    let blockers = asked(plan, authorities).unwrap_err();
    let [only] = blockers.as_slice() else {
        panic!("{blockers:?}")
    };
    only.clone()
}

fn with(change: impl FnOnce(&mut Authorities)) -> Authorities {
    let mut authorities = authorities();
    change(&mut authorities);
    authorities
}

/// A record of another plan of the role.
fn other_record(phase: ChangePhase) -> JournalRecord {
    JournalRecord {
        name: "other".to_owned(),
        hash: PlanHash::parse(&"0".repeat(64)).unwrap(),
        service_account: "till".to_owned(),
        policies: Vec::new(),
        ..record(&plan(), phase)
    }
}

fn mode(mode: RemediationMode) -> Plan {
    plan_with(
        &crate::facts::RemedySubject {
            opt_in: mode,
            ..subject()
        },
        &role(),
        &[],
    )
}

#[test]
fn where_everyone_agrees_it_is_granted() {
    let granted = asked(&plan(), &authorities()).unwrap();
    assert_eq!(
        granted,
        WriteGrant {
            approval: None,
            policies: vec!["apps".to_owned()]
        }
    );
    let plan = mode(RemediationMode::RequireApproval);
    let approved = with(|all| all.approvals.push(approval(&plan)));
    assert_eq!(
        asked(&plan, &approved).unwrap().approval.as_deref(),
        Some("approval-1")
    );
}

#[test]
fn the_team_has_to_opt_in() {
    for opt_in in [RemediationMode::Off, RemediationMode::Propose] {
        let blockers = asked(&mode(opt_in), &authorities()).unwrap_err();
        assert!(
            blockers.contains(&Blocker::TeamOptIn { mode: opt_in }),
            "{blockers:?}"
        );
    }
}

#[test]
fn admins_have_to_allow_it() {
    let none = asked(&plan(), &with(|all| all.policies.clear())).unwrap_err();
    assert!(none.contains(&Blocker::NoPolicy));
    for max_mode in [RemediationMode::Off, RemediationMode::Propose] {
        let strict = with(|all| {
            all.policies.push(RemediationPolicy {
                name: "strict".to_owned(),
                max_mode,
                ..policy()
            });
        });
        let blockers = asked(&plan(), &strict).unwrap_err();
        assert!(blockers.contains(&Blocker::PolicyMode {
            policy: "strict".to_owned(),
            max_mode
        }));
    }
    let faulty = with(|all| {
        all.policies.push(RemediationPolicy {
            roles: Vec::new(),
            ..policy()
        });
    });
    let blockers = asked(&plan(), &faulty).unwrap_err();
    assert!(blockers.contains(&Blocker::FaultyPolicy {
        policy: "apps".to_owned(),
        selector: EmptySelector::Roles
    }));
    let own = with(|all| all.own_namespaces.push("shop".to_owned()));
    assert!(
        asked(&plan(), &own)
            .unwrap_err()
            .contains(&Blocker::ReservedNamespace)
    );
}

#[test]
fn an_approval_does_not_help_where_the_mode_writes_nothing() {
    for opt_in in [RemediationMode::Off, RemediationMode::Propose] {
        let plan = mode(opt_in);
        let approved = with(|all| all.approvals.push(approval(&plan)));
        assert_eq!(blocked(&plan, &approved), Blocker::TeamOptIn { mode: opt_in });
    }
    let strict = with(|all| {
        all.policies[0].max_mode = RemediationMode::Propose;
        all.approvals.push(approval(&plan()));
    });
    assert!(matches!(blocked(&plan(), &strict), Blocker::PolicyMode { .. }));
}

#[test]
fn pause_and_the_limit_of_the_hour_hold() {
    assert_eq!(
        blocked(&plan(), &with(|all| all.policies[0].paused = true)),
        Blocker::Paused {
            policy: "apps".to_owned()
        }
    );
    let limited = |limit, changes: usize| {
        with(|all| {
            all.policies[0].max_changes_per_hour = limit;
            let one = JournalRecord {
                policies: vec!["apps".to_owned()],
                role_arn: "arn:aws:iam::111122223333:role/other".to_owned(),
                role_id: "AROAOTHER".to_owned(),
                ..other_record(ChangePhase::Applied)
            };
            all.journal = vec![one; changes];
        })
    };
    assert!(asked(&plan(), &limited(2, 1)).is_ok());
    let used_up = |limit, until| Blocker::RateLimited {
        policy: "apps".to_owned(),
        limit,
        until,
    };
    assert_eq!(blocked(&plan(), &limited(2, 2)), used_up(2, Some(at(3600))));
    assert_eq!(blocked(&plan(), &limited(0, 0)), used_up(0, None));
}

#[test]
fn the_role_has_to_consent_to_an_append_and_not_to_a_rollback() {
    let mut without = role();
    without.tags = vec![RoleTag::new("irsa-audit.dev/Trust.x", "shop/cart")];
    assert!(matches!(
        blocked(&plan_with(&subject(), &without, &[]), &authorities()),
        Blocker::Consent(_)
    ));
    let applied = record(&plan(), ChangePhase::Applied);
    let mut with_statement = role_of(&applied.after);
    with_statement.tags.clear();
    let records = [applied.clone()];
    let back = Plan::new(
        RemedyOperation::Remove,
        &subject(),
        &with_statement,
        &Journal::new(&records),
        at(0),
    )
    .unwrap();
    let approved = with(|all| {
        all.journal = vec![applied];
        all.approvals.push(approval(&back));
    });
    assert!(asked(&back, &approved).is_ok());
}

#[test]
fn a_rollback_is_never_automatic() {
    let applied = record(&plan(), ChangePhase::Applied);
    let records = [applied.clone()];
    let back = Plan::new(
        RemedyOperation::Remove,
        &subject(),
        &role_of(&applied.after),
        &Journal::new(&records),
        at(0),
    )
    .unwrap();
    let blocker = blocked(&back, &with(|all| all.journal = vec![applied]));
    assert!(
        matches!(
            blocker,
            Blocker::Approval {
                needed: ApprovalNeeded::Rollback,
                ..
            }
        ),
        "{blocker:?}"
    );
}

#[test]
fn what_a_tool_keeps_every_matching_policy_has_to_allow() {
    let mut owned = role();
    owned.tags.push(RoleTag::new("ManagedBy", "terraform"));
    let plan = plan_with(&subject(), &owned, &[]);
    let expected = |policy: &str| Blocker::ToolOwned {
        tool: OwningTool::Terraform,
        policy: policy.to_owned(),
    };
    assert_eq!(blocked(&plan, &authorities()), expected("apps"));
    let allowed = with(|all| all.policies[0].allow_tool_owned = true);
    assert!(asked(&plan, &allowed).is_ok());
    let one_does_not = with(|all| {
        all.policies[0].allow_tool_owned = true;
        all.policies.push(RemediationPolicy {
            name: "second".to_owned(),
            ..policy()
        });
    });
    assert_eq!(blocked(&plan, &one_does_not), expected("second"));
}

#[test]
fn without_the_admission_policy_nothing_is_written_in_any_mode() {
    for guard in [
        AdmissionGuard::PolicyMissing,
        AdmissionGuard::PolicyChanged,
        AdmissionGuard::BindingMissing,
        AdmissionGuard::BindingChanged,
        AdmissionGuard::Unreadable,
    ] {
        assert_eq!(
            blocked(&plan(), &with(|all| all.guard = guard)),
            Blocker::Admission(guard)
        );
    }
}

#[test]
fn require_approval_requires_one() {
    let plan = mode(RemediationMode::RequireApproval);
    let missing = Blocker::Approval {
        refusal: ApprovalRefusal::Missing,
        needed: ApprovalNeeded::Mode,
    };
    assert_eq!(blocked(&plan, &authorities()), missing);
    let by_admins = with(|all| all.policies[0].max_mode = RemediationMode::RequireApproval);
    assert_eq!(blocked(&self::plan(), &by_admins), missing);
}

#[test]
fn what_vanished_comes_back_by_a_new_approval_only() {
    let applied = record(&plan(), ChangePhase::Applied);
    let again = plan_with(&subject(), &role(), std::slice::from_ref(&applied));
    let journal = with(|all| all.journal = vec![applied.clone()]);
    assert!(matches!(
        blocked(&again, &journal),
        Blocker::Approval {
            needed: ApprovalNeeded::Vanished { .. },
            ..
        }
    ));
    let approved = |created| {
        with(|all| {
            all.journal = vec![applied.clone()];
            all.approvals.push(ApprovalRecord {
                created: at(created),
                ..approval(&again)
            });
        })
    };
    assert!(asked(&again, &approved(1)).is_ok());
    let old = blocked(&again, &approved(-1));
    assert!(
        matches!(
            old,
            Blocker::Approval {
                refusal: ApprovalRefusal::OlderThanLastChange { .. },
                ..
            }
        ),
        "{old:?}"
    );
}

/// Whoever edits the namespace chooses the audience. The role's consent names a ServiceAccount and no audience.
#[test]
fn a_second_statement_for_a_service_account_needs_an_approval() {
    let first = record(&plan(), ChangePhase::Applied);
    let other_audience = crate::facts::RemedySubject {
        audience: "vault".to_owned(),
        ..subject()
    };
    let second = plan_with(
        &other_audience,
        &role_of(&first.after),
        std::slice::from_ref(&first),
    );
    let mut journal = with(|all| all.journal = vec![first.clone()]);
    let needed = ApprovalNeeded::Second {
        change: first.name.clone(),
    };
    let refusal = ApprovalRefusal::Missing;
    assert_eq!(blocked(&second, &journal), Blocker::Approval { refusal, needed });
    journal.approvals.push(approval(&second));
    assert!(asked(&second, &journal).is_ok());
    // That of another ServiceAccount, or of another writer, is none of its own.
    let of_another = JournalRecord {
        service_account: "till".to_owned(),
        ..first
    };
    let second = plan_with(
        &other_audience,
        &role_of(&of_another.after),
        std::slice::from_ref(&of_another),
    );
    let journal = with(|all| all.journal = vec![of_another.clone()]);
    assert!(asked(&second, &journal).is_ok());
}

#[test]
fn the_journal_blocks_what_was_tried_what_goes_on_and_what_is_latched() {
    let spent = with(|all| {
        let same_hash = JournalRecord {
            hash: plan().hash,
            ..other_record(ChangePhase::Abandoned)
        };
        all.journal = vec![same_hash];
    });
    assert_eq!(
        blocked(&plan(), &spent),
        Blocker::SpentHash {
            change: "other".to_owned()
        }
    );
    let in_flight = with(|all| all.journal = vec![other_record(ChangePhase::Prepared)]);
    assert_eq!(
        blocked(&plan(), &in_flight),
        Blocker::InFlight {
            change: "other".to_owned()
        }
    );
    let latched = with(|all| all.journal = vec![other_record(ChangePhase::Latched)]);
    assert_eq!(
        blocked(&plan(), &latched),
        Blocker::Latched {
            change: "other".to_owned(),
            since: at(0)
        }
    );
    let elsewhere = JournalRecord {
        role_id: "AROAOTHER".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/other".to_owned(),
        ..other_record(ChangePhase::Refused)
    };
    let failing = with(|all| all.journal = vec![elsewhere; 3]);
    assert!(matches!(
        blocked(&plan(), &failing),
        Blocker::BreakerOpen { failures: 3, .. }
    ));
}

#[test]
fn its_own_record_does_not_block_a_plan() {
    let own = record(&plan(), ChangePhase::Prepared);
    let journal = with(|all| all.journal = vec![own.clone()]);
    assert!(write_grant(&plan(), &journal, Some(&own.name), at(10)).is_ok());
    assert!(asked(&plan(), &journal).is_err());
}

#[test]
fn a_role_settles() {
    let settle = SignedDuration::from_secs(60);
    assert_eq!(
        settling(None, settle, at(0)),
        Some(Blocker::Settling { until: at(60) })
    );
    assert_eq!(
        settling(Some(at(0)), settle, at(59)),
        Some(Blocker::Settling { until: at(60) })
    );
    assert_eq!(settling(Some(at(0)), settle, at(60)), None);
}

#[test]
fn a_role_whose_writes_fail_is_left_alone_unless_a_person_approves() {
    let failed = JournalRecord {
        sequence: 1,
        ..other_record(ChangePhase::Refused)
    };
    let after = |mode: RemediationMode, is_approved: bool, seconds: i64| {
        let subject = crate::facts::RemedySubject {
            opt_in: mode,
            ..subject()
        };
        let plan = plan_with(&subject, &role(), std::slice::from_ref(&failed));
        let mut all = authorities();
        all.journal = vec![failed.clone()];
        if is_approved {
            all.approvals.push(crate::approval::ApprovalRecord {
                created: at(1),
                ..approval(&plan)
            });
        }
        write_grant(&plan, &all, None, at(seconds))
    };
    let blockers = after(RemediationMode::Automatic, false, 10).unwrap_err();
    assert!(matches!(blockers.as_slice(), [Blocker::RoleBackoff { until, .. }] if *until == at(3_600)));
    assert!(after(RemediationMode::Automatic, false, 3_600).is_ok());
    for mode in [RemediationMode::Automatic, RemediationMode::RequireApproval] {
        let granted = after(mode, true, 10).unwrap();
        assert_eq!(granted.approval.as_deref(), Some("approval-1"), "{mode:?}");
    }
}
