use super::*;
use crate::edit::ProofFailure;
use crate::mode::RemediationMode;
use crate::ownership::OwningTool;
use crate::policy::EmptySelector;
use crate::testing::{at, subject};

/// Text that only a reader of the role knows, or that does something to a terminal.
const SECRET: &str = "s3cret\u{1b}[2J";

fn long(c: &str) -> String {
    c.repeat(253)
}

fn blockers() -> Vec<(Blocker, Authority)> {
    let policy = || format!("{SECRET}{}", long("p"));
    let change = || long("c");
    let mut all = vec![
        (
            Blocker::TeamOptIn {
                mode: RemediationMode::Propose,
            },
            Authority::Team,
        ),
        (Blocker::ReservedNamespace, Authority::Admins),
        (Blocker::NoPolicy, Authority::Admins),
        (
            Blocker::PolicyMode {
                policy: policy(),
                max_mode: RemediationMode::Off,
            },
            Authority::Admins,
        ),
        (
            Blocker::FaultyPolicy {
                policy: policy(),
                selector: EmptySelector::Namespaces,
            },
            Authority::Admins,
        ),
        (Blocker::Paused { policy: policy() }, Authority::Admins),
        (
            Blocker::RateLimited {
                policy: policy(),
                limit: u32::MAX,
                until: Some(at(0)),
            },
            Authority::Admins,
        ),
        (
            Blocker::RateLimited {
                policy: policy(),
                limit: 0,
                until: None,
            },
            Authority::Admins,
        ),
        (
            Blocker::ToolOwned {
                tool: OwningTool::CloudFormation,
                policy: policy(),
            },
            Authority::Admins,
        ),
        (Blocker::SpentHash { change: change() }, Authority::Journal),
        (Blocker::InFlight { change: change() }, Authority::Journal),
        (
            Blocker::Latched {
                change: change(),
                since: at(0),
            },
            Authority::Journal,
        ),
        (
            Blocker::BreakerOpen {
                failures: usize::MAX,
                until: at(0),
            },
            Authority::Writer,
        ),
        (
            Blocker::RoleBackoff {
                change: change(),
                until: at(0),
            },
            Authority::Writer,
        ),
        (Blocker::Settling { until: at(0) }, Authority::Writer),
    ];
    for guard in [
        AdmissionGuard::PolicyMissing,
        AdmissionGuard::PolicyChanged,
        AdmissionGuard::BindingMissing,
        AdmissionGuard::BindingChanged,
        AdmissionGuard::Unreadable,
    ] {
        all.push((Blocker::Admission(guard), Authority::Admission));
    }
    for refusal in consents() {
        all.push((Blocker::Consent(refusal), Authority::RoleOwner));
    }
    all.extend(
        approvals()
            .into_iter()
            .map(|blocker| (blocker, Authority::Approver)),
    );
    all
}

fn approvals() -> Vec<Blocker> {
    let (uid, change) = (|| "uid-1".to_owned(), || long("c"));
    let mut all = Vec::new();
    for refusal in [
        ApprovalRefusal::Missing,
        ApprovalRefusal::OtherPlan { uid: uid() },
        ApprovalRefusal::Spent {
            uid: uid(),
            change: change(),
        },
        ApprovalRefusal::Expired {
            uid: uid(),
            since: at(0),
        },
        ApprovalRefusal::BadValidity { uid: uid() },
        ApprovalRefusal::FromTheFuture { uid: uid() },
        ApprovalRefusal::BadApprover { uid: uid() },
        ApprovalRefusal::OlderThanLastChange {
            uid: uid(),
            change: change(),
        },
    ] {
        for needed in [
            ApprovalNeeded::Mode,
            ApprovalNeeded::Rollback,
            ApprovalNeeded::Vanished { change: change() },
            ApprovalNeeded::Second { change: change() },
        ] {
            let refusal = refusal.clone();
            all.push(Blocker::Approval { refusal, needed });
        }
    }
    all
}

