//! What the webhook injects for the binding of a chain.

use super::{Chain, NamedRole};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::snapshot::AskedIn;
use crate::webhook::{Injection, annotation};

impl<'a> Injection<'a> {
    /// What it injects for a binding; nothing without a role, and nothing on a path of which it is no part.
    #[must_use]
    pub fn of(chain: &Chain<'a>) -> Option<Self> {
        let role = chain.is_webhooks().then_some(&chain.named_role)?;
        Self::with(chain, role, chain.audience, chain.source)
    }

    /// What it is asked to inject for a binding, whatever the path that decides.
    #[must_use]
    pub fn asked(chain: &Chain<'a>) -> Option<Self> {
        if chain.is_webhooks() {
            return Self::of(chain);
        }
        let asked = chain.asked();
        let audience = asked.audience.or(chain.default_audience);
        let role = NamedRole::read(&asked, chain.config);
        Self::with(chain, &role, audience.unwrap_or(DEFAULT_AUDIENCE), asked.source)
    }

    fn with(chain: &Chain<'a>, role: &NamedRole<'_>, audience: &'a str, source: AskedIn) -> Option<Self> {
        let role = match role {
            NamedRole::Missing => return None,
            NamedRole::Malformed(text, _) => (*text).to_owned(),
            NamedRole::Role(arn) => arn.to_string(),
        };
        let prefix = chain.config.annotation_prefix.as_str();
        let regional_sts = chain
            .service_account
            .filter(|_| source == AskedIn::Annotation)
            .and_then(|account| account.annotation(prefix, "sts-regional-endpoints"))
            .and_then(annotation::boolean);
        Some(Self {
            role,
            audience,
            regional_sts,
            prefix,
            cluster: &chain.snapshot.cluster,
            ways: chain.ways.clone(),
        })
    }
}
