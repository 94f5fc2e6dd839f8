use audit_core::model::rbac::Subject;
use audit_core::model::{AuditRequest, BindingKey, KubernetesExpectation, Pod, ServiceAccount};
use serde_json::{Value, json};

use super::*;
use crate::prune;

const PREFIX: &str = "eks.amazonaws.com";

/// An index with its cluster.
#[derive(Default)]
struct Watched {
    index: Index,
    cluster: Cluster,
}

impl Watched {
    fn see(&mut self, observation: Observation) -> Dirty {
        self.index.apply(&mut self.cluster, observation)
    }

    fn see_all(&mut self, observations: impl IntoIterator<Item = Observation>) -> Dirty {
        observations
            .into_iter()
            .fold(Dirty::default(), |mut dirty, observation| {
                dirty.merge(self.see(observation));
                dirty
            })
    }

    fn pods(&self, service_account: &str) -> Vec<&str> {
        let binding = self.cluster.binding(&key(service_account));
        let mut names: Vec<_> = binding
            .iter()
            .flat_map(|b| b.pods())
            .map(|pod| &*pod.name)
            .collect();
        names.sort_unstable();
        names
    }

    fn has_service_account(&self, name: &str) -> bool {
        self.cluster
            .binding(&key(name))
            .is_some_and(|binding| binding.service_account().is_some())
    }

    fn requests(&self, service_account: &str) -> Vec<&str> {
        let binding = self.cluster.binding(&key(service_account));
        binding
            .iter()
            .flat_map(|b| b.requests())
            .map(|request| request.name.as_str())
            .collect()
    }
}

fn key(service_account: &str) -> BindingKey {
    BindingKey::new("shop", service_account)
}

fn bindings(service_accounts: &[&str]) -> Dirty {
    Dirty::of(service_accounts.iter().map(|name| key(name)))
}

fn account(name: &str, role: &str) -> ServiceAccount {
    let object = json!({ "metadata": { "namespace": "shop", "name": name,
        "annotations": { "eks.amazonaws.com/role-arn": role } } });
    prune::service_account(object, PREFIX).unwrap()
}

fn pod(name: &str, service_account: &str) -> Pod {
    let object = json!({ "metadata": { "namespace": "shop", "name": name },
        "spec": { "serviceAccountName": service_account } });
    prune::pod(object, PREFIX).unwrap()
}

fn audit_with(name: &str, service_account: &str, change: impl FnOnce(&mut Value)) -> Box<AuditObject> {
    let mut object = json!({ "metadata": { "namespace": "shop", "name": name, "uid": "1", "annotations": {} },
        "spec": { "serviceAccountName": service_account } });
    change(&mut object);
    prune::audit(object).unwrap()
}

fn audit(name: &str, service_account: &str) -> Box<AuditObject> {
    audit_with(name, service_account, |_| {})
}

fn policy(name: &str, excluded: &str) -> Box<PolicyObject> {
    let object = json!({ "metadata": { "name": name }, "spec": { "exclude": { "namespaces": [excluded] } } });
    prune::policy(object).unwrap()
}

fn deleted<T>(name: &str) -> WatchChange<T> {
    WatchChange::Deleted {
        namespace: "shop".into(),
        name: name.into(),
    }
}

fn skipped(kind: Kind, name: &str) -> Observation {
    Observation::Skipped(Undecodable {
        kind,
        namespace: "shop".into(),
        name: name.into(),
        reason: String::new(),
    })
}

/// A whole listing.
fn listing<T>(
    wrap: fn(WatchChange<T>) -> Observation,
    objects: impl IntoIterator<Item = T>,
) -> Vec<Observation> {
    let mut all = vec![wrap(WatchChange::Init)];
    all.extend(
        objects
            .into_iter()
            .map(|object| wrap(WatchChange::Listed(object))),
    );
    all.push(wrap(WatchChange::InitDone));
    all
}

