//! What the policy simulator says.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_aws::evidence::{Answered, Simulation};
use audit_aws::{Failure, PieceAnswer, Reading};
use audit_core::model::SimulatedDecision::{
    self, Allowed, DeniedByBoundary, DeniedByOrganization, DeniedExplicitly, DeniedImplicitly,
};
use audit_core::model::{ContextEntry, FailureKind, Inquiry, Simulated, SimulatedAnswer, ValueType};
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, Running};

const APP: &str = "arn:aws:iam::111122223333:role/team/app";
const OPERATION: &str = "SimulatePrincipalPolicy";
const A: &str = "arn:aws:s3:::carts/a";
const B: &str = "arn:aws:s3:::carts/b";

fn document(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
}

async fn seeded() -> FakeAws {
    let aws = FakeAws::start().await.unwrap();
    let allow = document(
        r#"{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":["arn:aws:s3:::carts/a","arn:aws:sqs:*"]}"#,
    );
    let deny = document(r#"{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}"#);
    let account = aws.account(HOME);
    account.managed_policy(
        "limit",
        &document(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#),
    );
    let app = Role::named("app")
        .path("/team/")
        .inline("allow", allow)
        .inline("deny", deny);
    account.role(app.boundary("arn:aws:iam::111122223333:policy/limit"));
    aws
}

fn inquiry(actions: &[&str], resources: &[&str]) -> Inquiry {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Inquiry {
        actions: owned(actions),
        resources: owned(resources),
        context: Vec::new(),
    }
}

type Answers = BTreeMap<Arc<Inquiry>, Vec<SimulatedAnswer>>;

async fn ask(aws: &FakeAws, inquiries: &[Inquiry]) -> Result<Answers, Failure> {
    let mut running = Running::at_home(aws).await;
    let asked = Simulation {
        role: "app".into(),
        role_arn: APP.into(),
        state: 7,
        inquiries: inquiries.iter().cloned().map(Arc::new).collect(),
    };
    running.ask(HOME, asked);
    let reading = running.next().await;
    let Reading::Piece {
        account,
        answer: PieceAnswer::Simulation(Answered { asked, result, .. }),
    } = reading
    else {
        panic!("{reading:?}")
    };
    assert_eq!(
        (account.as_str(), asked.role.as_str(), asked.state),
        (HOME, "app", 7)
    );
    let of = |(inquiry, simulated): (Arc<Inquiry>, Simulated)| (inquiry, simulated.answers);
    result.map(|simulation| simulation.answers.into_iter().map(of).collect())
}

fn decisions(answers: &Answers, inquiry: &Inquiry) -> Vec<(String, String, SimulatedDecision)> {
    let answers = answers[inquiry].iter().cloned();
    answers
        .map(|answer| (answer.action, answer.resource, answer.decision))
        .collect()
}

fn said(said: &[(&str, &str, SimulatedDecision)]) -> Vec<(String, String, SimulatedDecision)> {
    let owned = |(action, resource, decision): &(&str, &str, SimulatedDecision)| {
        ((*action).to_owned(), (*resource).to_owned(), *decision)
    };
    said.iter().map(owned).collect()
}

#[tokio::test]
async fn every_action_on_every_resource_is_answered_whatever_the_pages() {
    let aws = seeded().await;
    let queue = "arn:aws:sqs:eu-west-1:111122223333:orders";
    let objects = inquiry(&["s3:DeleteObject", "s3:GetObject"], &[A, B]);
    let (queues, none) = (
        inquiry(&["sqs:SendMessage"], &[queue]),
        inquiry(&["s3:ListAllMyBuckets"], &[]),
    );
    for (size, calls) in [(100, 3), (1, 4)] {
        aws.page_size(size).reset_calls();
        let answers = ask(&aws, &[objects.clone(), queues.clone(), none.clone()])
            .await
            .unwrap();
        let wanted = said(&[
            ("s3:DeleteObject", A, DeniedExplicitly),
            ("s3:DeleteObject", B, DeniedExplicitly),
            ("s3:GetObject", A, Allowed),
            ("s3:GetObject", B, DeniedImplicitly),
        ]);
        assert_eq!(decisions(&answers, &objects), wanted);
        assert_eq!(
            decisions(&answers, &queues),
            said(&[("sqs:SendMessage", queue, DeniedByBoundary)])
        );
        assert_eq!(
            decisions(&answers, &none),
            said(&[("s3:ListAllMyBuckets", "*", DeniedImplicitly)])
        );
        assert_eq!(aws.count(OPERATION), calls);
    }
}

#[tokio::test]
async fn an_organizations_refusal_is_told() {
    let aws = seeded().await;
    aws.account(HOME).scp_denies("s3:GetObject");
    let objects = inquiry(&["s3:GetObject", "s3:PutObject"], &[A]);
    let answers = ask(&aws, std::slice::from_ref(&objects)).await.unwrap();
    let wanted = said(&[
        ("s3:GetObject", A, DeniedByOrganization),
        ("s3:PutObject", A, Allowed),
    ]);
    assert_eq!(decisions(&answers, &objects), wanted);
}

#[tokio::test]
async fn keys_are_given_with_their_types_and_missing_ones_told() {
    let aws = seeded().await;
    let condition = r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#;
    let regional = format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{condition}}}"#);
    aws.account(HOME).role(
        Role::named("app")
            .path("/team/")
            .inline("regional", document(&regional)),
    );
    let without = inquiry(&["s3:GetObject"], &[A]);
    let entry = |key: &str, value: &str, value_type| ContextEntry {
        key: key.to_owned(),
        value: value.to_owned(),
        value_type,
    };
    let with = Inquiry {
        context: vec![
            entry("aws:RequestedRegion", "eu-west-1", ValueType::Text),
            entry("aws:SecureTransport", "true", ValueType::Boolean),
            entry("aws:SourceIp", "10.0.0.1", ValueType::Ip),
            entry("aws:CurrentTime", "2027-01-01T00:00:00Z", ValueType::Date),
        ],
        ..without.clone()
    };
    let answers = ask(&aws, &[without.clone(), with.clone()]).await.unwrap();
    assert_eq!(
        decisions(&answers, &without),
        said(&[("s3:GetObject", A, DeniedImplicitly)])
    );
    assert_eq!(answers[&without][0].missing_keys, ["aws:RequestedRegion"]);
    assert_eq!(decisions(&answers, &with), said(&[("s3:GetObject", A, Allowed)]));
    assert!(answers[&with][0].missing_keys.is_empty());
    let calls = aws.calls();
    let types: Vec<&str> = (1..=4)
        .filter_map(|n| {
            let name = format!("ContextEntries.member.{n}.ContextKeyType");
            calls
                .iter()
                .find_map(|call| call.parameters.get(&name))
                .map(String::as_str)
        })
        .collect();
    assert_eq!(types, ["string", "boolean", "ip", "date"]);
}

