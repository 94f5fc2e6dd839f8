//! # IRSA403 `PodUsesOtherServiceAccount`
//!
//! ## What it means
//! A workload that the `IrsaAudit` expects to run as this ServiceAccount (`expect.workloads`) runs as `default` or as
//! a different one. During a rollout, pods of both may run; this is not reported.
//!
//! If the expected workload has no pods, its template counts: in files, the template that was given; in a cluster, the template that the
//! operator reads from the API server for this workload, by name. If the workload does not exist, or its template could not be read, the
//! finding is *unknown*.
//!
//! Without an expectation the finding is a *notice* without a command, if names suggest a mistake. All of these conditions must be met:
//! - the ServiceAccount has a role annotation, nothing runs as it, not even a finished pod, no object of another project uses
//!   it, and no `IrsaAudit` says which workloads should;
//! - in the same namespace a workload runs as a different ServiceAccount. Its name is exactly this ServiceAccount's name, or this name
//!   without an affix such as `-sa`; or one of its usual labels (`app.kubernetes.io/name`, `app.kubernetes.io/instance`,
//!   `app`, `k8s-app`, `name`) has exactly this name. A common prefix is not enough;
//! - that workload has no AWS credentials of its own, and its ServiceAccount has no role that it could assume.
//!
//! A workload with the same name is preferred to those with the same label. If several match equally, the message names all.
//!
//! ## Why it breaks
//! The webhook and the token use the pod's ServiceAccount. The annotation on this ServiceAccount does not apply to a pod that runs
//! as a different one: `serviceAccountName` is missing from the pod template, or is at the wrong level of it.
//!
//! ## In logs
//! `Unable to locate credentials`, errors that name the node's role, or
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```yaml
//! kind: Deployment
//! spec:
//!   serviceAccountName: cart   # at the wrong level: ignored
//!   template:
//!     spec:
//!       containers: []
//! ```
//!
//! ## Fix
//! Set `spec.template.spec.serviceAccountName`, also where the workload is managed.
//!
//! ## Verify
//! `kubectl get pods -o custom-columns=NAME:.metadata.name,SA:.spec.serviceAccountName` shows the ServiceAccount.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [Configure service accounts for pods](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::rollout;
use crate::chain::{Chain, NamedRole, RoleChain, RoleOutcome, asked_role};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{AuditRequest, Likeness, LookedUp, Pod, Workload, WorkloadRef, likeness};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA403",
    reason: "PodUsesOtherServiceAccount",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "a workload runs as a different ServiceAccount from the one that is expected",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    expected(chain).or_else(|| suggested(chain))
}

fn expected(chain: &Chain<'_>) -> Option<Finding> {
    let request = chain.request.filter(|_| chain.service_account.is_some())?;
    let Some((workload, other)) = request
        .workloads
        .iter()
        .find_map(|workload| elsewhere(chain, workload))
    else {
        return unseen(chain, request);
    };
    let message = format!(
        "{}/{} runs as ServiceAccount `{}`, but IrsaAudit `{}` expects ServiceAccount `{}`",
        quote(&workload.kind),
        quote(&workload.name),
        quote(other),
        quote(&request.name),
        quote(&chain.key.service_account)
    );
    Some(Finding::new(&ENTRY, message).fix(move_to_account(chain, workload)))
}

/// Makes a workload run as the binding's ServiceAccount.
fn move_to_account(chain: &Chain<'_>, workload: &WorkloadRef) -> Fix {
    let cluster = &chain.snapshot.cluster;
    let pods: Vec<&Pod> = cluster.active_pods_of(&chain.key.namespace, workload).collect();
    let workload = Workload {
        kind: workload.kind.as_str().into(),
        name: workload.name.as_str().into(),
    };
    let run_as = || fix::run_as(chain.key, &workload);
    let edited = rollout::edited(
        chain,
        &pods,
        |_, template| template.service_account != chain.key.service_account,
        |_| Some(run_as()),
        |_| {
            format!(
                "set `serviceAccountName: {}` in the pod template of {}",
                quote(&chain.key.service_account),
                quote(&workload.to_string())
            )
        },
    );
    // Without pods there are none to recreate.
    edited.unwrap_or_else(run_as)
}