fn nothing(kind: Kind) -> Vec<Observation> {
    match kind {
        Kind::ServiceAccount => listing(Observation::ServiceAccount, []),
        Kind::Pod => listing(Observation::Pod, []),
        Kind::Namespace => listing(Observation::Namespace, []),
        Kind::Role => listing(|change| Observation::Role(Kind::Role, change), []),
        Kind::ClusterRole => listing(|change| Observation::Role(Kind::ClusterRole, change), []),
        Kind::RoleBinding => listing(|change| Observation::RoleBinding(Kind::RoleBinding, change), []),
        Kind::ClusterRoleBinding => listing(
            |change| Observation::RoleBinding(Kind::ClusterRoleBinding, change),
            [],
        ),
        Kind::MutatingWebhookConfiguration => listing(Observation::Webhook, []),
        Kind::ConfigMap => listing(Observation::ConfigMap, []),
        Kind::IrsaAudit => listing(Observation::Audit, []),
        Kind::ClusterIrsaAudit => listing(Observation::ClusterAudit, []),
        Kind::IrsaAuditPolicy => listing(Observation::Policy, []),
        Kind::IrsaApproval => listing(Observation::Approval, []),
        Kind::TrustPolicyChange => listing(Observation::Change, []),
        Kind::ValidatingAdmissionPolicy => listing(Observation::AdmissionPolicy, []),
        Kind::ValidatingAdmissionPolicyBinding => listing(Observation::AdmissionBinding, []),
    }
}

#[test]
fn a_service_account_comes_changes_and_goes() {
    let mut w = Watched::default();
    let applied = |role| Observation::ServiceAccount(WatchChange::Applied(account("orders", role)));
    assert_eq!(w.see(applied("a")), bindings(&["orders"]));
    assert!(w.see(applied("a")).is_empty());
    assert_eq!(w.see(applied("b")), bindings(&["orders"]));
    let gone = || Observation::ServiceAccount(deleted("orders"));
    assert_eq!(w.see(gone()), bindings(&["orders"]));
    assert!(w.see(gone()).is_empty());
    assert_eq!(w.cluster.bindings().count(), 0);
}

#[test]
fn a_pod_comes_moves_and_goes() {
    let mut w = Watched::default();
    let applied = |service_account| Observation::Pod(WatchChange::Applied(pod("p", service_account)));
    assert_eq!(w.see(applied("orders")), bindings(&["orders"]));
    assert!(w.see(applied("orders")).is_empty());
    // The API server allows no such change, but a missed deletion looks like it.
    assert_eq!(w.see(applied("ledger")), bindings(&["ledger", "orders"]));
    assert_eq!((w.pods("orders"), w.pods("ledger")), (vec![], vec!["p"]));
    assert_eq!(w.see(Observation::Pod(deleted("p"))), bindings(&["ledger"]));
    assert_eq!(w.cluster.bindings().count(), 0);
}

#[test]
fn an_audit_is_stored_whole_and_its_request_in_the_cluster() {
    let mut w = Watched::default();
    assert_eq!(
        w.see(Observation::Audit(WatchChange::Applied(audit("mine", "orders")))),
        bindings(&["orders"])
    );
    assert_eq!(w.requests("orders"), ["mine"]);
    assert_eq!(w.index.audit("shop", "mine"), Some(&*audit("mine", "orders")));
    assert_eq!(w.index.audit("other", "mine"), None);
    assert_eq!(
        w.see(Observation::Audit(WatchChange::Applied(audit("mine", "ledger")))),
        bindings(&["ledger", "orders"])
    );
    assert_eq!(w.see(Observation::Audit(deleted("mine"))), bindings(&["ledger"]));
    assert_eq!((w.index.audits().count(), w.cluster.bindings().count()), (0, 0));
}

