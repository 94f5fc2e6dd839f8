//! # IRSA919 `NamespaceAssumed`
//!
//! ## What it means
//! The manifest of the ServiceAccount, or of a workload that runs as it, names no namespace, and `--namespace` is not set. irsa-audit
//! assumes the namespace `default`, as kubectl does. The operator never reports this finding.
//!
//! ## Why it is unknown
//! The namespace is a part of the token's subject, `system:serviceaccount:NAMESPACE:NAME`. Whether the trust policy admits it depends on
//! where the manifest is applied. What depends on the namespace (the trust policy, and whether the ServiceAccount exists) is *unknown*
//! instead of *broken*, without a fix. All other findings stay the same.
//!
//! ## In logs
//! Nothing: only an audit of files reports this.
//!
//! ## Example
//! ```console
//! $ helm template chart | irsa-audit audit --partial --kubernetes - --aws account
//! ```
//! where the chart leaves the namespace to `helm install --namespace`.
//!
//! ## Fix
//! Set the namespace in which the manifests will be applied: `irsa-audit audit --namespace NAMESPACE …`.
//!
//! ## Verify
//! The finding is gone.
//!
//! ## References
//! - [Namespaces](https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA919",
    reason: "NamespaceAssumed",
    severity: Severity::Unknown,
    link: Link::ServiceAccount,
    title: "the manifest names no namespace",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if !chain.snapshot.cluster.has_assumed_namespace(chain.key) {
        return None;
    }
    let message = format!(
        "the manifest of ServiceAccount `{}`, or of a workload that runs as it, names no namespace: irsa-audit assumes namespace `{}`, and the \
         subject of the tokens depends on it",
        quote(&chain.key.service_account),
        quote(&chain.key.namespace)
    );
    let fix = Fix::manual("set `--namespace` to the namespace in which the manifests are applied");
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// Takes back what a finding proves by a namespace that is only assumed: in a different namespace it may not hold. Its repair would
/// admit a subject that nobody meant.
pub(crate) fn doubt(chain: &Chain<'_>, finding: &mut Finding) {
    let depends =
        matches!(finding.link, Link::Trust | Link::Rbac) || finding.entry.code == super::irsa106::ENTRY.code;
    if depends
        && finding.severity == Severity::Broken
        && chain.snapshot.cluster.has_assumed_namespace(chain.key)
    {
        finding.severity = Severity::Unknown;
        finding.fix = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn assumed(mut world: World) -> World {
        let key = world.key.clone();
        world.snapshot.cluster.put_assumed_namespace(key);
        world.read_from_files()
    }

    #[test]
    fn what_depends_on_an_assumed_namespace_is_neither_broken_nor_working() {
        the_one(
            &assumed(World::healthy()).audit(),
            (
                "IRSA919",
                Severity::Unknown,
                Link::ServiceAccount,
                Verdict::Unknown,
            ),
        );
        let other = || World::healthy().trust(&trust(&condition("system:serviceaccount:prod:cart")));
        assert_eq!(other().audit().verdict, Verdict::Broken);
        let report = assumed(other()).audit();
        assert_eq!(report.verdict, Verdict::Unknown);
        let on_trust = report
            .findings
            .iter()
            .filter(|finding| finding.link == Link::Trust);
        assert!(
            on_trust.into_iter().all(|finding| finding.fix.is_none()),
            "{report:?}"
        );
    }

    #[test]
    fn what_is_broken_in_every_namespace_stays_broken() {
        let report = assumed(World::healthy().without_provider()).audit();
        assert_eq!(
            (report.verdict, report.reason),
            (Verdict::Broken, "ProviderNotRegistered")
        );
    }
}
