use audit_core::finding::{Finding, Link};
use audit_core::fix::{Command, Fix};
use audit_core::model::{BindingKey, Workload};
use audit_core::report::{BindingFacts, BindingReport, LinkState, PodSummary};
use audit_core::{Severity, Verdict, rules};
use jiff::{SignedDuration, Timestamp};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn report(findings: Vec<Finding>) -> BindingReport {
    let deciding = findings.first();
    BindingReport {
        key: BindingKey::new("ns", "sa"),
        verdict: match deciding.map(|f| f.severity) {
            None | Some(Severity::Notice) => Verdict::Working,
            Some(Severity::Risk) => Verdict::AtRisk,
            Some(Severity::Unknown) => Verdict::Unknown,
            Some(Severity::Broken) => Verdict::Broken,
        },
        reason: deciding.map_or("AllLinksPass", |f| f.entry.reason),
        message: deciding.map_or_else(String::new, |f| f.message.clone()),
        deciding: deciding.map(|_| 0),
        links: Link::ALL.map(|link| (link, LinkState::Passes)),
        then: Vec::new(),
        facts: BindingFacts {
            subject: "system:serviceaccount:ns:sa".to_owned(),
            ..BindingFacts::default()
        },
        pods: PodSummary {
            total: 3,
            ready: 3,
            ..PodSummary::default()
        },
        pending: false,
        valid_until: None,
        findings,
    }
}

fn finding(code: &str) -> Finding {
    Finding::new(rules::entry(code).unwrap(), "wanted a, got b".to_owned())
}

fn condition<'a>(status: &'a IrsaAuditStatus, type_: &str) -> &'a Condition {
    status.conditions.iter().find(|c| c.type_ == type_).unwrap()
}

/// The result that kstatus computes: what Flux and `kubectl wait`-like gates see.
fn kstatus(status: &IrsaAuditStatus, generation: i64) -> &'static str {
    let is = |type_: &str, wanted| condition(status, type_).status == wanted;
    if status.observed_generation != Some(generation) || is("Reconciling", ConditionStatus::True) {
        "InProgress"
    } else if is("Stalled", ConditionStatus::True) {
        "Failed"
    } else if is("Ready", ConditionStatus::True) {
        "Current"
    } else {
        "InProgress"
    }
}

#[test]
fn a_verdict_becomes_the_ready_condition() {
    for (code, ready, result) in [
        (None, ConditionStatus::True, "Current"),
        (Some("IRSA216"), ConditionStatus::True, "Current"),
        (Some("IRSA902"), ConditionStatus::Unknown, "InProgress"),
        (Some("IRSA204"), ConditionStatus::False, "InProgress"),
    ] {
        let status = status(&report(code.map(finding).into_iter().collect()), None, 4, at(100));
        assert_eq!(condition(&status, "Ready").status, ready, "{code:?}");
        assert_eq!(kstatus(&status, 4), result, "{code:?}");
        assert_eq!(kstatus(&status, 5), "InProgress", "a new spec is not audited yet");
    }
}

#[test]
fn the_same_reason_stalls_after_two_minutes_and_another_one_starts_anew() {
    let broken = report(vec![finding("IRSA204")]);
    let first = status(&broken, None, 1, at(1000));
    assert_eq!(stalls_at(&first), Some(at(1120)));
    let early = status(&broken, Some(&first), 1, at(1119));
    assert_eq!(difference(&first, &early), Difference::None);
    let stalled = status(&broken, Some(&early), 1, at(1120));
    assert_eq!(kstatus(&stalled, 1), "Failed");
    assert_eq!(difference(&early, &stalled), Difference::Meaning);
    assert_eq!(stalls_at(&stalled), None);

    let other = status(&report(vec![finding("IRSA205")]), Some(&stalled), 1, at(1200));
    assert_eq!(kstatus(&other, 1), "InProgress");
    let mended = status(&report(vec![]), Some(&stalled), 1, at(1300));
    assert_eq!(kstatus(&mended, 1), "Current");
}