#[test]
fn an_audit_is_dirty_when_anything_but_its_version_changed() {
    let mut w = Watched::default();
    let mut apply = |change: fn(&mut Value)| {
        w.see(Observation::Audit(WatchChange::Applied(audit_with(
            "mine", "orders", change,
        ))))
    };
    let first = apply(|_| {});
    assert!(!first.is_empty() && !first.is_echo);
    assert!(apply(|object| object["metadata"]["resourceVersion"] = "9".into()).is_empty());
    assert_eq!(
        apply(|object| object["status"] = json!({ "verdict": "Broken" })),
        Dirty {
            is_echo: true,
            ..bindings(&["orders"])
        }
    );
    assert_eq!(
        apply(|object| object["metadata"]["generation"] = 2.into()),
        bindings(&["orders"])
    );
    assert_eq!(w.index.audit("shop", "mine").unwrap().generation, 2);
}

#[test]
fn the_latest_version_is_known_even_when_nothing_else_changed() {
    let mut w = Watched::default();
    for version in ["1", "2"] {
        let audit = audit_with("mine", "orders", |object| {
            object["metadata"]["resourceVersion"] = version.into();
        });
        w.see(Observation::Audit(WatchChange::Applied(audit)));
    }
    let audit = w.index.audit("shop", "mine").unwrap();
    assert_eq!(audit.resource_version.as_deref(), Some("2"));
    // Each status that is written comes back: what it says as before is kept once.
    let requests = w.cluster.binding(&key("orders")).unwrap().requests();
    assert!(Arc::ptr_eq(&audit.request, &requests[0]));
}

#[test]
fn a_reaudit_is_asked_for_by_setting_or_changing_the_annotation() {
    let mut w = Watched::default();
    let mut annotate = |value: Option<&str>, uid: &str| {
        let audit = audit_with("mine", "orders", |object| {
            object["metadata"]["uid"] = uid.into();
            if let Some(value) = value {
                object["metadata"]["annotations"]["irsa-audit.dev/reaudit"] = value.into();
            }
        });
        !w.see(Observation::Audit(WatchChange::Applied(audit)))
            .reaudits
            .is_empty()
    };
    assert!(
        !annotate(Some("1"), "a"),
        "what was there before a restart has been heeded"
    );
    assert!(!annotate(Some("1"), "a"));
    assert!(annotate(Some("2"), "a"));
    assert!(!annotate(None, "a"));
    assert!(annotate(Some("2"), "a"));
    assert!(!annotate(Some("3"), "b"), "another object of the same name");
}

#[test]
fn policies_come_change_and_go() {
    let mut w = Watched::default();
    let applied = |excluded| Observation::Policy(WatchChange::Applied(policy("default", excluded)));
    assert!(w.see(applied("a")).policies);
    assert!(!w.see(applied("a")).policies);
    assert!(w.see(applied("b")).policies);
    assert_eq!(w.index.policy("default"), Some(&*policy("default", "b")));
    let gone = || {
        Observation::Policy(WatchChange::Deleted {
            namespace: String::new(),
            name: "default".into(),
        })
    };
    assert!(w.see(gone()).policies);
    assert!(!w.see(gone()).policies);
    assert_eq!(w.index.policies().count(), 0);
}

#[test]
fn labels_of_namespaces_come_change_and_go() {
    let mut w = Watched::default();
    let namespace = |team: &str| NamespaceObject {
        name: "shop".to_owned(),
        labels: [("team".to_owned(), team.to_owned())].into(),
    };
    let applied = |team| Observation::Namespace(WatchChange::Applied(namespace(team)));
    let shop = BTreeSet::from(["shop".to_owned()]);
    assert_eq!(w.cluster.namespace_labels("shop"), None);
    assert_eq!(w.see(applied("a")).namespaces, shop);
    assert!(w.see(applied("a")).is_empty());
    assert_eq!(w.see(applied("b")).namespaces, shop);
    assert_eq!(w.cluster.namespace_labels("shop"), Some(&namespace("b").labels));
    assert_eq!(w.see_all(nothing(Kind::Namespace)).namespaces, shop);
    assert_eq!(w.cluster.namespace_labels("shop"), None);
}

