//! What people said that they expect: the `spec` of an `IrsaAudit`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
pub use rbac::KubernetesExpectation;

/// A workload by kind and name, in the namespace of the binding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WorkloadRef {
    /// `Deployment`, `StatefulSet`, … : the kind of the controller.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// AWS actions that the role is expected to be able to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsExpectation {
    /// Actions, such as `s3:GetObject`.
    pub actions: Vec<String>,
    /// Resource ARNs.
    pub resources: Vec<String>,
    /// Condition keys that the request is known to carry.
    pub context: BTreeMap<String, String>,
}

/// A part of an `IrsaAudit` that is not evaluated, because it is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverLimit {
    /// The field of `spec`.
    pub field: &'static str,
    /// What is limited.
    pub what: &'static str,
    /// The most that there may be of it.
    pub limit: usize,
}

/// A finding that somebody has accepted for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The code that is waived, such as `IRSA208`.
    pub code: String,
    /// When it ends; absent for no end.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// One `IrsaAudit`, reduced to what the audit reads of it: never its status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditRequest {
    /// Name of the `IrsaAudit`.
    pub name: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// Name of the audited ServiceAccount, in the same namespace.
    pub service_account: String,
    /// Set while nobody wants the binding to be audited.
    pub suspend: bool,
    /// The role that the ServiceAccount is expected to have.
    pub role_arn: Option<String>,
    /// The workloads that are expected to run as the ServiceAccount.
    pub workloads: Vec<WorkloadRef>,
    /// Expected AWS permissions.
    pub aws: Vec<AwsExpectation>,
    /// Expected Kubernetes permissions.
    pub kubernetes: Vec<KubernetesExpectation>,
    /// What is not evaluated of them, see [`AuditRequest::bounded`].
    pub over_limit: Vec<OverLimit>,
    /// Accepted findings.
    pub waivers: Vec<Waiver>,
    /// Written by a person or from Git, not by the operator.
    pub declared: bool,
    /// There is no such `IrsaAudit`: a command line asks this. Messages do not speak of an object that the reader does not have.
    pub from_command: bool,
}

impl AuditRequest {
    /// Which of several requests for one ServiceAccount counts: declared before automatic, older before younger.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        let rank = |r: &Self| (!r.declared, r.created);
        rank(self)
            .cmp(&rank(other))
            .then_with(|| self.name.cmp(&other.name))
    }

    /// Whether AWS credentials are expected for the ServiceAccount.
    #[must_use]
    pub fn expects_role(&self) -> bool {
        self.role_arn.is_some() || self.expects_aws()
    }

    /// Whether only Kubernetes permissions are expected, so that the AWS links do not apply.
    #[must_use]
    pub fn expects_only_kubernetes(&self) -> bool {
        self.expects_kubernetes() && !self.expects_role()
    }

    /// Whether permissions in AWS are expected, evaluated or not.
    #[must_use]
    pub fn expects_aws(&self) -> bool {
        !self.aws.is_empty() || self.is_over_limit("expect.aws")
    }

    /// Whether permissions in Kubernetes are expected, evaluated or not.
    #[must_use]
    pub fn expects_kubernetes(&self) -> bool {
        !self.kubernetes.is_empty() || self.is_over_limit("expect.kubernetes")
    }

    /// Whether something in a field of `spec` is not evaluated.
    fn is_over_limit(&self, field: &str) -> bool {
        self.over_limit.iter().any(|over| over.field == field)
    }
}
