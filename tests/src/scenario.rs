//! What people report, as objects in the cluster and in AWS, with the verdict that names the cause.

mod healthy;
mod paths;
mod permissions;
mod pods;
mod provider;
mod rbac;
mod role;
mod service_account;
mod templates;
mod trust_policy;

use audit_api::irsa_audit::VerdictName;
use serde_json::{Value, json};

use crate::aws::{self, Role};
use crate::objects::Injected;
use crate::world::ISSUER;
use crate::{objects, trust};

/// The name of the ServiceAccount in every scenario, of its Deployment, and of its `IrsaAudit`.
pub const APP: &str = "app";

/// Objects, and what the audit should say of them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its namespace, named after what is wrong; also the name of its role.
    pub namespace: &'static str,
    /// What the person said who reported it.
    pub title: &'static str,
    /// The code of the finding that decides; none where every link passes.
    pub code: Option<&'static str>,
    /// The codes of all other findings: facts of their own, no consequences of the one that decides.
    pub besides: &'static [&'static str],
    /// The verdict.
    pub verdict: VerdictName,
    /// Its reason.
    pub reason: &'static str,
    /// Roles to create before anything else.
    pub roles: Vec<Role>,
    /// Objects to create in the namespace, in this order.
    pub objects: Vec<Value>,
    /// How the printed fix is run, and what follows.
    pub fix: Fix,
    /// The credential path, where the scenario is about it.
    pub path: Option<&'static str>,
}

/// How the fix of a finding is tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// Nothing to run: a step for a person, or nothing to repair.
    None,
    /// A command for the AWS CLI with the credentials of the role's account.
    Aws(VerdictName, &'static str),
    /// A command for `kubectl`.
    Kubectl(VerdictName, &'static str),
    /// No command does it: what a person makes of the step, with the AWS CLI and the credentials of the role's account. Then the
    /// binding works.
    ByHand(&'static str),
    /// A command for `kubectl` that changes the Deployment: when its new pods are there, the binding works.
    Rollout,
}

const WORKS: (VerdictName, &str) = (VerdictName::Working, "AllLinksPass");

impl Fix {
    const AWS: Self = Self::Aws(WORKS.0, WORKS.1);
    const KUBECTL: Self = Self::Kubectl(WORKS.0, WORKS.1);
}

/// Every scenario, each in a namespace of its own.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let mut all = healthy::all();
    all.extend(service_account::all());
    all.extend(role::all());
    all.extend(provider::all());
    all.extend(trust_policy::all());
    all.extend(pods::all());
    all.extend(templates::all());
    all.extend(paths::all());
    all.extend(permissions::all());
    all.extend(rbac::all());
    all
}

/// Only those in which every link passes.
#[must_use]
pub fn healthy() -> Vec<Scenario> {
    healthy::all()
        .into_iter()
        .filter(|scenario| scenario.verdict == VerdictName::Working)
        .collect()
}

/// The scenario of a namespace.
#[must_use]
pub fn named(namespace: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.namespace == namespace)
}

impl Scenario {
    /// A ServiceAccount that is annotated with a role, and a running pod that got it injected.
    #[must_use]
    pub fn bound(namespace: &'static str, title: &'static str, role: Role) -> Self {
        let arn = role.arn();
        let mut scenario = Self::annotated(namespace, title, &arn);
        scenario.roles.push(role);
        scenario
    }

    /// The same with whatever the annotation says, and no role.
    fn annotated(namespace: &'static str, title: &'static str, annotation: &str) -> Self {
        Self {
            namespace,
            title,
            code: None,
            besides: &[],
            verdict: WORKS.0,
            reason: WORKS.1,
            roles: Vec::new(),
            objects: vec![
                objects::service_account(namespace, APP, annotation),
                objects::deployment(namespace, APP, APP),
                injected(namespace, "x2v7k", annotation),
            ],
            fix: Fix::None,
            path: None,
        }
    }

