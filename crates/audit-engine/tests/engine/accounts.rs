//! What only some verdicts need of an account and of the cluster: asked where it makes a difference, and never a reason
//! to doubt the rest.

use super::*;

/// A binding that hangs on a provider which is not there.
fn without_provider(urls: &[&str]) -> Lab {
    let mut lab = Lab::leading();
    lab.aws.home().has_no_provider = true;
    lab.aws.home().provider_urls = urls.iter().map(|url| (*url).to_owned()).collect();
    lab.pass(REFRESH);
    lab.forget();
    lab.binding("app");
    lab
}

/// How often something was asked for so far.
fn reads(lab: &Lab, what: &str) -> usize {
    let reads = lab.short_reads();
    reads
        .iter()
        .filter(|read| read.split(' ').next() == Some(what))
        .count()
}

fn codes(lab: &Lab, name: &str) -> Vec<String> {
    let status = lab.status(name).unwrap();
    status.findings.into_iter().map(|finding| finding.code).collect()
}

fn cluster_codes(lab: &mut Lab) -> Vec<String> {
    lab.pass(10);
    let status = lab.api.cluster.clone().unwrap();
    let findings = status["findings"].as_array().cloned().unwrap_or_default();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn other_providers_are_looked_for_where_the_right_one_is_absent() {
    let slash = format!("{}/", ISSUER.trim_start_matches("https://"));
    for (urls, reason) in [
        (vec![slash.as_str()], "ProviderUrlMismatch"),
        (vec![], "ProviderNotRegistered"),
    ] {
        let mut lab = without_provider(&urls);
        lab.settle();
        assert_eq!(reads(&lab, "providers"), 1);
        assert_eq!(
            lab.reason("app").as_deref(),
            Some(reason),
            "shown at once, and not the other before it"
        );
        assert_eq!(lab.short_writes().len(), 2);
    }
}

#[test]
fn a_provider_that_is_registered_costs_no_list() {
    let mut lab = without_provider(&[]);
    lab.settle();
    lab.aws.home().has_no_provider = false;
    lab.pass(REFRESH);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.forget();
    lab.pass(2 * REFRESH);
    assert_eq!(reads(&lab, "providers"), 0);
}

#[test]
fn the_quota_is_asked_for_where_a_trust_policy_is_long() {
    let mut lab = Lab::leading();
    lab.aws.home().padding = 1800;
    lab.binding("app");
    lab.settle();
    assert_eq!(reads(&lab, "quota"), 1);
    assert_eq!(
        (lab.verdict("app"), codes(&lab, "app")),
        (Some(VerdictName::Working), vec!["IRSA219".to_owned()])
    );
    lab.forget();
    lab.pass(REFRESH);
    assert_eq!(reads(&lab, "quota"), 1, "once a refresh");
}

#[test]
fn the_role_of_an_association_is_asked_for_when_its_binding_appears() {
    let mut lab = Lab::new().of_cluster("prod");
    lab.aws.home().associations.insert(Lab::key("later"));
    lab.begin();
    lab.binding("app");
    lab.pass(60);
    assert_eq!(reads(&lab, "associations"), 0);
    lab.binding("later");
    lab.pass(60);
    assert_eq!(reads(&lab, "associations"), 1);
}

#[test]
fn associations_are_listed_once_a_refresh_where_the_cluster_has_a_name() {
    let mut lab = Lab::new().of_cluster("prod");
    lab.aws.home().associations.insert(Lab::key("app"));
    lab.begin();
    lab.binding("app");
    lab.binding("other");
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("PodIdentityTakesPrecedence"));
    assert_eq!(lab.verdict("other"), Some(VerdictName::Working));
    lab.forget();
    lab.pass(REFRESH);
    assert_eq!(reads(&lab, "associations"), 1);
    lab.aws.home().associations.clear();
    lab.pass(REFRESH);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    let mut nameless = Lab::healthy();
    nameless.pass(2 * REFRESH);
    assert_eq!(reads(&nameless, "associations"), 0);
}

