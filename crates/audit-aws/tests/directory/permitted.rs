//! Whether AWS lets the caller make the calls of an audit.

use std::collections::BTreeSet;

use audit_aws::{Permitted, PieceKind, permitted};
use fake_aws::FakeAws;

use crate::support::{HOME, settings};

#[tokio::test]
async fn every_call_of_an_audit_is_tried_and_a_refusal_is_told() {
    let aws = FakeAws::start().await.unwrap();
    let found = permitted(settings(&aws).await).await.unwrap();
    let tried: BTreeSet<&str> = found.iter().map(|one| one.action).collect();
    let calls = PieceKind::ALL.iter().flat_map(|kind| kind.calls()).copied();
    let missing: Vec<&str> = calls.filter(|call| !tried.contains(call)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for one in &found {
        assert_eq!(
            (one.account.as_str(), &one.permitted),
            (HOME, &Permitted::Yes),
            "{}",
            one.action
        );
    }
    aws.deny(HOME, "iam:GetRole");
    aws.deny(HOME, "eks:DescribeCluster");
    let found = permitted(settings(&aws).await).await.unwrap();
    let denied = found.iter().filter(|one| one.permitted == Permitted::No);
    let denied: Vec<&str> = denied.map(|one| one.action).collect();
    assert_eq!(denied, ["iam:GetRole", "eks:DescribeCluster"]);
}