fn consents() -> Vec<ConsentRefusal> {
    let secret = || SECRET.to_owned();
    vec![
        ConsentRefusal::Absent {
            other_clusters: false,
        },
        ConsentRefusal::Absent { other_clusters: true },
        ConsentRefusal::KeyLooksAlike { key: secret() },
        ConsentRefusal::KeyMalformed { key: secret() },
        ConsentRefusal::KeyTwice,
        ConsentRefusal::ValueEmpty,
        ConsentRefusal::ValueTooLong,
        ConsentRefusal::ValueNotAscii,
        ConsentRefusal::ValueSpaces,
        ConsentRefusal::EntryMalformed { entry: secret() },
        ConsentRefusal::EntryTwice { entry: secret() },
        ConsentRefusal::NotListed,
        ConsentRefusal::Full,
        ConsentRefusal::NotAName,
    ]
}

fn refusals() -> Vec<(EditRefusal, Authority)> {
    vec![
        (EditRefusal::KeptByAws(Keeper::Service), Authority::Team),
        (EditRefusal::KeptByAws(Keeper::IdentityCenter), Authority::Team),
        (
            EditRefusal::OtherRole {
                live: SECRET.to_owned(),
            },
            Authority::Team,
        ),
        (
            EditRefusal::ExpectsAnother {
                expected: long("\u{202e}"),
            },
            Authority::Team,
        ),
        (EditRefusal::NotWhole(Vec::new()), Authority::RoleOwner),
        (EditRefusal::NotATrustPolicy, Authority::RoleOwner),
        (EditRefusal::OddIdentity, Authority::Team),
        (EditRefusal::SidTaken, Authority::RoleOwner),
        (EditRefusal::AlreadyAdmitted, Authority::RoleOwner),
        (EditRefusal::DependsOnConditions, Authority::RoleOwner),
        (EditRefusal::Denied, Authority::RoleOwner),
        (EditRefusal::MayBeDenied, Authority::RoleOwner),
        (
            EditRefusal::OverQuota {
                size: 31_415,
                quota: 27_182,
            },
            Authority::RoleOwner,
        ),
        (EditRefusal::NotOurs, Authority::RoleOwner),
        (EditRefusal::NotOnce(31_415), Authority::RoleOwner),
        (EditRefusal::OnlyStatement, Authority::RoleOwner),
        (EditRefusal::NothingToRemove, Authority::Journal),
        (
            EditRefusal::Unproven(ProofFailure::GainsOthers),
            Authority::Writer,
        ),
    ]
}

fn advised() -> Vec<(Advice, Authority)> {
    let long_pair = RemedySubject {
        namespace: "n".repeat(63),
        name: long("a"),
        ..subject()
    };
    let blockers = blockers();
    let of = |subject: &RemedySubject| -> Vec<(Advice, Authority)> {
        blockers
            .iter()
            .map(|(blocker, authority)| (blocker.advice(subject), *authority))
            .collect()
    };
    let refused = refusals()
        .into_iter()
        .map(|(refusal, authority)| (refusal.advice(), authority));
    of(&subject())
        .into_iter()
        .chain(of(&long_pair))
        .chain(refused)
        .collect()
}

#[test]
fn each_reason_has_the_authority_that_has_to_act() {
    for (advice, authority) in advised() {
        assert_eq!(advice.authority, authority, "{advice:?}");
    }
}

#[test]
fn the_names_of_blockers_are_all_listed_once_and_in_order() {
    let mut names: Vec<&str> = blockers().iter().map(|(blocker, _)| blocker.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, Blocker::NAMES);
    for (blocker, _) in blockers() {
        assert_eq!(blocker.advice(&subject()).reason, blocker.name());
    }
    for (refusal, _) in refusals() {
        assert_eq!(refusal.advice().reason, refusal.name());
    }
}

#[test]
fn an_advice_is_short_and_safe_to_show() {
    for (advice, _) in advised() {
        let both = format!("{}{}", advice.what, advice.how);
        assert!(both.len() <= 300, "{} bytes: {advice:?}", both.len());
        assert!(!advice.what.is_empty() && !advice.how.is_empty());
        assert!(!both.chars().any(audit_core::text::is_hidden), "{advice:?}");
    }
}

