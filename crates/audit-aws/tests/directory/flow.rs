//! Who waits for what.

use std::time::Duration;

use audit_aws::evidence::Answered;
use audit_aws::{DirectorySettings, PieceAnswer, Reading};
use audit_core::model::RoleLookup;
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, OTHER, Running, access, settings};

#[tokio::test]
async fn what_is_asked_a_hundred_times_is_read_once() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(Role::named("app"));
    let mut running = Running::at_home(&aws).await;
    aws.fault(Fault::on("GetRole").latency(Duration::from_millis(200)));
    for _ in 0..100 {
        running.role(HOME, "app");
    }
    assert!(matches!(
        running.next().await,
        Reading::Piece {
            answer: PieceAnswer::Role(Answered { .. }),
            ..
        }
    ));
    assert!(matches!(
        running.next().await,
        Reading::Piece {
            answer: PieceAnswer::Policies(Answered { .. }),
            ..
        }
    ));
    for operation in ["GetRole", "ListAttachedRolePolicies", "ListRolePolicies"] {
        assert_eq!(aws.count(operation), 1, "{operation}");
    }
    // A role that does not exist ends the series: nothing else was under way.
    running.role(HOME, "none");
    let reading = running.next().await;
    assert!(
        matches!(
            reading,
            Reading::Piece {
                answer: PieceAnswer::Role(Answered {
                    result: Ok(RoleLookup::Absent),
                    ..
                }),
                ..
            }
        ),
        "{reading:?}"
    );
    assert_eq!(aws.count("GetRole"), 2);
}

#[tokio::test]
async fn an_account_that_hangs_keeps_few_calls_and_delays_nobody_else() {
    let aws = FakeAws::start().await.unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
    aws.account(OTHER).role(Role::named("reader").trust(trust));
    let accounts = vec![access("444455556666=arn:aws:iam::444455556666:role/reader")];
    let mut running = Running::start(DirectorySettings {
        accounts,
        concurrency: 2,
        ..settings(&aws).await
    });
    running.find_home().await;
    aws.fault(Fault::on("GetRole").account(HOME).hang());
    for number in 0..10 {
        running.role(HOME, &format!("app-{number}"));
    }
    aws.wait_for_calls("GetRole", 2).await;
    for _ in 0..3 {
        running.role(OTHER, "reader");
        let reading = running.next().await;
        assert!(
            matches!(reading, Reading::Piece { ref account, answer: PieceAnswer::Role(Answered { .. }) } if account == OTHER),
            "{reading:?}"
        );
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
    let hanging = aws
        .calls()
        .iter()
        .filter(|call| call.operation == "GetRole" && call.account == HOME)
        .count();
    assert_eq!(hanging, 2);
}

#[tokio::test]
async fn readings_that_nobody_takes_are_not_lost() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    let names: Vec<String> = (0..400).map(|number| format!("none-{number}")).collect();
    for name in &names {
        running.role(HOME, name);
    }
    aws.wait_for_calls("GetRole", 250).await;
    let mut read = Vec::new();
    for _ in &names {
        match running.next().await {
            Reading::Piece {
                answer:
                    PieceAnswer::Role(Answered {
                        asked,
                        result: Ok(RoleLookup::Absent),
                        ..
                    }),
                ..
            } => read.push(asked.name),
            other => panic!("{other:?}"),
        }
    }
    read.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(read, names);
}

#[tokio::test]
async fn a_directory_ends_with_its_last_handle() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    let second = running.directory.clone();
    drop(running.directory);
    let (name, with_documents) = ("none".into(), false);
    let none = audit_aws::evidence::Role { name, with_documents };
    second.request(audit_aws::DirectoryRequest::piece(
        HOME,
        none,
        audit_aws::AskedFor::default(),
    ));
    assert!(matches!(
        running.readings.recv().await,
        Some(Reading::Piece {
            answer: PieceAnswer::Role(Answered { .. }),
            ..
        })
    ));
    drop(second);
    assert!(running.readings.recv().await.is_none());
}
