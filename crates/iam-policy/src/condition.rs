//! Evaluating the clauses of a statement.
//!
//! Sources:
//! - IAM User Guide, several keys and values: all operators and keys must hold, of the values one, of those of a negated
//!   operator none,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>
//! - single-valued and multivalued keys, and the set operators,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
//! - `IfExists` and `Null`,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists>

use std::net::IpAddr;

use crate::arn;
use crate::compare::{address::Network, binary, boolean, date, equal_ignoring_case, number::Decimal};
use crate::document::{Clause, ConditionValue, Statement};
use crate::language::{canonical, covers, intersect};
use crate::operator::{Family, Quantifier, Test};
use crate::pattern::{Glob, Pattern, Token, tokens};
use crate::request::{Context, ContextValue};
use crate::truth::{self, Truth};
use crate::variable::NoText;

/// Whether all clauses of a statement hold.
pub(crate) fn all(statement: &Statement, context: &Context) -> Truth {
    if !statement.has_duplicates {
        return truth::all(
            statement
                .conditions
                .iter()
                .map(|clause| clause_holds(clause, context)),
        );
    }
    let (twice, once): (Vec<&Clause>, Vec<&Clause>) =
        statement.conditions.iter().partition(|clause| clause.duplicate);
    truth::all(once.into_iter().map(|clause| clause_holds(clause, context)))
        & readings_agree(twice.into_iter().map(|clause| clause_holds(clause, context)))
}

/// Of a key that stands twice IAM may use the first, the last or both. Only where all say the same is the result
/// known.
fn readings_agree(outcomes: impl IntoIterator<Item = Truth>) -> Truth {
    outcomes
        .into_iter()
        .reduce(|a, b| if a == b { a } else { Truth::Unknown })
        .unwrap_or(Truth::True)
}

/// Whether one clause holds.
///
/// Of an empty list of values IAM Access Analyzer says that it "does not affect the policy" (policy check reference,
/// "Empty array condition"), while nothing equals any of no values: unknown.
pub(crate) fn clause_holds(clause: &Clause, context: &Context) -> Truth {
    if clause.values.is_empty() {
        return Truth::Unknown;
    }
    match &*context.get(&clause.key) {
        ContextValue::Absent => missing(clause),
        ContextValue::Unknown => Truth::Unknown,
        ContextValue::Present => present(clause, ""),
        ContextValue::Beginning(start) => present(clause, start),
        ContextValue::Known(values) => known(clause, values, context),
        ContextValue::AbsentOr(values) => {
            let (without, with) = (missing(clause), known(clause, values, context));
            if without == with { with } else { Truth::Unknown }
        }
    }
}

/// The outcome for a key that has one value of which only the beginning is known.
fn present(clause: &Clause, start: &str) -> Truth {
    let test = clause.operator.test;
    let matched = match test.family() {
        Family::Null => return null_test(clause, true),
        Family::Text => any_value(clause, |wanted| {
            if wanted.starts_with(start) {
                Truth::Unknown
            } else {
                Truth::False
            }
        }),
        Family::Pattern => any_value(clause, |wanted| matches_beginning(wanted, start)),
        _ => Truth::Unknown,
    };
    if test.is_negated() { !matched } else { matched }
}

/// The disjunction over the values of the policy; unknown for one with variables.
fn any_value(clause: &Clause, test: impl Fn(&str) -> Truth) -> Truth {
    truth::any(clause.values.iter().map(|value| match value.template {
        Some(_) => Truth::Unknown,
        None => test(&value.text),
    }))
}

/// Whether a pattern matches every text that begins so, or none.
fn matches_beginning(pattern: &str, start: &str) -> Truth {
    let (pattern, every) = (
        canonical(tokens(pattern)),
        start
            .chars()
            .map(Token::Char)
            .chain([Token::Star])
            .collect::<Vec<_>>(),
    );
    if covers(&pattern, &every) {
        Truth::True
    } else if intersect(&pattern, &every) {
        Truth::Unknown
    } else {
        Truth::False
    }
}

/// The outcome for a key with these values.
fn known(clause: &Clause, values: &[String], context: &Context) -> Truth {
    let is_null_test = clause.operator.test == Test::Null;
    match (values, clause.operator.quantifier) {
        ([], _) => missing(clause),
        _ if is_null_test => null_test(clause, true),
        ([value], Quantifier::Single) => passes(clause, value, context),
        // Not one value: does not match, negated or not.
        (_, Quantifier::Single) => Truth::False,
        (values, Quantifier::ForAnyValue) => {
            truth::any(values.iter().map(|value| passes(clause, value, context)))
        }
        // The User Guide: true also of a "null data set, such as an empty string".
        (values, Quantifier::ForAllValues) if values.iter().all(String::is_empty) => Truth::True,
        (values, Quantifier::ForAllValues) => {
            truth::all(values.iter().map(|value| passes(clause, value, context)))
        }
    }
}

