//! A policy document, read.
//!
//! Source: IAM User Guide, JSON policy elements,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::few::Few;
use crate::operator::Operator;
use crate::position::Positions;
use crate::problem::Position;
use crate::request::is_key;
use crate::variable::Template;
use crate::written::Written;

/// The version of the policy language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, also where no version is given: `${...}` is literal text.
    V2008,
    /// `2012-10-17`: with policy variables.
    V2012,
}

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, above every grant.
    Deny,
}

/// A policy document: what could be read of it, together with its text.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) text: Arc<str>,
    /// Made when the first is asked for.
    pub(crate) positions: OnceLock<Positions>,
    pub(crate) version: Version,
    pub(crate) id: Option<Written>,
    pub(crate) statements: Vec<Statement>,
    /// Whether `Statement` is a list, or a single statement.
    pub(crate) is_list: bool,
    /// Where the value of `Statement` stands.
    pub(crate) statements_span: Range<usize>,
    /// IAM would refuse it: it means nothing as a whole.
    pub(crate) refused: bool,
    /// A key outside conditions stands twice, so that the document has more than one reading.
    pub(crate) ambiguous: bool,
    /// Elements that the grammar does not know, with their JSON text.
    pub(crate) unknown: Vec<(String, String)>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) sid: Option<Written>,
    pub(crate) effect: Effect,
    pub(crate) principal: Option<PrincipalElement>,
    pub(crate) action: ActionElement,
    pub(crate) resource: Option<ResourceElement>,
    pub(crate) conditions: Vec<Clause>,
    /// Whether any of the clauses stems from a duplicated key.
    pub(crate) has_duplicates: bool,
    pub(crate) span: Range<usize>,
    pub(crate) unknown: Vec<(String, String)>,
}

/// The kinds of principals that a policy can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Accounts, users, roles and sessions.
    Aws,
    /// Identity providers.
    Federated,
    /// AWS services.
    Service,
    /// S3 canonical users.
    CanonicalUser,
}

impl PrincipalKind {
    /// The key in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Federated => "Federated",
            Self::Service => "Service",
            Self::CanonicalUser => "CanonicalUser",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Aws, Self::Federated, Self::Service, Self::CanonicalUser]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub(crate) struct PrincipalElement {
    pub(crate) negated: bool,
    /// The bare `"*"`.
    pub(crate) everyone: bool,
    /// There is no kind of principal, or a kind has an empty list.
    pub(crate) has_empty: bool,
    pub(crate) named: Few<NamedPrincipal>,
    pub(crate) span: Range<usize>,
}

/// One value of a principal element.
#[derive(Debug, Clone)]
pub(crate) struct NamedPrincipal {
    pub(crate) kind: PrincipalKind,
    pub(crate) value: Written,
    pub(crate) span: Range<usize>,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone)]
pub(crate) struct ActionElement {
    pub(crate) negated: bool,
    pub(crate) actions: Few<Written>,
    pub(crate) span: Range<usize>,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone)]
pub(crate) struct ResourceElement {
    pub(crate) negated: bool,
    pub(crate) resources: Few<ResourcePattern>,
}

#[derive(Debug, Clone)]
pub(crate) struct ResourcePattern {
    pub(crate) text: Written,
    pub(crate) matcher: ResourceMatcher,
}

#[derive(Debug, Clone)]
pub(crate) enum ResourceMatcher {
    /// `*`
    Everything,
    /// An ARN of the documented form, with or without wildcards.
    Arn,
    /// With policy variables.
    Template(Template),
    /// Neither `*` nor such an ARN: not documented what it matches.
    Undocumented,
}

/// One key under one operator of a `Condition`.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub(crate) operator: Operator,
    /// As written.
    pub(crate) key: Written,
    pub(crate) values: Few<ConditionValue>,
    /// The operator or the key stands twice; keys that differ by case alone are the same one.
    pub(crate) duplicate: bool,
    pub(crate) spans: ClauseSpans,
}

/// Where the parts of a clause stand.
#[derive(Debug, Clone)]
pub(crate) struct ClauseSpans {
    /// The object under the operator.
    pub(crate) block: Range<usize>,
    /// The key, in quotation marks.
    pub(crate) key: Range<usize>,
    /// The list or single value.
    pub(crate) values: Range<usize>,
}

/// One value of a condition.
#[derive(Debug, Clone)]
pub(crate) struct ConditionValue {
    /// The string's value, or the number or boolean as written.
    pub(crate) text: Written,
    pub(crate) is_string: bool,
    /// The text with its policy variables, where the version and the operator have them.
    pub(crate) template: Option<Template>,
    pub(crate) span: Range<usize>,
}

impl Document {
    /// The decoded text that was read; positions and edits refer to it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The version of the language in which it is written.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The `Id` element.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The statements, in order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether IAM would refuse it, so that it grants and denies nothing.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Elements outside statements that the grammar does not know: name and JSON text.
    #[must_use]
    pub fn unknown_elements(&self) -> &[(String, String)] {
        &self.unknown
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let positions = self.positions.get_or_init(|| Positions::new(&self.text));
        positions.find(&self.text, offset)
    }
}

impl Statement {
    /// The `Sid` element.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it grants or forbids.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The actions as written, and whether they stand under `NotAction`.
    #[must_use]
    pub fn actions(&self) -> (Vec<&str>, bool) {
        (
            self.action.actions.iter().map(Written::as_str).collect(),
            self.action.negated,
        )
    }

    /// The resources as written, and whether they stand under `NotResource`; `None` without either element.
    #[must_use]
    pub fn resources(&self) -> Option<(Vec<&str>, bool)> {
        let element = self.resource.as_ref()?;
        Some((
            element
                .resources
                .iter()
                .map(|resource| resource.text.as_str())
                .collect(),
            element.negated,
        ))
    }

    /// The named principals with their kinds, in order. The bare `"*"` is [`Statement::is_for_everyone`].
    pub fn principals(&self) -> impl Iterator<Item = (PrincipalKind, &str)> {
        self.principal
            .iter()
            .flat_map(|element| &element.named)
            .map(|named| (named.kind, named.value.as_str()))
    }

    /// Whether the principal is the bare `"*"`.
    #[must_use]
    pub fn is_for_everyone(&self) -> bool {
        self.principal
            .as_ref()
            .is_some_and(|element| element.everyone && !element.negated)
    }

    /// Whether the principals stand under `NotPrincipal`.
    #[must_use]
    pub fn is_not_principal(&self) -> bool {
        self.principal.as_ref().is_some_and(|element| element.negated)
    }

    /// The conditions: operator, key as written, values.
    pub fn conditions(&self) -> impl Iterator<Item = (Operator, &str, Vec<&str>)> {
        self.conditions
            .iter()
            .map(|clause| (clause.operator, clause.key.as_str(), clause.wanted()))
    }

    /// Elements that the grammar does not know: name and JSON text.
    #[must_use]
    pub fn unknown_elements(&self) -> &[(String, String)] {
        &self.unknown
    }
}

impl Clause {
    /// Whether it is about a key, given in lower case.
    pub(crate) fn is_about(&self, key: &str) -> bool {
        is_key(key, &self.key)
    }

    pub(crate) fn wanted(&self) -> Vec<&str> {
        self.values.iter().map(|value| value.text.as_str()).collect()
    }
}
