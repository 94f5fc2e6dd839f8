//! The commands of remediation on a real API server and a pretend AWS: what they print is what the writer does, and what they create is
//! what it carries out.

use audit_api::IrsaApproval;
use audit_remedy::RemedyOperation;
use e2e::aws::{Aws, HOME, OTHER};
use e2e::remediation::{
    APPROVER, approver_rules, changes, command, consent, document, grant, install, opt_in, plan, policy,
    recorded, writer,
};
use e2e::tools::{self, Shell};
use e2e::trust;
use e2e::world::{World, eventually};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use test_kit::Moto;

use super::{Failure, Outcome, WITHIN, annotate, play};

/// Done, nothing to do, and something is wrong.
const DONE: i32 = 0;
const NOTHING: i32 = 1;
const WRONG: i32 = 2;

/// Who may read everything that a plan is made of, and not approve.
const READER: &str = "ed";

/// A world with the writer's rights and the admission policy, in which [`APPROVER`] has the chart's role for approvers.
async fn stage() -> Result<World, Failure> {
    let world = World::start(Aws::fake().await?).await?;
    install(&world).await?;
    let user = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name});
    let rules = approver_rules()?;
    grant(world.cluster(), "", "chart-approver", &rules, &user(APPROVER)).await?;
    let mut reads = rules.clone();
    for rule in reads.as_array_mut().expect("rules") {
        let verbs = rule["verbs"].as_array_mut().expect("verbs");
        verbs.retain(|verb| verb != "create");
    }
    grant(world.cluster(), "", "chart-reader", &reads, &user(READER)).await?;
    Ok(world)
}

/// A broken binding whose team opts in, and admins who allow it.
async fn broken(world: &World, namespace: &str, mode: &str) -> Outcome {
    play(world, namespace).await?;
    world.cluster().apply(&opt_in(namespace, mode), "team").await?;
    let allowed = policy(namespace, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    Ok(())
}

/// The plan as JSON, by the administrator, and the exit code.
async fn planned(world: &World, account: &str, flags: &[&str]) -> Result<(i32, Value), Failure> {
    let words = [&["plan", account, "--output=json"], flags].concat();
    let (code, printed) = command(world, None, &words).await?;
    let plan = serde_json::from_str(&printed).map_err(|error| Failure(format!("{error}: {printed}")))?;
    Ok((code, plan))
}

fn hash(plan: &Value) -> &str {
    plan["plan"]["hash"].as_str().expect("a hash")
}

fn reasons(plan: &Value) -> Vec<&str> {
    let blockers = plan["blockedBy"].as_array().expect("blockers").iter();
    blockers.filter_map(|advice| advice["reason"].as_str()).collect()
}

fn form<'p>(plan: &'p Value, name: &str) -> &'p str {
    let mut forms = plan["forms"].as_array().expect("forms").iter();
    let form = forms.find(|form| form["form"] == name).expect("the form");
    form["text"].as_str().expect("a text")
}

async fn approvals(world: &World) -> Result<Vec<IrsaApproval>, Failure> {
    let api: Api<IrsaApproval> = Api::all(world.cluster().client());
    Ok(api.list(&ListParams::default()).await?.items)
}

/// A shell with the AWS CLI, for what is printed to be pasted.
async fn shell(world: &World, moto: &Moto) -> Result<Shell, Failure> {
    let (cli, jq) = (moto.aws_cli(), tools::jq().await?);
    let tools = [("aws", cli.as_path()), ("jq", &jq)];
    Ok(Shell::new(&tools, &world.aws().environment())?)
}

