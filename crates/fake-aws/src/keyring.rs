//! Access keys, and whom they stand for.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What every long-lived key of the fake starts with; the account's number follows.
const USER_KEY: &str = "AKIAFAKE";

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
    /// The role behind an assumed-role session.
    pub(crate) role_arn: Option<String>,
}

/// Why a key is not honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is not signed.
    Missing,
    /// Nobody has this key, or it came with another session token.
    Unknown,
    /// The session is over.
    Expired,
}

/// Temporary credentials that `AssumeRole` gave out.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) principal: Principal,
    pub(crate) expires: Timestamp,
}

/// All keys.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    users: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
}

impl Keyring {
    /// The access key id of an account's user, which works from now on.
    pub(crate) fn user_key(&mut self, account: &str) -> String {
        self.users.insert(account.to_owned());
        format!("{USER_KEY}{account}")
    }

    /// Adds a session under its access key id.
    pub(crate) fn add_session(&mut self, access_key_id: String, session: Session) {
        self.sessions.insert(access_key_id, session);
    }

    /// Ends all sessions.
    pub(crate) fn expire_sessions(&mut self) {
        for session in self.sessions.values_mut() {
            session.expires = Timestamp::MIN;
        }
    }

    /// Whom a key and its session token stand for.
    pub(crate) fn identify(
        &self,
        access_key_id: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Principal, Refusal> {
        if let Some(account) = access_key_id.strip_prefix(USER_KEY) {
            if !self.users.contains(account) || token.is_some() {
                return Err(Refusal::Unknown);
            }
            return Ok(Principal {
                account: account.to_owned(),
                arn: format!("arn:aws:iam::{account}:user/fake-aws"),
                user_id: format!("AIDAFAKE{account}"),
                role_arn: None,
            });
        }
        match self.sessions.get(access_key_id) {
            Some(session) if token != Some(&session.token) => Err(Refusal::Unknown),
            Some(session) if session.expires <= now => Err(Refusal::Expired),
            Some(session) => Ok(session.principal.clone()),
            None => Err(Refusal::Unknown),
        }
    }
}
