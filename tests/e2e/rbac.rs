//! What the evaluation of RBAC says is what the API server's own authorizer says.

use std::collections::BTreeMap;

use audit_core::model::BindingKey;
use audit_core::model::rbac::{ObjectId, RbacRole};
use audit_core::rbac::{AccessRequest, Identity, Rbac};
use audit_k8s::prune;
use e2e::cluster::Cluster;
use e2e::scenario::{self, APP, Fix, Scenario};
use e2e::tools::{self, Shell};
use e2e::world::eventually;
use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::{Value, json};
use test_kit::ControlPlane;

use super::{Failure, Outcome, WITHIN, WORKS, codes, fake_world, wait_for};

const GROUP: &str = "rbac.authorization.k8s.io";
const NAMESPACES: [&str; 3] = ["rbac-a", "rbac-b", "rbac-c"];
const ACCOUNTS: [&str; 3] = ["app", "default", "app2"];
const VERBS: [&str; 6] = ["get", "list", "create", "update", "deletecollection", "Get"];
const GROUPS: [&str; 3] = ["", "apps", "example.com"];
const RESOURCES: [&str; 4] = ["pods", "deployments", "nodes", "Pods"];
const SUBRESOURCES: [&str; 5] = ["", "", "", "log", "scale"];
const NAMES: [&str; 4] = ["", "", "a", "b"];

/// How many requests are compared.
const REQUESTS: usize = 6_000;

/// How many are under way at once.
const AT_ONCE: usize = 64;

/// Six thousand requests under two hundred generated roles and bindings, and those that the API server makes for itself.
#[tokio::test]
async fn the_api_servers_authorizer_agrees_with_every_decision() -> Outcome {
    let plane = ControlPlane::start().await?;
    let cluster = Cluster::new(plane.client().await?);
    let mut random = Rng::with_seed(602);
    for namespace in NAMESPACES {
        cluster.create_namespace(namespace).await?;
    }
    for object in objects(&mut random) {
        cluster.create(&object).await?;
    }
    let rbac = observed(&cluster).await?;
    wait_for_informers(&cluster).await?;

    let questions: Vec<Question> = (0..REQUESTS).map(|_| Question::random(&mut random)).collect();
    let answers: Vec<bool> = stream::iter(&questions)
        .map(|question| question.ask(&cluster))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut wrong = Vec::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let key = BindingKey::new(question.account.0, question.account.1);
        let grant = rbac.grant(&Identity::from(&key), &question.request());
        if grant.is_some() != *answer {
            wrong.push(format!(
                "{question:?}: the API server says {answer}, and we see {grant:?}"
            ));
        }
    }
    let allowed = answers.iter().filter(|answer| **answer).count();
    println!("{REQUESTS} requests, {allowed} of them allowed");
    assert!(
        wrong.is_empty(),
        "{} of {REQUESTS}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        (REQUESTS / 10..REQUESTS * 9 / 10).contains(&allowed),
        "{allowed} say little"
    );
    Ok(())
}

