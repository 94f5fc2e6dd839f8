//! IAM's policy simulator: asked as seldom as it can be, believed when it says something twice, and missed by nobody.

use super::*;

const SIMULATION: &str = "simulation 111122223333 app";

impl Lab {
    /// A healthy binding of which somebody expects these actions.
    fn expecting_actions(actions: &[&str]) -> Self {
        let mut lab = Self::healthy();
        lab.declare("mine", "app");
        lab.expect_actions(actions);
        lab
    }

    fn expect_actions(&mut self, actions: &[&str]) {
        self.edit("mine", |stored| {
            stored["spec"]["expect"] = json!({"aws": [{"actions": actions}]});
        });
    }

    /// How often the simulator was asked since the last time.
    fn simulations(&mut self) -> usize {
        let reads = self.short_reads();
        self.forget();
        reads.iter().filter(|read| *read == SIMULATION).count()
    }
}

/// A policy that allows these actions.
fn policy_of(actions: &[&str]) -> String {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[test]
fn it_is_asked_for_what_is_expected_and_at_each_refresh_alone() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.settle();
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("AllLinksPass"), 1)
    );
    lab.pass(REFRESH / 2);
    assert_eq!(lab.simulations(), 0);
    lab.pass(REFRESH);
    assert_eq!(lab.simulations(), 1);
    lab.expect_actions(&["s3:GetObject", "s3:PutObject"]);
    lab.settle();
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("ActionNotAllowed"), 1)
    );
    lab.aws.home().policy = Some(policy_of(&["s3:GetObject", "s3:PutObject"]));
    lab.pass(60);
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("AllLinksPass"), 1),
        "once for the new policy"
    );
    lab.reaudit("mine", "now");
    lab.settle();
    assert_eq!(lab.simulations(), 1);
}

#[test]
fn who_expects_nothing_costs_nothing() {
    let mut lab = Lab::healthy();
    lab.pass(2 * REFRESH);
    assert_eq!(lab.simulations(), 0);
    let mut lab = Lab::expecting_actions(&["s3:Get*"]);
    lab.pass(2 * REFRESH);
    assert_eq!(lab.simulations(), 0, "it takes no wildcards");
}

#[test]
fn a_role_that_trusts_somebody_else_is_not_asked_about() {
    let mut lab = Lab::healthy();
    lab.aws
        .home()
        .roles
        .insert("app".to_owned(), [subject("other")].into());
    // What was just read is not read again for a moment.
    lab.pass(6);
    lab.declare("mine", "app");
    lab.reaudit("mine", "now");
    lab.settle();
    lab.expect_actions(&["s3:GetObject"]);
    lab.pass(REFRESH);
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("SubjectServiceAccountMismatch"), 0)
    );
}

#[test]
fn an_organizations_refusal_is_believed_the_second_time() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.aws.home().scp_denies.insert("s3:GetObject");
    lab.settle();
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("AllLinksPass"), 1)
    );
    lab.pass(15);
    assert_eq!(lab.short_reads(), ["permissions 111122223333 app", SIMULATION]);
    assert_eq!(lab.verdict("mine"), Some(VerdictName::Unknown));
    assert_eq!(lab.reason("mine").as_deref(), Some("SimulationDisagrees"));
    lab.aws.home().scp_denies.clear();
    lab.pass(60);
    assert_eq!(
        lab.reason("mine").as_deref(),
        Some("AllLinksPass"),
        "that shows soon"
    );
    lab.forget();
    lab.pass(REFRESH / 4);
    assert_eq!(lab.simulations(), 0);
}

#[test]
fn what_iam_had_not_heard_of_yet_is_no_contradiction() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.aws.home().scp_denies.insert("s3:GetObject");
    lab.settle();
    lab.aws.home().scp_denies.clear();
    lab.pass(30);
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("AllLinksPass"), 2)
    );
    lab.pass(REFRESH / 2);
    assert_eq!(lab.simulations(), 0);
    assert!(lab.short_writes().is_empty());
}

#[test]
fn a_policy_that_changed_meanwhile_is_read_before_anything_is_believed() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject", "s3:PutObject"]);
    lab.settle();
    lab.forget();
    assert_eq!(lab.reason("mine").as_deref(), Some("ActionNotAllowed"));
    // The simulator knows of the new policy first.
    lab.aws.home().policy = Some(policy_of(&["s3:GetObject", "s3:PutObject"]));
    lab.aws.home().singles = Answers::Never;
    lab.aws.home().listings = Answers::Never;
    lab.engine.evidence.force(&Lab::key("app"), &lab.engine.snapshot);
    lab.settle();
    assert_eq!(
        lab.reason("mine").as_deref(),
        Some("ActionNotAllowed"),
        "it was said once"
    );
    lab.aws.home().singles = Answers::Well;
    lab.pass(30);
    assert_eq!(lab.reason("mine").as_deref(), Some("AllLinksPass"));
}