#[tokio::test]
async fn from_a_plan_to_its_rollback_by_commands_alone() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    const ACCOUNT: &str = "wrong-namespace/app";
    // For its AWS CLI.
    let moto = Moto::start().await?;
    let world = stage().await?;
    broken(&world, NAMESPACE, "RequireApproval").await?;
    let before = document(&world, NAMESPACE).await?;

    let (code, without_consent) = planned(&world, ACCOUNT, &[]).await?;
    let own = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_eq!((code, hash(&without_consent)), (DONE, own.hash.as_str()));
    assert_eq!(without_consent["question"]["by"], json!([]));
    assert_eq!(reasons(&without_consent), ["consent", "approval"]);

    let (code, printed) = command(&world, None, &["consent", ACCOUNT, "--form=aws-cli"]).await?;
    assert_eq!(code, DONE, "{printed}");
    shell(&world, &moto).await?.run(&printed).await?;
    let (code, consented) = planned(&world, ACCOUNT, &[]).await?;
    let own = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_eq!((code, hash(&consented)), (DONE, own.hash.as_str()));
    assert_eq!(consented["question"]["by"], json!(["ConsentTag"]));
    assert_eq!(reasons(&consented), ["approval"]);

    // Not blindly, not a part of the hash, not an old plan, and not who may only read.
    let right = format!("--plan-hash={}", own.hash);
    let cut = right.get(..right.len() - 1).expect("digits");
    let stale = format!("--plan-hash={}", hash(&without_consent));
    for (user, flags, expected) in [
        (APPROVER, &[][..], WRONG),
        (APPROVER, &["--yes"], WRONG),
        (APPROVER, &[cut, "--yes"], WRONG),
        (APPROVER, &[&stale, "--yes"], NOTHING),
        (READER, &[&right], WRONG),
    ] {
        let words = [&["approve", ACCOUNT], flags].concat();
        let (code, printed) = command(&world, Some(user), &words).await?;
        assert_eq!(code, expected, "{user} {flags:?}: {printed}");
        assert!(approvals(&world).await?.is_empty(), "{user} {flags:?}");
        assert!(
            user != READER || printed.contains("cannot create an IrsaApproval"),
            "{printed}"
        );
    }

    let words = ["approve", ACCOUNT, &right, "--valid-for=10m"];
    let (code, printed) = command(&world, Some(APPROVER), &words).await?;
    assert_eq!(code, DONE, "{printed}");
    let approval = approvals(&world).await?.remove(0);
    assert_eq!(
        (
            approval.spec.approved_by.as_str(),
            approval.spec.plan_hash.as_str()
        ),
        (APPROVER, own.hash.as_str())
    );
    assert!(
        printed.contains(&approval.metadata.name.expect("a name")),
        "{printed}"
    );
    let (code, printed) = command(&world, Some(APPROVER), &words).await?;
    assert_eq!((code, approvals(&world).await?.len()), (NOTHING, 1), "{printed}");
    assert_eq!(
        reasons(&planned(&world, ACCOUNT, &[]).await?.1),
        Vec::<&str>::new()
    );

    let writer = writer(&world, &[]).await?;
    let log = || writer.process().log();
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        log()
    );
    let (code, admitted) = planned(&world, ACCOUNT, &[]).await?;
    assert_eq!(
        (code, &admitted["refusal"]["reason"]),
        (NOTHING, &json!("already_admitted"))
    );

    let (code, remove) = planned(&world, ACCOUNT, &["--remove"]).await?;
    let own = plan(&world, NAMESPACE, RemedyOperation::Remove).await?;
    assert_eq!((code, hash(&remove)), (DONE, own.hash.as_str()));
    assert_eq!(reasons(&remove), ["approval"]);
    let right = format!("--plan-hash={}", own.hash);
    let (code, printed) = command(&world, Some(APPROVER), &["rollback", ACCOUNT, &right]).await?;
    assert_eq!(code, DONE, "{printed}");
    assert!(
        recorded(&world, NAMESPACE, 2, "Applied", WITHIN).await,
        "{}",
        log()
    );
    assert_eq!(document(&world, NAMESPACE).await?, before);
    let (code, nothing) = planned(&world, ACCOUNT, &["--remove"]).await?;
    assert_eq!(
        (code, &nothing["refusal"]["reason"]),
        (NOTHING, &json!("nothing_to_remove"))
    );
    Ok(())
}

#[tokio::test]
async fn a_person_who_looked_releases_a_latched_role() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    broken(&world, NAMESPACE, "Automatic").await?;
    consent(&world, NAMESPACE).await?;
    let writer = writer(&world, &["--unsafe-test-timing=consistency=4s"]).await?;
    let sent = eventually(WITHIN, || async { fake.count("UpdateAssumeRolePolicy") > 0 }).await;
    assert!(sent, "{}", writer.process().log());
    let foreign = trust::document(&[
        json!({"Sid": "Foreign", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"}),
    ]);
    world.aws().trust_role(NAMESPACE, &foreign).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Latched", WITHIN).await,
        "{}",
        writer.process().log()
    );
    drop(writer);
    let change = changes(&world, NAMESPACE).await?.remove(0);
    let name = change.metadata.name.expect("a name");
    let released = async || -> Result<bool, Failure> {
        let change = changes(&world, NAMESPACE).await?.remove(0);
        Ok(change.status.and_then(|status| status.released).is_some())
    };
    let latched = planned(&world, "wrong-namespace/app", &[]).await?.1;
    assert!(reasons(&latched).contains(&"latched"), "{latched}");

    let (code, printed) = command(&world, None, &["release", &name]).await?;
    assert_eq!((code, released().await?), (WRONG, false), "{printed}");
    let shown = printed
        .lines()
        .any(|line| line.starts_with('+') && line.contains("Foreign"));
    assert!(shown, "what was found: {printed}");
    // Who may approve does not release.
    let (code, printed) = command(&world, Some(APPROVER), &["release", &name, "--yes"]).await?;
    assert_eq!((code, released().await?), (WRONG, false), "{printed}");
    let (code, printed) = command(&world, None, &["release", &name, "--yes"]).await?;
    assert_eq!((code, released().await?), (DONE, true), "{printed}");
    let (code, printed) = command(&world, None, &["release", &name, "--yes"]).await?;
    assert_eq!(code, NOTHING, "{printed}");
    let (code, printed) = command(&world, None, &["release", "aroaother-000001", "--yes"]).await?;
    assert_eq!(code, WRONG, "{printed}");
    let after = planned(&world, "wrong-namespace/app", &[]).await?.1;
    assert!(!reasons(&after).contains(&"latched"), "{after}");
    Ok(())
}

