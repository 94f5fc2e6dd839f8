use audit_core::{Severity, Verdict};

use super::*;
use audit_core::model::BindingKey;
use audit_engine::{BindingSummary, PodCounts};
use audit_remedy::RemedyProgress;
use jiff::Timestamp;

const ARN: &str = "arn:aws:iam::111122223333:role/app";

fn summary(verdict: Verdict) -> BindingSummary {
    BindingSummary {
        verdict,
        reason: "RoleNotFound",
        role_arn: Some(ARN.to_owned()),
        account: Some("111122223333".to_owned()),
        findings: vec![
            ("IRSA201", "RoleNotFound", Severity::Broken),
            ("IRSA201", "RoleNotFound", Severity::Broken),
            ("IRSA301", "ProviderNotRegistered", Severity::Broken),
        ],
        pods: PodCounts {
            total: 3,
            ready: 2,
            stale: 1,
            missing: 0,
        },
        progress: (verdict == Verdict::Broken).then_some(RemedyProgress::Blocked),
        audited: Timestamp::from_millisecond(1_500).unwrap(),
    }
}

#[test]
fn repairs_are_counted_by_namespace_and_progress() {
    let text = three(Detail::Totals);
    assert_eq!(
        lines(&text, "irsa_audit_remediation_bindings"),
        [
            r#"irsa_audit_remediation_bindings{namespace="a",progress="Blocked"} 1"#,
            r#"irsa_audit_remediation_bindings{namespace="b",progress="Blocked"} 1"#,
        ]
    );
}

#[test]
fn a_statement_without_a_record_shows_and_so_does_that_there_is_none() {
    let metrics = Metrics::new(Detail::Totals).unwrap();
    assert_eq!(
        lines(&text(&metrics), "irsa_audit_unrecorded_roles"),
        ["irsa_audit_unrecorded_roles 0"]
    );
    metrics.shown().unrecorded.insert(ARN.to_owned());
    assert_eq!(
        lines(&text(&metrics), "irsa_audit_unrecorded_roles"),
        ["irsa_audit_unrecorded_roles 1"]
    );
}

fn insert(metrics: &Metrics, namespace: &str, name: &str, summary: BindingSummary) {
    metrics
        .shown()
        .bindings
        .insert(BindingKey::new(namespace, name), summary.into());
}

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.encode()).unwrap()
}

/// One healthy and one broken binding in one namespace, another broken one elsewhere.
fn three(detail: Detail) -> String {
    let metrics = Metrics::new(detail).unwrap();
    insert(&metrics, "a", "fine", summary(Verdict::Working));
    insert(&metrics, "a", "bad", summary(Verdict::Broken));
    insert(&metrics, "b", "bad", summary(Verdict::Broken));
    text(&metrics)
}

/// The lines of a metric.
fn lines<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let is_of = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    text.lines().filter(is_of).collect()
}

