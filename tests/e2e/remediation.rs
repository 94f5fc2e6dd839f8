//! The writer on a real API server, with a pretend AWS: who has to agree, and what is written then.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_api::admission;
use audit_api::change::PhaseName;
use audit_core::model::IssuerUrl;
use audit_k8s::rights;
use audit_remedy::{RemedyOperation, consent_key};
use e2e::audit_log::{AuditLog, Request};
use e2e::aws::{Aws, HOME, Role};
use e2e::cluster::Target;
use e2e::objects;
use e2e::operator::Operator;
use e2e::remediation::{
    APPROVER, StageError, WRITER, approval, as_user, changes, consent, document, grant, install, opt_in,
    own_users, plan, policy, policy_target, recorded, role_arn, writer,
};
use e2e::scenario::APP;
use e2e::trust;
use e2e::world::{ISSUER, OPERATOR, World, eventually};
use fake_aws::Fault;
use serde_json::{Value, json};
use test_kit::Signal;

use super::{Failure, Outcome, WITHIN, WORKS, play, wait_for};

/// A world with the writer's rights and the admission policy installed.
async fn stage() -> Result<World, Failure> {
    let world = World::start(Aws::fake().await?).await?;
    install(&world).await?;
    Ok(world)
}

/// A broken binding whose team opts in; nobody else agrees yet.
async fn broken(world: &World, namespace: &str, mode: &str) -> Outcome {
    play(world, namespace).await?;
    world.cluster().apply(&opt_in(namespace, mode), "team").await?;
    Ok(())
}

/// How many looks were blocked by an authority.
async fn blocked(writer: &Operator, by: &str) -> u64 {
    let metrics = writer.metrics().await;
    metrics.map_or(0, |metrics| {
        metrics.total("irsa_audit_remediation_blocked_total", &[("by", by)])
    })
}

/// Awaits one more look that an authority blocks than there were.
async fn wait_until_blocked(writer: &Operator, by: &str) -> Outcome {
    let before = blocked(writer, by).await;
    let more = eventually(WITHIN, || async { blocked(writer, by).await > before }).await;
    assert!(more, "not blocked by {by}: {}", writer.process().log());
    Ok(())
}

/// Creates an approval as a user.
async fn approve(world: &World, name: &str, namespace: &str, hash: &str) -> Result<(), StageError> {
    let person = as_user(world, APPROVER).await?;
    person.create(&approval(name, namespace, hash, APPROVER)).await?;
    Ok(())
}

/// The statements of a document.
fn statements(document: &Value) -> &[Value] {
    document["Statement"].as_array().expect("statements")
}

/// Exactly one more statement, at the end, and the rest equal.
fn assert_appended(before: &Value, after: &Value, statement: &Value) {
    let mut expected = before.clone();
    expected["Statement"]
        .as_array_mut()
        .expect("statements")
        .push(statement.clone());
    assert_eq!(*after, expected);
}

