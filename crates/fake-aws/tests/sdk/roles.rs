//! Roles: every operation, there and back.

use crate::clients::{ACCOUNT, PERMISSIONS, TRUST, code, decoded, iam, status_and_code};
use aws_sdk_iam::types::Tag;
use fake_aws::{FakeAws, Role};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_seeded_role_is_read_whole() {
    let aws = FakeAws::start().await.unwrap();
    let used = "2026-11-01T02:03:04.5Z".parse().unwrap();
    let role = Role::named("app")
        .path("/team/x/")
        .trust(TRUST)
        .description("a\tb\r\nc <&>")
        .tag("k", "v");
    aws.account(ACCOUNT).role(
        role.boundary("arn:aws:iam::aws:policy/B")
            .last_used(used, "eu-west-1"),
    );
    let role = iam(&aws, ACCOUNT)
        .await
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::111122223333:role/team/x/app");
    assert_eq!((role.path(), role.role_name()), ("/team/x/", "app"));
    assert!(role.role_id().starts_with("AROA"));
    assert_eq!(decoded(role.assume_role_policy_document().unwrap()), TRUST);
    assert_eq!(role.description(), Some("a\tb\r\nc <&>"));
    assert_eq!(role.max_session_duration(), Some(3600));
    assert_eq!(role.tags(), [tag("k", "v")]);
    let boundary = role.permissions_boundary().unwrap();
    assert_eq!(
        boundary.permissions_boundary_arn(),
        Some("arn:aws:iam::aws:policy/B")
    );
    let last = role.role_last_used().unwrap();
    assert_eq!(last.region(), Some("eu-west-1"));
    assert_eq!(last.last_used_date().unwrap().to_string(), "2026-11-01T02:03:04Z");
}

#[tokio::test]
async fn a_role_never_used_has_no_date() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app"));
    let role = iam(&aws, ACCOUNT)
        .await
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert!(role.role_last_used().unwrap().last_used_date().is_none());
    assert!(role.permissions_boundary().is_none());
}

#[tokio::test]
async fn roles_are_found_by_bare_name_alone() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app").path("/x/"));
    let iam = iam(&aws, ACCOUNT).await;
    assert!(iam.get_role().role_name("app").send().await.is_ok());
    assert_eq!(
        status_and_code(iam.get_role().role_name("x/app").send().await),
        (400, "ValidationError".to_owned())
    );
    assert_eq!(
        status_and_code(iam.get_role().role_name("other").send().await),
        (404, "NoSuchEntity".to_owned())
    );
}

#[tokio::test]
async fn a_missing_role_is_the_modelled_error() {
    let aws = FakeAws::start().await.unwrap();
    let error = iam(&aws, ACCOUNT)
        .await
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_no_such_entity_exception());
}

#[tokio::test]
async fn roles_are_created_listed_and_deleted() {
    let aws = FakeAws::start().await.unwrap();
    let iam = iam(&aws, ACCOUNT).await;
    let create = |name: &str| {
        iam.create_role()
            .role_name(name)
            .path("/p/")
            .assume_role_policy_document(TRUST)
            .tags(tag("k", "v"))
    };
    let created = create("app")
        .description("d")
        .max_session_duration(7200)
        .permissions_boundary("arn:aws:iam::aws:policy/B")
        .send()
        .await;
    let created = created.unwrap().role.unwrap();
    let read = iam
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert_eq!(created, read);
    assert_eq!(read.max_session_duration(), Some(7200));
    iam.delete_role_permissions_boundary()
        .role_name("app")
        .send()
        .await
        .unwrap();
    let unbounded = iam.get_role().role_name("app").send().await.unwrap();
    assert!(unbounded.role.unwrap().permissions_boundary().is_none());
    assert_eq!(
        status_and_code(create("APP").send().await),
        (409, "EntityAlreadyExists".to_owned())
    );

    let listed = iam.list_roles().send().await.unwrap();
    assert_eq!(
        listed
            .roles()
            .iter()
            .map(aws_sdk_iam::types::Role::arn)
            .collect::<Vec<_>>(),
        [read.arn()]
    );
    // Listings leave these out.
    assert!(listed.roles()[0].tags().is_empty() && listed.roles()[0].permissions_boundary().is_none());
    assert!(
        iam.list_roles()
            .path_prefix("/q/")
            .send()
            .await
            .unwrap()
            .roles()
            .is_empty()
    );

    iam.delete_role().role_name("app").send().await.unwrap();
    assert_eq!(code(iam.get_role().role_name("app").send().await), "NoSuchEntity");
    assert_eq!(
        code(iam.delete_role().role_name("app").send().await),
        "NoSuchEntity"
    );
    create("app").send().await.unwrap();
    let again = iam
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert_ne!(again.role_id(), read.role_id());
}

