//! Clusters in which some loop would run over everything for each thing, if nothing was indexed.

use std::sync::Arc;

use audit_core::model::rbac::{ObjectId, Subject};
use audit_core::model::{
    AuditRequest, AwsExpectation, BindingKey, Consumer, ConsumerObject, Pod, RequestedAudience, Use, Used,
    WorkloadRef,
};
use audit_k8s::{Observation, WatchChange, consumers};
use serde_json::json;

use super::iam::{HOME, IamRole, arn, document, trusting, trusting_by};
use super::world::{
    Change, World, account, audit, binding, expects, injected, pod, role, rule, seen, service_account, user,
};

/// A shape: its name, and its world with so many of what there are many of.
pub type Shape = (&'static str, fn(usize) -> World);

/// All shapes.
pub const ALL: &[Shape] = &[
    ("rbac", rbac),
    ("takers", takers),
    ("shared-role", shared_role),
    ("wild", |n| {
        wildcards(n, "StringLike", "system:serviceaccount:*:*", "app")
    }),
    ("nswild", |n| {
        wildcards(n, "StringLike", "system:serviceaccount:ns-*:*", "app")
    }),
    ("midwild", |n| {
        wildcards(n, "StringLike", "system:serviceaccount:*-prod:app", "app")
    }),
    ("literal", |n| {
        wildcards(n, "StringEquals", "system:serviceaccount:ns-*:*", "app")
    }),
    ("one", one),
    ("workloads", workloads),
    ("pods", pods),
    ("consumers", consumers_of_one),
    ("policies", policies),
    ("absent", absent),
    ("singly", singly),
    ("issuers", issuers),
    ("accounts", accounts),
    ("audiences", audiences),
];

fn change(observation: Observation) -> Change {
    Change::Seen(Box::new(observation))
}

/// A namespace for every so many ServiceAccounts.
const PER_NAMESPACE: usize = 10;

fn namespace(at: usize) -> String {
    format!("ns-{}", at / PER_NAMESPACE)
}

/// The trust policy for one ServiceAccount.
fn trusting_one(namespace: &str, name: &str) -> String {
    trusting(
        "StringEquals",
        &format!("system:serviceaccount:{namespace}:{name}"),
    )
}

/// A ServiceAccount with a role of its own, which trusts it, and a pod that carries it.
fn bound(world: &mut World, namespace: &str, name: &str) {
    world.account(namespace, name, Some(name));
    world.pod(namespace, &format!("{name}-1"), name, name, Some(name));
    let trusts = IamRole {
        trust: trusting_one(namespace, name),
        ..IamRole::default()
    };
    world.iam.roles.insert(name.to_owned(), trusts);
}

/// Every ServiceAccount expects a permission, which a Role of its own gives to every other one.
fn rbac(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        bound(&mut world, &space, &name);
        let role = ObjectId::new(space.as_str(), name.as_str());
        let resource = if at % 2 == 0 { "pods" } else { "secrets" };
        world.role(&space, &name, rule(&["get"], &[resource], &[]));
        world.binding(&space, &name, role, service_account(&space, &name));
        world.audit(&space, &name, expects("get", "pods", &space));
    }
    let changed = |resource| role("ns-0", "app-0", rule(&["get"], &[resource], &[]));
    world.changes = vec![
        ("Role", change(changed("configmaps"))),
        (
            "RoleBinding",
            change(binding(
                "ns-0",
                "other",
                ObjectId::new("ns-0", "app-1"),
                service_account("ns-0", "app-1"),
            )),
        ),
        (
            "IrsaAudit",
            change(audit("ns-0", "app-0", expects("get", "nodes", "ns-0"))),
        ),
    ];
    world
}

