//! What is left of the issuers of other clusters that roles trust: asked for only while it matters.

use super::*;

/// Listings of both accounts, and nothing of a binding.
fn reads(lab: &Lab) -> Vec<String> {
    let mut reads = lab.short_reads();
    reads.retain(|read| read.starts_with("providers") || read.starts_with("clusters"));
    reads
}

fn codes(lab: &Lab) -> Vec<String> {
    let status = lab.api.cluster.clone().unwrap_or_default();
    let findings = status["findings"].as_array().cloned().unwrap_or_default();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

/// A role of the own account trusts the issuer of another cluster, and a binding leads to a second account.
fn trusting() -> Lab {
    let mut lab = Lab::leading();
    lab.aws
        .account(OTHER)
        .roles
        .insert("far".to_owned(), [subject("far")].into());
    lab.annotated_with("far", Some(&arn(OTHER, "far")));
    lab.aws.home().trusted_issuers = [("GONE".to_owned(), ["old".to_owned()].into())].into();
    lab.pass(REFRESH);
    lab
}

#[test]
fn nothing_is_asked_where_no_role_trusts_another_issuer() {
    let mut lab = Lab::healthy();
    lab.pass(2 * REFRESH);
    assert_eq!(reads(&lab), [""; 0]);
}

#[test]
fn a_cluster_that_is_gone_is_found_by_asking_each_account_once_a_refresh() {
    let mut lab = trusting();
    lab.pass(10);
    assert_eq!(codes(&lab), ["IRSA703"]);
    lab.forget();
    lab.pass(REFRESH);
    let once = [
        format!("clusters {HOME} eu-west-1"),
        format!("clusters {OTHER} eu-west-1"),
        format!("providers {HOME}"),
    ];
    assert_eq!(reads(&lab), once);
    assert_eq!(
        lab.writes.len(),
        0,
        "nothing has changed: {:?}",
        lab.short_writes()
    );
}

#[test]
fn a_provider_is_enough_and_so_is_a_cluster_of_the_roles_account() {
    for cluster in [false, true] {
        let mut lab = Lab::leading();
        lab.aws.home().trusted_issuers = [("OTHER".to_owned(), ["old".to_owned()].into())].into();
        if cluster {
            lab.aws.home().clusters.insert("OTHER".to_owned());
        } else {
            lab.aws.home().provider_urls.push(aws::host_path("OTHER"));
        }
        lab.pass(REFRESH);
        let expected = [format!("clusters {HOME} eu-west-1"), format!("providers {HOME}")];
        assert_eq!(reads(&lab), expected[usize::from(!cluster)..]);
        assert_eq!(codes(&lab), [""; 0]);
    }
}

#[test]
fn a_cluster_of_another_account_keeps_it_alive_until_it_is_gone() {
    let mut lab = trusting();
    lab.aws.account(OTHER).clusters.insert("GONE".to_owned());
    lab.pass(REFRESH + 10);
    assert_eq!(codes(&lab), [""; 0]);
    lab.aws.account(OTHER).clusters.clear();
    lab.pass(REFRESH + 10);
    assert_eq!(codes(&lab), ["IRSA703"]);
    lab.aws.home().trusted_issuers.clear();
    lab.pass(REFRESH + 10);
    assert_eq!(codes(&lab), [""; 0]);
    lab.forget();
    lab.pass(REFRESH);
    assert_eq!(reads(&lab), [""; 0], "it matters to nobody any more");
}

#[test]
fn what_may_not_be_listed_is_said_of_the_account_and_of_no_binding() {
    let mut lab = Lab::healthy();
    lab.aws.home().trusted_issuers = [("GONE".to_owned(), ["old".to_owned()].into())].into();
    lab.pass(REFRESH + 10);
    assert_eq!(codes(&lab), ["IRSA703"]);
    lab.aws.home().extras = Answers::Denied;
    lab.pass(REFRESH + 10);
    assert_eq!(codes(&lab), ["IRSA901", "IRSA703"], "what was seen stands");
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    let mut fresh = lab.restarted();
    fresh.begin();
    fresh.binding("app");
    fresh.pass(60);
    assert_eq!(codes(&fresh), ["IRSA901"]);
    assert_eq!(fresh.verdict("app"), Some(VerdictName::Working));
}

#[test]
fn one_audit_waits_for_the_answers() {
    let mut lab = Lab::new();
    lab.aws.home().trusted_issuers = [("GONE".to_owned(), ["old".to_owned()].into())].into();
    lab.engine.set_issuer(issuer(ISSUER));
    lab.tell_home();
    lab.sync();
    lab.engine.set_leading(true);
    let mut asked = 0;
    while !lab.engine.is_settled(lab.now) {
        let actions = lab.turn();
        asked += actions.len();
        lab.carry_out(actions);
    }
    let findings = lab.engine.report(lab.now).cluster.findings;
    assert_eq!(
        findings.first().map(|finding| finding.entry.code),
        Some("IRSA703"),
        "{findings:?} after {asked} reads"
    );
}
