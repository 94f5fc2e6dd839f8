//! Each type of resource as changes.

mod attachment;
mod cluster;
mod inline;
mod policy;
mod provider;
mod role;
mod service_account;

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_core::model::{PlanGap, PlannedResource};
use audit_core::text::quote;

use super::attributes::{Attributes, Planned};
use super::change::{AwsChange, Changes, What};
use super::home::{Home, Homes};
use super::plan::{Plan, Resource};
use crate::Options;

/// A plan, with what is looked up in it.
struct Reading<'p> {
    plan: &'p Plan,
    path: Option<&'p Arc<str>>,
    /// The resources that will be there, by address.
    there: BTreeMap<&'p str, &'p Resource>,
    homes: Homes,
    options: &'p Options,
    changes: &'p mut Changes,
    /// What should be known of it; safe to show.
    told: Vec<String>,
}

/// Reads a plan; gives what should be known of it.
pub(super) fn read(
    plan: &Plan,
    path: Option<&Arc<str>>,
    otherwise: Option<&Home>,
    options: &Options,
    changes: &mut Changes,
) -> Vec<String> {
    let mut reading = Reading {
        plan,
        path,
        there: plan.by_address(),
        homes: Homes::of(plan, otherwise.cloned()),
        options,
        changes,
        told: Vec::new(),
    };
    for resource in &plan.resources {
        reading.take(resource);
    }
    service_account::read(&mut reading);
    reading.told
}

/// The types of resources in AWS that are read. Those of ServiceAccounts are in `service_account`.
pub(super) const AWS: [&str; 11] = [
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policies_exclusive",
    "aws_iam_role_policy_attachment",
    "aws_iam_role_policy_attachments_exclusive",
    "aws_iam_policy_attachment",
    "aws_iam_policy",
    "aws_iam_openid_connect_provider",
    "aws_eks_cluster",
    "aws_eks_pod_identity_association",
    "aws_caller_identity",
];

pub(super) use service_account::is_service_account;

impl<'p> Reading<'p> {
    fn take(&mut self, resource: &'p Resource) {
        match resource.kind.as_str() {
            "aws_iam_role" => role::take(self, resource),
            "aws_iam_role_policy" => inline::take(self, resource),
            "aws_iam_role_policies_exclusive" => inline::take_exclusive(self, resource),
            "aws_iam_role_policy_attachment" => attachment::take(self, resource),
            "aws_iam_role_policy_attachments_exclusive" => attachment::take_exclusive(self, resource),
            "aws_iam_policy_attachment" => attachment::take_everywhere(self, resource),
            "aws_iam_policy" => policy::take(self, resource),
            "aws_iam_openid_connect_provider" => provider::take(self, resource),
            "aws_eks_cluster" => cluster::take(self, resource),
            "aws_eks_pod_identity_association" => cluster::take_association(self, resource),
            _ => {}
        }
    }

    fn change(&mut self, resource: &Resource, what: What) {
        let home = self.homes.home(self.plan, resource);
        self.change_in(home, resource, what);
    }

    /// What a resource says of a role that it names at a path, where both the role and the value are given. Where one is open, so are the
    /// role's policies, or those of any role.
    fn change_of_role<T>(
        &mut self,
        resource: &Resource,
        (after, path): (&Attributes, &[&str]),
        value: Planned<T>,
        what: impl FnOnce(String, T) -> What,
    ) {
        let what = match (self.role_name(resource, after, path), value) {
            (Planned::Known(role), Planned::Known(value)) => what(role, value),
            (Planned::Known(role), Planned::Open(gap)) => What::PoliciesOpen {
                role: Some(role),
                gap,
            },
            (Planned::Open(_), _) if self.is_of_nameless(resource, path) => return,
            (Planned::Open(gap), _) => What::PoliciesOpen { role: None, gap },
            (Planned::Known(_), Planned::Absent) | (Planned::Absent, _) => return,
        };
        self.change(resource, what);
    }

    fn change_in(&mut self, home: Option<Home>, resource: &Resource, what: What) {
        let resource = self.named(resource);
        self.changes.aws.push(AwsChange { home, resource, what });
    }

    fn named(&self, resource: &Resource) -> PlannedResource {
        PlannedResource {
            plan: self.path.cloned(),
            address: resource.address.clone(),
        }
    }

    fn tell(&mut self, resource: &Resource, what: &str) {
        self.told.push(format!("`{}`: {what}", quote(&resource.address)));
    }

