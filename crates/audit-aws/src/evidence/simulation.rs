//! What IAM's policy simulator says of a role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{
    self, Account, ContextEntry, Inquiry, Observed, Simulated, SimulatedAnswer, SimulatedDecision, ValueType,
};
use aws_sdk_iam::types::{
    ContextEntry as SdkEntry, ContextKeyTypeEnum, EvaluationResult, PermissionsBoundaryDecisionDetail,
    PolicyEvaluationDecisionType,
};
use jiff::Timestamp;

use super::kind::{EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::Failure;
use crate::pages::{Page, all};

/// The resource that stands for none.
const NO_RESOURCE: &str = "*";

/// The error codes that say no more than that IAM does not simulate this, such as for a key of one letter. Others ask about the same role.
const NOT_TAKEN: [&str; 2] = ["InvalidInput", "ValidationError"];

/// Asks the policy simulator about a role. An inquiry that it does not take has no answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Simulation {
    /// The role's name, without its path.
    pub role: String,
    /// The role's ARN.
    pub role_arn: String,
    /// Which policies the role is known to have, see [`state`](audit_core::permissions::simulation::state).
    pub state: u64,
    /// What is asked, each by a call of its own.
    pub inquiries: BTreeSet<Arc<Inquiry>>,
}

impl EvidenceKind for Simulation {
    type Value = model::Simulation;