#[tokio::test]
async fn what_iam_does_not_take_has_no_answer_and_keeps_nothing_from_the_rest() {
    let aws = seeded().await;
    let (odd, fine) = (inquiry(&["s3:Get*"], &[A]), inquiry(&["s3:GetObject"], &[A]));
    let mut short = inquiry(&["s3:PutObject"], &[A]);
    short.context.push(ContextEntry {
        key: "a".into(),
        value: "b".into(),
        value_type: ValueType::Text,
    });
    let all = [odd.clone(), short.clone(), fine.clone()];
    let answers = ask(&aws, &all).await.unwrap();
    assert_eq!((answers[&odd].len(), answers[&short].len()), (0, 0));
    assert_eq!(decisions(&answers, &fine), said(&[("s3:GetObject", A, Allowed)]));
}

#[tokio::test]
async fn a_failure_is_told_at_once_and_nothing_is_attempted_twice() {
    let denied = FailureKind::AccessDenied {
        action: "iam:SimulatePrincipalPolicy".into(),
    };
    for (fault, kind) in [
        (Fault::on(OPERATION).access_denied(), denied),
        (Fault::on(OPERATION).error(500, "", ""), FailureKind::Unavailable),
        (Fault::on(OPERATION).garbage_body(), FailureKind::Unavailable),
        (Fault::on(OPERATION).throttle(), FailureKind::Throttled),
    ] {
        let aws = seeded().await;
        aws.fault(fault);
        let inquiries = [inquiry(&["s3:GetObject"], &[A]), inquiry(&["s3:PutObject"], &[A])];
        let failure = ask(&aws, &inquiries).await.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert_eq!(aws.count(OPERATION), 1, "{kind:?}");
    }
}