#[test]
fn times_stay_with_what_has_not_changed() {
    let first = status(&report(vec![finding("IRSA204")]), None, 1, at(1000));
    let later = status(
        &report(vec![finding("IRSA204"), finding("IRSA401")]),
        Some(&first),
        1,
        at(2000),
    );
    let seen: Vec<_> = later
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.first_seen))
        .collect();
    assert_eq!(seen, [("IRSA204", at(1000)), ("IRSA401", at(2000))]);
    assert_eq!(condition(&later, "Ready").last_transition_time, at(1000));
    assert_eq!(condition(&later, "Stalled").last_transition_time, at(2000));
}

#[test]
fn what_is_read_back_means_the_same() {
    let mut waived = finding("IRSA208");
    waived.waived = Some(WaivedUntil::Revoked);
    let now = at(1000) + SignedDuration::from_nanos(123_456_789);
    let written = status(&report(vec![finding("IRSA204"), waived]), None, 1, now);
    let read: IrsaAuditStatus = serde_json::from_value(serde_json::to_value(&written).unwrap()).unwrap();
    assert_eq!(read, written);
}

#[test]
fn counts_and_words_are_details() {
    let first = status(&report(vec![finding("IRSA401")]), None, 1, at(1000));
    let mut next = report(vec![finding("IRSA401")]);
    next.pods.ready = 2;
    assert_eq!(
        difference(&first, &status(&next, Some(&first), 1, at(1001))),
        Difference::Detail
    );
    next.findings[0].message = "2 of 3 pods".to_owned();
    next.message.clone_from(&next.findings[0].message);
    assert_eq!(
        difference(&first, &status(&next, Some(&first), 1, at(1001))),
        Difference::Detail
    );
    next.findings[0].severity = Severity::Notice;
    assert_eq!(
        difference(&first, &status(&next, Some(&first), 1, at(1001))),
        Difference::Meaning
    );
}

#[test]
fn a_status_stays_small_whatever_the_names_hold() {
    let long = "\u{1f600}\u{202e}\"\\".repeat(2000);
    let mut findings: Vec<Finding> = rules::CATALOGUE
        .iter()
        .map(|rule| Finding::new(rule.entry, audit_core::text::quote(&long).repeat(4)))
        .collect();
    findings[0].fix = Some(Fix {
        brief: Some(long.clone()),
        ..Fix::manual(long.clone())
    });
    let mut big = report(findings);
    big.then = big.findings.clone();
    big.facts.role_arn = Some(long.clone());
    big.facts.audience = Some(long.clone());
    big.facts.provider_arn = Some(long.clone());
    big.pods.workloads = (0..500)
        .map(|n| Workload {
            kind: long.as_str().into(),
            name: format!("{n}{long}").into(),
        })
        .collect();
    let status = status(&big, None, 1, at(1000));
    let size = serde_json::to_vec(&status).unwrap().len();
    assert!(size <= MAX_BYTES, "{size}");
}

/// A command with a value.
fn kubectl(value: &str) -> Fix {
    Fix::kubectl(Command::new("kubectl").argument(value))
}

#[test]
fn a_command_is_whole_or_not_there() {
    let with = |text: String, brief: Option<&str>| {
        let fix = Fix {
            brief: brief.map(str::to_owned),
            ..kubectl(&text)
        };
        let status = status(&report(vec![finding("IRSA204").fix(fix)]), None, 1, at(0));
        status.findings[0].fix.clone()
    };
    let longest = 1024 - "kubectl ".len();
    let words = Some("# to do: words".to_owned());
    let whole = Some(format!("kubectl {}", "x".repeat(longest)));
    assert_eq!(with("x".repeat(longest), Some("words")), whole);
    assert_eq!(with("x".repeat(longest + 1), Some("words")), words);
    assert_eq!(with("x".repeat(longest + 1), None), None);
    let many = with("x".repeat(2000), Some(&"'é`".repeat(1000)));
    assert!(many.unwrap().len() <= MAX_FIX_BYTES);
}

