//! What the API server itself says of expected permissions: believed when it says so again, and never waited for.

use audit_core::rbac::Reviews;
use audit_core::rbac::Ruling;
use audit_core::rbac::review::Evaluated;

use super::permissions::{role, role_binding};
use super::*;

const DISAGREES: Option<&str> = Some("RbacReviewDisagrees");
const NO_BINDING: Option<&str> = Some("RbacNoBinding");
const DENIED: Ruling = Ruling::Denied {
    explicitly: false,
    failed: false,
};

/// As the roles say.
pub(super) fn agrees(review: &Review) -> ReviewOutcome {
    let of = |evaluated| match evaluated {
        Evaluated::Granted => Ruling::Allowed,
        Evaluated::Denied | Evaluated::Unseen => DENIED,
    };
    ReviewOutcome::Answered(review.questions.iter().map(|q| of(q.evaluated)).collect())
}

/// Whatever the roles say.
pub(super) fn allows(review: &Review) -> ReviewOutcome {
    ReviewOutcome::Answered(vec![Ruling::Allowed; review.questions.len()])
}

pub(super) fn denies(review: &Review) -> ReviewOutcome {
    ReviewOutcome::Answered(vec![DENIED; review.questions.len()])
}

pub(super) fn refuses(_: &Review) -> ReviewOutcome {
    ReviewOutcome::Refused
}

pub(super) fn fails(_: &Review) -> ReviewOutcome {
    ReviewOutcome::Failed
}

/// Allows nothing but the verb `list`.
fn allows_list(review: &Review) -> ReviewOutcome {
    let of = |verb: &str| if verb == "list" { Ruling::Allowed } else { DENIED };
    let questions = review.questions.iter();
    ReviewOutcome::Answered(questions.map(|q| of(&q.request.verb)).collect())
}

impl Lab {
    /// A healthy binding of which somebody expects that it can read pods, and has no role for it.
    fn asking(rules: fn(&Review) -> ReviewOutcome) -> Self {
        let mut lab = Self::healthy();
        lab.rules = rules;
        lab.expect("mine", "app", &["get"]);
        lab.settle();
        lab
    }

    /// The same, as far as the disagreement is believed.
    fn disagreeing() -> Self {
        let mut lab = Self::asking(allows);
        lab.pass(5);
        assert_eq!(lab.reason("mine").as_deref(), DISAGREES);
        lab.forget();
        lab
    }

    fn expect(&mut self, name: &str, service_account: &str, verbs: &[&str]) {
        self.declare(name, service_account);
        self.expect_verbs(name, verbs);
    }

    fn expect_verbs(&mut self, name: &str, verbs: &[&str]) {
        self.edit(name, |stored| {
            stored["spec"]["expect"] =
                json!({"kubernetes": [{"verbs": verbs, "resource": "pods", "namespace": NS}]});
        });
    }

    fn grant(&mut self, verbs: &[&str]) {
        self.see_all(vec![role(verbs), role_binding()]);
    }

    fn said(&self) -> Option<String> {
        self.reason("mine")
    }

    fn keeps_no_reviews(&self) -> bool {
        self.engine.snapshot.reviews == Reviews::default()
    }
}

#[test]
fn a_disagreement_counts_once_it_was_repeated() {
    let mut lab = Lab::asking(allows);
    assert_eq!(
        (lab.said(), lab.reviews.len()),
        (None, 1),
        "broken is told when nobody contradicts"
    );
    assert!(!lab.engine.is_settled(lab.now), "who audits once waits for it");
    lab.pass(4);
    assert_eq!((lab.said(), lab.reviews.len()), (None, 1));
    lab.pass(1);
    assert_eq!((lab.said().as_deref(), lab.reviews.len()), (DISAGREES, 2));
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Unknown));
    assert!(lab.engine.is_settled(lab.now));
}

#[test]
fn a_disagreement_that_was_lag_is_never_told() {
    let mut lab = Lab::asking(allows);
    lab.rules = agrees;
    lab.pass(5);
    lab.rules = allows;
    lab.pass(REFRESH);
    assert_eq!(lab.said().as_deref(), NO_BINDING, "once more is once again");
    let written: Vec<_> = lab.writes.iter().filter(|write| short(write).is_some()).collect();
    assert!(
        written
            .iter()
            .all(|write| !format!("{write:?}").contains("IRSA909")),
        "{written:?}"
    );
}

