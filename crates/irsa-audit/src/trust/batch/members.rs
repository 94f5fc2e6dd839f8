//! The members of a line.

use std::borrow::Cow;

use audit_core::decode_error;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::bad_line::BadLine;
use super::given::Given;
use super::json_text::{plain, text, unescape};

/// A line's members, each as its JSON text; `null` counts as left out.
#[derive(Default)]
pub(super) struct Members<'l> {
    pub(super) id: Option<&'l RawValue>,
    pub(super) policy: Option<Policy<'l>>,
    pub(super) principal: Option<&'l RawValue>,
    pub(super) action: Option<&'l RawValue>,
    pub(super) context: Option<Given<'l>>,
    pub(super) closed: Option<&'l RawValue>,
}

/// A policy as a line has it.
pub(super) enum Policy<'l> {
    /// The document's text: of an object as it stands, of a string what it says.
    Text(Cow<'l, str>),
    /// A string with an escape that stands for no character.
    NoText,
    /// Neither an object nor a string.
    Other,
}

impl<'l> Policy<'l> {
    fn of(json: &'l RawValue) -> Self {
        match json.get() {
            json if json.starts_with('{') => Self::Text(json.into()),
            json if json.starts_with('"') => text(json).map_or(Self::NoText, Self::Text),
            _ => Self::Other,
        }
    }
}

impl<'l> Members<'l> {
    /// Reads a line, without its newline. `space` is where a policy's text may be put.
    pub(super) fn read(line: &'l [u8], space: &'l mut Vec<u8>) -> Result<Self, BadLine> {
        let line = std::str::from_utf8(line).map_err(|error| BadLine::NotUtf8(error.valid_up_to() + 1))?;
        // A list would be taken for the members in order.
        if !line.trim_ascii_start().starts_with('{') {
            return Err(BadLine::NotAnObject);
        }
        match Self::at_once(line, space) {
            Some(members) => Ok(members),
            None => Self::as_serde_does(line),
        }
    }

    /// Reads a line in one pass in which a policy that is a string is unescaped; serde would look for its end, and then
    /// have it read again. `None` for everything that is in any way unusual, and so for every mistake.
    fn at_once(line: &'l str, space: &'l mut Vec<u8>) -> Option<Self> {
        let mut members = Self::default();
        let mut is_unescaped = false;
        let mut rest = white(line).strip_prefix('{')?;
        loop {
            let (key, after) = white(rest).strip_prefix('"')?.split_once('"')?;
            let value = white(white(after).strip_prefix(':')?);
            let after = match key {
                "policy" if !is_unescaped && value.starts_with('"') => {
                    let inside = value.get(1..)?;
                    let length = if let Some(text) = plain(inside) {
                        set(&mut members.policy, Policy::Text(text.into()))?;
                        text.len()
                    } else {
                        is_unescaped = true;
                        unescape(inside.as_bytes(), space)?
                    };
                    inside.get(length + 1..)?
                }
                "policy" => {
                    let mut policy: Option<&RawValue> = None;
                    let after = take(&mut policy, value)?;
                    set(&mut members.policy, policy.map(Policy::of)?)?;
                    after
                }
                "id" => take(&mut members.id, value)?,
                "principal" => take(&mut members.principal, value)?,
                "action" => take(&mut members.action, value)?,
                "closed" => take(&mut members.closed, value)?,
                "context" => take(&mut members.context, value)?,
                _ if key.contains(|c: char| c == '\\' || c < ' ') => return None,
                _ => take(&mut None::<IgnoredAny>, value)?,
            };
            match white(after).strip_prefix(',') {
                Some(more) => rest = more,
                None if white(after)
                    .strip_prefix('}')
                    .is_some_and(|end| white(end).is_empty()) =>
                {
                    break;
                }
                None => return None,
            }
        }
        if is_unescaped {
            let text = std::str::from_utf8(space).ok()?;
            set(&mut members.policy, Policy::Text(text.into()))?;
        }
        Some(members)
    }

