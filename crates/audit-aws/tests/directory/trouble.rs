//! AWS that fails.

use std::time::Duration;

use audit_aws::evidence::Answered;
use audit_aws::{CallOutcome, Failure, PieceAnswer, Reading};
use audit_core::model::{FailureKind, RoleLookup};
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, Running, settings};

/// The result of reading a role: whether it is there.
async fn role(running: &mut Running) -> Result<bool, Failure> {
    running.role(HOME, "app");
    let result = match running.next().await {
        Reading::Piece {
            answer: PieceAnswer::Role(Answered { result, .. }),
            ..
        } => result,
        other => panic!("{other:?}"),
    };
    if matches!(result, Ok(RoleLookup::Found(_))) {
        let reading = running.next().await;
        assert!(
            matches!(
                reading,
                Reading::Piece {
                    answer: PieceAnswer::Policies(Answered { .. }),
                    ..
                }
            ),
            "{reading:?}"
        );
    }
    result.map(|lookup| matches!(lookup, RoleLookup::Found(_)))
}

async fn fake() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(Role::named("app"));
    aws
}

#[tokio::test]
async fn a_trouble_that_passes_is_seen_by_the_metrics_alone() {
    for (fault, outcome) in [
        (Fault::on("GetRole").throttle(), CallOutcome::Throttled),
        (
            Fault::on("GetRole").error(500, "ServiceFailure", "sorry"),
            CallOutcome::Error,
        ),
        (Fault::on("GetRole").drop_connection(), CallOutcome::Error),
        (Fault::on("GetRole").garbage_body(), CallOutcome::Error),
    ] {
        let aws = fake().await;
        let mut running = Running::at_home(&aws).await;
        aws.fault(fault.times(2));
        assert_eq!(role(&mut running).await, Ok(true), "{outcome:?}");
        assert_eq!(
            running.attempts.of(HOME, "GetRole"),
            [outcome, outcome, CallOutcome::Ok]
        );
        assert_eq!(aws.count("GetRole"), 3);
    }
}

#[tokio::test]
async fn a_trouble_that_stays_is_a_failure_of_its_kind_and_ends_with_it() {
    let denied = FailureKind::AccessDenied {
        action: "iam:GetRole".into(),
    };
    for (fault, kind, attempts) in [
        (Fault::on("GetRole").throttle(), FailureKind::Throttled, 3),
        (Fault::on("GetRole").access_denied(), denied, 1),
        (
            Fault::on("GetRole").error(500, "ServiceFailure", "sorry"),
            FailureKind::Unavailable,
            3,
        ),
        (Fault::on("GetRole").expired_token(), FailureKind::Unavailable, 1),
        (
            Fault::on("GetRole").drop_connection(),
            FailureKind::Unavailable,
            3,
        ),
        (Fault::on("GetRole").garbage_body(), FailureKind::Unavailable, 3),
    ] {
        let aws = fake().await;
        let mut running = Running::at_home(&aws).await;
        aws.fault(fault);
        let failure = role(&mut running).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(!failure.message.is_empty());
        assert_eq!(aws.count("GetRole"), attempts, "{failure:?}");
        aws.clear_faults();
        assert_eq!(role(&mut running).await, Ok(true));
    }
}

#[tokio::test]
async fn no_answer_in_time_is_a_failure() {
    let aws = fake().await;
    let settings = settings(&aws).await;
    let mut running = Running::start(audit_aws::DirectorySettings {
        call_timeout: Duration::from_millis(200),
        ..settings
    });
    running.find_home().await;
    aws.fault(Fault::on("GetRole").hang());
    assert_eq!(
        role(&mut running).await.unwrap_err().kind,
        FailureKind::Unavailable
    );
    assert_eq!(running.attempts.of(HOME, "GetRole"), [CallOutcome::Timeout; 3]);
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_a_failure() {
    let aws = fake().await;
    let mut running = Running::at_home(&aws).await;
    aws.stop().await.unwrap();
    assert_eq!(
        role(&mut running).await.unwrap_err().kind,
        FailureKind::Unavailable
    );
    assert_eq!(running.attempts.of(HOME, "GetRole"), [CallOutcome::Error; 3]);
}

#[tokio::test]
async fn a_denied_list_of_policies_leaves_the_role_known() {
    for action in ["ListAttachedRolePolicies", "ListRolePolicies"] {
        let aws = fake().await;
        let mut running = Running::at_home(&aws).await;
        aws.deny(HOME, &format!("iam:{action}"));
        running.role(HOME, "app");
        let reading = running.next().await;
        assert!(
            matches!(
                reading,
                Reading::Piece {
                    answer: PieceAnswer::Role(Answered {
                        result: Ok(RoleLookup::Found(_)),
                        ..
                    }),
                    ..
                }
            ),
            "{reading:?}"
        );
        let reading = running.next().await;
        let Reading::Piece {
            answer: PieceAnswer::Policies(Answered {
                result: Err(failure), ..
            }),
            ..
        } = reading
        else {
            panic!("{reading:?}")
        };
        assert_eq!(
            failure.kind,
            FailureKind::AccessDenied {
                action: format!("iam:{action}")
            }
        );
    }
}
