//! Which `IrsaAudit`s there are, whose they are, and which of them is audited.

use super::*;

#[test]
fn a_bound_service_account_gets_an_audit_that_it_owns() {
    let mut lab = Lab::leading();
    lab.binding("app");
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
    let owner = &lab.api.objects[&object("app")]["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["name"], &owner["uid"]), (&json!("app"), &json!("sa-app")));
}

#[test]
fn one_without_annotation_gets_none() {
    let mut lab = Lab::leading();
    lab.annotated("app", None);
    lab.pod("app-1", "app", None, true);
    lab.pass(7200);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
}

#[test]
fn pods_that_carry_a_role_are_evidence_and_the_owner_comes_when_it_exists() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.pod("app-1", "app", Some("app"), true);
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app", "status app"]);
    assert_eq!(lab.reason("app").as_deref(), Some("ServiceAccountMissing"));
    lab.forget();
    lab.annotated("app", Some("app"));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert_eq!(
        lab.api.objects[&object("app")]["metadata"]["ownerReferences"][0]["uid"],
        "sa-app"
    );
    // What the pod carries was read before there was a ServiceAccount.
    assert_eq!(lab.short_writes(), ["status app", "own app"]);
}

#[test]
fn a_pod_that_carries_the_role_of_another_service_account_is_broken() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.annotated("other", None);
    lab.pod("app-1", "other", Some("app"), true);
    lab.settle();
    assert_eq!(lab.verdict("other"), Some(VerdictName::Broken));
    assert_eq!(lab.reason("other").as_deref(), Some("RoleAnnotationMissing"));
}

#[test]
fn a_role_that_trusts_by_name_is_evidence_while_pods_run() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.annotated("app", None);
    lab.pass(REFRESH);
    assert_eq!(lab.short_writes(), Vec::<String>::new());
    lab.pod("app-1", "app", None, true);
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("RoleAnnotationMissing"));
    lab.no_pod("app-1");
    lab.settle();
    assert!(!lab.api.objects.contains_key(&object("app")));
}

#[test]
fn the_role_of_a_removed_annotation_is_looked_after_while_it_trusts_what_runs() {
    let mut lab = Lab::leading();
    lab.aws
        .account(OTHER)
        .roles
        .insert("app".to_owned(), BTreeSet::from([subject("app")]));
    lab.annotated_with("app", Some(&arn(OTHER, "app")));
    lab.pod("app-1", "app", None, true);
    lab.settle();
    lab.annotated("app", None);
    lab.pass(3 * REFRESH);
    assert_eq!(lab.reason("app").as_deref(), Some("RoleAnnotationMissing"));
    lab.aws.account(OTHER).roles.clear();
    lab.pass(REFRESH + 1);
    assert!(
        !lab.api.objects.contains_key(&object("app")),
        "{:?}",
        lab.status("app")
    );
    assert!(!lab.engine.snapshot.accounts.contains_key(OTHER));
}

#[test]
fn without_its_annotation_an_automatic_audit_goes() {
    let mut lab = Lab::healthy();
    let uid = lab.api.objects[&object("app")]["metadata"]["uid"]
        .as_str()
        .unwrap()
        .into();
    lab.annotated("app", None);
    lab.settle();
    assert_eq!(
        lab.writes.iter().find(|write| write.object().is_some()),
        Some(&Write::Delete {
            object: object("app"),
            uid
        })
    );
    assert!(lab.api.objects.is_empty() && lab.shown.bindings.is_empty());
}

#[test]
fn what_nobody_has_seen_yet_deletes_nothing() {
    // By a former process; the binding shows only in a role that trusts it.
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.annotated("app", None);
    lab.pod("app-1", "app", None, true);
    lab.pass(REFRESH);
    assert_eq!(lab.reason("app").as_deref(), Some("RoleAnnotationMissing"));
    for (home_is_known, answers) in [
        (false, Answers::Well),
        (true, Answers::Denied),
        (true, Answers::Down),
    ] {
        lab = lab.restarted();
        lab.aws.home().listings = answers;
        if home_is_known {
            lab.tell_home();
        }
        lab.sync_all_but_audits();
        lab.annotated("app", None);
        lab.pod("app-1", "app", None, true);
        lab.sync_audits();
        lab.engine.set_leading(true);
        lab.pass(3 * REFRESH);
        assert!(
            lab.api.objects.contains_key(&object("app")),
            "{home_is_known} {answers:?}"
        );
    }
    // What shows without AWS that nothing is there may be believed.
    lab = lab.restarted();
    lab.annotated("app", None);
    lab.sync();
    lab.engine.set_leading(true);
    lab.pass(1);
    assert!(lab.api.objects.is_empty());
}

#[test]
fn a_declared_audit_is_never_deleted() {
    let mut lab = Lab::leading();
    lab.declare("mine", "app");
    lab.pass(2 * REFRESH);
    assert_eq!(lab.reason("mine").as_deref(), Some("ServiceAccountMissing"));
    lab.binding("app");
    lab.settle();
    lab.annotated("app", None);
    lab.no_service_account("app");
    lab.pass(2 * REFRESH);
    assert!(!lab.short_writes().iter().any(|write| write.starts_with("delete")));
}

