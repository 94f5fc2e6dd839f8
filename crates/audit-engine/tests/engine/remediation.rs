//! What a status says about the repair of a trust policy.

use audit_api::irsa_audit::ProgressName;
use audit_api::{TrustPolicyChange, admission, remediation};
use audit_remedy::{
    ChangePhase, JournalRecord, LiveRole, PlanHash, RemediationMode, RemedyOperation, RemedySubject, RoleTag,
    append_statement, consent_key, record_name,
};
use iam_policy::RoleArn;

use super::*;

const ROLE_ID: &str = "AROAapp";

pub fn settings() -> RemediationSettings {
    RemediationSettings {
        own_namespaces: vec!["irsa-audit".to_owned()],
        own_users: vec!["operator".to_owned(), "writer".to_owned()],
    }
}

/// A role that admits another ServiceAccount only, and everyone but the team agrees to a repair.
fn agreed() -> Lab {
    let mut lab = Lab::new().with_writer();
    lab.begin();
    lab.trusts("app", "other");
    lab.aws.home().tags = [(consent_key(&issuer(ISSUER).url), format!("{NS}/app"))].into();
    lab.annotated("app", Some("app"));
    lab.label("team", "shop");
    lab.admins(&json!({}));
    lab.guard();
    lab.settle();
    lab
}

impl Lab {
    fn admins(&mut self, fields: &Value) {
        let mut spec = json!({"maxMode": "Automatic", "roles": ["*"], "serviceAccounts": ["*"],
            "namespaceSelector": {"matchLabels": {"team": "shop"}}});
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let policy = json!({"metadata": {"name": "admins"}, "spec": {"remediation": spec}});
        let policy = prune::policy(policy).unwrap();
        self.see(Observation::Policy(WatchChange::Applied(policy)));
    }

    fn guard(&mut self) {
        let users = settings().own_users;
        let with_age = |mut object: Value| {
            object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
            object
        };
        let policy = prune::admission_policy(with_age(admission::policy(&users))).unwrap();
        self.see(Observation::AdmissionPolicy(WatchChange::Applied(policy)));
        let binding = prune::admission_binding(with_age(admission::binding())).unwrap();
        self.see(Observation::AdmissionBinding(WatchChange::Applied(binding)));
    }

    fn opt_in(&mut self, mode: &str) {
        self.edit("app", |stored| stored["spec"]["remediation"] = json!(mode));
        self.settle();
    }

    fn approve(&mut self, hash: &str) {
        let created = self.now.to_string();
        let approval = json!({"metadata": {"name": "given", "uid": "given", "creationTimestamp": created},
            "spec": {"namespace": NS, "serviceAccount": "app", "planHash": hash, "validFor": "1h", "approvedBy": "jane"}});
        let approval = prune::approval(approval).unwrap();
        self.see(Observation::Approval(WatchChange::Applied(approval)));
        self.settle();
    }

    fn record(&mut self, record: &JournalRecord) {
        let mut change: TrustPolicyChange = remediation::change(record, None);
        change.metadata.creation_timestamp = Some(record.created.into());
        change.status = Some(remediation::closed(record.phase, record.changed, None, None));
        let change = prune::change(serde_json::to_value(change).unwrap()).unwrap();
        self.see(Observation::Change(WatchChange::Applied(change)));
        self.settle();
    }

    fn progress(&self) -> Option<ProgressName> {
        self.status("app")?.remediation
    }

    fn hash(&self) -> Option<String> {
        self.status("app")?.plan?.hash
    }

    /// Who does not agree: authorities and reasons.
    fn blocked_by(&self) -> Vec<(String, String)> {
        let plan = self
            .status("app")
            .and_then(|status| status.plan)
            .unwrap_or_default();
        let blocked = plan.blocked_by.into_iter();
        blocked.map(|by| (by.authority, by.reason)).collect()
    }
}

fn by(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(authority, reason)| ((*authority).to_owned(), (*reason).to_owned()))
        .collect()
}

