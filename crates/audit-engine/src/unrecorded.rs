//! Statements of the writer's form that its journal does not know: somebody else wrote them with the writer's credentials, or copied them.

use std::collections::BTreeSet;

use audit_core::Snapshot;
use audit_core::model::RoleLookup;
use audit_core::model::aws::Role;
use audit_k8s::Index;
use audit_remedy::{ChangePhase, RemedyOperation, template_statements};

/// The ARNs of the roles that have such a statement for a ServiceAccount of this cluster; none as long as the journal is not seen.
#[must_use]
pub fn roles(snapshot: &Snapshot, index: &Index) -> BTreeSet<String> {
    let (store, seen) = index.remediation();
    let Some(issuer) = snapshot.issuer.as_ref().filter(|_| seen.journal) else {
        return BTreeSet::new();
    };
    let has_unrecorded = |role: &Role| {
        let arn = role.arn.to_string();
        let mut statements = template_statements(&role.arn, &role.trust_text, &issuer.url).into_iter();
        statements.any(|statement| {
            !store.changes_of(&arn, &role.id).iter().any(|record| {
                let may_be_there = matches!(
                    record.phase,
                    ChangePhase::Prepared | ChangePhase::Applied | ChangePhase::Latched
                );
                record.operation == RemedyOperation::Append && may_be_there && record.statement == statement
            })
        })
    };
    let roles = snapshot
        .accounts
        .values()
        .flat_map(|account| account.roles.values());
    roles
        .filter_map(|seen| match seen.latest()? {
            RoleLookup::Found(role) => has_unrecorded(role).then(|| role.arn.to_string()),
            RoleLookup::Absent => None,
        })
        .collect()
}
