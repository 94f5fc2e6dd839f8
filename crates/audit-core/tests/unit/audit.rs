use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::model::{AuditRequest, FailureKind, PodPhase, RoleLookup, WorkloadRef};
use crate::testing::*;
use crate::verdict::Verdict;

/// A way to break the healthy binding: what it changes (faults that change the same thing exclude each other), the link
/// and the code that it gives.
type Fault = (&'static str, Link, &'static str, fn(World) -> World);

/// In chain order.
const FAULTS: [Fault; 11] = [
    ("annotation", Link::ServiceAccount, "IRSA102", |w| {
        w.annotation("arn:x")
    }),
    ("expectation", Link::ServiceAccount, "IRSA107", |w| {
        w.expect_role(OLD_ROLE)
    }),
    ("role", Link::Role, "IRSA201", |w| w.role(RoleLookup::Absent)),
    ("role", Link::Role, "IRSA220", |w| {
        w.role(role(
            "arn:aws:iam::111122223333:role/teams/cart",
            &trust(&condition(SUBJECT)).to_string(),
        ))
    }),
    ("provider", Link::Provider, "IRSA301", World::without_provider),
    ("provider", Link::Provider, "IRSA303", |w| {
        w.client_ids(&["vault"])
    }),
    ("role", Link::Trust, "IRSA204", |w| {
        w.condition(&condition("system:serviceaccount:staging:cart"))
    }),
    ("role", Link::Trust, "IRSA205", |w| {
        w.condition(&condition("system:serviceaccount:shop:orders"))
    }),
    ("pods", Link::Pods, "IRSA401", |w| w.container(bare("app"))),
    ("pods", Link::Pods, "IRSA402", |w| {
        w.container(injected("app", OLD_ROLE))
            .any_role("old-cart", RoleLookup::Absent)
    }),
    ("policies", Link::Permissions, "IRSA501", |w| {
        w.policies(0).expect_aws()
    }),
];

#[test]
fn a_healthy_binding_works_and_every_link_passes() {
    let report = World::healthy().audit();
    assert_healthy(&report);
    for link in Link::ALL {
        let expected = if link == Link::Rbac {
            LinkState::NotApplicable
        } else {
            LinkState::Passes
        };
        assert_eq!(state(&report, link), expected, "{link:?}");
    }
    assert!(!report.pending);
    assert_eq!(report.facts.role_arn.as_deref(), Some(ROLE));
    assert_eq!(report.facts.provider_arn, Some(provider_arn(HOST_PATH)));
    assert_eq!(
        (report.facts.subject.as_str(), report.facts.audience.as_deref()),
        (SUBJECT, Some(AUDIENCE))
    );
    assert_eq!(
        (
            report.pods.total,
            report.pods.ready,
            report.pods.stale,
            report.pods.missing
        ),
        (1, 1, 0, 0)
    );
}

#[test]
fn each_fault_alone_is_one_broken_finding_at_its_link() {
    for (_, link, code, fault) in FAULTS {
        let report = fault(World::healthy()).audit();
        the_one(&report, (code, Severity::Broken, link, Verdict::Broken));
        assert_eq!(state(&report, link), LinkState::Broken(report.reason), "{code}");
        for earlier in Link::ALL.into_iter().filter(|l| *l < link) {
            assert_eq!(state(&report, earlier), LinkState::Passes, "{code}: {earlier:?}");
        }
    }
}

#[test]
fn of_two_faults_the_first_in_the_chain_is_the_reason() {
    for (i, (what, _, first, fault)) in FAULTS.into_iter().enumerate() {
        for (other, _, second, further) in FAULTS
            .into_iter()
            .skip(i + 1)
            .filter(|(other, ..)| *other != what)
        {
            let report = further(fault(World::healthy())).audit();
            assert_eq!(report.verdict, Verdict::Broken);
            let reason = rules::entry(first).unwrap().reason;
            assert_eq!(
                report.reason,
                reason,
                "{first} ({what}) and {second} ({other}): {}",
                shown(&report)
            );
        }
    }
}

