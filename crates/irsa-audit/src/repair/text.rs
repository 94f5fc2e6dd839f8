//! A plan for a person. The first thing that it says is the question that an annotation does not answer: is this ServiceAccount meant?

use std::fmt::{self, Write as _};

use audit_core::text::{quote, quote_list, reveal};

use super::report::{
    AdmittedReport, AdviceReport, FindingReport, FormReport, MeantReport, PlanReport, PlannedReport,
};

/// How many values of a list are shown.
const SHOWN: usize = 10;

/// The text of a report. What comes from the cluster or the account is escaped.
pub(super) fn render(report: &PlanReport) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &PlanReport) -> fmt::Result {
    // Whole, however long: names that are cut look alike.
    let account = reveal(&format!("{}/{}", report.namespace, report.service_account));
    writeln!(out, "ServiceAccount {account}")?;
    writeln!(out, "role           {}", reveal(&report.role_arn))?;
    let mode = &report.mode;
    writeln!(
        out,
        "mode           {} (the team: {}, the policies: {})",
        mode.effective, mode.team, mode.policies
    )?;
    if let Some(question) = &report.question {
        write_question(out, question, &account)?;
    }
    if let Some(plan) = &report.plan {
        write_plan(out, report, plan)?;
        write_blockers(out, report)?;
    }
    if let Some(refusal) = &report.refusal {
        writeln!(out, "\nThere is no plan")?;
        write_advice(out, refusal)?;
    }
    for finding in &report.findings {
        write_finding(out, finding)?;
    }
    if !report.forms.is_empty() {
        writeln!(out, "\nThe same change by hand, for those who may edit the role")?;
        writeln!(
            out,
            "  Nobody has to approve a change that you make by hand, so answer the question above first. The command writes nothing if the \
             document has changed since."
        )?;
    }
    write_forms(out, &report.forms)
}

/// Whether the ServiceAccount is meant to have the role.
pub(super) fn write_question(out: &mut String, question: &MeantReport, account: &str) -> fmt::Result {
    writeln!(out, "\nIs this ServiceAccount meant to have the role?")?;
    for line in question_lines(question, account) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// The question's answer as lines that are safe to show.
pub(super) fn question_lines(question: &MeantReport, account: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if question.already.is_empty() {
        lines.push("the role admits no one now".to_owned());
    } else {
        lines.push("the role already admits:".to_owned());
    }
    lines.extend(
        question
            .already
            .iter()
            .map(|admitted| format!("  {}", admits(admitted))),
    );
    for by in &question.by {
        let says = match (*by, &question.consent) {
            ("ConsentTag", Some(tag)) => {
                format!("the role's tag {} is `{}`", quote(&tag.key), reveal(&tag.value))
            }
            ("ExpectRoleArn", _) => {
                lines.push(
                    "the IrsaAudit asks for this role in spec.expect.roleArn: this shows only what an editor of the namespace wants"
                        .to_owned(),
                );
                continue;
            }
            _ => "a statement of the trust policy names it, and fails for another reason".to_owned(),
        };
        lines.push(format!("{account} is meant, because {says}"));
    }
    if !question.is_answered() {
        lines.push(format!(
            "there is no evidence that {account} is meant: the role has no consent tag for it, and no statement names it. What an editor of \
             the namespace wrote authorizes nothing: ask the role's owner first"
        ));
    }
    lines
}

fn admits(admitted: &AdmittedReport) -> String {
    let name = match &admitted.sid {
        Some(sid) => format!("statement {} `{}`", admitted.statement + 1, quote(sid)),
        None => format!("statement {}", admitted.statement + 1),
    };
    let except = if admitted.not_principal {
        "everyone except "
    } else {
        ""
    };
    let principals = quote_list(&admitted.principals, SHOWN);
    let subjects = if admitted.subjects.is_empty() {
        String::new()
    } else {
        format!("; subjects {}", quote_list(&admitted.subjects, SHOWN))
    };
    format!("{name}: {except}{principals}{subjects}")
}

fn write_plan(out: &mut String, report: &PlanReport, plan: &PlannedReport) -> fmt::Result {
    let subject = reveal(&plan.subject);
    let audience = reveal(&report.audience);
    writeln!(out, "\nWhat changes")?;
    if report.operation == "Append" {
        writeln!(
            out,
            "  One statement is appended. Everything else in the document stays as it is."
        )?;
        writeln!(
            out,
            "  It admits `{subject}` with audience `{audience}`, and no one else."
        )?;
    } else {
        writeln!(
            out,
            "  One statement is removed, the one that irsa-audit appended. Everything else in the document stays as it is."
        )?;
        writeln!(
            out,
            "  `{subject}` is no longer admitted by it. No one else loses access."
        )?;
    }
    writeln!(
        out,
        "  Proven by evaluating both documents: for this token, and for all subjects with this, another audience and another provider."
    )?;
    writeln!(
        out,
        "  size   {} of {} characters, without white space",
        plan.size, plan.quota
    )?;
    writeln!(out, "  hash   {}", plan.hash)?;
    for owned in &plan.tools {
        writeln!(
            out,
            "  tool   {} manages the role (`{}`): its next run may undo the change",
            owned.tool,
            quote(&owned.mark)
        )?;
    }
    writeln!(out)?;
    for line in plan.diff.lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn write_blockers(out: &mut String, report: &PlanReport) -> fmt::Result {
    let blockers = &report.blocked_by;
    let (nothing, something) = if report.is_for_approval {
        (
            "Nothing else blocks it",
            "What else blocks it: the approval alone is not enough",
        )
    } else {
        ("Nothing blocks it", "What blocks it")
    };
    if blockers.is_empty() {
        writeln!(out, "\n{nothing}")?;
        return writeln!(
            out,
            "  The writer, if it runs and may edit roles of this account, makes the change once the role has been unchanged for the settle \
             time."
        );
    }
    writeln!(out, "\n{something}")?;
    blockers.iter().try_for_each(|blocker| write_advice(out, blocker))
}

fn write_advice(out: &mut String, advice: &AdviceReport) -> fmt::Result {
    writeln!(out, "  {} ({}): {}", advice.authority, advice.reason, advice.what)?;
    writeln!(out, "    {}", advice.how)
}

fn write_finding(out: &mut String, finding: &FindingReport) -> fmt::Result {
    writeln!(
        out,
        "\n{} {} ({})",
        finding.code, finding.reason, finding.severity
    )?;
    writeln!(out, "  {}", reveal(&finding.message))?;
    if let Some(fix) = &finding.fix {
        writeln!(out, "\n# the fix:\n{fix}")?;
    }
    write_forms(out, &finding.forms)
}

fn write_forms(out: &mut String, forms: &[FormReport]) -> fmt::Result {
    for form in forms {
        writeln!(out, "\n# as {}:\n{}", form.form, form.text.trim_end())?;
    }
    Ok(())
}
