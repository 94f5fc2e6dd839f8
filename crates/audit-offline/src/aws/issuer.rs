//! Which issuer the cluster's tokens have, as far as files tell.

use audit_core::model::{ClusterIssuer, IssuerSource, IssuerUrl};
use audit_core::text::{quote, quote_list};

use super::shape::Output;
use crate::Options;
use crate::problem::{InputProblem, Place};

/// The issuers that files name.
#[derive(Debug)]
pub(super) struct Issuers {
    /// In discovery documents: what the API server itself says.
    discovered: Vec<IssuerUrl>,
    /// In descriptions of EKS clusters.
    described: Vec<IssuerUrl>,
    /// The names of these clusters.
    names: Vec<(IssuerUrl, String)>,
}

impl Issuers {
    pub(super) fn new(discovered: Vec<IssuerUrl>) -> Self {
        Self {
            discovered,
            described: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Takes in an output.
    pub(super) fn take(&mut self, place: &Place, output: &Output, problems: &mut Vec<InputProblem>) {
        match output {
            Output::Discovery(issuer) => self.discovered.push(issuer.clone()),
            Output::Cluster(cluster) => match cluster.issuer().map(IssuerUrl::parse) {
                Some(Ok(issuer)) => {
                    self.names.push((issuer.clone(), cluster.name.clone()));
                    self.described.push(issuer);
                }
                Some(Err(error)) => problems.push(InputProblem::error(place.clone(), error.to_string())),
                None => {
                    let message = format!(
                        "cluster `{}` is described without an issuer",
                        quote(&cluster.name)
                    );
                    problems.push(InputProblem::warning(place.clone(), message));
                }
            },
            _ => {}
        }
    }

    /// The name of the EKS cluster with this issuer.
    pub(super) fn cluster(&self, issuer: &IssuerUrl) -> Option<&str> {
        let named = self
            .names
            .iter()
            .find(|(other, name)| other == issuer && !name.is_empty());
        named.map(|(_, name)| name.as_str())
    }

    /// The issuer: what somebody says; else what the API server says; else what EKS says. Several that differ are none: files
    /// do not tell which of the clusters their objects are from.
    pub(super) fn decide(
        &mut self,
        options: &Options,
        problems: &mut Vec<InputProblem>,
    ) -> Option<ClusterIssuer> {
        if let Some(url) = &options.issuer {
            return Some(ClusterIssuer {
                url: url.clone(),
                source: IssuerSource::Flag,
            });
        }
        for (urls, source) in [
            (&mut self.discovered, IssuerSource::Discovery),
            (&mut self.described, IssuerSource::Eks),
        ] {
            urls.sort();
            urls.dedup();
            match urls.as_slice() {
                [] => {}
                [url] => {
                    return Some(ClusterIssuer {
                        url: url.clone(),
                        source,
                    });
                }
                several => {
                    let urls: Vec<&str> = several.iter().map(IssuerUrl::as_str).collect();
                    let message = format!(
                        "tell of several clusters, with the issuers {}: say with --issuer which of them the objects are from",
                        quote_list(&urls, 5)
                    );
                    problems.push(InputProblem::warning(Place::everywhere(), message));
                    return None;
                }
            }
        }
        None
    }
}
