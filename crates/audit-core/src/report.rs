//! What an audit returns.

use jiff::Timestamp;

use crate::finding::{Finding, Link};
use crate::model::{BindingKey, ClusterIssuer, FailureKind, PlannedResources, Workload};
use crate::paths::CredentialPath;
use crate::verdict::Verdict;

/// The reason of a binding without a deciding finding.
pub const ALL_LINKS_PASS: &str = "AllLinksPass";

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Looked at, and passes.
    Passes,
    /// Does not apply to this binding; or what is wrong with it, or before it, is waived, or was made to weigh less.
    NotApplicable,
    /// Broken, by the finding with this reason.
    Broken(&'static str),
    /// Could not be seen, by the finding with this reason; the verdict is then *Unknown*, or *Broken* by another link.
    Unseen(&'static str),
    /// Could not be seen, and nothing is expected of it, so that the verdict does not depend on it.
    NotExpected,
    /// Not looked at, because an earlier link is broken or unseen.
    NotReached,
}

/// The pods of a binding, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSummary {
    /// Pods that can still ask for credentials.
    pub total: u32,
    /// Of these, Ready.
    pub ready: u32,
    /// Of these, with another role than the annotation's.
    pub stale: u32,
    /// Of these, without injected credentials.
    pub missing: u32,
    /// What to restart: the workloads of stale and missing pods, sorted, without repetition.
    pub workloads: Vec<Workload>,
}

/// Who asks whom for what, as far as it could be derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindingFacts {
    /// How its consumers get their credentials: of several ways, the one that is audited. Absent where nothing is there to get
    /// any.
    pub path: Option<CredentialPath>,
    /// The other ways that are taken.
    pub other_paths: Vec<CredentialPath>,
    /// The role to which the path leads: on that of the webhook, the annotation's.
    pub role_arn: Option<String>,
    /// The role's account.
    pub account: Option<String>,
    /// The cluster's issuer, with its scheme.
    pub issuer: Option<String>,
    /// The provider that the role must trust.
    pub provider_arn: Option<String>,
    /// The `sub` claim.
    pub subject: String,
    /// The `aud` claim.
    pub audience: Option<String>,
}

/// The audit of one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingReport {
    /// Which binding.
    pub key: BindingKey,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason of the deciding finding, or [`ALL_LINKS_PASS`].
    pub reason: &'static str,
    /// One line for a person.
    pub message: String,
    /// All findings, in chain order.
    pub findings: Vec<Finding>,
    /// Which of the findings the verdict, its reason and its message are named after.
    pub deciding: Option<usize>,
    /// What else is broken once the fixes of these are carried out, in the order in which it would appear.
    pub then: Vec<Finding>,
    /// How each link stands, in chain order.
    pub links: [(Link, LinkState); 7],
    /// Who asks whom for what.
    pub facts: BindingFacts,
    /// The pods.
    pub pods: PodSummary,
    /// Some evidence has not been asked for yet, or its first answer is still on its way: wait for it rather than
    /// show this report.
    pub pending: bool,
    /// When this report may change without any new observation: a waiver ends, evidence grows too old.
    pub valid_until: Option<Timestamp>,
}

/// What is known of an account as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountReport {
    /// The account.
    pub account: String,
    /// The ARN of the provider for this cluster's issuer; absent where it is not registered or was never seen.
    pub provider_arn: Option<String>,
    /// Whether the provider was looked for with success.
    pub provider_seen: bool,
    /// Failures that are going on now.
    pub failures: Vec<FailureKind>,
    /// The oldest evidence that a verdict rests on.
    pub oldest_evidence: Option<Timestamp>,
}

impl BindingReport {
    /// The finding that the verdict is named after, if one is.
    #[must_use]
    pub fn deciding(&self) -> Option<&Finding> {
        self.findings.get(self.deciding?)
    }

    /// Notes in each finding which resource of a Terraform plan declares what it is about: the role, the provider, or the association; else
    /// the ServiceAccount that asks for them.
    pub fn point_at(&mut self, resources: &PlannedResources) {
        let Self {
            key,
            facts,
            findings,
            then,
            ..
        } = self;
        let account = resources.service_accounts.get(key);
        let of = |finding: &Finding| {
            let about = finding.about.as_ref().map(|about| &about.role);
            let declared = match finding.link {
                Link::Role | Link::Trust | Link::Permissions => {
                    let arn = about.or(facts.role_arn.as_ref());
                    arn.and_then(|arn| resources.roles.get(arn))
                }
                Link::Provider => {
                    let arn = facts.provider_arn.as_ref();
                    arn.and_then(|arn| resources.providers.get(arn))
                }
                Link::Pods => resources.associations.get(key),
                Link::ServiceAccount => None,
                Link::Rbac => return None,
            };
            declared.or(account).cloned()
        };
        for finding in findings.iter_mut().chain(then) {
            finding.resource = of(finding);
        }
    }
}

/// The audit of what concerns no single binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterReport {
    /// The cluster's issuer, and how it was found out.
    pub issuer: Option<ClusterIssuer>,
    /// Findings about accounts and the cluster, in the order of their codes.
    pub findings: Vec<Finding>,
    /// Each account that bindings lead to.
    pub accounts: Vec<AccountReport>,
}

/// The audit of a whole snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One report for each binding, sorted.
    pub bindings: Vec<BindingReport>,
    /// The rest.
    pub cluster: ClusterReport,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PlannedResource;
    use crate::testing::*;

    #[test]
    fn a_finding_points_at_what_it_is_about_or_at_the_service_account() {
        let resource = |address: &str| PlannedResource {
            plan: None,
            address: address.to_owned(),
        };
        let mut resources = PlannedResources::default();
        let world = World::healthy().trust(&trust(&condition("system:serviceaccount:prod:cart")));
        let accounts = &mut resources.service_accounts;
        accounts.insert(world.key.clone(), resource("kubernetes_service_account.cart"));
        let pointed = |resources: &PlannedResources| {
            let mut report = world.audit();
            report.point_at(resources);
            let first = report
                .findings
                .first()
                .and_then(|finding| finding.resource.clone());
            first.map(|resource| resource.address)
        };
        assert_eq!(pointed(&PlannedResources::default()), None);
        assert_eq!(
            pointed(&resources).as_deref(),
            Some("kubernetes_service_account.cart")
        );
        resources
            .roles
            .insert(ROLE.to_owned(), resource("aws_iam_role.cart"));
        assert_eq!(pointed(&resources).as_deref(), Some("aws_iam_role.cart"));
    }
}
