//! Everything the fake holds, and what a request does to it.

use crate::calls::{Call, CallId, CallLog, Outcome};
use crate::denial;
use crate::error::ServiceError;
use crate::fault::{self, Effect, Fault};
use crate::incoming::Incoming;
use crate::keyring::{Keyring, Principal, Refusal};
use crate::reply::Answer;
use crate::service::Service;
use crate::settings::Settings;
use crate::tables::ManagedPolicy;
use crate::timeline::Timeline;
use crate::{eks, iam, sts};
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

/// Gives out identifiers, each once.
#[derive(Debug, Default)]
pub(crate) struct Ids(u64);

impl Ids {
    /// A number that was not given out before.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// An IAM unique id with its prefix, as `AROA`.
    pub(crate) fn unique(&mut self, prefix: &str) -> String {
        format!("{prefix}FAKE{:013}", self.number())
    }

    /// A request id.
    pub(crate) fn request(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.number())
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

    /// Does what the request asks.
    pub(crate) fn perform(
        &mut self,
        incoming: &Incoming,
        caller: Result<Principal, Refusal>,
    ) -> Result<Answer, ServiceError> {
        let service = incoming.service;
        let caller = caller.map_err(|refusal| match refusal {
            Refusal::Missing => ServiceError::missing_token(service),
            Refusal::Unknown => ServiceError::unknown_token(service),
            Refusal::Expired => ServiceError::expired_token(service),
        })?;
        let account = self.accounts.entry(caller.account.clone()).or_default();
        account.timeline.advance(Instant::now());
        if denial::is_deniable(&incoming.operation) && account.denies(&denial::action(incoming)) {
            return Err(denial::error(incoming, Some(&caller)));
        }
        match service {
            Service::Iam => {
                let mut context = iam::Context {
                    account_id: &caller.account,
                    timeline: &mut account.timeline,
                    aws_managed: &self.aws_managed,
                    ids: &mut self.ids,
                    settings: &self.settings,
                    parameters: &incoming.parameters,
                };
                iam::perform(&mut context, &incoming.operation).map(Answer::Xml)
            }
            Service::Sts => sts::perform(self, &caller, incoming).map(Answer::Xml),
            Service::Eks => {
                eks::perform(account.timeline.visible(), &self.settings, &caller, incoming).map(Answer::Json)
            }
            Service::Other => Err(ServiceError::unknown_operation(service, &incoming.operation)),
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
