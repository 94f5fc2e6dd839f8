//! What stands in policies.

use audit_aws::evidence::Answered;
use audit_aws::{PieceAnswer, Reading, apply};
use audit_core::model::{Account, FailureKind, Observed, RoleLookup};
use audit_core::snapshot::Accounts;
use fake_aws::{FakeAws, Role};

use crate::support::{HOME, Running, trust};

const SHARED: &str = "arn:aws:iam::111122223333:policy/shared";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/boundary";
/// A policy that nobody seeded, so that no listing has it.
const NOWHERE: &str = "arn:aws:iam::aws:policy/Nowhere";

fn document(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
    )
}

/// Two roles that share a policy, and one of no interest that trusts the cluster.
fn seed(aws: &FakeAws) {
    let account = aws.account(HOME);
    let app = |name: &str| {
        Role::named(name)
            .attached(SHARED)
            .boundary(BOUNDARY)
            .inline("own", document("s3:GetObject"))
    };
    account.role(app("a")).role(app("b"));
    account.role(
        Role::named("other")
            .trust(trust(HOME, "system:serviceaccount:ns:app"))
            .attached("arn:aws:iam::111122223333:policy/foreign")
            .inline("own", document("s3:GetObject")),
    );
    account.managed_policy("shared", &document("sqs:*"));
    account.managed_policy("boundary", &document("*"));
    account.managed_policy("foreign", &document("ec2:*"));
}

/// Takes in so many readings.
async fn take(running: &mut Running, accounts: &mut Accounts, count: usize) {
    for _ in 0..count {
        apply(accounts, running.next().await);
    }
}

fn text<T: AsRef<str>>(seen: Option<&Observed<T>>) -> Option<&str> {
    seen.and_then(Observed::latest).map(AsRef::as_ref)
}

/// That all documents of `a` and `b` are there, and no others.
fn assert_documents(account: &Account) {
    assert_eq!(account.inline.keys().collect::<Vec<_>>(), ["a", "b"]);
    for documents in account.inline.values() {
        assert_eq!(
            &**documents.latest().unwrap().get("own").unwrap(),
            document("s3:GetObject")
        );
    }
    assert_eq!(account.managed.keys().collect::<Vec<_>>(), [BOUNDARY, SHARED]);
    assert_eq!(
        text(account.managed.get(SHARED)),
        Some(document("sqs:*").as_str())
    );
    assert_eq!(text(account.managed.get(BOUNDARY)), Some(document("*").as_str()));
    for name in ["a", "b"] {
        let Some(RoleLookup::Found(role)) = account.roles[name].latest() else {
            panic!("{name}")
        };
        assert_eq!(role.boundary.as_deref(), Some(BOUNDARY));
    }
}

#[tokio::test]
async fn a_listing_brings_the_documents_of_wanted_roles_and_no_others() {
    for page_size in [1000, 1] {
        let aws = FakeAws::start().await.unwrap();
        seed(&aws);
        aws.page_size(page_size);
        let mut running = Running::at_home(&aws).await;
        running.listing(HOME, &["a", "b"]);
        let mut accounts = Accounts::default();
        take(&mut running, &mut accounts, 1).await;
        assert_documents(&accounts[HOME]);
        for operation in ["GetRolePolicy", "GetPolicy", "GetPolicyVersion"] {
            assert_eq!(aws.count(operation), 0, "{operation}");
        }
    }
}

#[tokio::test]
async fn a_role_that_nobody_wants_any_more_takes_its_documents_along() {
    let aws = FakeAws::start().await.unwrap();
    seed(&aws);
    let mut running = Running::at_home(&aws).await;
    let mut accounts = Accounts::default();
    running.listing(HOME, &["a", "b", "other"]);
    take(&mut running, &mut accounts, 1).await;
    assert_eq!(accounts[HOME].managed.len(), 3);
    running.listing(HOME, &["a", "b"]);
    take(&mut running, &mut accounts, 1).await;
    assert_documents(&accounts[HOME]);
}

#[tokio::test]
async fn what_a_listing_does_not_show_is_read_by_itself() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME).role(Role::named("a").attached(NOWHERE));
    let mut running = Running::at_home(&aws).await;
    running.listing(HOME, &["a"]);
    let mut accounts = Accounts::default();
    take(&mut running, &mut accounts, 2).await;
    let failure = accounts[HOME].managed[NOWHERE].failure.as_ref();
    assert_eq!(failure.unwrap().kind, FailureKind::Unavailable);
    assert_eq!(aws.count("GetPolicy"), 1);
}

#[tokio::test]
async fn single_reads_bring_the_same_and_shared_policies_once() {
    let aws = FakeAws::start().await.unwrap();
    seed(&aws);
    let mut running = Running::at_home(&aws).await;
    for name in ["a", "b"] {
        running.permissions(HOME, name);
    }
    let mut accounts = Accounts::default();
    take(&mut running, &mut accounts, 8).await;
    assert_documents(&accounts[HOME]);
    assert_eq!((aws.count("GetRolePolicy"), aws.count("GetRole")), (2, 2));
}

#[tokio::test]
async fn a_document_that_may_not_be_read_is_a_failure_of_it_alone() {
    let aws = FakeAws::start().await.unwrap();
    seed(&aws);
    aws.deny(HOME, "iam:GetPolicyVersion")
        .deny(HOME, "iam:GetRolePolicy");
    let mut running = Running::at_home(&aws).await;
    running.permissions(HOME, "a");
    let mut accounts = Accounts::default();
    take(&mut running, &mut accounts, 5).await;
    let account = &accounts[HOME];
    let denied = |action: &str| FailureKind::AccessDenied {
        action: action.into(),
    };
    let kind = |failure: &Option<audit_core::model::ReadFailure>| failure.as_ref().unwrap().kind.clone();
    assert_eq!(kind(&account.inline["a"].failure), denied("iam:GetRolePolicy"));
    assert_eq!(
        kind(&account.managed[SHARED].failure),
        denied("iam:GetPolicyVersion")
    );
    assert!(account.policies["a"].latest().is_some() && account.roles["a"].latest().is_some());
}

#[tokio::test]
async fn a_policy_that_is_detached_meanwhile_is_no_failure() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(HOME)
        .role(Role::named("a").inline("own", document("s3:*")));
    aws.fault(fake_aws::Fault::on("GetRolePolicy").error(
        404,
        "NoSuchEntity",
        "The role policy cannot be found.",
    ));
    let mut running = Running::at_home(&aws).await;
    running.permissions(HOME, "a");
    running.next().await;
    running.next().await;
    let reading = running.next().await;
    let Reading::Piece {
        answer: PieceAnswer::Inline(Answered {
            result: Ok(documents),
            ..
        }),
        ..
    } = &reading
    else {
        panic!("{reading:?}")
    };
    assert!(documents.is_empty());
}
