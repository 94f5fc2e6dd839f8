//! What else is in the way of a broken binding: the audit goes on with what was found repaired in memory.
//!
//! A finding hides others: without an annotation there is no role to look at, and a trust policy has one cause at a time. Each round
//! takes what the fixes of the round before do as done, derives the chain from that, and keeps what is broken there and was not said
//! yet. Only broken bindings take that way, most of them one round.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{expects, judge};
use crate::chain::{Chain, Repairs};
use crate::finding::{Finding, Link, Severity};
use crate::fix::Repaired;
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

/// Goes on from the findings of a chain.
pub(super) fn after_fixes(chain: &Chain<'_>, findings: &[Finding]) -> Afterwards {
    let mut said: BTreeSet<&'static str> = findings.iter().map(|finding| finding.entry.code).collect();
    let mut then: Vec<Finding> = Vec::new();
    let mut verdict = verdict::verdict(findings, expects(chain));
    let mut valid_until = None;
    let mut repairs = Repairs::default();
    let mut done = done_by(findings);
    for _ in 0..ROUNDS {
        if done.is_empty() {
            break;
        }
        let before = repairs.clone();
        let reached = rederived(chain, &before);
        for repaired in &done {
            repairs = repairs.with(&reached, repaired);
        }
        let edited = done.contains(&Repaired::Templates);
        if edited || done.contains(&Repaired::Pods) {
            let annotated = repairs.clone();
            repairs = repairs.with_pods(&rederived(chain, &annotated), edited);
        }
        let reached = rederived(chain, &repairs);
        let mut after = judge(&reached);
        verdict = verdict::verdict(&after, expects(&reached));
        valid_until = [valid_until, super::valid_until(&reached)]
            .into_iter()
            .flatten()
            .min();
        after.retain(|finding| is_broken(finding) && said.insert(finding.entry.code));
        done = done_by(&after);
        then.append(&mut after);
    }
    Afterwards {
        then,
        verdict,
        valid_until,
    }
}

fn rederived<'b>(chain: &'b Chain<'_>, repairs: &'b Repairs) -> Chain<'b> {
    Chain::derive_with(chain.snapshot, chain.config, chain.key, chain.now, Some(repairs))
}

fn is_broken(finding: &Finding) -> bool {
    finding.counts() && finding.severity == Severity::Broken
}

/// What the fixes of findings do. Where one of them changes which role is asked for, the others are about the wrong one.
fn done_by(findings: &[Finding]) -> Vec<Repaired> {
    let broken = findings.iter().filter(|finding| is_broken(finding));
    let fixes = broken.filter_map(|finding| finding.fix.as_ref());
    let all = fixes.flat_map(|fix| {
        let next = fix.then.iter().flat_map(|next| &next.repairs);
        fix.repairs.iter().chain(next)
    });
    let mut all: Vec<Repaired> = all.cloned().collect();
    if all
        .iter()
        .any(|repaired| matches!(repaired, Repaired::RoleAnnotation(_)))
    {
        all.retain(|repaired| {
            matches!(
                repaired,
                Repaired::RoleAnnotation(_) | Repaired::Pods | Repaired::Templates
            )
        });
    }
    all
}