    fn as_serde_does(line: &'l str) -> Result<Self, BadLine> {
        #[derive(Deserialize)]
        struct Plain<'l> {
            #[serde(borrow)]
            id: Option<&'l RawValue>,
            #[serde(borrow)]
            policy: Option<&'l RawValue>,
            #[serde(borrow)]
            principal: Option<&'l RawValue>,
            #[serde(borrow)]
            action: Option<&'l RawValue>,
            #[serde(borrow)]
            context: Option<Given<'l>>,
            #[serde(borrow)]
            closed: Option<&'l RawValue>,
        }
        let plain: Plain<'l> = serde_json::from_str(line).map_err(|error| {
            let message = error.to_string();
            // Every other member is taken as it comes.
            if error.is_data() && !message.starts_with("duplicate") {
                return BadLine::Kind {
                    member: "context",
                    expected: "an object",
                };
            }
            let message = message
                .rsplit_once(" at line ")
                .map_or(message.as_str(), |(message, _)| message);
            BadLine::Json {
                column: error.column(),
                message: decode_error::plain(message),
            }
        })?;
        Ok(Self {
            id: plain.id,
            policy: plain.policy.map(Policy::of),
            principal: plain.principal,
            action: plain.action,
            context: plain.context,
            closed: plain.closed,
        })
    }
}

/// The text after JSON's white space.
fn white(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// Reads the value with which a text begins into a member, and gives what follows; `None` if there is none, and for
/// `null`, which may stand for a member that comes again.
fn take<'l, T: Deserialize<'l>>(member: &mut Option<T>, text: &'l str) -> Option<&'l str> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Option<T>>();
    let value = values.next()?.ok()??;
    set(member, value)?;
    text.get(values.byte_offset()..)
}

/// `None` if it has been set before.
fn set<T>(member: &mut Option<T>, value: T) -> Option<()> {
    member.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(members: &Members<'_>) -> String {
        let raw = |value: Option<&RawValue>| value.map(RawValue::get).map(str::to_owned);
        let policy = members.policy.as_ref().map(|policy| match policy {
            Policy::Text(text) => format!("text {text}"),
            Policy::NoText => "no text".to_owned(),
            Policy::Other => "other".to_owned(),
        });
        format!(
            "{policy:?} {:?} {:?} {:?} {:?} {}",
            raw(members.id),
            raw(members.principal),
            raw(members.action),
            raw(members.closed),
            members.context.is_some()
        )
    }

    /// What is read at once is what serde reads; whether it was.
    fn agrees(line: &str) -> bool {
        let mut space = Vec::new();
        let slowly = Members::as_serde_does(line).map(|members| shown(&members)).ok();
        let at_once = Members::at_once(line, &mut space).map(|members| shown(&members));
        assert!(
            at_once.is_none() || at_once == slowly,
            "{line}: {at_once:?}, {slowly:?}"
        );
        at_once.is_some()
    }

    #[test]
    fn usual_lines_are_read_at_once() {
        for line in [
            "{\"id\":1,\"policy\":{\"a\":[1]},\"principal\":\"x\",\"action\":\"a:b\",\"context\":{\"k\":[\"v\"]},\"closed\":true}",
            r#" { "policy" : "{\"Version\": \"\\\n\t\r\/\"}" , "id":null2 } "#
                .replace("null2", "[null]")
                .as_str(),
            r#"{"policy":"é\"","more":{"policy":1},"principal":7}"#,
        ] {
            assert!(agrees(line), "{line}");
        }
    }

    #[test]
    fn whatever_is_unusual_is_left_to_serde() {
        for line in [
            "{}",
            r#"{"id":null,"id":1}"#,
            r#"{"id":1,"id":2}"#,
            r#"{"policy":"a","policy":"b"}"#,
            r#"{"policy":{},"policy":"b"}"#,
            r#"{"policy":"a","policy":{}}"#,
            r#"{"policy":"\u00e9"}"#,
            r#"{"policy":"\ud800"}"#,
            r#"{"policy":"\q"}"#,
            "{\"policy\":\"a\u{1}\"}",
            "{\"policy\":\"a",
            r#"{"policy":"a"}x"#,
            r#"{"policy":"a"},"#,
            r#"{"policy":"a",}"#,
            r#"{"policy""a"}"#,
            r#"{"pol\u0069cy":"a"}"#,
            "{\u{c}\"policy\":\"a\"}",
            r#"{"context":1}"#,
            r#"{"closed":tru}"#,
        ] {
            assert!(!agrees(line), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_serde(
            names in proptest::collection::vec("id|policy|principal|context|x", 0..4),
            values in proptest::collection::vec(r#"1|null|"a"|"\\"b"|\{\}|\{"k":"v"\}|\[1,2\]|"|-|"\\x""#, 4),
            noise in r#"[\{\}",: \\]{0,1}"#,
            cut in 0_usize..60,
        ) {
            let members: Vec<String> =
                names.iter().zip(&values).map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let line = format!("{{{}}}", members.join(","));
            agrees(&line);
            let (before, after) = line.split_at(cut.min(line.len()));
            agrees(&format!("{before}{noise}{after}"));
        }
    }
}
