//! Outputs of the AWS CLI, each put into its account.

mod account;
mod accounts;
mod control_policy;
mod embedded;
mod intake;
mod issuer;
mod managed_policy;
mod organization;
mod pieces;
pub(crate) mod shape;
#[cfg(test)]
#[path = "../../tests/unit/aws.rs"]
mod tests;

use std::collections::BTreeMap;

use audit_core::model::{Account, ClusterIssuer, ControlPolicy, IssuerUrl};

use crate::Options;
use crate::document::{self, Document};
use crate::problem::{InputProblem, Place};
use crate::source::Source;
use accounts::Accounts;
use intake::{Item, Outputs};
use issuer::Issuers;
use organization::Organization;
use shape::Output;

/// What outputs say.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) issuer: Option<ClusterIssuer>,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) control_policies: Vec<ControlPolicy>,
}

/// Reads outputs; `discovered` are the issuers that the manifests told.
pub(crate) fn load(
    outputs: impl IntoIterator<Item = Source>,
    discovered: Vec<IssuerUrl>,
    options: &Options,
    problems: &mut Vec<InputProblem>,
) -> Aws {
    let documents = document::read_all(outputs, &mut Outputs, problems);
    let mut outputs: Vec<(Place, Output)> = Vec::new();
    let mut organization = Organization::default();
    for Document { place, item } in documents {
        match item {
            Item::Output(Ok(output)) => {
                let output = organization.take(&place, output, problems);
                outputs.extend(output.map(|output| (place, output)));
            }
            Item::Output(Err(message)) => problems.push(InputProblem::error(place, message)),
            // One directory may hold both.
            Item::Object if !place.named => {}
            Item::Object => problems.push(InputProblem::error(
                place,
                "is no output of the AWS CLI, but a Kubernetes object: give it to --kubernetes",
            )),
            _ => problems.push(InputProblem::unusable(
                place,
                "is no output of the AWS CLI that is of use here; these are: get-account-authorization-details, get-role, \
                 list-roles, list-role-policies, get-role-policy, list-attached-role-policies, get-policy, get-policy-version, \
                 list-open-id-connect-providers, get-open-id-connect-provider, describe-cluster, get-caller-identity, organizations \
                 describe-policy and list-targets-for-policy, whole and as JSON, without --query",
            )),
        }
    }
    let mut issuers = Issuers::new(discovered);
    for (place, output) in &outputs {
        issuers.take(place, output, problems);
    }
    let issuer = issuers.decide(options, problems);
    let mut accounts = Accounts::default();
    accounts.take(outputs, options, problems);
    let url = issuer.as_ref().map(|issuer| &issuer.url);
    let cluster = url.and_then(|url| issuers.cluster(url));
    Aws {
        accounts: accounts.finish(url, cluster, options.now),
        issuer,
        control_policies: organization.finish(problems),
    }
}