#[test]
fn nothing_that_only_a_reader_of_the_role_knows_is_told() {
    let consents = consents()
        .into_iter()
        .map(|refusal| Blocker::Consent(refusal).advice(&subject()));
    let refused = refusals().into_iter().map(|(refusal, _)| refusal.advice());
    for advice in consents.chain(refused) {
        for secret in ["s3cret", "31415", "27182"] {
            assert!(
                !advice.what.contains(secret) && !advice.how.contains(secret),
                "{advice:?}"
            );
        }
    }
}

#[test]
fn a_discreet_advice_is_the_same_whatever_the_role_has() {
    let told = |blocker: &Blocker| blocker.discreet_advice(&subject());
    let same = |blockers: Vec<Blocker>| {
        for blocker in &blockers {
            let advice = told(blocker);
            assert_eq!(advice, told(&blockers[0]));
            let Advice {
                authority, reason, ..
            } = blocker.advice(&subject());
            assert_eq!((advice.authority, advice.reason), (authority, reason));
        }
    };
    same(consents().into_iter().map(Blocker::Consent).collect());
    let tools = [OwningTool::Ack, OwningTool::Terraform].map(|tool| Blocker::ToolOwned {
        tool,
        policy: "apps".to_owned(),
    });
    same(tools.into());
    // The name of a record begins with the role's id.
    let changes = || ["aroaone-000001", "aroatwo-000002"].map(str::to_owned);
    same(changes().map(|change| Blocker::InFlight { change }).into());
    let latched = changes().map(|change| Blocker::Latched { change, since: at(0) });
    same(latched.into());
    same(changes().map(|change| Blocker::SpentHash { change }).into());
    same(
        changes()
            .map(|change| Blocker::RoleBackoff { change, until: at(0) })
            .into(),
    );
    let spent = changes().map(|change| Blocker::Approval {
        refusal: ApprovalRefusal::Spent {
            uid: "given".to_owned(),
            change,
        },
        needed: ApprovalNeeded::Mode,
    });
    same(spent.into());
    // What an editor of the namespace wrote is told; nothing that is read from the role.
    let told: std::collections::BTreeSet<&str> = refusals()
        .iter()
        .map(|(refusal, _)| refusal.discreet_advice().reason)
        .collect();
    assert_eq!(told, ["expects_another", "no_edit", "odd_identity"].into());
    let told = |blocker: &Blocker| blocker.discreet_advice(&subject());
    // What says nothing of the role is as it is.
    assert_eq!(told(&Blocker::NoPolicy), Blocker::NoPolicy.advice(&subject()));
    for (blocker, _) in blockers() {
        let Advice { what, how, .. } = told(&blocker);
        assert!(what.len() + how.len() <= 300, "{what} {how}");
    }
}

#[test]
fn a_command_has_the_whole_name_or_a_placeholder() {
    let how = |subject: &RemedySubject| Blocker::Consent(ConsentRefusal::NotListed).advice(subject).how;
    assert!(how(&subject()).ends_with("irsa-audit consent shop/cart"));
    for name in [long("a"), "cart;reboot".to_owned()] {
        let odd = RemedySubject { name, ..subject() };
        assert!(how(&odd).ends_with("irsa-audit consent NAMESPACE/NAME"));
    }
    let released = |change: &str| {
        let change = change.to_owned();
        Blocker::Latched { change, since: at(0) }.advice(&subject()).how
    };
    assert!(released("aroaexample-000001").ends_with("irsa-audit release aroaexample-000001"));
    assert!(released("x`reboot`").ends_with("irsa-audit release NAME"));
}

#[test]
fn a_rollback_is_approved_by_its_own_command() {
    let how = |needed| {
        let refusal = ApprovalRefusal::Missing;
        Blocker::Approval { refusal, needed }.advice(&subject()).how
    };
    assert!(how(ApprovalNeeded::Rollback).contains("irsa-audit rollback shop/cart"));
    assert!(how(ApprovalNeeded::Mode).contains("irsa-audit approve shop/cart"));
}
