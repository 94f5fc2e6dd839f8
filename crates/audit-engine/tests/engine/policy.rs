//! The default policy: it takes effect at once, and is taken back as well.

use super::*;

#[test]
fn an_excluded_namespace_is_left_alone() {
    let mut lab = Lab::healthy();
    lab.declare("mine", "other");
    lab.annotated("other", Some("missing"));
    lab.settle();
    let status = lab.status("mine");
    lab.forget();
    lab.policy(&json!({"exclude": {"namespaces": [NS]}}));
    lab.annotated("other", Some("app"));
    lab.pass(2 * REFRESH);
    assert_eq!(
        (lab.short_writes(), lab.status("mine")),
        (vec!["delete app".to_owned()], status)
    );
    assert!(lab.shown.bindings.is_empty());
    lab.policy(&json!({}));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert_ne!(lab.reason("mine").as_deref(), Some("RoleNotFound"));
}

#[test]
fn an_excluded_service_account_is_left_alone() {
    let mut lab = Lab::leading();
    lab.policy(&json!({"exclude": {"serviceAccounts": [{"namespace": NS, "name": "app"}]}}));
    lab.binding("app");
    lab.binding("next");
    lab.settle();
    assert_eq!(lab.short_writes(), ["create next owned", "status next"]);
}

#[test]
fn severities_take_effect_at_once() {
    let mut lab = Lab::leading();
    lab.annotated("app", Some("missing"));
    lab.settle();
    lab.policy(&json!({"severities": {"IRSA201": "risk"}}));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::AtRisk));
    lab.policy(&json!({}));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Broken));
}

#[test]
fn a_shorter_refresh_takes_effect_before_the_longer_one_is_over() {
    let mut lab = Lab::healthy();
    lab.policy(&json!({"refreshInterval": "60s"}));
    lab.settle();
    lab.pass(61);
    assert_eq!(
        lab.short_reads(),
        [format!("list {HOME}"), format!("provider {HOME}")]
    );
    lab.policy(&json!({}));
    lab.pass(60);
    lab.forget();
    lab.pass(REFRESH - 70);
    assert_eq!(lab.short_reads(), Vec::<String>::new());
}

#[test]
fn an_account_that_is_not_allowed_is_closed_and_opened_again() {
    let mut lab = Lab::leading();
    lab.aws
        .account(OTHER)
        .roles
        .insert("app".to_owned(), BTreeSet::from([subject("app")]));
    lab.annotated_with("app", Some(&arn(OTHER, "app")));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.forget();
    lab.policy(&json!({"allowedAccounts": [HOME]}));
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("AccountUnreachable"));
    lab.reaudit("app", "now");
    lab.annotated_with("new", Some(&arn(OTHER, "new")));
    lab.pass(2 * REFRESH);
    assert!(
        !lab.short_reads().iter().any(|read| read.contains(OTHER)),
        "{:?}",
        lab.short_reads()
    );
    assert_eq!(lab.reason("new").as_deref(), Some("AccountUnreachable"));
    lab.policy(&json!({"allowedAccounts": [HOME, OTHER]}));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.policy(&json!({"allowedAccounts": [OTHER]}));
    lab.forget();
    lab.pass(2 * REFRESH);
    assert!(
        !lab.short_reads().iter().any(|read| read.contains(HOME)),
        "{:?}",
        lab.short_reads()
    );
    lab.policy(&json!({}));
    lab.settle();
    assert!(
        lab.short_reads().contains(&format!("list {HOME}")),
        "{:?}",
        lab.short_reads()
    );
}

#[test]
fn an_answer_from_an_account_that_was_closed_meanwhile_opens_nothing() {
    let mut lab = Lab::leading();
    lab.binding("app");
    let actions = lab.turn();
    lab.policy(&json!({"allowedAccounts": []}));
    lab.carry_out(actions);
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("AccountUnreachable"));
}

#[test]
fn other_policies_change_nothing() {
    let mut lab = Lab::healthy();
    let policy = prune::policy(json!({
        "metadata": {"name": "other"}, "spec": {"exclude": {"namespaces": [NS]}},
    }));
    lab.see(Observation::Policy(WatchChange::Applied(policy.unwrap())));
    lab.settle();
    assert_eq!(lab.short_writes(), Vec::<String>::new());
}

#[test]
fn what_is_told_of_a_role_follows_the_labels_of_the_namespace() {
    let mut lab = Lab::leading();
    lab.annotated("app", Some("missing"));
    lab.settle();
    let told = |lab: &Lab| {
        let status = lab.status("app").unwrap();
        (status.reason.unwrap(), status.findings[0].fix.is_some())
    };
    assert_eq!(told(&lab), ("RoleNotFound".to_owned(), true), "without a rule");
    let rules = json!([{"namespaceSelector": {"matchLabels": {"tenant": "guest"}}, "level": "CodeOnly"}]);
    lab.policy(&json!({"disclosure": rules}));
    lab.settle();
    assert_eq!(
        told(&lab),
        ("RoleNotFound".to_owned(), false),
        "nobody has seen the namespace"
    );
    lab.label("tenant", "us");
    lab.settle();
    assert!(told(&lab).1);
    lab.label("tenant", "guest");
    lab.settle();
    assert!(!told(&lab).1);
    let message = lab.status("app").unwrap().message.unwrap();
    assert!(!message.contains("missing"), "{message}");
    lab.policy(&json!({}));
    lab.settle();
    assert!(told(&lab).1);
}
