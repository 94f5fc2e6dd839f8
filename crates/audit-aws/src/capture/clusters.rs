//! The EKS clusters of a region, and the associations of EKS Pod Identity of a cluster.

use std::collections::BTreeSet;

use audit_core::model::{BindingKey, EksIssuer};
use aws_sdk_eks::config::Region;
use aws_sdk_eks::types::PodIdentityAssociation;
use serde_json::{Map, Value, json};

use super::CapturedAccount;
use super::details::put;
use crate::failure::{Failure, Miss};
use crate::pages::{Page, all};

/// The most that EKS puts on a page.
const PAGE_SIZE: i32 = 100;

/// The most clusters that are described, each by a call of its own.
const MOST: usize = 500;

/// The most associations that are described, each by a call of its own.
const MOST_DESCRIBED: usize = 500;

/// The clusters of a region.
#[derive(Debug)]
pub struct CapturedClusters {
    /// The output of `eks list-clusters`, with the region, and of `eks describe-cluster` for each of them.
    pub outputs: Vec<Value>,
    /// Their issuers.
    pub issuers: BTreeSet<EksIssuer>,
}

/// The associations of a cluster.
#[derive(Debug)]
pub struct CapturedAssociations {
    /// The output of `eks list-pod-identity-associations`, and of `eks describe-pod-identity-association` for those that are of interest.
    pub outputs: Vec<Value>,
    /// Why some were not described.
    pub failure: Option<Failure>,
}

impl CapturedAccount {
    /// All clusters of a region.
    ///
    /// # Errors
    /// When EKS does not list or describe them, after retries, or there are too many.
    pub async fn clusters(&self, region: &str) -> Result<CapturedClusters, Failure> {
        let config = aws_sdk_eks::config::Builder::from(&self.client.config);
        let eks = aws_sdk_eks::Client::from_conf(config.region(Region::new(region.to_owned())).build());
        let eks = &eks;
        let caller = &self.client.caller;
        let (_, names) = all(|token| async move {
            let request = eks.list_clusters().max_results(PAGE_SIZE);
            let send = || request.clone().set_next_token(token.clone()).send();
            let (at, answer) = caller.call("eks", "ListClusters", send).await;
            let page =
                answer.map(|page| Page::with_token(page.clusters.unwrap_or_default(), page.next_token));
            (at, page)
        })
        .await;
        let names = names?;
        if names.len() > MOST {
            let message = format!("there are more than {MOST} EKS clusters, and none of them was described");
            return Err(Failure::unavailable(message));
        }
        let (mut described, mut listed, mut issuers) = (Vec::new(), Vec::new(), BTreeSet::new());
        for name in names {
            let send = || eks.describe_cluster().name(&name).send();
            let cluster = match caller.call("eks", "DescribeCluster", send).await.1 {
                Ok(described) => described.cluster,
                // Deleted in between.
                Err(Miss::NotFound(_)) => continue,
                Err(Miss::Failed(failure)) => return Err(failure),
            };
            let issuer = cluster.as_ref().and_then(|cluster| {
                let identity = cluster.identity()?;
                identity.oidc()?.issuer().map(str::to_owned)
            });
            let url = issuer.as_deref().and_then(|url| url.strip_prefix("https://"));
            issuers.extend(url.and_then(EksIssuer::parse));
            // No role can trust a cluster that has none yet.
            let Some(issuer) = issuer else { continue };
            let arn = cluster.as_ref().and_then(|cluster| cluster.arn());
            let fallback = || format!("arn:{}:eks:{region}:{}:cluster/{name}", self.partition, self.id());
            let arn = arn.map_or_else(fallback, str::to_owned);
            described.push(json!({
                "cluster": {"name": name, "arn": arn, "identity": {"oidc": {"issuer": issuer}}}
            }));
            listed.push(name);
        }
        let mut outputs = vec![json!({ "clusters": listed, "region": region })];
        outputs.extend(described);
        Ok(CapturedClusters { outputs, issuers })
    }

    /// The associations of a cluster in the caller's region, and the roles of those of these ServiceAccounts.
    ///
    /// # Errors
    /// When EKS does not list them, after retries.
    pub async fn associations(
        &self,
        cluster_name: &str,
        wanted: &BTreeSet<BindingKey>,
    ) -> Result<CapturedAssociations, Failure> {
        let eks = &aws_sdk_eks::Client::new(&self.client.config);
        let caller = &self.client.caller;
        let (_, listed) = all(|token| async move {
            let request = eks.list_pod_identity_associations().cluster_name(cluster_name);
            let request = request.max_results(PAGE_SIZE);
            let send = || request.clone().set_next_token(token.clone()).send();
            let (at, answer) = caller.call("eks", "ListPodIdentityAssociations", send).await;
            let page =
                answer.map(|page| Page::with_token(page.associations.unwrap_or_default(), page.next_token));
            (at, page)
        })
        .await;
        let listed = listed?;
        let of_interest = listed.iter().filter_map(|item| {
            let key = BindingKey::new(item.namespace()?, item.service_account()?);
            item.association_id().filter(|_| wanted.contains(&key))
        });
        let of_interest: Vec<&str> = of_interest.take(MOST_DESCRIBED).collect();
        let (mut outputs, mut failure) = (Vec::new(), None);
        let summaries = listed.iter().map(|item| {
            json!({
                "clusterName": cluster_name,
                "namespace": item.namespace(),
                "serviceAccount": item.service_account(),
                "associationArn": item.association_arn(),
                "associationId": item.association_id(),
            })
        });
        outputs.push(json!({ "associations": summaries.collect::<Vec<_>>() }));
        for id in of_interest {
            let request = eks.describe_pod_identity_association().cluster_name(cluster_name);
            let send = || request.clone().association_id(id).send();
            match caller.call("eks", "DescribePodIdentityAssociation", send).await.1 {
                Ok(described) => outputs.extend(described.association.as_ref().map(association)),
                Err(Miss::NotFound(_)) => {}
                // The next would fail alike.
                Err(Miss::Failed(why)) => {
                    failure = Some(why);
                    break;
                }
            }
        }
        Ok(CapturedAssociations { outputs, failure })
    }
}

fn association(of: &PodIdentityAssociation) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "clusterName", of.cluster_name());
    put(&mut fields, "namespace", of.namespace());
    put(&mut fields, "serviceAccount", of.service_account());
    put(&mut fields, "roleArn", of.role_arn());
    put(&mut fields, "associationArn", of.association_arn());
    put(&mut fields, "associationId", of.association_id());
    put(&mut fields, "disableSessionTags", of.disable_session_tags());
    json!({ "association": fields })
}