#[tokio::test]
async fn an_approved_plan_is_carried_out_once_and_rolled_back_when_that_is_approved() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let log_of_calls = AuditLog::new()?;
    let world = World::start_with(Aws::fake().await?, &log_of_calls.options()).await?;
    install(&world).await?;
    broken(&world, NAMESPACE, "RequireApproval").await?;
    consent(&world, NAMESPACE).await?;
    world
        .cluster()
        .create(&policy(NAMESPACE, "Automatic", &json!({})))
        .await?;
    let before = document(&world, NAMESPACE).await?;
    let operator = world.operator(&[]).await?;
    let writer = writer(&world, &[]).await?;
    wait_until_blocked(&writer, "approval").await?;
    assert!(changes(&world, NAMESPACE).await?.is_empty());
    assert_eq!(document(&world, NAMESPACE).await?, before);

    let append = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    approve(&world, "first", NAMESPACE, append.hash.as_str()).await?;
    let log = || writer.process().log();
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{:?} {}",
        changes(&world, NAMESPACE).await?,
        log()
    );
    let after = document(&world, NAMESPACE).await?;
    assert_appended(&before, &after, &append.edit.statement);
    wait_for(&world, NAMESPACE, WORKS).await?;
    drop(operator);
    let change = changes(&world, NAMESPACE).await?.remove(0);
    let spent = change.spec.approval.expect("an approval");
    assert_eq!(
        (spent.name.as_str(), spent.approved_by.as_str()),
        ("first", APPROVER)
    );
    assert_eq!(change.spec.plan_hash, append.hash.as_str());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(
        (parsed(&change.spec.before), parsed(&change.spec.after)),
        (before.clone(), after)
    );
    let events = world.cluster().events(NAMESPACE).await?;
    let told = events.iter().filter_map(|event| event.note.as_deref());
    let told: Vec<&str> = told.filter(|note| note.contains("TrustPolicyChange")).collect();
    assert_eq!(told.len(), 1, "{told:?}");

    // Somebody takes the statement out: it stays out, and the old approval does not help.
    world.aws().trust_role(NAMESPACE, &before.to_string()).await?;
    wait_until_blocked(&writer, "approval").await?;
    assert_eq!(document(&world, NAMESPACE).await?, before);
    let again = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_ne!(again.hash, append.hash);
    approve(&world, "second", NAMESPACE, again.hash.as_str()).await?;
    assert!(
        recorded(&world, NAMESPACE, 2, "Applied", WITHIN).await,
        "{}",
        log()
    );
    let after = document(&world, NAMESPACE).await?;
    assert_appended(&before, &after, &again.edit.statement);

    let remove = plan(&world, NAMESPACE, RemedyOperation::Remove).await?;
    approve(&world, "back", NAMESPACE, remove.hash.as_str()).await?;
    assert!(
        recorded(&world, NAMESPACE, 3, "Applied", WITHIN).await,
        "{}",
        log()
    );
    assert_eq!(document(&world, NAMESPACE).await?, before);
    // What a person had removed is not appended again.
    wait_until_blocked(&writer, "approval").await?;
    assert_eq!(
        statements(&document(&world, NAMESPACE).await?),
        statements(&before)
    );
    assert_rights(&log_of_calls.requests(OPERATOR, WRITER)?);
    Ok(())
}

/// The writer has used each of its rights, and was refused nothing.
fn assert_rights(requests: &[Request]) {
    let refused: Vec<_> = requests.iter().filter(|request| !request.allowed).collect();
    assert!(refused.is_empty(), "refused: {refused:#?}");
    let used: BTreeSet<(&str, &str)> = requests
        .iter()
        .map(|request| (request.resource.as_str(), request.verb.as_str()))
        .collect();
    let granted: BTreeSet<(&str, &str)> = rights::WRITER_CLUSTER
        .iter()
        .chain(rights::WRITER_NAMESPACE)
        .flat_map(|right| {
            let verbs = |resource| right.verbs.iter().map(move |verb| (resource, *verb));
            right.resources.iter().flat_map(move |resource| verbs(*resource))
        })
        // An Event that is told again is patched; each of these is told once.
        .filter(|right| *right != ("events", "patch"))
        .collect();
    let unused: Vec<_> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "unused: {unused:?}");
}

/// Awaits the line of the log that says why a binding is not repaired.
async fn wait_until_refused(writer: &Operator, namespace: &str, why: &str) -> Outcome {
    let (namespace, why) = (format!("namespace=\"{namespace}\""), format!("why=\"{why}\""));
    let is_told = || {
        let log = writer.process().log();
        log.lines()
            .any(|line| line.contains(&namespace) && line.contains(&why))
    };
    let told = eventually(WITHIN, || async { is_told() }).await;
    assert!(told, "{namespace}, {why}: {}", writer.process().log());
    Ok(())
}

/// A binding in a namespace that Kubernetes keeps for itself, whose role trusts another namespace.
async fn broken_in_kube_namespace(world: &World, namespace: &'static str) -> Outcome {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Federated": trust::provider_arn(HOME, ISSUER)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{}:sub", trust::host_path(ISSUER)): trust::subject("other", APP)}},
    });
    let role = Role::new(namespace, trust::document(&[statement]));
    world.aws().create_role(&role).await?;
    let cluster = world.cluster();
    cluster.create_namespace(namespace).await?;
    cluster
        .create(&objects::service_account(namespace, APP, &role.arn()))
        .await?;
    cluster.apply(&opt_in(namespace, "Automatic"), "team").await?;
    Ok(())
}

