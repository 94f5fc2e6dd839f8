//! # IRSA912 `PodIdentityNotAudited`
//!
//! ## What it means
//! Pods of the ServiceAccount get their credentials from EKS Pod Identity, or an association exists that will give them to new pods.
//! irsa-audit does not audit this path: neither the association, nor the trust policy for `pods.eks.amazonaws.com`, nor the agent.
//!
//! ## Why it is unknown
//! irsa-audit checked nothing that could be broken. The annotation does not matter for these pods.
//!
//! ## In logs
//! Nothing by itself.
//!
//! ## Example
//! ```yaml
//! env:
//! - name: AWS_CONTAINER_CREDENTIALS_FULL_URI
//!   value: http://169.254.170.23/v1/credentials
//! ```
//!
//! ## Fix
//! Check by hand: `aws eks list-pod-identity-associations --cluster-name CLUSTER --namespace NS --service-account NAME`, and
//! the trust policy of the association's role, which must allow `sts:AssumeRole` and `sts:TagSession` to
//! `pods.eks.amazonaws.com`.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` shows the role that the pod actually has.
//!
//! ## References
//! - [How EKS Pod Identity works](https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html)
//! - [Assign an IAM role to a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::AuditRequest;
use crate::paths::{CredentialPath, Taker};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA912",
    reason: "PodIdentityNotAudited",
    severity: Severity::Unknown,
    link: Link::Pods,
    title: "EKS Pod Identity gives the credentials, which is not audited",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if chain.uses_pod_identity && chain.request.is_some_and(AuditRequest::expects_role) {
        // IRSA906 says which expectation that leaves open.
        return None;
    }
    let message = match chain.ways.taker_of(CredentialPath::PodIdentity)? {
        taker @ (Taker::Container(..) | Taker::Object(_)) => format!(
            "{} gets its credentials from EKS Pod Identity, which is not audited: irsa-audit did not check the association's role and its \
             trust policy",
            taker.shown()
        ),
        Taker::Nothing => {
            "an EKS Pod Identity association gives new pods their role, which is not audited".to_owned()
        }
    };
    let fix = Fix::manual(
        "check that the association's role allows `sts:AssumeRole` and `sts:TagSession` for `pods.eks.amazonaws.com`, and that \
         the agent runs on the nodes",
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Observed, PodIdentityAssociation};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA912", Severity::Unknown, Link::Pods, Verdict::Unknown);

    #[test]
    fn pods_of_pod_identity_are_never_said_to_work() {
        for world in [World::healthy(), World::healthy().without_annotation()] {
            the_one(&world.container(with_pod_identity("app")).audit(), UNKNOWN);
        }
        let mixed = World::healthy().another_pod("worker", with_pod_identity("app"));
        the_one(&mixed.audit(), UNKNOWN);
    }

    #[test]
    fn so_is_an_association_where_nothing_else_asks_for_a_role() {
        let association = PodIdentityAssociation {
            is_described: true,
            id: "a-1".to_owned(),
            role_arn: None,
            has_session_tags: true,
        };
        let world = World::healthy().without_annotation().without_pods();
        let (now, key) = (world.now, world.key.clone());
        let world =
            world.account(|account| account.pod_identity = Observed::known([(key, association)].into(), now));
        the_one(&world.audit(), UNKNOWN);
    }
}