#[test]
fn a_fault_hides_only_what_cannot_be_seen_behind_it() {
    let shown_codes = |faults: &[&str]| {
        let apply = |world, code: &&str| FAULTS.iter().find(|(_, _, c, _)| c == code).unwrap().3(world);
        codes(&faults.iter().fold(World::healthy(), apply).audit())
    };
    // Behind a role that is not there nothing of AWS is looked at; the cluster's side is.
    assert_eq!(shown_codes(&["IRSA201", "IRSA301"]), ["IRSA201"]);
    assert_eq!(shown_codes(&["IRSA201", "IRSA501"]), ["IRSA201"]);
    assert_eq!(shown_codes(&["IRSA201", "IRSA401"]), ["IRSA201", "IRSA401"]);
    // Provider and trust policy do not depend on each other.
    assert_eq!(shown_codes(&["IRSA301", "IRSA204"]), ["IRSA301", "IRSA204"]);
    assert_eq!(shown_codes(&["IRSA303", "IRSA205"]), ["IRSA303", "IRSA205"]);
    // Permissions are looked at only where the trust policy admits the request.
    assert_eq!(shown_codes(&["IRSA204", "IRSA501"]), ["IRSA204"]);
    assert_eq!(shown_codes(&["IRSA301", "IRSA501"]), ["IRSA301", "IRSA501"]);
    assert_eq!(shown_codes(&["IRSA102", "IRSA301"]), ["IRSA102"]);
}

#[test]
fn what_is_broken_outweighs_what_was_not_seen() {
    for (what, _, code, fault) in FAULTS {
        if what != "provider" {
            let report = fault(World::healthy().provider_unseen(Some(FailureKind::Throttled))).audit();
            assert_eq!(report.verdict, Verdict::Broken, "{code}: {}", shown(&report));
            assert_ne!(report.reason, "AwsUnavailable", "{code}");
        }
    }
}

#[test]
fn a_waived_fault_stays_visible_and_lets_the_next_one_decide() {
    for (_, link, code, fault) in FAULTS {
        let report = fault(World::healthy()).waive(code, Some(60)).audit();
        let finding = the_one(&report, (code, Severity::Broken, link, Verdict::Working));
        assert!(finding.waived.is_some());
        assert_eq!(state(&report, link), LinkState::NotApplicable, "{code}");
        let passes = ["IRSA107", "IRSA401", "IRSA402", "IRSA501"].contains(&code);
        assert_eq!(
            report.message.contains("can assume"),
            passes,
            "{code}: {}",
            report.message
        );
    }
    let two = World::healthy()
        .without_provider()
        .condition(&condition("system:serviceaccount:staging:cart"));
    let report = two.waive("IRSA301", None).audit();
    assert_eq!(
        (report.reason, codes(&report)),
        ("SubjectNamespaceMismatch", vec!["IRSA301", "IRSA204"])
    );
}

#[test]
fn a_waiver_counts_until_its_end_and_the_longest_counts() {
    let broken = World::healthy().without_provider();
    let now = broken.now;
    let end = |seconds| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
    let waived = broken.waive("IRSA301", Some(60));
    assert_eq!(waived.audit().valid_until, Some(end(60)));
    assert_eq!(waived.clone().later(59).audit().verdict, Verdict::Working);
    assert_eq!(waived.clone().later(60).audit().verdict, Verdict::Broken);
    let longer = waived.clone().waive("IRSA301", Some(600));
    assert_eq!(
        longer.audit().findings[0].waived,
        Some(WaivedUntil::Time(end(600)))
    );
    let endless = longer.waive("IRSA301", None).audit();
    assert_eq!(endless.findings[0].waived, Some(WaivedUntil::Revoked));
    let other = waived.waive("IRSA204", None);
    assert_eq!(
        other.later(60).audit().verdict,
        Verdict::Broken,
        "only its own code"
    );
}

#[test]
fn a_policy_says_what_may_be_waived() {
    let waived = || World::healthy().without_provider().waive("IRSA301", None);
    assert_eq!(waived().audit().verdict, Verdict::Working);
    let strict = waived().config(|config| config.waivable = Some(["IRSA208".to_owned()].into()));
    assert_eq!(strict.audit().verdict, Verdict::Broken);
    for code in crate::config::NOT_WAIVABLE {
        assert!(!Config::default().may_waive(code), "{code}");
    }
}

