//! What the evaluation of RBAC costs. `cargo bench -p rbac` prints the figures; nothing is asserted about time.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to say"
)]

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rbac::takers::takers;
use rbac::{
    Extent, Identity, KubernetesExpectation, ObjectId, PermissionAnswer, PermissionDecision, PolicyRule,
    Rbac, RbacKind, RbacRole, RbacSight, RoleBinding, Subject, Text, answers, least,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many ServiceAccounts are audited, one in each namespace.
const NAMESPACES: usize = 1_000;

fn main() {
    // 2,500 of each are the 5,000 that the goal speaks of.
    for count in [2_500, 5_000, 10_000] {
        measure(count);
    }
}

/// Measures so many roles, and as many bindings.
fn measure(count: usize) {
    let region = Region::new(ALLOCATOR);
    let started = Instant::now();
    let rbac = cluster(count);
    let filled = started.elapsed();
    let change = region.change();
    println!(
        "{} roles, {} bindings: filed in {:.1} ms, {:.1} MiB",
        rbac.roles().count(),
        rbac.bindings().count(),
        milliseconds(filled),
        mebibytes(change.bytes_allocated.saturating_sub(change.bytes_deallocated)),
    );
    let accounts: Vec<(String, &str)> = (0..NAMESPACES).map(|n| (format!("ns-{n}"), "app")).collect();
    for (what, expected) in [
        ("met", vec![reads("pods")]),
        ("denied", vec![reads("secrets")]),
        ("mixed", mixed()),
    ] {
        let expecting: Vec<Expecting<'_>> = accounts
            .iter()
            .map(|(namespace, name)| (namespace.as_str(), *name, of_namespace(namespace, &expected)))
            .collect();
        let mut denied = 0;
        let evaluated = best_of(5, || denied = evaluate(&rbac, &expecting));
        let explained = best_of(5, || repair(&rbac, &expecting));
        println!(
            "  {} expectations of {} bindings, {what}: {:.2} ms, with the least grants {:.2} ms; {denied} denied",
            expected.len() * accounts.len(),
            accounts.len(),
            milliseconds(evaluated),
            milliseconds(explained),
        );
    }
    let mut found = 0;
    let elapsed = best_of(5, || {
        found = accounts
            .iter()
            .map(|(namespace, name)| takers(&rbac, &Identity::of(namespace, name), 3).0)
            .sum();
    });
    println!(
        "  who can take the identity, for {} bindings: {:.2} ms; {found} can",
        accounts.len(),
        milliseconds(elapsed)
    );
}

/// Namespace and name of a ServiceAccount, and what is expected of it.
type Expecting<'a> = (&'a str, &'a str, Vec<KubernetesExpectation>);

fn of_one<'a>(rbac: &'a Rbac, (namespace, name, expected): &'a Expecting<'_>) -> Vec<PermissionAnswer<'a>> {
    let sight = RbacSight {
        rbac,
        extent: Extent::Watched,
    };
    answers(sight, &Identity::of(namespace, name), expected, &[], &|_| true)
}

fn evaluate(rbac: &Rbac, all: &[Expecting<'_>]) -> usize {
    let of = |expecting| {
        let answers = of_one(rbac, expecting);
        answers
            .iter()
            .filter(|answer| answer.decision == PermissionDecision::Denied)
            .count()
    };
    all.iter().map(of).sum()
}

fn repair(rbac: &Rbac, all: &[Expecting<'_>]) {
    for expecting in all {
        let answers = of_one(rbac, expecting);
        let denied: Vec<_> = answers.into_iter().flat_map(|answer| answer.denied).collect();
        let identity = Identity::of(expecting.0, expecting.1);
        black_box(least::grants(rbac, &identity, &denied).expect("a grant"));
    }
}

/// Roles and bindings: a tenth of the whole cluster, the rest in namespaces; a hundredth for everybody.
fn cluster(count: usize) -> Rbac {
    let mut rbac = Rbac::default();
    for n in 0..count {
        let (namespace, place) = (format!("ns-{}", n % NAMESPACES), n / NAMESPACES);
        let rules = match place % 5 {
            0 => vec![rule(&["get", "list", "watch"], "", &["pods", "configmaps"])],
            1 => vec![
                rule(&["create"], "", &["events"]),
                rule(&["update"], "coordination.k8s.io", &["leases"]),
            ],
            2 => vec![
                rule(&["get"], "apps", &["deployments"]),
                rule(&["create"], "", &["pods"]),
            ],
            3 => vec![PolicyRule {
                resource_names: words(&[&format!("config-{n}")]),
                ..rule(&["get"], "", &["secrets"])
            }],
            _ => vec![rule(&["*"], &format!("group-{n}.example.com"), &["*"])],
        };
        let scope = if n % 10 == 7 { "" } else { &namespace };
        let id = ObjectId::new(scope, format!("role-{n}").as_str());
        rbac.put_role(RbacRole {
            id: id.clone(),
            rules: rules.into(),
            labels: [].into(),
            aggregates: Box::default(),
            has_more: false,
        });
        let everybody = (n % 100 == 3).then(|| Subject::Group("system:authenticated".into()));
        let subject = match place % 5 {
            0 => account(&namespace, "app"),
            1 => account(&namespace, "default"),
            2 => Subject::User(format!("deployer-{n}").as_str().into()),
            3 => account("other", "app"),
            _ => Subject::Group(format!("team-{}", n % 50).as_str().into()),
        };
        let subjects = std::iter::once(subject).chain(everybody).collect();
        rbac.put_binding(&RoleBinding {
            id: id.clone(),
            role: id,
            subjects,
            has_more: false,
        });
    }
    for kind in RbacKind::ALL {
        rbac.set_listed(kind);
    }
    rbac
}

fn mixed() -> Vec<KubernetesExpectation> {
    vec![
        reads("pods"),
        reads("secrets"),
        KubernetesExpectation {
            namespace: None,
            ..reads("pods")
        },
    ]
}

fn reads(resource: &str) -> KubernetesExpectation {
    KubernetesExpectation {
        verbs: vec!["get".to_owned(), "list".to_owned()],
        api_group: String::new(),
        resource: resource.to_owned(),
        subresource: None,
        resource_names: Vec::new(),
        namespace: Some(String::new()),
    }
}

fn of_namespace(namespace: &str, expected: &[KubernetesExpectation]) -> Vec<KubernetesExpectation> {
    let here = |expectation: &KubernetesExpectation| KubernetesExpectation {
        namespace: expectation.namespace.as_ref().map(|_| namespace.to_owned()),
        ..expectation.clone()
    };
    expected.iter().map(here).collect()
}

fn account(namespace: &str, name: &str) -> Subject {
    Subject::ServiceAccount(ObjectId::new(namespace, name))
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: words(verbs),
        api_groups: words(&[group]),
        resources: words(resources),
        resource_names: Box::default(),
    }
}

fn words(list: &[&str]) -> Box<[Text]> {
    list.iter().map(|word| Text::from(*word)).collect()
}

fn best_of(rounds: usize, mut work: impl FnMut()) -> Duration {
    let measure = |_| {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    (0..rounds).map(measure).min().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
