//! Patterns for the subjects of Kubernetes tokens, `system:serviceaccount:<namespace>:<name>`.
//!
//! Source: Kubernetes, ServiceAccounts: the user name that is the `sub` of a token,
//! <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens>.

use std::fmt;

use crate::compare::equal_ignoring_case;
use crate::language::{canonical, covers};
use crate::operator::Family;
use crate::pattern::{Pattern, Token};
use crate::text::quoted;

/// What every Kubernetes service-account subject starts with.
pub(crate) const SUBJECT_PREFIX: &str = "system:serviceaccount:";

/// More places where a pattern may be divided than this are not written out.
const MAX_DIVISIONS: usize = 64;

/// A value of a condition on the subject, as a set of subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPattern {
    tokens: Vec<Token>,
    compiled: Pattern,
    ignoring_case: bool,
}

/// A namespace pattern with a name pattern: `*` and `?` are wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamespaceAndName {
    /// Which namespaces.
    pub namespace: String,
    /// Which ServiceAccounts in them.
    pub name: String,
}

impl fmt::Display for NamespaceAndName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.namespace.as_str(), self.name.as_str()) {
            ("*", "*") => f.write_str("every ServiceAccount"),
            ("*", name) => write!(f, "ServiceAccount {} in every namespace", quoted(name)),
            (namespace, "*") if is_exact(namespace) => {
                write!(f, "every ServiceAccount in namespace {}", quoted(namespace))
            }
            (namespace, "*") => write!(f, "every ServiceAccount in namespaces {}", quoted(namespace)),
            (namespace, name) => write!(f, "ServiceAccount {} in {}", quoted(name), quoted(namespace)),
        }
    }
}

fn is_exact(text: &str) -> bool {
    !text.contains(['*', '?'])
}

impl SubjectPattern {
    /// A pattern in which `*` and `?` are wildcards.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::from_tokens(crate::pattern::tokens(text).collect(), false)
    }

    /// The set that a text-comparing operator makes of these tokens.
    pub(crate) fn for_operator(tokens: Vec<Token>, family: Family) -> Self {
        if family == Family::Pattern {
            return Self::from_tokens(tokens, false);
        }
        let literal = tokens.into_iter().map(|token| match token {
            Token::Star => Token::Char('*'),
            Token::One => Token::Char('?'),
            Token::Char(c) => Token::Char(c),
        });
        Self::from_tokens(literal.collect(), family == Family::TextIgnoringCase)
    }

    fn from_tokens(tokens: Vec<Token>, ignoring_case: bool) -> Self {
        let tokens = canonical(tokens);
        Self {
            compiled: Pattern::from_tokens(tokens.iter().copied()),
            tokens,
            ignoring_case,
        }
    }

    /// Whether the subject belongs to the set.
    #[must_use]
    pub fn matches(&self, subject: &str) -> bool {
        if self.ignoring_case {
            equal_ignoring_case(&self.to_string(), subject)
        } else {
            self.compiled.matches(subject)
        }
    }

    /// Whether it compares the case of letters.
    #[must_use]
    pub fn heeds_case(&self) -> bool {
        !self.ignoring_case
    }

    /// Whether it is a single text without wildcards.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// Whether every text that `other` matches is matched here too. Never wrong when it says so; it may miss some that meet a
    /// `?` beside a `*`, and patterns that disregard case are covered only by their equals.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.ignoring_case || other.ignoring_case {
            return self.ignoring_case
                && equal_ignoring_case(&self.to_string(), &other.to_string())
                && other.is_exact();
        }
        covers(&self.tokens, &other.tokens)
    }

    /// The set as pairs of namespace and name; empty if no ServiceAccount can be in it, `None` if that would be
    /// too many to be of use.
    #[must_use]
    pub fn namespaces_and_names(&self) -> Option<Vec<NamespaceAndName>> {
        let is_possible = |c: char| {
            let c = if self.ignoring_case {
                c.to_ascii_lowercase()
            } else {
                c
            };
            "*?-.".contains(c) || c.is_ascii_lowercase() || c.is_ascii_digit()
        };
        let has_literal_wildcards = self
            .tokens
            .iter()
            .any(|token| matches!(token, Token::Char('*' | '?')));
        let mut pairs = self.divided()?;
        pairs.retain(|pair| pair.namespace.chars().chain(pair.name.chars()).all(is_possible));
        Some(if has_literal_wildcards { Vec::new() } else { pairs })
    }

    /// The same, be the names such as Kubernetes has or not.
    pub(crate) fn divided(&self) -> Option<Vec<NamespaceAndName>> {
        let mut pairs: Vec<(&[Token], &[Token])> = Vec::new();
        for start in after_prefix(&self.tokens) {
            let rest = self.tokens.get(start..).unwrap_or_default();
            for (at, token) in rest.iter().enumerate() {
                let (namespace_end, name_start) = match token {
                    Token::Char(':') | Token::One => (at, at + 1),
                    Token::Star => (at + 1, at),
                    Token::Char(_) => continue,
                };
                let (Some(namespace), Some(name)) = (rest.get(..namespace_end), rest.get(name_start..))
                else {
                    continue;
                };
                let possible = |part: &[Token]| !part.is_empty() && !part.contains(&Token::Char(':'));
                if !possible(namespace) || !possible(name) {
                    continue;
                }
                if !pairs.iter().any(|(n, m)| covers(n, namespace) && covers(m, name)) {
                    pairs.retain(|(n, m)| !(covers(namespace, n) && covers(name, m)));
                    pairs.push((namespace, name));
                }
                if pairs.len() > MAX_DIVISIONS {
                    return None;
                }
            }
        }
        let pair = |(namespace, name)| NamespaceAndName {
            namespace: text(namespace),
            name: text(name),
        };
        Some(pairs.into_iter().map(pair).collect())
    }
}

