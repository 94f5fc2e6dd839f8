//! A plan as data: what `-o json` prints, and what the text is made from. Everything in it is untrusted text unless it says otherwise.

use audit_core::Finding;
use audit_core::fix::trust::{PlannedEdit, PlannedKind, TrustForm};
use audit_core::fix::{ServiceAccountName, diff};
use audit_core::text::quote;
use audit_remedy::{
    AdmissionGuard, AdmittedBy, Advice, Blocker, Meant, OwnershipMark, OwningTool, Plan, RemedyOperation,
    RemedySubject, RoleConsent, ToolOwnership, admin_grant,
};
use serde::Serialize;
use serde_json::Value;

use super::finding::trust_findings;
use super::session::RepairCase;

/// A plan, or why there is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanReport {
    pub(super) namespace: String,
    pub(super) service_account: String,
    /// `Append` or `Remove`.
    pub(super) operation: &'static str,
    /// The ARN that the annotation has.
    pub(super) role_arn: String,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) mode: ModeReport,
    /// Whether the ServiceAccount is meant to have the role; of a plan that appends.
    pub(super) question: Option<MeantReport>,
    pub(super) plan: Option<PlannedReport>,
    /// Why there is no plan.
    pub(super) refusal: Option<AdviceReport>,
    /// Where there is no plan that appends: what the rules say about the trust policy. Their fixes grant access.
    pub(super) findings: Vec<FindingReport>,
    /// Who does not agree to the plan yet. Empty: nothing blocks it.
    pub(super) blocked_by: Vec<AdviceReport>,
    pub(super) forms: Vec<FormReport>,
    /// It is shown to a person who is about to approve it, so the missing approval is left out.
    #[serde(skip)]
    pub(super) is_for_approval: bool,
}

/// How far remediation may go: names of modes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModeReport {
    /// The lesser of the two.
    pub(super) effective: &'static str,
    /// `spec.remediation` of the `IrsaAudit`.
    pub(super) team: &'static str,
    /// The least of all policies that match.
    pub(super) policies: &'static str,
}

/// The confused deputy's question: the role has users already, and who says that this ServiceAccount is meant?
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeantReport {
    /// Whom the Allow statements of the role admit now.
    pub(super) already: Vec<AdmittedReport>,
    /// Who says it: `ConsentTag`, `ExpectRoleArn`, `Statement`. Empty: no one. `ExpectRoleArn` is written by an editor of the namespace, as the
    /// annotation is.
    pub(super) by: Vec<&'static str>,
    /// The consent tag that says it.
    pub(super) consent: Option<TagReport>,
}

/// One Allow statement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmittedReport {
    /// From 0.
    pub(super) statement: usize,
    pub(super) sid: Option<String>,
    /// Each with its kind: `Federated: arn:…`.
    pub(super) principals: Vec<String>,
    /// It admits everyone except those.
    pub(super) not_principal: bool,
    pub(super) subjects: Vec<String>,
}

/// A tag.
#[derive(Debug, Serialize)]
pub(super) struct TagReport {
    pub(super) key: String,
    pub(super) value: String,
}

/// The edit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlannedReport {
    /// All 64 digits.
    pub(super) hash: String,
    /// The subject that is admitted, or no longer is, and no other.
    pub(super) subject: String,
    pub(super) statement: Value,
    pub(super) before: Value,
    pub(super) after: Value,
    /// From `before` to `after`; safe to show.
    pub(super) diff: String,
    /// Characters of `after` that count against the quota.
    pub(super) size: usize,
    pub(super) quota: usize,
    /// The number of changes that the journal has of the role.
    pub(super) counter: u64,
    /// The tools that manage the role.
    pub(super) tools: Vec<ToolReport>,
}

/// A tool, and what says that it manages the role.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolReport {
    pub(super) tool: &'static str,
    /// A tag as `key=value`, or the role's path.
    pub(super) mark: String,
}

/// Who has to act, why and how; safe to show.
#[derive(Debug, Serialize)]
pub(super) struct AdviceReport {
    pub(super) authority: &'static str,
    pub(super) reason: &'static str,
    pub(super) what: String,
    pub(super) how: String,
}