#[tokio::test]
async fn automatic_repairs_need_the_team_the_admins_and_the_roles_owner() -> Outcome {
    let world = stage().await?;
    let cluster = world.cluster();
    for namespace in ["wrong-namespace", "wrong-name", "misspelt-subject", "wildcard"] {
        broken(&world, namespace, "Automatic").await?;
    }
    broken_in_kube_namespace(&world, "kube-shop").await?;
    let none = json!({});
    // One to which everyone agrees, but paused; others that lack one word each.
    cluster
        .create(&policy("wrong-namespace", "Automatic", &json!({"paused": true})))
        .await?;
    cluster.create(&policy("wrong-name", "Automatic", &none)).await?;
    cluster
        .create(&policy("misspelt-subject", "Automatic", &none))
        .await?;
    cluster.create(&policy("kube-shop", "Automatic", &none)).await?;
    for namespace in ["wrong-namespace", "wildcard", "kube-shop"] {
        consent(&world, namespace).await?;
    }
    let other_cluster = format!("irsa-audit.dev/trust.{}", "0a".repeat(16));
    world
        .aws()
        .tag_role("misspelt-subject", &other_cluster, "misspelt-subject/app")
        .await?;
    let namespaces = [
        "wrong-namespace",
        "wrong-name",
        "misspelt-subject",
        "wildcard",
        "kube-shop",
    ];
    let mut before = Vec::new();
    for namespace in namespaces {
        before.push(document(&world, namespace).await?);
    }

    let fake = world.aws().as_fake().expect("the fake");
    fake.reset_calls();
    let writer = writer(&world, &[]).await?;
    wait_until_refused(&writer, "wrong-namespace", "paused").await?;
    wait_until_refused(&writer, "wrong-name", "consent").await?;
    wait_until_refused(&writer, "misspelt-subject", "consent").await?;
    wait_until_refused(&writer, "wildcard", "no_policy").await?;
    cluster.create(&policy("wildcard", "Propose", &none)).await?;
    wait_until_refused(&writer, "wildcard", "policy_mode").await?;
    wait_until_refused(&writer, "kube-shop", "namespace").await?;
    // Nothing is asked of AWS about roles for which admins allow nothing.
    let calls = fake.calls();
    let asked = |role: &str| {
        let mut roles = calls.iter().filter_map(|call| call.parameters.get("RoleName"));
        roles.any(|name| name == role)
    };
    assert!(asked("wrong-name") && !asked("wildcard") && !asked("kube-shop"));
    for namespace in namespaces {
        assert!(changes(&world, namespace).await?.is_empty(), "{namespace}");
    }

    // The pause ends, and nobody else is asked.
    let resumed = json!({"spec": {"remediation": {"paused": false}}});
    cluster
        .merge(policy_target("repair-wrong-namespace"), &resumed)
        .await?;
    assert!(
        recorded(&world, "wrong-namespace", 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let change = changes(&world, "wrong-namespace").await?.remove(0);
    assert_eq!(change.spec.approval, None);
    assert_eq!(change.spec.policies, ["repair-wrong-namespace"]);
    let statement = serde_json::from_str(&change.spec.statement).expect("JSON");
    assert_appended(
        &before[0],
        &document(&world, "wrong-namespace").await?,
        &statement,
    );
    for (namespace, before) in namespaces.iter().zip(&before).skip(1) {
        assert_eq!(document(&world, namespace).await?, *before, "{namespace}");
    }
    let metrics = writer.metrics().await?;
    assert_eq!(
        metrics.total("irsa_audit_remediations_total", &[("outcome", "applied")]),
        1
    );
    Ok(())
}

#[tokio::test]
async fn no_one_approves_in_another_name_and_no_one_who_only_edits_a_namespace() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    const EDITOR: &str = "ed";
    let world = stage().await?;
    let cluster = world.cluster();
    broken(&world, NAMESPACE, "RequireApproval").await?;
    let hash = "ab".repeat(32);
    let refused = async |user: &str, approved_by: &str| -> Result<Option<u16>, Failure> {
        let person = as_user(&world, user).await?;
        let created = person
            .create(&approval("tried", NAMESPACE, &hash, approved_by))
            .await;
        Ok(created.err().and_then(|error| error.refusal()))
    };
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let editor = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": EDITOR});
    grant(cluster, NAMESPACE, "everything", &everything, &editor).await?;
    assert_eq!(refused(EDITOR, EDITOR).await?, Some(403));

    assert_eq!(refused(APPROVER, "somebody-else").await?, Some(403));
    // Also if somebody gives irsa-audit itself the right to create approvals.
    for (at, user) in own_users().iter().enumerate() {
        let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user});
        let approve =
            json!([{"apiGroups": ["irsa-audit.dev"], "resources": ["irsaapprovals"], "verbs": ["create"]}]);
        grant(cluster, "", &format!("too-much-{at}"), &approve, &subject).await?;
        assert_eq!(refused(user, user).await?, Some(403), "{user}");
    }
    assert_eq!(refused(APPROVER, APPROVER).await?, None);
    // It never changes.
    let tried = Target {
        kind: "IrsaApproval",
        ..policy_target("tried")
    };
    let changed = cluster
        .merge(tried, &json!({"spec": {"planHash": "cd".repeat(32)}}))
        .await;
    assert_eq!(changed.err().and_then(|error| error.refusal()), Some(422));
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_unless_the_admission_policy_and_its_binding_are_as_shipped() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let cluster = world.cluster();
    broken(&world, NAMESPACE, "RequireApproval").await?;
    consent(&world, NAMESPACE).await?;
    cluster
        .create(&policy(NAMESPACE, "RequireApproval", &json!({})))
        .await?;
    let append = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    approve(&world, "given", NAMESPACE, append.hash.as_str()).await?;
    let of = |kind: &'static str| Target {
        api_version: "admissionregistration.k8s.io/v1",
        kind,
        namespace: "",
        name: admission::NAME,
    };
    let (the_policy, the_binding) = (
        of("ValidatingAdmissionPolicy"),
        of("ValidatingAdmissionPolicyBinding"),
    );
    cluster.delete(the_binding).await?;
    let writer = writer(&world, &[]).await?;
    wait_until_blocked(&writer, "admission").await?;

    let mut weak = admission::binding();
    weak["spec"]["validationActions"] = json!(["Warn"]);
    cluster.create(&weak).await?;
    wait_until_blocked(&writer, "admission").await?;
    cluster.delete(the_binding).await?;
    cluster.create(&admission::binding()).await?;
    let ignoring = json!({"spec": {"failurePolicy": "Ignore"}});
    cluster.delete(the_policy).await?;
    wait_until_blocked(&writer, "admission").await?;
    let mut weak = admission::policy(&own_users());
    weak["spec"]["failurePolicy"] = ignoring["spec"]["failurePolicy"].clone();
    cluster.create(&weak).await?;
    wait_until_blocked(&writer, "admission").await?;
    assert!(changes(&world, NAMESPACE).await?.is_empty());

    cluster
        .merge(the_policy, &json!({"spec": {"failurePolicy": "Fail"}}))
        .await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    Ok(())
}

