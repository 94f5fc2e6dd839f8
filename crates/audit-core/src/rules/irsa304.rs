//! # IRSA304 `IssuerUnknown`
//!
//! ## What it means
//! The cluster's issuer could not be determined. The operator uses, in this order: its flag, the `iss` of its own token,
//! the API server's discovery document, EKS. In an audit of files, the issuer comes from the output of `aws eks describe-cluster`, or from
//! the discovery document.
//!
//! ## Why it is unknown
//! The issuer is part of the provider's ARN and of the condition keys. Without it, provider and trust policy cannot be checked.
//!
//! ## In logs
//! The operator logs which source of the issuer failed, and why.
//!
//! ## Example
//! ```console
//! $ kubectl get clusterirsaaudit cluster -o jsonpath='{.status.issuer}'
//! ```
//! prints nothing.
//!
//! ## Fix
//! Set `--issuer` of the operator, or of the command.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o yaml` shows the issuer.
//!
//! ## References
//! - [Service account issuer discovery](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery)
//! - [DescribeCluster](https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html)

use jiff::Timestamp;

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::config::Config;
use crate::finding::{Entry, Finding, Link, Reread, Severity};
use crate::fix::Fix;
use crate::snapshot::Snapshot;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA304",
    reason: "IssuerUnknown",
    severity: Severity::Unknown,
    link: Link::Provider,
    title: "the cluster's issuer could not be determined",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check), Check::Cluster(of_cluster)],
};

fn of_cluster(snapshot: &Snapshot, _: &Config, _: Timestamp) -> Vec<Finding> {
    snapshot.issuer.is_none().then(finding).into_iter().collect()
}

fn finding() -> Finding {
    let fix = Fix::manual(
        "set `--issuer`, of the operator or of the command, to the `issuer` that \
         `kubectl get --raw /.well-known/openid-configuration` prints",
    );
    Finding::new(
        &ENTRY,
        "the cluster's issuer could not be determined, so OIDC provider and trust policy cannot be checked"
            .to_owned(),
    )
    .fix(fix)
    .reread(Reread::Nothing)
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    chain.past_role()?;
    chain.issuer.is_none().then(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit_cluster;
    use crate::model::RoleLookup;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn without_an_issuer_provider_and_trust_are_unknown() {
        let world = World::healthy().issuer_unknown();
        let report = world.audit();
        the_one(
            &report,
            ("IRSA304", Severity::Unknown, Link::Provider, Verdict::Unknown),
        );
        assert_eq!(state(&report, Link::Role), LinkState::Passes);
        assert_eq!(state(&report, Link::Trust), LinkState::NotReached);
        assert!(!report.pending, "nothing is on its way");
        let cluster = audit_cluster(&world.snapshot, &world.config, world.now);
        assert_eq!(
            cluster.findings.iter().map(|f| f.entry.code).collect::<Vec<_>>(),
            ["IRSA304"]
        );
    }

    #[test]
    fn it_does_not_hide_a_role_that_is_not_there() {
        let report = World::healthy().issuer_unknown().role(RoleLookup::Absent).audit();
        assert_eq!(codes(&report), ["IRSA201"]);
    }
}