/// What the writer would have recorded.
fn record(lab: &Lab, phase: ChangePhase) -> JournalRecord {
    let subject = RemedySubject {
        issuer: issuer(ISSUER).url,
        namespace: NS.to_owned(),
        name: "app".to_owned(),
        service_account_uid: "sa-app".to_owned(),
        irsa_audit_uid: String::new(),
        audience: "sts.amazonaws.com".to_owned(),
        role_arn: RoleArn::parse(&arn(HOME, "app")).unwrap(),
        expected_role: None,
        opt_in: RemediationMode::Automatic,
    };
    let role = LiveRole {
        arn: subject.role_arn.clone(),
        id: ROLE_ID.to_owned(),
        trust_text: json!({"Version": "2012-10-17", "Statement": []}).to_string(),
        tags: vec![RoleTag::new("a", "b")],
        quota: 2048,
    };
    let role = LiveRole {
        trust_text: role.trust_text.replace(
            "[]",
            r#"[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]"#,
        ),
        ..role
    };
    let edit = append_statement(&role, &subject, 0, lab.now).unwrap();
    JournalRecord {
        name: record_name(ROLE_ID, 1),
        sequence: 1,
        role_arn: role.arn.to_string(),
        role_id: role.id,
        issuer: ISSUER.to_owned(),
        namespace: NS.to_owned(),
        service_account: "app".to_owned(),
        operation: RemedyOperation::Append,
        statement: edit.statement,
        before: edit.before,
        after: edit.after,
        hash: PlanHash::parse(&"0".repeat(64)).unwrap(),
        approval: None,
        policies: vec!["admins".to_owned()],
        phase,
        created: lab.now,
        changed: lab.now,
        writer: "writer".to_owned(),
        found: None,
        released: None,
    }
}

#[test]
fn a_broken_trust_policy_has_a_plan_and_no_one_has_to_ask_for_it() {
    let lab = agreed();
    assert_eq!(lab.progress(), Some(ProgressName::Proposed));
    assert!(lab.hash().is_some_and(|hash| hash.len() == 64));
    assert_eq!(
        lab.blocked_by(),
        by(&[("Team", "team"), ("Approver", "approval")])
    );
    let summary = lab.status("app").unwrap().plan.unwrap().summary.unwrap();
    assert!(summary.contains(&subject("app")) && !summary.contains(&subject("other")));
}

#[test]
fn where_the_writer_is_not_installed_that_is_all_that_is_said() {
    let mut lab = Lab::leading();
    lab.trusts("app", "other");
    lab.annotated("app", Some("app"));
    lab.settle();
    assert_eq!(lab.blocked_by(), by(&[("Writer", "not_installed")]));
    lab.opt_in("Automatic");
    assert_eq!(lab.progress(), Some(ProgressName::Blocked));
}

#[test]
fn what_works_or_is_broken_elsewhere_has_no_plan() {
    let mut lab = agreed();
    lab.binding("fine");
    lab.annotated("gone", Some("missing"));
    lab.settle();
    for name in ["fine", "gone"] {
        let status = lab.status(name).unwrap();
        assert_eq!((status.remediation, status.plan), (None, None), "{name}");
    }
    lab.opt_in("Off");
    assert_eq!((lab.progress(), lab.hash()), (None, None));
}

#[test]
fn an_approval_turns_a_plan_into_an_approved_one_for_as_long_as_it_is_valid() {
    let mut lab = agreed();
    lab.opt_in("RequireApproval");
    assert_eq!(lab.blocked_by(), by(&[("Approver", "approval")]));
    let hash = lab.hash().unwrap();
    lab.approve(&hash);
    assert_eq!(lab.progress(), Some(ProgressName::Approved));
    assert_eq!(lab.blocked_by(), []);
    assert_eq!(
        lab.shown.bindings[&Lab::key("app")]
            .progress
            .map(audit_remedy::RemedyProgress::as_str),
        Some("Approved")
    );
    lab.pass(3_700);
    assert_eq!(lab.progress(), Some(ProgressName::Proposed));
}

#[test]
fn an_approval_of_something_else_counts_for_nothing() {
    let mut lab = agreed();
    lab.opt_in("RequireApproval");
    lab.approve(&"0".repeat(64));
    assert_eq!(lab.progress(), Some(ProgressName::Proposed));
}

