//! Ways beside the one that decides: containers with roles of their own that refuse them as well.
//!
//! A verdict is named after one way. A pod whose containers bring several roles can fail at each of them, and so can a controller
//! that requests a token beside it: all are said at once, each with its fix, so that repairing one does not merely show the next.

use super::judge_way;
use crate::chain::{Chain, NamedRole};
use crate::finding::{AboutRole, Finding, Link, NEXT_ROLE, Severity};
use crate::text::quote;

/// A binding along one of its ways, and what is said of it there.
pub(super) struct Other<'a> {
    /// The binding along the way.
    pub(super) chain: Chain<'a>,
    /// What is broken there, without the words that say where.
    pub(super) findings: Vec<Finding>,
}

/// The binding along the ways that do not decide, with what is broken there.
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
    others.collect()
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
        if is_of_the_way(finding) && !finding.names_taker {
            finding.message = format!("{taker}, with role `{}`: {}", role(chain), finding.message);
            finding.names_taker = true;
        }
    }
}

/// Whether a finding is about the role that a way leads to, and not about the binding as a whole. That the first role of a way is not
/// seen makes it the one that decides, unless another is broken; a role that is assumed next does not.
fn is_of_the_way(finding: &Finding) -> bool {
    let links = [Link::Role, Link::Provider, Link::Trust];
    let is_next = finding.entry.code == NEXT_ROLE;
    let is_of_role = links.contains(&finding.link) || finding.entry.code == "IRSA102" || is_next;
    match finding.severity {
        Severity::Broken => is_of_role,
        Severity::Unknown => is_next,
        Severity::Notice | Severity::Risk => false,
    }
}

impl Other<'_> {
    /// The findings as a report has them: where, then what. Of what the report of `main` says already, nothing.
    pub(super) fn said(&self, main: &Chain<'_>, already: &[Finding]) -> Vec<Finding> {
        let taker = self
            .chain
            .deciding
            .map(|way| way.taker.shown())
            .unwrap_or_default();
        let (of_main, of_this) = (about(main), about(&self.chain));
        let role_of = |finding: &'_ Finding, otherwise: &AboutRole| {
            finding.about.clone().unwrap_or_else(|| otherwise.clone())
        };
        let new = self.findings.iter().filter(|finding| {
            let same = |other: &Finding| {
                other.entry == finding.entry
                    && other.link == finding.link
                    && role_of(other, &of_main) == role_of(finding, &of_this)
            };
            !already.iter().any(same)
        });
        new.cloned()
            .map(|mut finding| {
                if !finding.names_taker {
                    finding.message = format!("{taker}, with role `{}`: {}", self.role(), finding.message);
                    finding.names_taker = true;
                }
                finding.about.get_or_insert_with(|| of_this.clone());
                finding
            })
            .collect()
    }

    /// The role, safe to show.
    pub(super) fn role(&self) -> String {
        role(&self.chain)
    }
}

/// The role that a chain leads to.
fn about(chain: &Chain<'_>) -> AboutRole {
    AboutRole {
        role: role(chain),
        audience: chain.audience.to_owned(),
    }
}

/// The role of a chain, safe to show.
pub(super) fn role(chain: &Chain<'_>) -> String {
    match &chain.named_role {
        NamedRole::Role(arn) => arn.to_string(),
        NamedRole::Malformed(text, _) => quote(text),
        NamedRole::Missing => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::verdict_after_fixes;
    use crate::model::{Container, RequestedAudience, RoleLookup};
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
    fn a_role_that_two_ways_lead_to_is_said_once() {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/a");
        let world = refused(&["a"]).requested("SecretStore", RequestedAudience::Annotated, Some(&arn));
        let report = world.audit();
        assert_eq!(codes(&report), ["IRSA204"], "{}", shown(&report));
        let of_another_audience = refused(&["a"]).requested(
            "SecretStore",
            RequestedAudience::Fixed("vault".to_owned()),
            Some(&arn),
        );
        let report = of_another_audience.audit();
        let about: Vec<_> = report
            .findings
            .iter()
            .map(|finding| finding.about.is_some())
            .collect();
        assert!(
            about.contains(&true) && about.contains(&false),
            "{}",
            shown(&report)
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
