//! `aws_iam_role_policy` and `aws_iam_role_policies_exclusive`: inline policies of roles.

use super::Reading;
use crate::terraform::attributes::Planned;
use crate::terraform::change::What;
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(before) = resource.destroyed()
        && let (Some(role), Some(name)) = (before.text(&["role"]).known(), before.text(&["name"]).known())
    {
        let (role, name) = (role.to_owned(), name.to_owned());
        reading.change(resource, What::InlineGone { role, name });
    }
    let Some(after) = &resource.after else { return };
    let role = match reading.role_name(resource, after, &["role"]) {
        Planned::Known(role) => Some(role),
        Planned::Absent => return,
        Planned::Open(_) if reading.is_of_nameless(resource, &["role"]) => return,
        Planned::Open(_) => None,
    };
    let document = after.text(&["policy"]).map(str::to_owned);
    let what = match (role, after.text(&["name"])) {
        (Some(role), Planned::Known(name)) => What::Inline {
            role,
            name: name.to_owned(),
            document,
        },
        // Terraform makes a name up. It does not matter which, but no other policy may have it.
        (Some(role), _) => What::Inline {
            role,
            name: resource.address.clone(),
            document,
        },
        (None, _) => What::PoliciesOpen {
            role: None,
            gap: after.gap(&["role"], audit_core::model::PlanGapReason::AfterApply),
        },
    };
    reading.change(resource, what);
}

pub(super) fn take_exclusive<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    let Some(after) = &resource.after else { return };
    let names = after.texts(&["policy_names"]);
    reading.change_of_role(resource, (after, &["role_name"]), names, |role, names| {
        What::OnlyInline { role, names }
    });
}