/// Many may take many identities, in one namespace and in the whole cluster; of these, some only one by its name.
fn takers(n: usize) -> World {
    let mut world = World::default();
    world.role("", "minter", rule(&["create"], &["serviceaccounts/token"], &[]));
    world.role(
        "shop",
        "minter",
        rule(&["create"], &["serviceaccounts/token"], &[]),
    );
    for at in 0..n {
        let name = format!("app-{at}");
        bound(&mut world, "shop", &name);
        let (scope, role) = match at % 4 {
            0 => ("", ObjectId::new("", "minter")),
            1 => ("shop", ObjectId::new("", "minter")),
            2 => ("shop", ObjectId::new("shop", "minter")),
            _ => {
                let only = rule(&["impersonate"], &["serviceaccounts"], &[&name]);
                world.role("shop", &name, only);
                ("shop", ObjectId::new("shop", name.as_str()))
            }
        };
        world.binding(scope, &name, role, user(format!("user-{}", at / 2)));
    }
    let spare = |subject| binding("shop", "spare", ObjectId::new("shop", "minter"), subject);
    world.changes = vec![
        ("taker", change(spare(user("new".to_owned())))),
        (
            "ServiceAccount",
            change(account("shop", "app-0", Some(&arn("app-0")), "other")),
        ),
    ];
    world
}

/// One ClusterRole with a binding in each namespace, for each ServiceAccount and for a group in which all are.
fn shared_role(n: usize) -> World {
    let mut world = World::default();
    world.role("", "reader", rule(&["get"], &["pods"], &[]));
    let reader = || ObjectId::new("", "reader");
    for at in 0..n {
        let (space, name) = (format!("ns-{at}"), format!("app-{at}"));
        bound(&mut world, "shop", &name);
        world.binding(
            &space,
            "team",
            reader(),
            Subject::Group("system:serviceaccounts:shop".into()),
        );
        world.binding("shop", &name, reader(), service_account("shop", &name));
        world.audit("shop", &name, expects("get", "secrets", "shop"));
    }
    world.changes = vec![(
        "RoleBinding",
        change(binding(
            "shop",
            "app-0",
            reader(),
            service_account("shop", "app-1"),
        )),
    )];
    world
}

/// Many roles, each with a wildcard in its trust policy, and a binding for each.
fn wildcards(n: usize, operator: &str, subject: &str, name: &str) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, role) = (format!("ns-{at}-prod"), format!("role-{at}"));
        world.account(&space, name, Some(&role));
        world.pod(&space, "pod", name, "web", Some(&role));
        let trust = trusting(operator, subject);
        let trusts = IamRole {
            trust,
            ..IamRole::default()
        };
        world.iam.roles.insert(role, trusts);
    }
    world.changes = vec![
        (
            "ServiceAccount",
            change(account("ns-0-prod", name, Some(&arn("role-1")), "other")),
        ),
        ("new ServiceAccount", change(account("new", name, None, "s"))),
        (
            "pod",
            change(seen(pod("ns-0-prod", "other", name, "web", Some("role-0")))),
        ),
        ("role", Change::Read("role-0".to_owned())),
    ];
    world
}

/// One role that trusts a namespace, all of whose ServiceAccounts are bound to it.
fn one(n: usize) -> World {
    let mut world = World::default();
    let trusts = IamRole {
        trust: trusting("StringLike", "system:serviceaccount:shop:*"),
        attached: vec![format!("arn:aws:iam::{HOME}:policy/shared")],
        boundary: None,
    };
    world.iam.roles.insert("shared".to_owned(), trusts);
    world.iam.managed.insert(
        format!("arn:aws:iam::{HOME}:policy/shared"),
        document(&[json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})]),
    );
    for at in 0..n {
        let name = format!("app-{at}");
        world.account("shop", &name, Some("shared"));
        world.pod("shop", &format!("{name}-1"), &name, &name, Some("shared"));
        world.audit("shop", &name, expects_action("s3:PutObject"));
    }
    world.changes = vec![
        (
            "ServiceAccount",
            change(account("shop", "app-0", Some(&arn("other")), "other")),
        ),
        ("pod", change(seen(pod("shop", "other", "app-0", "app-0", None)))),
    ];
    world
}

fn expects_action(action: &str) -> AuditRequest {
    AuditRequest {
        aws: vec![AwsExpectation {
            actions: vec![action.to_owned()],
            resources: vec!["arn:aws:s3:::bucket/key".to_owned()],
            context: [].into(),
        }],
        ..AuditRequest::default()
    }
}

