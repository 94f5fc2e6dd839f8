//! What else is in the way of a broken binding: the audit goes on with what was found repaired in memory.
//!
//! A finding hides others: without an annotation there is no role to look at, and a trust policy has one cause at a time. Each round
//! takes what the fixes of the round before do as done, derives the chain from that, and keeps what is broken there and was not said
//! yet. Only broken bindings take that way, most of them one round.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::others::{Other, along_others, role};
use super::{expects, judge_way};
use crate::chain::{Chain, Repairs};
use crate::finding::{Finding, Link, Severity};
use crate::fix::{Fix, Repaired};
use crate::verdict::{self, Verdict};

/// No cause hides more others than the chain has links.
const ROUNDS: usize = Link::ALL.len();

/// What comes after the fixes of a report.
pub(super) struct Afterwards {
    /// What else is broken, in the order in which it would appear.
    pub(super) then: Vec<Finding>,
    /// The verdict once everything was repaired that has a fix.
    pub(super) verdict: Verdict,
    /// When this may change without any new observation.
    pub(super) valid_until: Option<Timestamp>,
}

/// Goes on from the findings of a chain, and from what is broken along its other ways.
pub(super) fn after_fixes(chain: &Chain<'_>, findings: &[Finding], others: &[Other<'_>]) -> Afterwards {
    let mut said: BTreeSet<Said> = BTreeSet::new();
    let mut then: Vec<Finding> = Vec::new();
    let mut verdict = verdict_of(chain, findings, others);
    let mut valid_until = None;
    said.extend(findings.iter().map(|finding| (finding.entry.code, role(chain))));
    for other in others {
        let codes = other.findings.iter().map(|finding| finding.entry.code);
        said.extend(codes.map(|code| (code, other.role())));
    }
    let (mut repairs, mut has_done) = repaired(chain, findings, others, Repairs::default());
    for _ in 0..ROUNDS {
        if !has_done {
            break;
        }
        let before = repairs.clone();
        let reached = rederived(chain, &before);
        let mut after = judge_way(&reached);
        let mut others = along_others(&reached);
        verdict = verdict_of(&reached, &after, &others);
        valid_until = [valid_until, super::valid_until_along(&reached, &others)]
            .into_iter()
            .flatten()
            .min();
        let of = role(&reached);
        after.retain(|finding| is_broken(finding) && said.insert((finding.entry.code, of.clone())));
        for other in &mut others {
            let of = other.role();
            let is_new =
                |finding: &Finding| is_broken(finding) && said.insert((finding.entry.code, of.clone()));
            other.findings.retain(is_new);
        }
        (repairs, has_done) = repaired(&reached, &after, &others, before.clone());
        let beside: Vec<Finding> = others
            .iter()
            .flat_map(|other| other.said(&reached, &after))
            .collect();
        then.append(&mut after);
        then.extend(beside);
    }
    Afterwards {
        then,
        verdict,
        valid_until,
    }
}

/// A code, and the role that it was said of.
type Said = (&'static str, String);

/// What there is once what findings have fixes for was repaired, and whether that is anything.
fn repaired(
    chain: &Chain<'_>,
    findings: &[Finding],
    others: &[Other<'_>],
    before: Repairs,
) -> (Repairs, bool) {
    let done = done_by(findings);
    let beside: Vec<_> = others
        .iter()
        .map(|other| (&other.chain, done_by(&other.findings)))
        .collect();
    let has_done = !done.is_empty() || beside.iter().any(|(_, done)| !done.is_empty());
    let mut repairs = done.iter().fold(before, |repairs, one| repairs.with(chain, one));
    for (chain, done) in beside {
        repairs = done.iter().fold(repairs, |repairs, one| repairs.with(chain, one));
    }
    let edited = done.contains(&Repaired::Templates);
    if edited || done.contains(&Repaired::Pods) {
        let annotated = repairs.clone();
        repairs = repairs.with_pods(&rederived(chain, &annotated), edited);
    }
    (repairs, has_done)
}

fn verdict_of(chain: &Chain<'_>, findings: &[Finding], others: &[Other<'_>]) -> Verdict {
    let beside = others.iter().flat_map(|other| &other.findings);
    let all: Vec<Finding> = findings.iter().chain(beside).cloned().collect();
    verdict::verdict(&all, expects(chain))
}

fn rederived<'b>(chain: &'b Chain<'_>, repairs: &'b Repairs) -> Chain<'b> {
    let repaired = Chain::derive_with(chain.snapshot, chain.config, chain.key, chain.now, Some(repairs));
    repaired.sharing(chain.shared)
}

fn is_broken(finding: &Finding) -> bool {
    finding.counts() && finding.severity == Severity::Broken
}

/// What the fixes of findings do. Where one of them changes which role is asked for, the others are about the wrong one.
fn done_by(findings: &[Finding]) -> Vec<Repaired> {
    let broken = findings.iter().filter(|finding| is_broken(finding));
    let fixes = broken.filter_map(|finding| finding.fix.as_ref());
    let all = fixes.flat_map(Fix::all_repairs);
    let mut all: Vec<Repaired> = all.cloned().collect();
    let names_role = |repaired: &Repaired| {
        matches!(
            repaired,
            Repaired::RoleAnnotation { .. } | Repaired::ConfigMapRole(_)
        )
    };
    if all.iter().any(names_role) {
        all.retain(|repaired| {
            names_role(repaired) || matches!(repaired, Repaired::Pods | Repaired::Templates)
        });
    }
    all
}
