//! `irsa-audit refresh`: the operator is to read everything of one ServiceAccount again, now.

use std::process::ExitCode;

use audit_api::{IrsaAudit, REAUDIT_ANNOTATION};
use audit_core::model::BindingKey;
use audit_core::text::quote;
use clap::Args;
use jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::arguments::{SubjectArgs, SubjectError};
use crate::cluster::{ConnectionArgs, shown};
use crate::service::{self, ServiceError};

/// What the long help ends with.
const MORE: &str = "\
Example:
  irsa-audit refresh shop/cart

Exit codes:
  0  the operator was asked
  1  the ServiceAccount has no IrsaAudit, so that no operator audits it
  2  something is wrong with the call, or the IrsaAudit cannot be read or changed";

/// The exit code where there is nothing to refresh.
const NOTHING: u8 = 1;

/// The field manager of the annotation.
const MANAGER: &str = "irsa-audit-refresh";

/// Ask the operator to read one ServiceAccount and its role again now.
///
/// Sets the annotation irsa-audit.dev/reaudit of the IrsaAudit of the ServiceAccount. Use it after a repair in IAM: the operator asks AWS again
/// after some seconds only for what it knows to be broken.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct RefreshArgs {
    #[command(flatten)]
    pub subject: SubjectArgs,

    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Why the operator was not asked.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The ServiceAccount is not named.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// No cluster to talk to.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The API server refused, or did not answer.
    #[error("the IrsaAudit of {subject} cannot be {attempt}: {why}")]
    Refused {
        /// The ServiceAccount, safe to show.
        subject: String,
        /// `read` or `changed`.
        attempt: &'static str,
        /// The API server's words, safe to show.
        why: String,
    },
    /// The operating system refused.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

/// Asks the operator.
///
/// # Errors
/// [`RefreshError`]; the exit code is then 2.
pub fn run(args: &RefreshArgs) -> Result<ExitCode, RefreshError> {
    let key = args.subject.key()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(refresh(args, &key))
}

async fn refresh(args: &RefreshArgs, key: &BindingKey) -> Result<ExitCode, RefreshError> {
    let refused = |attempt, error: &kube::Error| RefreshError::Refused {
        subject: format!("`{}`", quote(&key.to_string())),
        attempt,
        why: shown(error),
    };
    let client = service::client(service::cluster(&args.connection).await?)?;
    let api: Api<IrsaAudit> = Api::namespaced(client, &key.namespace);
    let found = api.list(&ListParams::default()).await;
    let found = found.map_err(|error| refused("read", &error))?;
    let own: Vec<IrsaAudit> = found
        .into_iter()
        .filter(|audit| audit.spec.service_account_name == key.service_account)
        .collect();
    if own.is_empty() {
        eprintln!(
            "irsa-audit: ServiceAccount `{}` has no IrsaAudit, so that no operator audits it; `irsa-audit status` looks at it without one",
            quote(&key.to_string())
        );
        return Ok(ExitCode::from(NOTHING));
    }
    let patch = json!({"metadata": {"annotations": {REAUDIT_ANNOTATION: Timestamp::now().to_string()}}});
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for audit in own {
        let name = audit.name_any();
        api.patch(&name, &params, &Patch::Merge(&patch))
            .await
            .map_err(|error| refused("changed", &error))?;
        println!(
            "IrsaAudit {}/{}: the operator was asked to re-audit",
            quote(&key.namespace),
            quote(&name)
        );
    }
    Ok(ExitCode::SUCCESS)
}
