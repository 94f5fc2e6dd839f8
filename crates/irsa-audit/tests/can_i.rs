//! `irsa-audit can-i` of files, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/5D9B1A3E7C2F4860A1B2C3D4E5F60718";
const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/5D9B1A3E7C2F4860A1B2C3D4E5F60718";
const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/cart";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/limits";
const CARTS: &str = "arn:aws:s3:::carts/*";

/// A cluster with `shop/cart`, and the account of its role.
struct Files {
    folder: TempDir,
    roles: Vec<Value>,
    policies: Vec<Value>,
}

impl Files {
    /// With a role that trusts it, and has this inline policy.
    fn with(statements: &Value) -> Self {
        let inline = json!([{ "PolicyName": "inline", "PolicyDocument": policy(statements) }]);
        Self {
            folder: tempfile::tempdir().unwrap(),
            roles: vec![role("cart", &trust("shop"), &inline)],
            policies: Vec::new(),
        }
    }

    fn trusting(mut self, namespace: &str) -> Self {
        self.roles[0]["AssumeRolePolicyDocument"] = trust(namespace);
        self
    }

    fn within(mut self, statements: &Value) -> Self {
        self.roles[0]["PermissionsBoundary"] =
            json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BOUNDARY });
        self.policies.push(
            json!({ "PolicyName": "limits", "Arn": BOUNDARY, "DefaultVersionId": "v1", "PolicyVersionList": [
                { "Document": policy(statements), "VersionId": "v1", "IsDefaultVersion": true }
            ]}),
        );
        self
    }

    fn and_role(mut self, name: &str, trust: &Value) -> Self {
        self.roles.push(role(name, trust, &json!([])));
        self
    }

    /// Asks, and gives exit code and answer.
    fn ask(&self, question: &[&str]) -> (i32, String) {
        let output = self.call(question);
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.is_empty(), "{error}");
        (output.status.code().unwrap(), text)
    }

    fn call(&self, question: &[&str]) -> Output {
        self.call_of("shop/cart", question)
    }

    fn call_of(&self, account: &str, question: &[&str]) -> Output {
        let at = |name: &str| self.folder.path().join(name);
        fs::create_dir_all(at("aws")).unwrap();
        let write = |name: &str, value: Value| fs::write(at(name), value.to_string()).unwrap();
        write(
            "cluster.json",
            json!({ "apiVersion": "v1", "kind": "List", "items": [
                { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
                    "name": "cart", "namespace": "shop", "uid": "1", "annotations": { "eks.amazonaws.com/role-arn": ROLE }
                }},
                { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "dns", "namespace": "kube-system", "uid": "2" },
                  "spec": { "serviceAccountName": "default", "containers": [{ "name": "dns" }] }, "status": { "phase": "Running" } }
            ]}),
        );
        write(
            "aws/details.json",
            json!({ "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": self.roles, "Policies": self.policies }),
        );
        write(
            "aws/providers.json",
            json!({ "OpenIDConnectProviderList": [{ "Arn": provider() }] }),
        );
        write(
            "aws/provider.json",
            json!({ "Url": HOST_PATH, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [], "CreateDate": "2026-03-02T10:21:33+00:00" }),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
        command.args(["can-i", account]).args(question);
        command.arg("--kubernetes").arg(at("cluster.json"));
        command.arg("--aws").arg(at("aws")).args(["--issuer", ISSUER]);
        command.output().unwrap()
    }
}

fn role(name: &str, trust: &Value, inline: &Value) -> Value {
    json!({ "Path": "/", "RoleName": name, "RoleId": format!("AROA{name}"), "Arn": ROLE.replace("cart", name),
        "CreateDate": "2026-03-02T10:21:33+00:00", "AssumeRolePolicyDocument": trust, "InstanceProfileList": [],
        "RolePolicyList": inline, "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {} })
}

/// A trust policy for `cart` in a namespace.
fn trust(namespace: &str) -> Value {
    let key = |claim: &str| format!("{HOST_PATH}:{claim}");
    let condition = json!({ "StringEquals": {
        key("sub"): format!("system:serviceaccount:{namespace}:cart"), key("aud"): "sts.amazonaws.com"
    }});
    policy(
        &json!([{ "Effect": "Allow", "Principal": { "Federated": provider() },
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition }]),
    )
}

fn provider() -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}")
}