/// What a rule says; safe to show.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingReport {
    pub(super) code: &'static str,
    pub(super) reason: &'static str,
    pub(super) severity: &'static str,
    pub(super) message: String,
    /// What has to be asked before the fix is made.
    pub(super) asks: Option<String>,
    pub(super) fix: Option<String>,
    pub(super) forms: Vec<FormReport>,
}

/// Text to paste or to read.
#[derive(Debug, Serialize)]
pub(super) struct FormReport {
    pub(super) form: &'static str,
    pub(super) text: String,
}

impl PlanReport {
    /// What was planned for a case, in the forms that are always there, those of tools that manage the role, and `forms`.
    pub(super) fn of(case: &RepairCase, forms: &[TrustForm]) -> Self {
        let subject = &case.subject;
        let mut report = Self {
            namespace: subject.namespace.clone(),
            service_account: subject.name.clone(),
            operation: case.operation.as_str(),
            role_arn: subject.role_arn.to_string(),
            issuer: subject.issuer.as_str().to_owned(),
            audience: subject.audience.clone(),
            mode: ModeReport::of(case),
            question: None,
            plan: None,
            refusal: None,
            findings: Vec::new(),
            blocked_by: Vec::new(),
            forms: Vec::new(),
            is_for_approval: false,
        };
        match &case.planned {
            Ok(plan) => {
                let is_append = case.operation == RemedyOperation::Append;
                report.question = is_append.then(|| MeantReport::of(&plan.meant, plan.consent.as_ref().ok()));
                report.plan = Some(PlannedReport::of(plan));
                let blockers = case.blockers(plan);
                report.blocked_by = blockers.iter().map(|blocker| advice(blocker, subject)).collect();
                report.forms = forms_of(plan, case, forms);
            }
            Err(refusal) => {
                report.refusal = Some(refusal.advice().into());
                if case.operation == RemedyOperation::Append {
                    let findings = trust_findings(subject, &case.role, &case.prefix, case.at);
                    report.findings = findings.iter().map(FindingReport::from).collect();
                }
            }
        }
        report
    }

    /// The same for a person who is about to approve it: without the approval that is missing, and without the ways around it.
    pub(super) fn for_approval(case: &RepairCase) -> Self {
        let mut report = Self::of(case, &[]);
        report.blocked_by.retain(|blocker| blocker.reason != "approval");
        report.forms.clear();
        report.is_for_approval = true;
        report
    }
}

/// What blocks, with the flag that helps if the program was told the wrong names.
fn advice(blocker: &Blocker, subject: &RemedySubject) -> AdviceReport {
    let mut advice = blocker.advice(subject);
    if matches!(blocker, Blocker::Admission(AdmissionGuard::PolicyChanged)) {
        advice.how.push_str(
            " If irsa-audit has other ServiceAccounts in this cluster, name them with --operator-service-account and \
             --writer-service-account.",
        );
    }
    advice.into()
}

impl ModeReport {
    fn of(case: &RepairCase) -> Self {
        let authorities = &case.authorities;
        let grant = admin_grant(&authorities.policies, &case.subject, &authorities.own_namespaces);
        let team = case.subject.opt_in;
        Self {
            effective: grant.mode(team).as_str(),
            team: team.as_str(),
            policies: grant.max_mode().as_str(),
        }
    }
}

impl MeantReport {
    /// Whether the role's owner says that the ServiceAccount is meant. What its own namespace says is no answer.
    pub(super) fn is_answered(&self) -> bool {
        self.by.iter().any(|by| *by != "ExpectRoleArn")
    }

    pub(super) fn of(meant: &Meant, consent: Option<&RoleConsent>) -> Self {
        let says = [
            (consent.is_some(), "ConsentTag"),
            (meant.by_team, "ExpectRoleArn"),
            (meant.by_statement, "Statement"),
        ];
        Self {
            already: meant.already.iter().map(AdmittedReport::from).collect(),
            by: says
                .into_iter()
                .filter(|(is_so, _)| *is_so)
                .map(|(_, who)| who)
                .collect(),
            consent: consent.map(|consent| TagReport {
                key: consent.key.clone(),
                value: consent.value.clone(),
            }),
        }
    }
}