#[test]
fn a_first_listing_that_was_broken_off_leaves_nothing_behind() {
    let mut w = Watched::default();
    w.see(Observation::Pod(WatchChange::Init));
    w.see(Observation::Pod(WatchChange::Listed(pod("goes", "app"))));
    w.see_all(listing(Observation::Pod, [pod("stays", "app")]));
    let binding = w.cluster.binding(&BindingKey::new("shop", "app")).unwrap();
    let names: Vec<_> = binding.pods().iter().map(|pod| &*pod.name).collect();
    assert_eq!(names, ["stays"]);
}

#[test]
fn a_listing_takes_away_what_it_did_not_have_and_nothing_else() {
    let mut w = Watched::default();
    w.see_all(listing(
        Observation::ServiceAccount,
        [account("stays", "r"), account("goes", "r")],
    ));
    w.see_all(listing(
        Observation::Pod,
        [pod("stays", "stays"), pod("goes", "goes")],
    ));
    w.see_all(listing(
        Observation::Audit,
        [audit("stays", "stays"), audit("goes", "goes")],
    ));
    w.see_all(listing(
        Observation::Policy,
        [policy("stays", "x"), policy("goes", "x")],
    ));

    assert_eq!(
        w.see_all(listing(Observation::ServiceAccount, [account("stays", "r")])),
        bindings(&["goes"])
    );
    assert!(w.has_service_account("stays") && !w.has_service_account("goes"));
    assert_eq!(
        w.see_all(listing(Observation::Pod, [pod("stays", "stays")])),
        bindings(&["goes"])
    );
    assert_eq!((w.pods("stays"), w.pods("goes")), (vec!["stays"], vec![]));
    assert_eq!(
        w.see_all(listing(Observation::Audit, [audit("stays", "stays")])),
        bindings(&["goes"])
    );
    assert!(w.index.audit("shop", "stays").is_some() && w.index.audit("shop", "goes").is_none());
    assert!(
        w.see_all(listing(Observation::Policy, [policy("stays", "x")]))
            .policies
    );
    assert!(w.index.policy("stays").is_some() && w.index.policy("goes").is_none());
    assert_eq!(w.cluster.bindings().count(), 1);

    let again = w.see_all(listing(Observation::Policy, [policy("stays", "x")]));
    assert!(again.is_empty(), "an unchanged listing changes nothing");
}

#[test]
fn nothing_vanishes_before_a_listing_is_complete() {
    let mut w = Watched::default();
    w.see_all(listing(Observation::Pod, [pod("a", "sa"), pod("b", "sa")]));
    assert!(w.see(Observation::Pod(WatchChange::Init)).is_empty());
    assert!(
        w.see(Observation::Pod(WatchChange::Listed(pod("a", "sa"))))
            .is_empty()
    );
    assert_eq!(w.pods("sa"), ["a", "b"]);
    assert_eq!(w.see(Observation::Pod(WatchChange::InitDone)), bindings(&["sa"]));
    assert_eq!(w.pods("sa"), ["a"]);
}

#[test]
fn a_listing_that_broke_off_does_not_count() {
    let mut w = Watched::default();
    w.see_all(listing(Observation::Pod, [pod("a", "sa"), pod("b", "sa")]));
    w.see_all([
        Observation::Pod(WatchChange::Init),
        Observation::Pod(WatchChange::Listed(pod("a", "sa"))),
    ]);
    // `a` is deleted before the next listing: that it was in the one before must not keep it.
    w.see_all(listing(Observation::Pod, [pod("b", "sa")]));
    assert_eq!(w.pods("sa"), ["b"]);
}

#[test]
fn the_end_of_no_listing_takes_nothing_away_and_proves_nothing() {
    let mut w = Watched::default();
    w.see(Observation::Pod(WatchChange::Applied(pod("a", "sa"))));
    assert!(w.see(Observation::Pod(WatchChange::InitDone)).is_empty());
    assert_eq!(w.pods("sa"), ["a"]);
    assert!(w.index.unsynced().any(|(kind, _)| kind == Kind::Pod));
}

