//! `irsa-audit plan`.

use std::process::ExitCode;

use audit_core::fix::trust::TrustForm;
use audit_remedy::RemedyOperation;

use super::args::{PlanArgs, PlanOutput};
use super::error::RepairError;
use super::report::PlanReport;
use super::session::RepairSession;
use super::{NOTHING, print, text};

/// Shows the plan.
pub(super) async fn run(args: &PlanArgs) -> Result<ExitCode, RepairError> {
    let operation = if args.remove {
        RemedyOperation::Remove
    } else {
        RemedyOperation::Append
    };
    let session = RepairSession::open(&args.access).await?;
    let case = session.case(&args.service_account, operation).await?;
    let forms: Vec<TrustForm> = args.forms.iter().map(|form| form.0).collect();
    let report = PlanReport::of(&case, &forms);
    match args.output {
        PlanOutput::Text => print(&text::render(&report))?,
        PlanOutput::Json => {
            let json = serde_json::to_string(&report).map_err(std::io::Error::from)?;
            // In ASCII: what is shown on a terminal is what was read.
            print(&(audit_core::text::indented(&json) + "\n"))?;
        }
    }
    Ok(if report.plan.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOTHING)
    })
}
