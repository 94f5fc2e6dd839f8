//! Finding the own account.

use audit_aws::evidence::{Answered, Provider};
use audit_aws::{AskedFor, CallOutcome, DirectoryRequest, DirectorySettings, PieceAnswer, Reading};
use audit_core::model::{FailureKind, RoleLookup};
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, OTHER, Running, access, config, fast, settings};

#[tokio::test]
async fn nothing_is_called_but_who_am_i() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(OTHER).role(Role::named("reader"));
    let accounts = vec![access("444455556666=arn:aws:iam::444455556666:role/reader")];
    let mut running = Running::start(DirectorySettings {
        accounts,
        ..settings(&aws).await
    });
    running.find_home().await;
    drop(running.directory);
    assert!(running.readings.recv().await.is_none());
    let operations: Vec<String> = aws.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["GetCallerIdentity"]);
}

#[tokio::test]
async fn requests_wait_for_the_own_account_and_hear_of_its_failure_once() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(Role::named("app"));
    aws.fault(Fault::on("GetCallerIdentity").throttle().times(3));
    let mut running = Running::start(settings(&aws).await);
    running.role(HOME, "app");
    running.role(HOME, "app");
    let (mut failed_homes, mut failed_roles) = (0, 0);
    loop {
        match running.next().await {
            Reading::HomeAccount { result: Ok(id), .. } => {
                assert_eq!(id, HOME);
                break;
            }
            Reading::HomeAccount {
                result: Err(failure), ..
            } => {
                assert_eq!(failure.kind, FailureKind::Throttled);
                failed_homes += 1;
            }
            Reading::Piece {
                answer:
                    PieceAnswer::Role(Answered {
                        result: Err(failure), ..
                    }),
                ..
            } => {
                assert_eq!(failure.kind, FailureKind::Throttled);
                failed_roles += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((failed_homes, failed_roles), (3, 1));
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
    assert_eq!(aws.count("GetRole"), 1);
    let outcomes = running.attempts.of("", "GetCallerIdentity");
    assert_eq!(
        outcomes,
        [
            CallOutcome::Throttled,
            CallOutcome::Throttled,
            CallOutcome::Throttled,
            CallOutcome::Ok
        ]
    );
}

#[tokio::test]
async fn without_credentials_every_kind_of_request_fails_with_the_reason() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::start(fast(
        config(aws.endpoint(), "AKIANOBODY".into(), "x".into()).await,
    ));
    let home = running.next().await;
    let Reading::HomeAccount {
        result: Err(failure), ..
    } = home
    else {
        panic!("{home:?}")
    };
    assert_eq!(failure.kind, FailureKind::Unavailable);
    let requests = [
        DirectoryRequest::piece(HOME, Provider { arn: "arn".into() }, AskedFor::default()),
        DirectoryRequest::EksIssuer {
            cluster_name: "c".into(),
        },
    ];
    for request in requests {
        running.directory.request(request);
    }
    running.role(HOME, "app");
    running.listing(HOME, &["app"]);
    let mut answered = Vec::new();
    while answered.len() < 4 {
        let (what, failed) = match running.next().await {
            Reading::HomeAccount { result, .. } => {
                assert!(result.is_err());
                continue;
            }
            Reading::Piece {
                answer: PieceAnswer::Provider(Answered { result, .. }),
                ..
            } => ("provider", result.err()),
            Reading::EksIssuer { result, .. } => ("issuer", result.err()),
            Reading::Piece {
                answer: PieceAnswer::Role(Answered { result, .. }),
                ..
            } => ("role", result.err()),
            Reading::Listing { result, .. } => ("listing", result.err()),
            other => panic!("{other:?}"),
        };
        assert_eq!(failed.unwrap().kind, FailureKind::Unavailable);
        answered.push(what);
    }
    answered.sort_unstable();
    assert_eq!(answered, ["issuer", "listing", "provider", "role"]);
}

#[tokio::test]
async fn accounts_with_a_role_do_not_wait_for_the_own_one() {
    let aws = FakeAws::start().await.unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
    aws.account(OTHER).role(Role::named("reader").trust(trust));
    aws.fault(Fault::on("GetCallerIdentity").hang());
    let accounts = vec![access("444455556666=arn:aws:iam::444455556666:role/reader")];
    let mut running = Running::start(DirectorySettings {
        accounts,
        ..settings(&aws).await
    });
    running.role(OTHER, "reader");
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
}
