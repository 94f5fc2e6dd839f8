//! Workloads that are expected to run as a ServiceAccount and have no pods: each is asked for by name.

use super::*;

const ELSEWHERE: (VerdictName, &str) = (VerdictName::Broken, "PodUsesOtherServiceAccount");
const UNSEEN: (VerdictName, &str) = (VerdictName::Unknown, "PodUsesOtherServiceAccount");
const WORKS: (VerdictName, &str) = (VerdictName::Working, "AllLinksPass");

fn runs_as_app(_: &Lookup) -> LookedUp {
    LookedUp::RunsAs("app".to_owned())
}

fn runs_as_default(_: &Lookup) -> LookedUp {
    LookedUp::RunsAs("default".to_owned())
}

/// A binding that is right, of which somebody expects that a workload runs as it.
fn expecting(kind: &str, name: &str) -> Lab {
    let mut lab = Lab::leading();
    lab.binding("app");
    let spec = json!({"serviceAccountName": "app", "expect": {"workloads": [{"kind": kind, "name": name}]}});
    let object = json!({"metadata": {"namespace": NS, "name": "app"}, "spec": spec});
    let observations = lab.api.put(object);
    lab.show(observations);
    lab
}

#[track_caller]
fn assert_said(lab: &Lab, said: (VerdictName, &str)) {
    assert_eq!(
        (lab.verdict("app"), lab.reason("app").as_deref()),
        (Some(said.0), Some(said.1))
    );
}

#[test]
fn the_first_verdict_is_what_the_template_says() {
    for (answer, said) in [
        (runs_as_app as fn(&Lookup) -> LookedUp, WORKS),
        (runs_as_default, ELSEWHERE),
        (|_| LookedUp::Absent, UNSEEN),
        (|_| LookedUp::Unreadable, UNSEEN),
    ] {
        let mut lab = expecting("Deployment", "web");
        lab.workloads = answer;
        lab.settle();
        assert_said(&lab, said);
        let verdicts = lab.writes.iter().filter_map(|write| match write {
            Write::Status { status, .. } => status.status().verdict,
            _ => None,
        });
        assert_eq!(
            verdicts.collect::<Vec<_>>(),
            [said.0],
            "nothing else was said before"
        );
    }
}

#[test]
fn a_repair_shows_within_a_minute_and_what_is_right_is_asked_for_at_refreshes_only() {
    let mut lab = expecting("Deployment", "web");
    lab.workloads = runs_as_default;
    lab.settle();
    assert_said(&lab, ELSEWHERE);
    lab.workloads = runs_as_app;
    lab.pass(61);
    assert_said(&lab, WORKS);
    lab.forget();
    lab.pass(3 * REFRESH);
    assert_eq!(lab.lookups.len(), 3);
    // A failure changes nothing that was known.
    lab.workloads = |_| LookedUp::Unreadable;
    lab.pass(2 * REFRESH);
    assert_said(&lab, WORKS);
    // A reason to look at once.
    lab.workloads = runs_as_default;
    lab.reaudit("app", "now");
    lab.pass(2);
    assert_said(&lab, ELSEWHERE);
}

#[test]
fn pods_say_it_themselves_and_nothing_else_is_asked_for() {
    let mut lab = expecting("Pod", "web-1");
    lab.settle();
    assert_said(&lab, UNSEEN);
    lab.pod("web-1", "app", Some("app"), true);
    lab.settle();
    assert_said(&lab, WORKS);
    lab.forget();
    lab.pass(2 * REFRESH);
    assert!(lab.lookups.is_empty(), "{:?}", lab.lookups);
    lab.no_pod("web-1");
    lab.settle();
    assert_eq!(lab.lookups.len(), 1);
    lab.edit("app", |object| object["spec"]["expect"] = json!({}));
    lab.forget();
    lab.pass(2 * REFRESH);
    assert!(lab.lookups.is_empty(), "nothing is expected any more");
    assert_said(&lab, WORKS);
}
