//! `irsa-audit release`: a person has looked at what another actor did to a role during a write, and lets the writer go on.

use std::process::ExitCode;

use audit_api::{TrustPolicyChange, remediation};
use audit_core::fix::diff;
use audit_core::text::{quote, reveal};
use audit_remedy::{ChangePhase, JournalRecord};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::args::ReleaseArgs;
use super::confirm::{self, ConfirmStep};
use super::error::RepairError;
use super::{print, refuse};
use crate::service;

/// The field manager of what is changed here.
const MANAGER: &str = "irsa-audit-release";

/// Shows the record, asks, and releases the role.
pub(super) async fn run(args: &ReleaseArgs) -> Result<ExitCode, RepairError> {
    let client = service::client(service::cluster(&args.connection).await?)?;
    let change = read(&client, &args.change).await?;
    let record = remediation::record(&change).map_err(|error| RepairError::Refused {
        attempt: "read the TrustPolicyChange",
        message: reveal(&error.to_string()),
        hint: "",
    })?;
    if let Some(why) = not_latched(&record) {
        return Ok(refuse(&format!("nothing was released: {why}")));
    }
    print(&documents(&record))?;
    match confirm::step(confirm::is_terminal(), args.yes, args.yes) {
        ConfirmStep::Go => {}
        ConfirmStep::Ask if confirm::ask("Release this role, so that the writer may write to it again?")? => {
        }
        ConfirmStep::Ask => return Ok(refuse("nothing was released: the answer was not yes")),
        ConfirmStep::Refuse => {
            return Err(RepairError::NoTerminal(
                "look at the documents, then give --yes with the name of the TrustPolicyChange",
            ));
        }
    }
    patch(&client, &change).await?;
    print(&format!(
        "\nTrustPolicyChange {} released: the writer may write to role {} again\n",
        quote(&args.change),
        reveal(&record.role_arn)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Why there is nothing to release, if so.
fn not_latched(record: &JournalRecord) -> Option<String> {
    if record.phase != ChangePhase::Latched {
        return Some(format!(
            "TrustPolicyChange `{}` is {}, not Latched",
            quote(&record.name),
            record.phase.as_str()
        ));
    }
    record
        .released
        .map(|at| format!("TrustPolicyChange `{}` was released at {at}", quote(&record.name)))
}

/// What the role was, what was written, and what was found, each as a diff to the next.
fn documents(record: &JournalRecord) -> String {
    let role = format!("trust policy of {}", reveal(&record.role_arn));
    let written = compared(
        &role,
        ("before the write", &record.before),
        ("as it was written", &record.after),
    );
    let found = match &record.found {
        Some(found) => compared(
            &role,
            ("as it was written", &record.after),
            ("as it was found", found),
        ),
        None => format!("The role {} was not there any more.\n", reveal(&record.role_arn)),
    };
    format!(
        "TrustPolicyChange {}: {} for {}/{}\n\nWhat the writer wrote\n{written}\nWhat it found afterwards\n{found}",
        quote(&record.name),
        record.operation.as_str(),
        reveal(&record.namespace),
        reveal(&record.service_account)
    )
}

/// A diff of two documents; both as they are, where one of them is not JSON.
fn compared(role: &str, old: (&str, &str), new: (&str, &str)) -> String {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let name = |what: &str| format!("{role}, {what}");
    if is_json(old.1) && is_json(new.1) {
        let diff = diff::documents(&name(old.0), old.1, &name(new.0), new.1);
        return if diff.lines().count() > 2 {
            diff
        } else {
            "no difference in the documents\n".to_owned()
        };
    }
    let whole = |(what, text): (&str, &str)| format!("{}:\n{}\n", name(what), reveal(text));
    whole(old) + &whole(new)
}

async fn read(client: &Client, name: &str) -> Result<TrustPolicyChange, RepairError> {
    const HINT: &str = "; the ClusterRole for approvers in the chart of irsa-audit allows it";
    let api: Api<TrustPolicyChange> = Api::all(client.clone());
    let found = api.get_opt(name).await;
    let found = found.map_err(|error| RepairError::refused("get the TrustPolicyChange", &error, HINT))?;
    found.ok_or_else(|| RepairError::NoSuchChange(quote(name)))
}

/// Only if no one has changed the record since it was shown.
async fn patch(client: &Client, change: &TrustPolicyChange) -> Result<(), RepairError> {
    const ATTEMPT: &str = "patch the status of the TrustPolicyChange";
    const HINT: &str = "; only an admin of the cluster releases a role";
    let patch = json!({
        "metadata": {"resourceVersion": change.resource_version().unwrap_or_default()},
        "status": {"released": Timestamp::now().to_string()},
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let api: Api<TrustPolicyChange> = Api::all(client.clone());
    let done = api
        .patch_status(&change.name_any(), &params, &Patch::Merge(&patch))
        .await;
    done.map(|_| ())
        .map_err(|error| RepairError::refused(ATTEMPT, &error, HINT))
}

#[cfg(test)]
#[path = "../../tests/unit/repair/release.rs"]
mod tests;
