//! What is asked of a policy: who, which action, on what, in which circumstances.
//!
//! Sources:
//! - IAM User Guide, keys of web identity federation,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>
//! - global condition keys, and when each is in the request,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
//! - `AssumeRoleWithWebIdentity`, <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

mod direct_call;

use std::borrow::Cow;
use std::cmp::Ordering;

use direct_call::DirectCall;

/// A web identity as STS sees it: the claims of one Kubernetes service-account token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebIdentity {
    /// ARN of the IAM OpenID Connect provider in the role's account.
    pub provider_arn: String,
    /// The issuer without its scheme, `host/path`: the prefix of the condition keys.
    pub issuer: String,
    /// The `sub` claim, `system:serviceaccount:<namespace>:<name>`.
    pub subject: String,
    /// The audience. A token's one-element `aud` array counts as one string.
    pub audience: String,
    /// When a pod itself makes the call to STS, in seconds since 1970, UTC: some keys then have a value that is certain,
    /// see [`Context::set_direct_call`]. `None` where nothing is known of the call.
    pub called_at: Option<i64>,
}

impl WebIdentity {
    /// The condition key of a claim, such as `:sub`, in lower case.
    pub(crate) fn key_of(&self, claim: &str) -> String {
        // In one piece, where `format!` would grow it: this is done for each binding.
        let mut key = [self.issuer.as_str(), claim].concat();
        if key.is_ascii() {
            key.make_ascii_lowercase();
            key
        } else {
            key.to_lowercase()
        }
    }
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An identity provider, by its ARN.
    Federated(String),
    /// A user, role, account or session, by its ARN.
    Aws(String),
    /// An AWS service, by its name (`ec2.amazonaws.com`).
    Service(String),
    /// An S3 canonical user id.
    CanonicalUser(String),
}

impl Principal {
    /// The issuer (`host/path`) of an OpenID Connect provider: what follows `oidc-provider/` in its ARN, and the
    /// prefix of its tokens' condition keys. `None` for everyone else.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        let Self::Federated(arn) = self else { return None };
        let [_, _, "iam", _, _, resource] = crate::arn::components(arn)? else {
            return None;
        };
        resource
            .strip_prefix("oidc-provider/")
            .filter(|issuer| !issuer.is_empty())
    }
}

/// What is known of one condition key of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContextValue {
    /// The key has these values. An empty list counts as an absent key.
    Known(Vec<String>),
    /// The key is in the request with one value, which is not known.
    Present,
    /// The key is in the request with one value, of which only this beginning is known.
    Beginning(String),
    /// The key is not in the request, or has these values.
    AbsentOr(Vec<String>),
    /// The key is not in the request.
    Absent,
    /// Neither presence nor value is known.
    Unknown,
}

/// What holds for the keys that a [`Context`] does not list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unlisted {
    /// They are not in the request.
    Absent,
    /// Nothing is known of them.
    Unknown,
    /// Those of this issuer (`host/path`, any case) are absent; nothing is known of the others.
    AbsentOfIssuer(String),
    /// As for `AssumeRoleWithWebIdentity` with a Kubernetes token, seen from outside: global keys (`aws:`,
    /// `sts:`, `iam:`) depend on the caller and are unknown, except those that such a token cannot carry
    /// (session tags, source identity, external id); every other key is absent.
    WebIdentity,
}

/// The condition keys of a request. Key names are case-insensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    entries: Vec<(String, ContextValue)>,
    /// Beginnings of keys, in lower case: those that are not listed are absent.
    absent: Vec<String>,
    /// What holds for keys that are not among the entries.
    direct_call: Option<DirectCall>,
    unlisted: Unlisted,
}

impl Context {
    /// A context without listed keys.
    #[must_use]
    pub fn new(unlisted: Unlisted) -> Self {
        Self {
            entries: Vec::new(),
            absent: Vec::new(),
            direct_call: None,
            unlisted,
        }
    }

    /// Sets what is known of `key`, replacing what was known before.
    pub fn set(&mut self, key: &str, value: ContextValue) {
        self.set_lower(key.to_lowercase(), value);
    }

    /// The same for a key in lower case.
    fn set_lower(&mut self, key: String, value: ContextValue) {
        match self
            .entries
            .binary_search_by(|(listed, _)| listed.as_str().cmp(&key))
        {
            Ok(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(at) => self.entries.insert(at, (key, value)),
        }
    }

    /// Of the keys that begin so, such as `aws:PrincipalTag/`, only those that are listed are in the request.
    pub fn set_absent_below(&mut self, beginning: &str) {
        self.absent.push(beginning.to_lowercase());
    }

    /// The same as [`Context::set`] for one known string, for chains.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, ContextValue::Known(vec![value.to_owned()]));
        self
    }

