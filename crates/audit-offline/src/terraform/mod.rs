//! Terraform plans: what will be there after apply, as changes to what the other files say.
//!
//! `terraform show -json` prints a plan, or a state; `OpenTofu` prints the same. The text goes in, [`Changes`] come out. They are laid over the
//! account's outputs by `aws::planned`, and over the manifests by `kubernetes::planned`. What the plan does not have stays as it is.
//!
//! | module | what is in it |
//! |---|---|
//! | `refused` | what is not the JSON of a plan, and the way to one |
//! | [`plan`] | the JSON as resources |
//! | [`attributes`] | the attributes of a resource: known, absent, or open with the reason |
//! | `configuration` | to which resource an expression refers |
//! | [`home`] | in which account a resource is |
//! | [`change`] | what a change is |
//! | `resources` | each type of resource as changes, one file each |
//! | `untold` | types that concern a binding and are not read |

pub(crate) mod attributes;
pub(crate) mod change;
mod configuration;
pub(crate) mod home;
pub(crate) mod plan;
#[cfg(test)]
#[path = "../../tests/unit/terraform_policies.rs"]
mod policies;
mod refused;
mod resources;
#[cfg(test)]
#[path = "../../tests/unit/terraform.rs"]
mod tests;
mod untold;

use std::io::Read as _;
use std::sync::Arc;

use audit_core::text::reveal;

use crate::Options;
use crate::encoding::decode;
use crate::problem::{InputProblem, Place};
use crate::source::{STANDARD_INPUT, Source};
use change::Changes;
use home::Home;
use plan::Plan;

/// A plan that was read.
#[derive(Debug)]
pub(crate) struct Given {
    place: Place,
    path: Option<Arc<str>>,
    plan: Plan,
}

/// Reads plans. One that cannot be read is a problem.
pub(crate) fn read(
    sources: impl IntoIterator<Item = Source>,
    problems: &mut Vec<InputProblem>,
) -> Vec<Given> {
    let mut plans = Vec::new();
    for source in sources {
        let place = source.place();
        let path = (source.name != STANDARD_INPUT).then(|| source.name.as_str().into());
        match parse(source) {
            Ok(plan) => {
                let warnings = plan.warnings.iter();
                problems.extend(warnings.map(|warning| InputProblem::warning(place.clone(), warning)));
                plans.push(Given { place, path, plan });
            }
            Err(refusal) => problems.push(InputProblem::error(place, refusal)),
        }
    }
    plans
}

fn parse(mut source: Source) -> Result<Plan, String> {
    let mut bytes = Vec::new();
    source
        .contents
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {}", reveal(&error.to_string())))?;
    if bytes.starts_with(refused::BINARY_PLAN) {
        return Err(refused::binary());
    }
    let text =
        decode(&bytes).map_err(|_| "is not text: give the output of `terraform show -json`".to_owned())?;
    drop(bytes);
    Plan::parse(&text)
}

/// What plans change; `otherwise` is the account of resources of which a plan does not tell it.
pub(crate) fn changes(
    plans: &[Given],
    otherwise: Option<&Home>,
    options: &Options,
    problems: &mut Vec<InputProblem>,
) -> Changes {
    let mut changes = Changes::default();
    for Given { place, path, plan } in plans {
        let told = resources::read(plan, path.as_ref(), otherwise, options, &mut changes);
        let told = told.into_iter().chain(untold::told(plan));
        problems.extend(told.map(|message| InputProblem::warning(place.clone(), message)));
    }
    changes.aws.sort_by_key(|change| change.what.phase());
    changes
}
