//! Two hundred healthy bindings, and every change of one place in each: what the audit says is what an oracle says that
//! knows nothing of the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod changes;
mod mutate;
mod oracle;
#[path = "../../../iam-policy/tests/checks/reference.rs"]
#[allow(dead_code, reason = "the property tests of the policy language use the rest")]
mod reference;
mod trust;
mod world;

use std::collections::BTreeSet;

use audit_core::audit::verdict_after_fixes;
use audit_core::finding::Severity;
use audit_core::fix::FixKind;
use audit_core::model::IssuerUrl;
use audit_core::report::Report;
use audit_core::{Finding, Verdict, audit};
use audit_offline::{Loaded, Options, Source, load};
use jiff::Timestamp;
use oracle::{Truth, truth};
use serde_json::{Value, json};
use world::{World, healthy};

const BINDINGS: usize = 200;

/// The audit of worlds that share a cluster, from files.
fn report(worlds: &[World], write: impl Fn(&Value) -> String) -> Report {
    let loaded = loaded(worlds, write);
    audit(&loaded.snapshot, &loaded.config, Timestamp::UNIX_EPOCH)
}

/// Worlds that share a cluster, from files.
fn loaded(worlds: &[World], write: impl Fn(&Value) -> String) -> Loaded {
    let cluster = &worlds[0].cluster;
    let namespaces: BTreeSet<&str> = worlds.iter().map(|world| world.namespace.as_str()).collect();
    let namespaces = namespaces
        .into_iter()
        .flat_map(|name| {
            // As every cluster has them: without any ServiceAccount or pod, the files would not count as a whole cluster.
            let pod = json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": name, "name": "other", "uid": format!("other-{name}")},
                "spec": {"serviceAccountName": "default", "containers": [{"name": "app"}]}, "status": {"phase": "Running"}});
            let default = json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"namespace": name, "name": "default", "uid": format!("default-{name}")}});
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": format!("ns-{name}")}});
            [namespace, default, pod]
        });
    let objects = worlds
        .iter()
        .flat_map(|world| world.account.iter().chain(&world.workloads))
        .cloned();
    let manifests: Vec<Source> = namespaces
        .chain(objects)
        .enumerate()
        .map(|(at, object)| Source::new(format!("k{at}"), write(&object)))
        .collect();
    let mut outputs: Vec<Value> = Vec::new();
    let accounts: BTreeSet<&String> = worlds.iter().flat_map(|world| world.aws.keys()).collect();
    for account in accounts {
        let owned = || worlds.iter().filter_map(|world| world.aws.get(account));
        let roles: Vec<&Value> = owned().flat_map(|owned| &owned.roles).collect();
        let mut providers: Vec<_> = owned().flat_map(|owned| &owned.providers).collect();
        providers.dedup_by(|a, b| a.url == b.url);
        let arn = |url: &str| format!("arn:{}:iam::{account}:oidc-provider/{url}", cluster.partition);
        // Two outputs that name their account hold every one that an account has.
        outputs.push(json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": [], "IsTruncated": false}));
        let listed: Vec<Value> = providers
            .iter()
            .map(|provider| json!({"Arn": arn(&provider.url)}))
            .collect();
        outputs.push(json!({"OpenIDConnectProviderList": listed}));
        for provider in providers {
            outputs.push(
                json!({"Url": provider.url, "ClientIDList": provider.client_ids, "ThumbprintList": []}),
            );
        }
    }
    let outputs: Vec<Source> = outputs
        .iter()
        .enumerate()
        .map(|(at, output)| Source::new(format!("a{at}"), output.to_string()))
        .collect();
    let options = Options {
        annotation_prefix: cluster.prefix.to_owned(),
        namespace: "default".to_owned(),
        namespace_is_assumed: false,
        webhook_namespace: "kube-system".to_owned(),
        partial: false,
        issuer: Some(IssuerUrl::parse(&cluster.issuer).unwrap()),
        snapshot: None,
        account: worlds[0].aws.keys().next().cloned(),
        now: Timestamp::UNIX_EPOCH,
    };
    let mut loaded = load(manifests, outputs, &options);
    // The default audience of a self-hosted webhook cannot be known from a cluster without its Deployment: the oracle's clusters
    // have this one.
    loaded.config.token_audience = Some("sts.amazonaws.com".to_owned());
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(!loaded.has_errors(), "{problems:?}");
    loaded
}

fn as_json(value: &Value) -> String {
    value.to_string()
}

/// The codes of each binding.
fn codes(report: &Report) -> Vec<(String, Verdict, Vec<&'static str>)> {
    let bindings = report.bindings.iter();
    bindings
        .map(|b| {
            (
                b.key.to_string(),
                b.verdict,
                b.findings.iter().map(|f| f.entry.code).collect(),
            )
        })
        .collect()
}

