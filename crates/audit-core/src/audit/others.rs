//! Ways beside the one that decides: containers with roles of their own that refuse them as well.
//!
//! A verdict is named after one way. A pod whose containers bring several roles can fail at each of them, and so can a controller
//! that requests a token beside it: all are said at once, each with its fix, so that repairing one does not merely show the next.

use super::judge_way;
use crate::chain::{Annotation, Chain};
use crate::finding::{Finding, Link, NEXT_ROLE, Severity};
use crate::text::quote;

/// A finding, and the role that it is about.
pub(super) struct Other<'a> {
    /// The binding along the way.
    pub(super) chain: Chain<'a>,
    /// What is broken there, without the words that say where.
    pub(super) findings: Vec<Finding>,
}

/// What is broken along the ways that do not decide.
pub(super) fn along_others<'a>(chain: &Chain<'a>) -> Vec<Other<'a>> {
    let Some(deciding) = &chain.deciding else {
        return Vec::new();
    };
    let ways = chain.ways.besides(deciding);
    let others = ways.into_iter().map(|way| {
        let chain = chain.along(way);
        let mut findings = judge_way(&chain);
        findings.retain(is_of_the_way);
        Other { chain, findings }
    });
    others.filter(|other| !other.findings.is_empty()).collect()
}

/// Says in the findings about the role of the way that decides who takes that way, where others take other ways. The annotation names the
/// webhook's role itself.
pub(super) fn name_taker(chain: &Chain<'_>, findings: &mut [Finding]) {
    let Some(way) = chain.deciding.as_ref().filter(|_| !chain.is_webhooks()) else {
        return;
    };
    if chain.ways.besides(way).is_empty() {
        return;
    }
    let taker = way.taker.shown();
    for finding in findings {
        if is_of_the_way(finding) && !finding.message.contains(&taker) {
            finding.message = format!("{taker}, with role `{}`: {}", role(chain), finding.message);
        }
    }
}

/// Whether a finding is about the role that a way leads to, and not about the binding as a whole.
fn is_of_the_way(finding: &Finding) -> bool {
    let links = [Link::Role, Link::Provider, Link::Trust];
    let is_of_role = links.contains(&finding.link) || ["IRSA102", NEXT_ROLE].contains(&finding.entry.code);
    finding.severity == Severity::Broken && is_of_role
}

impl Other<'_> {
    /// The findings as a report has them: where, then what. Of what the report says already, nothing.
    pub(super) fn said(&self, already: &[Finding]) -> Vec<Finding> {
        let taker = self
            .chain
            .deciding
            .map(|way| way.taker.shown())
            .unwrap_or_default();
        let new = self.findings.iter().filter(|finding| {
            let same = |other: &Finding| other.entry == finding.entry && other.message == finding.message;
            !already.iter().any(same)
        });
        new.cloned()
            .map(|mut finding| {
                finding.message = format!("{taker}, with role `{}`: {}", self.role(), finding.message);
                finding
            })
            .collect()
    }

    /// The role, safe to show.
    pub(super) fn role(&self) -> String {
        role(&self.chain)
    }
}

/// The role of a chain, safe to show.
pub(super) fn role(chain: &Chain<'_>) -> String {
    match &chain.annotation {
        Annotation::Role(arn) => arn.to_string(),
        Annotation::Malformed(text, _) => quote(text),
        Annotation::Missing => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::verdict_after_fixes;
    use crate::model::{Container, RoleLookup};
    use crate::testing::*;
    use crate::verdict::Verdict;

    /// Containers with roles of their own, of which none admits the ServiceAccount.
    fn refused(roles: &[&str]) -> World {
        let elsewhere = trust(&condition("system:serviceaccount:staging:cart")).to_string();
        let world = roles
            .iter()
            .fold(World::healthy().without_annotation(), |world, name| {
                let arn = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
                world.any_role(name, role(&arn, &elsewhere))
            });
        world.pod(|pod| {
            pod.containers = roles
                .iter()
                .map(|name| Container {
                    name: format!("with-{name}"),
                    ..own(AUDIENCE, &format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
                })
                .collect();
        })
    }

    #[test]
    fn all_own_roles_that_refuse_are_said_at_once() {
        let report = refused(&["a", "b", "c"]).audit();
        assert_eq!(report.verdict, Verdict::Broken);
        assert_eq!(codes(&report), ["IRSA204"; 3], "{}", shown(&report));
        for name in ["b", "c"] {
            let words = format!(
                "container `with-{name}` of `Deployment/cart`, with role `arn:aws:iam::{ACCOUNT}:role/{name}`: "
            );
            let named = report
                .findings
                .iter()
                .find(|finding| finding.message.starts_with(&words));
            let fix = named.unwrap().fix.as_ref().unwrap().whole();
            assert!(fix.contains(&format!("--role-name {name}")), "{fix}");
        }
        assert!(report.then.is_empty(), "nothing else comes after these repairs");
        assert!(
            report
                .message
                .starts_with("container `with-a` of `Deployment/cart`, with role "),
            "{}",
            report.message
        );
    }

    #[test]
    fn their_fixes_together_lead_to_working() {
        let world = refused(&["a", "b"]);
        let after = verdict_after_fixes(&world.snapshot, &world.config, &world.key, world.now);
        assert_ne!(after, Verdict::Broken);
    }

    #[test]
    fn one_that_works_is_not_said() {
        let report = refused(&["a", "b"])
            .good_role(&format!("arn:aws:iam::{ACCOUNT}:role/b"))
            .audit();
        assert_eq!(codes(&report), ["IRSA204"], "{}", shown(&report));
        let absent = refused(&["a", "b"]).any_role("b", RoleLookup::Absent).audit();
        assert_eq!(codes(&absent), ["IRSA201", "IRSA204"], "{}", shown(&absent));
    }
}