#[test]
fn changes_amid_a_listing_count() {
    let mut w = Watched::default();
    w.see_all([
        Observation::Pod(WatchChange::Init),
        Observation::Pod(WatchChange::Listed(pod("gone", "sa"))),
        Observation::Pod(WatchChange::Applied(pod("new", "sa"))),
        Observation::Pod(deleted("gone")),
        Observation::Pod(WatchChange::InitDone),
    ]);
    assert_eq!(w.pods("sa"), ["new"]);
}

#[test]
fn the_last_good_version_of_an_unreadable_object_stands() {
    let mut w = Watched::default();
    w.see_all(listing(Observation::Pod, [pod("a", "sa"), pod("b", "sa")]));
    assert!(w.see(skipped(Kind::Pod, "a")).is_empty());
    assert_eq!(w.pods("sa"), ["a", "b"]);
    w.see_all([
        Observation::Pod(WatchChange::Init),
        skipped(Kind::Pod, "a"),
        Observation::Pod(WatchChange::InitDone),
    ]);
    assert_eq!(w.pods("sa"), ["a"], "unreadable, but listed");
    w.see(Observation::Pod(deleted("a")));
    assert_eq!(w.pods("sa"), Vec::<&str>::new());
    assert_eq!(
        (w.index.skipped(Kind::Pod), w.index.skipped(Kind::IrsaAudit)),
        (2, 0)
    );
}

#[test]
fn it_is_synced_once_every_kind_was_listed_and_stays_so() {
    let mut w = Watched::default();
    let failed = |kind, message: &str| Observation::WatchFailed {
        kind,
        message: message.into(),
    };
    w.see_all(
        Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::IrsaAudit)
            .flat_map(nothing),
    );
    w.see_all([
        Observation::Audit(WatchChange::Init),
        failed(Kind::IrsaAudit, "not found"),
    ]);
    assert!(!w.index.is_synced());
    assert_eq!(
        w.index.unsynced().collect::<Vec<_>>(),
        [(Kind::IrsaAudit, Some("not found"))]
    );
    w.see_all(nothing(Kind::IrsaAudit));
    assert!(w.index.is_synced());
    w.see_all([
        failed(Kind::IrsaAudit, "gone"),
        Observation::Audit(WatchChange::Init),
    ]);
    assert!(w.index.is_synced());
    assert_eq!(
        (w.index.failed(Kind::IrsaAudit), w.index.failed(Kind::Pod)),
        (2, 0)
    );
}

#[test]
fn before_any_observation_every_kind_is_missing() {
    assert_eq!(
        Index::new().unsynced().collect::<Vec<_>>(),
        Kind::ALL.map(|kind| (kind, None))
    );
}

/// A cluster in which `cart` expects to read pods of its namespace `shop`, and so do others elsewhere.
fn expecting() -> Watched {
    let mut w = Watched::default();
    for (namespace, name) in [("shop", "cart"), ("shop", "orders"), ("other", "cart")] {
        let expected = KubernetesExpectation {
            verbs: vec!["get".to_owned()],
            api_group: String::new(),
            resource: "pods".to_owned(),
            subresource: None,
            resource_names: Vec::new(),
            namespace: Some(namespace.to_owned()),
        };
        let request = AuditRequest {
            name: name.to_owned(),
            service_account: name.to_owned(),
            kubernetes: vec![expected],
            ..AuditRequest::default()
        };
        w.cluster.put_request(namespace, request);
    }
    w
}

fn rbac_role(name: &str) -> RbacRole {
    RbacRole {
        id: ObjectId::new("shop", name),
        rules: [].into(),
        labels: BTreeMap::new(),
        aggregates: Box::default(),
        has_more: false,
    }
}

fn rbac_binding(name: &str, role: &str, subject: Subject) -> RoleBinding {
    RoleBinding {
        id: ObjectId::new("shop", name),
        role: ObjectId::new("shop", role),
        subjects: [subject].into(),
        has_more: false,
    }
}

fn of_roles(change: WatchChange<RbacRole>) -> Observation {
    Observation::Role(Kind::Role, change)
}

fn of_bindings(change: WatchChange<RoleBinding>) -> Observation {
    Observation::RoleBinding(Kind::RoleBinding, change)
}

