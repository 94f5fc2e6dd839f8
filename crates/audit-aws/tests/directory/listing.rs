//! Whole accounts.

use audit_aws::{Failure, Listed, Reading, apply};
use audit_core::model::{FailureKind, RoleLookup};
use fake_aws::{FakeAws, Fault, Role};

use crate::support::{HOME, ISSUER, Running, trust};

async fn listed(running: &mut Running) -> Result<Listed, Failure> {
    match running.next().await {
        Reading::Listing {
            account,
            at,
            started_at,
            result,
        } => {
            assert_eq!(account, HOME);
            assert!(started_at <= at);
            result
        }
        other => panic!("{other:?}"),
    }
}

fn names(listed: &Listed) -> Vec<&str> {
    let mut names: Vec<&str> = listed.roles.iter().map(|role| role.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// 1500 roles: `wanted` and one that trusts the cluster among many of no interest.
fn seed(aws: &FakeAws) {
    let account = aws.account(HOME);
    for number in 0..1498 {
        account.role(Role::named(format!("other-{number}")));
    }
    let inline = r#"{"Version":"2012-10-17","Statement":[]}"#;
    account.role(
        Role::named("wanted")
            .path("/a/")
            .attached("arn:aws:iam::aws:policy/P")
            .inline("I", inline),
    );
    account.role(Role::named("trusting").trust(trust(HOME, "system:serviceaccount:ns:app")));
    account.provider(ISSUER, ["sts.amazonaws.com"]);
}

#[tokio::test]
async fn a_large_account_is_listed_whatever_its_pages() {
    for (page_size, short_pages, least_pages) in [(1000, false, 2), (100, false, 15), (300, true, 6)] {
        let aws = FakeAws::start().await.unwrap();
        seed(&aws);
        aws.page_size(page_size).short_pages(short_pages);
        let mut running = Running::at_home(&aws).await;
        running.listing(HOME, &["wanted", "gone"]);
        let listed = listed(&mut running).await.unwrap();
        assert_eq!(listed.total, 1500);
        assert_eq!(names(&listed), ["trusting", "wanted"]);
        assert_eq!(listed.absent.iter().collect::<Vec<_>>(), ["gone"]);
        for role in &listed.roles {
            let (subjects, attached, inline): (&[&str], &[&str], &[&str]) = match role.name.as_str() {
                "wanted" => (&[], &["arn:aws:iam::aws:policy/P"], &["I"]),
                _ => (&["system:serviceaccount:ns:app"], &[], &[]),
            };
            assert_eq!(role.subjects.iter().collect::<Vec<_>>(), subjects);
            assert_eq!(role.policies.attached, attached);
            assert_eq!(role.policies.inline, inline);
            assert!(role.role.as_ref().unwrap().trust().is_whole());
        }
        assert!(aws.count("GetAccountAuthorizationDetails") >= least_pages);
    }
}

#[tokio::test]
async fn only_roles_are_asked_for_and_as_many_as_a_page_holds() {
    let aws = FakeAws::start().await.unwrap();
    let mut running = Running::at_home(&aws).await;
    aws.reset_calls();
    running.listing(HOME, &[]);
    listed(&mut running).await.unwrap();
    let calls = aws.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].parameters["Filter.member.1"], "Role");
    assert_eq!(calls[0].parameters["MaxItems"], "1000");
}

#[tokio::test]
async fn a_listing_that_breaks_off_proves_nothing() {
    let on = || Fault::on("GetAccountAuthorizationDetails");
    let denied = FailureKind::AccessDenied {
        action: "iam:GetAccountAuthorizationDetails".into(),
    };
    for (fault, expected) in [
        (on().access_denied().after(0), denied),
        (on().throttle().after(1), FailureKind::Throttled),
        (on().garbage_body().after(0), FailureKind::Unavailable),
        (on().garbage_body().after(1), FailureKind::Unavailable),
        (
            on().error(503, "ServiceUnavailable", "later").after(2),
            FailureKind::Unavailable,
        ),
    ] {
        let aws = FakeAws::start().await.unwrap();
        for name in ["a", "b", "c", "d"] {
            aws.account(HOME).role(Role::named(name));
        }
        aws.page_size(1).fault(fault);
        let mut running = Running::at_home(&aws).await;
        running.listing(HOME, &["a", "gone"]);
        assert_eq!(listed(&mut running).await.unwrap_err().kind, expected);
        aws.clear_faults();
        running.listing(HOME, &["a", "gone"]);
        assert_eq!(
            names(&listed(&mut running).await.unwrap()),
            ["a"],
            "and the next one works"
        );
    }
}

#[tokio::test]
async fn a_trouble_that_passes_does_not_break_a_listing() {
    let aws = FakeAws::start().await.unwrap();
    seed(&aws);
    aws.page_size(500).fault(
        Fault::on("GetAccountAuthorizationDetails")
            .throttle()
            .after(1)
            .times(2),
    );
    let mut running = Running::at_home(&aws).await;
    running.listing(HOME, &["wanted"]);
    assert_eq!(
        names(&listed(&mut running).await.unwrap()),
        ["trusting", "wanted"]
    );
    // Three pages of roles, two of which were asked for again, and one of policies.
    assert_eq!(aws.count("GetAccountAuthorizationDetails"), 6);
}

#[tokio::test]
async fn a_listing_fills_an_account() {
    let aws = FakeAws::start().await.unwrap();
    seed(&aws);
    let mut running = Running::at_home(&aws).await;
    running.listing(HOME, &["wanted", "gone"]);
    let mut accounts = audit_core::snapshot::Accounts::default();
    apply(&mut accounts, running.next().await);
    let account = &accounts[HOME];
    assert_eq!(
        account.roles.keys().collect::<Vec<_>>(),
        ["gone", "trusting", "wanted"]
    );
    assert!(matches!(account.roles["gone"].latest(), Some(RoleLookup::Absent)));
    assert_eq!(
        account.trusted_subjects["system:serviceaccount:ns:app"],
        ["trusting"]
    );
    assert!(!account.listing_is_missing());
}
