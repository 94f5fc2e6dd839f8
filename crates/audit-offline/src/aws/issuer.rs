//! Which issuer the cluster's tokens have, as far as files tell.

use audit_core::model::{ClusterIssuer, IssuerSource, IssuerUrl};
use audit_core::text::{quote, quote_list};

use super::shape::Output;
use crate::Options;
use crate::problem::{InputProblem, Place};
use crate::terraform::attributes::Planned;
use crate::terraform::change::PlannedCluster;

/// The issuers that files name.
#[derive(Debug)]
pub(super) struct Issuers {
    /// In discovery documents: what the API server itself says.
    discovered: Vec<IssuerUrl>,
    /// In descriptions of EKS clusters.
    described: Vec<IssuerUrl>,
    /// The names of these clusters.
    names: Vec<(IssuerUrl, String)>,
    /// The clusters of a region were listed: descriptions are of all of them, whichever the objects are from.
    has_list: bool,
}

impl Issuers {
    pub(super) fn new(discovered: Vec<IssuerUrl>) -> Self {
        Self {
            discovered,
            described: Vec::new(),
            names: Vec::new(),
            has_list: false,
        }
    }

    /// Takes in an output.
    pub(super) fn take(&mut self, place: &Place, output: &Output, problems: &mut Vec<InputProblem>) {
        match output {
            Output::Discovery(issuer) => self.discovered.push(issuer.clone()),
            Output::ClusterNames(_) => self.has_list = true,
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

    /// The issuer: what the command line says; else what the API server says; else what EKS says. Several that differ, or sources that
    /// contradict each other, are none: files do not say which of the clusters their objects are from.
    pub(super) fn decide(
        &mut self,
        options: &Options,
        problems: &mut Vec<InputProblem>,
    ) -> Option<ClusterIssuer> {
        // It was determined when the snapshot was taken, as a live audit determines it.
        if let (None, Some(given)) = (&options.issuer, &options.snapshot) {
            return given.manifest.issuer();
        }
        let found = self.found(options, problems)?;
        match self.contradiction(&found) {
            None => Some(found),
            Some(message) => {
                problems.push(InputProblem::warning(Place::everywhere(), message));
                None
            }
        }
    }

    /// The issuer after the apply of plans: the one that was found, unless its cluster goes; else that of the only cluster in the plans.
    pub(super) fn after_apply(
        &mut self,
        found: Option<ClusterIssuer>,
        clusters: &[PlannedCluster],
        problems: &mut Vec<InputProblem>,
    ) -> Option<ClusterIssuer> {
        let stays = |url: &str| {
            clusters
                .iter()
                .any(|cluster| matches!(&cluster.issuer, Planned::Known(own) if own == url))
        };
        let gone = clusters.iter().find(|cluster| {
            let own = cluster.gone.as_deref();
            own.is_some_and(|own| Some(own) == found.as_ref().map(|found| found.url.as_str()) && !stays(own))
        });
        if let Some(gone) = gone {
            let message = format!(
                "say that the issuer of the cluster goes with `{}`, so that the issuer after the apply is unknown",
                quote(&gone.resource.address)
            );
            problems.push(InputProblem::warning(Place::everywhere(), message));
            return None;
        }
        let is_silent = self.discovered.is_empty() && self.described.is_empty();
        if found.is_some() || !is_silent {
            return found;
        }
        let mut urls = Vec::new();
        for cluster in clusters {
            match &cluster.issuer {
                Planned::Known(url) => match IssuerUrl::parse(url) {
                    Ok(url) => {
                        self.names.push((url.clone(), cluster.name.clone()));
                        urls.push(url);
                    }
                    Err(error) => {
                        problems.push(InputProblem::warning(Place::everywhere(), error.to_string()));
                    }
                },
                Planned::Open(gap) => {
                    let message = format!(
                        "do not say the issuer: `{}` is known only after apply. Set --issuer if the objects are from another cluster",
                        quote(&gap.attribute)
                    );
                    problems.push(InputProblem::warning(Place::everywhere(), message));
                    return None;
                }
                Planned::Absent => {}
            }
        }
        only(urls, problems).map(|url| ClusterIssuer {
            url,
            source: IssuerSource::Eks,
        })
    }

    /// That another source names one different issuer. Descriptions of several clusters say nothing of which one this is.
    fn contradiction(&self, found: &ClusterIssuer) -> Option<String> {
        let by_flag = found.source == IssuerSource::Flag;
        let others = [
            (&self.discovered, "the discovery document", by_flag),
            (
                &self.described,
                "describe-cluster",
                found.source != IssuerSource::Eks && !self.has_list,
            ),
        ];
        let (url, source) = others.into_iter().find_map(|(urls, source, is_other)| {
            let mut different = urls.iter().filter(|url| **url != found.url);
            let url = different
                .next()
                .filter(|_| is_other && !urls.contains(&found.url))?;
            different.all(|other| other == url).then_some((url, source))
        })?;
        Some(format!(
            "contradict each other about the issuer, so that it is unknown: {} says `{}`, and {source} says `{}`. Leave out what does not \
             belong to this cluster",
            if by_flag {
                "--issuer"
            } else {
                "the discovery document"
            },
            quote(found.url.as_str()),
            quote(url.as_str())
        ))
    }

    /// The issuer that the first of the sources names which names any.
    fn found(&mut self, options: &Options, problems: &mut Vec<InputProblem>) -> Option<ClusterIssuer> {
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
            if !urls.is_empty() {
                return only(urls.clone(), problems).map(|url| ClusterIssuer { url, source });
            }
        }
        None
    }
}

/// The only one of some issuers. Of several, which of them the objects are from is unknown.
fn only(mut urls: Vec<IssuerUrl>, problems: &mut Vec<InputProblem>) -> Option<IssuerUrl> {
    urls.sort();
    urls.dedup();
    match urls.as_slice() {
        [] => None,
        [url] => Some(url.clone()),
        several => {
            let urls: Vec<&str> = several.iter().map(IssuerUrl::as_str).collect();
            let message = format!(
                "tell of several clusters, with the issuers {}: say with --issuer which of them the objects are from",
                quote_list(&urls, 5)
            );
            problems.push(InputProblem::warning(Place::everywhere(), message));
            None
        }
    }
}
