//! One line of a batch, read.

use std::borrow::Cow;
use std::fmt;

use iam_policy::{ASSUME_ROLE_WITH_WEB_IDENTITY, Context, ContextValue, Request, Unlisted, WebIdentity};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json_text::text;
use super::members::{Members, Policy};
use super::principal::{Asking, NoPrincipal};

/// The context of a line: keys with their values' JSON texts, in order.
pub(super) struct Given<'l>(Vec<(Text<'l>, &'l RawValue)>);

/// A string, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

/// What a line asks.
pub(super) struct Question<'l> {
    /// The policy's text.
    pub(super) policy: Cow<'l, str>,
    pub(super) request: Request,
    /// Who asks, where that is a token with one subject and one audience.
    pub(super) identity: Option<WebIdentity>,
}

/// A condition key in lower case, with its values.
type Key = (String, Vec<String>);

/// Why a line cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLine {
    #[error("the line has more than {} bytes; shorten the policy", super::MAX_LINE)]
    TooLong,
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("not a JSON object; write one object a line")]
    NotAnObject,
    #[error("column {column}: {message}")]
    Json { column: usize, message: String },
    #[error("no `{0}`")]
    Missing(&'static str),
    #[error("`{member}` is not {expected}")]
    Kind {
        member: &'static str,
        expected: &'static str,
    },
    #[error("`principal` is {0}")]
    Principal(#[from] NoPrincipal),
    #[error("`policy` is a string with an escape that stands for no character")]
    Escape,
    #[error("`action` is not of the form `service:Name`")]
    Action,
    #[error("the `context` key `{}` is given twice; a list gives several values", audit_core::text::quote(.0))]
    Twice(String),
    #[error("the value of the `context` key `{}` is not a string, number, boolean or list of them", audit_core::text::quote(.0))]
    Value(String),
}

impl<'l> Members<'l> {
    /// What the line asks, and who asks it if that is of interest.
    pub(super) fn question(self, wants_identity: bool) -> Result<Question<'l>, BadLine> {
        let policy = match self.policy.ok_or(BadLine::Missing("policy"))? {
            Policy::Text(text) => Some(text),
            Policy::NoText => None,
            Policy::Other => {
                return Err(BadLine::Kind {
                    member: "policy",
                    expected: "an object or a string",
                });
            }
        };
        let principal = string("principal", self.principal.ok_or(BadLine::Missing("principal"))?)?;
        let asking = Asking::parse(&principal)?;
        let action = match self.action {
            Some(action) => string("action", action)?,
            None => Cow::Borrowed(ASSUME_ROLE_WITH_WEB_IDENTITY),
        };
        if !action.contains(':') || action.contains(['*', '?']) {
            return Err(BadLine::Action);
        }
        let closed = match self.closed.map(RawValue::get) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(BadLine::Kind {
                    member: "closed",
                    expected: "`true` or `false`",
                });
            }
        };
        let keys = self.context.map(Given::keys).transpose()?.unwrap_or_default();
        let identity = if wants_identity {
            identity(&asking, &keys)
        } else {
            None
        };
        let mut context = Context::new(match asking.issuer {
            _ if closed => Unlisted::Absent,
            Some(issuer) => Unlisted::AbsentOfIssuer(issuer.to_owned()),
            None => Unlisted::Unknown,
        });
        for (key, values) in keys {
            context.set(&key, ContextValue::Known(values));
        }
        let principal = Some(asking.to_principal());
        let request = Request {
            principal,
            action: action.into_owned(),
            resource: None,
            context,
        };
        Ok(Question {
            policy: policy.ok_or(BadLine::Escape)?,
            request,
            identity,
        })
    }
}

/// The token that the keys are of.
fn identity(asking: &Asking<'_>, keys: &[Key]) -> Option<WebIdentity> {
    let issuer = asking.issuer?;
    let claim = |name: &str| {
        let wanted = format!("{issuer}:{name}").to_lowercase();
        match keys.iter().find(|(key, _)| *key == wanted) {
            Some((_, values)) => <&[String; 1]>::try_from(values.as_slice())
                .ok()
                .map(|[value]| value.clone()),
            None => None,
        }
    };
    Some(WebIdentity {
        provider_arn: asking.name.to_owned(),
        issuer: issuer.to_owned(),
        subject: claim("sub")?,
        audience: claim("aud")?,
    })
}

/// The string that a member must be.
fn string<'l>(member: &'static str, raw: &'l RawValue) -> Result<Cow<'l, str>, BadLine> {
    text(raw.get()).ok_or(BadLine::Kind {
        member,
        expected: "a string",
    })
}

/// Condition keys are case-insensitive.
fn folded(key: Cow<'_, str>) -> String {
    if key.is_ascii() {
        let mut key = key.into_owned();
        key.make_ascii_lowercase();
        key
    } else {
        key.to_lowercase()
    }
}

impl Given<'_> {
    /// The keys in order, so that each is appended to a context, however many there are.
    fn keys(self) -> Result<Vec<Key>, BadLine> {
        let mut keys = Vec::with_capacity(self.0.len());
        for (Text(key), value) in self.0 {
            let key = folded(key);
            match values(value.get()) {
                Some(values) => keys.push((key, values)),
                None => return Err(BadLine::Value(key)),
            }
        }
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = keys.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        twice.map_or(Ok(keys), |key| Err(BadLine::Twice(key)))
    }
}

/// The values of a key: one, or those of a list. An empty list is an absent key.
fn values(json: &str) -> Option<Vec<String>> {
    if !json.starts_with('[') {
        return Some(vec![value(json)?]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    items.into_iter().map(|item| value(item.get())).collect()
}

/// A string's value, or a number or boolean as it is written.
fn value(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => text(json).map(Cow::into_owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

impl<'de: 'l, 'l> Deserialize<'de> for Given<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Given<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::with_capacity(4);
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Given(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
