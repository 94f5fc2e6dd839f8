//! A user who may do everything in one namespace, and nothing elsewhere, tries each way to gain a role.
//!
//! The admins allow `Automatic` for all roles and for all namespaces of these tests, so that each attempt fails by the one control that
//! it is about.
//!
//! | file | what is tried |
//! |---|---|
//! | `names` | roles, ServiceAccounts, namespaces and audiences that are not the user's to name |
//! | `consent` | tags that look like a consent |
//! | `approvals` | approvals of something else, from before, or for a second time |
//! | `objects` | what the API server keeps: approvals, policies, records, identities; and forged statuses |

mod approvals;
mod consent;
mod names;
mod objects;

use std::collections::BTreeMap;

use e2e::aws::{HOME, Role};
use e2e::cluster::Cluster;
use e2e::operator::Operator;
use e2e::remediation::{Repairable, consent_of, document, grant, journal, policy_target, recorded};
use e2e::trust;
use e2e::world::{World, eventually};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::{Failure, Outcome, WITHIN};

/// The namespace of the user, and the name of its identity there.
const OWN: &str = "mallory";

/// The namespace of the others.
const SHOP: &str = "shop";

/// A world, the user's access to it, and the trust policies as they were.
struct Stage {
    world: World,
    user: Cluster,
    before: BTreeMap<String, Value>,
}

impl Stage {
    /// The user has every right in its own namespace and in `more`, by a real token.
    async fn new(more: &[&str]) -> Result<Self, Failure> {
        let world = super::stage().await?;
        let cluster = world.cluster();
        let namespaces = [&[OWN, SHOP], more].concat();
        for namespace in &namespaces {
            cluster.create_namespace(namespace).await?;
        }
        cluster
            .create(&e2e::objects::bare_service_account(OWN, OWN))
            .await?;
        let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        let subject = json!({"kind": "ServiceAccount", "namespace": OWN, "name": OWN});
        for namespace in [&[OWN], more].concat() {
            grant(cluster, namespace, "everything", &everything, &subject).await?;
        }
        cluster.create(&allowing(&namespaces)).await?;
        let user = by_token(&world, (OWN, OWN), None).await?;
        Ok(Self {
            world,
            user,
            before: BTreeMap::new(),
        })
    }

    /// A role that admits machines only.
    async fn role(&mut self, name: &str) -> Outcome {
        let statement = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
        let role = Role::new(name, trust::document(&[statement]));
        self.world.aws().create_role(&role).await?;
        let document = document(&self.world, name).await?;
        self.before.insert(name.to_owned(), document);
        Ok(())
    }

    /// A role that consents to a binding, which the user makes.
    async fn consented(&mut self, binding: Repairable<'_>, mode: &str) -> Outcome {
        self.role(binding.role).await?;
        consent_of(&self.world, binding).await?;
        self.bind(binding, mode).await
    }

    /// The user annotates a ServiceAccount with a role, and opts in.
    async fn bind(&self, binding: Repairable<'_>, mode: &str) -> Outcome {
        let Repairable {
            namespace,
            name,
            role,
        } = binding;
        let annotations = json!({"eks.amazonaws.com/role-arn": arn(role)});
        self.bind_with(namespace, name, &annotations, mode).await
    }

    /// The same with whatever annotations.
    async fn bind_with(&self, namespace: &str, name: &str, annotations: &Value, mode: &str) -> Outcome {
        let account = e2e::objects::annotated(namespace, name, annotations);
        self.user.create(&account).await?;
        self.user.create(&opt_in(namespace, name, mode)).await?;
        Ok(())
    }

    /// Awaits that the writer has looked once more at the user's binding to a role, from beginning to end.
    async fn looked_again(&self, role: &str) -> Outcome {
        let fake = self.world.aws().as_fake().expect("the fake");
        let reads = || {
            let calls = fake.calls();
            let of_role = calls.iter().filter(|call| {
                call.operation == "GetRole"
                    && call.parameters.get("RoleName").is_some_and(|name| name == role)
            });
            of_role.count()
        };
        // A policy that changes makes it look at everything at once. The second look begins after the first has ended.
        for limit in [98, 99] {
            let before = reads();
            let changed = json!({"spec": {"remediation": {"maxChangesPerHour": limit}}});
            let everything = policy_target("everything");
            self.world.cluster().merge(everything, &changed).await?;
            assert!(eventually(WITHIN, || async { reads() > before }).await, "{role}");
        }
        Ok(())
    }

