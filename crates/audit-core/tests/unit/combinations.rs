//! Several things at once: two faults, a fault that hides another, a fault under a waiver. There is always one primary
//! cause.

use serde_json::json;

use crate::finding::{Link, Severity, WaivedUntil};
use crate::model::RoleLookup;
use crate::report::{ALL_LINKS_PASS, BindingReport, LinkState};
use crate::testing::*;
use crate::verdict::Verdict;

/// A fault that breaks one link, and nothing else.
struct Fault {
    code: &'static str,
    link: Link,
    make: fn(World) -> World,
}

const STAGING: &str = "system:serviceaccount:staging:cart";

/// Faults of links one after the other; of the same link no two can be there at once.
const FAULTS: &[Fault] = &[
    Fault {
        code: "IRSA102",
        link: Link::ServiceAccount,
        make: |world| world.annotation("arn:aws:iam::1:role/cart"),
    },
    Fault {
        code: "IRSA201",
        link: Link::Role,
        make: |world| world.role(RoleLookup::Absent),
    },
    Fault {
        code: "IRSA301",
        link: Link::Provider,
        make: World::without_provider,
    },
    Fault {
        code: "IRSA303",
        link: Link::Provider,
        make: |world| world.client_ids(&["vault"]),
    },
    Fault {
        code: "IRSA204",
        link: Link::Trust,
        make: |world| world.condition(&condition(STAGING)),
    },
    Fault {
        code: "IRSA203",
        link: Link::Trust,
        make: |world| {
            let mut policy = trust(&condition(SUBJECT));
            policy["Statement"][0]["Principal"]["Federated"] = json!(provider_arn(OTHER_HOST_PATH));
            world.trust(&policy)
        },
    },
    Fault {
        code: "IRSA401",
        link: Link::Pods,
        make: |world| world.container(bare("app")),
    },
];

fn pairs() -> impl Iterator<Item = (&'static Fault, &'static Fault)> {
    let later = |first: &'static Fault| FAULTS.iter().filter(move |second| second.link > first.link);
    FAULTS
        .iter()
        .flat_map(move |first| later(first).map(move |second| (first, second)))
}

/// The later in the chain comes first: a new trust policy brings a role that is gone back.
fn both(first: &Fault, second: &Fault) -> World {
    (first.make)((second.make)(World::healthy()))
}

fn broken(report: &BindingReport) -> Vec<&'static str> {
    let counts = report
        .findings
        .iter()
        .filter(|f| f.counts() && f.severity == Severity::Broken);
    counts.map(|f| f.entry.code).collect()
}

/// The code of the finding that the verdict is named after.
fn primary(report: &BindingReport) -> &'static str {
    let named = report
        .findings
        .iter()
        .filter(|f| f.counts() && f.entry.reason == report.reason && f.message == report.message);
    let codes: Vec<&str> = named.map(|f| f.entry.code).collect();
    let [code] = codes.as_slice() else {
        panic!("not one primary cause: {}", shown(report))
    };
    code
}

#[test]
fn each_fault_alone_is_found_alone() {
    for fault in FAULTS {
        let report = (fault.make)(World::healthy()).audit();
        the_one(
            &report,
            (fault.code, Severity::Broken, fault.link, Verdict::Broken),
        );
    }
}

#[test]
fn of_two_faults_the_first_in_the_chain_is_the_cause() {
    for (first, second) in pairs() {
        let report = both(first, second).audit();
        assert_eq!(
            (report.verdict, primary(&report)),
            (Verdict::Broken, first.code),
            "{}",
            shown(&report)
        );
        let codes = codes(&report);
        assert!(
            codes.iter().all(|code| [first.code, second.code].contains(code)),
            "two faults are no third one: {}",
            shown(&report)
        );
    }
}

#[test]
fn what_was_hidden_shows_once_the_cause_is_repaired() {
    let hiding = World::healthy()
        .annotation("arn:x")
        .expect_role(ROLE)
        .condition(&condition(STAGING))
        .container(bare("app"));
    let report = hiding.audit();
    assert_eq!(primary(&report), "IRSA102");
    let then: Vec<&str> = report.then.iter().map(|finding| finding.entry.code).collect();
    assert_eq!(then, ["IRSA204"], "and its fix has the pods recreated");
    let annotated = hiding.annotation(ROLE);
    assert_eq!(primary(&annotated.audit()), "IRSA204");
    let trusted = annotated.with_trust_repaired();
    assert_eq!(primary(&trusted.audit()), "IRSA401");
    assert_healthy(&trusted.container(injected("app", ROLE)).audit());
}

#[test]
fn an_audience_is_at_fault_where_the_others_agree() {
    let audience = |ids: &[&str]| {
        let world = World::healthy().client_ids(ids);
        world.audience("vault").without_pods().audit()
    };
    // Nor does the provider know the one that the trust policy wants: both have to be repaired.
    assert_eq!(codes(&audience(&["mesh"])), ["IRSA303", "IRSA209"]);
    the_one(
        &audience(&["vault"]),
        ("IRSA209", Severity::Broken, Link::Trust, Verdict::Broken),
    );
    for ids in [&[AUDIENCE][..], &[AUDIENCE, "vault"]] {
        let wanted = ("IRSA104", Severity::Broken, Link::ServiceAccount, Verdict::Broken);
        the_one(&audience(ids), wanted);
    }
}

