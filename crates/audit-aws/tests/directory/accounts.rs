//! The ways into accounts.

use audit_aws::evidence::{Answered, Provider};
use audit_aws::{CallOutcome, DirectorySettings, PieceAnswer, Reading};
use audit_core::model::{FailureKind, RoleLookup};
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, OTHER, Running, access, settings};

/// A role in the other account that the home account may assume, with an external id.
const READER_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}}]}"#;
const READER: &str = "444455556666=arn:aws:iam::444455556666:role/reader,x-1";

async fn two_accounts() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(Role::named("app").path("/home/"));
    aws.account(OTHER)
        .role(Role::named("app").path("/other/"))
        .role(Role::named("reader").trust(READER_TRUST));
    aws
}

async fn with_accounts(aws: &FakeAws, accounts: &[&str]) -> Running {
    let accounts = accounts.iter().map(|text| access(text)).collect();
    let mut running = Running::start(DirectorySettings {
        accounts,
        ..settings(aws).await
    });
    running.find_home().await;
    running
}

/// The path of the role `app` in an account.
async fn path(running: &mut Running, account: &str) -> Result<String, FailureKind> {
    running.role(account, "app");
    let reading = running.next().await;
    let Reading::Piece {
        account: id,
        answer: PieceAnswer::Role(Answered { result, .. }),
    } = reading
    else {
        panic!("{reading:?}")
    };
    assert_eq!(id, account);
    match result {
        Ok(RoleLookup::Found(role)) => {
            let reading = running.next().await;
            assert!(
                matches!(
                    reading,
                    Reading::Piece {
                        answer: PieceAnswer::Policies(Answered { result: Ok(_), .. }),
                        ..
                    }
                ),
                "{reading:?}"
            );
            Ok(role.arn.path().to_owned())
        }
        Ok(RoleLookup::Absent) => panic!("the role is there"),
        Err(failure) => Err(failure.kind),
    }
}

#[tokio::test]
async fn each_account_is_read_by_its_own_way_in() {
    let aws = two_accounts().await;
    let mut running = with_accounts(&aws, &[READER]).await;
    assert_eq!(path(&mut running, HOME).await.unwrap(), "/home/");
    assert_eq!(aws.count("AssumeRole"), 0, "no session before it is needed");
    for _ in 0..3 {
        assert_eq!(path(&mut running, OTHER).await.unwrap(), "/other/");
    }
    assert_eq!(aws.count("AssumeRole"), 1, "the session is kept");
    assert_eq!(running.attempts.of(OTHER, "AssumeRole"), [CallOutcome::Ok]);
    assert_eq!(running.attempts.of(OTHER, "GetRole"), [CallOutcome::Ok; 3]);
}

#[tokio::test]
async fn many_requests_at_once_share_a_session() {
    let aws = two_accounts().await;
    for number in 0..20 {
        aws.account(OTHER).role(Role::named(format!("app-{number}")));
    }
    let mut running = with_accounts(&aws, &[READER]).await;
    for number in 0..20 {
        running.role(OTHER, &format!("app-{number}"));
    }
    for _ in 0..40 {
        running.next().await;
    }
    assert_eq!(aws.count("AssumeRole"), 1);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_names_the_action() {
    let denied = || {
        Err(FailureKind::AccessDenied {
            action: "sts:AssumeRole".into(),
        })
    };
    for way in [
        "444455556666=arn:aws:iam::444455556666:role/reader,wrong",
        "444455556666=arn:aws:iam::444455556666:role/reader",
        "444455556666=arn:aws:iam::444455556666:role/none,x-1",
    ] {
        let aws = two_accounts().await;
        let mut running = with_accounts(&aws, &[way]).await;
        assert_eq!(path(&mut running, OTHER).await, denied(), "{way}");
        assert_eq!(
            running.attempts.of(OTHER, "AssumeRole"),
            [CallOutcome::AccessDenied]
        );
        assert_eq!(
            path(&mut running, HOME).await.unwrap(),
            "/home/",
            "the other account is no worse for it"
        );
    }
}

#[tokio::test]
async fn an_sts_in_trouble_is_no_lack_of_rights() {
    for (fault, kind) in [
        (Fault::on("AssumeRole").throttle(), FailureKind::Throttled),
        (
            Fault::on("AssumeRole").error(403, "RegionDisabledException", "no"),
            FailureKind::Unavailable,
        ),
        (Fault::on("AssumeRole").garbage_body(), FailureKind::Unavailable),
        (
            Fault::on("AssumeRole").drop_connection(),
            FailureKind::Unavailable,
        ),
    ] {
        let aws = two_accounts().await;
        aws.fault(fault);
        let mut running = with_accounts(&aws, &[READER]).await;
        assert_eq!(path(&mut running, OTHER).await, Err(kind));
        aws.clear_faults();
        assert_eq!(path(&mut running, OTHER).await.unwrap(), "/other/");
    }
}

#[tokio::test]
async fn an_account_without_way_in_is_told_and_not_called() {
    for accounts in [&[][..], &[OTHER]] {
        let aws = two_accounts().await;
        let mut running = with_accounts(&aws, accounts).await;
        aws.reset_calls();
        running.role(OTHER, "app");
        running.ask(OTHER, Provider { arn: "arn".into() });
        for _ in 0..2 {
            let reading = running.next().await;
            assert!(
                matches!(&reading, Reading::NotConfigured { account } if account == OTHER),
                "{reading:?}"
            );
        }
        assert!(aws.calls().is_empty());
    }
}

#[tokio::test]
async fn the_own_account_may_be_named_with_or_without_a_role() {
    let aws = two_accounts().await;
    let own_trust = READER_TRUST.replace("x-1", "x-2");
    aws.account(HOME).role(Role::named("reader").trust(own_trust));
    for (way, sessions) in [
        (HOME, 0),
        ("111122223333=arn:aws:iam::111122223333:role/reader,x-2", 1),
    ] {
        aws.reset_calls();
        let mut running = with_accounts(&aws, &[way]).await;
        assert_eq!(path(&mut running, HOME).await.unwrap(), "/home/");
        assert_eq!(aws.count("AssumeRole"), sessions, "{way}");
    }
}