#[tokio::test]
async fn what_a_killed_writer_left_open_is_closed_by_the_next_one() -> Outcome {
    const NEVER: &str = "wrong-namespace";
    const DONE: &str = "wrong-name";
    const FOREIGN: &str = "misspelt-subject";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    let all = [NEVER, DONE, FOREIGN];
    for namespace in all {
        broken(&world, namespace, "Automatic").await?;
        consent(&world, namespace).await?;
        world
            .cluster()
            .create(&policy(namespace, "Automatic", &json!({})))
            .await?;
    }
    let before = document(&world, NEVER).await?;
    fake.fault(Fault::on("UpdateAssumeRolePolicy").hang());
    let first = writer(&world, &["--unsafe-test-timing=call-timeout=2s,late=120s"]).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") >= 3 }).await;
    assert!(sent, "{}", first.process().log());
    first.process().signal(Signal::Kill)?;
    fake.clear_faults();
    // Of one the write never arrived, of one it did, and the last role somebody has changed since.
    let change = changes(&world, DONE).await?.remove(0);
    world.aws().trust_role(DONE, &change.spec.after).await?;
    let foreign = trust::document(&[
        json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"}),
    ]);
    world.aws().trust_role(FOREIGN, &foreign).await?;

    // The team of the first does not want it any more: that is no matter for what was begun.
    world.cluster().apply(&opt_in(NEVER, "Propose"), "team").await?;
    let second = writer(&world, &[]).await?;
    for (namespace, phase) in [(NEVER, "NotApplied"), (DONE, "Applied"), (FOREIGN, "Latched")] {
        assert!(
            recorded(&world, namespace, 1, phase, WITHIN).await,
            "{namespace}: {:?} {}",
            changes(&world, namespace).await?,
            second.process().log()
        );
    }
    assert_eq!(document(&world, NEVER).await?, before);
    let change = changes(&world, FOREIGN).await?.remove(0);
    let found = change
        .status
        .and_then(|status| status.found)
        .expect("what was found");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(parsed(&found), parsed(&foreign));
    assert_eq!(document(&world, FOREIGN).await?, parsed(&foreign));
    let latched = || async {
        let metrics = second.metrics().await;
        metrics.is_ok_and(|metrics| metrics.total("irsa_audit_remediation_latched_roles", &[]) == 1)
    };
    assert!(eventually(WITHIN, latched).await);
    wait_until_refused(&second, FOREIGN, "approval,latched").await?;
    Ok(())
}

