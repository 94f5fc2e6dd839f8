//! One line of a batch, read.

use std::borrow::Cow;

use iam_policy::{ASSUME_ROLE_WITH_WEB_IDENTITY, Context, ContextValue, Request, Unlisted, WebIdentity};
use serde_json::value::RawValue;

use super::bad_line::BadLine;
use super::given::{Given, Key};
use super::json_text::text;
use super::members::{Members, Policy};
use super::principal::Asking;

/// What a line asks.
pub(super) struct Question<'l> {
    /// The policy's text.
    pub(super) policy: Cow<'l, str>,
    pub(super) request: Request,
    /// Who asks, where that is a token with one subject and one audience.
    pub(super) identity: Option<WebIdentity>,
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
        called_at: None,
    })
}

/// The string that a member must be.
fn string<'l>(member: &'static str, raw: &'l RawValue) -> Result<Cow<'l, str>, BadLine> {
    text(raw.get()).ok_or(BadLine::Kind {
        member,
        expected: "a string",
    })
}
