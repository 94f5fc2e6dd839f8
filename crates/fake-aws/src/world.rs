//! Everything the fake holds, and what a request does to it.

use crate::calls::{Call, CallId, CallLog, Outcome};
use crate::fault::{self, Effect, Fault};
use crate::ids::Ids;
use crate::incoming::Incoming;
use crate::keyring::{Keyring, Principal, Refusal};
use crate::settings::Settings;
use crate::tables::ManagedPolicy;
use crate::timeline::Timeline;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Everything the fake holds.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// AWS managed policies, the same for all accounts, by ARN.
    pub(crate) aws_managed: BTreeMap<String, ManagedPolicy>,
    pub(crate) keyring: Keyring,
    pub(crate) faults: Vec<Fault>,
    pub(crate) calls: CallLog,
    pub(crate) ids: Ids,
}

/// One account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) timeline: Timeline,
    /// Actions nobody here may do.
    pub(crate) denied: BTreeSet<String>,
}

impl Account {
    /// Whether `action`, as `iam:GetRole`, is denied. Actions are compared without case; a trailing `*` matches
    /// any rest.
    pub(crate) fn denies(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.denied
            .iter()
            .map(|pattern| pattern.to_ascii_lowercase())
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => action.starts_with(prefix),
                None => action == pattern,
            })
    }
}

/// A call that was logged, and what the faults do to it.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) id: CallId,
    pub(crate) caller: Result<Principal, Refusal>,
    pub(crate) latency: Duration,
    pub(crate) effect: Option<Effect>,
}

impl World {
    /// Logs a request and lets the faults strike it.
    pub(crate) fn admit(&mut self, incoming: &Incoming) -> Admitted {
        let caller = match &incoming.credential {
            Some(credential) => {
                let token = incoming.session_token.as_deref();
                self.keyring
                    .identify(&credential.access_key_id, token, Timestamp::now())
            }
            None => Err(Refusal::Missing),
        };
        let call = Call {
            account: caller
                .as_ref()
                .map(|caller| caller.account.clone())
                .unwrap_or_default(),
            service: incoming
                .credential
                .as_ref()
                .map(|scope| scope.service.clone())
                .unwrap_or_default(),
            operation: incoming.operation.clone(),
            parameters: incoming.parameters.as_map().clone(),
            outcome: Outcome::Pending,
            at: Instant::now(),
        };
        let (latency, effect) = fault::strike(&mut self.faults, &call);
        Admitted {
            id: self.calls.add(call),
            caller,
            latency,
            effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_actions_match_without_case_and_by_prefix() {
        let mut account = Account::default();
        account
            .denied
            .extend(["iam:List*".to_owned(), "iam:GetRole".to_owned()]);
        for (action, denied) in [
            ("iam:ListRoles", true),
            ("IAM:getrole", true),
            ("iam:GetRolePolicy", false),
            ("sts:ListRoles", false),
        ] {
            assert_eq!(account.denies(action), denied, "{action}");
        }
    }
}
