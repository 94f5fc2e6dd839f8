//! Whether AWS lets the caller make the calls of an audit: each is made once, about something that does not exist where it needs a name. IAM
//! and EKS refuse a caller before they say that there is no such thing.

use audit_core::model::FailureKind;

use crate::account::AccountClient;
use crate::clients::Clients;
use crate::failure::{Failure, Miss};
use crate::settings::DirectorySettings;

/// No role, policy or cluster has this name.
const NOTHING: &str = "irsa-audit-doctor-no-such-name";

/// What AWS says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permitted {
    /// The call was let through.
    Yes,
    /// A policy refuses it.
    No,
    /// It was neither let through nor refused, in words that are safe to show.
    Unknown(String),
}

/// An action in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionPermitted {
    /// The account's id: 12 digits.
    pub account: String,
    /// The action, such as `iam:GetRole`.
    pub action: &'static str,
    /// What AWS says.
    pub permitted: Permitted,
}

/// Tries the calls of an audit, by the caller's own credentials in its account, and by the given role in each other account. About twenty calls
/// an account, of which none changes anything.
///
/// # Errors
/// When AWS does not say which account the credentials are in.
pub async fn permitted(settings: DirectorySettings) -> Result<Vec<ActionPermitted>, Failure> {
    let Clients { accounts, partition } = Clients::open(settings).await?;
    let mut found = Vec::new();
    for client in &accounts {
        found.extend(in_account(client, &partition).await);
    }
    Ok(found)
}

/// Makes a call once, and adds what came of it.
macro_rules! try_call {
    ($found:ident, $client:ident, $service:literal, $operation:literal, $request:expr) => {{
        let request = $request;
        let (_, answer) = $client
            .caller
            .call($service, $operation, || request.clone().send())
            .await;
        $found.push(ActionPermitted {
            account: $client.id.clone(),
            action: concat!($service, ":", $operation),
            permitted: judge(answer.map(|_| ())),
        });
    }};
}

async fn in_account(client: &AccountClient, partition: &str) -> Vec<ActionPermitted> {
    let arn = |resource: &str| format!("arn:{partition}:iam::{}:{resource}", client.id);
    let policy = arn(&format!("policy/{NOTHING}"));
    let iam = &client.iam;
    let mut found = Vec::new();
    try_call!(found, client, "iam", "GetRole", iam.get_role().role_name(NOTHING));
    try_call!(
        found,
        client,
        "iam",
        "GetAccountAuthorizationDetails",
        iam.get_account_authorization_details().max_items(1)
    );
    try_call!(
        found,
        client,
        "iam",
        "GetOpenIDConnectProvider",
        iam.get_open_id_connect_provider()
            .open_id_connect_provider_arn(arn(&format!("oidc-provider/{NOTHING}.example.com")))
    );
    try_call!(
        found,
        client,
        "iam",
        "ListOpenIDConnectProviders",
        iam.list_open_id_connect_providers()
    );
    try_call!(
        found,
        client,
        "iam",
        "ListAttachedRolePolicies",
        iam.list_attached_role_policies().role_name(NOTHING)
    );
    try_call!(
        found,
        client,
        "iam",
        "ListRolePolicies",
        iam.list_role_policies().role_name(NOTHING)
    );
    try_call!(
        found,
        client,
        "iam",
        "GetRolePolicy",
        iam.get_role_policy().role_name(NOTHING).policy_name(NOTHING)
    );
    try_call!(
        found,
        client,
        "iam",
        "GetPolicy",
        iam.get_policy().policy_arn(&policy)
    );
    try_call!(
        found,
        client,
        "iam",
        "GetPolicyVersion",
        iam.get_policy_version().policy_arn(&policy).version_id("v1")
    );
    try_call!(
        found,
        client,
        "iam",
        "GetAccountSummary",
        iam.get_account_summary()
    );
    try_call!(
        found,
        client,
        "iam",
        "SimulatePrincipalPolicy",
        iam.simulate_principal_policy()
            .policy_source_arn(arn(&format!("role/{NOTHING}")))
            .action_names("sts:GetCallerIdentity")
    );
    found.extend(of_eks(client).await);
    found
}

async fn of_eks(client: &AccountClient) -> Vec<ActionPermitted> {
    let eks = aws_sdk_eks::Client::new(&client.config);
    let mut found = Vec::new();
    try_call!(
        found,
        client,
        "eks",
        "ListClusters",
        eks.list_clusters().max_results(1)
    );
    try_call!(
        found,
        client,
        "eks",
        "DescribeCluster",
        eks.describe_cluster().name(NOTHING)
    );
    try_call!(
        found,
        client,
        "eks",
        "ListPodIdentityAssociations",
        eks.list_pod_identity_associations().cluster_name(NOTHING)
    );
    try_call!(
        found,
        client,
        "eks",
        "DescribePodIdentityAssociation",
        eks.describe_pod_identity_association()
            .cluster_name(NOTHING)
            .association_id("a-00000000000000000")
    );
    found
}

fn judge(answer: Result<(), Miss>) -> Permitted {
    match answer {
        Ok(()) | Err(Miss::NotFound(_)) => Permitted::Yes,
        Err(Miss::Failed(failure)) => match failure.kind {
            FailureKind::AccessDenied { .. } => Permitted::No,
            FailureKind::Throttled | FailureKind::Unavailable => Permitted::Unknown(failure.message),
        },
    }
}