#[tokio::test]
async fn the_pasted_command_writes_the_planned_document_and_no_other() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    const ACCOUNT: &str = "wrong-namespace/app";
    let moto = Moto::start().await?;
    let world = stage().await?;
    broken(&world, NAMESPACE, "Propose").await?;
    world.aws().tag_role(NAMESPACE, "managed-by", "terraform").await?;
    let shell = shell(&world, &moto).await?;
    let before = document(&world, NAMESPACE).await?;
    let (code, plan) = planned(&world, ACCOUNT, &["--form=crossplane"]).await?;
    assert_eq!((code, &plan["plan"]["before"]), (DONE, &before));
    assert_eq!(reasons(&plan), ["team", "tool", "consent", "approval"]);
    assert!(!form(&plan, "terraform").is_empty() && !form(&plan, "crossplane").is_empty());

    // The role is changed between the plan and the paste.
    let mut changed = before.clone();
    changed["Statement"][0]["Sid"] = json!("Changed");
    world.aws().trust_role(NAMESPACE, &changed.to_string()).await?;
    assert!(shell.run(form(&plan, "aws-cli")).await.is_err());
    assert_eq!(document(&world, NAMESPACE).await?, changed);

    world.aws().trust_role(NAMESPACE, &before.to_string()).await?;
    shell.run(form(&plan, "aws-cli")).await?;
    assert_eq!(document(&world, NAMESPACE).await?, plan["plan"]["after"]);
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_named() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    const ACCOUNT: &str = "wrong-namespace/app";
    let world = stage().await?;
    let said = async |user: Option<&str>, words: &[&str], names: &[&str]| -> Outcome {
        let (code, printed) = command(&world, user, words).await?;
        assert_eq!(code, WRONG, "{printed}");
        for name in names {
            assert!(printed.contains(name), "{name}: {printed}");
        }
        Ok(())
    };
    said(None, &["plan", "nowhere/app"], &["ServiceAccount `nowhere/app`"]).await?;
    play(&world, NAMESPACE).await?;
    said(None, &["plan", ACCOUNT], &["no IrsaAudit", "kind: IrsaAudit"]).await?;
    world
        .cluster()
        .apply(&opt_in(NAMESPACE, "RequireApproval"), "team")
        .await?;
    // Each right that is missing, by kind and verb.
    let stranger = Some("stranger");
    let issuer = format!("--oidc-issuer={}", e2e::world::ISSUER);
    said(stranger, &["plan", ACCOUNT], &["--issuer"]).await?;
    said(
        stranger,
        &["plan", ACCOUNT, &issuer],
        &["serviceaccounts", "cannot get"],
    )
    .await?;
    let user = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "stranger"});
    let rules = json!([
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]},
        {"apiGroups": ["irsa-audit.dev"], "resources": ["irsaaudits"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]},
    ]);
    grant(world.cluster(), "", "some", &rules, &user).await?;
    said(
        stranger,
        &["plan", ACCOUNT, &issuer],
        &["irsaauditpolicies", "cannot list"],
    )
    .await?;

    // The role's owner needs no cluster.
    let role = format!("--role={}", e2e::remediation::role_arn(NAMESPACE));
    let words = ["consent", ACCOUNT, &issuer, &role, "--form=terraform"];
    let (code, printed) = command(&world, Some("nobody"), &words).await?;
    assert_eq!(code, DONE, "{printed}");
    assert!(printed.contains(&e2e::remediation::key()?), "{printed}");
    world
        .aws()
        .tag_role(NAMESPACE, "IRSA-Audit.dev/trust.0", "wrong-namespace/app")
        .await?;
    assert_eq!(command(&world, None, &words).await?.0, NOTHING);

    annotate(&world, NAMESPACE, Some("arn:aws:iam::123456789012:role/missing")).await?;
    said(None, &["plan", ACCOUNT], &["role/missing"]).await?;
    // IAM says of every role of an account that is not the caller's that it does not exist.
    let elsewhere = format!("arn:aws:iam::{OTHER}:role/there");
    annotate(&world, NAMESPACE, Some(&elsewhere)).await?;
    let access = format!("--account {OTHER}=");
    for command in ["plan", "consent", "approve"] {
        said(None, &[command, ACCOUNT], &[HOME, &access]).await?;
    }
    annotate(&world, NAMESPACE, Some("missing")).await?;
    said(None, &["plan", ACCOUNT], &["`missing`"]).await?;
    annotate(&world, NAMESPACE, None).await?;
    said(None, &["plan", ACCOUNT], &["role-arn"]).await?;
    Ok(())
}