    /// No trust policy was written, and no record says otherwise.
    async fn nothing_happened(&self) -> Outcome {
        let fake = self.world.aws().as_fake().expect("the fake");
        assert_eq!(fake.count("UpdateAssumeRolePolicy"), 0);
        assert!(journal(&self.world).await?.is_empty());
        self.unchanged(&[]).await
    }

    /// A binding of the same user to which everyone agrees is repaired: what refused the others was none of what they have in common.
    async fn repairs_what_is_agreed(&mut self, writer: &Operator) -> Outcome {
        self.consented(own("honest"), "Automatic").await?;
        let is_repaired = recorded(&self.world, OWN, 1, "Applied", WITHIN).await;
        assert!(is_repaired, "{}", writer.process().log());
        self.unchanged(&["honest"]).await
    }

    /// Each role, except these, has the trust policy that it had.
    async fn unchanged(&self, except: &[&str]) -> Outcome {
        for (role, before) in &self.before {
            if !except.contains(&role.as_str()) {
                assert_eq!(document(&self.world, role).await?, *before, "{role}");
            }
        }
        Ok(())
    }
}

/// A binding of the user in its namespace, whose role has the name of the ServiceAccount.
fn own(name: &str) -> Repairable<'_> {
    Repairable {
        namespace: OWN,
        name,
        role: name,
    }
}

fn arn(role: &str) -> String {
    e2e::remediation::role_arn(role)
}

/// The `IrsaAudit` by which a ServiceAccount opts in.
fn opt_in(namespace: &str, name: &str, mode: &str) -> Value {
    let spec = json!({"serviceAccountName": name, "remediation": mode});
    e2e::objects::audit(namespace, name, &spec)
}

/// The admins allow everything for some namespaces.
fn allowing(namespaces: &[&str]) -> Value {
    let selector = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces});
    json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "IrsaAuditPolicy",
        "metadata": {"name": "everything"},
        "spec": {"remediation": {
            "maxMode": "Automatic",
            "roles": [format!("arn:aws:iam::{HOME}:role/*")],
            "namespaceSelector": {"matchExpressions": [selector]},
            "serviceAccounts": ["*"],
            "maxChangesPerHour": 100,
        }},
    })
}

/// The cluster as a ServiceAccount has it by its token, or tries to have it as another user.
async fn by_token(
    world: &World,
    (namespace, name): (&str, &str),
    impersonated: Option<&str>,
) -> Result<Cluster, Failure> {
    let plane = world.plane();
    let token = plane.service_account_token(namespace, name, None).await?;
    let kubeconfig = Kubeconfig::from_yaml(&plane.kubeconfig(&token))?;
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    config.auth_info.impersonate = impersonated.map(str::to_owned);
    Ok(Cluster::new(kube::Client::try_from(config)?))
}

/// Awaits that the writer says why a binding is not repaired.
async fn refused(writer: &Operator, namespace: &str, name: &str, why: &str) -> Outcome {
    refused_times(writer, namespace, name, why, 1).await
}

/// Awaits that it has said so this many times. It does not say the same twice in a row.
async fn refused_times(writer: &Operator, namespace: &str, name: &str, why: &str, times: usize) -> Outcome {
    let binding = format!("namespace=\"{namespace}\" service_account=\"{name}\"");
    let why = format!("why=\"{why}\"");
    let is_told = || {
        let log = writer.process().log();
        let lines = log
            .lines()
            .filter(|line| line.contains(&binding) && line.contains(&why));
        lines.count() >= times
    };
    let told = eventually(WITHIN, || async { is_told() }).await;
    assert!(told, "{namespace}/{name}, {why}: {}", writer.process().log());
    Ok(())
}

/// How many looks at bindings were blocked by an authority, or came to no plan.
async fn reported(writer: &Operator, metric: &str, label: (&str, &str)) -> Result<u64, Failure> {
    Ok(writer.metrics().await?.total(metric, &[label]))
}
