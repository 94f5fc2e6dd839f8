//! moto answers the AWS CLI that comes with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::process::{Command, Output};

use serde_json::Value;
use test_kit::Moto;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn aws(moto: &Moto, arguments: &[&str]) -> Output {
    Command::new(moto.aws_cli())
        .args(arguments)
        .envs(moto.aws_environment())
        .output()
        .unwrap()
}

#[tokio::test]
async fn printed_commands_can_be_run() {
    let moto = Moto::start().await.unwrap();
    let create = [
        "iam",
        "create-role",
        "--role-name",
        "app",
        "--assume-role-policy-document",
        TRUST,
    ];
    let output = aws(&moto, &create);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = aws(
        &moto,
        &["iam", "get-role", "--role-name", "app", "--output", "json"],
    );
    let role: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(role["Role"]["Arn"], "arn:aws:iam::123456789012:role/app");
}

#[tokio::test]
async fn each_is_empty_and_apart() {
    let (first, second) = tokio::join!(tokio::spawn(Moto::start()), Moto::start());
    let (first, second) = (first.unwrap().unwrap(), second.unwrap());
    assert_ne!(first.endpoint(), second.endpoint());
    assert_ne!(first.process().pid(), second.process().pid());
    let create = [
        "iam",
        "create-role",
        "--role-name",
        "app",
        "--assume-role-policy-document",
        TRUST,
    ];
    assert!(aws(&first, &create).status.success());
    assert!(
        !aws(&second, &["iam", "get-role", "--role-name", "app"])
            .status
            .success()
    );
}