#[test]
fn whoever_takes_back_their_word_blocks_the_plan_at_once() {
    let mut lab = agreed();
    lab.opt_in("Automatic");
    assert_eq!(lab.progress(), Some(ProgressName::Approved));
    lab.admins(&json!({"paused": true}));
    lab.settle();
    assert_eq!(lab.blocked_by(), by(&[("Admins", "paused")]));
    assert_eq!(lab.progress(), Some(ProgressName::Blocked));
    lab.admins(&json!({}));
    lab.label("team", "other");
    lab.settle();
    assert_eq!(lab.blocked_by()[0], ("Admins".to_owned(), "no_policy".to_owned()));
    lab.label("team", "shop");
    lab.settle();
    assert_eq!(lab.progress(), Some(ProgressName::Approved));
    lab.see(Observation::AdmissionBinding(WatchChange::Deleted {
        namespace: String::new(),
        name: admission::NAME.to_owned(),
    }));
    lab.settle();
    assert_eq!(lab.blocked_by(), by(&[("Admission", "admission")]));
}

#[test]
fn what_the_namespace_may_not_know_of_the_role_its_plan_does_not_tell() {
    let mut lab = agreed();
    lab.opt_in("RequireApproval");
    assert!(lab.hash().is_some());
    lab.policy(&json!({"disclosure": [{"level": "CodeOnly"}]}));
    lab.settle();
    let plan = lab.status("app").unwrap().plan.unwrap();
    assert_eq!((plan.hash, plan.summary), (None, None));
    assert_eq!(lab.blocked_by(), by(&[("Approver", "approval")]));
    // Whatever is wrong with the consent, and whichever tool manages the role, the same is said.
    let key = consent_key(&issuer(ISSUER).url);
    let mut requests = 0;
    let mut told_with = |tags: &[(&str, &str)]| {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        lab.aws.home().tags = tags.collect();
        requests += 1;
        lab.reaudit("app", &requests.to_string());
        lab.pass(20);
        lab.status("app").unwrap().plan.unwrap().blocked_by
    };
    let absent = told_with(&[("tool", "ack")]);
    assert_eq!(absent.len(), 3);
    for other in [&key.to_uppercase(), &key] {
        assert_eq!(told_with(&[(other, "a b"), ("tool", "terraform")]), absent);
    }
}

#[test]
fn a_summary_says_nothing_of_the_document() {
    let summary = |others: &[&str]| {
        let mut lab = agreed();
        for other in others {
            lab.trusts("app", other);
        }
        lab.reaudit("app", "1");
        lab.pass(20);
        lab.opt_in("RequireApproval");
        lab.status("app").unwrap().plan.unwrap().summary.unwrap()
    };
    assert_eq!(summary(&[]), summary(&["with-a-longer-name"]));
}

#[test]
fn a_team_that_asks_for_a_repair_learns_that_there_is_none() {
    let mut lab = agreed();
    lab.aws.home().statements = vec![json!({"Effect": "Deny", "Principal": "*", "Action": "*"})];
    lab.reaudit("app", "1");
    lab.pass(20);
    assert_eq!((lab.progress(), lab.hash()), (None, None));
    lab.opt_in("Automatic");
    assert_eq!(lab.progress(), Some(ProgressName::Blocked));
    assert_eq!(lab.blocked_by(), by(&[("RoleOwner", "denied")]));
}

/// The writer writes nothing while there is one, for anyone.
#[test]
fn a_record_that_cannot_be_read_blocks_whoever_asks_for_a_repair() {
    let mut lab = agreed();
    let mut change: TrustPolicyChange = remediation::change(&record(&lab, ChangePhase::Applied), None);
    change.spec.statement = "no JSON".to_owned();
    let change = prune::change(serde_json::to_value(change).unwrap()).unwrap();
    let name = change.name.clone();
    lab.see(Observation::Change(WatchChange::Applied(change)));
    lab.settle();
    assert_eq!(lab.progress(), None, "no one asks");
    lab.opt_in("RequireApproval");
    assert_eq!(lab.progress(), Some(ProgressName::Blocked));
    assert_eq!(lab.blocked_by(), by(&[("Journal", "unreadable")]));
    lab.see(Observation::Change(WatchChange::Deleted {
        namespace: String::new(),
        name,
    }));
    lab.settle();
    assert_eq!(lab.progress(), Some(ProgressName::Proposed));
}

