//! `SimulatePrincipalPolicy`: as much of the policy language as the policies of tests need.
//!
//! As IAM does, it answers once for each action, with the most restrictive decision on all resources, and tells the decision on each
//! resource apart. It reads no trust policy and no policy of a resource.

use super::Context;
use crate::error::ServiceError;
use crate::paging;
use crate::parameters::Parameters;
use crate::policy::{self, Decision, Simulated};
use crate::role::StoredRole;
use crate::tables::ManagedPolicy;
use crate::xml::Xml;
use std::collections::BTreeMap;

/// The least length of the name of a condition key (IAM API reference, `ContextEntry`).
const MIN_KEY: usize = 5;

/// What stands for no resource.
const EVERYTHING: &str = "*";

/// `SimulatePrincipalPolicy`.
pub(super) fn simulate(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let parameters = context.parameters;
    let stored = role(context, parameters.required("PolicySourceArn")?)?;
    let actions = parameters.list("ActionNames");
    if let Some(bad) = actions.iter().find(|action| !is_action(action)) {
        return Err(ServiceError::invalid_input(format!("Invalid Action: {bad}")));
    }
    let given = keys(parameters);
    if let Some(bad) = given.keys().find(|key| key.len() < MIN_KEY) {
        return Err(ServiceError::validation(format!(
            "1 validation error detected: Value '{bad}' at 'contextEntries' failed to satisfy constraint: Member must have length greater than or equal to {MIN_KEY}"
        )));
    }
    let arns = parameters.list("ResourceArns");
    let request = Request {
        identity: identity(context, stored)?,
        boundary: stored
            .role
            .boundary
            .as_deref()
            .map(|arn| context.policy(arn).map(ManagedPolicy::document))
            .transpose()?,
        keys: given,
        context,
    };
    // Results come in the order of the actions, whatever their names.
    let places: Vec<String> = (0..actions.len()).map(|at| format!("{at:06}")).collect();
    let results = places
        .iter()
        .zip(&actions)
        .map(|(place, action)| ((0, place.as_str()), *action));
    let page = paging::page(context.settings, parameters, results)?;
    xml.nest("EvaluationResults", |xml| {
        for action in &page.items {
            xml.nest("member", |xml| request.result(xml, action, &arns));
        }
    });
    page.write_end(xml);
    Ok(())
}

/// A simulated request, but for its action and its resource.
struct Request<'a> {
    identity: Vec<&'a str>,
    boundary: Option<&'a str>,
    keys: BTreeMap<String, Vec<String>>,
    context: &'a Context<'a>,
}

/// What comes of one action on one resource.
struct Outcome {
    decision: Decision,
    within_boundary: bool,
    missing: Vec<String>,
}

