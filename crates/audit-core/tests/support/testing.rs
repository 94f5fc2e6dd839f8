//! A healthy binding, and ways to change it: what the tests of rules are made of.

mod assertions;
mod pods;
mod policies;

use std::fmt::Write as _;
use std::sync::Arc;

use iam_policy::RoleArn;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::audit::audit_binding;
use crate::chain::Chain;
use crate::config::Config;
use crate::finding::{Finding, Link, Severity};
use crate::model::rbac as rbac_model;
use crate::model::webhook::OPT_OUT_LABEL;
use crate::model::{
    Access, Account, AuditRequest, AwsExpectation, BindingKey, ClusterIssuer, Consumer, ConsumerObject,
    Container, FailureKind, Inquiry, IssuerSource, IssuerUrl, KubernetesExpectation, LastUsed, ObjectUses,
    Observed, Pod, PodCommon, PodPhase, Provider, Registration, RequestedAudience, Role, RoleLookup,
    RolePolicies, ServiceAccount, Simulated, SimulatedAnswer, SimulatedDecision, Simulation, TokenMount, Use,
    Used, Waiver, WebhookEntry, Workload,
};
use crate::permissions::{PolicyAnswer, expected, simulation};
use crate::rbac::{self, Rbac};
use crate::report::{BindingReport, LinkState};
use crate::snapshot::{Cluster, Origin, Snapshot};
use crate::verdict::Verdict;

pub(crate) use assertions::*;
pub(crate) use pods::*;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER_ACCOUNT: &str = "444455556666";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/cart";
pub(crate) const OLD_ROLE: &str = "arn:aws:iam::111122223333:role/old-cart";
pub(crate) const ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(crate) const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(crate) const OTHER_HOST_PATH: &str =
    "oidc.eks.eu-west-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210";
pub(crate) const SUBJECT: &str = "system:serviceaccount:shop:cart";
pub(crate) const AUDIENCE: &str = "sts.amazonaws.com";
pub(crate) const PREFIX: &str = "eks.amazonaws.com";
pub(crate) const TOKEN_FOLDER: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
pub(crate) const POD_IDENTITY_AUDIENCE: &str = "pods.eks.amazonaws.com";

/// The ARN of the provider for an issuer in the role's account.
pub(crate) fn provider_arn(host_path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host_path}")
}

/// A trust policy of one statement, as eksctl writes it, with these conditions.
pub(crate) fn trust(condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement(condition)] })
}

/// The statement of such a trust policy.
pub(crate) fn statement(condition: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn(HOST_PATH) },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
    })
}

/// The conditions of such a trust policy, for one subject.
pub(crate) fn condition(subject: &str) -> Value {
    json!({ "StringEquals": { format!("{HOST_PATH}:sub"): subject, format!("{HOST_PATH}:aud"): AUDIENCE } })
}

/// A role as IAM has it.
pub(crate) fn role(arn: &str, trust_text: &str) -> RoleLookup {
    RoleLookup::Found(Arc::new(Role {
        arn: RoleArn::parse(arn).unwrap(),
        id: "AROAEXAMPLE".to_owned(),
        boundary: None,
        tags: None,
        trust_text: trust_text.into(),
        created: None,
        last_used: LastUsed::Unseen,
        told_after: None,
    }))
}

impl Cluster {
    /// Registers the webhook as EKS does, or nowhere.
    pub(crate) fn set_webhook(&mut self, is_registered: Option<bool>) -> bool {
        let registrations = |is| {
            if is {
                vec![Registration::usual()]
            } else {
                Vec::new()
            }
        };
        self.set_registrations(is_registered.map(registrations))
    }
}

/// A cluster with one binding and what AWS has for it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) config: Config,
    pub(crate) key: BindingKey,
    pub(crate) now: Timestamp,
}