#[test]
fn a_binding_concerns_those_whom_it_names_or_nearly_names() {
    let account = |namespace: &str, name: &str| Subject::ServiceAccount(ObjectId::new(namespace, name));
    let group = |name: &str| Subject::Group(name.into());
    let shop = ["shop/cart", "shop/orders"];
    for (subject, concerned) in [
        (account("shop", "cart"), &shop[..1]),
        (
            Subject::User("system:serviceaccount:shop:cart".into()),
            &shop[..1],
        ),
        (group("system:serviceaccounts:shop"), &shop),
        // A binding in a namespace counts there only, whomever it names.
        (group("system:authenticated"), &shop),
        // The same name elsewhere, a user of that name, and nearly its name where nobody has that.
        (account("staging", "cart"), &shop[..1]),
        (Subject::User("Cart".into()), &shop[..1]),
        (account("shop", "carts"), &shop[..1]),
        (account("other", "cart"), &["other/cart", "shop/cart"]),
        (account("shop", "payments"), &[]),
        (Subject::User("jane".into()), &[]),
    ] {
        let mut w = expecting();
        let binding = rbac_binding("b", "r", subject.clone());
        for change in [WatchChange::Applied(binding), deleted("b")] {
            let dirty = w.see(of_bindings(change));
            let mut keys = dirty.permissions.concerned(&w.cluster);
            keys.extend(dirty.permissions.concerned_elsewhere(&w.cluster));
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            assert_eq!(keys, concerned, "{subject:?}");
        }
    }
}

#[test]
fn a_role_concerns_those_whose_bindings_give_it() {
    let mut w = expecting();
    let concerned = |w: &Watched, dirty: &Dirty| -> Vec<String> {
        let keys = dirty.permissions.concerned(&w.cluster);
        keys.iter().map(ToString::to_string).collect()
    };
    let cart = Subject::ServiceAccount(ObjectId::new("shop", "cart"));
    w.see(of_bindings(WatchChange::Applied(rbac_binding("b", "r", cart))));
    for (change, keys) in [
        (WatchChange::Applied(rbac_role("r")), vec!["shop/cart"]),
        (WatchChange::Applied(rbac_role("r")), vec![]),
        (WatchChange::Applied(rbac_role("s")), vec![]),
        // A name that a proposed role would have.
        (
            WatchChange::Applied(rbac_role("cart-expected")),
            vec!["shop/cart", "shop/orders"],
        ),
        (deleted("r"), vec!["shop/cart"]),
    ] {
        let dirty = w.see(of_roles(change));
        assert_eq!(concerned(&w, &dirty), keys);
    }
}

#[test]
fn after_a_listing_any_expectation_may_be_concerned() {
    let mut w = expecting();
    let everyone = PermissionsChange::all();
    assert_eq!(everyone.concerned(&w.cluster).len(), 3);
    w.see(of_roles(WatchChange::Applied(rbac_role("r"))));
    let dirty = w.see_all(listing(of_roles, [rbac_role("s")]));
    assert!(dirty.permissions.all, "the listing did not have the first");
    assert_eq!(w.cluster.rbac().roles().count(), 1);
    assert!(w.see_all(listing(of_roles, [rbac_role("s")])).is_empty());
    let dirty = w.see_all(nothing(Kind::ClusterRole));
    assert_eq!(dirty.permissions, everyone, "that there is none is news, once");
    assert!(w.see_all(nothing(Kind::ClusterRole)).is_empty());
}

#[test]
fn what_is_not_essential_may_be_out_of_reach() {
    let mut w = Watched::default();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_essential()) {
        w.see_all(nothing(kind));
    }
    assert!(!w.index.is_synced(), "it may still come");
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_essential()) {
        assert!(!w.index.is_synced(), "{kind}");
        w.see(Observation::WatchFailed {
            kind,
            message: "forbidden".into(),
        });
    }
    assert!(w.index.is_synced());
    assert_eq!(w.cluster.rbac().unlisted().count(), 4);
}

