//! The reasons of a decision, as data: per statement, per element, per clause.

use std::fmt;

use crate::condition::clause_holds;
use crate::document::{Document, Effect, PrincipalElement, Statement};
use crate::evaluate::{self, Decision, applies, decide};
use crate::operator::Operator;
use crate::problem::Position;
use crate::request::{ContextValue, Principal, Request};
use crate::text::quoted;
use crate::truth::Truth;

/// Why a document decides a request as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision, the same as [`decide`] gives.
    pub decision: Decision,
    /// Every statement, in order.
    pub statements: Vec<StatementExplanation>,
}

/// One statement against one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementExplanation {
    /// Its place among the statements, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Whether it grants or forbids.
    pub effect: Effect,
    /// Where it begins.
    pub position: Position,
    /// Whether it applies.
    pub outcome: Truth,
    /// Principal, action and resource, as far as the statement has them.
    pub elements: Vec<ElementExplanation>,
    /// Its conditions, in order.
    pub clauses: Vec<ClauseExplanation>,
}

/// An element other than a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementExplanation {
    /// The element's name, such as `NotAction`.
    pub element: &'static str,
    /// What it names.
    pub wanted: Vec<String>,
    /// What the request has.
    pub got: Option<String>,
    /// Whether it matches.
    pub outcome: Truth,
}

/// One key under one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseExplanation {
    /// The operator.
    pub operator: Operator,
    /// The key, as written.
    pub key: String,
    /// The policy's values.
    pub wanted: Vec<String>,
    /// What is known of the request's.
    pub got: ContextValue,
    /// Whether it holds.
    pub outcome: Truth,
    /// Where the key stands.
    pub position: Position,
}

/// What remains to be known of a statement: it applies exactly if these clauses hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residual<'e> {
    /// The statement.
    pub statement: &'e StatementExplanation,
    /// Its clauses that are not known. Empty if it is a principal, a resource or a duplicate key that is not.
    pub clauses: Vec<&'e ClauseExplanation>,
}

impl Explanation {
    /// The statements on which an undetermined decision hangs, each with the clauses that remain.
    pub fn residual(&self) -> impl Iterator<Item = Residual<'_>> {
        let open = self
            .statements
            .iter()
            .filter(|statement| statement.outcome == Truth::Unknown);
        open.filter(|_| self.decision == Decision::Undetermined)
            .map(|statement| Residual {
                statement,
                clauses: statement
                    .clauses
                    .iter()
                    .filter(|clause| clause.outcome == Truth::Unknown)
                    .collect(),
            })
    }
}

/// Decides `request` and says why.
#[must_use]
pub fn explain(document: &Document, request: &Request) -> Explanation {
    let statements = document.statements.iter().enumerate();
    Explanation {
        decision: decide(document, request),
        statements: statements
            .map(|(at, statement)| explain_statement(document, at, statement, request))
            .collect(),
    }
}

fn explain_statement(
    document: &Document,
    at: usize,
    statement: &Statement,
    request: &Request,
) -> StatementExplanation {
    let mut elements = Vec::new();
    if let Some(element) = &statement.principal {
        elements.push(ElementExplanation {
            element: if element.negated {
                "NotPrincipal"
            } else {
                "Principal"
            },
            wanted: named(element),
            got: request.principal.as_ref().map(asking),
            outcome: evaluate::principal(statement, request.principal.as_ref()),
        });
    }
    let (actions, negated) = statement.actions();
    elements.push(ElementExplanation {
        element: if negated { "NotAction" } else { "Action" },
        wanted: owned(actions),
        got: Some(request.action.clone()),
        outcome: evaluate::action(&statement.action, &request.action),
    });
    if let Some((resources, negated)) = statement.resources() {
        elements.push(ElementExplanation {
            element: if negated { "NotResource" } else { "Resource" },
            wanted: owned(resources),
            got: request.resource.clone(),
            outcome: evaluate::resource(statement.resource.as_ref(), request),
        });
    }
    let clauses = statement.conditions.iter().map(|clause| ClauseExplanation {
        operator: clause.operator,
        key: clause.key.to_string(),
        wanted: owned(clause.wanted()),
        got: request.context.get(&clause.key).into_owned(),
        outcome: clause_holds(clause, &request.context),
        position: document.position(clause.spans.key.start),
    });
    StatementExplanation {
        statement: at,
        sid: statement.sid().map(str::to_owned),
        effect: statement.effect,
        position: document.position(statement.span.start),
        outcome: applies(statement, request),
        elements,
        clauses: clauses.collect(),
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn named(element: &PrincipalElement) -> Vec<String> {
    if element.everyone {
        return vec!["*".to_owned()];
    }
    element
        .named
        .iter()
        .map(|named| named.value.to_string())
        .collect()
}

fn asking(principal: &Principal) -> String {
    match principal {
        Principal::Federated(name)
        | Principal::Aws(name)
        | Principal::Service(name)
        | Principal::CanonicalUser(name) => name.clone(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.decision)?;
        for statement in &self.statements {
            write!(f, "  statement {}", statement.statement)?;
            if let Some(sid) = &statement.sid {
                write!(f, " {}", quoted(sid))?;
            }
            writeln!(
                f,
                " ({:?}, {}): {}",
                statement.effect,
                statement.position,
                applied(statement.outcome)
            )?;
            for ElementExplanation {
                element,
                wanted,
                got,
                outcome,
            } in &statement.elements
            {
                let got = got.as_deref().map_or_else(|| "nothing".to_owned(), quoted);
                writeln!(
                    f,
                    "    {element} {}: {}, got {got}",
                    list(wanted),
                    holds(*outcome)
                )?;
            }
            for ClauseExplanation {
                operator,
                key,
                wanted,
                got,
                outcome,
                ..
            } in &statement.clauses
            {
                let got = match got {
                    ContextValue::Known(values) => list(values),
                    ContextValue::Present => "a value that is not known".to_owned(),
                    ContextValue::Beginning(start) => format!("a value that begins with {}", quoted(start)),
                    ContextValue::AbsentOr(values) => format!("no such key, or {}", list(values)),
                    ContextValue::Absent => "no such key".to_owned(),
                    ContextValue::Unknown => "nothing known".to_owned(),
                };
                writeln!(
                    f,
                    "    {operator} {} {}: {}, got {got}",
                    quoted(key),
                    list(wanted),
                    holds(*outcome)
                )?;
            }
        }
        Ok(())
    }
}

fn applied(outcome: Truth) -> &'static str {
    match outcome {
        Truth::True => "applies",
        Truth::False => "does not apply",
        Truth::Unknown => "may apply",
    }
}

fn holds(outcome: Truth) -> &'static str {
    match outcome {
        Truth::True => "holds",
        Truth::False => "fails",
        Truth::Unknown => "is undetermined",
    }
}

fn list(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    shown.join(" or ")
}
