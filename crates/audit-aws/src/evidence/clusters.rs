//! The EKS clusters of an account in a region.

use std::collections::BTreeSet;

use audit_core::model::{self, Account, EksIssuer, Observed};
use aws_sdk_eks::config::Region;

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::{Failure, Miss};
use crate::issuer::describe;
use crate::pages::{Page, all};

/// The most that EKS puts on a page.
const PAGE_SIZE: i32 = 100;

/// The most clusters that are described, each by a call of its own. Of more nobody learns anything.
const MOST: usize = 500;

/// Asks for the issuers of all EKS clusters of a region. One that has none yet is trusted by nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clusters {
    /// The region, such as `eu-west-1`.
    pub region: String,
}

impl EvidenceKind for Clusters {
    type Value = model::Clusters;

    const CALLS: &'static [&'static str] = &["eks:ListClusters", "eks:DescribeCluster"];

    fn key(&self) -> &str {
        &self.region
    }

    async fn read(&self, account: &AccountClient) -> Read<model::Clusters> {
        let config = aws_sdk_eks::config::Builder::from(&account.config);
        let eks = aws_sdk_eks::Client::from_conf(config.region(Region::new(self.region.clone())).build());
        let eks = &eks;
        let (at, names) = all(|token| async move {
            let request = eks.list_clusters().max_results(PAGE_SIZE);
            let send = || request.clone().set_next_token(token.clone()).send();
            let (at, answer) = account.caller.call("eks", "ListClusters", send).await;
            let page =
                answer.map(|page| Page::with_token(page.clusters.unwrap_or_default(), page.next_token));
            (at, page)
        })
        .await;
        let names = match names {
            Ok(names) if names.len() > MOST => {
                let message =
                    format!("there are more than {MOST} EKS clusters, and none of them was described");
                return (at, Err(Failure::unavailable(message))).into();
            }
            Ok(names) => names,
            Err(failure) => return (at, Err(failure)).into(),
        };
        let mut issuers = BTreeSet::new();
        for name in names {
            match describe(account, eks, &name).await.1 {
                Ok(issuer) => {
                    let url = issuer.as_deref().and_then(|url| url.strip_prefix("https://"));
                    issuers.extend(url.and_then(EksIssuer::parse));
                }
                // Deleted in between.
                Err(Miss::NotFound(_)) => {}
                Err(Miss::Failed(failure)) => return (at, Err(failure)).into(),
            }
        }
        let clusters = model::Clusters {
            issuers,
            is_whole: true,
        };
        (at, Ok(clusters)).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<model::Clusters>> {
        account.clusters.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<model::Clusters> {
        account.clusters.entry(key.to_owned()).or_default()
    }

    fn forget(account: &mut Account, key: &str) {
        account.clusters.remove(key);
    }

    fn ask(key: &str, _: &Circumstances<'_>) -> Option<Self> {
        let asked = Self {
            region: key.to_owned(),
        };
        Some(asked)
    }

    /// No verdict on a binding depends on them.
    fn changes(&self, _: &str, _: Option<&model::Clusters>, _: Option<&model::Clusters>) -> Vec<Concern> {
        Vec::new()
    }
}