impl fmt::Display for SubjectPattern {
    /// The pattern as it would be written under `StringLike`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.tokens))
    }
}

fn text(tokens: &[Token]) -> String {
    let character = |token: &Token| match token {
        Token::Char(c) => *c,
        Token::One => '?',
        Token::Star => '*',
    };
    tokens.iter().map(character).collect()
}

/// Where in a pattern one may stand after it has matched the prefix of all subjects.
fn after_prefix(tokens: &[Token]) -> Vec<usize> {
    let mut places = vec![0];
    for c in SUBJECT_PREFIX.chars() {
        let mut next = Vec::new();
        let mut reach = |place: usize| {
            if !next.contains(&place) {
                next.push(place);
            }
        };
        for place in skipping_stars(tokens, &places) {
            match tokens.get(place) {
                Some(Token::Star) => reach(place),
                Some(Token::One) => reach(place + 1),
                Some(Token::Char(wanted)) if *wanted == c => reach(place + 1),
                _ => {}
            }
        }
        places = next;
    }
    places
}

/// The places, and those behind the stars on which they stand.
fn skipping_stars(tokens: &[Token], places: &[usize]) -> Vec<usize> {
    let mut all = places.to_vec();
    for place in places {
        if tokens.get(*place) == Some(&Token::Star) && !all.contains(&(place + 1)) {
            all.push(place + 1);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pairs = SubjectPattern::new(text).namespaces_and_names().unwrap();
        pairs
            .into_iter()
            .map(|pair| (pair.namespace, pair.name))
            .collect()
    }

    fn pair(namespace: &str, name: &str) -> (String, String) {
        (namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn divides_patterns_into_namespace_and_name() {
        for (text, expected) in [
            ("system:serviceaccount:a:b", vec![pair("a", "b")]),
            ("system:serviceaccount:team-*:*", vec![pair("team-*", "*")]),
            ("system:serviceaccount:team-*", vec![pair("team-*", "*")]),
            ("system:serviceaccount:*:app", vec![pair("*", "app")]),
            ("system:serviceaccount:a*b", vec![pair("a*", "*b")]),
            ("*", vec![pair("*", "*")]),
            ("*:app", vec![pair("*", "app")]),
            ("system:*", vec![pair("*", "*")]),
            ("system:serviceaccount:a?b", vec![pair("a", "b")]),
            ("repo:org/x", vec![]),
            ("system:serviceaccount:a", vec![]),
            ("system:serviceaccount:a:b:c", vec![]),
            ("system:serviceaccounts:*", vec![]),
        ] {
            assert_eq!(pairs(text), expected, "{text}");
        }
    }

    #[test]
    fn says_it_in_words() {
        let words = |text: &str| SubjectPattern::new(text).namespaces_and_names().unwrap()[0].to_string();
        assert_eq!(
            words("system:serviceaccount:team-*:*"),
            "every ServiceAccount in namespaces `team-*`"
        );
        assert_eq!(
            words("system:serviceaccount:a:*"),
            "every ServiceAccount in namespace `a`"
        );
        assert_eq!(words("*"), "every ServiceAccount");
    }

    #[test]
    fn covering_is_language_inclusion() {
        for (wide, narrow, expected) in [
            ("*", "a*b?", true),
            ("a*", "a", true),
            ("a*", "ab*c", true),
            ("a*c", "ab*c", true),
            ("a?c", "abc", true),
            ("a?c", "a*c", false),
            ("a?*c", "a*?c", true),
            ("a*c", "a?c", true),
            ("abc", "a?c", false),
            ("a*b*c", "a*c", false),
            ("*?", "?*", true),
            ("*?", "*", false),
            ("", "", true),
            ("", "*", false),
        ] {
            assert_eq!(
                SubjectPattern::new(wide).covers(&SubjectPattern::new(narrow)),
                expected,
                "{wide} {narrow}"
            );
        }
    }
}