/// Each of the eight causes, broken, seen, and repaired by the printed command. `kubectl auth can-i` says the same.
#[tokio::test]
async fn each_cause_is_named_and_repaired_by_the_printed_fix() -> Outcome {
    let world = fake_world().await?;
    let scenarios: Vec<Scenario> = scenario::all()
        .into_iter()
        .filter(|scenario| scenario.code.is_some_and(|code| code.starts_with("IRSA60")))
        .collect();
    assert_eq!(scenarios.len(), 8);
    for scenario in &scenarios {
        world.play(scenario).await?;
    }
    let _operator = world.operator(&[]).await?;
    let kubectl = tools::kubectl().await?;
    let kubeconfig = world.plane().kubeconfig_path().display().to_string();
    let shell = Shell::new(&[("kubectl", &kubectl)], &[("KUBECONFIG", kubeconfig)])?;
    for scenario in &scenarios {
        let namespace = scenario.namespace;
        let audit = wait_for(&world, namespace, (scenario.verdict, scenario.reason)).await?;
        assert_eq!(codes(&audit), scenario.codes(), "{namespace}");
        let status = audit.status.unwrap_or_default();
        let fix = status.findings[0].fix.clone().expect("a fix");
        let fix = match scenario.fix {
            Fix::ByHand(agreed) => {
                assert!(fix.starts_with("# to do: "), "{namespace}: {fix}");
                agreed.to_owned()
            }
            _ => fix,
        };
        let can_i = can_i(scenario);
        let denied = shell.run(&can_i).await;
        assert!(denied.is_err(), "{namespace}: `{can_i}` was allowed before");
        shell.run(&fix).await?;
        wait_for(&world, namespace, WORKS).await?;
        let allowed = shell.run(&can_i).await?;
        assert!(allowed.contains("yes"), "{namespace}: `{can_i}` says {allowed}");
    }
    Ok(())
}

/// The question of `kubectl` for what a scenario expects.
fn can_i(scenario: &Scenario) -> String {
    let expected = scenario
        .objects
        .iter()
        .find_map(|object| object.pointer("/spec/expect/kubernetes/0"))
        .expect("an expectation");
    let text = |field: &str| expected[field].as_str().unwrap_or_default();
    let group = match text("apiGroup") {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let subresource = match text("subresource") {
        "" => String::new(),
        subresource => format!(" --subresource={subresource}"),
    };
    let scope = match text("namespace") {
        "" => "--all-namespaces".to_owned(),
        namespace => format!("--namespace={namespace}"),
    };
    // The last verb is denied in each of them.
    let verb = expected["verbs"]
        .as_array()
        .and_then(|verbs| verbs.last()?.as_str())
        .expect("a verb");
    format!(
        "kubectl auth can-i {verb} {}{group}{subresource} {scope} --as=system:serviceaccount:{}:{APP}",
        text("resource"),
        scenario.namespace
    )
}

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
struct Question {
    account: (&'static str, &'static str),
    namespace: Option<&'static str>,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    name: &'static str,
}

impl Question {
    fn random(random: &mut Rng) -> Self {
        let namespace = one_of(random, &NAMESPACES);
        Self {
            account: (one_of(random, &NAMESPACES), one_of(random, &ACCOUNTS)),
            namespace: (random.u8(..4) > 0).then_some(namespace),
            verb: one_of(random, &VERBS),
            group: one_of(random, &GROUPS),
            resource: one_of(random, &RESOURCES),
            subresource: one_of(random, &SUBRESOURCES),
            name: one_of(random, &NAMES),
        }
    }

    fn request(&self) -> AccessRequest<'static> {
        AccessRequest {
            namespace: self.namespace,
            api_group: self.group,
            resource: self.resource,
            subresource: self.subresource,
            name: self.name,
            verb: self.verb,
        }
    }

    async fn ask(&self, cluster: &Cluster) -> Result<bool, kube::Error> {
        let key = BindingKey::new(self.account.0, self.account.1);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(key.subject()),
                groups: Some(Identity::from(&key).groups().map(str::to_owned).collect()),
                resource_attributes: Some(ResourceAttributes {
                    namespace: self.namespace.map(str::to_owned),
                    verb: some(self.verb),
                    group: some(self.group),
                    resource: some(self.resource),
                    subresource: some(self.subresource),
                    name: some(self.name),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(cluster.client());
        let answer = api.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

fn one_of<T: Copy>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())]
}

/// Roles and bindings of all kinds: with wildcards, names, aggregation, dangling references, and subjects of all kinds.
fn objects(random: &mut Rng) -> Vec<Value> {
    let mut objects = Vec::new();
    for n in 0..24 {
        let labels = json!({"tier": one_of(random, &["a", "b", "c"])});
        let rules = rules(random);
        objects.push(object(
            "ClusterRole",
            "",
            &format!("role-{n}"),
            &json!({"rules": rules}),
            &labels,
        ));
    }
    objects.extend(aggregating(&objects));
    for namespace in NAMESPACES {
        for n in 0..12 {
            let rules = rules(random);
            objects.push(object(
                "Role",
                namespace,
                &format!("role-{n}"),
                &json!({"rules": rules}),
                &json!({}),
            ));
        }
        for n in 0..30 {
            objects.push(binding(random, namespace, n));
        }
    }
    for n in 0..8 {
        objects.push(binding(random, "", n));
    }
    // The last ones of their kinds, by which it shows that the authorizer has seen all others.
    for (namespace, role, binding) in [
        ("rbac-a", "Role", "RoleBinding"),
        ("", "ClusterRole", "ClusterRoleBinding"),
    ] {
        let rules = json!({"rules": [{"apiGroups": ["last.example.com"], "resources": [role.to_lowercase()], "verbs": ["get"]}]});
        objects.push(object(role, namespace, "last", &rules, &json!({})));
        let given = json!({
            "roleRef": {"apiGroup": GROUP, "kind": role, "name": "last"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "rbac-a", "name": "app"}],
        });
        objects.push(object(binding, namespace, "last", &given, &json!({})));
    }
    objects
}

