//! `aws_iam_role_policy_attachment`, `aws_iam_role_policy_attachments_exclusive` and `aws_iam_policy_attachment`: managed policies of roles.

use super::Reading;
use crate::terraform::attributes::Planned;
use crate::terraform::change::What;
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(before) = resource.destroyed()
        && let (Some(role), Some(policy)) = (
            before.text(&["role"]).known(),
            before.text(&["policy_arn"]).known(),
        )
    {
        let (role, policy) = (role.to_owned(), policy.to_owned());
        reading.change(resource, What::Detached { role, policy });
    }
    let Some(after) = &resource.after else { return };
    let policy = reading.policy_arn(resource, after, &["policy_arn"]);
    reading.change_of_role(resource, (after, &["role"]), policy, |role, policy| {
        What::Attached { role, policy }
    });
}

pub(super) fn take_exclusive<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    let Some(after) = &resource.after else { return };
    let policies = after.texts(&["policy_arns"]);
    reading.change_of_role(resource, (after, &["role_name"]), policies, |role, policies| {
        What::OnlyAttached { role, policies }
    });
}

/// A policy that is attached to these users, groups and roles, and to no others of the account.
pub(super) fn take_everywhere<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(before) = resource.destroyed()
        && let (Some(policy), Some(roles)) = (
            before.text(&["policy_arn"]).known(),
            before.texts(&["roles"]).known(),
        )
    {
        for role in roles {
            let policy = policy.to_owned();
            reading.change(resource, What::Detached { role, policy });
        }
    }
    let Some(after) = &resource.after else { return };
    let what = match (
        reading.policy_arn(resource, after, &["policy_arn"]),
        after.texts(&["roles"]),
    ) {
        (Planned::Known(policy), Planned::Known(roles)) => What::AttachedTo { policy, roles },
        (Planned::Known(policy), Planned::Absent) => What::AttachedTo {
            policy,
            roles: Vec::new(),
        },
        (Planned::Open(gap), _) | (_, Planned::Open(gap)) => What::PoliciesOpen { role: None, gap },
        (Planned::Absent, _) => return,
    };
    reading.change(resource, what);
}