#[test]
fn all_that_is_wrong_with_one_statement_is_one_finding() {
    let like = json!({ "StringEquals": {
        format!("https://{HOST_PATH}:sub"): "system:serviceaccounts:staging/*",
        format!("{HOST_PATH}:aud"): "vault",
        format!("{OTHER_HOST_PATH}:aud"): AUDIENCE,
    } });
    let report = World::healthy().condition(&like).audit();
    the_one(
        &report,
        ("IRSA211", Severity::Broken, Link::Trust, Verdict::Broken),
    );
}

#[test]
fn what_is_broken_outweighs_what_could_not_be_seen() {
    let report = World::healthy().role_unseen(None).container(bare("app")).audit();
    assert_eq!((report.verdict, primary(&report)), (Verdict::Broken, "IRSA401"));
    assert!(matches!(state(&report, Link::Role), LinkState::Unseen(_)));
}

#[test]
fn a_waived_fault_leaves_the_next_one_to_be_the_cause() {
    for (first, second) in pairs() {
        let both = both(first, second);
        let visible = codes(&both.audit()).contains(&second.code);
        let report = both.waive(first.code, None).audit();
        let waived = report.findings.iter().find(|f| f.entry.code == first.code);
        assert!(
            waived.is_some_and(|f| f.waived == Some(WaivedUntil::Revoked)),
            "it stays visible: {}",
            shown(&report)
        );
        if visible {
            assert_eq!(
                (primary(&report), broken(&report)),
                (second.code, vec![second.code])
            );
        } else {
            assert_eq!(
                (report.verdict, report.reason),
                (Verdict::Working, ALL_LINKS_PASS),
                "{}",
                shown(&report)
            );
        }
        assert_ne!(
            state(&report, first.link),
            LinkState::Passes,
            "accepted is not fine: {}",
            shown(&report)
        );
    }
}

#[test]
fn a_waiver_of_one_fault_is_none_of_another() {
    for (first, second) in pairs() {
        let report = (first.make)(World::healthy()).waive(second.code, None).audit();
        the_one(
            &report,
            (first.code, Severity::Broken, first.link, Verdict::Broken),
        );
    }
}

#[test]
fn a_waiver_ends_to_the_second() {
    let world = World::healthy()
        .condition(&condition(STAGING))
        .waive("IRSA204", Some(60));
    let report = world.audit();
    assert_eq!(
        (report.verdict, report.valid_until),
        (Verdict::Working, Some(at(&world, 60)))
    );
    assert_eq!(world.clone().later(59).audit().verdict, Verdict::Working);
    let after = world.later(60).audit();
    let finding = the_one(
        &after,
        ("IRSA204", Severity::Broken, Link::Trust, Verdict::Broken),
    );
    assert_eq!(finding.waived, None);
    assert!(
        finding
            .message
            .ends_with("its waiver ended at 2027-01-15T08:01:00Z"),
        "{}",
        finding.message
    );
}

#[test]
fn of_two_waivers_the_longer_counts() {
    let world = World::healthy()
        .condition(&condition(STAGING))
        .waive("IRSA204", Some(60))
        .waive("IRSA204", Some(600));
    assert_eq!(
        world.audit().findings[0].waived,
        Some(WaivedUntil::Time(at(&world, 600)))
    );
    assert_eq!(world.clone().later(599).audit().verdict, Verdict::Working);
    assert_eq!(world.later(600).audit().verdict, Verdict::Broken);
}

#[test]
fn what_is_too_dangerous_counts_under_a_waiver_unless_admins_say_otherwise() {
    let unconstrained = json!({ "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } });
    let waived = World::healthy().condition(&unconstrained).waive("IRSA215", None);
    let report = waived.audit();
    let finding = the_one(&report, ("IRSA215", Severity::Risk, Link::Trust, Verdict::AtRisk));
    assert!(
        finding.message.contains("its waiver does not count"),
        "{}",
        finding.message
    );
    let allowed = waived.config(|config| config.waivable = Some(["IRSA215".to_owned()].into()));
    assert_eq!(allowed.audit().verdict, Verdict::Working);
    // A list of what may be waived is the whole list.
    let other = allowed.condition(&condition(STAGING)).waive("IRSA204", None);
    assert_eq!(other.audit().verdict, Verdict::Broken);
}

#[test]
fn what_could_not_be_seen_can_be_accepted() {
    let mut hanging = condition(SUBJECT);
    hanging["IpAddress"]["aws:SourceIp"] = json!("203.0.113.0/24");
    let world = World::healthy().condition(&hanging);
    assert_eq!(world.audit().verdict, Verdict::Unknown);
    let report = world.waive("IRSA214", None).audit();
    assert_eq!(
        (report.verdict, state(&report, Link::Trust)),
        (Verdict::Working, LinkState::NotApplicable)
    );
}

#[test]
fn a_fault_that_admins_weigh_less_does_not_hide_the_next() {
    let both = World::healthy().without_provider().condition(&condition(STAGING));
    let report = both
        .config(|config| config.severities = [("IRSA301".to_owned(), Severity::Risk)].into())
        .audit();
    assert_eq!((report.verdict, primary(&report)), (Verdict::Broken, "IRSA204"));
}

fn at(world: &World, seconds: i64) -> jiff::Timestamp {
    world
        .now
        .saturating_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap()
}