fn object(kind: &str, namespace: &str, name: &str, rest: &Value, labels: &Value) -> Value {
    let mut object = rest.clone();
    object["apiVersion"] = format!("{GROUP}/v1").into();
    object["kind"] = kind.into();
    object["metadata"] = json!({"name": name, "labels": labels});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// ClusterRoles that collect others, with their rules filled in as the controller does, which does not run here: by the
/// selectors as they are evaluated for files.
fn aggregating(roles: &[Value]) -> Vec<Value> {
    let mut rbac = Rbac::default();
    for role in roles {
        rbac.put_role(prune::cluster_role(role.clone()).unwrap());
    }
    let selectors = [
        json!([{"matchLabels": {"tier": "a"}}]),
        json!([{"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a", "b"]}]}]),
        json!([{"matchLabels": {"tier": "none"}}]),
    ];
    let mut aggregating = Vec::new();
    for (n, selectors) in selectors.into_iter().enumerate() {
        let name = format!("role-{}", roles.len() + n);
        let aggregation = json!({"aggregationRule": {"clusterRoleSelectors": selectors}});
        let mut collecting = object("ClusterRole", "", &name, &aggregation, &json!({}));
        rbac.put_role(prune::cluster_role(collecting.clone()).unwrap());
        let collected = rbac
            .rules_of(&ObjectId::new("", name.as_str()))
            .into_iter()
            .map(|rule| {
                json!({"apiGroups": texts(&rule.api_groups), "resources": texts(&rule.resources),
                "resourceNames": texts(&rule.resource_names), "verbs": texts(&rule.verbs)})
            });
        collecting["rules"] = collected.collect();
        aggregating.push(collecting);
    }
    aggregating
}

fn texts(words: &[audit_core::model::rbac::Text]) -> Vec<&str> {
    words.iter().map(|word| &**word).collect()
}

fn rules(random: &mut Rng) -> Vec<Value> {
    let count = random.usize(1..3);
    let rule = |_| {
        let verbs = some_of(random, &VERBS, "*");
        let groups = some_of(random, &GROUPS, "*");
        let mut resources = some_of(random, &RESOURCES, "*");
        if random.bool() {
            resources.push(one_of(
                random,
                &["pods/log", "*/log", "deployments/scale", "*/scale", "pods/*"],
            ));
        }
        let mut rule = json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        if random.u8(..3) == 0 {
            rule["resourceNames"] = json!(some_of(random, &["a", "b", "", "*"], "c"));
        }
        rule
    };
    (0..count).map(rule).collect()
}