/// The outcome for a key that is not in the request, or has no values.
fn missing(clause: &Clause) -> Truth {
    let operator = clause.operator;
    match operator.quantifier {
        Quantifier::ForAllValues => Truth::True,
        Quantifier::ForAnyValue => Truth::False,
        Quantifier::Single if operator.test == Test::Null => null_test(clause, false),
        Quantifier::Single => Truth::from(operator.if_exists || operator.test.is_negated()),
    }
}

/// `Null` with `true` wants the key absent, with `false` present.
fn null_test(clause: &Clause, present: bool) -> Truth {
    truth::any(clause.values.iter().map(|value| match boolean(&value.text) {
        Some(wanted_absent) => Truth::from(wanted_absent != present),
        None => Truth::Unknown,
    }))
}

/// Whether one value of the request passes: some value of the policy matches it or, negated, none does.
fn passes(clause: &Clause, got: &str, context: &Context) -> Truth {
    let test = clause.operator.test;
    let matched = truth::any(
        clause
            .values
            .iter()
            .map(|wanted| matches(test, wanted, got, context)),
    );
    if test.is_negated() { !matched } else { matched }
}

/// Whether a value of the request matches one value of the policy, negation left aside.
///
/// A request's value of another kind than the operator's matches nothing. A policy's value of another kind is a
/// mistake of which no document says what it does: unknown.
fn matches(test: Test, wanted: &ConditionValue, got: &str, context: &Context) -> Truth {
    let text = wanted.text.as_str();
    match test.family() {
        Family::Text => literal(wanted, context, |wanted| wanted == got),
        Family::TextIgnoringCase => literal(wanted, context, |wanted| equal_ignoring_case(wanted, got)),
        Family::Pattern => pattern(wanted, context, |pattern| pattern.matches(got)),
        Family::Arn if arn::components(got).is_none() => Truth::False,
        Family::Arn => pattern(wanted, context, |pattern| arn::is_like(pattern, got)),
        Family::Number(order) => typed(Decimal::parse(got), Decimal::parse(text), |got, wanted| {
            order.holds(got.compare(wanted))
        }),
        Family::Date(order) => typed(date::parse(got), date::parse(text), |got, wanted| {
            order.holds(got.cmp(wanted))
        }),
        Family::Bool => typed(boolean(got), boolean(text), |got, wanted| got == wanted),
        Family::Binary => typed(binary::parse(got), binary::parse(text), |got, wanted| {
            got == wanted
        }),
        Family::Address => typed(got.parse::<IpAddr>().ok(), Network::parse(text), |got, wanted| {
            wanted.contains(*got)
        }),
        // Presence is tested before values are looked at.
        Family::Null => Truth::Unknown,
    }
}

fn literal(wanted: &ConditionValue, context: &Context, equal: impl Fn(&str) -> bool) -> Truth {
    match wanted.template.as_ref().map(|template| template.text(context)) {
        None => Truth::from(equal(&wanted.text)),
        Some(Ok(text)) => Truth::from(equal(&text)),
        Some(Err(reason)) => without_text(reason),
    }
}

fn pattern(wanted: &ConditionValue, context: &Context, like: impl Fn(Glob<'_>) -> bool) -> Truth {
    match wanted.template.as_ref().map(|template| template.tokens(context)) {
        None => Truth::from(like(Glob::written(&wanted.text))),
        Some(Ok(tokens)) => Truth::from(like(Pattern::from_tokens(tokens).glob())),
        Some(Err(reason)) => without_text(reason),
    }
}

fn without_text(reason: NoText) -> Truth {
    match reason {
        NoText::Null => Truth::False,
        NoText::Unknown => Truth::Unknown,
    }
}

fn typed<G, W>(got: Option<G>, wanted: Option<W>, compare: impl Fn(&G, &W) -> bool) -> Truth {
    match (got, wanted) {
        (None, _) => Truth::False,
        (Some(_), None) => Truth::Unknown,
        (Some(got), Some(wanted)) => Truth::from(compare(&got, &wanted)),
    }
}
