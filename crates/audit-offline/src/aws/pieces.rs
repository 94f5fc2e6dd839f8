//! Outputs on one role or on one policy, put together: the AWS CLI shows a role's policies piece by piece, and most pieces do not tell
//! whose they are.
//!
//! | output | says | lacks |
//! |---|---|---|
//! | `get-role-policy` | role, policy, document | the account |
//! | `list-role-policies`, `list-attached-role-policies` | names, ARNs | the role |
//! | `get-policy` | ARN, which version is in force | the document |
//! | `get-policy-version` | document, version | the policy |
//!
//! What lacks something belongs to the only role, or the only policy, of its directory that it fits. Where that is not plain it is left out
//! and told, and what it would have said stays unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::text::quote;
use iam_policy::RoleArn;

use super::account::Told;
use super::managed_policy::{ManagedPolicy, PolicyVersion};
use super::shape::{RoleDetail, RolePolicy};
use crate::problem::{InputProblem, Place};

/// All pieces, by directory.
#[derive(Debug, Default)]
pub(super) struct Pieces(BTreeMap<Arc<str>, Folder>);

/// The pieces in one directory.
#[derive(Debug, Default)]
struct Folder {
    /// Roles that were told without their policies.
    roles: Vec<RoleArn>,
    documents: Vec<(Place, RolePolicy)>,
    inline: Vec<(Place, Vec<String>)>,
    attached: Vec<(Place, Vec<String>)>,
    policies: Vec<ManagedPolicy>,
    versions: Vec<(Place, PolicyVersion)>,
}

impl Pieces {
    fn folder(&mut self, place: &Place) -> &mut Folder {
        self.0.entry(place.directory()).or_default()
    }

    /// Takes note of a role, to which other outputs in its directory may belong.
    pub fn role(&mut self, place: &Place, role: &RoleDetail) {
        if let Ok(arn) = RoleArn::parse(&role.arn) {
            self.folder(place).roles.push(arn);
        }
    }

    pub fn role_policy(&mut self, place: &Place, policy: RolePolicy) {
        self.folder(place).documents.push((place.clone(), policy));
    }

    pub fn inline_names(&mut self, place: &Place, names: Vec<String>) {
        self.folder(place).inline.push((place.clone(), names));
    }

    pub fn attached(&mut self, place: &Place, arns: Vec<String>) {
        self.folder(place).attached.push((place.clone(), arns));
    }

    pub fn policy(&mut self, place: &Place, policy: ManagedPolicy) {
        self.folder(place).policies.push(policy);
    }

    pub fn version(&mut self, place: &Place, version: PolicyVersion) {
        self.folder(place).versions.push((place.clone(), version));
    }

    /// Puts the pieces into the accounts.
    pub fn join(self, told: &mut BTreeMap<String, Told>, problems: &mut Vec<InputProblem>) {
        for folder in self.0.into_values() {
            folder.join(told, problems);
        }
    }
}

impl Folder {
    fn join(self, told: &mut BTreeMap<String, Told>, problems: &mut Vec<InputProblem>) {
        let attached: BTreeSet<String> = self.attached.iter().flat_map(|(_, arns)| arns).cloned().collect();
        let role = self.the_role();
        match (&role, self.inline.as_slice(), self.attached.as_slice()) {
            (Some(role), [(_, names)], [(_, arns)]) => {
                if let Some(account) = told.get_mut(role.account()) {
                    account.policies_of(role.name(), arns, names);
                }
            }
            // At most a part of the policies: what they do not say stays unknown.
            (Some(_), [_] | [], [_] | []) | (None, [], []) => {}
            _ => {
                let places = self.inline.iter().chain(&self.attached).map(|(place, _)| place);
                problems.extend(places.map(|place| {
                    InputProblem::warning(
                        place.clone(),
                        "does not tell whose policies these are, and is left out: keep what the AWS CLI prints about each role in a \
                         directory of its own, with its get-role",
                    )
                }));
            }
        }
        let home = role.as_ref().map(RoleArn::account);
        for (place, policy) in self.documents {
            let mut owners: Vec<&str> = told
                .iter()
                .filter(|(_, told)| told.has_role(&policy.role_name))
                .map(|(id, _)| id.as_str())
                .collect();
            if owners.len() > 1 {
                owners.retain(|id| Some(*id) == home);
            }
            if let [owner] = owners[..] {
                let owner = owner.to_owned();
                if let Some(account) = told.get_mut(&owner) {
                    account.inline_document(&policy.role_name, policy.policy_name, policy.policy_document);
                }
            } else {
                let message = format!(
                    "is a policy of role `{}`, of which the other outputs do not say the account, and is left out: give the get-role of \
                     that role as well",
                    quote(&policy.role_name)
                );
                problems.push(InputProblem::warning(place, message));
            }
        }
        let boundary = role
            .as_ref()
            .and_then(|role| told.get(role.account())?.boundary_of(role.name()));
        let named: BTreeSet<String> = attached.into_iter().chain(boundary).collect();
        let mut documents = BTreeMap::new();
        for (place, version) in self.versions {
            match whose(&version, &self.policies, &named) {
                Ok(arn) => {
                    documents.extend(version.document.map(|document| (arn, document)));
                }
                Err(why) => problems.push(InputProblem::warning(place, why)),
            }
        }
        for (arn, document) in documents {
            let told_of = self.policies.iter().find(|policy| policy.arn == arn);
            let counts = told_of.map(|policy| policy.counts).unwrap_or_default();
            // Policies of AWS are the same in every account.
            let owner = arn.split(':').nth(4).unwrap_or_default();
            for (_, account) in told.iter_mut().filter(|(id, _)| owner == "aws" || *id == owner) {
                account
                    .managed
                    .entry(arn.clone())
                    .or_insert_with(|| counts.of(document.clone()));
            }
        }
    }

    /// The only role of the directory.
    fn the_role(&self) -> Option<RoleArn> {
        let roles: BTreeSet<String> = self.roles.iter().map(ToString::to_string).collect();
        let first = self.roles.first()?;
        (roles.len() == 1).then(|| first.clone())
    }
}

/// The ARN of the policy of a version: the only one in the directory that it may be of.
fn whose(
    version: &PolicyVersion,
    policies: &[ManagedPolicy],
    named: &BTreeSet<String>,
) -> Result<String, String> {
    let id = quote(version.version_id.as_deref().unwrap_or_default());
    let in_force = |policy: &&ManagedPolicy| {
        policy.default_version_id.is_some() && policy.default_version_id == version.version_id
    };
    match policies {
        [] if !version.is_default_version => Err(format!(
            "is version `{id}` of a policy, and not the one that is in force: give the default version"
        )),
        [] => match named.iter().collect::<Vec<_>>()[..] {
            [only] => Ok(only.clone()),
            _ => Err(
                "does not tell of which policy it is, and is left out: keep it in a directory with the get-policy of that policy"
                    .to_owned(),
            ),
        },
        [only] if !in_force(&only) => Err(format!(
            "is version `{id}` of policy `{}`, and version `{}` is in force: give that one",
            quote(&only.arn),
            quote(only.default_version_id.as_deref().unwrap_or_default())
        )),
        all => {
            let mut fitting = all.iter().filter(in_force);
            match (fitting.next(), fitting.next()) {
                (Some(policy), None) => Ok(policy.arn.clone()),
                _ => Err(
                    "does not tell of which policy it is, and is left out: keep each policy in a directory of its own, with its \
                     get-policy"
                        .to_owned(),
                ),
            }
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/pieces.rs"]
mod tests;
