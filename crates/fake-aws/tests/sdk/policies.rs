//! Inline and managed policies: every operation, there and back.

use crate::clients::{ACCOUNT, PERMISSIONS, TRUST, code, decoded, iam, status_and_code};
use fake_aws::{FakeAws, Role};

#[tokio::test]
async fn inline_policies_go_there_and_back() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT)
        .role(Role::named("app").inline("seeded", PERMISSIONS));
    let iam = iam(&aws, ACCOUNT).await;
    let put = |name: &str, document: &str| {
        iam.put_role_policy()
            .role_name("app")
            .policy_name(name)
            .policy_document(document)
            .send()
    };
    put("written", PERMISSIONS).await.unwrap();
    let names = iam.list_role_policies().role_name("app").send().await.unwrap();
    assert_eq!(names.policy_names(), ["seeded", "written"]);
    let read = iam
        .get_role_policy()
        .role_name("app")
        .policy_name("written")
        .send()
        .await
        .unwrap();
    assert_eq!((read.role_name(), read.policy_name()), ("app", "written"));
    assert_eq!(decoded(read.policy_document()), PERMISSIONS);
    iam.delete_role_policy()
        .role_name("app")
        .policy_name("written")
        .send()
        .await
        .unwrap();
    let missing = iam
        .get_role_policy()
        .role_name("app")
        .policy_name("written")
        .send()
        .await;
    assert_eq!(code(missing), "NoSuchEntity");
    let missing = iam
        .delete_role_policy()
        .role_name("app")
        .policy_name("written")
        .send()
        .await;
    assert_eq!(code(missing), "NoSuchEntity");
    assert_eq!(code(put("p", TRUST).await), "MalformedPolicyDocument");
    let half = PERMISSIONS.replace('*', &"r".repeat(6000));
    put("half", &half).await.unwrap();
    put("half", &half).await.unwrap();
    assert_eq!(
        status_and_code(put("other half", &half).await),
        (409, "LimitExceeded".to_owned())
    );
}

#[tokio::test]
async fn managed_policies_are_attached_and_detached() {
    let aws = FakeAws::start().await.unwrap();
    aws.aws_managed_policy("ReadOnlyAccess", PERMISSIONS)
        .account(ACCOUNT)
        .role(Role::named("app"))
        .managed_policy("own", PERMISSIONS);
    let iam = iam(&aws, ACCOUNT).await;
    let (aws_arn, own_arn) = (
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::111122223333:policy/own",
    );
    for arn in [aws_arn, own_arn, own_arn] {
        iam.attach_role_policy()
            .role_name("app")
            .policy_arn(arn)
            .send()
            .await
            .unwrap();
    }
    let attached = iam
        .list_attached_role_policies()
        .role_name("app")
        .send()
        .await
        .unwrap();
    let attached = attached.attached_policies().iter();
    let attached = attached.map(|policy| (policy.policy_name().unwrap(), policy.policy_arn().unwrap()));
    assert_eq!(
        attached.collect::<Vec<_>>(),
        [("own", own_arn), ("ReadOnlyAccess", aws_arn)]
    );
    let policy = iam
        .get_policy()
        .policy_arn(own_arn)
        .send()
        .await
        .unwrap()
        .policy
        .unwrap();
    assert_eq!(policy.attachment_count(), Some(1));

    let detach = || {
        iam.detach_role_policy()
            .role_name("app")
            .policy_arn(own_arn)
            .send()
    };
    detach().await.unwrap();
    assert_eq!(code(detach().await), "NoSuchEntity");
    let unknown = "arn:aws:iam::111122223333:policy/none";
    assert_eq!(
        code(
            iam.attach_role_policy()
                .role_name("app")
                .policy_arn(unknown)
                .send()
                .await
        ),
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn an_attached_policy_need_not_exist() {
    let aws = FakeAws::start().await.unwrap();
    let arn = "arn:aws:iam::aws:policy/Retired";
    aws.account(ACCOUNT).role(Role::named("app").attached(arn));
    let iam = iam(&aws, ACCOUNT).await;
    let attached = iam
        .list_attached_role_policies()
        .role_name("app")
        .send()
        .await
        .unwrap();
    assert_eq!(attached.attached_policies()[0].policy_arn(), Some(arn));
    assert_eq!(
        code(iam.get_policy().policy_arn(arn).send().await),
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn managed_policies_are_created_and_read_with_their_version() {
    let aws = FakeAws::start().await.unwrap();
    let iam = iam(&aws, ACCOUNT).await;
    let create = |name: &str, document: &str| {
        iam.create_policy()
            .policy_name(name)
            .path("/p/")
            .description("d")
            .policy_document(document)
            .send()
    };
    let created = create("own", PERMISSIONS).await.unwrap().policy.unwrap();
    let arn = "arn:aws:iam::111122223333:policy/p/own";
    assert_eq!(created.arn(), Some(arn));
    let read = iam
        .get_policy()
        .policy_arn(arn)
        .send()
        .await
        .unwrap()
        .policy
        .unwrap();
    assert_eq!(read, created);
    assert_eq!(
        (read.policy_name(), read.path(), read.description()),
        (Some("own"), Some("/p/"), Some("d"))
    );
    let version = |id: &str| iam.get_policy_version().policy_arn(arn).version_id(id).send();
    let current = version(read.default_version_id().unwrap())
        .await
        .unwrap()
        .policy_version
        .unwrap();
    assert_eq!(decoded(current.document().unwrap()), PERMISSIONS);
    assert!(current.is_default_version());
    assert_eq!(code(version("v9").await), "NoSuchEntity");
    assert_eq!(code(create("OWN", PERMISSIONS).await), "EntityAlreadyExists");
    assert_eq!(code(create("bad", TRUST).await), "MalformedPolicyDocument");
    let long = PERMISSIONS.replace('*', &"r".repeat(6144));
    assert_eq!(code(create("long", &long).await), "LimitExceeded");
}

#[tokio::test]
async fn a_policy_has_five_versions_of_which_one_counts() {
    let aws = FakeAws::start().await.unwrap();
    aws.account(ACCOUNT).managed_policy("own", PERMISSIONS);
    let iam = iam(&aws, ACCOUNT).await;
    let arn = "arn:aws:iam::111122223333:policy/own";
    let create = |document: String, is_default: bool| {
        iam.create_policy_version()
            .policy_arn(arn)
            .policy_document(document)
            .set_as_default(is_default)
            .send()
    };
    let other = PERMISSIONS.replace('*', "arn:aws:s3:::b");
    let made = create(other.clone(), true).await.unwrap().policy_version.unwrap();
    assert_eq!((made.version_id(), made.is_default_version()), (Some("v2"), true));
    for _ in 3..=5 {
        create(PERMISSIONS.to_owned(), false).await.unwrap();
    }
    assert_eq!(
        status_and_code(create(PERMISSIONS.to_owned(), true).await),
        (409, "LimitExceeded".to_owned())
    );
    let read = iam.get_policy().policy_arn(arn).send().await.unwrap();
    assert_eq!(read.policy.unwrap().default_version_id(), Some("v2"));
    let version = |id: &str| iam.get_policy_version().policy_arn(arn).version_id(id).send();
    for (id, document, is_default) in [("v1", PERMISSIONS, false), ("v2", &other, true)] {
        let read = version(id).await.unwrap().policy_version.unwrap();
        assert_eq!(
            (
                decoded(read.document().unwrap()).as_str(),
                read.is_default_version()
            ),
            (document, is_default)
        );
    }
    assert_eq!(
        code(create("{".to_owned(), true).await),
        "MalformedPolicyDocument"
    );
}