#[test]
fn broken_is_told_as_soon_as_the_api_server_agrees_or_cannot_say() {
    for rules in [agrees, fails, refuses] {
        let lab = Lab::asking(rules);
        assert_eq!((lab.said().as_deref(), lab.reviews.len()), (NO_BINDING, 1));
    }
}

#[test]
fn an_api_server_that_does_not_answer_holds_nothing_up_for_long() {
    let mut lab = Lab::healthy();
    lab.expect("mine", "app", &["get"]);
    for (wait, said) in [(0, None), (9, None), (1, NO_BINDING)] {
        lab.now = after(lab.now, Duration::from_secs(wait));
        for _ in 0..3 {
            let actions = lab.turn();
            let others = |action: &Action| !matches!(action, Action::Review(_));
            lab.carry_out(actions.into_iter().filter(others).collect());
        }
        assert_eq!(lab.said().as_deref(), said);
    }
}

#[test]
fn what_the_roles_give_and_the_api_server_denies_is_not_fine() {
    let mut lab = Lab::asking(agrees);
    lab.grant(&["get"]);
    lab.rules = denies;
    lab.pass(4);
    assert_eq!(lab.said().as_deref(), Some("AllLinksPass"));
    lab.pass(REFRESH);
    assert_eq!(lab.said().as_deref(), DISAGREES);
}

#[test]
fn it_clears_when_they_agree() {
    let mut lab = Lab::disagreeing();
    lab.rules = agrees;
    lab.pass(REFRESH);
    assert_eq!(lab.said().as_deref(), NO_BINDING);
    assert!(lab.keeps_no_reviews());
}

#[test]
fn it_clears_at_once_when_the_roles_change() {
    let mut lab = Lab::disagreeing();
    lab.grant(&["get"]);
    lab.settle();
    assert_eq!(lab.said().as_deref(), Some("AllLinksPass"));
    assert!(lab.keeps_no_reviews());
}

#[test]
fn it_stands_while_something_else_changes() {
    let mut lab = Lab::asking(allows_list);
    lab.expect_verbs("mine", &["get", "list"]);
    lab.pass(15);
    assert_eq!(lab.said().as_deref(), NO_BINDING, "`get` is still denied by both");
    lab.forget();
    lab.grant(&["get"]);
    lab.settle();
    assert_eq!(lab.said().as_deref(), DISAGREES);
    assert!(
        lab.writes
            .iter()
            .all(|write| !format!("{write:?}").contains("IRSA604"))
    );
}

#[test]
fn agreement_costs_one_review_a_refresh_and_no_write() {
    let mut lab = Lab::asking(agrees);
    assert!(lab.engine.is_settled(lab.now));
    lab.grant(&["get"]);
    lab.pass(5);
    lab.forget();
    lab.pass(REFRESH - 1);
    assert_eq!(lab.reviews.len(), 0);
    lab.pass(3 * REFRESH);
    assert_eq!((lab.reviews.len(), lab.short_writes()), (3, Vec::<String>::new()));
}

#[test]
fn what_stays_in_dispute_is_asked_for_ever_more_rarely() {
    let mut lab = Lab::disagreeing();
    lab.pass(2 * 3600);
    assert!((12..20).contains(&lab.reviews.len()), "{}", lab.reviews.len());
    assert_eq!(lab.said().as_deref(), DISAGREES);
}

#[test]
fn who_expects_nothing_costs_nothing() {
    let mut lab = Lab::healthy();
    lab.grant(&["get"]);
    lab.pass(2 * REFRESH);
    assert_eq!(lab.reviews, []);
    let mut lab = Lab::disagreeing();
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    lab.pass(2 * REFRESH);
    assert_eq!(lab.reviews, []);
    assert!(lab.keeps_no_reviews());
}

#[test]
fn a_missing_right_is_not_asked_about_again_before_the_refresh() {
    let mut lab = Lab::asking(refuses);
    lab.expect("other", "other", &["get"]);
    lab.pass(REFRESH - 1);
    assert_eq!((lab.said().as_deref(), lab.reviews.len()), (NO_BINDING, 1));
    assert!(lab.engine.is_settled(lab.now));
    lab.rules = allows;
    lab.pass(10);
    assert_eq!(lab.said().as_deref(), DISAGREES, "it was granted in the meantime");
}

