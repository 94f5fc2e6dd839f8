//! The EKS clusters of a region.

use std::collections::BTreeSet;

use audit_core::model::EksIssuer;
use aws_sdk_eks::config::Region;
use jiff::Timestamp;

use super::eks::describe;
use super::next_marker;
use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// The most that EKS puts on a page.
const PAGE_SIZE: i32 = 100;

/// The most clusters that are described, each by a call of its own. Of more nobody learns anything.
const MOST: usize = 500;

/// Reads the issuers of all clusters of a region. One that has none yet is trusted by nobody.
pub(crate) async fn clusters(
    account: &AccountClient,
    region: &str,
) -> (Timestamp, Result<BTreeSet<EksIssuer>, Failure>) {
    let config = aws_sdk_eks::config::Builder::from(&account.config);
    let eks = aws_sdk_eks::Client::from_conf(config.region(Region::new(region.to_owned())).build());
    let (at, names) = list(account, &eks).await;
    let names = match names {
        Ok(names) => names,
        Err(failure) => return (at, Err(failure)),
    };
    let mut issuers = BTreeSet::new();
    for name in names {
        match describe(account, &eks, &name).await.1 {
            Ok(issuer) => {
                let url = issuer.as_deref().and_then(|url| url.strip_prefix("https://"));
                issuers.extend(url.and_then(EksIssuer::parse));
            }
            // Deleted in between.
            Err(Miss::NotFound(_)) => {}
            Err(Miss::Failed(failure)) => return (at, Err(failure)),
        }
    }
    (at, Ok(issuers))
}

async fn list(
    account: &AccountClient,
    eks: &aws_sdk_eks::Client,
) -> (Timestamp, Result<Vec<String>, Failure>) {
    let (mut names, mut token, mut began) = (Vec::new(), None::<String>, None);
    loop {
        let send = || {
            eks.list_clusters()
                .max_results(PAGE_SIZE)
                .set_next_token(token.clone())
                .send()
        };
        let (at, answer) = account.caller.call("eks", "ListClusters", send).await;
        let began = *began.get_or_insert(at);
        let page = match answer {
            Ok(page) => page,
            Err(miss) => return (began, Err(miss.into_failure())),
        };
        names.extend(page.clusters.unwrap_or_default());
        if names.len() > MOST {
            let message = format!("there are more than {MOST} EKS clusters, and none of them was described");
            return (began, Err(Failure::unavailable(message)));
        }
        let truncated = page.next_token.as_ref().is_some_and(|next| !next.is_empty());
        match next_marker(truncated, page.next_token, token.as_deref()) {
            Ok(None) => return (began, Ok(names)),
            Ok(next) => token = next,
            Err(failure) => return (began, Err(failure)),
        }
    }
}