fn policy(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(action: &str) -> Value {
    json!({ "Sid": "Work", "Effect": "Allow", "Action": action, "Resource": "*" })
}

#[test]
fn yes_names_role_policy_and_statement() {
    let (code, text) = Files::with(&json!([allow("s3:Get*")])).ask(&["s3:GetObject", CARTS]);
    assert_eq!(code, 0, "{text}");
    for named in [ROLE, "statement `Work` of inline policy `inline`", "SCPs"] {
        assert!(text.starts_with("yes: ") && text.contains(named), "{text}");
    }
}

#[test]
fn no_prints_the_policy_that_makes_it_yes() {
    let question = ["s3:PutObject", CARTS];
    let (code, text) = Files::with(&json!([allow("s3:Get*")])).ask(&question);
    assert!(code == 1 && text.starts_with("no: IRSA502 "), "{text}");
    assert!(
        text.contains("\naws iam put-role-policy ") && text.contains("\n# As terraform:\n"),
        "{text}"
    );
    let (_, json) = text.split_once("# As json:\n").unwrap();
    let printed: Value = serde_json::from_str(json.split("\n\n#").next().unwrap()).unwrap();
    let statement = printed["Statement"][0].clone();
    assert_eq!(statement["Resource"], json!([CARTS]));
    assert_eq!(
        Files::with(&json!([allow("s3:Get*"), statement]))
            .ask(&question)
            .0,
        0
    );
}

#[test]
fn the_readme_shows_what_is_printed() {
    let (_, text) = Files::with(&json!([allow("s3:Get*")])).ask(&["s3:PutObject", CARTS]);
    let (shown, _) = text.split_once("\n\n# As ").unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    assert!(readme.contains(&format!("```\n{shown}\n```")), "{shown}");
}

#[test]
fn a_boundary_and_a_deny_are_asked_as_well() {
    let all = || {
        Files::with(
            &json!([allow("s3:*"), { "Sid": "Keep", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*" }]),
        )
    };
    let within = || all().within(&json!([allow("s3:GetObject")]));
    for (files, action, code, word) in [
        (all(), "s3:DeleteObject", 1, "no: IRSA503 "),
        (within(), "s3:GetObject", 0, "yes: "),
        (within(), "s3:PutObject", 1, "no: IRSA504 "),
        (within(), "s3:Get*", 3, "unknown: IRSA906 "),
    ] {
        let (got, text) = files.ask(&[action, CARTS]);
        assert!(got == code && text.starts_with(word), "{action}: {got} {text}");
    }
    let (_, text) = within().ask(&["s3:PutObject", CARTS]);
    assert!(
        text.contains("aws iam create-policy-version --policy-arn arn:aws:iam::111122223333:policy/limits "),
        "{text}"
    );
}

#[test]
fn who_it_is_everybody_may_ask() {
    let (code, text) = Files::with(&json!([allow("s3:*")])).ask(&["sts:GetCallerIdentity"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_is_known_of_a_condition_key_decides() {
    let mut regional = allow("s3:*");
    regional["Condition"] = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
    let files = Files::with(&json!([regional]));
    for (context, code) in [
        (&[][..], 3),
        (&["--condition", "aws:RequestedRegion=eu-west-1"], 0),
        (&["--condition", "aws:RequestedRegion=us-east-1"], 1),
    ] {
        let (got, text) = files.ask(&[&["s3:GetObject", CARTS], context].concat());
        assert_eq!(got, code, "{text}");
    }
}

#[test]
fn who_gets_no_credentials_may_do_nothing() {
    let files = Files::with(&json!([allow("*")])).trusting("staging");
    let (code, text) = files.ask(&["s3:GetObject", CARTS]);
    assert!(
        code == 1 && text.starts_with("no: IRSA204 ") && text.contains("update-assume-role-policy"),
        "{text}"
    );
}

#[test]
fn all_repairs_are_listed_and_lead_to_yes_together() {
    let question = ["s3:PutObject", CARTS];
    let (code, text) = Files::with(&json!([allow("s3:Get*")]))
        .trusting("staging")
        .ask(&question);
    assert!(
        code == 1 && text.starts_with("no: IRSA204 ") && text.contains("\nthen: IRSA502 "),
        "{text}"
    );
    let trust_edit = text.find("update-assume-role-policy").unwrap();
    let grant = text
        .find("\n# then, with the AWS CLI:\naws iam put-role-policy ")
        .unwrap();
    assert!(
        trust_edit < grant && text.contains("\n# What allows it, with the AWS CLI"),
        "{text}"
    );
    let (_, json) = text.split_once("# As json:\n").unwrap();
    let printed: Value = serde_json::from_str(json.split("\n\n#").next().unwrap()).unwrap();
    let statements = json!([allow("s3:Get*"), printed["Statement"][0]]);
    assert_eq!(
        Files::with(&statements).trusting("shop").ask(&question).0,
        0,
        "{text}"
    );
}

#[test]
fn what_is_not_all_is_called_the_first_step() {
    let files = Files::with(&json!([allow("s3:*")]));
    let output = files.call_of("shop/nope", &["s3:PutObject", CARTS]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("\n# First, with kubectl:\nkubectl create serviceaccount nope ")
            && !text.contains("allows it, with")
            && text.contains("\n# Then: "),
        "{text}"
    );
    // The queue's own policy is not among the files.
    let queue = ["sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:q"];
    let (code, text) = files.ask(&queue);
    assert!(
        code == 1 && text.contains("\n# First, with the AWS CLI") && text.contains("account 444455556666"),
        "{text}"
    );
}

#[test]
fn another_role_has_its_say() {
    let target = ROLE.replace("cart", "other");
    let files = || Files::with(&json!([allow("sts:AssumeRole")]));
    let lets_in = |principal: &str| {
        policy(&json!([{ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" }]))
    };
    let elsewhere = "arn:aws:iam::444455556666:role/other";
    for (files, target, code) in [
        (files().and_role("other", &lets_in(ROLE)), target.as_str(), 0),
        (files().and_role("other", &lets_in(elsewhere)), &target, 1),
        (files(), &target, 1),
        (files(), elsewhere, 3),
    ] {
        let (got, text) = files.ask(&["sts:AssumeRole", target]);
        assert_eq!(got, code, "{target}: {text}");
    }
}

#[test]
fn what_is_no_question_is_an_error() {
    let files = Files::with(&json!([allow("*")]));
    for question in [
        &["s3:GetObject", "carts"][..],
        &["s3:GetObject", CARTS, "-n", "shop"],
        &["get"],
        &["get", "pods", "--condition", "aws:SourceIp=10.0.0.1"],
        &["s3:GetObject", "--condition", "region=x"],
    ] {
        let output = files.call(question);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && output.stdout.is_empty() && error.starts_with("irsa-audit: "),
            "{question:?}: {error}"
        );
    }
}

#[test]
fn without_files_and_without_a_cluster_there_is_nobody_to_ask() {
    for question in [["get", "pods"], ["s3:GetObject", CARTS]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
        command
            .args(["can-i", "shop/cart"])
            .args(question)
            .env("KUBECONFIG", "/nowhere/at/all");
        for name in ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && error.contains("KUBECONFIG"),
            "{error}"
        );
    }
}