#[test]
fn failures_change_no_verdict() {
    let mut lab = Lab::asking(fails);
    assert!(lab.engine.is_settled(lab.now));
    lab.pass(60);
    assert_eq!(lab.said().as_deref(), NO_BINDING);
    assert!((4..7).contains(&lab.reviews.len()), "{}", lab.reviews.len());
    for rules in [fails, refuses] {
        let mut lab = Lab::disagreeing();
        lab.rules = rules;
        lab.pass(3 * REFRESH);
        assert_eq!(lab.said().as_deref(), DISAGREES);
    }
}

#[test]
fn an_answer_to_what_was_asked_before_does_not_count() {
    let mut lab = Lab::asking(agrees);
    lab.pass(10);
    lab.rules = allows;
    lab.expect_verbs("mine", &["list"]);
    let old = lab.turn();
    assert!(
        old.iter().any(|action| matches!(action, Action::Review(_))),
        "{old:?}"
    );
    lab.expect_verbs("mine", &["list", "watch"]);
    let new = lab.turn();
    lab.carry_out(old);
    lab.carry_out(new);
    lab.pass(5);
    assert_eq!(lab.reviews.last().map(|review| review.questions.len()), Some(2));
    assert_eq!(lab.said().as_deref(), NO_BINDING, "the first answer to these");
    lab.pass(5);
    assert_eq!(lab.said().as_deref(), DISAGREES);
}

#[test]
fn changes_one_after_another_are_asked_for_together() {
    let mut lab = Lab::asking(agrees);
    lab.forget();
    for n in 0..20 {
        lab.grant(if n % 2 == 0 { &["get"] } else { &["list"] });
        lab.settle();
    }
    lab.pass(60);
    assert_eq!(lab.reviews.len(), 1);
}

#[test]
fn a_fresh_audit_asks_again() {
    let mut lab = Lab::asking(agrees);
    lab.pass(60);
    lab.forget();
    lab.reaudit("mine", "now");
    lab.settle();
    assert_eq!(lab.reviews.len(), 1);
}

#[test]
fn the_requests_of_one_binding_are_bounded() {
    let mut lab = Lab::asking(agrees);
    let names: Vec<String> = (0..200).map(|n| format!("pod-{n}")).collect();
    lab.edit("mine", |stored| {
        stored["spec"]["expect"]["kubernetes"][0]["resourceNames"] = json!(names);
    });
    lab.pass(5);
    let asked = lab.reviews.last().map(|review| review.questions.len());
    assert_eq!(asked, Some(64));
}

#[test]
fn few_bindings_are_reviewed_at_once_and_none_is_forgotten() {
    let mut lab = Lab::healthy();
    for n in 0..30 {
        lab.expect(&format!("mine-{n}"), &format!("app-{n}"), &["get"]);
    }
    let mut under_way = Vec::new();
    for _ in 0..3 {
        let (reviews, others): (Vec<_>, Vec<_>) = lab
            .turn()
            .into_iter()
            .partition(|action| matches!(action, Action::Review(_)));
        under_way.extend(reviews);
        lab.carry_out(others);
    }
    // Of one namespace.
    assert_eq!(under_way.len(), 6);
    lab.carry_out(under_way);
    lab.settle();
    let reviewed: BTreeSet<&BindingKey> = lab.reviews.iter().map(|review| &review.key).collect();
    assert_eq!((lab.reviews.len(), reviewed.len()), (30, 30));
}

#[test]
fn a_follower_keeps_and_asks_nothing() {
    let mut lab = Lab::disagreeing();
    lab.engine.set_leading(false);
    lab.pass(2 * REFRESH);
    assert!(lab.keeps_no_reviews() && lab.reviews.is_empty());
    // What an earlier term asked is answered in vain.
    lab.engine.set_leading(true);
    let under_way = lab.turn();
    lab.engine.set_leading(false);
    lab.engine.set_leading(true);
    lab.carry_out(under_way);
    lab.settle();
    assert!(lab.keeps_no_reviews());
    lab.pass(10);
    assert_eq!(lab.said().as_deref(), DISAGREES);
}
