//! The issuer of an EKS cluster.

use audit_core::model::IssuerUrl;
use audit_core::text::quote;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// Reads the issuer from the description of a cluster.
pub(crate) async fn issuer(
    account: &AccountClient,
    cluster_name: &str,
) -> (Timestamp, Result<IssuerUrl, Failure>) {
    let eks = aws_sdk_eks::Client::new(&account.config);
    let (at, answer) = account
        .caller
        .call("eks", "DescribeCluster", || {
            eks.describe_cluster().name(cluster_name).send()
        })
        .await;
    let result = answer.map_err(Miss::into_failure).and_then(|description| {
        let identity = description.cluster.and_then(|cluster| cluster.identity);
        let issuer = identity
            .and_then(|identity| identity.oidc)
            .and_then(|oidc| oidc.issuer);
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