/// One or two words; seldom the other one.
fn some_of(random: &mut Rng, words: &[&'static str], seldom: &'static str) -> Vec<&'static str> {
    if random.u8(..8) == 0 {
        return vec![seldom];
    }
    (0..random.usize(1..3)).map(|_| one_of(random, words)).collect()
}

fn binding(random: &mut Rng, namespace: &str, n: usize) -> Value {
    let kind = if namespace.is_empty() || random.bool() {
        "ClusterRole"
    } else {
        "Role"
    };
    // Some refer to roles that do not exist.
    let role = format!("role-{}", random.usize(..if kind == "Role" { 14 } else { 29 }));
    let subjects: Vec<Value> = (0..random.usize(1..3))
        .map(|_| subject(random, namespace))
        .collect();
    let given = json!({"roleRef": {"apiGroup": GROUP, "kind": kind, "name": role}, "subjects": subjects});
    let own_kind = if namespace.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    object(own_kind, namespace, &format!("binding-{n}"), &given, &json!({}))
}

fn subject(random: &mut Rng, namespace: &str) -> Value {
    let (home, account) = (one_of(random, &NAMESPACES), one_of(random, &ACCOUNTS));
    let named = |kind: &str, name: String| json!({"apiGroup": GROUP, "kind": kind, "name": name});
    match random.u8(..10) {
        0 => named("User", format!("system:serviceaccount:{home}:{account}")),
        1 => named("User", account.to_owned()),
        2 => named("Group", format!("system:serviceaccounts:{home}")),
        3 => {
            let groups = [
                "system:serviceaccounts",
                "system:authenticated",
                "system:unauthenticated",
                "*",
            ];
            // Seldom those that mean all: else everything would be allowed.
            named(
                "Group",
                if random.u8(..4) == 0 {
                    one_of(random, &groups)
                } else {
                    "team"
                }
                .to_owned(),
            )
        }
        4 if !namespace.is_empty() => json!({"kind": "ServiceAccount", "name": account}),
        _ => json!({"kind": "ServiceAccount", "namespace": home, "name": account}),
    }
}

/// All roles and bindings, as a watch would keep them.
async fn observed(cluster: &Cluster) -> Result<Rbac, Failure> {
    let mut rbac = Rbac::default();
    for kind in ["Role", "ClusterRole"] {
        for object in listed(cluster, kind).await? {
            let role = if kind == "Role" {
                prune::role(object)?
            } else {
                prune::cluster_role(object)?
            };
            // In a cluster, only what a controller has filled in counts.
            rbac.put_role(RbacRole {
                aggregates: Box::default(),
                labels: BTreeMap::new(),
                ..role
            });
        }
    }
    for object in listed(cluster, "RoleBinding").await? {
        rbac.put_binding(&prune::role_binding(object)?);
    }
    for object in listed(cluster, "ClusterRoleBinding").await? {
        rbac.put_binding(&prune::cluster_role_binding(object)?);
    }
    assert!(
        rbac.bindings().count() > 100,
        "{} bindings",
        rbac.bindings().count()
    );
    Ok(rbac)
}

async fn listed(cluster: &Cluster, kind: &str) -> Result<Vec<Value>, Failure> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
    let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
    let list = api.list(&ListParams::default()).await?;
    Ok(list
        .items
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()?)
}

/// Awaits that the authorizer has seen the last roles and bindings, and with them all others.
async fn wait_for_informers(cluster: &Cluster) -> Outcome {
    for resource in ["role", "clusterrole"] {
        let last = Question {
            account: ("rbac-a", "app"),
            namespace: Some("rbac-a"),
            verb: "get",
            group: "last.example.com",
            resource,
            subresource: "",
            name: "",
        };
        let seen = || async { last.ask(cluster).await.unwrap_or(false) };
        assert!(
            eventually(WITHIN, seen).await,
            "the authorizer never saw the last {resource}"
        );
    }
    Ok(())
}
