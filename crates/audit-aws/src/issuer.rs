//! The issuer of an EKS cluster.

use audit_core::model::IssuerUrl;
use audit_core::text::quote;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::failure::{Failure, Miss};

/// Reads the issuer from the description of a cluster.
pub(crate) async fn issuer(
    account: &AccountClient,
    cluster_name: &str,
) -> (Timestamp, Result<IssuerUrl, Failure>) {
    let eks = aws_sdk_eks::Client::new(&account.config);
    let (at, described) = describe(account, &eks, cluster_name).await;
    let result = described.map_err(Miss::into_failure).and_then(|issuer| {
        let issuer =
            issuer.ok_or_else(|| Failure::unavailable("EKS described a cluster without its issuer"))?;
        IssuerUrl::parse(&issuer).map_err(|_| {
            Failure::unavailable(format!(
                "EKS gives an issuer that IAM could not register: {}",
                quote(&issuer)
            ))
        })
    });
    (at, result)
}

/// Reads what the description of a cluster says of its issuer.
pub(crate) async fn describe(
    account: &AccountClient,
    eks: &aws_sdk_eks::Client,
    cluster_name: &str,
) -> (Timestamp, Result<Option<String>, Miss>) {
    let send = || eks.describe_cluster().name(cluster_name).send();
    let (at, answer) = account.caller.call("eks", "DescribeCluster", send).await;
    let issuer = answer.map(|description| {
        let identity = description.cluster.and_then(|cluster| cluster.identity);
        identity
            .and_then(|identity| identity.oidc)
            .and_then(|oidc| oidc.issuer)
    });
    (at, issuer)
}
