//! Policy documents on the wire.

use crate::clients::{ACCOUNT, iam};
use fake_aws::{FakeAws, Role};

const AWKWARD: &str = "{\"Statement\": [\"%41 + é <&> '\r\n\t\"]}";

async fn everywhere(aws: &FakeAws) -> Vec<String> {
    let arn = "arn:aws:iam::111122223333:policy/p";
    aws.account(ACCOUNT)
        .role(Role::named("app").trust(AWKWARD).inline("p", AWKWARD))
        .managed_policy("p", AWKWARD);
    let iam = iam(aws, ACCOUNT).await;
    let role = iam
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    let listed = iam.list_roles().send().await.unwrap();
    let inline = iam
        .get_role_policy()
        .role_name("app")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    let version = iam
        .get_policy_version()
        .policy_arn(arn)
        .version_id("v1")
        .send()
        .await
        .unwrap();
    let details = iam.get_account_authorization_details().send().await.unwrap();
    let detail = &details.role_detail_list()[0];
    [
        role.assume_role_policy_document(),
        listed.roles()[0].assume_role_policy_document(),
        Some(inline.policy_document()),
        version.policy_version().unwrap().document(),
        detail.assume_role_policy_document(),
        detail.role_policy_list()[0].policy_document(),
        details.policies()[0].policy_version_list()[0].document(),
    ]
    .map(|document| document.unwrap().to_owned())
    .to_vec()
}

#[tokio::test]
async fn documents_are_percent_encoded_everywhere() {
    let aws = FakeAws::start().await.unwrap();
    let encoded = "%7B%22Statement%22%3A%20%5B%22%2541%20%2B%20%C3%A9%20%3C%26%3E%20%27%0D%0A%09%22%5D%7D";
    assert_eq!(everywhere(&aws).await, [encoded; 7]);
}

#[tokio::test]
async fn documents_can_come_plain_as_from_emulators() {
    let aws = FakeAws::start().await.unwrap();
    aws.encode_documents(false);
    assert_eq!(everywhere(&aws).await, [AWKWARD; 7]);
}

#[tokio::test]
async fn what_xml_cannot_carry_does_not_break_the_answer() {
    let aws = FakeAws::start().await.unwrap();
    aws.encode_documents(false)
        .account(ACCOUNT)
        .role(Role::named("app").trust("\u{0}{\u{1b}[31m\u{ffff}"));
    let role = iam(&aws, ACCOUNT)
        .await
        .get_role()
        .role_name("app")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert_eq!(
        role.assume_role_policy_document(),
        Some("\u{fffd}{\u{fffd}[31m\u{fffd}")
    );
}
