//! `GetAccountSummary`: how much of what there is, and how much there may be.

use super::Context;
use crate::document::{INLINE_QUOTA, MANAGED_QUOTA, TRUST_QUOTA};
use crate::xml::Xml;

/// `GetAccountSummary`.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) {
    let tables = context.tables();
    let entries = [
        ("AccountMFAEnabled", 1),
        (
            "AssumeRolePolicySizeQuota",
            tables.trust_quota.unwrap_or(TRUST_QUOTA),
        ),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("Groups", 0),
        ("Policies", tables.policies.len()),
        ("PoliciesQuota", 1500),
        ("PolicySizeQuota", MANAGED_QUOTA),
        ("Providers", tables.providers.len()),
        ("RolePolicySizeQuota", INLINE_QUOTA),
        ("Roles", tables.roles.len()),
        ("RolesQuota", 1000),
        ("Users", 0),
        ("VersionsPerPolicyQuota", 5),
    ];
    xml.nest("SummaryMap", |xml| {
        for (key, value) in entries {
            xml.nest("entry", |xml| {
                xml.leaf("key", key).leaf("value", &value.to_string());
            });
        }
    });
}