impl World {
    /// ServiceAccount `shop/cart` with an annotation, one injected pod, and role, provider and policy that fit.
    pub(crate) fn healthy() -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let key = BindingKey::new("shop", "cart");
        let mut snapshot = Snapshot {
            issuer: Some(ClusterIssuer {
                url: IssuerUrl::parse(ISSUER).unwrap(),
                source: IssuerSource::Token,
            }),
            ..Snapshot::default()
        };
        snapshot.cluster.put_pod(pod(&key, "cart", injected("app", ROLE)));
        for kind in rbac::RbacKind::ALL {
            snapshot.cluster.rbac_mut().set_listed(kind);
        }
        let account = Account {
            provider: Observed::known(
                Some(Provider {
                    arn: provider_arn(HOST_PATH),
                    url: HOST_PATH.to_owned(),
                    client_ids: vec![AUDIENCE.to_owned()],
                }),
                now,
            ),
            listing: Observed::known(1, now),
            ..Account::default()
        };
        snapshot.accounts.insert(ACCOUNT.to_owned(), account);
        let world = Self {
            snapshot,
            config: Config::default(),
            key,
            now,
        };
        world
            .service_account("shop", "cart")
            .annotation(ROLE)
            .trust(&trust(&condition(SUBJECT)))
            .policies(1)
    }

    pub(crate) fn audit(&self) -> BindingReport {
        audit_binding(&self.snapshot, &self.config, &self.key, self.now)
    }

    // ServiceAccounts.

    /// One more ServiceAccount.
    pub(crate) fn service_account(mut self, namespace: &str, name: &str) -> Self {
        self.snapshot.cluster.put_service_account(ServiceAccount {
            key: BindingKey::new(namespace, name),
            uid: format!("uid-{namespace}-{name}"),
            created: None,
            annotations: crate::model::Annotations::default(),
            automount_off: false,
        });
        self
    }

    pub(crate) fn without_service_account(mut self) -> Self {
        self.snapshot.cluster.remove_service_account(&self.key);
        self
    }

    /// The role annotation.
    pub(crate) fn annotation(self, value: &str) -> Self {
        self.annotate(&format!("{PREFIX}/role-arn"), Some(value))
    }

    pub(crate) fn without_annotation(self) -> Self {
        self.annotate(&format!("{PREFIX}/role-arn"), None)
    }

    /// What the webhook's ConfigMap says of it.
    pub(crate) fn listed_by_webhook(mut self, role_arn: &str, audience: &str) -> Self {
        let entry = WebhookEntry {
            role_arn: role_arn.to_owned(),
            audience: audience.to_owned(),
            token_expiration: 0,
        };
        let entries = [(self.key.clone(), entry)].into();
        self.snapshot.cluster.put_webhook_entries(entries);
        self
    }

    /// Changes what the webhook's ConfigMap says of it.
    pub(crate) fn webhook_entry(mut self, change: impl FnOnce(&mut WebhookEntry)) -> Self {
        let mut entry = self.snapshot.cluster.webhook_entry(&self.key).unwrap().clone();
        change(&mut entry);
        self.snapshot
            .cluster
            .put_webhook_entries([(self.key.clone(), entry)].into());
        self
    }

    /// The audience annotation.
    pub(crate) fn audience(self, value: &str) -> Self {
        self.annotate(&format!("{PREFIX}/audience"), Some(value))
    }

    pub(crate) fn annotate(mut self, key: &str, value: Option<&str>) -> Self {
        let binding = self.snapshot.cluster.binding(&self.key).unwrap();
        let mut account = binding.service_account().unwrap().clone();
        match value {
            Some(value) => drop(account.annotations.insert(key.to_owned(), value.to_owned())),
            None => drop(account.annotations.remove(key)),
        }
        self.snapshot.cluster.put_service_account(account);
        self
    }

    /// An object `aws` of this kind whose controller requests the ServiceAccount's token.
    pub(crate) fn requested_by(self, kind: &str) -> Self {
        self.requested(kind, RequestedAudience::Annotated, None)
    }

    /// An object `cut` of which not all that it uses is kept: that controllers request tokens of another ServiceAccount is.
    pub(crate) fn beside_a_cut_object(mut self, namespace: &str) -> Self {
        let object = ConsumerObject {
            group: "example.com".to_owned(),
            kind: "Store".to_owned(),
            namespace: namespace.to_owned(),
            name: "cut".to_owned(),
        };
        let other = Consumer {
            object: Arc::new(object.clone()),
            used: Used::Named(BindingKey::new(namespace, "of-another")),
            how: Use::Requests {
                audience: RequestedAudience::Annotated,
                role: None,
                then: Vec::new(),
            },
            is_certain: true,
        };
        let uses = ObjectUses {
            uses: vec![other],
            has_more: true,
        };
        self.snapshot.cluster.put_consumer(object, uses);
        self
    }

    pub(crate) fn requested(mut self, kind: &str, audience: RequestedAudience, role: Option<&str>) -> Self {
        let object = ConsumerObject {
            group: "example.com".to_owned(),
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: "aws".to_owned(),
        };
        let consumer = Consumer {
            object: Arc::new(object.clone()),
            used: Used::Named(self.key.clone()),
            how: Use::Requests {
                audience,
                role: role.map(str::to_owned),
                then: Vec::new(),
            },
            is_certain: true,
        };
        self.snapshot.cluster.put_consumer(object, vec![consumer]);
        self
    }

    // What AWS has.

    pub(crate) fn account(mut self, change: impl FnOnce(&mut Account)) -> Self {
        change(self.snapshot.accounts.get_mut(ACCOUNT).unwrap());
        self
    }

    pub(crate) fn without_account(mut self) -> Self {
        self.snapshot.accounts.clear();
        self
    }

    pub(crate) fn account_not_configured(self) -> Self {
        self.account(|account| {
            *account = Account {
                access: Access::NotConfigured,
                ..Account::default()
            }
        })
    }

    /// The role's trust policy.
    pub(crate) fn trust(self, document: &Value) -> Self {
        self.trust_text(&document.to_string())
    }

    pub(crate) fn trust_text(self, text: &str) -> Self {
        let lookup = role(ROLE, text);
        self.role(lookup)
    }

    /// The trust policy of eksctl's form with other conditions.
    pub(crate) fn condition(self, condition: &Value) -> Self {
        self.trust(&trust(condition))
    }

    /// What IAM says of the role of the annotation's name.
    pub(crate) fn role(self, lookup: RoleLookup) -> Self {
        self.any_role("cart", lookup)
    }

    /// What IAM says of a role.
    pub(crate) fn any_role(self, name: &str, lookup: RoleLookup) -> Self {
        let now = self.now;
        self.account(|account| {
            account
                .roles
                .insert(name.to_owned(), Observed::known(lookup, now));
        })
    }

    /// A role that trusts the binding.
    pub(crate) fn good_role(self, arn: &str) -> Self {
        let name = RoleArn::parse(arn).unwrap().name().to_owned();
        self.any_role(&name, role(arn, &trust(&condition(SUBJECT)).to_string()))
    }

    /// Nobody has read the role with success; why, if it was tried.
    pub(crate) fn role_unseen(self, failure: Option<FailureKind>) -> Self {
        let now = self.now;
        self.account(|account| {
            account.roles.clear();
            if let Some(kind) = failure {
                let mut seen = Observed::default();
                seen.fail(kind, "no".to_owned(), now);
                account.roles.insert("cart".to_owned(), seen);
            }
        })
    }

    /// Nobody has read the provider with success; why, if it was tried.
    pub(crate) fn provider_unseen(self, failure: Option<FailureKind>) -> Self {
        let now = self.now;
        self.account(|account| {
            account.provider = Observed::default();
            if let Some(kind) = failure {
                account.provider.fail(kind, "no".to_owned(), now);
            }
        })
    }

    /// Nobody has read the policies with success; why, if it was tried.
    pub(crate) fn policies_unseen(self, failure: Option<FailureKind>) -> Self {
        let now = self.now;
        self.account(|account| {
            account.policies.clear();
            if let Some(kind) = failure {
                let mut seen = Observed::default();
                seen.fail(kind, "no".to_owned(), now);
                account.policies.insert("cart".to_owned(), seen);
            }
        })
    }

    /// Listing the whole account fails.
    pub(crate) fn listing_fails(self, kind: FailureKind) -> Self {
        let now = self.now;
        self.account(|account| account.listing.fail(kind, "no".to_owned(), now))
    }

    pub(crate) fn without_provider(self) -> Self {
        let now = self.now;
        self.account(|account| account.provider.succeed(None, now))
    }

    /// The URLs of the account's providers.
    pub(crate) fn provider_urls(self, urls: &[&str]) -> Self {
        let (now, urls) = (self.now, urls.iter().map(|url| (*url).to_owned()).collect());
        self.account(|account| account.provider_urls.succeed(urls, now))
    }

    pub(crate) fn client_ids(self, ids: &[&str]) -> Self {
        self.account(|account| {
            let (provider, _) = account.provider.value.as_mut().unwrap();
            provider.as_mut().unwrap().client_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        })
    }

    /// A role of this name trusts the binding by name, as the account's listing says.
    pub(crate) fn trusted_by(self, role: &str) -> Self {
        self.account(|account| {
            account
                .trusted_subjects
                .entry(SUBJECT.to_owned())
                .or_default()
                .push(role.to_owned());
        })
    }

    /// The same as files tell it.
    pub(crate) fn read_from_files(mut self) -> Self {
        self.snapshot.origin = Origin::Files;
        self
    }

    /// The same objects, without a claim that they are the whole cluster.
    pub(crate) fn partial(mut self) -> Self {
        let whole = std::mem::replace(&mut self.snapshot.cluster, Cluster::partial());
        for (key, binding) in whole.bindings() {
            let cluster = &mut self.snapshot.cluster;
            binding
                .service_account()
                .cloned()
                .map(|account| cluster.put_service_account(account));
            binding
                .pods()
                .iter()
                .for_each(|pod| drop(cluster.put_pod(Pod::clone(pod))));
            for request in binding.requests() {
                cluster.put_request(&key.namespace, request.clone());
            }
        }
        self.read_from_files()
    }

    pub(crate) fn issuer_unknown(mut self) -> Self {
        self.snapshot.issuer = None;
        self
    }

    // Pods.

    /// Changes the one pod.
    pub(crate) fn pod(mut self, change: impl FnOnce(&mut Pod)) -> Self {
        let mut pod = self
            .snapshot
            .cluster
            .binding(&self.key)
            .unwrap()
            .pods()
            .first()
            .map(|pod| Pod::clone(pod))
            .unwrap();
        change(&mut pod);
        self.snapshot.cluster.put_pod(pod);
        self
    }

    /// Puts another container in place of the pod's.
    pub(crate) fn container(self, container: Container) -> Self {
        self.pod(|pod| pod.containers = vec![container].into())
    }

    /// One more pod, of another Deployment.
    pub(crate) fn another_pod(mut self, name: &str, container: Container) -> Self {
        self.snapshot.cluster.put_pod(pod(&self.key, name, container));
        self
    }

    pub(crate) fn without_pods(mut self) -> Self {
        let names: Vec<Box<str>> = self
            .snapshot
            .cluster
            .binding(&self.key)
            .unwrap()
            .pods()
            .iter()
            .map(|p| p.name.clone())
            .collect();
        for name in names {
            self.snapshot.cluster.remove_pod(&self.key.namespace, &name);
        }
        self
    }

    // What people want.

    /// An `IrsaAudit` that somebody wrote.
    pub(crate) fn request(mut self, change: impl FnOnce(&mut AuditRequest)) -> Self {
        let old = self
            .snapshot
            .cluster
            .binding(&self.key)
            .and_then(|b| b.request().cloned());
        let mut request = old.unwrap_or_else(|| AuditRequest {
            name: "cart".to_owned(),
            service_account: self.key.service_account.to_string(),
            declared: true,
            ..AuditRequest::default()
        });
        change(&mut request);
        self.snapshot.cluster.put_request(&self.key.namespace, request);
        self
    }

    pub(crate) fn expect_role(self, arn: &str) -> Self {
        self.request(|r| r.role_arn = Some(arn.to_owned()))
    }

    pub(crate) fn expect_aws(self) -> Self {
        self.request(|r| {
            r.aws.push(AwsExpectation {
                actions: vec!["s3:GetObject".to_owned()],
                resources: vec!["*".to_owned()],
                context: [].into(),
            });
        })
    }

    /// Expects actions on resources.
    pub(crate) fn expect(self, actions: &[&str], resources: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.request(|r| {
            r.aws.push(AwsExpectation {
                actions: owned(actions),
                resources: owned(resources),
                context: [].into(),
            });
        })
    }

    pub(crate) fn expect_kubernetes(self) -> Self {
        self.request(|r| {
            r.kubernetes.push(KubernetesExpectation {
                verbs: vec!["get".to_owned()],
                api_group: String::new(),
                resource: "pods".to_owned(),
                subresource: None,
                resource_names: Vec::new(),
                namespace: Some("shop".to_owned()),
            });
        })
    }

    // What Kubernetes allows.

    /// Changes the roles and bindings.
    pub(crate) fn rbac(mut self, change: impl FnOnce(&mut Rbac)) -> Self {
        change(self.snapshot.cluster.rbac_mut());
        self
    }

    /// A role with one rule, see [`rbac::testing::rule`], or with an empty namespace a ClusterRole.
    pub(crate) fn granting(self, namespace: &str, name: &str, rule: &str) -> Self {
        self.rbac(|rbac| {
            rbac.put_role(rbac::testing::role(namespace, name, &[rule]));
        })
    }

    /// A binding of that name to a role, see [`rbac::testing::binding`].
    pub(crate) fn bound(self, namespace: &str, role: &str, subject: &rbac_model::Subject) -> Self {
        let subjects = std::slice::from_ref(subject);
        self.rbac(|rbac| {
            rbac.put_binding(&rbac::testing::binding(namespace, "b", role, subjects));
        })
    }

    /// The same, of the ServiceAccount itself.
    pub(crate) fn bound_itself(self, namespace: &str, role: &str) -> Self {
        self.bound(namespace, role, &rbac::testing::account("shop", "cart"))
    }

    /// What RBAC says to the permissions that are expected.
    fn answers(&self) -> Vec<rbac::PermissionAnswer<'_>> {
        let request = self.snapshot.cluster.binding(&self.key).unwrap().request();
        rbac::answers(&self.snapshot, &self.key, &request.unwrap().kubernetes)
    }

    /// The API server has answered this to everything that is expected now.
    pub(crate) fn reviewed(mut self, ruling: rbac::Ruling) -> Self {
        let questions = rbac::review::questions(&self.answers(), usize::MAX);
        let reviewed = |question| rbac::Reviewed { question, ruling };
        let reviews = questions.into_iter().map(reviewed).collect();
        self.snapshot.reviews.put(&self.key, reviews);
        self
    }

    /// The world after the printed fix for its permissions.
    pub(crate) fn with_permissions_repaired(self) -> Self {
        let answers = self.answers().into_iter();
        let denied: Vec<_> = answers.flat_map(|answer| answer.denied).collect();
        let grants = rbac::least::grants(self.snapshot.cluster.rbac(), &(&self.key).into(), &denied).unwrap();
        self.rbac(|rbac| {
            for grant in grants {
                rbac.put_role(grant.role);
                rbac.put_binding(&grant.binding);
            }
        })
    }

    /// Waives a code, for so many seconds from now.
    pub(crate) fn waive(self, code: &str, seconds: Option<i64>) -> Self {
        let until = seconds.map(|s| self.now.saturating_add(SignedDuration::from_secs(s)).unwrap());
        self.request(|r| {
            r.waivers.push(Waiver {
                code: code.to_owned(),
                until,
                reason: "accepted".to_owned(),
            });
        })
    }

    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Lets time pass without anything being read.
    pub(crate) fn later(mut self, seconds: i64) -> Self {
        self.now = self
            .now
            .saturating_add(SignedDuration::from_secs(seconds))
            .unwrap();
        self
    }

    // Repairs.

    /// The world after the least edit of the role's trust policy, which is what the printed command does.
    pub(crate) fn with_trust_repaired(self) -> Self {
        let Some((RoleLookup::Found(role), _)) = self
            .snapshot
            .accounts
            .get(ACCOUNT)
            .unwrap()
            .roles
            .get("cart")
            .unwrap()
            .value
            .clone()
        else {
            panic!("there is no role")
        };
        let identity = iam_policy::WebIdentity {
            provider_arn: provider_arn(HOST_PATH),
            issuer: HOST_PATH.to_owned(),
            subject: self.key.subject(),
            audience: self.audit().facts.audience.unwrap_or_else(|| AUDIENCE.to_owned()),
            called_at: Some(self.now.as_second()),
        };
        let edit = iam_policy::least_edit(&role.trust_text, &identity).expect("an edit");
        self.trust(&edit.document)
    }
}