impl From<&AdmittedBy> for AdmittedReport {
    fn from(admitted: &AdmittedBy) -> Self {
        let principals = admitted.principals.iter();
        Self {
            statement: admitted.statement,
            sid: admitted.sid.clone(),
            principals: principals.map(|(kind, name)| format!("{kind}: {name}")).collect(),
            not_principal: admitted.is_negated,
            subjects: admitted.subjects.clone(),
        }
    }
}

impl PlannedReport {
    fn of(plan: &Plan) -> Self {
        let edit = &plan.edit;
        let name = format!("trust policy of role {}", quote(plan.role.arn.name()));
        // An edit has only documents that parse.
        let value = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            hash: plan.hash.to_string(),
            subject: plan.subject.subject(),
            statement: edit.statement.clone(),
            before: value(&edit.before),
            after: value(&edit.after),
            diff: diff::documents(
                &format!("{name}, now"),
                &edit.before,
                &format!("{name}, planned"),
                &edit.after,
            ),
            size: edit.size,
            quota: plan.role.quota,
            counter: plan.counter,
            tools: plan.tools.iter().map(ToolReport::from).collect(),
        }
    }
}

impl From<&ToolOwnership> for ToolReport {
    fn from(owned: &ToolOwnership) -> Self {
        Self {
            tool: owned.tool.as_str(),
            mark: match &owned.mark {
                OwnershipMark::Tag { key, value } => format!("{key}={value}"),
                OwnershipMark::Path(path) => path.clone(),
            },
        }
    }
}

impl From<Advice> for AdviceReport {
    fn from(advice: Advice) -> Self {
        Self {
            authority: advice.authority.as_str(),
            reason: advice.reason,
            what: advice.what,
            how: advice.how,
        }
    }
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> Self {
        let fix = finding.fix.as_ref();
        let forms = fix.iter().flat_map(|fix| &fix.first.alternatives);
        Self {
            code: finding.entry.code,
            reason: finding.entry.reason,
            severity: finding.severity.as_str(),
            message: finding.message.clone(),
            asks: fix.and_then(|fix| fix.asks.clone()),
            fix: fix.map(audit_core::fix::Fix::script),
            forms: forms
                .map(|form| FormReport {
                    form: form.form.as_str(),
                    text: form.text.clone(),
                })
                .collect(),
        }
    }
}

fn forms_of(plan: &Plan, case: &RepairCase, asked: &[TrustForm]) -> Vec<FormReport> {
    let identity = plan.subject.identity(case.at);
    let edit = PlannedEdit {
        role_name: plan.role.arn.name(),
        service_account: ServiceAccountName {
            namespace: &plan.subject.namespace,
            name: &plan.subject.name,
        },
        kind: match plan.operation() {
            RemedyOperation::Append => PlannedKind::Append,
            RemedyOperation::Remove => PlannedKind::Remove,
        },
        statement: &plan.edit.statement,
        before: &plan.edit.before,
        after: &plan.edit.after,
        identity: &identity,
    };
    let always = [TrustForm::AwsCli, TrustForm::Terraform, TrustForm::Eksctl];
    let owned: Vec<TrustForm> = plan.tools.iter().map(|owned| of_tool(owned.tool)).collect();
    TrustForm::ALL
        .into_iter()
        .filter(|form| always.contains(form) || owned.contains(form) || asked.contains(form))
        .filter_map(|form| {
            Some(FormReport {
                form: form.as_str(),
                text: edit.form(form)?,
            })
        })
        .collect()
}

fn of_tool(tool: OwningTool) -> TrustForm {
    match tool {
        OwningTool::Eksctl => TrustForm::Eksctl,
        OwningTool::Ack => TrustForm::Ack,
        OwningTool::Crossplane => TrustForm::Crossplane,
        OwningTool::Terraform => TrustForm::Terraform,
        OwningTool::CloudFormation => TrustForm::CloudFormation,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/repair/report.rs"]
mod tests;