/// One namespace with everything: ServiceAccounts with pods and without, whose names fit the workloads of others or do not, workloads
/// that are expected and run as another ServiceAccount, and objects of other projects.
fn workloads(n: usize) -> World {
    let mut world = World::default();
    world.account("shop", "default", None);
    for at in 0..n {
        let name = format!("app-{at}");
        let workload = |name: &str| WorkloadRef {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        };
        if at % 4 == 0 {
            bound(&mut world, "shop", &name);
        } else {
            world.account("shop", &format!("{name}-sa"), Some(&name));
        }
        world.iam.roles.entry(name.clone()).or_insert_with(|| IamRole {
            trust: trusting_one("shop", &format!("{name}-sa")),
            ..IamRole::default()
        });
        for pod in 0..4 {
            world.pod("shop", &format!("{name}-default-{pod}"), "default", &name, None);
        }
        let request = AuditRequest {
            workloads: vec![workload(&name), workload(&format!("absent-{at}"))],
            ..AuditRequest::default()
        };
        if at % 4 == 1 {
            world.audit("shop", &format!("{name}-sa"), request);
        }
        world
            .observations
            .push(consumer(&name, "shop", &format!("{name}-sa")));
        let mut class = pod("shop", &format!("{name}-class"), &name, &name, None);
        class.secret_provider_classes = [name.clone()].into();
        world.observations.push(seen(class));
        world.observations.push(secret_provider_class(&name));
    }
    let deleted = WatchChange::Deleted {
        namespace: "shop".to_owned(),
        name: "app-8-1".to_owned(),
    };
    world.changes = vec![
        (
            "pod of a binding",
            change(seen(pod("shop", "other", "app-4", "app-4", Some("app-4")))),
        ),
        (
            "ServiceAccount",
            change(account("shop", "app-5-sa", Some(&arn("app-5")), "other")),
        ),
        ("consumer", change(consumer("app-5", "shop", "app-6-sa"))),
        ("class", change(secret_provider_class("other"))),
        ("consumer again", change(consumer("app-5", "shop", "app-7-sa"))),
        ("no pod", change(Observation::Pod(deleted))),
    ];
    world
}

/// An object that launches pods as a ServiceAccount.
fn consumer(name: &str, namespace: &str, service_account: &str) -> Observation {
    let kind = consumers::kind("argoproj.io", "Workflow").unwrap();
    let object = ConsumerObject {
        group: kind.group.to_owned(),
        kind: kind.kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let one = Consumer {
        object: Arc::new(object.clone()),
        used: Used::Named(BindingKey::new(namespace, service_account)),
        how: Use::Launches,
        is_certain: true,
    };
    Observation::Consumer(kind, WatchChange::Applied((object, vec![one].into())))
}

/// A class for which the pods that mount it need the role of their ServiceAccount.
fn secret_provider_class(name: &str) -> Observation {
    let kind = consumers::kind("secrets-store.csi.x-k8s.io", "SecretProviderClass").unwrap();
    let object = ConsumerObject {
        group: kind.group.to_owned(),
        kind: kind.kind.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    };
    let one = Consumer {
        object: Arc::new(object.clone()),
        used: Used::OfMountingPods,
        how: Use::Requests {
            audience: RequestedAudience::Annotated,
            role: None,
            then: Vec::new(),
        },
        is_certain: true,
    };
    Observation::Consumer(kind, WatchChange::Applied((object, vec![one].into())))
}

/// Many pods of one ServiceAccount.
fn pods(n: usize) -> World {
    let mut world = World::default();
    bound(&mut world, "shop", "app");
    for at in 0..8 * n {
        let role = (at % 2 == 0).then_some("app");
        world.pod(
            "shop",
            &format!("pod-{at}"),
            "app",
            &format!("web-{}", at / 8),
            role,
        );
    }
    world
}

/// Many objects of another project for one ServiceAccount, of which most go again.
fn consumers_of_one(n: usize) -> World {
    let mut world = World::default();
    bound(&mut world, "shop", "app");
    let name = |at: usize| format!("run-{at}");
    for at in 0..4 * n {
        world.observations.push(consumer(&name(at), "shop", "app"));
    }
    let kind = consumers::kind("argoproj.io", "Workflow").unwrap();
    for at in 0..3 * n {
        let (namespace, name) = ("shop".to_owned(), name(at));
        let deleted = WatchChange::Deleted { namespace, name };
        world.observations.push(Observation::Consumer(kind, deleted));
    }
    world
}

/// Every role has a policy of its own, and a boundary of its own in which the expected action is missing.
fn policies(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        bound(&mut world, &space, &name);
        let policy = |what: &str| format!("arn:aws:iam::{HOME}:policy/{what}-{at}");
        let allows =
            |action: &str| document(&[json!({"Effect": "Allow", "Action": action, "Resource": "*"})]);
        world.iam.managed.insert(policy("own"), allows("s3:*"));
        world
            .iam
            .managed
            .insert(policy("boundary"), allows("s3:GetObject"));
        if let Some(role) = world.iam.roles.get_mut(&name) {
            role.attached = vec![policy("own")];
            role.boundary = Some(policy("boundary"));
        }
        world.audit(&space, &name, expects_action("s3:PutObject"));
    }
    world.changes = vec![
        ("role", Change::Read("app-0".to_owned())),
        (
            "IrsaAudit",
            change(audit("ns-0", "app-0", expects_action("s3:GetObject"))),
        ),
    ];
    world
}