    /// Tells what the plan leaves open of a resource, and what follows.
    fn tell_gap(&mut self, gap: &PlanGap, then: &str) {
        let why = match gap.why {
            audit_core::model::PlanGapReason::AfterApply => "known only after apply",
            audit_core::model::PlanGapReason::Sensitive => "sensitive",
        };
        self.told
            .push(format!("`{}` is {why}: {then}", quote(&gap.attribute)));
    }

    /// Where the account is not known that decides.
    fn tell_homeless(&mut self, resource: &Resource) {
        self.tell(
            resource,
            "the plan does not say its account, so it is left out: give `--account ID`, or the outputs of the account",
        );
    }

    /// The ARN of something of IAM: its own, or the one that it will have.
    fn arn_of(&self, resource: &Resource, attributes: &Attributes, of_name: &str) -> Planned<String> {
        let arn = match attributes.text(&["arn"]) {
            Planned::Known(arn) => return Planned::Known(arn.to_owned()),
            Planned::Absent => attributes.gap(&["arn"], audit_core::model::PlanGapReason::AfterApply),
            Planned::Open(gap) => gap,
        };
        let path = match attributes.text(&["path"]) {
            Planned::Known(path) => path,
            Planned::Absent => "/",
            Planned::Open(gap) => return Planned::Open(gap),
        };
        match (attributes.text(&["name"]), self.homes.home(self.plan, resource)) {
            (Planned::Known(name), Some(home)) => Planned::Known(home.arn(&format!("{of_name}{path}{name}"))),
            _ => Planned::Open(arn),
        }
    }

    /// A text at a path: as the plan gives it, or of the resource of a type to which its expression refers by one of these attributes.
    fn resolved(
        &self,
        resource: &Resource,
        attributes: &Attributes,
        path: &[&str],
        (kind, by): (&str, &[&str]),
        of: impl Fn(&Self, &Resource, &Attributes) -> Planned<String>,
    ) -> Planned<String> {
        let gap = match attributes.text(path) {
            Planned::Known(text) => return Planned::Known(text.to_owned()),
            Planned::Absent => return Planned::Absent,
            Planned::Open(gap) => gap,
        };
        let found = self.referred(resource, path, kind, by);
        match found.and_then(|found| Some((found, found.after.as_ref()?))) {
            Some((found, after)) => of(self, found, after),
            None => Planned::Open(gap),
        }
    }

    /// The resource of a type to which an argument refers, by one of these attributes and to nothing else.
    fn referred(&self, resource: &Resource, path: &[&str], kind: &str, by: &[&str]) -> Option<&'p Resource> {
        let configuration = &self.plan.configuration;
        let reference = configuration.reference(&resource.module, &resource.local, path)?;
        let found = *self.there.get(reference.address.as_str())?;
        (found.kind == kind && !found.is_data && by.contains(&reference.attribute.as_str())).then_some(found)
    }

    /// The ARN of a managed policy at a path.
    fn policy_arn(&self, resource: &Resource, attributes: &Attributes, path: &[&str]) -> Planned<String> {
        self.resolved(
            resource,
            attributes,
            path,
            ("aws_iam_policy", &["arn", "id"]),
            |reading, found, after| reading.arn_of(found, after, "policy"),
        )
    }

    /// The ARN of a role at a path.
    fn role_arn(&self, resource: &Resource, attributes: &Attributes, path: &[&str]) -> Planned<String> {
        self.resolved(
            resource,
            attributes,
            path,
            ("aws_iam_role", &["arn"]),
            |reading, found, after| reading.arn_of(found, after, "role"),
        )
    }

    /// The name of a role at a path.
    fn role_name(&self, resource: &Resource, attributes: &Attributes, path: &[&str]) -> Planned<String> {
        let name = self.resolved(
            resource,
            attributes,
            path,
            ("aws_iam_role", &["name", "id"]),
            |_, _, after| after.text(&["name"]).map(str::to_owned),
        );
        name.map(|name| match name.rsplit_once('/') {
            Some((_, last)) => last.to_owned(),
            None => name,
        })
    }

    /// Whether the name of the role to which an argument refers is open: such a role is left out, and so is what belongs to it.
    fn is_of_nameless(&self, resource: &Resource, path: &[&str]) -> bool {
        let found = self.referred(resource, path, "aws_iam_role", &["name", "id"]);
        let after = found.and_then(|role| role.after.as_ref());
        after.is_some_and(|after| matches!(after.text(&["name"]), Planned::Open(_)))
    }
}