/// Whether a pod is one of a workload.
fn belongs(pod: &Pod, workload: &WorkloadRef) -> bool {
    pod.is_active() && pod.workload.kind == workload.kind && pod.workload.name == workload.name
}

/// The workload, with the ServiceAccount as which it runs, if all its pods run as another than the binding's; or if it has none,
/// and its template names another.
fn elsewhere<'a>(chain: &Chain<'a>, workload: &'a WorkloadRef) -> Option<(&'a WorkloadRef, &'a str)> {
    let cluster = &chain.snapshot.cluster;
    if chain
        .pods
        .iter()
        .chain(&chain.templates)
        .any(|pod| belongs(pod, workload))
    {
        return None;
    }
    let runs_as = match cluster.active_pods_of(&chain.key.namespace, workload).next() {
        Some(pod) => pod.service_account.as_str(),
        None => match looked_up(chain, workload)? {
            LookedUp::RunsAs(other) => other,
            LookedUp::Absent | LookedUp::Unreadable => return None,
        },
    };
    (runs_as != chain.key.service_account).then_some((workload, runs_as))
}

/// What the API server said of a workload of which there are no pods.
fn looked_up<'a>(chain: &Chain<'a>, workload: &WorkloadRef) -> Option<&'a LookedUp> {
    let cluster = &chain.snapshot.cluster;
    let found = cluster.looked_up(chain.key, workload)?;
    (!cluster.has_pods_of(&chain.key.namespace, workload)).then_some(found)
}

/// An expected workload without pods that does not exist, or of which the template was not seen either. Pods that have ended show as
/// which ServiceAccount it runs.
fn unseen(chain: &Chain<'_>, request: &AuditRequest) -> Option<Finding> {
    let cluster = &chain.snapshot.cluster;
    let is_unseen = |workload: &&WorkloadRef| {
        !cluster.has_pods_of(&chain.key.namespace, workload)
            && !matches!(looked_up(chain, workload), Some(LookedUp::RunsAs(_)))
    };
    let unseen = request.workloads.iter().find(is_unseen)?;
    let (why, fix) = match looked_up(chain, unseen) {
        Some(LookedUp::Absent) => (
            "the namespace has no such workload",
            "create the workload, or remove it from `spec.expect.workloads`",
        ),
        _ => (
            "the workload has no pods, so its ServiceAccount cannot be determined",
            "scale the workload up, or remove it from `spec.expect.workloads`",
        ),
    };
    let message = format!(
        "IrsaAudit `{}` expects {}/{} to run as ServiceAccount `{}`, but {why}",
        quote(&request.name),
        quote(&unseen.kind),
        quote(&unseen.name),
        quote(&chain.key.service_account)
    );
    Some(
        Finding::new(&ENTRY, message)
            .severity(Severity::Unknown)
            .fix(Fix::manual(fix)),
    )
}

