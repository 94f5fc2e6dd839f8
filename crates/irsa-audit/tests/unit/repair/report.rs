use audit_remedy::{ChangePhase, RoleTag};
use serde_json::json;

use super::super::testing::{HOST, HOSTILE, ME, Stage, allow, assert_shown, document, record};
use super::super::text::{question_lines, render};
use super::*;

fn report(stage: &Stage) -> PlanReport {
    PlanReport::of(&stage.case(), &[])
}

fn json(stage: &Stage) -> Value {
    serde_json::to_value(report(stage)).unwrap()
}

fn reasons(report: &PlanReport) -> Vec<&str> {
    report.blocked_by.iter().map(|advice| advice.reason).collect()
}

fn forms(report: &PlanReport) -> Vec<&str> {
    report.forms.iter().map(|form| form.form).collect()
}

fn codes(stage: &Stage) -> Vec<&'static str> {
    report(stage)
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn a_plan_is_told_whole() {
    let stage = Stage::broken();
    let (plan, told) = (stage.plan(), json(&stage));
    for (pointer, value) in [
        ("/namespace", json!("shop")),
        ("/serviceAccount", json!("cart")),
        ("/operation", json!("Append")),
        ("/plan/hash", json!(plan.hash.as_str())),
        ("/plan/subject", json!(ME)),
        ("/plan/statement", plan.edit.statement.clone()),
        ("/plan/size", json!(plan.edit.size)),
        ("/plan/quota", json!(2048)),
        ("/mode/effective", json!("RequireApproval")),
        ("/mode/policies", json!("Automatic")),
        ("/question/by", json!(["ConsentTag"])),
        ("/question/already/0/sid", json!("Others")),
        (
            "/question/already/0/subjects/0",
            json!("system:serviceaccount:other:app"),
        ),
        ("/blockedBy/0/authority", json!("Approver")),
        ("/blockedBy/0/reason", json!("approval")),
        ("/refusal", Value::Null),
    ] {
        assert_eq!(told.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn the_question_comes_before_everything_else_also_where_nobody_answers_it() {
    for stage in [Stage::broken(), Stage::with(|stage| stage.role.tags.clear())] {
        let (report, plan) = (report(&stage), stage.plan());
        let text = render(&report);
        let place = |what: &str| text.find(what).unwrap();
        assert!(place("`Others`") < place(plan.hash.as_str()));
        assert!(place(plan.hash.as_str()) < place("(approval)"));
    }
    let none = Stage::with(|stage| stage.role.tags.clear());
    assert_eq!(report(&none).question.unwrap().by, Vec::<&str>::new());
    let team = Stage::with(|stage| stage.subject.expected_role = Some(stage.role.arn.to_string()));
    assert_eq!(
        report(&team).question.unwrap().by,
        ["ConsentTag", "ExpectRoleArn"]
    );
    let named = Stage::with(|stage| {
        let mut statement = allow(ME);
        statement["Action"] = json!("sts:AssumeRole");
        stage.role.trust_text = document(&[statement]);
        stage.role.tags.clear();
    });
    assert_eq!(report(&named).question.unwrap().by, ["Statement"]);
}

/// Whoever edits the namespace writes the `IrsaAudit` as well as the annotation.
#[test]
fn what_the_namespace_says_of_itself_does_not_answer_the_question() {
    let by_namespace = |stage: &mut Stage| {
        stage.role.tags.clear();
        stage.subject.expected_role = Some(stage.role.arn.to_string());
    };
    let lines = |stage: &Stage| question_lines(&report(stage).question.unwrap(), "shop/cart");
    let nobody = lines(&Stage::with(|stage| stage.role.tags.clear()));
    let itself = lines(&Stage::with(by_namespace));
    assert_eq!(itself.last(), nobody.last());
    let consented = lines(&Stage::broken());
    assert!(!consented.contains(nobody.last().unwrap()));
}

#[test]
fn names_are_shown_whole_however_long() {
    let (namespace, name) = ("n".repeat(63), format!("{}-a", "s".repeat(251)));
    let role = format!("arn:aws:iam::111122223333:role/{}/cart", "p".repeat(500));
    let long = Stage::with(|stage| {
        stage.subject.namespace.clone_from(&namespace);
        stage.subject.name.clone_from(&name);
        stage.subject.role_arn = iam_policy::RoleArn::parse(&role).unwrap();
        stage.role.arn = stage.subject.role_arn.clone();
    });
    let text = render(&report(&long));
    let (shown, _) = text.split_once("--- ").unwrap();
    for whole in [
        format!("{namespace}/{name}\n"),
        long.subject.subject(),
        format!("{role}\n"),
    ] {
        assert!(shown.contains(&whole), "{shown}");
    }
}

#[test]
fn each_authority_that_blocks_is_told() {
    let stage = Stage::with(|stage| {
        stage.role.tags.clear();
        stage.authorities.policies[0].paused = true;
        let mut other = record(&Stage::broken().plan(), ChangePhase::Prepared);
        other.service_account = "till".to_owned();
        stage.authorities.journal.push(other);
    });
    assert_eq!(
        reasons(&report(&stage)),
        ["paused", "consent", "approval", "in_flight"]
    );
    let agreed = Stage::with(|stage| stage.subject.opt_in = audit_remedy::RemediationMode::Automatic);
    assert_eq!(reasons(&report(&agreed)), Vec::<&str>::new());
}

#[test]
fn a_rollback_is_a_plan_without_the_question() {
    let stage = Stage::applied();
    let told = json(&stage);
    assert_eq!(told["operation"], "Remove");
    assert_eq!(told["question"], Value::Null);
    assert_eq!(told["plan"]["before"]["Statement"].as_array().unwrap().len(), 2);
    assert_eq!(told["plan"]["after"]["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(told["blockedBy"][0]["reason"], "approval");
}

#[test]
fn who_takes_access_away_is_given_nothing_that_grants_it() {
    let stage = Stage::with(|stage| stage.operation = RemedyOperation::Remove);
    let told = json(&stage);
    assert_eq!(told["refusal"]["reason"], "nothing_to_remove");
    assert_eq!(told["findings"], json!([]));
}

#[test]
fn the_tools_that_manage_the_role_have_their_forms() {
    assert_eq!(
        forms(&report(&Stage::broken())),
        ["aws-cli", "terraform", "eksctl"]
    );
    let owned = Stage::with(|stage| {
        stage.role.tags.extend([
            RoleTag::new("alpha.eksctl.io/cluster-name", "c"),
            RoleTag::new("services.k8s.aws/namespace", "infra"),
        ]);
    });
    let report = report(&owned);
    assert_eq!(forms(&report), ["aws-cli", "terraform", "eksctl", "ack"]);
    let tools: Vec<&str> = report
        .plan
        .unwrap()
        .tools
        .iter()
        .map(|owned| owned.tool)
        .collect();
    assert_eq!(tools, ["eksctl", "ACK"]);
    let asked = PlanReport::of(
        &Stage::broken().case(),
        &[TrustForm::Crossplane, TrustForm::AwsCli],
    );
    assert_eq!(forms(&asked), ["aws-cli", "terraform", "eksctl", "crossplane"]);
}

#[test]
fn where_there_is_no_plan_the_finding_has_the_text_of_the_other_edit() {
    let mut deny = allow(ME);
    deny["Effect"] = json!("Deny");
    let denied = Stage::with(|stage| stage.role.trust_text = document(&[allow(ME), deny]));
    let told = json(&denied);
    assert_eq!(
        (&told["plan"], &told["refusal"]["reason"]),
        (&Value::Null, &json!("denied"))
    );
    assert_eq!(codes(&denied), ["IRSA212"]);

    let mut open = allow(ME);
    open["Condition"] = json!({"StringEquals": {format!("{HOST}:sub"): ME}});
    let admitted = Stage::with(|stage| stage.role.trust_text = document(&[open]));
    assert_eq!(json(&admitted)["refusal"]["reason"], "already_admitted");
    let finding = &report(&admitted).findings[0];
    assert_eq!(finding.code, "IRSA208");
    assert!(finding.fix.is_some());

    let other = "arn:aws:iam::111122223333:role/other";
    let expects = Stage::with(|stage| stage.subject.expected_role = Some(other.to_owned()));
    assert_eq!(json(&expects)["refusal"]["reason"], "expects_another");
    assert!(codes(&expects).contains(&"IRSA107"));

    let unparsed = Stage::with(|stage| stage.role.trust_text = "{".to_owned());
    assert_eq!(json(&unparsed)["refusal"]["reason"], "document_not_whole");
    assert_eq!(codes(&unparsed), ["IRSA218"]);
}

#[test]
fn nothing_hostile_acts_on_a_terminal() {
    let hostile = |stage: &mut Stage| {
        let mut statement = allow(&format!("system:serviceaccount:{HOSTILE}"));
        statement["Sid"] = json!(HOSTILE);
        statement["Principal"]["AWS"] = json!(HOSTILE);
        stage.role.trust_text = document(&[statement]);
        stage.role.tags.push(RoleTag::new("terraform", HOSTILE));
        stage.authorities.policies[0].name = HOSTILE.to_owned();
        stage.authorities.policies[0].paused = true;
    };
    let planned = Stage::with(hostile);
    let refused = Stage::with(|stage| {
        hostile(stage);
        stage.subject.expected_role = Some(HOSTILE.to_owned());
    });
    // The finding has a command and other forms.
    let admitted = Stage::with(|stage| {
        let mut open = allow(ME);
        open["Sid"] = json!(HOSTILE);
        open["Condition"] = json!({"StringEquals": {format!("{HOST}:sub"): ME}});
        stage.role.trust_text = document(&[open]);
    });
    assert!(
        report(&admitted)
            .findings
            .iter()
            .any(|finding| !finding.forms.is_empty())
    );
    for stage in [&planned, &refused, &admitted] {
        let report = report(stage);
        assert_shown(&render(&report));
        let json = audit_core::text::indented(&serde_json::to_string(&report).unwrap());
        assert!(json.is_ascii());
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, serde_json::to_value(&report).unwrap());
    }
    assert!(report(&planned).plan.is_some());
    assert!(report(&refused).refusal.is_some());
}