#[test]
fn what_must_follow_a_command_is_told_where_it_fits() {
    let with = |text: &str| {
        let fix = kubectl(text).then(Some(Fix::kubectl(Command::new("kubectl restart"))));
        let status = status(&report(vec![finding("IRSA101").fix(fix)]), None, 1, at(0));
        status.findings[0].fix.clone().unwrap()
    };
    assert_eq!(with("annotate"), "kubectl annotate && kubectl restart");
    let long = "x".repeat(MAX_FIX_BYTES - 10);
    assert_eq!(with(&long), format!("kubectl {long}\n{MORE_STEPS}"));
}

#[test]
fn a_shell_may_be_given_all_of_a_fix() {
    let hostile = "x`touch pwned` $(touch pwned) 'q' \"q\" ; touch pwned\ntouch pwned #";
    let fixes = [
        Fix::manual(hostile),
        kubectl(hostile).then(Some(Fix::manual(hostile))),
        Fix::manual("ask").then(Some(kubectl(&hostile.replace('\n', "")))),
        Fix::kubectl(Command::new("kubectl a"))
            .then(Some(Fix::manual(hostile)))
            .then(Some(Fix::kubectl(Command::new("kubectl b")))),
        kubectl(&"x".repeat(2000)).brief(hostile),
        Fix::kubectl(Command::new("kubectl a")).ask_first(hostile.to_owned()),
    ];
    for fix in fixes {
        let status = status(&report(vec![finding("IRSA401").fix(fix)]), None, 1, at(0));
        let shown = status.findings[0].fix.clone().unwrap();
        let ran: Vec<&str> = shown.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(ran.len() <= 1, "{shown}");
        // What `touch` would leave, it says.
        let script = format!("touch() {{ echo touched; }}\nkubectl() {{ :; }}\n{shown}");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "{shown}: {output:?}"
        );
    }
}

#[test]
fn what_must_be_asked_first_is_never_pushed_out_and_pushes_nothing_out() {
    let with = |text: &str| {
        let fix = kubectl(text).ask_first("First ask the owner".to_owned());
        let mut finding = finding("IRSA204").fix(fix);
        finding.message = "x".repeat(5000);
        status(&report(vec![finding]), None, 1, at(0)).findings[0]
            .fix
            .clone()
    };
    assert_eq!(
        with("annotate").as_deref(),
        Some("# First ask the owner\nkubectl annotate")
    );
    let long = "x".repeat(MAX_FIX_BYTES - "kubectl ".len());
    assert_eq!(
        with(&long),
        Some(format!("# First ask the owner\nkubectl {long}"))
    );
}

#[test]
fn what_comes_then_is_listed_in_short() {
    let mut first = report(vec![finding("IRSA102")]);
    first.then = vec![Finding::new(rules::entry("IRSA204").unwrap(), "x".repeat(500))];
    let status = status(&first, None, 1, at(1000));
    let [next] = &status.then[..] else {
        panic!("{:?}", status.then)
    };
    assert_eq!(
        (next.code.as_str(), next.reason.as_str(), next.link.as_str()),
        ("IRSA204", "SubjectNamespaceMismatch", "Trust")
    );
    assert!(next.message.len() <= 160);
    assert_eq!(status.codes.as_deref(), Some("IRSA102"), "it is no finding yet");
    first.then.clear();
    let later = super::status(&first, Some(&status), 1, at(1001));
    assert_eq!(difference(&status, &later), Difference::Detail);
}

#[test]
fn a_waived_finding_is_shown_and_its_code_does_not_count() {
    let mut waived = finding("IRSA208");
    waived.waived = Some(WaivedUntil::Time(at(5000)));
    let mut report = report(vec![waived]);
    (report.verdict, report.reason) = (Verdict::Working, "AllLinksPass");
    let status = status(&report, None, 1, at(1000));
    assert_eq!(
        (status.findings[0].waived_until, &status.codes),
        (Some(at(5000)), &None)
    );
}

#[test]
fn a_duplicate_is_no_success() {
    let status = duplicate_status("older", None, 3, at(10));
    assert_eq!(
        (status.verdict, status.reason.as_deref()),
        (Some(VerdictName::Unknown), Some("Duplicate"))
    );
    assert_eq!(kstatus(&status, 3), "Failed");
    let again = duplicate_status("older", Some(&status), 3, at(500));
    assert_eq!(difference(&status, &again), Difference::None);
}
