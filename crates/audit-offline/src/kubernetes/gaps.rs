//! What manifests do not hold of the cluster that they are said to be.

use audit_core::snapshot::{Cluster, GapKind};
use audit_core::text::quote;

use super::content::Content;
use super::guess;
use super::object::Object;
use super::pages::MissingPage;
use crate::Options;
use crate::leftover::{Leftover, LeftoverKind};
use crate::problem::{InputProblem, Place};

/// What there is of the objects that were given.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Objects with a `uid`, which an API server printed.
    live: usize,
    /// Objects without one that count for an audit, and the first of them.
    planned: usize,
    first_planned: Option<(Place, String)>,
    /// Objects that name no namespace, although their kind is in one, and the first of them.
    adrift: usize,
    first_adrift: Option<(Place, String)>,
    accounts: usize,
    /// A ServiceAccount `default` of a cluster is among them.
    has_default: bool,
    /// Pods of a cluster. Workloads are none: what they say of their own pods is not what others have.
    pods: usize,
    all: usize,
}

impl Tally {
    pub(super) fn of(objects: &[(Place, Box<Object>)]) -> Self {
        let mut tally = Self::default();
        for (place, object) in objects {
            tally.take(place, object);
        }
        tally
    }

    fn take(&mut self, place: &Place, object: &Object) {
        self.all += 1;
        match &object.content {
            Ok(Content::ServiceAccount(_)) => {
                self.accounts += 1;
                self.has_default |= object.is_live && object.name == "default";
            }
            Ok(Content::Pod(_)) => self.pods += 1,
            // They say what is expected, and are not a part of what is audited.
            Ok(Content::Nothing | Content::Request(_) | Content::Policy(_)) | Err(_) => return,
            Ok(_) => {}
        }
        let shown = || format!("{} `{}`", quote(&object.kind), quote(&object.name));
        if object.is_live {
            self.live += 1;
        } else {
            self.planned += 1;
            self.first_planned.get_or_insert_with(|| (place.clone(), shown()));
        }
        if object.is_adrift {
            self.adrift += 1;
            self.first_adrift.get_or_insert_with(|| (place.clone(), shown()));
        }
    }
}

/// Takes note of the objects in pages that are missing.
pub(super) fn of_pages(cluster: &mut Cluster, missing: Vec<MissingPage>) {
    for MissingPage { kind, place } in missing {
        for gap in guess::of_list(&kind) {
            let reason = format!("a page of the {} in `{}` is missing", quote(&kind), place.whole());
            cluster.put_gap(gap, reason);
        }
        cluster.put_missing_page(format!("a page of the `{}` in `{}`", quote(&kind), place.whole()));
    }
}

/// Takes note of what manifests that were not used may have held: one that cannot be read may have held anything that its name does not
/// exclude, and one with something else in it what its own name says.
pub(crate) fn of_leftovers(cluster: &mut Cluster, leftovers: &[Leftover], options: &Options) {
    for Leftover { place, reason, kind } in leftovers {
        let name = place.source().unwrap_or_default();
        let gaps = match kind {
            LeftoverKind::Unreadable => guess::may_have_held(name),
            LeftoverKind::SpoiledOutput => guess::should_have_held(name),
            // Manifests of a part of a cluster may well be switched off by a value of their chart.
            LeftoverKind::Foreign if !options.partial => guess::should_have_held(name),
            LeftoverKind::Foreign | LeftoverKind::OfOtherFlag | LeftoverKind::Unneeded => continue,
        };
        for gap in gaps {
            cluster.put_gap(gap, format!("`{}` {}", place.whole(), reason.what()));
        }
    }
}

/// Takes note of what is missing by the objects that there are, and warns of it.
pub(super) fn of_tally(
    cluster: &mut Cluster,
    tally: Tally,
    options: &Options,
    problems: &mut Vec<InputProblem>,
) {
    if let Some((place, first)) = tally.first_adrift.filter(|_| options.namespace_is_assumed) {
        let message = format!(
            "{first}{} no namespace, and `{}` is assumed: set --namespace",
            and_others(tally.adrift, "names", "name"),
            quote(&options.namespace)
        );
        problems.push(InputProblem::warning(place, message));
    }
    // The manifest of a snapshot says it.
    if options.partial || options.snapshot.is_some() || tally.all == 0 {
        return;
    }
    if tally.has_default {
        cluster.set_shows_defaults();
    }
    if tally.accounts == 0 {
        let reason = "the files contain no ServiceAccount, although every cluster has some";
        cluster.put_gap(GapKind::ServiceAccounts, reason.to_owned());
        problems.push(InputProblem::warning(
            Place::everywhere(),
            "hold no ServiceAccount, and count as the whole cluster: give the ServiceAccounts as well, or set --partial",
        ));
    }
    if let Some((place, first)) = tally.first_planned {
        let message = format!(
            "{first}{} no `uid`, and the files count as the whole cluster: give the output of `kubectl get`, or set --partial if these \
             are manifests of a part of it",
            and_others(tally.planned, "has", "have")
        );
        problems.push(InputProblem::warning(place, message));
    }
    if tally.live == 0 {
        let reason = "no object has a `uid`, so the files are manifests, and a cluster may contain more";
        cluster.put_gap(GapKind::ServiceAccounts, reason.to_owned());
    } else if tally.pods == 0 && tally.live > tally.planned {
        let reason = "the files contain no pod, although every cluster has some";
        cluster.put_gap(GapKind::Pods, reason.to_owned());
        problems.push(InputProblem::warning(
            Place::everywhere(),
            "hold no pods, and count as the whole cluster: whether pods have credentials is unknown; give the output of `kubectl get pods \
             --all-namespaces -o yaml` as well, or set --partial",
        ));
    }
}

/// " has", or " and 2 more have".
fn and_others(count: usize, singular: &str, plural: &str) -> String {
    match count {
        0 | 1 => format!(" {singular}"),
        more => format!(" and {} more {plural}", more - 1),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/gaps.rs"]
mod tests;