#[test]
fn a_declared_audit_takes_the_place_of_the_automatic_one() {
    let mut lab = Lab::healthy();
    lab.declare("mine", "app");
    lab.settle();
    assert_eq!(lab.short_writes(), ["delete app", "status mine"]);
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Working));
    lab.forget();
    lab.delete("mine");
    lab.settle();
    assert_eq!(lab.short_writes(), ["create app owned", "status app"]);
}

#[test]
fn of_two_declared_audits_the_younger_says_so_and_takes_over_in_the_end() {
    let mut lab = Lab::leading();
    lab.binding("app");
    lab.declare("older", "app");
    lab.declare("younger", "app");
    lab.settle();
    assert_eq!(lab.verdict("older"), Some(VerdictName::Working));
    assert_eq!(lab.reason("younger").as_deref(), Some("Duplicate"));
    lab.forget();
    lab.pass(2 * 3600);
    assert!(
        !lab.short_writes().contains(&"status younger".to_owned()),
        "{:?}",
        lab.short_writes()
    );
    lab.delete("older");
    lab.settle();
    assert_eq!(lab.verdict("younger"), Some(VerdictName::Working));
}

fn adopt(stored: &mut Value) {
    stored["spec"]["expect"] = json!({"roleArn": arn(HOME, "app")});
    stored["metadata"]["managedFields"] = json!([{
        "manager": "argocd-controller", "operation": "Apply", "apiVersion": "irsa-audit.dev/v1alpha1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:expect": {}}},
    }]);
}

#[test]
fn an_adopted_audit_is_let_go_and_audited_on() {
    let mut lab = Lab::healthy();
    lab.edit("app", adopt);
    lab.settle();
    assert_eq!(lab.short_writes(), ["status app", "release app"]);
    lab.annotated("app", None);
    lab.pass(2 * REFRESH);
    assert_eq!(lab.reason("app").as_deref(), Some("RoleAnnotationMissing"));
}

#[test]
fn an_adopted_audit_is_let_go_rather_than_deleted() {
    // Neither with the annotation's end nor for another audit that outranks it.
    let mut lab = Lab::healthy();
    lab.edit("app", adopt);
    lab.annotated("app", None);
    lab.settle();
    assert!(
        lab.short_writes().contains(&"release app".to_owned()),
        "{:?}",
        lab.short_writes()
    );
    let mut lab = Lab::healthy();
    lab.edit("app", adopt);
    lab.declare("mine", "app");
    lab.pass(REFRESH);
    assert!(lab.api.objects.contains_key(&object("app")) && lab.api.objects.contains_key(&object("mine")));
    assert_eq!(lab.reason("app").as_deref(), None.or(Some("AllLinksPass")));
    assert_eq!(lab.reason("mine").as_deref(), Some("Duplicate"));
}

#[test]
fn a_suspended_audit_is_left_alone_and_costs_nothing() {
    let mut lab = Lab::leading();
    lab.declare("mine", "app");
    lab.binding("app");
    lab.settle();
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    lab.settle();
    let status = lab.status("mine");
    lab.forget();
    lab.annotated_with("app", Some(&arn(OTHER, "app")));
    lab.pass(2 * 3600);
    assert_eq!((lab.short_writes(), lab.status("mine")), (Vec::new(), status));
    assert!(
        !lab.short_reads().iter().any(|read| read.contains(OTHER)),
        "{:?}",
        lab.short_reads()
    );
    assert!(lab.shown.bindings.is_empty());
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(false));
    lab.settle();
    assert_eq!(lab.reason("mine").as_deref(), Some("AccountUnreachable"));
}

#[test]
fn a_name_that_is_taken_gives_way() {
    let mut lab = Lab::leading();
    lab.declare("app", "other");
    lab.binding("app");
    lab.settle();
    let created = lab
        .api
        .objects
        .values()
        .find(|stored| stored["spec"]["serviceAccountName"] == "app")
        .unwrap();
    let name = created["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("app-") && lab.verdict(name) == Some(VerdictName::Working),
        "{name}"
    );
    // Also where there is no room for more.
    let long = "x".repeat(253);
    lab.declare(&long, "other");
    lab.binding(&long);
    lab.settle();
    let created = lab
        .api
        .objects
        .values()
        .find(|stored| stored["spec"]["serviceAccountName"] == *long)
        .unwrap();
    assert_eq!(created["metadata"]["name"].as_str().unwrap().len(), 253);
}