#[test]
fn severities_change_but_not_to_or_from_unknown() {
    let set = |world: World, code: &str, severity| {
        world
            .config(|config| config.severities.extend([(code.to_owned(), severity)]))
            .audit()
    };
    let open = || {
        let only_subject = serde_json::json!({ "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT } });
        World::healthy().condition(&only_subject)
    };
    assert_eq!(set(open(), "IRSA208", Severity::Broken).verdict, Verdict::Broken);
    assert_eq!(
        set(open(), "IRSA208", Severity::Unknown).verdict,
        Verdict::Working
    );
    let lowered = set(World::healthy().without_provider(), "IRSA301", Severity::Notice);
    assert_eq!(
        (lowered.verdict, codes(&lowered)),
        (Verdict::Working, vec!["IRSA301"])
    );
    assert_eq!(state(&lowered, Link::Provider), LinkState::NotApplicable);
    assert!(!lowered.message.contains("can assume"), "{}", lowered.message);
    let unseen = World::healthy().role_unseen(Some(FailureKind::Throttled));
    assert_eq!(set(unseen, "IRSA902", Severity::Notice).verdict, Verdict::Unknown);
}

#[test]
fn who_expects_only_kubernetes_has_no_aws_links() {
    let report = World::healthy()
        .without_annotation()
        .without_pods()
        .expect_kubernetes()
        .audit();
    for link in Link::ALL.into_iter().filter(|link| *link != Link::Rbac) {
        assert_eq!(state(&report, link), LinkState::NotApplicable, "{link:?}");
    }
    assert_eq!(state(&report, Link::Rbac), LinkState::Broken("RbacNoBinding"));
}

#[test]
fn without_an_annotation_nothing_leads_further() {
    let unbound = || World::healthy().without_annotation().container(bare("app"));
    let expected = unbound().expect_role(ROLE).audit();
    assert_eq!(
        state(&expected, Link::ServiceAccount),
        LinkState::Broken("RoleAnnotationMissing")
    );
    assert_eq!(state(&expected, Link::Role), LinkState::NotReached);
    let trusted = unbound().trusted_by("cart").audit();
    assert_eq!(
        state(&trusted, Link::ServiceAccount),
        LinkState::Passes,
        "a risk breaks nothing"
    );
    assert_eq!(state(&trusted, Link::Role), LinkState::NotApplicable);
}

#[test]
fn pods_of_pod_identity_make_the_way_over_the_annotation_irrelevant() {
    let broken = World::healthy()
        .role(RoleLookup::Absent)
        .container(with_pod_identity("app"));
    let report = broken.audit();
    assert_eq!(codes(&report), ["IRSA912"]);
    assert!(report.message.contains("Pod Identity"), "{}", report.message);
    for link in Link::ALL.into_iter().filter(|link| *link != Link::Pods) {
        assert_eq!(state(&report, link), LinkState::NotApplicable, "{link:?}");
    }
    let mixed = broken.another_pod("worker", injected("app", ROLE)).audit();
    assert_eq!(codes(&mixed), ["IRSA201", "IRSA912"], "one pod still takes it");
}

#[test]
fn a_provider_that_refuses_keeps_the_trust_link_open() {
    let world = World::healthy().audience("mesh").client_ids(&["vault"]);
    let report = world.without_pods().audit();
    assert_eq!(codes(&report), ["IRSA303", "IRSA209"]);
    let refused = LinkState::Broken("AudienceConditionMismatch");
    assert_eq!(state(&report, Link::Trust), refused, "both have to be repaired");
}

#[test]
fn a_report_waits_for_the_first_answer_on_a_role_that_pods_carry() {
    let stale = World::healthy().container(injected("app", OLD_ROLE));
    assert!(stale.audit().pending);
    assert!(!stale.good_role(OLD_ROLE).audit().pending);
    let absent = World::healthy().role(RoleLookup::Absent).provider_unseen(None);
    assert!(!absent.audit().pending, "nothing behind it matters");
}

#[test]
fn what_shows_that_a_service_account_is_bound() {
    let bound = |world: &World| is_bound(&world.snapshot, &world.config, &world.key, world.now);
    let unbound = || World::healthy().without_annotation().container(bare("app"));
    assert_eq!(bound(&World::healthy().without_pods()), Bound::Yes);
    assert_eq!(
        bound(&World::healthy().without_annotation()),
        Bound::Yes,
        "a pod carries a role"
    );
    assert_eq!(bound(&unbound()), Bound::No);
    assert_eq!(bound(&unbound().annotation("")), Bound::No);
    assert_eq!(bound(&unbound().trusted_by("cart")), Bound::Yes);
    assert_eq!(
        bound(&unbound().trusted_by("cart").without_pods()),
        Bound::No,
        "nobody runs as it"
    );
    let unlisted = unbound().account(|account| account.listing = Observed::default());
    assert_eq!(bound(&unlisted), Bound::CannotTell);
    assert_eq!(bound(&unlisted.without_pods()), Bound::No);
    let excluded = World::healthy().config(|config| config.excluded_namespaces.extend(["shop".to_owned()]));
    assert_eq!(bound(&excluded), Bound::No);
}

#[test]
fn an_audit_covers_what_is_bound_or_asked_for() {
    let audited = |world: &World| {
        let report = audit(&world.snapshot, &world.config, world.now);
        report
            .bindings
            .into_iter()
            .map(|b| b.key.to_string())
            .collect::<Vec<_>>()
    };
    let world = World::healthy().service_account("shop", "plain");
    assert_eq!(audited(&world), ["shop/cart"]);
    let mut asked = world.clone();
    let request = AuditRequest {
        name: "plain".to_owned(),
        service_account: "plain".to_owned(),
        declared: true,
        ..AuditRequest::default()
    };
    asked.snapshot.cluster.put_request("shop", request);
    assert_eq!(audited(&asked), ["shop/cart", "shop/plain"]);
    let key = BindingKey::new("shop", "cart");
    let excluded = asked.config(|config| config.excluded_service_accounts.extend([key]));
    assert_eq!(audited(&excluded), ["shop/plain"]);
    let suspended = world.request(|request| request.suspend = true);
    assert_eq!(audited(&suspended), Vec::<String>::new());
}

#[test]
fn the_cluster_report_folds_what_fails_in_an_account() {
    let denied = |action: &str| FailureKind::AccessDenied {
        action: action.to_owned(),
    };
    let world = World::healthy()
        .listing_fails(denied("iam:GetAccountAuthorizationDetails"))
        .provider_unseen(Some(denied("iam:GetOpenIDConnectProvider")))
        .policies_unseen(Some(FailureKind::Throttled))
        .role_unseen(Some(FailureKind::Throttled));
    let report = audit_cluster(&world.snapshot, &world.config, world.now);
    let codes: Vec<&str> = report.findings.iter().map(|f| f.entry.code).collect();
    assert_eq!(codes, ["IRSA901", "IRSA902"]);
    assert!(
        report.findings[0]
            .message
            .contains("`iam:GetAccountAuthorizationDetails`, `iam:GetOpenIDConnectProvider`")
    );
    let [account] = report.accounts.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(
        (account.provider_seen, account.provider_arn.as_deref()),
        (false, None)
    );
    assert_eq!(account.failures.len(), 3);
    let healthy = World::healthy();
    let report = audit_cluster(&healthy.snapshot, &healthy.config, healthy.now);
    assert_eq!(report.findings, []);
    assert_eq!(report.accounts[0].oldest_evidence, Some(healthy.now));
    assert_eq!(report.accounts[0].provider_arn, Some(provider_arn(HOST_PATH)));
}

#[test]
fn the_audit_that_counts_is_declared_and_old() {
    let world = World::healthy().expect_role(OLD_ROLE);
    let mut with_other = world.clone();
    let other = AuditRequest {
        name: "automatic".to_owned(),
        service_account: "cart".to_owned(),
        created: Some(Timestamp::UNIX_EPOCH),
        ..AuditRequest::default()
    };
    with_other.snapshot.cluster.put_request("shop", other);
    assert_eq!(codes(&with_other.audit()), ["IRSA107"]);
}

#[test]
fn a_template_is_no_pod_that_carries_runs_or_lacks_anything() {
    let template = |world: World| world.pod(|pod| pod.phase = PodPhase::Template);
    for container in [bare("app"), injected("app", OLD_ROLE)] {
        let report = template(World::healthy().container(container)).audit();
        assert_healthy(&report);
        assert_eq!(report.pods, PodSummary::default());
    }
    let unbound = template(World::healthy().without_annotation().container(bare("app")));
    let bound = |world: &World| is_bound(&world.snapshot, &world.config, &world.key, world.now);
    assert_eq!(bound(&unbound), Bound::No, "nothing was injected into it");
    assert_eq!(bound(&unbound.trusted_by("cart")), Bound::Yes);
}

#[test]
fn an_expected_workload_elsewhere_breaks_the_pods_link_only() {
    let mut world = World::healthy().request(|request| {
        request.workloads.push(WorkloadRef {
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
        });
    });
    world
        .snapshot
        .cluster
        .put_pod(pod(&BindingKey::new("shop", "default"), "web", bare("app")));
    let report = world.audit();
    assert_eq!(
        state(&report, Link::Pods),
        LinkState::Broken("PodUsesOtherServiceAccount")
    );
    assert_eq!(state(&report, Link::Trust), LinkState::Passes);
}

#[test]
fn published_forms_of_healthy_roles_work() {
    let (sub, aud) = (format!("{HOST_PATH}:sub"), format!("{HOST_PATH}:aud"));
    for (form, conditions) in [
        (
            "terraform",
            serde_json::json!({ "StringEquals": { sub.clone(): [SUBJECT], aud.clone(): AUDIENCE } }),
        ),
        (
            "like",
            serde_json::json!({ "StringLike": { sub.clone(): SUBJECT, aud.clone(): AUDIENCE } }),
        ),
        (
            "any",
            serde_json::json!({ "ForAnyValue:StringEquals": { sub: SUBJECT, aud: [AUDIENCE] } }),
        ),
    ] {
        let report = World::healthy().condition(&conditions).audit();
        assert_eq!(
            (form, report.verdict, codes(&report)),
            (form, Verdict::Working, vec![])
        );
    }
}

#[test]
fn other_partitions_and_accounts_work_alike() {
    for (partition, account) in [
        ("aws-cn", ACCOUNT),
        ("aws-us-gov", ACCOUNT),
        ("aws", OTHER_ACCOUNT),
    ] {
        let put = |text: &str| {
            text.replace("arn:aws:", &format!("arn:{partition}:"))
                .replace(ACCOUNT, account)
        };
        let arn = put(ROLE);
        let document = put(&trust(&condition(SUBJECT)).to_string());
        let mut world = World::healthy()
            .annotation(&arn)
            .container(injected("app", &arn))
            .account(|account| {
                let (provider, _) = account.provider.value.as_mut().unwrap();
                provider.as_mut().unwrap().arn = put(&provider_arn(HOST_PATH));
            });
        world = world.role(role(&arn, &document));
        let known = world.snapshot.accounts.remove(ACCOUNT).unwrap();
        world.snapshot.accounts.insert(account.to_owned(), known);
        assert_healthy(&world.audit());
        assert_eq!(
            world.audit().facts.provider_arn,
            Some(put(&provider_arn(HOST_PATH)))
        );
    }
}

#[test]
fn a_role_that_is_to_be_assumed_is_waited_for() {
    let target = "arn:aws:iam::111122223333:role/reports";
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": target }
    ]});
    let world = World::healthy()
        .inline(&policy)
        .expect(&["sts:AssumeRole"], &[target]);
    assert!(world.audit().pending, "its trust policy may refuse");
    assert!(
        !world
            .clone()
            .any_role("reports", RoleLookup::Absent)
            .audit()
            .pending
    );
    assert!(
        !world.read_from_files().audit().pending,
        "no answer is on its way"
    );
}