#[test]
fn what_may_not_be_read_is_told_of_the_account_and_of_no_binding() {
    let mut lab = Lab::new().of_cluster("prod");
    lab.aws.home().padding = 1800;
    lab.begin();
    lab.binding("app");
    lab.settle();
    lab.aws.home().extras = Answers::Denied;
    lab.pass(REFRESH);
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert_eq!(cluster_codes(&mut lab), ["IRSA901"]);
    let mut fresh = Lab::new().of_cluster("prod");
    fresh.aws.home().extras = Answers::Denied;
    fresh.aws.home().padding = 1800;
    fresh.begin();
    fresh.binding("app");
    fresh.settle();
    assert_eq!(
        (fresh.verdict("app"), codes(&fresh, "app")),
        (Some(VerdictName::Working), vec![])
    );
    assert_eq!(cluster_codes(&mut fresh), ["IRSA901"]);
    let mut broken = without_provider(&["near/"]);
    broken.aws.home().extras = Answers::Denied;
    broken.settle();
    assert_eq!(broken.reason("app").as_deref(), Some("ProviderNotRegistered"));
}

#[test]
fn a_missing_webhook_is_the_clusters_while_pods_lack_credentials() {
    let mut lab = Lab::leading();
    lab.annotated("app", Some("app"));
    lab.trusts("app", "app");
    lab.pod("app-1", "app", None, true);
    assert_eq!(cluster_codes(&mut lab), ["IRSA409"]);
    assert_eq!(codes(&lab, "app"), ["IRSA401"]);
    lab.webhook();
    assert_eq!(cluster_codes(&mut lab), [""; 0]);
}

#[test]
fn who_is_bound_by_the_webhooks_config_map_is_audited_like_others() {
    let mut lab = Lab::leading();
    lab.annotated("app", None);
    lab.trusts("app", "app");
    lab.settle();
    assert_eq!(lab.status("app"), None);
    lab.config_map(&json!({"shop/app": {"RoleARN": arn(HOME, "app"), "Audience": "sts.amazonaws.com"}}));
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert_eq!(
        lab.status("app").unwrap().binding.unwrap().role_arn,
        Some(arn(HOME, "app"))
    );
    lab.config_map(&json!({"*/app": {"RoleARN": arn(HOME, "gone"), "Audience": "sts.amazonaws.com"}}));
    lab.settle();
    assert_eq!(lab.reason("app").as_deref(), Some("RoleNotFound"));
    lab.config_map(&json!({}));
    lab.settle();
    assert_eq!(lab.status("app"), None, "nothing shows that it is bound");
}

#[test]
fn a_config_map_that_cannot_be_read_deletes_nothing() {
    let mut lab = Lab::leading();
    lab.annotated("app", None);
    lab.trusts("app", "app");
    lab.pod("app-1", "app", None, true);
    lab.config_map(&json!({"shop/app": {"RoleARN": arn(HOME, "app"), "Audience": "sts.amazonaws.com"}}));
    lab.settle();
    let mut lab = lab.restarted();
    lab.aws.home().roles.clear();
    lab.tell_home();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::ConfigMap) {
        lab.see_listing(kind);
    }
    lab.sync_audits();
    let (kind, message) = (Kind::ConfigMap, "forbidden".to_owned());
    lab.see(Observation::WatchFailed { kind, message });
    lab.annotated("app", None);
    lab.pod("app-1", "app", None, true);
    lab.engine.set_leading(true);
    lab.settle();
    assert!(
        lab.status("app").is_some() && !lab.short_writes().iter().any(|write| write.starts_with("delete"))
    );
    lab.see_listing(Kind::ConfigMap);
    lab.settle();
    assert!(
        lab.short_writes().iter().any(|write| write.starts_with("delete")),
        "{:?}",
        lab.short_writes()
    );
}