#[test]
fn what_the_simulator_allows_again_and_again_is_not_called_broken() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject", "s3:PutObject"]);
    lab.settle();
    assert_eq!(lab.reason("mine").as_deref(), Some("ActionNotAllowed"));
    // As with policies that are read from elsewhere than they act.
    lab.aws.home().simulated_policy = Some(policy_of(&["s3:GetObject", "s3:PutObject"]));
    lab.reaudit("mine", "now");
    lab.settle();
    assert_eq!(
        lab.reason("mine").as_deref(),
        Some("ActionNotAllowed"),
        "it was said once"
    );
    lab.pass(30);
    assert_eq!(lab.reason("mine").as_deref(), Some("SimulationDisagrees"));
}

#[test]
fn that_it_may_not_be_asked_or_fails_changes_nothing() {
    for how in [Answers::Denied, Answers::Down] {
        let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
        lab.aws.home().simulations = how;
        lab.settle();
        assert_eq!(
            (lab.reason("mine").as_deref(), lab.simulations()),
            (Some("AllLinksPass"), 1)
        );
        lab.pass(REFRESH / 2);
        assert_eq!(lab.simulations(), 0, "not before the refresh");
        lab.pass(REFRESH);
        assert_eq!(lab.simulations(), 1);
        assert_eq!(lab.reason("mine").as_deref(), Some("AllLinksPass"));
        let report = lab.engine.report(lab.now);
        assert!(
            report.cluster.findings.is_empty(),
            "{how:?}: {:?}",
            report.cluster.findings
        );
        assert!(lab.engine.is_settled(lab.now));
    }
}

#[test]
fn an_answer_that_fails_the_second_time_is_not_awaited() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.aws.home().scp_denies.insert("s3:GetObject");
    lab.settle();
    assert!(!lab.engine.is_settled(lab.now), "it is to be asked once more");
    lab.aws.home().simulations = Answers::Denied;
    lab.pass(15);
    assert!(lab.engine.is_settled(lab.now));
    assert_eq!(
        (lab.reason("mine").as_deref(), lab.simulations()),
        (Some("AllLinksPass"), 2)
    );
    lab.pass(REFRESH / 2);
    assert_eq!(lab.simulations(), 0);
}

#[test]
fn no_verdict_waits_for_it() {
    let mut lab = Lab::healthy();
    lab.aws.home().simulations = Answers::Never;
    lab.declare("mine", "app");
    lab.expect_actions(&["s3:PutObject"]);
    lab.settle();
    assert_eq!(lab.reason("mine").as_deref(), Some("ActionNotAllowed"));
    assert!(!lab.engine.is_settled(lab.now), "the command waits a while");
}

#[test]
fn nothing_is_kept_for_those_who_expect_nothing_any_more() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.settle();
    let kept = |lab: &Lab| lab.engine.snapshot.accounts[HOME].simulations.len();
    assert_eq!(kept(&lab), 1);
    lab.edit("mine", |stored| stored["spec"]["expect"] = json!({}));
    lab.settle();
    assert_eq!(kept(&lab), 0);
    lab.expect_actions(&["s3:GetObject"]);
    lab.pass(10);
    assert_eq!(kept(&lab), 1);
    lab.edit("mine", |stored| stored["spec"]["suspend"] = json!(true));
    lab.settle();
    assert_eq!(kept(&lab), 0);
}

#[test]
fn the_command_waits_for_the_second_answer() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.pass(10);
    assert!(lab.engine.is_settled(lab.now));
    lab.aws.home().scp_denies.insert("s3:GetObject");
    lab.reaudit("mine", "now");
    lab.settle();
    assert!(!lab.engine.is_settled(lab.now));
    lab.pass(15);
    assert!(lab.engine.is_settled(lab.now));
    let report = lab.engine.report(lab.now);
    assert_eq!(report.bindings[0].reason, "SimulationDisagrees");
}

/// What is asked of the simulator may be many calls: edits must not pile them up.
#[test]
fn nothing_more_is_asked_about_a_role_before_the_answer() {
    let mut lab = Lab::expecting_actions(&["s3:GetObject"]);
    lab.settle();
    lab.forget();
    let mut under_way = Vec::new();
    for at in 0..20 {
        lab.expect_actions(&["s3:GetObject", &format!("s3:Get{at}")]);
        let (asked, others) = lab.turn().into_iter().partition(|action| {
            matches!(
                action,
                Action::Read(DirectoryRequest::Piece {
                    piece: Piece::Simulation(_),
                    ..
                })
            )
        });
        under_way.extend::<Vec<Action>>(asked);
        lab.carry_out(others);
        lab.now = after(lab.now, Duration::from_secs(10));
    }
    assert_eq!(under_way.len(), 1);
    lab.forget();
    lab.carry_out(under_way);
    lab.pass(10);
    assert_eq!(lab.simulations(), 1, "what is wanted by now");
    lab.pass(REFRESH / 2);
    assert_eq!(lab.simulations(), 0);
}
