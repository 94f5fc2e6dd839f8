//! The answer to one question for a person.

use std::fmt::{self, Write as _};

use audit_core::text::{quote, quote_list};

use super::cause::{TooWide, Why};
use super::report::{Asked, Clause, Element, Open, Statement, TrustReport};

/// How many values of a list are shown.
const SHOWN: usize = 5;

/// The text of a report. What comes from the policy or the caller is escaped.
pub(super) fn render(report: &TrustReport<'_>) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &TrustReport<'_>) -> fmt::Result {
    match &report.cause {
        Some(why) => {
            writeln!(out, "{}: {} {}", report.decision, why.code, why.reason)?;
            write_why(out, why)?;
        }
        None => writeln!(out, "{}", report.decision)?,
    }
    for problem in &report.problems {
        writeln!(out, "  {problem}")?;
    }
    for exposure in &report.exposures {
        write_exposure(out, exposure)?;
    }
    write_residual(out, &report.residual)?;
    write_request(out, &report.request)?;
    for statement in &report.statements {
        write_statement(out, statement)?;
    }
    Ok(())
}

fn write_request(out: &mut String, request: &Asked<'_>) -> fmt::Result {
    writeln!(out, "\nrequest")?;
    let account = match request.account_source {
        "policy" => " (the account is the one that the policy names)",
        "any" => " (no provider is named; the account does not matter)",
        _ => "",
    };
    writeln!(out, "  principal  {}{account}", quote(request.principal))?;
    writeln!(out, "  action     {}", request.action)?;
    writeln!(out, "  subject    {}", quote(request.subject))?;
    writeln!(out, "  audience   {}", quote(request.audience))
}

/// A statement as people count them, with its name.
fn statement_name(statement: usize, sid: Option<&str>) -> String {
    match sid {
        Some(sid) => format!("statement {} `{}`", statement + 1, quote(sid)),
        None => format!("statement {}", statement + 1),
    }
}

fn write_why(out: &mut String, why: &Why) -> fmt::Result {
    writeln!(out, "  {}", why.title)?;
    if let Some(statement) = why.statement {
        write!(out, "  {}", statement_name(statement, why.sid.as_deref()))?;
        writeln!(
            out,
            "{}",
            why.place.map(|place| format!(", {place}")).unwrap_or_default()
        )?;
    }
    if let (Some(operator), Some(key)) = (&why.operator, &why.key) {
        writeln!(out, "  {operator} `{}`", quote(key))?;
    }
    if let Some(undocumented) = &why.undocumented {
        writeln!(out, "  {undocumented}")?;
    }
    if !why.wanted.is_empty() {
        writeln!(out, "  the policy wants  {}", quote_list(&why.wanted, SHOWN))?;
    }
    if !why.got.is_empty() {
        writeln!(out, "  the request has   {}", quote_list(&why.got, SHOWN))?;
    }
    if let Some(suggestion) = &why.suggestion {
        writeln!(out, "  it should be      `{}`", quote(suggestion))?;
    }
    if let Some(deny) = why.also_denied_by {
        writeln!(out, "  {} denies it, or may, as well", statement_name(deny, None))?;
    }
    match why.others_tried {
        0 => Ok(()),
        1 => writeln!(out, "  one other Allow statement does not fit either"),
        others => writeln!(out, "  {others} other Allow statements do not fit either"),
    }
}

fn write_exposure(out: &mut String, exposure: &TooWide) -> fmt::Result {
    write!(
        out,
        "  {} {} ({}): {}",
        exposure.code, exposure.reason, exposure.severity, exposure.title
    )?;
    if !exposure.patterns.is_empty() {
        write!(out, ": {}", quote_list(&exposure.patterns, SHOWN))?;
    }
    writeln!(
        out,
        "; {}, {}",
        statement_name(exposure.statement, exposure.sid.as_deref()),
        exposure.place
    )
}

fn write_residual(out: &mut String, residual: &[Open<'_>]) -> fmt::Result {
    if residual.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhat remains to be known")?;
    for open in residual {
        write!(
            out,
            "  {} ({}) applies exactly if",
            statement_name(open.statement, None),
            open.effect
        )?;
        if open.clauses.is_empty() {
            writeln!(
                out,
                " what is not known of its principal or actions, or of a key that is there twice, turns out so"
            )?;
        } else {
            writeln!(out)?;
        }
        for clause in &open.clauses {
            writeln!(
                out,
                "    {} `{}` {}",
                clause.operator,
                quote(clause.key),
                quote_list(clause.wanted, SHOWN)
            )?;
        }
    }
    Ok(())
}

fn write_statement(out: &mut String, statement: &Statement<'_>) -> fmt::Result {
    let outcome = match statement.outcome {
        "applies" => "applies",
        "doesNotApply" => "does not apply",
        _ => "may apply",
    };
    let name = statement_name(statement.index, statement.sid);
    writeln!(
        out,
        "\n{name}, {}, {}: {outcome}",
        statement.effect, statement.place
    )?;
    for Element {
        name,
        wanted,
        got,
        outcome,
    } in &statement.elements
    {
        let got = got.map_or_else(|| "nothing".to_owned(), |got| format!("`{}`", quote(got)));
        write_test(out, outcome, name, wanted, &got)?;
    }
    for clause in &statement.clauses {
        let name = format!("{} `{}`", clause.operator, quote(clause.key));
        write_test(out, clause.outcome, &name, clause.wanted, &got(clause))?;
    }
    Ok(())
}

fn write_test(out: &mut String, outcome: &str, name: &str, wanted: &[String], got: &str) -> fmt::Result {
    writeln!(out, "  {outcome:<12}  {name}")?;
    writeln!(out, "                wants {}", quote_list(wanted, SHOWN))?;
    writeln!(out, "                got   {got}")
}

fn got(clause: &Clause<'_>) -> String {
    match (clause.got, clause.present) {
        (Some(values), _) => quote_list(values, SHOWN),
        (None, Some(true)) => "a value that is not known".to_owned(),
        (None, Some(false)) => "no such key".to_owned(),
        (None, None) => "nothing is known of the key".to_owned(),
    }
}