/// What names alone say.
fn suggested(chain: &Chain<'_>) -> Option<Finding> {
    let cluster = &chain.snapshot.cluster;
    // Any kind that was not seen may be what uses it.
    let may_have_consumer =
        cluster.consumers(chain.key).next().is_some() || cluster.consumers_unseen(chain.key);
    let is_used = may_have_consumer
        || cluster
            .binding(chain.key)
            .is_none_or(|binding| !binding.pods().is_empty());
    let is_told = chain.request.is_some_and(|request| !request.workloads.is_empty());
    if is_used
        || is_told
        || chain.service_account.is_none()
        || !matches!(chain.named_role, NamedRole::Role(_))
    {
        return None;
    }
    let mut works = BTreeMap::new();
    let mut fits: BTreeSet<(Reverse<Likeness>, &Workload, &str)> = BTreeSet::new();
    for pod in cluster.active_pods_like(chain.key) {
        let Some(likeness) = likeness(&chain.key.service_account, pod) else {
            continue;
        };
        let other = pod.service_account.as_str();
        let has_credentials = pod.carries_role()
            || pod.uses_pod_identity()
            || *works.entry(other).or_insert_with(|| has_working_role(chain, pod));
        if !has_credentials {
            fits.insert((Reverse(likeness), &*pod.workload, other));
        }
    }
    let (best, _, other) = *fits.first()?;
    let same: Vec<String> = fits
        .iter()
        .filter(|fit| fit.0 == best)
        .map(|fit| fit.1.to_string())
        .collect();
    let shown = quote_list(&same, 3);
    let message = format!(
        "ServiceAccount `{}` has a role annotation, but nothing runs as it; by its {}, {shown} may be intended to, but it runs as `{}`",
        quote(&chain.key.service_account),
        if best.0 == Likeness::SameName {
            "name"
        } else {
            "name or labels"
        },
        quote(other)
    );
    Some(Finding::new(&ENTRY, message).severity(Severity::Notice))
}