#[test]
fn the_pods_of_a_namespace_that_goes_leave_nothing_behind() {
    let mut lab = Lab::leading();
    for n in 0..5 {
        let name = format!("app-{n}");
        lab.binding(&name);
        lab.pod(&format!("{name}-1"), &name, Some(&name), true);
    }
    lab.annotated_with("far", Some(&arn(OTHER, "far")));
    lab.settle();
    for n in 0..5 {
        let name = format!("app-{n}");
        lab.no_pod(&format!("{name}-1"));
        lab.no_service_account(&name);
        lab.delete(&name);
    }
    lab.no_service_account("far");
    lab.delete("far");
    lab.aws.home().roles.clear();
    lab.pass(2 * REFRESH);
    let engine = &lab.engine;
    assert!(engine.states.is_empty() && engine.dirty.is_empty() && engine.forced.is_empty());
    assert!(
        engine.schedule.next().is_none()
            && format!("{:?}", engine.objects) == format!("{:?}", crate::Objects::default())
    );
    assert_eq!(engine.snapshot.accounts.keys().collect::<Vec<_>>(), [HOME]);
    let home = &engine.snapshot.accounts[HOME];
    assert!(home.roles.is_empty() && home.policies.is_empty(), "{home:?}");
    assert!(lab.shown.bindings.is_empty());
}

/// What could call for it may be in objects of that kind.
#[test]
fn an_automatic_object_stays_while_a_kind_that_may_call_for_it_is_unseen() {
    let store = audit_k8s::consumers::kind("external-secrets.io", "SecretStore").unwrap();
    let mut lab = Lab::healthy();
    lab.see(Observation::UnseenConsumers(vec![store]));
    lab.annotated("app", None);
    lab.pass(60);
    assert!(lab.status("app").is_some());
    let findings = lab.api.cluster.clone().unwrap()["findings"].clone();
    assert!(findings.to_string().contains("IRSA915"), "{findings}");
    lab.see(Observation::UnseenConsumers(Vec::new()));
    lab.pass(60);
    assert!(lab.status("app").is_none(), "everything has been seen");
    let status = lab.api.cluster.clone().unwrap();
    assert!(!status.to_string().contains("IRSA915"), "{status}");
}

#[test]
fn an_object_that_somebody_deletes_again_and_again_is_made_less_and_less_often() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    lab.settle();
    lab.forget();
    let span = 600;
    for _ in 0..span {
        lab.delete("app");
        lab.pass(1);
    }
    let made = |lab: &Lab| {
        lab.short_writes()
            .iter()
            .filter(|write| write.starts_with("create"))
            .count()
    };
    assert!((5..=12).contains(&made(&lab)), "{:?}", lab.short_writes());
    // It does come back, and one that was left alone is made at once.
    lab.pass(900);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.forget();
    lab.delete("app");
    lab.pass(1);
    assert_eq!(made(&lab), 1);
}

/// Whoever deletes it may be faster than the answer to its creation, and than the next turn.
#[test]
fn an_object_that_is_deleted_as_soon_as_it_is_made_is_made_again_at_once() {
    for is_answered_first in [true, false] {
        let mut lab = Lab::leading();
        lab.trusts("app", "app");
        lab.annotated("app", Some("app"));
        let create = loop {
            let mut actions = lab.turn();
            let is_create = |action: &Action| matches!(action, Action::Write(Write::Create { .. }));
            let create = actions.iter().position(is_create).map(|at| actions.remove(at));
            lab.carry_out(actions);
            if let Some(create) = create {
                break create;
            }
        };
        let Action::Write(write) = create else {
            panic!("{create:?}")
        };
        let (outcome, shown) = lab.api.write(&write);
        if is_answered_first {
            lab.engine.written(&write, &outcome, lab.now);
        }
        lab.show(shown);
        lab.delete("app");
        if !is_answered_first {
            lab.engine.written(&write, &outcome, lab.now);
        }
        lab.pass(1);
        assert_eq!(
            lab.verdict("app"),
            Some(VerdictName::Working),
            "answered first: {is_answered_first}"
        );
    }
}

/// Its end may be in no watch, because the list began anew.
#[test]
fn an_object_that_a_new_list_lacks_is_made_again_at_once() {
    let mut lab = Lab::leading();
    lab.trusts("app", "app");
    lab.annotated("app", Some("app"));
    lab.lags = true;
    lab.settle();
    lab.lags = false;
    lab.api.delete(&object("app"));
    lab.relist(Kind::IrsaAudit);
    lab.pass(1);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
}

/// Names are known before: the ServiceAccount's, and that with a suffix.
#[test]
fn where_others_have_taken_all_its_names_a_binding_is_audited_and_told() {
    let mut lab = Lab::healthy();
    let own = |lab: &Lab| {
        let mut objects = lab.api.objects.iter();
        let found = objects.find(|(_, stored)| stored["spec"]["serviceAccountName"] == "app");
        found.map(|(id, _)| id.clone())
    };
    for _ in 0..2 {
        let id = own(&lab).unwrap();
        let deleted = lab.api.delete(&id);
        lab.show(deleted);
        lab.declare(&id.name, "other");
        lab.pass(10);
    }
    assert_eq!(own(&lab), None);
    lab.annotated("app", Some("missing"));
    lab.pass(60);
    assert_eq!(lab.shown.unaudited[0].1.refused, 1);
    // A name is free again.
    let deleted = lab.api.delete(&object("app"));
    lab.show(deleted);
    lab.pass(2 * 3600);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Broken));
    assert!(lab.shown.unaudited.is_empty());
}