/// Why the audit of a mutant is wrong.
fn wrong(mutant: &mutate::Mutant, before: &Report) -> Option<String> {
    let truth = truth(&mutant.world);
    let loaded = loaded(std::slice::from_ref(&mutant.world), as_json);
    let report = audit(&loaded.snapshot, &loaded.config, Timestamp::UNIX_EPOCH);
    let findings: Vec<_> = report
        .bindings
        .iter()
        .flat_map(|binding| &binding.findings)
        .collect();
    let of = |severity| {
        findings
            .iter()
            .filter(move |finding| finding.severity == severity)
    };
    let broken: Vec<_> = of(Severity::Broken).collect();
    let verdicts: Vec<Verdict> = report.bindings.iter().map(|binding| binding.verdict).collect();
    let unknown = of(Severity::Unknown).next().is_some();
    let right = match truth {
        _ if mutant.is_neutral => truth == Truth::Works && codes(&report) == codes(before),
        Truth::Works => broken.is_empty() && !unknown,
        Truth::WorksForNow => broken.is_empty() && !unknown && verdicts == [Verdict::AtRisk],
        Truth::Fails(links) => {
            // An audience that neither the provider nor the trust policy wants takes two repairs.
            let both = ["IRSA303", "IRSA209"];
            let one = matches!(broken[..], [finding] if links.contains(&finding.link));
            let two = matches!(broken[..], [first, second] if [first.entry.code, second.entry.code] == both);
            (one || two) && !unknown && is_repaired(&loaded, &report)
        }
        Truth::Unknown => broken.is_empty() && verdicts == [Verdict::Unknown],
    };
    (!right).then(|| {
        format!(
            "{}/{} {}: {truth:?}, and the audit says {:?}",
            mutant.world.namespace,
            mutant.world.name,
            mutant.name,
            codes(&report)
        )
    })
}

/// Whether the fixes of a report, with those that follow them, leave nothing broken; as far as they are commands.
fn is_repaired(loaded: &Loaded, report: &Report) -> bool {
    report.bindings.iter().all(|binding| {
        let mut all = binding.findings.iter().chain(&binding.then);
        let broken = |finding: &&Finding| finding.severity == Severity::Broken;
        let is_command = |finding: &Finding| {
            finding
                .fix
                .as_ref()
                .is_some_and(|fix| fix.first.kind != FixKind::Manual)
        };
        let covered = all.by_ref().filter(broken).all(is_command);
        let after = || {
            verdict_after_fixes(
                &loaded.snapshot,
                &loaded.config,
                &binding.key,
                Timestamp::UNIX_EPOCH,
            )
        };
        !covered || after() != Verdict::Broken
    })
}

/// How many mutants of a world there are, and which of them are audited wrongly.
fn check(world: &World) -> (usize, Vec<String>) {
    let before = report(std::slice::from_ref(world), as_json);
    let mutants = mutate::mutants(world);
    (
        mutants.len(),
        mutants
            .iter()
            .filter_map(|mutant| wrong(mutant, &before))
            .collect(),
    )
}

#[test]
fn healthy_bindings_are_healthy() {
    for world in healthy(BINDINGS) {
        assert_eq!(truth(&world), Truth::Works, "{world:#?}");
        let report = report(std::slice::from_ref(&world), as_json);
        let [binding] = &report.bindings[..] else {
            panic!("{:?}", codes(&report))
        };
        assert!(
            matches!(binding.verdict, Verdict::Working | Verdict::AtRisk),
            "{:?} {world:#?}",
            binding.findings
        );
    }
}

/// All of a cluster together say what each says alone, but for the names of others that wildcards reach; as YAML as well.
#[test]
fn healthy_clusters_are_healthy() {
    let worlds = healthy(BINDINGS);
    for first in 0..8 {
        let cluster: Vec<World> = worlds.iter().skip(first).step_by(8).cloned().collect();
        let together = report(&cluster, |object| serde_saphyr::to_string(object).unwrap());
        let alone: Vec<_> = cluster
            .iter()
            .map(|world| report(std::slice::from_ref(world), as_json))
            .collect();
        let mut alone: Vec<_> = alone.iter().flat_map(codes).collect();
        alone.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(codes(&together), alone);
    }
}

#[test]
fn mutants_are_what_they_are() {
    let worlds = healthy(BINDINGS);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut count, mut wrongs) = (0, Vec::new());
    std::thread::scope(|scope| {
        let some = |first: usize| {
            worlds
                .iter()
                .skip(first)
                .step_by(threads)
                .map(check)
                .collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || some(first)))
            .collect();
        for (more, wrong) in running.into_iter().flat_map(|thread| thread.join().unwrap()) {
            count += more;
            wrongs.extend(wrong);
        }
    });
    assert!(
        wrongs.is_empty(),
        "{} of {count}:\n{}",
        wrongs.len(),
        wrongs.join("\n")
    );
    assert!(count > 40_000, "{count}");
}