#[tokio::test]
async fn a_writer_that_is_stopped_closes_what_it_has_begun_and_begins_nothing_else() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    broken(&world, NAMESPACE, "Automatic").await?;
    consent(&world, NAMESPACE).await?;
    world
        .cluster()
        .create(&policy(NAMESPACE, "Automatic", &json!({})))
        .await?;
    // It has to wait for this long until a read tells what came of a write.
    let slow = "--unsafe-test-timing=consistency=5s";
    let writer = writer(&world, &[slow]).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") > 0 }).await;
    assert!(sent, "{}", writer.process().log());
    assert!(!recorded(&world, NAMESPACE, 1, "Applied", Duration::from_millis(1)).await);
    writer.process().signal(Signal::Term)?;
    assert_eq!(writer.process().wait(WITHIN).await?, 0);
    let change = changes(&world, NAMESPACE).await?.remove(0);
    assert_eq!(
        change.status.and_then(|status| status.phase),
        Some(PhaseName::Applied),
        "{}",
        writer.process().log()
    );
    Ok(())
}

/// The shipped IAM policy is what the writer calls: to edit only what consents to this cluster, and to tag nothing.
#[tokio::test]
async fn the_shipped_iam_policy_allows_what_the_writer_calls() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/iam/writer.json");
    let policy_of_role: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let of = |effect: &str, field: &str| -> BTreeSet<String> {
        let statements = statements(&policy_of_role).iter();
        let named = statements.filter(|statement| statement["Effect"] == effect);
        let values = named.flat_map(|statement| match &statement[field] {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            single => vec![single.clone()],
        });
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let allowed = of("Allow", "Action");
    for action in ["iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy"] {
        assert!(of("Deny", "Action").contains(action), "{action}");
    }
    // To come into other accounts, nothing else is left to it.
    let left: BTreeSet<String> = of("Deny", "NotAction");
    let beside: Vec<_> = left.difference(&allowed).collect();
    assert_eq!(beside, ["sts:AssumeRole"]);
    let edit = statements(&policy_of_role)
        .iter()
        .find(|statement| {
            statement["Effect"] == "Allow" && statement["Action"] == "iam:UpdateAssumeRolePolicy"
        })
        .expect("the right to edit");
    let issuer =
        IssuerUrl::parse("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE")?;
    let key = format!("iam:ResourceTag/{}", consent_key(&issuer));
    assert_eq!(edit["Condition"], json!({"Null": {key: "false"}}));

    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    broken(&world, NAMESPACE, "Automatic").await?;
    consent(&world, NAMESPACE).await?;
    world
        .cluster()
        .create(&policy(NAMESPACE, "Automatic", &json!({})))
        .await?;
    fake.reset_calls();
    let writer = writer(&world, &[]).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let calls = fake.calls();
    let called: BTreeSet<String> = calls
        .iter()
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    assert_eq!(called, allowed);
    Ok(())
}

