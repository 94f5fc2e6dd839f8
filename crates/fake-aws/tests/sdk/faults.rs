//! Faults, and what the SDK makes of them.

use crate::clients::{ACCOUNT, OTHER, code, eks, iam, message, retrying_iam, status_and_code, sts};
use aws_sdk_iam::error::SdkError;
use fake_aws::{FakeAws, Fault, Outcome, Role};
use std::time::Duration;

async fn with_role() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app"));
    aws
}

fn outcomes(aws: &FakeAws) -> Vec<Outcome> {
    aws.calls().into_iter().map(|call| call.outcome).collect()
}

#[tokio::test]
async fn the_sdk_retries_what_is_throttled_and_every_attempt_is_logged() {
    let aws = with_role().await;
    aws.fault(Fault::on("GetRole").throttle().times(2));
    let iam = retrying_iam(&aws, ACCOUNT, 3).await;
    iam.get_role().role_name("app").send().await.unwrap();
    let throttled = Outcome::Error {
        status: 400,
        code: "Throttling".to_owned(),
    };
    assert_eq!(outcomes(&aws), [throttled.clone(), throttled, Outcome::Success]);
}

#[tokio::test]
async fn throttling_for_always_ends_in_its_own_error() {
    let aws = with_role().await;
    aws.fault(Fault::on_any().throttle());
    let iam = retrying_iam(&aws, ACCOUNT, 4).await;
    let result = iam.get_role().role_name("app").send().await;
    assert_eq!(message(result), "Rate exceeded");
    assert_eq!(aws.count("GetRole"), 4);
    aws.clear_faults();
    iam.get_role().role_name("app").send().await.unwrap();
}

#[tokio::test]
async fn services_spell_their_errors_differently() {
    let aws = with_role().await;
    aws.fault(Fault::on_any().throttle());
    assert_eq!(
        status_and_code(sts(&aws, ACCOUNT).await.get_caller_identity().send().await),
        (400, "Throttling".to_owned())
    );
    let eks = eks(&aws, ACCOUNT).await;
    assert_eq!(code(eks.list_clusters().send().await), "ThrottlingException");
    aws.clear_faults()
        .fault(Fault::on("ListClusters").expired_token());
    assert_eq!(
        status_and_code(eks.list_clusters().send().await),
        (403, "ExpiredTokenException".to_owned())
    );
}

#[tokio::test]
async fn a_fault_keeps_to_its_account_and_parameter() {
    let aws = with_role().await;
    aws.account(ACCOUNT).role(Role::named("other"));
    aws.account(OTHER).role(Role::named("app"));
    aws.fault(
        Fault::on("GetRole")
            .account(ACCOUNT)
            .parameter("RoleName", "app")
            .access_denied(),
    );
    let (here, there) = (iam(&aws, ACCOUNT).await, iam(&aws, OTHER).await);
    assert_eq!(
        status_and_code(here.get_role().role_name("app").send().await),
        (403, "AccessDenied".to_owned())
    );
    here.get_role().role_name("other").send().await.unwrap();
    there.get_role().role_name("app").send().await.unwrap();
}

#[tokio::test]
async fn a_fault_can_wait_for_a_later_page() {
    let aws = with_role().await;
    aws.account(ACCOUNT).role(Role::named("b")).role(Role::named("c"));
    aws.page_size(1).fault(Fault::on("ListRoles").throttle().after(1));
    let mut pages = iam(&aws, ACCOUNT).await.list_roles().into_paginator().send();
    assert!(pages.next().await.unwrap().is_ok());
    assert_eq!(code(pages.next().await.unwrap()), "Throttling");
}

#[tokio::test]
async fn any_error_can_be_told() {
    let aws = with_role().await;
    aws.fault(
        Fault::on("GetRole")
            .error(503, "ServiceUnavailable", "<down> & \u{1b}out")
            .times(1),
    );
    let iam = iam(&aws, ACCOUNT).await;
    let result = iam.get_role().role_name("app").send().await;
    assert_eq!(message(result), "<down> & \u{fffd}out");
    assert_eq!(
        outcomes(&aws),
        [Outcome::Error {
            status: 503,
            code: "ServiceUnavailable".to_owned()
        }]
    );
}

#[tokio::test]
async fn a_dropped_connection_is_no_answer_and_the_next_call_works() {
    let aws = with_role().await;
    aws.fault(Fault::on("GetRole").drop_connection().times(1));
    let iam = iam(&aws, ACCOUNT).await;
    let error = iam.get_role().role_name("app").send().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    iam.get_role().role_name("app").send().await.unwrap();
    assert_eq!(outcomes(&aws), [Outcome::Dropped, Outcome::Success]);
}

#[tokio::test]
async fn a_garbage_body_is_an_answer_nobody_reads() {
    let aws = with_role().await;
    aws.fault(Fault::on_any().garbage_body());
    let error = iam(&aws, ACCOUNT)
        .await
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap_err();
    assert!(
        error
            .as_service_error()
            .is_none_or(|error| error.meta().code().is_none()),
        "{error:?}"
    );
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
    let error = eks(&aws, ACCOUNT).await.list_clusters().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
    assert_eq!(outcomes(&aws), [Outcome::Garbage, Outcome::Garbage]);
}

#[tokio::test]
async fn a_hanging_call_is_logged_and_holds_up_nobody_else() {
    let aws = with_role().await;
    aws.fault(Fault::on("GetRole").hang());
    let iam = iam(&aws, ACCOUNT).await;
    let hanging = {
        let iam = iam.clone();
        tokio::spawn(async move { iam.get_role().role_name("app").send().await })
    };
    aws.wait_for_calls("GetRole", 1).await;
    iam.list_roles().send().await.unwrap();
    assert_eq!(outcomes(&aws), [Outcome::Hung, Outcome::Success]);
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn a_slow_answer_shows_the_state_of_its_own_moment() {
    let aws = FakeAws::start().await.unwrap();
    aws.fault(Fault::on("GetRole").latency(Duration::from_secs(1)));
    let iam = iam(&aws, ACCOUNT).await;
    let call = tokio::spawn(async move { iam.get_role().role_name("app").send().await });
    aws.wait_for_calls("GetRole", 1).await;
    assert_eq!(outcomes(&aws), [Outcome::Pending]);
    aws.account(ACCOUNT).role(Role::named("app"));
    call.await.unwrap().unwrap();
    assert_eq!(outcomes(&aws), [Outcome::Success]);
}

#[tokio::test]
async fn stopping_ends_hanging_calls_and_frees_the_port() {
    let aws = with_role().await;
    aws.fault(Fault::on("GetRole").hang());
    let iam = iam(&aws, ACCOUNT).await;
    let address = aws.endpoint().strip_prefix("http://").unwrap().to_owned();
    let hanging = {
        let iam = iam.clone();
        tokio::spawn(async move { iam.get_role().role_name("app").send().await })
    };
    aws.wait_for_calls("GetRole", 1).await;
    aws.stop().await.unwrap();
    assert!(matches!(
        hanging.await.unwrap().unwrap_err(),
        SdkError::DispatchFailure(_)
    ));
    assert!(matches!(
        iam.list_roles().send().await.unwrap_err(),
        SdkError::DispatchFailure(_)
    ));
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}
