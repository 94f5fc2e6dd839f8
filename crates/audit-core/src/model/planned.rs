//! What a Terraform plan leaves open, and which of its resources declare what is audited. Sources: Terraform's
//! [JSON output format](https://developer.hashicorp.com/terraform/internals/json-format), which `OpenTofu` shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::BindingKey;

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
