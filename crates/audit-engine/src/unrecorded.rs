//! Statements of the writer's form that its journal does not know: somebody else wrote them with the writer's credentials, or copied them.

use std::collections::BTreeSet;

use audit_core::Snapshot;
use audit_core::model::RoleLookup;
use audit_core::model::aws::Role;
use audit_k8s::Index;
use audit_remedy::{ChangePhase, JournalRecord, RemedyOperation, template_statements};
use serde_json::Value;

/// The ARNs of the roles that have such a statement for a ServiceAccount of this cluster; none as long as the journal is not seen.
#[must_use]
pub fn roles(snapshot: &Snapshot, index: &Index) -> BTreeSet<String> {
    let (store, seen) = index.remediation();
    let Some(issuer) = snapshot.issuer.as_ref().filter(|_| seen.journal) else {
        return BTreeSet::new();
    };
    let has_unrecorded = |role: &Role| {
        let arn = role.arn.to_string();
        let records = store.changes_of(&arn, &role.id);
        let mut statements = template_statements(&role.arn, &role.trust_text, &issuer.url).into_iter();
        statements.any(|statement| !may_be_there(&records, &statement))
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

/// Whether the newest of the records of a statement that may have acted has appended it. After a rollback, whoever puts it back is not
/// the writer.
fn may_be_there(records: &[JournalRecord], statement: &Value) -> bool {
    let acted = records.iter().filter(|record| {
        let may_have_acted = matches!(
            record.phase,
            ChangePhase::Prepared | ChangePhase::Applied | ChangePhase::Latched
        );
        record.statement == *statement && may_have_acted
    });
    let newest = acted.max_by_key(|record| record.sequence);
    newest.is_some_and(|record| {
        record.operation == RemedyOperation::Append || record.phase != ChangePhase::Applied
    })
}