#[test]
fn an_unhealthy_binding_shows_what_dashboards_and_alerts_need() {
    let text = three(Detail::Unhealthy);
    let of = |name: &str| -> Vec<&str> {
        lines(&text, name)
            .into_iter()
            .filter(|line| line.contains(r#"namespace="b""#))
            .collect()
    };
    let binding = r#"namespace="b",service_account="bad""#;
    assert_eq!(
        of("irsa_audit_binding_info"),
        [format!(
            r#"irsa_audit_binding_info{{account="111122223333",{binding_role}}} 1"#,
            binding_role = format_args!(r#"namespace="b",role_arn="{ARN}",service_account="bad""#)
        )]
    );
    // A state set: one series for each state, and exactly one of them is 1.
    assert_eq!(
        of("irsa_audit_binding_verdict"),
        [("AtRisk", 0), ("Broken", 1), ("Unknown", 0), ("Working", 0)].map(|(verdict, holds)| format!(
            r#"irsa_audit_binding_verdict{{{binding},verdict="{verdict}"}} {holds}"#
        ))
    );
    assert_eq!(
        of("irsa_audit_finding"),
        [("IRSA201", "RoleNotFound"), ("IRSA301", "ProviderNotRegistered")].map(|(code, reason)| format!(
            r#"irsa_audit_finding{{code="{code}",namespace="b",reason="{reason}",service_account="bad",severity="broken"}} 1"#
        ))
    );
    assert_eq!(
        of("irsa_audit_last_audit_timestamp_seconds"),
        [format!(
            "irsa_audit_last_audit_timestamp_seconds{{{binding}}} 1.5"
        )]
    );
}

#[test]
fn totals_are_those_of_namespaces() {
    let text = three(Detail::Totals);
    let total = |namespace: &str, verdict: &str, count: u32| {
        format!(r#"irsa_audit_bindings{{namespace="{namespace}",verdict="{verdict}"}} {count}"#)
    };
    let mut bindings = lines(&text, "irsa_audit_bindings");
    bindings.sort_unstable();
    assert_eq!(
        bindings,
        [
            total("a", "AtRisk", 0),
            total("a", "Broken", 1),
            total("a", "Unknown", 0),
            total("a", "Working", 1),
            total("b", "AtRisk", 0),
            total("b", "Broken", 1),
            total("b", "Unknown", 0),
            total("b", "Working", 0),
        ]
    );
    let pods = |namespace: &str, factor: u32| {
        [("missing", 0), ("ready", 2), ("stale", 1), ("total", 3)].map(|(state, count)| {
            format!(
                r#"irsa_audit_pods{{namespace="{namespace}",state="{state}"}} {}"#,
                factor * count
            )
        })
    };
    assert_eq!(
        lines(&text, "irsa_audit_pods"),
        [pods("a", 2), pods("b", 1)].concat()
    );
}

#[test]
fn detail_decides_which_bindings_have_series_of_their_own() {
    for (detail, fine, bad) in [
        (Detail::Unhealthy, false, true),
        (Detail::All, true, true),
        (Detail::Totals, false, false),
    ] {
        let text = three(detail);
        let has = |name: &str| text.contains(&format!(r#"service_account="{name}""#));
        assert_eq!((has("fine"), has("bad")), (fine, bad), "{detail:?}");
    }
}

#[test]
fn a_series_goes_with_its_object() {
    let metrics = Metrics::new(Detail::All).unwrap();
    insert(&metrics, "a", "app", summary(Verdict::Broken));
    metrics
        .shown()
        .evidence
        .insert("111122223333".to_owned(), Timestamp::now());
    assert!(text(&metrics).contains("\"app\"") && text(&metrics).contains("evidence_age"));
    metrics.shown().bindings.clear();
    metrics.shown().evidence.clear();
    let text = text(&metrics);
    assert!(
        !text.contains("namespace=") && !text.contains("evidence_age"),
        "{text}"
    );
}

#[test]
fn each_series_stands_once_and_its_labels_are_escaped() {
    let metrics = Metrics::new(Detail::All).unwrap();
    let odd = BindingSummary {
        role_arn: Some("a\"b\\c\nd".to_owned()),
        ..summary(Verdict::Unknown)
    };
    insert(&metrics, "a", "odd", odd);
    insert(&metrics, "a", "bad", summary(Verdict::Broken));
    let text = text(&metrics);
    let mut series: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all);
    assert!(text.contains(r#"role_arn="a\"b\\c\nd""#), "{text}");
}

#[test]
fn the_age_of_evidence_grows() {
    let metrics = Metrics::new(Detail::Totals).unwrap();
    metrics
        .shown()
        .evidence
        .insert("111122223333".to_owned(), Timestamp::UNIX_EPOCH);
    let text = text(&metrics);
    let [line] = lines(&text, "irsa_audit_evidence_age_seconds")[..] else {
        panic!("{text}")
    };
    let age: f64 = line
        .strip_prefix(r#"irsa_audit_evidence_age_seconds{account="111122223333"} "#)
        .unwrap()
        .parse()
        .unwrap();
    assert!(age > 1.7e9, "{age}");
}

#[test]
fn every_metric_has_its_type() {
    let metrics = Metrics::new(Detail::All).unwrap();
    insert(&metrics, "a", "app", summary(Verdict::Broken));
    metrics
        .shown()
        .evidence
        .insert("111122223333".to_owned(), Timestamp::now());
    metrics.leader.set(1);
    metrics.observe(
        "111122223333",
        "iam",
        "GetRole",
        AwsOutcome::Throttled,
        Duration::from_millis(20),
    );
    metrics.write(
        "status",
        &WriteOutcome::Done {
            resource_version: None,
        },
    );
    metrics.skipped(Kind::Pod);
    metrics.waiting("writes", 3);
    let text = text(&metrics);
    for (name, kind) in [
        ("irsa_audit_binding_info", "gauge"),
        ("irsa_audit_binding_verdict", "gauge"),
        ("irsa_audit_finding", "gauge"),
        ("irsa_audit_bindings", "gauge"),
        ("irsa_audit_pods", "gauge"),
        ("irsa_audit_last_audit_timestamp_seconds", "gauge"),
        ("irsa_audit_evidence_age_seconds", "gauge"),
        ("irsa_audit_aws_requests_total", "counter"),
        ("irsa_audit_aws_request_duration_seconds", "histogram"),
        ("irsa_audit_writes_total", "counter"),
        ("irsa_audit_undecodable_objects_total", "counter"),
        ("irsa_audit_reconcile_duration_seconds", "histogram"),
        ("irsa_audit_waiting", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
        ("irsa_audit_leader", "gauge"),
        ("irsa_audit_build_info", "gauge"),
    ] {
        assert!(
            text.contains(&format!("# TYPE {name} {kind}\n")),
            "{name}: {text}"
        );
        assert!(text.contains(&format!("# HELP {name} ")), "{name}: {text}");
    }
    let request = r#"account="111122223333",operation="GetRole",outcome="throttled",service="iam""#;
    assert_eq!(
        lines(&text, "irsa_audit_aws_requests_total"),
        [format!("irsa_audit_aws_requests_total{{{request}}} 1")]
    );
    assert_eq!(lines(&text, "irsa_audit_leader"), ["irsa_audit_leader 1"]);
    assert_eq!(
        lines(&text, "irsa_audit_waiting"),
        [r#"irsa_audit_waiting{queue="writes"} 3"#]
    );
    let skipped = lines(&text, "irsa_audit_undecodable_objects_total");
    assert_eq!(skipped.len(), Kind::ALL.len(), "from zero on: {skipped:?}");
    assert!(
        skipped.contains(&r#"irsa_audit_undecodable_objects_total{kind="Pod"} 1"#),
        "{skipped:?}"
    );
}