/// Whether a pod's ServiceAccount has a role that is not proven to be refused to it.
fn has_working_role(chain: &Chain<'_>, pod: &Pod) -> bool {
    let key = pod.binding_key();
    let Some(role) = asked_role(chain.snapshot, chain.config, &key) else {
        return false;
    };
    let asked = chain
        .snapshot
        .cluster
        .asked(&key, &chain.config.annotation_prefix);
    let audience = asked.audience.or(chain.default_audience).unwrap_or_default();
    let aws = RoleChain::derive(
        chain.snapshot,
        chain.config,
        chain.now,
        role,
        &key.subject(),
        audience,
    );
    aws.outcome() != RoleOutcome::Fails
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKey, Held, PodPhase};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA403", Severity::Broken, Link::Pods, Verdict::Broken);

    fn expecting(name: &str) -> World {
        let workload = WorkloadRef {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        };
        World::healthy().request(|request| request.workloads.push(workload))
    }

    fn running_as(mut world: World, namespace: &str, service_account: &str) -> World {
        world.snapshot.cluster.put_pod(pod(
            &BindingKey::new(namespace, service_account),
            "web",
            bare("app"),
        ));
        world
    }

    #[test]
    fn an_expected_workload_that_runs_as_another_is_broken() {
        let report = running_as(expecting("web"), "shop", "default").audit();
        let finding = the_one(&report, BROKEN);
        assert!(finding.message.contains("`default`"), "{}", finding.message);
        assert_eq!(
            finding.fix.as_ref().unwrap().first.text,
            "kubectl set serviceaccount --namespace shop deployment/web cart"
        );
    }

    #[test]
    fn a_paused_workload_is_resumed_after_the_change() {
        let mut world = running_as(expecting("web"), "shop", "default");
        let web = Workload {
            kind: "Deployment".into(),
            name: "web".into(),
        };
        world.snapshot.cluster.put_held("shop", web, Held::Paused);
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        assert_eq!(
            fix.then[0].text,
            "kubectl rollout resume --namespace shop deployment/web"
        );
    }

    #[test]
    fn a_workload_that_nobody_expects_may_run_as_it_likes() {
        assert_healthy(&running_as(expecting("cart"), "shop", "default").audit());
        assert_healthy(&running_as(World::healthy(), "shop", "default").audit());
    }

    #[test]
    fn a_workload_without_pods_is_unknown_and_no_failure() {
        let unseen = ("IRSA403", Severity::Unknown, Link::Pods, Verdict::Unknown);
        the_one(&expecting("web").audit(), unseen);
        the_one(
            &running_as(expecting("web"), "staging", "default").audit(),
            unseen,
        );
        let mut ended = expecting("web");
        let pod = pod(&ended.key, "web", bare("app"));
        ended.snapshot.cluster.put_pod(Pod {
            phase: PodPhase::Succeeded,
            ..pod
        });
        assert_healthy(&ended.audit());
    }

    #[test]
    fn a_template_counts_as_a_workload() {
        let template = |world: World| world.pod(|pod| pod.phase = PodPhase::Template);
        assert_healthy(&template(expecting("cart")).audit());
        let mut world = expecting("web");
        let elsewhere = pod(&BindingKey::new("shop", "default"), "web", bare("app"));
        world.snapshot.cluster.put_pod(Pod {
            phase: PodPhase::Template,
            ..elsewhere
        });
        the_one(&world.audit(), BROKEN);
    }

    #[test]
    fn during_a_rollout_nothing_is_said() {
        let world = running_as(expecting("web"), "shop", "default").another_pod("web", injected("app", ROLE));
        assert_eq!(world.snapshot.cluster.pods_in("shop").count(), 2);
        assert_healthy(&world.audit());
    }

    #[test]
    fn a_pod_elsewhere_concerns_who_expects_it() {
        let mut world = expecting("web");
        let other = pod(&BindingKey::new("shop", "default"), "web", bare("app"));
        let changed = world.snapshot.cluster.put_pod(other);
        assert!(changed.contains(&world.key), "{changed:?}");
    }

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA403", Severity::Notice, Link::Pods, Verdict::Working);

    /// Nothing runs as `cart`, and these workloads run as another ServiceAccount.
    fn unused(other: &str, workloads: &[&str]) -> World {
        let mut world = World::healthy().without_pods().service_account("shop", other);
        for name in workloads {
            world
                .snapshot
                .cluster
                .put_pod(pod(&BindingKey::new("shop", other), name, bare("app")));
        }
        world
    }

    /// Changes the first pod of `shop`.
    fn with_pod(mut world: World, change: impl FnOnce(&mut Pod)) -> World {
        let mut pod = world.snapshot.cluster.pods_in("shop").next().unwrap().clone();
        world.snapshot.cluster.remove_pod("shop", &pod.name);
        change(&mut pod);
        world.snapshot.cluster.put_pod(pod);
        world
    }

    #[test]
    fn of_an_expected_workload_without_pods_the_template_counts() {
        let workload = WorkloadRef {
            kind: "Deployment".to_owned(),
            name: "cart".to_owned(),
        };
        let expecting = || {
            let world = World::healthy().without_pods();
            world.request(|request| request.workloads = vec![workload.clone()])
        };
        let audited = |found: LookedUp| {
            let mut world = expecting();
            let key = world.key.clone();
            world.snapshot.cluster.put_looked_up(&key, &workload, found);
            world.audit()
        };
        assert!(expecting().audit().pending, "it is about to be looked up");
        assert_healthy(&audited(LookedUp::RunsAs("cart".to_owned())));
        let elsewhere = audited(LookedUp::RunsAs("default".to_owned()));
        assert_eq!(
            (elsewhere.verdict, elsewhere.reason),
            (Verdict::Broken, "PodUsesOtherServiceAccount")
        );
        let fix = &elsewhere.findings[0].fix.as_ref().unwrap().first.text;
        assert_eq!(
            fix,
            "kubectl set serviceaccount --namespace shop deployment/cart cart"
        );
        for (found, says) in [
            (LookedUp::Absent, "has no such workload"),
            (LookedUp::Unreadable, "cannot be determined"),
        ] {
            let report = audited(found);
            assert_eq!(report.verdict, Verdict::Unknown);
            assert!(
                !report.pending && report.message.contains(says),
                "{}",
                report.message
            );
        }
        // Pods that are there say it themselves.
        let mut world = World::healthy().request(|request| request.workloads = vec![workload.clone()]);
        let key = world.key.clone();
        let found = LookedUp::RunsAs("default".to_owned());
        world.snapshot.cluster.put_looked_up(&key, &workload, found);
        assert_healthy(&world.audit());
    }

    #[test]
    fn a_workload_of_the_same_name_should_run_as_it() {
        let report = unused("default", &["cart", "orders"]).audit();
        assert_eq!(
            the_one(&report, NOTICE).fix,
            None,
            "names prove nothing: no command"
        );
        the_one(&unused("web", &["cart"]).audit(), NOTICE);
        let labelled = with_pod(unused("default", &["release-7"]), |pod| {
            pod.also_named = ["cart".to_owned()].into();
        });
        the_one(&labelled.audit(), NOTICE);
    }

    #[test]
    fn of_several_that_fit_as_well_none_is_chosen() {
        let mut world = unused("default", &["a"]);
        world = with_pod(world, |pod| pod.also_named = ["cart".to_owned()].into());
        let mut other = pod(&BindingKey::new("shop", "default"), "b", bare("x"));
        other.also_named = ["cart".to_owned()].into();
        world.snapshot.cluster.put_pod(other);
        let report = world.audit();
        assert!(
            the_one(&report, NOTICE)
                .message
                .contains("`Deployment/a`, `Deployment/b`"),
            "{}",
            report.findings[0].message
        );
        world
            .snapshot
            .cluster
            .put_pod(pod(&BindingKey::new("shop", "default"), "cart", bare("x")));
        assert!(
            the_one(&world.audit(), NOTICE)
                .message
                .contains("`Deployment/cart`")
        );
    }

    #[test]
    fn below_the_bar_nothing_is_said() {
        let healthy = |world: World| assert_healthy(&world.audit());
        healthy(unused("default", &["cart-worker", "car", "orders"]));
        healthy(with_pod(unused("default", &["cart"]), |pod| {
            pod.namespace = "other".into();
        }));
        healthy(with_pod(unused("default", &["cart"]), |pod| {
            pod.terminating = true;
        }));
        healthy(with_pod(unused("default", &["cart"]), |pod| {
            pod.containers = vec![injected("app", OLD_ROLE)].into();
        }));
        healthy(with_pod(unused("default", &["cart"]), |pod| {
            pod.containers = vec![with_pod_identity("app")].into();
        }));
        let mut used = unused("default", &["cart"]);
        let done = Pod {
            phase: PodPhase::Succeeded,
            ..pod(&used.key, "run", bare("app"))
        };
        used.snapshot.cluster.put_pod(done);
        healthy(used);
        let told = WorkloadRef {
            kind: "Deployment".to_owned(),
            name: "orders".to_owned(),
        };
        let told = unused("default", &["cart", "orders"]).request(|request| request.workloads.push(told));
        assert!(
            told.audit().findings[0].fix.is_some(),
            "what is expected is told in place of likeness"
        );
        healthy(unused("default", &["cart"]).requested_by("SecretStore"));
        let unannotated = unused("default", &["cart"]).without_annotation().audit();
        assert_eq!(codes(&unannotated), Vec::<&str>::new());
    }

    #[test]
    fn an_account_with_a_role_of_its_own_is_left_alone_unless_that_fails() {
        let with_role = |arn: &str| {
            let mut world = unused("web", &["cart"]);
            let key = BindingKey::new("shop", "web");
            let account = world
                .snapshot
                .cluster
                .binding(&key)
                .unwrap()
                .service_account()
                .unwrap()
                .clone();
            let annotations = [(format!("{PREFIX}/role-arn"), arn.to_owned())]
                .into_iter()
                .collect();
            world
                .snapshot
                .cluster
                .put_service_account(crate::model::ServiceAccount {
                    annotations,
                    ..account
                });
            world
        };
        assert_healthy(&with_role(OLD_ROLE).audit());
        the_one(&with_role(ROLE).audit(), NOTICE);
    }

    #[test]
    fn a_pod_that_comes_or_goes_concerns_whom_its_name_fits() {
        let mut world = unused("default", &[]);
        let stray = pod(&BindingKey::new("shop", "default"), "cart", bare("app"));
        assert!(world.snapshot.cluster.put_pod(stray.clone()).contains(&world.key));
        assert!(
            world
                .snapshot
                .cluster
                .remove_pod("shop", &stray.name)
                .contains(&world.key)
        );
        let other = pod(&BindingKey::new("shop", "default"), "orders", bare("app"));
        assert!(!world.snapshot.cluster.put_pod(other).contains(&world.key));
    }
}
