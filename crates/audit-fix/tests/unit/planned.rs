use std::process::Command;

use serde_json::json;

use super::*;

const HOST: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

/// Text that would do something if it left its place.
const HOSTILE: &str = "it's $(touched) \\(env) ${x} \u{202e}\u{1b}[2J";

fn identity() -> WebIdentity {
    WebIdentity {
        provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{HOST}"),
        issuer: HOST.to_owned(),
        subject: "system:serviceaccount:shop:cart".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    }
}

fn statement() -> Value {
    iam_policy::trust_statement(&identity(), "IrsaAudit0123456789abcdef").unwrap()
}

fn other() -> Value {
    json!({"Sid": HOSTILE, "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
}

fn document(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The edits, with the live document before and after.
fn edits() -> [(PlannedKind, String, String); 3] {
    let both = document(&json!([other(), statement()]));
    [
        (PlannedKind::Append, document(&json!([other()])), both.clone()),
        (PlannedKind::Append, document(&other()), both.clone()),
        (PlannedKind::Remove, both, document(&json!([other()]))),
    ]
}

fn form(form: TrustForm, kind: PlannedKind, before: &str, after: &str, role_name: &str) -> Option<String> {
    let (statement, identity) = (statement(), identity());
    let edit = PlannedEdit {
        role_name,
        service_account: ServiceAccountName {
            namespace: "shop",
            name: "cart",
        },
        kind,
        statement: &statement,
        before,
        after,
        identity: &identity,
    };
    edit.form(form)
}

/// What a shell does with a command: the document that `aws` is told to write, if any.
fn pasted(command: &str, live: &str) -> (bool, Option<Value>) {
    let script = format!(
        "touched() {{ echo touched; }}\naws() {{ if [ \"$2\" = get-role ]; then printf %s \"$live\"; else while [ $# -gt 1 ]; do shift; done; printf %s \"$1\"; fi; }}\n{command}"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("live", live)
        .output()
        .unwrap();
    let written = String::from_utf8(output.stdout).unwrap();
    let written = (!written.is_empty()).then(|| serde_json::from_str(&written).unwrap());
    (output.status.success(), written)
}

fn has_jq() -> bool {
    Command::new("jq").arg("--version").output().is_ok()
}

#[test]
fn the_command_writes_the_planned_document() {
    if !has_jq() {
        return;
    }
    for (kind, before, after) in edits() {
        let command = form(TrustForm::AwsCli, kind, &before, &after, "app").unwrap();
        let after: Value = serde_json::from_str(&after).unwrap();
        // Order and layout are not what the document says.
        let live = indented(&before);
        assert_eq!(pasted(&command, &live), (true, Some(after)), "{command}");
    }
}

#[test]
fn the_command_writes_nothing_if_the_document_is_a_different_one() {
    if !has_jq() {
        return;
    }
    for (kind, before, after) in edits() {
        let command = form(TrustForm::AwsCli, kind, &before, &after, "app").unwrap();
        let mut more: Value = serde_json::from_str(&before).unwrap();
        more["Id"] = json!("other");
        let changed = before.replace("ec2.", "lambda.");
        for live in ["", "null", &after, &more.to_string(), &changed] {
            assert_eq!(pasted(&command, live), (false, None), "{live}");
        }
    }
}

#[test]
fn nothing_that_is_pasted_acts_on_a_terminal() {
    for (kind, before, after) in edits() {
        for which in TrustForm::ALL {
            let Some(text) = form(which, kind, &before, &after, HOSTILE) else {
                continue;
            };
            let hidden = text.chars().find(|c| crate::text::is_hidden(*c) && *c != '\n');
            // A role's name has no such characters; a command keeps what it was given.
            assert!(
                which == TrustForm::AwsCli || hidden.is_none(),
                "{which:?}: {text}"
            );
        }
        let command = form(TrustForm::AwsCli, kind, &before, &after, "-app").unwrap();
        assert!(command.is_ascii() && !command.contains('\u{1b}'));
        assert_eq!(command.matches(" --role-name=-app ").count(), 2);
    }
}

#[test]
fn a_number_that_jq_would_change_gives_no_command() {
    let with = |statements: Value| {
        json!({"Version": "2012-10-17", "Statement": statements, "n": 9_007_199_254_740_993_u64}).to_string()
    };
    let (before, after) = (with(json!([other()])), with(json!([other(), statement()])));
    assert_eq!(
        form(TrustForm::AwsCli, PlannedKind::Append, &before, &after, "app"),
        None
    );
}

#[test]
fn manifests_have_the_whole_document_after_the_edit() {
    for (kind, before, after) in edits() {
        for (which, path) in [
            (TrustForm::Ack, "/spec/assumeRolePolicyDocument"),
            (TrustForm::Crossplane, "/spec/forProvider/assumeRolePolicy"),
        ] {
            let text = form(which, kind, &before, &after, "app").unwrap();
            let manifest: Value = serde_saphyr::from_str(&text).unwrap();
            let document = manifest.pointer(path).and_then(Value::as_str).unwrap();
            let (document, after): (Value, Value) = (
                serde_json::from_str(document).unwrap(),
                serde_json::from_str(&after).unwrap(),
            );
            assert_eq!(document, after);
        }
    }
}

#[test]
fn a_template_and_a_cluster_config_are_yaml_with_what_is_to_be_added() {
    let [(kind, before, after), ..] = edits();
    let read = |which| -> Value {
        serde_saphyr::from_str(&form(which, kind, &before, &after, "app").unwrap()).unwrap()
    };
    assert_eq!(read(TrustForm::CloudFormation), statement());
    let metadata = &read(TrustForm::Eksctl)["iam"]["serviceAccounts"][0]["metadata"];
    assert_eq!(*metadata, json!({"name": "cart", "namespace": "shop"}));
}

#[test]
fn terraform_has_the_statement() {
    let (before, after) = (document(&json!([])), document(&json!([statement()])));
    let text = form(TrustForm::Terraform, PlannedKind::Append, &before, &after, "app").unwrap();
    let read: Value = hcl::eval::from_str(&text, &hcl::eval::Context::new()).unwrap();
    assert_eq!(read["statement"]["sid"], statement()["Sid"]);
}

#[test]
fn what_is_removed_is_named_by_its_sid() {
    let [.., (kind, before, after)] = edits();
    for which in [TrustForm::Terraform, TrustForm::CloudFormation] {
        let text = form(which, kind, &before, &after, "app").unwrap();
        assert!(text.contains("IrsaAudit0123456789abcdef"), "{text}");
    }
    assert_eq!(form(TrustForm::Eksctl, kind, &before, &after, "app"), None);
}
