//! The writer's calls: one role, read and written, and what each answer proves.

use std::time::Duration;

use audit_aws::RoleEditor;
use audit_core::model::FailureKind;
use audit_remedy::{RoleTag, WriteAnswer, WriteOrder};
use fake_aws::{FakeAws, Fault, Role};
use jiff::{SignedDuration, Timestamp};

use crate::support::{HOME, OTHER, access, config};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;

async fn fake() -> FakeAws {
    let fake = FakeAws::start().await.unwrap();
    let role = Role::named("app")
        .path("/team/")
        .trust(DOCUMENT)
        .tag("Team", "a b");
    fake.account(HOME).role(role).trust_quota(4096);
    fake
}

/// An editor for an account, with the credentials of the home account.
async fn editor(fake: &FakeAws, account: &str) -> RoleEditor {
    let (key, secret) = fake.credentials(HOME);
    let config = config(fake.endpoint(), key, secret).await;
    RoleEditor::new(&config, &access(account), Duration::from_secs(2)).await
}

fn order(not_after: Timestamp) -> WriteOrder {
    WriteOrder {
        role_name: "app".to_owned(),
        document: DOCUMENT.replace("root", "user/jane"),
        not_after,
        timeout: SignedDuration::from_secs(1),
        record: "aroa1-000001".to_owned(),
    }
}

fn soon() -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(1)
}

#[tokio::test]
async fn a_role_is_read_with_its_path_its_tags_and_its_accounts_quota() {
    let fake = fake().await;
    let editor = editor(&fake, HOME).await;
    let role = editor.read("app").await.unwrap().unwrap();
    assert_eq!(role.arn.to_string(), format!("arn:aws:iam::{HOME}:role/team/app"));
    assert_eq!(role.trust_text, DOCUMENT);
    assert_eq!(role.tags, [RoleTag::new("Team", "a b")]);
    assert_eq!(role.quota, 4096);
    assert!(!role.id.is_empty());
    assert_eq!(editor.read("none").await.unwrap(), None);
    // The quota is read once.
    editor.read("app").await.unwrap();
    assert_eq!(fake.count("GetAccountSummary"), 1);
}

#[tokio::test]
async fn a_role_of_an_account_to_which_the_credentials_do_not_lead_is_not_read() {
    let fake = fake().await;
    // The configuration says another account than the credentials are of. There, the second role does not exist.
    let editor = editor(&fake, OTHER).await;
    for role in ["app", "none"] {
        let failure = editor.read(role).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable, "{role}");
    }
    assert_eq!(editor.caller_account().await.unwrap(), HOME);
}

#[tokio::test]
async fn a_read_that_fails_is_not_a_role_that_is_gone() {
    let fake = fake().await;
    let editor = editor(&fake, HOME).await;
    fake.fault(Fault::on("GetRole").throttle());
    assert!(editor.read("app").await.is_err());
    assert_eq!(fake.count("GetRole"), 1, "the core says when to read again");
    fake.clear_faults();
    fake.fault(Fault::on("GetRole").access_denied());
    assert!(editor.read("app").await.is_err());
}

#[tokio::test]
async fn a_write_replaces_the_document_once() {
    let fake = fake().await;
    let editor = editor(&fake, HOME).await;
    assert_eq!(editor.write(&order(soon())).await, WriteAnswer::Accepted);
    assert_eq!(
        fake.account(HOME).trust_document("app"),
        Some(order(soon()).document)
    );
    assert_eq!(fake.count("UpdateAssumeRolePolicy"), 1);
}

#[tokio::test]
async fn a_write_that_is_too_late_is_not_sent() {
    let fake = fake().await;
    let editor = editor(&fake, HOME).await;
    let past = Timestamp::now() - SignedDuration::from_millis(1);
    assert_eq!(editor.write(&order(past)).await, WriteAnswer::TooLate);
    assert_eq!(fake.count("UpdateAssumeRolePolicy"), 0);
}

#[tokio::test]
async fn only_an_answer_that_says_that_nothing_was_done_is_a_refusal() {
    let on = || Fault::on("UpdateAssumeRolePolicy");
    let refused = |code: &str| WriteAnswer::Refused {
        code: code.to_owned(),
    };
    for (fault, answer) in [
        (on().access_denied(), refused("AccessDenied")),
        (on().throttle(), refused("Throttling")),
        (
            on().error(409, "LimitExceeded", "too large"),
            refused("LimitExceeded"),
        ),
        (
            on().error(400, "UnmodifiableEntity", "linked"),
            refused("UnmodifiableEntity"),
        ),
        // These say nothing about what was done.
        (on().error(500, "ServiceFailure", "internal"), WriteAnswer::Lost),
        (on().error(400, "SomethingNew", "?"), WriteAnswer::Lost),
        (on().hang(), WriteAnswer::Lost),
        (on().drop_connection(), WriteAnswer::Lost),
    ] {
        let fake = fake().await;
        let editor = editor(&fake, HOME).await;
        fake.fault(fault.clone());
        assert_eq!(editor.write(&order(soon())).await, answer, "{fault:?}");
        assert_eq!(fake.count("UpdateAssumeRolePolicy"), 1, "{fault:?}: sent twice");
    }
}