    /// Sets the keys that are certain for a call over TLS that a workload makes itself, at a time in seconds since 1970,
    /// replacing what was known of them before: `aws:SecureTransport`, `aws:ViaAWSService`, `aws:CurrentTime`, `aws:EpochTime`,
    /// `aws:PrincipalIsAWSService`, `aws:RequestedRegion`, `aws:UserAgent`, and those of calls that a service makes, which
    /// are absent.
    pub fn set_direct_call(&mut self, at: i64) {
        let call = DirectCall { at };
        self.entries.retain(|(key, _)| call.value_of(key).is_none());
        self.direct_call = Some(call);
    }

    /// What is known of a key, in whatever case.
    pub(crate) fn get(&self, key: &str) -> Cow<'_, ContextValue> {
        /// So few keys are found sooner one by one: requests by tokens have three.
        const FEW: usize = 8;
        let listed = if self.entries.len() <= FEW {
            self.entries.iter().position(|(listed, _)| is_key(listed, key))
        } else {
            let search = self
                .entries
                .binary_search_by(|(listed, _)| compare_keys(listed, key));
            search.ok()
        };
        if let Some((_, value)) = listed.and_then(|at| self.entries.get(at)) {
            return Cow::Borrowed(value);
        }
        if let Some(value) = self.direct_call.and_then(|call| call.value_of(key)) {
            return value;
        }
        Cow::Borrowed(if self.absent.iter().any(|beginning| begins(key, beginning)) {
            &ContextValue::Absent
        } else if key.is_ascii() {
            self.unlisted.value_of(key)
        } else {
            self.unlisted.value_of(&key.to_lowercase())
        })
    }
}

/// Whether a key in lower case is one in whatever case.
pub(crate) fn is_key(lower: &str, key: &str) -> bool {
    if key.is_ascii() {
        lower.eq_ignore_ascii_case(key)
    } else {
        lower == key.to_lowercase()
    }
}

/// Whether a key in whatever case begins with a text in lower case.
fn begins(key: &str, lower: &str) -> bool {
    key.get(..lower.len())
        .is_some_and(|beginning| beginning.eq_ignore_ascii_case(lower))
}

/// Compares a key in lower case with one in whatever case.
fn compare_keys(lower: &str, key: &str) -> Ordering {
    if key.is_ascii() {
        lower.bytes().cmp(key.bytes().map(|b| b.to_ascii_lowercase()))
    } else {
        lower.cmp(&key.to_lowercase())
    }
}

/// Keys that `AssumeRoleWithWebIdentity` with a Kubernetes token never carries: EKS tokens have no session tags and
/// no source identity, and the call has no parameter for an external id.
const NEVER_WITH_KUBERNETES_TOKENS: [&str; 4] = [
    "sts:sourceidentity",
    "sts:transitivetagkeys",
    "sts:externalid",
    "aws:tagkeys",
];

impl Unlisted {
    /// What holds for a key that is not listed; other than ASCII letters in lower case.
    fn value_of(&self, key: &str) -> &'static ContextValue {
        let starts_with = |start: &str| {
            key.get(..start.len())
                .is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
        };
        let absent = match self {
            Self::Absent => true,
            Self::Unknown => false,
            Self::AbsentOfIssuer(issuer) => {
                starts_with(issuer) && key.get(issuer.len()..).is_some_and(|rest| rest.starts_with(':'))
            }
            Self::WebIdentity => {
                let global = ["aws:", "sts:", "iam:"].into_iter().any(starts_with);
                let never = |absent: &str| key.eq_ignore_ascii_case(absent);
                !global
                    || starts_with("aws:requesttag/")
                    || NEVER_WITH_KUBERNETES_TOKENS.into_iter().any(never)
            }
        };
        if absent {
            &ContextValue::Absent
        } else {
            &ContextValue::Unknown
        }
    }
}

/// The action of a web identity that assumes a role.
pub const ASSUME_ROLE_WITH_WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// One request to decide upon.
///
/// Which elements it has says which kind of policy may answer it: with a principal and no resource a role trust
/// policy; with a resource and no principal an identity policy or permissions boundary; with both a resource
/// policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks; `None` for a policy that is attached to the one who asks.
    pub principal: Option<Principal>,
    /// The action, `service:Name`, in any case.
    pub action: String,
    /// The ARN of what is acted upon; `None` for a role trust policy, which has no `Resource`.
    pub resource: Option<String>,
    /// The condition keys.
    pub context: Context,
}