/// The roles do not exist; whoever expects it is to assume others that do not exist either.
fn absent(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        world.account(&space, &name, Some(&name));
        let mut request = expects_action("sts:AssumeRole");
        for expected in &mut request.aws {
            expected.resources = vec![arn(&format!("next-{at}"))];
        }
        world.audit(&space, &name, request);
    }
    world.changes = vec![("role", Change::Read("app-0".to_owned()))];
    world
}

/// The roles are read one by one, each with what its own policies say; each names a role that is gone, and is to assume the next one.
fn singly(n: usize) -> World {
    let mut world = policies(n);
    world.iam.refuses_listings = true;
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        let mut request = expects_action("sts:AssumeRole");
        for expected in &mut request.aws {
            expected.resources = vec![arn(&format!("app-{}", (at + 1) % n))];
        }
        if let Some(role) = world.iam.roles.get_mut(&name) {
            let gone = json!({"Effect": "Allow", "Principal": {"AWS": "AROAGONEGONEGONEGONE1"}, "Action": "sts:AssumeRole"});
            let own: serde_json::Value = serde_json::from_str(&role.trust).unwrap();
            let mut statements = own["Statement"].as_array().unwrap().clone();
            statements.push(gone);
            role.trust = document(&statements);
        }
        world.observations.push(audit(&space, &name, request));
    }
    world
}

/// Every role trusts another cluster, of which nothing is left.
fn issuers(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let host = |at: usize| format!("oidc.eks.eu-west-1.amazonaws.com/id/{at:032X}");
        let trusts = IamRole {
            trust: trusting_by(&host(at + 1), "StringEquals", "system:serviceaccount:a:b"),
            ..IamRole::default()
        };
        world.iam.roles.insert(format!("app-{at}"), trusts);
        world.iam.provider_urls.push(host(1_000_000 + at));
    }
    bound(&mut world, "shop", "cart");
    world
}

/// Every ServiceAccount names an account of its own, to which no way leads.
fn accounts(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        let role = format!("arn:aws:iam::{:012}:role/app", 200_000_000_000 + at);
        world.account_of(&space, &name, Some(&role), "s");
        world.pod(&space, &format!("{name}-1"), &name, &name, None);
    }
    world.changes = vec![("pod", change(seen(pod("ns-0", "other", "app-0", "app-0", None))))];
    world
}

/// Every pod has a token of the webhook's for another audience.
fn audiences(n: usize) -> World {
    let mut world = World::default();
    for at in 0..n {
        let (space, name) = (namespace(at), format!("app-{at}"));
        bound(&mut world, &space, &name);
        world
            .observations
            .push(seen(with_audience(&space, &name, &format!("audience-{at}"))));
    }
    world.changes = vec![("pod", change(seen(with_audience("ns-0", "app-0", "other"))))];
    world
}

fn with_audience(namespace: &str, name: &str, audience: &str) -> Pod {
    let mut pod = pod(namespace, &format!("{name}-2"), name, name, None);
    pod.containers = vec![injected(&arn(name), audience)].into();
    pod
}
