//! Outputs of the AWS CLI, each put into its account.

mod account;
mod accounts;
mod control_policy;
mod embedded;
mod intake;
mod issuer;
mod listed;
mod managed_policy;
#[cfg(test)]
#[path = "../../tests/unit/odd.rs"]
mod odd;
mod organization;
mod overlay;
mod pieces;
mod planned;
pub(crate) mod shape;
mod shaped;
#[cfg(test)]
#[path = "../../tests/unit/aws.rs"]
mod tests;
mod whole;

use std::collections::BTreeMap;

use audit_core::model::{Account, ClusterIssuer, ControlPolicy, IssuerUrl, PlannedResources};

use crate::Options;
use crate::document::{self, Document, ReadTexts};
use crate::leftover::{Leftover, LeftoverKind, Reason};
use crate::problem::{InputProblem, Place};
use crate::source::Source;
use crate::terraform;
use crate::terraform::change::AccountChange;
use accounts::Accounts;
use intake::{Item, Outputs};
use issuer::Issuers;
use organization::Organization;
use shape::{Output, Unused};

/// What outputs say.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) issuer: Option<ClusterIssuer>,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) control_policies: Vec<ControlPolicy>,
    /// Pages of accounts that are missing, as nouns that are safe to show.
    pub(crate) missing_pages: Vec<String>,
    /// What was not used.
    pub(crate) leftovers: Vec<Leftover>,
    /// The resources of plans that declare something of it.
    pub(crate) resources: PlannedResources,
    /// What plans change in the cluster.
    pub(crate) service_accounts: Vec<AccountChange>,
}

/// An object in the place of an output.
const OBJECT: Reason = Reason::new(
    "is not an output of the AWS CLI, but a Kubernetes object",
    "give it to --kubernetes",
);

/// An output that is known, and not needed.
const UNNEEDED: Reason = Reason::new("is an output of the AWS CLI that no check reads", "");

/// A page of a list.
const PAGE: Reason = Reason::new(
    "is one page of a list, and is not used",
    "only the whole list proves anything; run the command again without --no-paginate and --max-items",
);

/// Something else in the place of an output.
const NO_OUTPUT: Reason = Reason::new(
    "is not an output of the AWS CLI that is of use here",
    "these are: get-account-authorization-details, get-role, list-roles, list-role-policies, get-role-policy, \
     list-attached-role-policies, get-policy, get-policy-version, list-open-id-connect-providers, get-open-id-connect-provider, \
     describe-cluster, get-caller-identity, organizations describe-policy and list-targets-for-policy, whole and as JSON, without --query",
);

/// Reads outputs, and lays plans over them; `discovered` are the issuers that the manifests told.
pub(crate) fn load(
    outputs: impl IntoIterator<Item = Source>,
    discovered: Vec<IssuerUrl>,
    plans: &[terraform::Given],
    options: &Options,
    problems: &mut Vec<InputProblem>,
) -> Aws {
    let ReadTexts {
        documents,
        mut leftovers,
    } = document::read_all(outputs, &mut Outputs, problems);
    let mut outputs: Vec<(Place, Output)> = Vec::new();
    let mut organization = Organization::default();
    for Document { place, item, .. } in documents {
        let (kind, reason) = match item {
            Item::Output(Ok(Output::Unused(Unused::Unneeded))) => (LeftoverKind::Unneeded, UNNEEDED),
            Item::Output(Ok(Output::Unused(Unused::Page))) => (LeftoverKind::Unneeded, PAGE),
            Item::Output(Ok(output)) => {
                let output = organization.take(&place, output, problems);
                outputs.extend(output.map(|output| (place, output)));
                continue;
            }
            Item::Output(Err(message)) => {
                problems.push(InputProblem::error(place, message));
                continue;
            }
            Item::Object => (LeftoverKind::OfOtherFlag, OBJECT),
            Item::Failure(reason) => (LeftoverKind::SpoiledOutput, reason),
            Item::Nothing(Some(part)) => (LeftoverKind::SpoiledOutput, part),
            _ => (LeftoverKind::Foreign, NO_OUTPUT),
        };
        leftovers.push(Leftover::new(place, kind, reason));
    }
    let mut issuers = Issuers::new(discovered);
    for (place, output) in &outputs {
        issuers.take(place, output, problems);
    }
    let issuer = issuers.decide(options, problems);
    let mut accounts = Accounts::default();
    accounts.take(outputs, options, problems);
    let home = accounts.only_home(options);
    let changes = terraform::changes(plans, home.as_ref(), options, problems);
    let issuer = issuers.after_apply(issuer, &changes.clusters, problems);
    let resources = accounts.lay(changes.aws);
    let url = issuer.as_ref().map(|issuer| &issuer.url);
    let cluster = url.and_then(|url| issuers.cluster(url));
    Aws {
        missing_pages: accounts.missing_pages(),
        accounts: accounts.finish(url, cluster, options.now, problems),
        issuer,
        control_policies: organization.finish(problems),
        leftovers,
        resources,
        service_accounts: changes.service_accounts,
    }
}