impl From<&WebIdentity> for Request {
    /// `AssumeRoleWithWebIdentity` by this identity, as an auditor knows it: see [`Unlisted::WebIdentity`].
    fn from(identity: &WebIdentity) -> Self {
        let mut context = Context::new(Unlisted::WebIdentity);
        context.entries.reserve_exact(3);
        for (claim, value) in [(":sub", &identity.subject), (":aud", &identity.audience)] {
            let value = ContextValue::Known(vec![value.clone()]);
            context.set_lower(identity.key_of(claim), value);
        }
        // The session name is a required parameter of the call; only its value is the caller's choice.
        context.set_lower("sts:rolesessionname".to_owned(), ContextValue::Present);
        if let Some(at) = identity.called_at {
            context.set_direct_call(at);
        }
        Self {
            principal: Some(Principal::Federated(identity.provider_arn.clone())),
            action: ASSUME_ROLE_WITH_WEB_IDENTITY.to_owned(),
            resource: None,
            context,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(context: &Context, key: &str) -> ContextValue {
        context.get(key).into_owned()
    }

    #[test]
    fn keys_are_case_insensitive_and_the_last_value_stands() {
        let context = Context::new(Unlisted::Absent)
            .with("aws:SourceIp", "a")
            .with("AWS:sourceip", "b");
        assert_eq!(
            known(&context, "aws:sourceip"),
            ContextValue::Known(vec!["b".to_owned()])
        );
        assert_eq!(known(&context, "aws:other"), ContextValue::Absent);
    }

    #[test]
    fn of_one_issuer_everything_is_known() {
        let context = Context::new(Unlisted::AbsentOfIssuer("Example.com/id".to_owned()));
        assert_eq!(known(&context, "example.com/id:amr"), ContextValue::Absent);
        assert_eq!(known(&context, "example.com/id2:amr"), ContextValue::Unknown);
        assert_eq!(known(&context, "aws:sourceip"), ContextValue::Unknown);
    }

    #[test]
    fn of_some_keys_all_are_known() {
        let mut context = Context::new(Unlisted::Unknown).with("aws:PrincipalTag/Team", "carts");
        context.set_absent_below("aws:PrincipalTag/");
        let team = ContextValue::Known(vec!["carts".to_owned()]);
        assert_eq!(known(&context, "aws:principaltag/team"), team);
        assert_eq!(known(&context, "AWS:PrincipalTag/stage"), ContextValue::Absent);
        assert_eq!(known(&context, "aws:PrincipalTag"), ContextValue::Unknown);
    }

    #[test]
    fn an_auditor_knows_the_token_and_not_the_caller() {
        let identity = WebIdentity {
            provider_arn: "arn:aws:iam::111122223333:oidc-provider/Example.com/A".to_owned(),
            issuer: "Example.com/A".to_owned(),
            subject: "system:serviceaccount:shop:cart".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            called_at: None,
        };
        let request = Request::from(&identity);
        for (key, expected) in [
            (
                "example.com/a:sub",
                ContextValue::Known(vec![identity.subject.clone()]),
            ),
            (
                "example.com/a:aud",
                ContextValue::Known(vec![identity.audience.clone()]),
            ),
            ("example.com/a:amr", ContextValue::Absent),
            ("other.com:sub", ContextValue::Absent),
            ("https://example.com/a:sub", ContextValue::Absent),
            ("", ContextValue::Absent),
            ("saml:aud", ContextValue::Absent),
            ("aws:requesttag/team", ContextValue::Absent),
            ("aws:tagkeys", ContextValue::Absent),
            ("sts:sourceidentity", ContextValue::Absent),
            ("sts:rolesessionname", ContextValue::Present),
            ("aws:sourceip", ContextValue::Unknown),
            ("aws:principaltag/team", ContextValue::Unknown),
            ("iam:resourcetag/team", ContextValue::Unknown),
            ("aws:securetransport", ContextValue::Unknown),
            ("aws:currenttime", ContextValue::Unknown),
        ] {
            assert_eq!(known(&request.context, key), expected, "{key}");
        }
        let one = |value: &str| ContextValue::Known(vec![value.to_owned()]);
        let called = Request::from(&WebIdentity {
            called_at: Some(1_709_208_001),
            ..identity.clone()
        });
        for (key, expected) in [
            ("aws:SecureTransport", one("true")),
            ("aws:ViaAWSService", one("false")),
            ("aws:CurrentTime", one("2024-02-29T12:00:01Z")),
            ("aws:EpochTime", one("1709208001")),
            ("aws:CalledVia", ContextValue::Absent),
            ("aws:SourceAccount", ContextValue::Absent),
            ("aws:TokenIssueTime", ContextValue::Unknown),
            ("aws:SourceIp", ContextValue::Unknown),
            ("aws:SourceVpc", ContextValue::Unknown),
            ("aws:RequestedRegion", ContextValue::Present),
            ("aws:UserAgent", ContextValue::Present),
        ] {
            assert_eq!(known(&called.context, key), expected, "{key}");
        }
        assert_eq!(
            request.principal.as_ref().and_then(Principal::issuer),
            Some("Example.com/A")
        );
        assert_eq!(
            Principal::Federated("cognito-identity.amazonaws.com".to_owned()).issuer(),
            None
        );
        assert_eq!(Principal::Aws(identity.provider_arn).issuer(), None);
    }
}
