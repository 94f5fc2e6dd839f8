//! # IRSA917 `BindingsNotAudited`
//!
//! ## What it means
//! ServiceAccounts with a role are not audited, or not completely: their `IrsaAudit` is suspended, it cannot be created (the API
//! server refuses it, or audits of other ServiceAccounts have its names), or it expects more than irsa-audit evaluates for one object (IRSA906). The finding counts them for each namespace. If an `IrsaAudit`
//! cannot be created, the ServiceAccount is still audited, but its verdict is only in the metrics.
//!
//! ## Why it is unknown
//! Anyone who can edit a namespace can set `spec.suspend`, add a `ResourceQuota` for `IrsaAudit` objects, or create an `IrsaAudit` that has the
//! name of one ServiceAccount and audits a different one. A missing or old
//! status does not mean that the bindings work.
//!
//! In an audit of files: another page of a list was not given, so ServiceAccounts, pods or roles may be missing.
//!
//! ## In logs
//! The operator logs each kind of refused write.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ResourceQuota
//! metadata:
//!   name: no-audits
//!   namespace: shop
//! spec:
//!   hard:
//!     count/irsaaudits.irsa-audit.dev: "0"
//! ```
//!
//! ## Fix
//! Set `spec.suspend` of the `IrsaAudit` to false. If creation is refused: change the quota, or the admission webhook or policy, that the
//! refusal in the operator's log names, or rename the `IrsaAudit` that has the name of this ServiceAccount. If an `IrsaAudit` expects too much: see IRSA906 in its status.
//!
//! ## Verify
//! `kubectl get clusterirsaaudit cluster -o jsonpath='{.status.unaudited}'` does not list the namespace.
//!
//! ## References
//! - [Resource quotas](https://kubernetes.io/docs/concepts/policy/resource-quotas/)

use jiff::Timestamp;

use crate::Config;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::{Snapshot, Unaudited};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA917",
    reason: "BindingsNotAudited",
    severity: Severity::Unknown,
    link: Link::ServiceAccount,
    title: "ServiceAccounts are not audited, or not completely",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Cluster(check), Check::Cluster(missing_pages)],
};

/// The most namespaces that are named.
const NAMED: usize = 10;

fn check(snapshot: &Snapshot, config: &Config, _: Timestamp) -> Vec<Finding> {
    let namespaces = snapshot.cluster.unaudited(config);
    if namespaces.is_empty() {
        return Vec::new();
    }
    let total: u32 = namespaces.iter().map(|(_, count)| count.total()).sum();
    let named: Vec<String> = namespaces
        .iter()
        .take(NAMED)
        .map(|(namespace, count)| format!("in `{}` ({})", quote(namespace), reasons(count)))
        .collect();
    let others = match namespaces.len().saturating_sub(NAMED) {
        0 => String::new(),
        others => format!(", and in {others} more namespaces"),
    };
    let are = if total == 1 {
        "ServiceAccount is"
    } else {
        "ServiceAccounts are"
    };
    let message = format!(
        "{total} {are} not audited, or not completely: {}{others}",
        named.join(", ")
    );
    let fix = Fix::manual(
        "set `spec.suspend` of suspended IrsaAudits to false; if creation is refused, change the quota or the admission policy of the \
         namespace, or rename IrsaAudits that have the name of a different ServiceAccount; if a limit is exceeded, see IRSA906 in the status"
            .to_owned(),
    );
    vec![Finding::new(&ENTRY, message).fix(fix)]
}

/// In files: lists of which another page was not given.
fn missing_pages(snapshot: &Snapshot, _: &Config, _: Timestamp) -> Vec<Finding> {
    let pages = snapshot.cluster.missing_pages();
    if pages.is_empty() {
        return Vec::new();
    }
    let named: Vec<&str> = pages.iter().take(NAMED).map(String::as_str).collect();
    let message = format!(
        "what is not in the files is not audited, and pages of lists are missing: {}{}",
        named.join(", "),
        match pages.len().saturating_sub(NAMED) {
            0 => String::new(),
            others => format!(", and {others} more"),
        }
    );
    let fix = Fix::manual(
        "give whole lists: those of `kubectl get` without `metadata.continue`, and those of the AWS CLI without `NextToken` and with \
         `IsTruncated` false",
    );
    vec![Finding::new(&ENTRY, message).fix(fix)]
}

fn reasons(count: &Unaudited) -> String {
    let reasons = [
        (count.suspended, "suspended"),
        (count.refused, "refused"),
        (count.over_limit, "over a limit"),
    ];
    let counted = reasons.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = counted.map(|(count, why)| format!("{count} {why}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKey, OverLimit};
    use crate::testing::World;

    fn found(world: &World) -> Vec<Finding> {
        check(&world.snapshot, &world.config, world.now)
    }

    #[test]
    fn a_missing_page_of_a_list_is_told() {
        let mut world = World::healthy();
        let page = "a page of the `PodList` in `pods.json`";
        world.snapshot.cluster.put_missing_page(page.to_owned());
        let findings = missing_pages(&world.snapshot, &world.config, world.now);
        assert!(
            findings.len() == 1 && findings[0].message.contains(page),
            "{findings:?}"
        );
        assert!(missing_pages(&World::healthy().snapshot, &world.config, world.now).is_empty());
    }

    #[test]
    fn what_is_audited_is_not_told() {
        assert!(found(&World::healthy()).is_empty());
    }

    #[test]
    fn each_reason_is_told_with_its_namespace() {
        let suspended = World::healthy().request(|request| request.suspend = true);
        let over = World::healthy().request(|request| {
            request.over_limit = vec![OverLimit {
                field: "expect.aws",
                what: "actions on resources in all",
                limit: 512,
            }];
        });
        let mut refused = World::healthy();
        let key = BindingKey::new("greedy", "cart");
        assert!(refused.snapshot.cluster.put_refused(&key, true));
        for (world, word) in [(suspended, "suspended"), (over, "limit"), (refused, "greedy")] {
            let findings = found(&world);
            assert!(
                findings.len() == 1 && findings[0].message.contains(word),
                "{findings:?}"
            );
        }
    }

    #[test]
    fn an_excluded_namespace_is_not_told() {
        let mut world = World::healthy().request(|request| request.suspend = true);
        world.config.excluded_namespaces.extend(["shop".to_owned()]);
        assert!(found(&world).is_empty());
    }
}
