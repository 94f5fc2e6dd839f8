//! What is certain of a call over TLS that a workload makes itself.
//!
//! From the IAM User Guide, "AWS global condition context keys": `aws:SecureTransport` (AWS's SDKs and CLI use HTTPS; STS has no
//! other endpoints), `aws:CurrentTime`, `aws:EpochTime` and `aws:ViaAWSService` are always there, the last one `false` for a direct
//! call; `aws:RequestedRegion` and `aws:UserAgent` as well, with values that are the caller's ("Availability – This key is always
//! included in the request context"); `aws:CalledVia…`, `aws:Source…` and `aws:PrincipalServiceName…` are there only when a service makes the call;
//! `aws:PrincipalIsAWSService` is `false`, and absent where the call is not signed, as `AssumeRoleWithWebIdentity` is not.

use std::borrow::Cow;

use super::{ContextValue, is_key};
use crate::compare::date;

/// Such a call. Its values are made when a policy asks for one of its keys, since few do and a context is made for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DirectCall {
    /// When it is made, in seconds since 1970, UTC.
    pub(super) at: i64,
}

/// Keys of calls that a service makes, for itself or for someone else.
const NEVER: [&str; 9] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
];

impl DirectCall {
    /// What is known of a key, in whatever case; `None` for a key of which such a call says nothing.
    pub(super) fn value_of(self, key: &str) -> Option<Cow<'static, ContextValue>> {
        let one = |value: &str| ContextValue::Known(vec![value.to_owned()]);
        let is = |lower: &str| is_key(lower, key);
        let value = if is("aws:securetransport") {
            one("true")
        } else if is("aws:viaawsservice") {
            one("false")
        } else if is("aws:currenttime") {
            one(&date::format(self.at))
        } else if is("aws:epochtime") {
            one(&self.at.to_string())
        } else if is("aws:principalisawsservice") {
            ContextValue::AbsentOr(vec!["false".to_owned()])
        } else if is("aws:requestedregion") || is("aws:useragent") {
            return Some(Cow::Borrowed(&ContextValue::Present));
        } else if NEVER.into_iter().any(is) {
            return Some(Cow::Borrowed(&ContextValue::Absent));
        } else {
            return None;
        };
        Some(Cow::Owned(value))
    }
}
