//! What a request does, by the service that it is for.

use std::time::Instant;

use crate::denial;
use crate::error::ServiceError;
use crate::incoming::Incoming;
use crate::keyring::{Principal, Refusal};
use crate::reply::Answer;
use crate::service::{Service, WEB_IDENTITY};
use crate::world::World;
use crate::{eks, iam, sts};

impl World {
    /// Does what the request asks.
    pub(crate) fn perform(
        &mut self,
        incoming: &Incoming,
        caller: Result<Principal, Refusal>,
    ) -> Result<Answer, ServiceError> {
        let service = incoming.service;
        if incoming.operation == WEB_IDENTITY {
            // The token alone says who asks.
            return sts::web_identity::perform(self, incoming).map(Answer::Xml);
        }
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
