//! `aws_iam_role`.
//!
//! What the provider computes where the configuration says nothing (`managed_policy_arns`, `inline_policy`) is unknown in the plan of a new
//! role, although a new role has none. So there, the configuration decides. Source: the
//! [provider's documentation](https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role).

use std::collections::BTreeMap;

use super::Reading;
use crate::terraform::attributes::{Attributes, Planned};
use crate::terraform::change::{PlannedRole, What};
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(name) = resource
        .destroyed()
        .and_then(|before| before.text(&["name"]).known())
    {
        reading.change(resource, What::RoleGone(name.to_owned()));
    }
    let Some(after) = &resource.after else { return };
    let name = match after.text(&["name"]) {
        Planned::Known(name) => name.to_owned(),
        Planned::Absent => return,
        Planned::Open(gap) => {
            reading.tell_gap(&gap, "this role cannot be audited before it has a name");
            let prefix = prefix(reading, resource, after);
            reading.change(resource, What::Nameless { prefix, gap });
            return;
        }
    };
    let role = Box::new(PlannedRole {
        arn: reading.arn_of(resource, after, "role"),
        id: after.text(&["unique_id"]).known().map(str::to_owned),
        trust: after.text(&["assume_role_policy"]).map(str::to_owned),
        boundary: reading.policy_arn(resource, after, &["permissions_boundary"]),
        tags: tags(after),
        attached: if is_left_open(reading, resource, "managed_policy_arns") {
            Planned::Known(Vec::new())
        } else {
            after.texts(&["managed_policy_arns"])
        },
        inline: if is_left_open(reading, resource, "inline_policy") {
            Planned::Known(Vec::new())
        } else {
            inline(after)
        },
        is_created: resource.is_created,
        name,
    });
    let what = if resource.is_data {
        What::RoleSeen(role)
    } else {
        What::Role(role)
    };
    reading.change(resource, what);
}

/// What the name of a role begins with that is known only after apply. The provider makes names up where the configuration gives none.
fn prefix(reading: &Reading<'_>, resource: &Resource, after: &Attributes) -> String {
    if let Planned::Known(prefix) = after.text(&["name_prefix"]) {
        return prefix.to_owned();
    }
    let configuration = &reading.plan.configuration;
    let is_configured = configuration
        .resource(&resource.module, &resource.local)
        .is_some();
    let sets = |argument| configuration.sets(&resource.module, &resource.local, argument);
    if is_configured && !sets("name") && !sets("name_prefix") {
        "terraform-".to_owned()
    } else {
        String::new()
    }
}

/// Whether a new role has nothing of this sort: it is unknown as a whole, and the configuration does not set it.
fn is_left_open(reading: &Reading<'_>, resource: &Resource, argument: &str) -> bool {
    let configuration = &reading.plan.configuration;
    let after = resource.after.as_ref();
    let is_open = after.is_some_and(|after| matches!(after.elements(&[argument]), Planned::Open(_)));
    resource.is_created
        && is_open
        && configuration
            .resource(&resource.module, &resource.local)
            .is_some()
        && !configuration.sets(&resource.module, &resource.local, argument)
}

/// The inline policies in the resource itself.
fn inline(after: &Attributes) -> Planned<Vec<(String, Planned<String>)>> {
    let elements = match after.elements(&["inline_policy"]) {
        Planned::Known(elements) => elements,
        Planned::Absent => return Planned::Absent,
        Planned::Open(gap) => return Planned::Open(gap),
    };
    let mut policies = Vec::new();
    for element in elements {
        match element.text(&["name"]) {
            Planned::Known(name) => {
                policies.push((name.to_owned(), element.text(&["policy"]).map(str::to_owned)));
            }
            // An empty block takes all inline policies away.
            Planned::Absent => {}
            Planned::Open(gap) => return Planned::Open(gap),
        }
    }
    Planned::Known(policies)
}

fn tags(after: &Attributes) -> Option<BTreeMap<String, String>> {
    let tags = after.at(&["tags_all"]).known()?.as_object()?;
    let text = |(key, value): (&String, &serde_json::Value)| Some((key.clone(), value.as_str()?.to_owned()));
    tags.iter().map(text).collect()
}