#[tokio::test]
async fn a_role_with_policies_is_not_deleted() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .role(Role::named("attached").attached("arn:aws:iam::aws:policy/P"))
        .role(Role::named("inline").inline("p", PERMISSIONS));
    let iam = iam(&aws, ACCOUNT).await;
    for name in ["attached", "inline"] {
        assert_eq!(
            status_and_code(iam.delete_role().role_name(name).send().await),
            (409, "DeleteConflict".to_owned())
        );
    }
}

#[tokio::test]
async fn the_trust_policy_is_replaced_to_the_letter() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app"));
    let iam = iam(&aws, ACCOUNT).await;
    let spaced = TRUST.replace(':', " : ");
    iam.update_assume_role_policy()
        .role_name("app")
        .policy_document(&spaced)
        .send()
        .await
        .unwrap();
    assert_eq!(aws.account(ACCOUNT).trust_document("app"), Some(spaced));
    assert_eq!(aws.account(ACCOUNT).trust_document("none"), None);
}

#[tokio::test]
async fn trust_policies_that_iam_refuses_are_refused() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .role(Role::named("app").trust(TRUST))
        .role(Role::named("AWSServiceRoleForX").path("/aws-service-role/x.amazonaws.com/"));
    let iam = iam(&aws, ACCOUNT).await;
    let update = |name: &str, document: &str| {
        iam.update_assume_role_policy()
            .role_name(name)
            .policy_document(document)
            .send()
    };
    let long = TRUST.replace("oidc.example", &"o".repeat(2048));
    // White space does not count towards the quota.
    let roomy = TRUST.replace(',', &format!(",{}", " ".repeat(2048)));
    assert_eq!(
        status_and_code(update("app", "{").await),
        (400, "MalformedPolicyDocument".to_owned())
    );
    assert_eq!(
        status_and_code(update("app", PERMISSIONS).await),
        (400, "MalformedPolicyDocument".to_owned())
    );
    assert_eq!(
        status_and_code(update("app", &long).await),
        (409, "LimitExceeded".to_owned())
    );
    assert_eq!(
        status_and_code(update("none", TRUST).await),
        (404, "NoSuchEntity".to_owned())
    );
    assert_eq!(
        status_and_code(update("AWSServiceRoleForX", TRUST).await),
        (400, "UnmodifiableEntity".to_owned())
    );
    assert_eq!(aws.account(ACCOUNT).trust_document("app").as_deref(), Some(TRUST));
    update("app", &roomy).await.unwrap();
}

#[tokio::test]
async fn tags_are_set_replaced_and_removed_without_regard_to_case() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app").tag("Team", "a"));
    let iam = iam(&aws, ACCOUNT).await;
    let tags = || async {
        let role = iam
            .get_role()
            .role_name("app")
            .send()
            .await
            .unwrap()
            .role
            .unwrap();
        let tags = role
            .tags()
            .iter()
            .map(|tag| format!("{}={}", tag.key(), tag.value()));
        tags.collect::<Vec<_>>()
    };
    iam.tag_role()
        .role_name("app")
        .tags(tag("team", "b"))
        .tags(tag("x/y.z", "ns/name other"))
        .send()
        .await
        .unwrap();
    assert_eq!(tags().await, ["team=b", "x/y.z=ns/name other"]);
    iam.untag_role()
        .role_name("app")
        .tag_keys("TEAM")
        .tag_keys("none")
        .send()
        .await
        .unwrap();
    assert_eq!(tags().await, ["x/y.z=ns/name other"]);
}

#[tokio::test]
async fn tags_that_iam_refuses_are_refused() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).role(Role::named("app"));
    let iam = iam(&aws, ACCOUNT).await;
    let set = |tags: Vec<Tag>| iam.tag_role().role_name("app").set_tags(Some(tags)).send();
    assert_eq!(code(set(vec![tag("a", "b,c")]).await), "ValidationError");
    assert_eq!(
        code(set(vec![tag(&"k".repeat(129), "")]).await),
        "ValidationError"
    );
    assert_eq!(
        code(set(vec![tag("a", &"v".repeat(257))]).await),
        "ValidationError"
    );
    assert_eq!(
        code(set(vec![tag("a", "1"), tag("A", "2")]).await),
        "InvalidInput"
    );
    let many = |range: std::ops::Range<u32>| range.map(|i| tag(&i.to_string(), "")).collect::<Vec<_>>();
    set(many(0..50)).await.unwrap();
    assert_eq!(code(set(many(49..51)).await), "LimitExceeded");
}

#[tokio::test]
async fn seeding_again_keeps_the_id_and_removing_does_not() {
    let aws = FakeAws::start().await.unwrap();
    let account = aws.account(ACCOUNT);
    let iam = iam(&aws, ACCOUNT).await;
    let id = || async {
        iam.get_role()
            .role_name("app")
            .send()
            .await
            .unwrap()
            .role
            .unwrap()
            .role_id
    };
    account.role(Role::named("app"));
    let first = id().await;
    account.role(Role::named("app").trust(TRUST));
    assert_eq!(id().await, first);
    account.remove_role("app").role(Role::named("app"));
    assert_ne!(id().await, first);
}
