//! Policies of an organization: SCPs and RCPs as `organizations describe-policy` prints them, with where they are attached.
//!
//! `list-targets-for-policy` does not tell of which policy it is: it belongs to the only policy of its directory. Without it, it is not
//! known where a policy is attached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{ControlKind, ControlPolicy};
use audit_core::text::{quote, quote_list};
use serde_json::Value;

use super::control_policy::{Described, PolicySummary, Target, Targets, organization};
use super::shape::Output;
use crate::problem::{InputProblem, Place};

/// The policies, and the lists of targets, by directory.
#[derive(Debug, Default)]
pub(super) struct Organization {
    policies: BTreeMap<String, ControlPolicy>,
    folders: BTreeMap<Arc<str>, Folder>,
    /// Policies of which an output tells that they are there, and not what they say.
    listed: Vec<(Place, Vec<PolicySummary>)>,
}

#[derive(Debug, Default)]
struct Folder {
    /// Ids of the policies, with the organization.
    policies: BTreeSet<(String, Option<String>)>,
    lists: Vec<(Place, Targets)>,
}

impl Organization {
    /// Takes in an output, or gives it back.
    pub(super) fn take(
        &mut self,
        place: &Place,
        output: Output,
        problems: &mut Vec<InputProblem>,
    ) -> Option<Output> {
        match output {
            Output::ControlPolicy(described) => {
                problems.extend(self.policy(place, described).err());
                None
            }
            Output::ControlTargets(targets) => {
                let folder = self.folders.entry(place.directory()).or_default();
                folder.lists.push((place.clone(), targets));
                None
            }
            Output::ControlList(policies) => {
                self.listed.push((place.clone(), policies));
                None
            }
            other => Some(other),
        }
    }

    fn policy(&mut self, place: &Place, described: Described) -> Result<(), InputProblem> {
        let PolicySummary { id, arn, name, kind } = described.policy_summary;
        let kind = match kind.as_str() {
            "SERVICE_CONTROL_POLICY" => ControlKind::Service,
            "RESOURCE_CONTROL_POLICY" => ControlKind::Resource,
            // Policies on tags, backups and so on say nothing of permissions.
            _ => return Ok(()),
        };
        let is_id = id.strip_prefix("p-").is_some_and(|rest| {
            rest.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_id {
            let message = format!("`{}` is not the id of a policy of an organization", quote(&id));
            return Err(InputProblem::error(place.clone(), message));
        }
        let owner = arn.split(':').nth(4).unwrap_or_default();
        let is_account = owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        let text = match kind {
            ControlKind::Service => described.content,
            ControlKind::Resource => for_everyone(described.content),
        };
        let policy = ControlPolicy {
            kind,
            name,
            management: is_account.then(|| owner.to_owned()),
            text: text.into(),
            accounts: BTreeSet::new(),
            units: BTreeSet::new(),
            may_reach_others: true,
            id: id.clone(),
        };
        let folder = self.folders.entry(place.directory()).or_default();
        folder
            .policies
            .insert((id.clone(), organization(&arn).map(str::to_owned)));
        // AWS's own policies have the same id in each organization.
        match self.policies.get(&id) {
            Some(old) if *old != policy => Err(InputProblem::error(
                place.clone(),
                format!(
                    "policy `{}` is described twice, differently: give the younger only",
                    quote(&id)
                ),
            )),
            _ => {
                self.policies.insert(id, policy);
                Ok(())
            }
        }
    }

    /// The policies, with the accounts that they are attached to.
    pub(super) fn finish(mut self, problems: &mut Vec<InputProblem>) -> Vec<ControlPolicy> {
        for folder in std::mem::take(&mut self.folders).into_values() {
            if folder.policies.is_empty() {
                continue;
            }
            let mut policies = folder.policies.into_iter();
            match (policies.next(), policies.next(), folder.lists.as_slice()) {
                (Some((id, organization)), None, [(place, targets)]) => {
                    problems.extend(self.attach(place, &id, organization.as_deref(), targets).err());
                }
                (.., lists) => problems.extend(lists.iter().map(|(place, _)| {
                    InputProblem::warning(
                        place.clone(),
                        "does not tell of which policy these are the targets, and is left out: keep it in a directory of its own with \
                         the describe-policy of that policy",
                    )
                })),
            }
        }
        let listed = std::mem::take(&mut self.listed).into_iter();
        problems.extend(listed.filter_map(|(place, policies)| self.without_document(place, &policies)));
        self.policies.into_values().collect()
    }

    /// That the documents of listed policies were not given.
    fn without_document(&self, place: Place, listed: &[PolicySummary]) -> Option<InputProblem> {
        let is_missing =
            |policy: &&PolicySummary| !policy.is_of_aws() && !self.policies.contains_key(&policy.id);
        let missing = listed.iter().filter(is_missing);
        let missing: Vec<&str> = missing.map(|policy| policy.id.as_str()).collect();
        missing.first()?;
        let message = format!(
            "lists SCPs or RCPs without their documents, which are not looked at: {}. Give `aws organizations describe-policy \
             --policy-id ID` of each as well, in a directory of its own",
            quote_list(&missing, 5)
        );
        Some(InputProblem::warning(place, message))
    }

    fn attach(
        &mut self,
        place: &Place,
        id: &str,
        organization: Option<&str>,
        list: &Targets,
    ) -> Result<(), InputProblem> {
        let is_elsewhere = |target: &Target| matches!((target.organization(), organization), (Some(theirs), Some(own)) if theirs != own);
        if list.all.iter().any(is_elsewhere) {
            let message = format!(
                "lists targets in another organization than that of policy `{}`, and is left out",
                quote(id)
            );
            return Err(InputProblem::warning(place.clone(), message));
        }
        let Some(policy) = self.policies.get_mut(id) else {
            return Ok(());
        };
        let is_whole = list.next_token.as_ref().is_none_or(Value::is_null);
        let (accounts, others): (Vec<&Target>, Vec<&Target>) =
            list.all.iter().partition(|target| target.kind == "ACCOUNT");
        policy
            .accounts
            .extend(accounts.into_iter().map(|target| target.id.clone()));
        policy.units.extend(others.iter().map(|target| target.id.clone()));
        policy.may_reach_others = !is_whole || !others.is_empty();
        Ok(())
    }
}

/// An RCP without its principals, which must be everyone (AWS Organizations User Guide, "RCP syntax"): what is left is read like a policy
/// of whoever asks. A document in which they are anything else stays as it is, and cannot be read so.
fn for_everyone(text: String) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(&text) else {
        return text;
    };
    let mut statements = match document.get_mut("Statement") {
        Some(Value::Array(all)) => all.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in &mut statements {
        let is_everyone =
            |principal: &Value| principal == "*" || principal.get("AWS").is_some_and(|who| who == "*");
        if let Some(fields) = statement.as_object_mut()
            && fields.get("Principal").is_some_and(is_everyone)
        {
            fields.remove("Principal");
        }
    }
    document.to_string()
}

#[cfg(test)]
#[path = "../../tests/unit/organization.rs"]
mod tests;