    const CALLS: &'static [&'static str] = &["iam:SimulatePrincipalPolicy"];
    const OF_ROLE: bool = true;

    fn key(&self) -> &str {
        &self.role
    }

    async fn read(&self, account: &AccountClient) -> Read<model::Simulation> {
        let (mut answers, mut began) = (BTreeMap::new(), None);
        for inquiry in &self.inquiries {
            let (at, result) = self.simulate(account, inquiry).await;
            let began = *began.get_or_insert(at);
            let said = match result {
                Ok(said) => said,
                Err(failure)
                    if failure
                        .code
                        .as_deref()
                        .is_some_and(|code| NOT_TAKEN.contains(&code)) =>
                {
                    tracing::debug!(
                        role = self.role_arn,
                        error = failure.message,
                        "IAM does not simulate this"
                    );
                    Vec::new()
                }
                Err(failure) => return (began, Err(failure)).into(),
            };
            let simulated = Simulated {
                answers: said,
                since: at,
            };
            answers.insert(inquiry.clone(), simulated);
        }
        let simulation = model::Simulation {
            state: self.state,
            answers,
        };
        (began.unwrap_or_else(Timestamp::now), Ok(simulation)).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<model::Simulation>> {
        account.simulations.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<model::Simulation> {
        account.simulations.entry(key.to_owned()).or_default()
    }

    fn forget(account: &mut Account, key: &str) {
        account.simulations.remove(key);
    }

    /// What it says again, of a role with the same policies, it has been saying since it was first heard.
    fn continued(mut new: model::Simulation, old: &model::Simulation) -> model::Simulation {
        if old.state == new.state {
            for (inquiry, simulated) in &mut new.answers {
                let before = old.answers.get(inquiry);
                if let Some(before) = before.filter(|before| before.answers == simulated.answers) {
                    simulated.since = before.since;
                }
            }
        }
        new
    }

    fn changes(
        &self,
        account: &str,
        _: Option<&model::Simulation>,
        _: Option<&model::Simulation>,
    ) -> Vec<Concern> {
        vec![Concern::role(account, &self.role)]
    }

    /// Also a failure: whether another answer is awaited may depend on it.
    fn confirms(&self, account: &str, _: &Result<model::Simulation, Failure>) -> Vec<Concern> {
        vec![Concern::role(account, &self.role)]
    }
}

impl Simulation {
    /// All pages of the answer to one inquiry.
    async fn simulate(
        &self,
        account: &AccountClient,
        inquiry: &Inquiry,
    ) -> (Timestamp, Result<Vec<SimulatedAnswer>, Failure>) {
        let entries: Vec<SdkEntry> = inquiry.context.iter().map(entry).collect();
        let request = account
            .iam
            .simulate_principal_policy()
            .policy_source_arn(&self.role_arn)
            .set_action_names(Some(inquiry.actions.clone()))
            .set_resource_arns((!inquiry.resources.is_empty()).then(|| inquiry.resources.clone()))
            .set_context_entries(Some(entries));
        let request = &request;
        let (at, results) = all(|marker| async move {
            let send = || request.clone().set_marker(marker.clone()).send();
            // No verdict depends on it: one attempt is enough.
            let (at, answer) = account
                .caller
                .call_once("iam", "SimulatePrincipalPolicy", send)
                .await;
            let page = answer.map(|page| Page {
                items: page.evaluation_results.unwrap_or_default(),
                truncated: page.is_truncated,
                marker: page.marker,
            });
            (at, page)
        })
        .await;
        (at, results.map(|results| read(inquiry, &results)))
    }
}

fn entry(entry: &ContextEntry) -> SdkEntry {
    let kind = match entry.value_type {
        ValueType::Text => ContextKeyTypeEnum::String,
        ValueType::Boolean => ContextKeyTypeEnum::Boolean,
        ValueType::Date => ContextKeyTypeEnum::Date,
        ValueType::Ip => ContextKeyTypeEnum::Ip,
    };
    SdkEntry::builder()
        .context_key_name(&entry.key)
        .context_key_values(&entry.value)
        .context_key_type(kind)
        .build()
}

/// Reads results, each of one action.
///
/// The decision of a result is the most restrictive of all resources, and its resource's name may be the form of an ARN: where
/// several were asked about, only what is said of each by itself counts.
fn read(inquiry: &Inquiry, results: &[EvaluationResult]) -> Vec<SimulatedAnswer> {
    let mut answers: BTreeMap<(&str, &str), SimulatedAnswer> = BTreeMap::new();
    for result in results {
        let mut actions = inquiry.actions.iter();
        let Some(action) = actions.find(|action| action.eq_ignore_ascii_case(result.eval_action_name()))
        else {
            continue;
        };
        let organization = result.organizations_decision_detail();
        let is_refused = organization.is_some_and(|detail| !detail.allowed_by_organizations());
        let mut put = |resource, decision, boundary, missing: &[String]| {
            if let Some(decision) = judge(decision, is_refused, boundary) {
                let answer = SimulatedAnswer {
                    action: action.clone(),
                    resource: String::from(resource),
                    decision,
                    missing_keys: missing.to_vec(),
                };
                answers.entry((action, resource)).or_insert(answer);
            }
        };
        for single in result.resource_specific_results() {
            let mut resources = inquiry.resources.iter();
            if let Some(resource) = resources.find(|resource| *resource == single.eval_resource_name()) {
                let boundary = single.permissions_boundary_decision_detail();
                put(
                    resource.as_str(),
                    single.eval_resource_decision(),
                    boundary,
                    single.missing_context_values(),
                );
            }
        }
        let only = match inquiry.resources.as_slice() {
            [] => NO_RESOURCE,
            [only] if result.resource_specific_results().is_empty() => only,
            _ => continue,
        };
        let boundary = result.permissions_boundary_decision_detail();
        put(
            only,
            result.eval_decision(),
            boundary,
            result.missing_context_values(),
        );
    }
    answers.into_values().collect()
}

fn judge(
    decision: &PolicyEvaluationDecisionType,
    organization_refuses: bool,
    boundary: Option<&PermissionsBoundaryDecisionDetail>,
) -> Option<SimulatedDecision> {
    let boundary_refuses = boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    let denied = match decision {
        PolicyEvaluationDecisionType::Allowed => return Some(SimulatedDecision::Allowed),
        PolicyEvaluationDecisionType::ExplicitDeny => SimulatedDecision::DeniedExplicitly,
        PolicyEvaluationDecisionType::ImplicitDeny => SimulatedDecision::DeniedImplicitly,
        _ => return None,
    };
    Some(match (organization_refuses, boundary_refuses) {
        (true, _) => SimulatedDecision::DeniedByOrganization,
        (false, true) => SimulatedDecision::DeniedByBoundary,
        (false, false) => denied,
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::builders::EvaluationResultBuilder;
    use aws_sdk_iam::types::{OrganizationsDecisionDetail, ResourceSpecificResult};

    use super::*;

    const A: &str = "arn:aws:s3:::carts/a";
    const B: &str = "arn:aws:s3:::carts/b";

    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};

    fn inquiry(resources: &[&str]) -> Inquiry {
        Inquiry {
            actions: vec!["s3:GetObject".to_owned()],
            resources: resources.iter().map(|&arn| arn.to_owned()).collect(),
            context: Vec::new(),
        }
    }

    fn result(decision: PolicyEvaluationDecisionType) -> EvaluationResultBuilder {
        EvaluationResult::builder()
            .eval_action_name("S3:getobject")
            .eval_decision(decision)
    }

    fn single(resource: &str, decision: PolicyEvaluationDecisionType) -> ResourceSpecificResult {
        let single = ResourceSpecificResult::builder().eval_resource_name(resource);
        single.eval_resource_decision(decision).build().unwrap()
    }

    fn decisions(
        resources: &[&str],
        results: &[EvaluationResultBuilder],
    ) -> Vec<(String, SimulatedDecision)> {
        let results: Vec<EvaluationResult> = results
            .iter()
            .map(|result| result.clone().build().unwrap())
            .collect();
        let answers = read(&inquiry(resources), &results);
        answers
            .into_iter()
            .map(|answer| (answer.resource, answer.decision))
            .collect()
    }

    #[test]
    fn each_resource_has_its_own_decision() {
        let aggregate = result(ExplicitDeny)
            .eval_resource_name("arn:${Partition}:s3:::${BucketName}/${KeyName}")
            .resource_specific_results(single(A, Allowed))
            .resource_specific_results(single(B, ExplicitDeny))
            .resource_specific_results(single("arn:aws:s3:::nobody/asked", Allowed));
        let wanted = [
            (A.to_owned(), SimulatedDecision::Allowed),
            (B.to_owned(), SimulatedDecision::DeniedExplicitly),
        ];
        assert_eq!(decisions(&[A, B], std::slice::from_ref(&aggregate)), wanted);
        // It once came once for each resource, each time whole.
        assert_eq!(decisions(&[A, B], &[aggregate.clone(), aggregate]), wanted);
    }

    #[test]
    fn a_decision_on_all_resources_is_none_on_each() {
        for name in [A, B, "*"] {
            assert_eq!(
                decisions(&[A, B], &[result(ImplicitDeny).eval_resource_name(name)]),
                []
            );
        }
        for (resources, wanted) in [(&[A][..], A), (&[], "*")] {
            for name in [A, "*", "arn:${Partition}:s3:::${BucketName}/${KeyName}"] {
                let found = decisions(resources, &[result(ImplicitDeny).eval_resource_name(name)]);
                assert_eq!(found, [(wanted.to_owned(), SimulatedDecision::DeniedImplicitly)]);
            }
        }
    }

    #[test]
    fn who_refuses_is_told_where_something_is_refused() {
        let scp = |allowed| {
            OrganizationsDecisionDetail::builder()
                .allowed_by_organizations(allowed)
                .build()
        };
        let boundary = |allowed| {
            PermissionsBoundaryDecisionDetail::builder()
                .allowed_by_permissions_boundary(allowed)
                .build()
        };
        for (decision, organization, within, wanted) in [
            (Allowed, true, true, SimulatedDecision::Allowed),
            (ImplicitDeny, true, true, SimulatedDecision::DeniedImplicitly),
            (ImplicitDeny, true, false, SimulatedDecision::DeniedByBoundary),
            (ImplicitDeny, false, true, SimulatedDecision::DeniedByOrganization),
            (
                ExplicitDeny,
                false,
                false,
                SimulatedDecision::DeniedByOrganization,
            ),
        ] {
            let result = result(decision)
                .organizations_decision_detail(scp(organization))
                .permissions_boundary_decision_detail(boundary(within));
            assert_eq!(decisions(&[A], &[result]), [(A.to_owned(), wanted)]);
        }
        // One of several is allowed: the organization refuses the others.
        let mixed = result(ImplicitDeny)
            .organizations_decision_detail(scp(false))
            .resource_specific_results(single(A, Allowed))
            .resource_specific_results(single(B, ImplicitDeny));
        let wanted = [
            (A.to_owned(), SimulatedDecision::Allowed),
            (B.to_owned(), SimulatedDecision::DeniedByOrganization),
        ];
        assert_eq!(decisions(&[A, B], &[mixed]), wanted);
    }

    #[test]
    fn what_nobody_asked_for_and_words_that_nobody_knows_are_no_answer() {
        let other = EvaluationResult::builder()
            .eval_action_name("s3:PutObject")
            .eval_decision(Allowed);
        assert_eq!(decisions(&[A], &[other]), []);
        assert_eq!(decisions(&[A], &[result("maybe".into())]), []);
    }
}
