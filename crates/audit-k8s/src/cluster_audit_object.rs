//! The `ClusterIrsaAudit`, of which only matters that it is there: the operator writes all of it.

use audit_api::ClusterIrsaAudit;
use serde_json::Value;

use crate::kind::Kind;
use crate::wire::Wire;

/// The one `ClusterIrsaAudit`: the watch selects it by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterAuditObject;

impl Wire for ClusterAuditObject {
    type Resource = ClusterIrsaAudit;
    type Plain = Self;
    const KIND: Kind = Kind::ClusterIrsaAudit;

    fn prune(_: Value) -> Result<Self, String> {
        Ok(Self)
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}