fn webhook(name: &str) -> WebhookObject {
    let rules = json!([{ "operations": ["CREATE"], "resources": ["pods"] }]);
    prune::webhook(json!({ "metadata": { "name": name }, "webhooks": [{ "name": name, "rules": rules }] }))
        .unwrap()
}

#[test]
fn the_webhook_is_missing_only_once_all_were_listed() {
    let mut w = Watched::default();
    let other = || webhook("sidecar-injector");
    let ours = || webhook("pod-identity-webhook");
    assert!(w.see(Observation::Webhook(WatchChange::Init)).is_empty());
    assert!(
        w.see(Observation::Webhook(WatchChange::Listed(other())))
            .is_empty()
    );
    assert_eq!(w.cluster.has_webhook(), None);
    assert!(w.see(Observation::Webhook(WatchChange::InitDone)).everything);
    assert_eq!(w.cluster.has_webhook(), Some(false));
    assert!(
        w.see(Observation::Webhook(WatchChange::Applied(ours())))
            .everything
    );
    assert!(
        w.see(Observation::Webhook(WatchChange::Applied(ours())))
            .is_empty()
    );
    assert_eq!(w.cluster.has_webhook(), Some(true));
    let gone = WatchChange::Deleted {
        namespace: String::new(),
        name: "pod-identity-webhook".into(),
    };
    assert!(w.see(Observation::Webhook(gone)).everything);
    assert!(
        w.see_all(listing(Observation::Webhook, [other(), ours()]))
            .everything
    );
    assert!(w.see_all(listing(Observation::Webhook, [other()])).everything);
    assert_eq!(w.cluster.has_webhook(), Some(false));
}

fn config_map(service_account: &str) -> ConfigMapObject {
    let config = json!({ format!("shop/{service_account}"): { "RoleARN": "arn" } }).to_string();
    let metadata = json!({ "namespace": "kube-system", "name": "pod-identity-webhook" });
    prune::config_map(json!({ "metadata": metadata, "data": { "config": config } })).unwrap()
}

#[test]
fn what_the_webhooks_config_map_says_concerns_whom_it_names() {
    let mut w = Watched::default();
    let applied = |name| Observation::ConfigMap(WatchChange::Applied(config_map(name)));
    assert_eq!(w.see(applied("orders")), bindings(&["orders"]));
    assert!(w.see(applied("orders")).is_empty());
    assert_eq!(w.see(applied("ledger")), bindings(&["ledger", "orders"]));
    assert!(w.cluster.webhook_entry(&key("ledger")).is_some());
    assert!(
        w.see_all(listing(Observation::ConfigMap, [config_map("ledger")]))
            .is_empty()
    );
    assert_eq!(w.see_all(nothing(Kind::ConfigMap)), bindings(&["ledger"]));
    assert!(w.cluster.webhook_entry(&key("ledger")).is_none());
}

#[test]
fn a_webhook_out_of_reach_does_not_keep_the_rest_waiting() {
    let failed = |kind| Observation::WatchFailed {
        kind,
        message: "forbidden".into(),
    };
    let mut w = Watched::default();
    let ours = [Kind::MutatingWebhookConfiguration, Kind::ConfigMap];
    let others = Kind::ALL.into_iter().filter(|kind| !ours.contains(kind));
    w.see_all(others.flat_map(nothing));
    assert!(!w.index.is_synced(), "it may just not have come yet");
    assert!(w.see(failed(Kind::MutatingWebhookConfiguration)).is_empty());
    assert!(
        w.see(failed(Kind::ConfigMap)).everything,
        "who is bound by it alone does not show"
    );
    assert!(w.index.is_synced() && w.cluster.webhook_entries_unseen());
    assert_eq!(w.cluster.has_webhook(), None);
    assert!(w.see_all(nothing(Kind::ConfigMap)).everything);
    assert!(w.see(failed(Kind::ConfigMap)).is_empty(), "what was seen stands");
    assert!(w.index.is_synced() && !w.cluster.webhook_entries_unseen());
}