    /// The pod that the Deployment's controller and the webhook make now.
    #[must_use]
    pub fn new_pod(&self, suffix: &str) -> Option<Value> {
        let account = self
            .objects
            .iter()
            .find(|object| object.get("kind") == Some(&json!("ServiceAccount")))?;
        let annotations = account.pointer("/metadata/annotations")?;
        let annotation = |name: &str| annotations.get(name).and_then(Value::as_str);
        let injected = Injected {
            role_arn: annotation("eks.amazonaws.com/role-arn")?,
            audience: annotation("eks.amazonaws.com/audience").unwrap_or(trust::AUDIENCE),
        };
        Some(objects::pod(self.namespace, APP, suffix, APP, Some(injected)))
    }

    fn broken(self, code: &'static str, reason: &'static str) -> Self {
        self.says(VerdictName::Broken, code, reason)
    }

    fn at_risk(self, code: &'static str, reason: &'static str) -> Self {
        self.says(VerdictName::AtRisk, code, reason)
    }

    fn unknown(self, code: &'static str, reason: &'static str) -> Self {
        self.says(VerdictName::Unknown, code, reason)
    }

    /// Works, and something is worth knowing.
    fn notice(self, code: &'static str) -> Self {
        self.says(WORKS.0, code, WORKS.1)
    }

    fn says(self, verdict: VerdictName, code: &'static str, reason: &'static str) -> Self {
        Self {
            code: Some(code),
            verdict,
            reason,
            ..self
        }
    }

    fn besides(self, codes: &'static [&'static str]) -> Self {
        Self {
            besides: codes,
            ..self
        }
    }

    /// All codes that the audit should give, in alphabetical order.
    #[must_use]
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<_> = self.besides.iter().copied().chain(self.code).collect();
        codes.sort_unstable();
        codes
    }

    fn by(self, path: &'static str) -> Self {
        Self {
            path: Some(path),
            ..self
        }
    }

    fn fixed_by(self, fix: Fix) -> Self {
        Self { fix, ..self }
    }

    /// Another pod in place of the one that is right.
    fn with_pod(mut self, pod: Value) -> Self {
        self.objects
            .retain(|object| object.get("kind") != Some(&json!("Pod")));
        self.objects.push(pod);
        self
    }

    fn with_objects(self, objects: Vec<Value>) -> Self {
        Self { objects, ..self }
    }
}

/// A role in the operator's account that trusts the cluster's provider under a condition.
fn trusting(name: &str, condition: &Value) -> Role {
    Role::new(name, trust::web_identity(&provider(), condition))
}

/// A pod with a role, and a token of the usual audience.
fn injected(namespace: &str, suffix: &str, role_arn: &str) -> Value {
    objects::pod(
        namespace,
        APP,
        suffix,
        APP,
        Some(Injected {
            role_arn,
            audience: trust::AUDIENCE,
        }),
    )
}

/// The condition that is right for a ServiceAccount.
fn exactly(namespace: &str, service_account: &str) -> Value {
    json!({"StringEquals": {
        key("sub"): trust::subject(namespace, service_account),
        key("aud"): trust::AUDIENCE,
    }})
}

/// A condition key of the cluster's issuer.
fn key(claim: &str) -> String {
    format!("{}:{claim}", trust::host_path(ISSUER))
}

fn provider() -> String {
    trust::provider_arn(aws::HOME, ISSUER)
}

/// The issuer of a cluster that was deleted.
const DEAD_ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_has_a_namespace_and_roles_of_its_own() {
        let all = all();
        let mut namespaces: Vec<&str> = all.iter().map(|scenario| scenario.namespace).collect();
        let mut roles: Vec<String> = all
            .iter()
            .flat_map(|scenario| &scenario.roles)
            .map(Role::arn)
            .collect();
        let counts = (namespaces.len(), roles.len());
        namespaces.sort_unstable();
        namespaces.dedup();
        roles.sort_unstable();
        roles.dedup();
        assert_eq!((namespaces.len(), roles.len()), counts);
    }
}