#[tokio::test]
async fn of_two_writers_one_writes_and_the_other_follows_it() -> Outcome {
    let world = stage().await?;
    let repairable = async |namespace: &'static str| -> Outcome {
        broken(&world, namespace, "Automatic").await?;
        consent(&world, namespace).await?;
        let allowed = policy(namespace, "Automatic", &json!({}));
        world.cluster().create(&allowed).await?;
        Ok(())
    };
    let leads = async |writer: &Operator| {
        let metrics = writer.metrics().await;
        metrics.is_ok_and(|metrics| metrics.total("irsa_audit_writer_leader", &[]) == 1)
    };
    let first = writer(&world, &[]).await?;
    assert!(eventually(WITHIN, || leads(&first)).await);
    let second = writer(&world, &[]).await?;
    assert!(eventually(WITHIN, || second.is_ready()).await);
    repairable("wrong-namespace").await?;
    assert!(recorded(&world, "wrong-namespace", 1, "Applied", WITHIN).await);
    assert!(leads(&first).await && !leads(&second).await);

    first.process().signal(Signal::Kill)?;
    repairable("wrong-name").await?;
    assert!(
        recorded(&world, "wrong-name", 1, "Applied", WITHIN).await,
        "{}",
        second.process().log()
    );
    let writer_of = async |namespace: &str| -> Result<String, Failure> {
        let change = changes(&world, namespace).await?.remove(0);
        Ok(change.spec.writer)
    };
    assert_ne!(
        writer_of("wrong-namespace").await?,
        writer_of("wrong-name").await?
    );
    assert_eq!(changes(&world, "wrong-namespace").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_happens_during_a_repair_counts() -> Outcome {
    const PAUSED: &str = "wrong-namespace";
    const FOREIGN: &str = "wrong-name";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    for namespace in [PAUSED, FOREIGN] {
        broken(&world, namespace, "Automatic").await?;
        consent(&world, namespace).await?;
    }
    let before = document(&world, PAUSED).await?;
    let allowed = policy(PAUSED, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    let slow = "--unsafe-test-timing=consistency=4s";
    let writer = writer(&world, &[slow]).await?;
    let log = || writer.process().log();
    // An admin pauses while the writer waits for the role to settle.
    writer.process().wait_for_line("it begins", WITHIN).await?;
    let pause = json!({"spec": {"remediation": {"paused": true}}});
    world
        .cluster()
        .merge(policy_target("repair-wrong-namespace"), &pause)
        .await?;
    let given_up = || {
        let log = log();
        log.lines()
            .any(|line| line.contains("given up") && line.contains("paused"))
    };
    assert!(eventually(WITHIN, || async { given_up() }).await, "{}", log());
    assert!(changes(&world, PAUSED).await?.is_empty());
    assert_eq!(document(&world, PAUSED).await?, before);
    assert_eq!(fake.count("UpdateAssumeRolePolicy"), 0);

    // The role's owner changes the role right after the write.
    let allowed = policy(FOREIGN, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") > 0 }).await;
    assert!(sent, "{}", log());
    let foreign = trust::document(&[
        json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"}),
    ]);
    world.aws().trust_role(FOREIGN, &foreign).await?;
    assert!(recorded(&world, FOREIGN, 1, "Latched", WITHIN).await, "{}", log());
    wait_until_refused(&writer, FOREIGN, "approval,latched").await?;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(document(&world, FOREIGN).await?, parsed(&foreign));
    let warned = || async {
        let events = world.cluster().events(FOREIGN).await.unwrap_or_default();
        events.iter().any(|event| {
            event.type_.as_deref() == Some("Warning") && event.reason.as_deref() == Some("RemediationLatched")
        })
    };
    assert!(eventually(WITHIN, warned).await);
    Ok(())
}

#[tokio::test]
async fn a_namespace_full_of_requests_keeps_no_other_from_being_repaired() -> Outcome {
    const GREEDY: &str = "any-subject";
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let cluster = world.cluster();
    play(&world, GREEDY).await?;
    for at in 0..60 {
        let name = format!("app-{at}");
        let spec = json!({"serviceAccountName": name, "remediation": "Automatic"});
        let account = objects::service_account(GREEDY, &name, &role_arn(GREEDY));
        cluster.create(&account).await?;
        cluster.create(&objects::audit(GREEDY, &name, &spec)).await?;
    }
    let everyone = json!({"serviceAccounts": ["*"]});
    cluster.create(&policy(GREEDY, "Automatic", &everyone)).await?;
    broken(&world, NAMESPACE, "Automatic").await?;
    consent(&world, NAMESPACE).await?;
    let allowed = policy(NAMESPACE, "Automatic", &json!({}));
    cluster.create(&allowed).await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.reset_calls();
    let start = Instant::now();
    let writer = writer(&world, &["--role-reads-per-minute=60"]).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let calls = fake.calls();
    let roles = calls.iter().filter_map(|call| call.parameters.get("RoleName"));
    let reads = roles.filter(|name| *name == GREEDY).count();
    let most = 15 + usize::try_from(start.elapsed().as_secs())? + 1;
    assert!((1..=most).contains(&reads), "{reads} reads, {most} at most");
    Ok(())
}
