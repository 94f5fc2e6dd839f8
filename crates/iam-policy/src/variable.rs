//! Policy variables: `${aws:username}`, `${key, 'default'}`, and the escapes `${*}`, `${?}` and `${$}`.
//!
//! Only version 2012-10-17 has them. Text that a variable brings in is literal: a `*` in it is no wildcard.
//!
//! Source: IAM User Guide, policy variables and tags,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.

use crate::pattern::{Token, tokens};
use crate::request::{Context, ContextValue};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Text as written, wildcards and all.
    Written(Box<str>),
    /// An escaped character.
    Escaped(char),
    Variable {
        /// As written.
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

/// A value with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// `None` if a `${` does not begin a variable of any known form.
    parts: Option<Vec<Part>>,
}

/// Why a template has no text for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoText {
    /// A variable's key is not in the request. The User Guide: the value is effectively null, and nothing is equal
    /// to it or like it.
    Null,
    /// A variable's value is not known, or the variable cannot be read.
    Unknown,
}

impl Template {
    /// `None` if nothing in `text` looks like a variable.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.contains("${").then(|| Self { parts: parts(text) })
    }

    /// The tokens for this request. Wildcards stand for themselves only where `text` had them outside variables.
    pub(crate) fn tokens(&self, context: &Context) -> Result<Vec<Token>, NoText> {
        let parts = self.parts.as_ref().ok_or(NoText::Unknown)?;
        let mut result = Vec::new();
        let mut unknown = false;
        for part in parts {
            match part {
                Part::Written(text) => result.extend(tokens(text)),
                Part::Escaped(c) => result.push(Token::Char(*c)),
                Part::Variable { key, default } => match value_of(&context.get(key), default.as_deref()) {
                    Ok(text) => result.extend(text.chars().map(Token::Char)),
                    Err(NoText::Unknown) => unknown = true,
                    Err(NoText::Null) => return Err(NoText::Null),
                },
            }
        }
        if unknown { Err(NoText::Unknown) } else { Ok(result) }
    }

    /// The key of a variable that has no value in this request, and the tokens with a `*` in the place of every variable
    /// whose value is not there.
    pub(crate) fn without_value(&self, context: &Context) -> Option<(&str, Vec<Token>)> {
        let mut missing = None;
        let mut result = Vec::new();
        for part in self.parts.as_ref()? {
            match part {
                Part::Written(text) => result.extend(tokens(text)),
                Part::Escaped(c) => result.push(Token::Char(*c)),
                Part::Variable { key, default } => match value_of(&context.get(key), default.as_deref()) {
                    Ok(text) => result.extend(text.chars().map(Token::Char)),
                    Err(reason) => {
                        result.push(Token::Star);
                        if reason == NoText::Null {
                            missing.get_or_insert(&**key);
                        }
                    }
                },
            }
        }
        Some((missing?, result))
    }

    /// The keys of variables whose value is not known in this request.
    pub(crate) fn open_keys<'t>(&'t self, context: &'t Context) -> impl Iterator<Item = &'t str> {
        self.parts.iter().flatten().filter_map(|part| match part {
            Part::Variable { key, default } => {
                let value = context.get(key);
                (value_of(&value, default.as_deref()) == Err(NoText::Unknown)).then_some(&**key)
            }
            Part::Written(_) | Part::Escaped(_) => None,
        })
    }

    /// The tokens with a `*` in the place of what is not known of each variable; `None` where a variable has no value, so that
    /// nothing is like the template, or where it cannot be read.
    pub(crate) fn widest(&self, context: &Context) -> Option<Vec<Token>> {
        let mut result = Vec::new();
        for part in self.parts.as_ref()? {
            match part {
                Part::Written(text) => result.extend(tokens(text)),
                Part::Escaped(c) => result.push(Token::Char(*c)),
                Part::Variable { key, default } => {
                    let value = context.get(key);
                    match value_of(&value, default.as_deref()) {
                        Ok(text) => result.extend(text.chars().map(Token::Char)),
                        Err(NoText::Null) => return None,
                        Err(NoText::Unknown) => {
                            if let ContextValue::Beginning(start) = &*value {
                                result.extend(start.chars().map(Token::Char));
                            }
                            result.push(Token::Star);
                        }
                    }
                }
            }
        }
        Some(result)
    }

    /// Whether it can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.parts.is_some()
    }

    /// The text for this request where the operator knows no wildcards.
    pub(crate) fn text(&self, context: &Context) -> Result<String, NoText> {
        let characters = self.tokens(context)?.into_iter().map(|token| match token {
            Token::Char(c) => c,
            Token::One => '?',
            Token::Star => '*',
        });
        Ok(characters.collect())
    }
}

