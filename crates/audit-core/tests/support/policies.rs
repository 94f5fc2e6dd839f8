//! What the policies of the role say, and IAM's policy simulator of them.

use std::sync::Arc;

use super::*;

impl World {
    /// How many managed policies the role has.
    pub(crate) fn policies(self, attached: usize) -> Self {
        let now = self.now;
        let attached = (0..attached)
            .map(|n| format!("arn:aws:iam::aws:policy/P{n}"))
            .collect();
        self.account(|account| {
            let policies = RolePolicies {
                attached,
                inline: Vec::new(),
            };
            for arn in &policies.attached {
                let reading = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
                account.managed.insert(arn.clone(), Observed::known(reading.into(), now));
            }
            account
                .policies
                .insert("cart".to_owned(), Observed::known(policies, now));
        })
    }

    /// One inline policy, and no other.
    pub(crate) fn inline(self, document: &Value) -> Self {
        self.policies(0).inline_named("inline", document)
    }

    /// One inline policy with whatever text, and no other.
    pub(crate) fn inline_text(self, text: &str) -> Self {
        self.policies(0).inline_text_named("inline", text)
    }

    /// One more inline policy.
    pub(crate) fn inline_named(self, name: &str, document: &Value) -> Self {
        self.inline_text_named(name, &document.to_string())
    }

    fn inline_text_named(self, name: &str, text: &str) -> Self {
        let now = self.now;
        self.account(|account| {
            let (policies, _) = account.policies.get_mut("cart").unwrap().value.as_mut().unwrap();
            policies.inline.push(name.to_owned());
            let documents = account.inline.entry("cart".to_owned()).or_default();
            let (texts, _) = documents
                .value
                .get_or_insert_with(|| (crate::model::InlineDocuments::new(), now));
            texts.insert(name.to_owned(), text.into());
        })
    }

    /// One more attached policy.
    pub(crate) fn attached(self, arn: &str, document: &Value) -> Self {
        let now = self.now;
        self.account(|account| {
            let (policies, _) = account.policies.get_mut("cart").unwrap().value.as_mut().unwrap();
            policies.attached.push(arn.to_owned());
            account
                .managed
                .insert(arn.to_owned(), Observed::known(document.to_string().into(), now));
        })
    }

    /// One more attached policy, whose document nobody has read.
    pub(crate) fn attached_unread(self, arn: &str) -> Self {
        self.account(|account| {
            let (policies, _) = account.policies.get_mut("cart").unwrap().value.as_mut().unwrap();
            policies.attached.push(arn.to_owned());
        })
    }

    /// A permissions boundary of the account.
    pub(crate) fn boundary(self, document: &Value) -> Self {
        self.boundary_named(&format!("arn:aws:iam::{ACCOUNT}:policy/boundary"), document)
    }

    /// A permissions boundary.
    pub(crate) fn boundary_named(self, arn: &str, document: &Value) -> Self {
        let (now, arn) = (self.now, arn.to_owned());
        self.account(|account| {
            let (lookup, _) = account.roles.get_mut("cart").unwrap().value.as_mut().unwrap();
            let RoleLookup::Found(role) = lookup else {
                panic!("there is no role")
            };
            let bounded = Role {
                boundary: Some(arn.as_str().into()),
                ..Role::clone(role)
            };
            *role = Arc::new(bounded);
            account
                .managed
                .insert(arn, Observed::known(document.to_string().into(), now));
        })
    }

    /// What IAM's policy simulator has said of what is expected, for a minute: this of some actions, and the same as the policies of
    /// all others.
    pub(crate) fn simulated(self, otherwise: &[(&str, SimulatedDecision)]) -> Self {
        let chain = Chain::derive(&self.snapshot, &self.config, &self.key, self.now);
        let wanted = simulation::wanted(&chain).unwrap();
        let all = expected(&chain);
        let decision = |action: &str, resource: &str| {
            let other = otherwise.iter().find(|(name, _)| *name == action);
            let ours = all
                .iter()
                .find(|e| (e.question.action, e.question.resource) == (action, resource));
            match (other, &ours.unwrap().answer) {
                (Some((_, decision)), _) => *decision,
                (None, PolicyAnswer::Allowed(_)) => SimulatedDecision::Allowed,
                (None, _) => SimulatedDecision::DeniedImplicitly,
            }
        };
        let of_resource = |inquiry: &Inquiry, resource: &str| -> Vec<SimulatedAnswer> {
            let answer = |action: &String| SimulatedAnswer {
                action: action.clone(),
                resource: resource.to_owned(),
                decision: decision(action, resource),
                missing_keys: Vec::new(),
            };
            inquiry.actions.iter().map(answer).collect()
        };
        let since = self.now - SignedDuration::from_mins(1);
        let simulated = |inquiry: Arc<Inquiry>| {
            let answers = if inquiry.resources.is_empty() {
                of_resource(&inquiry, "*")
            } else {
                inquiry
                    .resources
                    .iter()
                    .flat_map(|resource| of_resource(&inquiry, resource))
                    .collect()
            };
            (inquiry, Simulated { answers, since })
        };
        let simulation = Simulation {
            state: wanted.state,
            answers: wanted.inquiries.into_iter().map(simulated).collect(),
        };
        let now = self.now;
        self.account(|account| {
            account
                .simulations
                .insert("cart".to_owned(), Observed::known(simulation, now));
        })
    }

    /// The same, of which it has said nothing before now.
    pub(crate) fn simulated_once(self) -> Self {
        let now = self.now;
        self.simulation(|simulated| simulated.since = now)
    }

    /// The same, as far as it could tell without a condition key.
    pub(crate) fn simulated_without_key(self, key: &str) -> Self {
        self.simulation(|simulated| {
            for answer in &mut simulated.answers {
                answer.missing_keys.push(key.to_owned());
            }
        })
    }

    fn simulation(self, change: impl Fn(&mut Simulated)) -> Self {
        self.account(|account| {
            let (simulation, _) = account
                .simulations
                .get_mut("cart")
                .unwrap()
                .value
                .as_mut()
                .unwrap();
            simulation.answers.values_mut().for_each(change);
        })
    }

    /// It was asked in vain.
    pub(crate) fn simulation_fails(self, kind: FailureKind) -> Self {
        let now = self.now;
        self.account(|account| {
            let seen = account.simulations.entry("cart".to_owned()).or_default();
            seen.fail(kind, "no".to_owned(), now);
        })
    }

    /// Nobody has read what stands in the policies with success; why, if it was tried.
    pub(crate) fn documents_unseen(self, failure: Option<&FailureKind>) -> Self {
        let now = self.now;
        self.account(|account| {
            account.inline.clear();
            for seen in account.managed.values_mut() {
                *seen = Observed::default();
                if let Some(kind) = failure {
                    seen.fail(kind.clone(), "no".to_owned(), now);
                }
            }
        })
    }
}