#[test]
fn what_was_written_shows_at_once_and_the_role_is_read_again() {
    let mut lab = agreed();
    lab.opt_in("Automatic");
    let open = record(&lab, ChangePhase::Prepared);
    lab.record(&open);
    assert_eq!(lab.progress(), Some(ProgressName::Approved));
    lab.pass(5);
    lab.forget();
    lab.aws.home().statements = vec![open.statement.clone()];
    let applied = JournalRecord {
        phase: ChangePhase::Applied,
        changed: lab.now,
        ..open
    };
    lab.record(&applied);
    assert!(
        lab.short_reads().iter().any(|read| read.contains("app")),
        "{:?}",
        lab.short_reads()
    );
    lab.pass(2);
    assert_eq!(lab.progress(), Some(ProgressName::Applied));
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    assert!(lab.shown.unrecorded.is_empty());
    let removed = JournalRecord {
        name: record_name(ROLE_ID, 2),
        sequence: 2,
        operation: RemedyOperation::Remove,
        changed: lab.now,
        created: lab.now,
        ..applied
    };
    lab.aws.home().statements.clear();
    lab.record(&removed);
    lab.pass(20);
    // The statement is gone by a person's word: nothing appends it again without another.
    assert_eq!(lab.progress(), Some(ProgressName::RolledBack));
    assert_eq!(lab.blocked_by(), by(&[("Approver", "approval")]));
}

#[test]
fn a_statement_of_the_writer_without_a_record_is_noticed() {
    let mut lab = agreed();
    let record = record(&lab, ChangePhase::Applied);
    lab.aws.home().statements = vec![record.statement.clone()];
    lab.reaudit("app", "1");
    lab.pass(20);
    assert_eq!(lab.shown.unrecorded, BTreeSet::from([arn(HOME, "app")]));
    lab.record(&record);
    lab.pass(20);
    assert!(lab.shown.unrecorded.is_empty());
    // Somebody puts it back after a rollback.
    let removed = JournalRecord {
        name: record_name(ROLE_ID, 2),
        sequence: 2,
        operation: RemedyOperation::Remove,
        ..record.clone()
    };
    lab.record(&removed);
    lab.pass(20);
    assert_eq!(lab.shown.unrecorded.len(), 1);
    let abandoned = JournalRecord {
        phase: ChangePhase::Abandoned,
        ..removed
    };
    lab.record(&abandoned);
    lab.pass(20);
    assert!(lab.shown.unrecorded.is_empty());
    let refused = JournalRecord {
        phase: ChangePhase::Refused,
        ..record
    };
    lab.record(&refused);
    lab.pass(20);
    assert_eq!(lab.shown.unrecorded.len(), 1);
}

/// Of a webhook that is not EKS's, the tokens of its pods show what it asks for.
#[test]
fn a_statement_for_an_audience_that_the_webhook_does_not_ask_for_is_not_planned() {
    let mut lab = Lab::new().with_writer();
    lab.begin();
    lab.engine.set_issuer(issuer("https://oidc.k8s.example.com/main"));
    lab.webhook();
    lab.trusts("app", "other");
    lab.annotated("app", Some("app"));
    lab.pass(20);
    lab.opt_in("Automatic");
    assert!(lab.hash().is_some());
    let mut shows = pod("shows", "app", Some(arn(HOME, "app")), true);
    shows["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
        json!("vault");
    lab.see(Observation::Pod(WatchChange::Applied(
        prune::pod(shows, PREFIX).unwrap(),
    )));
    lab.pass(20);
    assert_eq!(lab.blocked_by(), by(&[("Admins", "audience")]));
    assert_eq!(lab.hash(), None);
}

#[test]
fn a_role_that_is_latched_says_so_whoever_asks() {
    let mut lab = agreed();
    lab.opt_in("Off");
    let latched = record(&lab, ChangePhase::Latched);
    lab.record(&latched);
    lab.pass(20);
    assert_eq!(lab.progress(), Some(ProgressName::Blocked));
    assert_eq!(lab.blocked_by(), by(&[("Journal", "latched")]));
}

/// A fresh start sees every record of the last 400 days for the first time.
#[test]
fn a_change_that_is_older_than_what_is_known_of_its_role_costs_no_read() {
    let mut lab = agreed();
    let old = record(&lab, ChangePhase::Applied);
    lab.aws.home().statements = vec![old.statement.clone()];
    lab.pass(5);
    lab.reaudit("app", "1");
    lab.pass(20);
    lab.forget();
    lab.record(&old);
    lab.pass(20);
    assert_eq!(lab.progress(), Some(ProgressName::Applied));
    assert_eq!(lab.short_reads(), Vec::<String>::new());
}
