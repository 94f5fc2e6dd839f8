//! What a Terraform plan leaves open, and which of its resources declare what is audited. Sources: Terraform's
//! [JSON output format](https://developer.hashicorp.com/terraform/internals/json-format), which `OpenTofu` shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::BindingKey;
use crate::finding::{Finding, Link};
use crate::report::BindingReport;

/// A value that a Terraform plan does not give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanGap {
    /// The resource instance and its attribute, such as `module.irsa.aws_iam_role.this["app"].assume_role_policy`. Untrusted text.
    pub attribute: String,
    /// Why the plan does not give it.
    pub why: PlanGapReason,
    /// Whether it is the trust policy of a role, of which the plan may tell the rest.
    pub is_trust: bool,
}

/// Why a plan does not give a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanGapReason {
    /// Terraform knows it only after apply: `after_unknown`.
    AfterApply,
    /// Terraform marks it as sensitive, so that no report may show it.
    Sensitive,
}

/// A role annotation that the plan does not give, and whose expression refers to one role alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenAnnotation {
    /// The annotation.
    pub gap: PlanGap,
    /// The address of the role whose ARN is taken for it. Untrusted text.
    pub role: String,
}

/// A resource of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedResource {
    /// The path of the plan as it was given; absent for standard input. Untrusted text.
    pub plan: Option<Arc<str>>,
    /// Its address, such as `module.irsa.aws_iam_role.this["app"]`. Untrusted text.
    pub address: String,
}

/// The resources of Terraform plans by what they declare; empty where no plan was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedResources {
    /// `ServiceAccount`s.
    pub service_accounts: BTreeMap<BindingKey, PlannedResource>,
    /// Associations of EKS Pod Identity, by the ServiceAccount that they are for.
    pub associations: BTreeMap<BindingKey, PlannedResource>,
    /// Roles by ARN.
    pub roles: BTreeMap<String, PlannedResource>,
    /// OIDC providers by ARN.
    pub providers: BTreeMap<String, PlannedResource>,
}

impl PlannedResources {
    /// Notes in each finding which resource declares what it is about: the role, the provider, or the association; else the ServiceAccount
    /// that asks for them.
    pub fn point(&self, binding: &mut BindingReport) {
        let BindingReport {
            key,
            facts,
            findings,
            then,
            ..
        } = binding;
        let account = self.service_accounts.get(key);
        let of = |finding: &Finding| {
            let role = finding.about.as_ref().map(|about| &about.role);
            let declared = match finding.link {
                Link::Role | Link::Trust | Link::Permissions => role
                    .or(facts.role_arn.as_ref())
                    .and_then(|arn| self.roles.get(arn)),
                Link::Provider => {
                    let arn = facts.provider_arn.as_ref();
                    arn.and_then(|arn| self.providers.get(arn))
                }
                Link::Pods => self.associations.get(key),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn a_finding_points_at_what_it_is_about_or_at_the_service_account() {
        let resource = |address: &str| PlannedResource {
            plan: None,
            address: address.to_owned(),
        };
        let mut resources = PlannedResources::default();
        let world = World::healthy().trust(&trust(&condition("system:serviceaccount:prod:cart")));
        resources
            .service_accounts
            .insert(world.key.clone(), resource("kubernetes_service_account.cart"));
        let pointed = |resources: &PlannedResources| {
            let mut report = world.audit();
            resources.point(&mut report);
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