fn value_of<'v>(value: &'v ContextValue, default: Option<&'v str>) -> Result<&'v str, NoText> {
    match value {
        ContextValue::Known(values) => match values.as_slice() {
            [] => default.ok_or(NoText::Null),
            [value] => Ok(value),
            // The User Guide only says that keys with several values cannot be used as variables.
            _ => Err(NoText::Unknown),
        },
        ContextValue::Absent => default.ok_or(NoText::Null),
        ContextValue::Present
        | ContextValue::Beginning(_)
        | ContextValue::AbsentOr(_)
        | ContextValue::Unknown => Err(NoText::Unknown),
    }
}

fn parts(mut text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some((before, after)) = text.split_once("${") {
        if !before.is_empty() {
            parts.push(Part::Written(before.into()));
        }
        let (part, rest) = variable(after)?;
        parts.push(part);
        text = rest;
    }
    if !text.is_empty() {
        parts.push(Part::Written(text.into()));
    }
    Some(parts)
}

/// Reads what follows `${`, up to and with the closing brace.
fn variable(text: &str) -> Option<(Part, &str)> {
    let (name, rest) = text.split_at_checked(text.find(['}', ','])?)?;
    if let (Some(rest), "*" | "?" | "$") = (rest.strip_prefix('}'), name) {
        return Some((Part::Escaped(name.chars().next()?), rest));
    }
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "*?${'".contains(c)) {
        return None;
    }
    let key = name.into();
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((Part::Variable { key, default: None }, rest));
    }
    let (default, rest) = rest
        .strip_prefix(',')?
        .trim_start()
        .strip_prefix('\'')?
        .split_once('\'')?;
    let rest = rest.trim_start().strip_prefix('}')?;
    Some((
        Part::Variable {
            key,
            default: Some(default.into()),
        },
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Unlisted;

    fn context() -> Context {
        let mut context = Context::new(Unlisted::Absent).with("aws:username", "a*b");
        context.set("aws:unknown", ContextValue::Unknown);
        context.set("aws:many", ContextValue::Known(vec!["a".into(), "b".into()]));
        context
    }

    #[test]
    fn variables_become_literal_text() {
        for (text, expected) in [
            ("x-${AWS:UserName}-y", Ok("x-a*b-y")),
            ("${aws:username}${aws:username}", Ok("a*ba*b")),
            ("${aws:none, 'team one'}", Ok("team one")),
            ("${aws:none,'}'}!", Ok("}!")),
            ("${aws:username, 'other'}", Ok("a*b")),
            ("${*}${?}${$}{x}", Ok("*?${x}")),
            ("${aws:none}", Err(NoText::Null)),
            ("${aws:unknown}${aws:none}", Err(NoText::Null)),
            ("${aws:unknown}", Err(NoText::Unknown)),
            ("${aws:many}", Err(NoText::Unknown)),
            ("${aws:username", Err(NoText::Unknown)),
            ("${}", Err(NoText::Unknown)),
            ("${aws: username}", Err(NoText::Unknown)),
            ("${aws:none, team}", Err(NoText::Unknown)),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(
                template.text(&context()).as_deref(),
                expected.as_deref(),
                "{text}"
            );
        }
        assert_eq!(Template::parse("$x{y}"), None);
    }

    #[test]
    fn only_written_wildcards_are_wildcards() {
        let template = Template::parse("*${aws:username}${*}").unwrap();
        let pattern = crate::pattern::Pattern::from_tokens(template.tokens(&context()).unwrap());
        assert!(pattern.matches("xa*b*"));
        assert!(!pattern.matches("xaXb*"));
        assert!(!pattern.matches("xa*bX"));
    }
}
