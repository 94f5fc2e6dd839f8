//! `irsa-audit approve` and `irsa-audit rollback`: an approval of exactly the plan that was shown.

use std::process::ExitCode;
use std::time::Duration;

use audit_api::IrsaApproval;
use audit_api::approval::IrsaApprovalSpec;
use audit_core::model::BindingKey;
use audit_core::text::quote;
use audit_remedy::{Blocker, Journal, Plan, PlanHash, RemedyOperation, valid_approval};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};

use super::args::ApproveArgs;
use super::confirm::{self, ConfirmStep};
use super::error::RepairError;
use super::report::PlanReport;
use super::session::{RepairCase, RepairSession};
use super::{print, refuse, text};

/// The field manager of what is created here.
const MANAGER: &str = "irsa-audit-approve";

/// How many digits of the hash begin the object's name: for people who read lists. The whole hash is in its spec.
const NAME_DIGITS: usize = 12;

/// Shows the plan, asks, and creates the approval.
pub(super) async fn run(args: &ApproveArgs, operation: RemedyOperation) -> Result<ExitCode, RepairError> {
    let session = RepairSession::open(&args.access).await?;
    let case = session.case(&args.service_account, operation).await?;
    let report = PlanReport::for_approval(&case);
    let plan = match &case.planned {
        Ok(plan) => plan,
        Err(refusal) => {
            print(&text::render(&report))?;
            return Ok(refuse(&format!(
                "nothing was approved: {}",
                refusal.advice().what
            )));
        }
    };
    if let Some(given) = &args.confirm.plan_hash
        && let Some(why) = other_plan(given, plan)
    {
        return Ok(refuse(&why));
    }
    if let Some(why) = no_use(&case, plan) {
        return Ok(refuse(&format!("nothing was approved: {why}")));
    }
    print(&text::render(&report))?;
    let is_named = args.confirm.plan_hash.is_some();
    match confirm::step(confirm::is_terminal(), is_named, args.confirm.yes) {
        ConfirmStep::Go => {}
        ConfirmStep::Ask if confirm::ask(question(operation))? => {}
        ConfirmStep::Ask => return Ok(refuse("nothing was approved: the answer was not yes")),
        ConfirmStep::Refuse => {
            return Err(RepairError::NoTerminal(
                "give --plan-hash with all digits of the hash that is meant",
            ));
        }
    }
    let approved_by = own_name(&session.client).await?;
    let created = create(
        &session.client,
        &args.service_account,
        plan,
        args.valid_for,
        &approved_by,
    )
    .await?;
    print(&format!(
        "\nIrsaApproval {} created by {}, valid for {}\nFollow it with: kubectl get trustpolicychanges\n",
        quote(&created.name_any()),
        quote(&approved_by),
        kube::core::Duration::from(args.valid_for)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn question(operation: RemedyOperation) -> &'static str {
    match operation {
        RemedyOperation::Append => "Approve that this statement is appended?",
        RemedyOperation::Remove => "Approve that this statement is removed?",
    }
}

/// That the hash which was given is not the plan's. Both are whole.
fn other_plan(given: &PlanHash, plan: &Plan) -> Option<String> {
    (*given != plan.hash).then(|| {
        format!(
            "nothing was approved: the plan has changed. --plan-hash is {given}, and the hash of the plan is now {}. Look at the plan \
             again",
            plan.hash
        )
    })
}

/// Why an approval would be of no use, if so.
fn no_use(case: &RepairCase, plan: &Plan) -> Option<String> {
    let blockers = case.blockers(plan);
    if let Some(spent) = blockers
        .iter()
        .find(|blocker| matches!(blocker, Blocker::SpentHash { .. }))
    {
        return Some(spent.advice(&case.subject).what);
    }
    let authorities = &case.authorities;
    let journal = Journal::new(&authorities.journal);
    let own_users = &authorities.own_users;
    if let Ok(valid) = valid_approval(&authorities.approvals, plan, &journal, own_users, case.at) {
        return Some(format!(
            "{} has approved this plan already, and that approval is still valid",
            quote(&valid.approved_by)
        ));
    }
    let ends_one =
        |blocker: &Blocker| matches!(blocker, Blocker::Approval { .. } | Blocker::RoleBackoff { .. });
    (!blockers.iter().any(ends_one)).then(|| {
        "the plan needs no approval: the team and the policies allow Automatic. `irsa-audit plan` shows what blocks it"
            .to_owned()
    })
}

/// The name under which the API server knows the caller: the one that it demands in `approvedBy`.
async fn own_name(client: &Client) -> Result<String, RepairError> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let answer = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await
        .map_err(|error| RepairError::refused("create a SelfSubjectReview", &error, ""))?;
    let user = answer.status.and_then(|status| status.user_info);
    user.and_then(|user| user.username)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| RepairError::Refused {
            attempt: "create a SelfSubjectReview",
            message: "the answer has no user name".to_owned(),
            hint: "",
        })
}

async fn create(
    client: &Client,
    key: &BindingKey,
    plan: &Plan,
    valid_for: Duration,
    approved_by: &str,
) -> Result<IrsaApproval, RepairError> {
    const HINT: &str = "; who may create IrsaApprovals may approve: ask a cluster admin to bind the ClusterRole for approvers in the \
                        chart of irsa-audit";
    let spec = IrsaApprovalSpec {
        namespace: key.namespace.to_string(),
        service_account: key.service_account.to_string(),
        plan_hash: plan.hash.to_string(),
        valid_for: valid_for.into(),
        approved_by: approved_by.to_owned(),
    };
    let mut approval = IrsaApproval::new("", spec);
    let digits: String = plan.hash.as_str().chars().take(NAME_DIGITS).collect();
    approval.metadata.name = None;
    approval.metadata.generate_name = Some(format!("{digits}-"));
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let api: Api<IrsaApproval> = Api::all(client.clone());
    let created = api.create(&params, &approval).await;
    created.map_err(|error| RepairError::refused("create an IrsaApproval", &error, HINT))
}

#[cfg(test)]
#[path = "../../tests/unit/repair/approve.rs"]
mod tests;