impl Request<'_> {
    fn result(&self, xml: &mut Xml, action: &str, arns: &[&str]) {
        let tables = self.context.tables();
        let is_denied = tables
            .scp_denies
            .iter()
            .any(|pattern| policy::names(pattern, action));
        let resources = if arns.is_empty() { &[EVERYTHING][..] } else { arns };
        let outcomes: Vec<(&str, Outcome)> = resources
            .iter()
            .map(|resource| (*resource, self.outcome(action, resource, is_denied)))
            .collect();
        let worst = outcomes.iter().map(|(_, outcome)| outcome.decision).max();
        xml.leaf("EvalActionName", action);
        // It is the form of an ARN, or nothing in particular.
        xml.leaf("EvalResourceName", EVERYTHING);
        xml.leaf("EvalDecision", worst.unwrap_or(Decision::ImplicitDeny).name());
        xml.nest("MatchedStatements", |_| ());
        xml.nest("MissingContextValues", |xml| {
            if arns.is_empty() {
                for (_, outcome) in &outcomes {
                    outcome.write_missing(xml);
                }
            }
        });
        // An account outside of organizations has no such element.
        if !tables.scp_denies.is_empty() {
            xml.nest("OrganizationsDecisionDetail", |xml| {
                xml.leaf("AllowedByOrganizations", if is_denied { "false" } else { "true" });
            });
        }
        if arns.is_empty() {
            for (_, outcome) in &outcomes {
                self.write_boundary(xml, outcome);
            }
        } else {
            xml.nest("ResourceSpecificResults", |xml| {
                for (resource, outcome) in &outcomes {
                    xml.nest("member", |xml| {
                        xml.leaf("EvalResourceName", resource);
                        xml.leaf("EvalResourceDecision", outcome.decision.name());
                        xml.nest("MissingContextValues", |xml| outcome.write_missing(xml));
                        self.write_boundary(xml, outcome);
                    });
                }
            });
        }
    }

    fn write_boundary(&self, xml: &mut Xml, outcome: &Outcome) {
        if self.boundary.is_some() {
            xml.nest("PermissionsBoundaryDecisionDetail", |xml| {
                let allowed = if outcome.within_boundary { "true" } else { "false" };
                xml.leaf("AllowedByPermissionsBoundary", allowed);
            });
        }
    }

    fn outcome(&self, action: &str, resource: &str, denied_by_organization: bool) -> Outcome {
        let decide = |documents: &[&str]| policy::simulate(documents, action, resource, &self.keys);
        let identity = decide(&self.identity);
        let boundary = match self.boundary {
            Some(document) => decide(&[document]),
            None => Simulated::allowed(),
        };
        let mut missing = identity.missing;
        missing.extend(boundary.missing);
        let mut decision = identity.decision.max(boundary.decision);
        if self.context.tables().simulated_otherwise.contains(action) {
            decision = decision.opposite();
        }
        if denied_by_organization {
            // The simulation ends there.
            decision = decision.max(Decision::ImplicitDeny);
            missing.clear();
        }
        Outcome {
            decision,
            within_boundary: boundary.decision == Decision::Allowed,
            missing: missing.into_iter().collect(),
        }
    }
}

impl Outcome {
    fn write_missing(&self, xml: &mut Xml) {
        for key in &self.missing {
            xml.leaf("member", key);
        }
    }
}

/// The role of an ARN: whoever has assumed it is none.
fn role<'a>(context: &'a Context<'_>, arn: &str) -> Result<&'a StoredRole, ServiceError> {
    let Some(name) = arn.rsplit('/').next().filter(|_| arn.contains(":role/")) else {
        return Err(ServiceError::invalid_input(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )));
    };
    let stored = context
        .tables()
        .roles
        .get(name)
        .filter(|stored| stored.arn == arn);
    stored
        .map(AsRef::as_ref)
        .ok_or_else(|| ServiceError::no_such_role(name))
}

/// Without wildcards, with the service.
fn is_action(action: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && !word.contains(['*', '?', ' ']);
    action
        .split_once(':')
        .is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// The documents of the role's policies.
fn identity<'a>(context: &'a Context<'_>, stored: &'a StoredRole) -> Result<Vec<&'a str>, ServiceError> {
    let inline = stored.role.inline.values().map(|document| Ok(document.as_str()));
    let attached = stored.role.attached.iter();
    let attached = attached.map(|arn| context.policy(arn).map(ManagedPolicy::document));
    inline.chain(attached).collect()
}

/// `ContextEntries`, by their keys in lower case.
fn keys(parameters: &Parameters) -> BTreeMap<String, Vec<String>> {
    let mut keys = BTreeMap::new();
    for index in 1.. {
        let Some(name) = parameters.get(&format!("ContextEntries.member.{index}.ContextKeyName")) else {
            break;
        };
        let values = parameters.list(&format!("ContextEntries.member.{index}.ContextKeyValues"));
        let values = values.into_iter().map(ToOwned::to_owned).collect();
        keys.insert(name.to_ascii_lowercase(), values);
    }
    keys
}
