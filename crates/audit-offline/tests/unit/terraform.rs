use audit_core::model::PlannedResource;
use audit_core::{Link, Verdict};
use serde_json::{Value, json};

use crate::Weight;
use crate::plans::*;
use crate::testing::{ACCOUNT, ISSUER, KEYS, OTHER, options};

/// A dump of the account, in which these roles exist, and the provider.
fn dump(roles: &[Value]) -> Vec<String> {
    let listed = json!({"OpenIDConnectProviderList": [{"Arn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}")}]});
    let described = json!({"Url": KEYS, "ClientIDList": ["sts.amazonaws.com"]});
    let caller = json!({"UserId": "x", "Account": ACCOUNT, "Arn": format!("arn:aws:iam::{ACCOUNT}:user/x")});
    let details =
        json!({"RoleDetailList": roles, "UserDetailList": [], "GroupDetailList": [], "Policies": []});
    let all = [details, listed, described, caller];
    all.iter().map(Value::to_string).collect()
}

fn detail(name: &str, trust: &str, attached: &[&str]) -> Value {
    let attached: Vec<Value> = attached
        .iter()
        .map(|arn| json!({"PolicyArn": arn, "PolicyName": "x"}))
        .collect();
    json!({
        "Arn": role_arn(name), "RoleName": name, "RoleId": "AROAEXAMPLE", "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [{"PolicyName": "base", "PolicyDocument": allows("sqs:ListQueues")}], "AttachedManagedPolicies": attached, "Tags": [],
    })
}

const MANIFEST: &str = r#"{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop",
    "uid": "1", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"}}}"#;

/// A manifest that asks for the role, a dump with roles, and a plan.
fn over(roles: &[Value], changes: &[Value]) -> crate::Loaded {
    over_with(roles, changes, &json!({}))
}

fn over_with(roles: &[Value], changes: &[Value], configuration: &Value) -> crate::Loaded {
    let outputs = dump(roles);
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let options = crate::Options {
        partial: true,
        issuer: Some(audit_core::model::IssuerUrl::parse(ISSUER).unwrap()),
        ..options()
    };
    planned(
        &[MANIFEST],
        &outputs,
        &[&plan_with(changes, configuration)],
        &options,
    )
}

fn warnings(loaded: &crate::Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_plan_alone_is_audited_as_it_will_be_after_apply() {
    let text = plan_with(&healthy(), &healthy_configuration());
    let loaded = planned(&[], &[], &[&text], &options());
    let report = cart(&loaded);
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::Working, vec![]),
        "{report:?}"
    );
    let of = |address: &str| PlannedResource {
        plan: Some("plan0.json".into()),
        address: address.to_owned(),
    };
    let resources = &loaded.resources;
    assert_eq!(
        resources.roles.get(&role_arn("cart")),
        Some(&of("aws_iam_role.cart"))
    );
    assert_eq!(
        resources.service_accounts.values().next(),
        Some(&of("kubernetes_service_account.cart"))
    );
    assert_eq!(
        resources.providers.values().next(),
        Some(&of("aws_iam_openid_connect_provider.main"))
    );
}

#[test]
fn what_a_plan_alone_does_not_have_is_unknown_and_never_broken() {
    let all = healthy();
    for left_out in 0..3 {
        let mut changes = all.clone();
        changes.remove(left_out);
        let report = cart(&planned(&[], &[], &[&plan(&changes)], &options()));
        assert_eq!(report.verdict, Verdict::Unknown, "without {left_out}: {report:?}");
    }
}

#[test]
fn what_a_plan_leaves_open_is_unknown_and_named() {
    let with = |index: usize, change: Value| {
        let mut changes = healthy();
        changes[index] = change;
        cart(&planned(
            &[],
            &[],
            &[&plan_with(&changes, &healthy_configuration())],
            &options(),
        ))
    };
    let provider = || creates("aws_iam_openid_connect_provider.main", &provider_values());
    for (index, change, attribute, link) in [
        (
            2,
            open(new_role("cart"), &json!({"assume_role_policy": true})),
            "aws_iam_role.cart.assume_role_policy",
            Link::Trust,
        ),
        (
            2,
            open(new_role("cart"), &json!({"path": true})),
            "aws_iam_role.cart.path",
            Link::Role,
        ),
        (
            1,
            open(provider(), &json!({"url": true, "arn": true})),
            "aws_iam_openid_connect_provider.main.url",
            Link::Provider,
        ),
        (
            1,
            open(provider(), &json!({"client_id_list": true})),
            "aws_iam_openid_connect_provider.main.client_id_list",
            Link::Provider,
        ),
        (
            3,
            open(
                new_account(""),
                &json!({"metadata": [{"annotations": {"eks.amazonaws.com/role-arn": true}}]}),
            ),
            "kubernetes_service_account.cart.metadata[0].annotations[\"eks.amazonaws.com/role-arn\"]",
            Link::ServiceAccount,
        ),
        (
            3,
            open(new_account(""), &json!({"metadata": [{"annotations": true}]})),
            "kubernetes_service_account.cart.metadata[0].annotations",
            Link::ServiceAccount,
        ),
    ] {
        let report = with(index, change);
        assert_eq!(report.verdict, Verdict::Unknown, "{report:?}");
        let finding = open_finding(&report);
        assert!(
            finding.message.contains(&format!("`{attribute}`")),
            "{}",
            finding.message
        );
        assert_eq!(finding.link, link);
    }
}

#[test]
fn nothing_of_what_is_sensitive_is_shown() {
    const SECRET: &str = "zq7secret";
    let sensitive = |mut change: Value, marks: Value| {
        change["change"]["after_sensitive"] = marks;
        change
    };
    let role = || {
        let mut values = role_values(SECRET);
        values["name"] = json!("cart");
        values["assume_role_policy"] = json!(trust_of(SECRET));
        let role = creates("aws_iam_role.cart", &values);
        open(
            role,
            &json!({"arn": true, "id": true, "managed_policy_arns": true, "inline_policy": true}),
        )
    };
    let annotated = || new_account(&role_arn(SECRET));
    for (index, change) in [
        (2, sensitive(role(), json!({"assume_role_policy": true}))),
        (
            3,
            sensitive(
                annotated(),
                json!({"metadata": [{"annotations": {"eks.amazonaws.com/role-arn": true}}]}),
            ),
        ),
        (3, sensitive(annotated(), json!({"metadata": true}))),
    ] {
        let mut changes = healthy();
        changes[index] = change;
        let loaded = planned(
            &[],
            &[],
            &[&plan_with(&changes, &healthy_configuration())],
            &options(),
        );
        let report = crate::testing::report(&loaded);
        let shown = format!("{report:?} {:?} {:?}", loaded.problems, loaded.snapshot);
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(shown.contains("ensitive"), "{shown}");
        assert!(
            report
                .bindings
                .iter()
                .all(|binding| binding.verdict == Verdict::Unknown)
        );
    }
}

#[test]
fn an_open_annotation_is_taken_from_the_only_role_that_it_refers_to() {
    let role = references(&["aws_iam_role.cart.arn", "aws_iam_role.cart"]);
    let two = references(&["aws_iam_role.cart.arn", "aws_iam_role.cart", "var.suffix"]);
    let with = |references: &Value, role: Value| {
        let account = open(
            new_account(""),
            &json!({"metadata": [{"annotations": {"eks.amazonaws.com/role-arn": true}}]}),
        );
        let configuration = configured(&[
            ("aws_iam_role.cart", json!({"name": {"constant_value": "cart"}})),
            (
                "kubernetes_service_account.cart",
                json!({"metadata": [{"annotations": references}]}),
            ),
        ]);
        let text = plan_with(&[cluster(), provider(), role, account], &configuration);
        planned(&[], &[], &[&text], &options())
    };
    let report = cart(&with(&role, new_role("cart")));
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::Working, vec!["IRSA920"])
    );
    assert_eq!(report.facts.role_arn, Some(role_arn("cart")));
    assert_eq!(verdict(&with(&two, new_role("cart"))), Verdict::Unknown);
    // The role is named after the apply.
    let loaded = with(&role, open(new_role("cart"), &json!({"name": true})));
    let report = cart(&loaded);
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(open_finding(&report).message.contains("aws_iam_role.cart.arn"));
    assert!(
        warnings(&loaded)
            .iter()
            .any(|told| told.contains("aws_iam_role.cart.name"))
    );
    // What the role says decides.
    let mut refusing = new_role("cart");
    refusing["change"]["after"]["assume_role_policy"] = json!(trust_of("system:serviceaccount:shop:web"));
    assert_eq!(verdict(&with(&role, refusing)), Verdict::Broken);
}

#[test]
fn changes_count_in_place_of_what_is_there() {
    let good = || detail("cart", &trust(), &[]);
    let bad = || detail("cart", &trust_of("system:serviceaccount:shop:web"), &[]);
    let values = || role_values("cart");
    let refusing = || {
        let mut values = values();
        values["assume_role_policy"] = json!(trust_of("system:serviceaccount:shop:web"));
        values
    };
    let role =
        |actions: &[&str], before: &Value, after: &Value| change("aws_iam_role.cart", actions, before, after);
    let gone = Value::Null;
    for (name, roles, changes, expected) in [
        ("an empty plan, working", vec![good()], vec![], Verdict::Working),
        ("an empty plan, broken", vec![bad()], vec![], Verdict::Broken),
        ("created", vec![], vec![new_role("cart")], Verdict::Working),
        (
            "repaired",
            vec![bad()],
            vec![role(&["update"], &refusing(), &values())],
            Verdict::Working,
        ),
        (
            "spoiled",
            vec![good()],
            vec![role(&["update"], &values(), &refusing())],
            Verdict::Broken,
        ),
        (
            "deleted",
            vec![good()],
            vec![role(&["delete"], &values(), &gone)],
            Verdict::Broken,
        ),
        (
            "replaced",
            vec![bad()],
            vec![role(&["delete", "create"], &refusing(), &values())],
            Verdict::Working,
        ),
        (
            "replaced the other way",
            vec![bad()],
            vec![role(&["create", "delete"], &refusing(), &values())],
            Verdict::Working,
        ),
        (
            "renamed",
            vec![good()],
            vec![role(&["delete", "create"], &values(), &role_values("other"))],
            Verdict::Broken,
        ),
        (
            "left alone",
            vec![good()],
            vec![role(&["forget"], &values(), &gone)],
            Verdict::Working,
        ),
        (
            "drifted",
            vec![bad()],
            vec![role(&["no-op"], &values(), &values())],
            Verdict::Working,
        ),
    ] {
        let report = cart(&over(&roles, &changes));
        assert_eq!(report.verdict, expected, "{name}: {report:?}");
    }
    let mut moved = stays("module.a.aws_iam_role.cart", &values());
    moved["previous_address"] = json!("aws_iam_role.cart");
    moved["change"]["importing"] = json!({"id": "cart"});
    assert_eq!(verdict(&over(&[], &[moved])), Verdict::Working);
    let mut deposed = change("aws_iam_role.cart", &["delete"], &role_values("old"), &gone);
    deposed["deposed"] = json!("deadbeef");
    assert_eq!(
        verdict(&over(&[], &[stays("aws_iam_role.cart", &values()), deposed])),
        Verdict::Working
    );
}

#[test]
fn what_a_plan_destroys_is_not_there_even_where_nothing_lists_the_account() {
    let mut changes = healthy();
    changes[2] = change(
        "aws_iam_role.cart",
        &["delete"],
        &role_values("cart"),
        &Value::Null,
    );
    let report = cart(&planned(&[], &[], &[&plan(&changes)], &options()));
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::Broken, vec!["IRSA201"])
    );
    let mut changes = healthy();
    changes[1] = change(
        "aws_iam_openid_connect_provider.main",
        &["delete"],
        &provider_values(),
        &Value::Null,
    );
    let report = cart(&planned(
        &[],
        &[],
        &[&plan_with(&changes, &healthy_configuration())],
        &options(),
    ));
    assert_eq!(report.verdict, Verdict::Broken, "{report:?}");
    let mut changes = healthy();
    changes[0]["change"]["actions"] = json!(["delete", "create"]);
    changes[0] = open(changes[0].clone(), &json!({"identity": true}));
    let report = cart(&planned(
        &[],
        &[],
        &[&plan_with(&changes, &healthy_configuration())],
        &options(),
    ));
    assert_eq!(
        report.verdict,
        Verdict::Unknown,
        "the cluster gets another issuer: {report:?}"
    );
}

#[test]
fn a_service_account_is_changed_and_removed() {
    let after = account_values(&role_arn("other"));
    let before = account_values(&role_arn("cart"));
    let with = |actions: &[&str], after: &Value| {
        let account = change("kubernetes_service_account_v1.cart", actions, &before, after);
        over(&[detail("cart", &trust(), &[])], &[account])
    };
    assert_eq!(verdict(&with(&["update"], &after)), Verdict::Broken);
    assert_eq!(verdict(&with(&["no-op"], &before)), Verdict::Working);
    let gone = with(&["delete"], &Value::Null);
    assert!(crate::testing::report(&gone).bindings.is_empty());
    // Annotations that go leave the ServiceAccount behind.
    let patch = json!({
        "api_version": "v1", "kind": "ServiceAccount", "metadata": [{"name": "cart", "namespace": "shop"}],
        "annotations": {"eks.amazonaws.com/role-arn": role_arn("cart")},
    });
    let patch = change("kubernetes_annotations.cart", &["delete"], &patch, &Value::Null);
    let loaded = over(&[detail("cart", &trust(), &[])], &[patch]);
    let key = audit_core::model::BindingKey::new("shop", "cart");
    let left = loaded
        .snapshot
        .cluster
        .binding(&key)
        .and_then(|binding| binding.service_account());
    assert!(left.unwrap().annotations.is_empty());
}

#[test]
fn manifests_in_resources_are_read_where_they_are_service_accounts() {
    let manifest = |arn: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "cart", "namespace": "shop", "annotations": {"eks.amazonaws.com/role-arn": arn},
        }})
    };
    let yaml = manifest(&role_arn("cart")).to_string();
    let mut secret_body = creates(
        "kubectl_manifest.cart",
        &json!({"yaml_body": yaml, "yaml_body_parsed": yaml}),
    );
    secret_body["change"]["after_sensitive"] = json!({"yaml_body": true});
    let patch = json!({
        "api_version": "v1", "kind": "ServiceAccount", "metadata": [{"name": "cart", "namespace": "shop"}],
        "annotations": {"eks.amazonaws.com/role-arn": role_arn("cart")},
    });
    for resource in [
        creates(
            "kubernetes_manifest.cart",
            &json!({"manifest": manifest(&role_arn("cart"))}),
        ),
        secret_body,
        creates("kubernetes_annotations.cart", &patch),
    ] {
        let mut changes = healthy();
        changes[3] = resource;
        let loaded = planned(
            &[],
            &[],
            &[&plan_with(&changes, &healthy_configuration())],
            &options(),
        );
        assert_eq!(verdict(&loaded), Verdict::Working);
        assert!(warnings(&loaded).is_empty(), "{:?}", loaded.problems);
    }
}

#[test]
fn a_role_without_a_known_account_may_be_any_of_that_name() {
    let mut configuration = healthy_configuration();
    let provider = |role: &str| json!({"name": "aws", "expressions": {"assume_role": [{"role_arn": {"references": [role]}}]}});
    configuration["provider_config"] = json!({"aws": provider("var.a"), "aws.b": provider("var.b")});
    let loaded = over_with(&[], &[new_role("cart")], &configuration);
    let report = cart(&loaded);
    assert_eq!(report.verdict, Verdict::Unknown, "{report:?}");
    assert!(open_finding(&report).message.contains("aws_iam_role.cart.arn"));
    // The provider says it.
    let role = json!({"constant_value": format!("arn:aws:iam::{OTHER}:role/deploy")});
    let assumes = json!({"name": "aws", "expressions": {"assume_role": [{"role_arn": role}]}});
    configuration["provider_config"] = json!({"aws": assumes});
    let loaded = over_with(&[], &[new_role("cart")], &configuration);
    assert_eq!(
        verdict(&loaded),
        Verdict::Broken,
        "the role comes to be in another account"
    );
}

#[test]
fn associations_of_pod_identity_are_read() {
    let association = json!({
        "cluster_name": "main", "namespace": "shop", "service_account": "cart", "role_arn": role_arn("cart"),
    });
    let association = open(
        creates("aws_eks_pod_identity_association.cart", &association),
        &json!({"association_arn": true, "association_id": true}),
    );
    let mut changes = healthy();
    changes.push(association);
    let loaded = planned(
        &[],
        &[],
        &[&plan_with(&changes, &healthy_configuration())],
        &options(),
    );
    let report = cart(&loaded);
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::AtRisk, vec!["IRSA408"])
    );
    assert_eq!(loaded.resources.associations.len(), 1);
}

#[test]
fn a_state_is_read_as_what_is_there() {
    let resource = |address: &str, values: Value| {
        let (kind, name) = address.rsplit_once('.').unwrap();
        let (mode, kind) = kind
            .strip_prefix("data.")
            .map_or(("managed", kind), |kind| ("data", kind));
        json!({"address": address, "mode": mode, "type": kind, "name": name, "values": values, "sensitive_values": {}})
    };
    let cluster = json!({"name": "main", "identity": [{"oidc": [{"issuer": ISSUER}]}]});
    let state = json!({"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": {
        "resources": [resource("data.aws_eks_cluster.main", cluster), resource("kubernetes_service_account.cart",
            account_values(&role_arn("cart")))],
        "child_modules": [{"address": "module.irsa", "resources": [
            resource("module.irsa.aws_iam_role.cart", role_values("cart")),
            resource("module.irsa.data.aws_iam_openid_connect_provider.main", provider_values()),
        ]}],
    }}});
    let mut text = state;
    // `name` and `type` are of the last parts of the address.
    for resource in text["values"]["root_module"]["child_modules"][0]["resources"]
        .as_array_mut()
        .unwrap()
    {
        let kind = resource["type"]
            .as_str()
            .unwrap()
            .trim_start_matches("module.irsa.")
            .to_owned();
        let is_data = kind.starts_with("data.");
        resource["type"] = json!(kind.trim_start_matches("data."));
        resource["mode"] = json!(if is_data { "data" } else { "managed" });
    }
    let loaded = planned(&[], &[], &[&text.to_string()], &options());
    assert_eq!(verdict(&loaded), Verdict::Working, "{:?}", cart(&loaded));
    assert!(
        loaded.resources.roles[&role_arn("cart")]
            .address
            .starts_with("module.irsa.")
    );
}

#[test]
fn what_is_not_read_is_told() {
    let others = [
        creates("helm_release.app", &json!({"name": "app"})),
        creates("helm_release.other", &json!({"name": "other"})),
        creates("aws_eks_addon.cni", &json!({"addon_name": "vpc-cni"})),
        creates("aws_iam_something_new.x", &json!({})),
        creates("kubernetes_deployment_v1.x", &json!({})),
        creates("aws_iam_user.x", &json!({})),
        creates("aws_s3_bucket.x", &json!({})),
    ];
    let mut changes = healthy();
    changes.extend(others);
    let told = warnings(&planned(&[], &[], &[&plan(&changes)], &options())).join("\n");
    for address in [
        "helm_release.app",
        "aws_eks_addon.cni",
        "aws_iam_something_new.x",
        "kubernetes_deployment_v1.x",
    ] {
        assert!(told.contains(address), "{told}");
    }
    assert!(
        !told.contains("aws_iam_user") && !told.contains("aws_s3_bucket"),
        "{told}"
    );
    assert!(told.contains("1 more of type `helm_release`"), "{told}");
}

#[test]
fn what_is_no_plan_is_refused_with_the_way_to_one() {
    let plan = plan(&healthy());
    let versioned = |version: &str| {
        plan.replace(
            "\"format_version\":\"1.2\"",
            &format!("\"format_version\":\"{version}\""),
        )
    };
    for (text, named) in [
        (b"PK\x03\x04binary".to_vec(), "terraform show -json PLAN"),
        (plan.as_bytes()[..plan.len() / 2].to_vec(), "cut off"),
        (Vec::new(), "empty"),
        (
            b"Terraform will perform the following actions:".to_vec(),
            "terraform show -json",
        ),
        (
            br#"{"@level":"info","type":"version"}"#.to_vec(),
            "log of `terraform plan -json`",
        ),
        (
            br#"{"version":4,"lineage":"x","resources":[]}"#.to_vec(),
            "state file",
        ),
        (br#"{"format_version":"1.0"}"#.to_vec(), "neither a plan"),
        (br#"{"a":1}"#.to_vec(), "format_version"),
        (MANIFEST.as_bytes().to_vec(), "Kubernetes manifest"),
        (versioned("0.2").into_bytes(), "Terraform 1.1"),
        (versioned("2.0").into_bytes(), "update irsa-audit"),
        (
            plan.replace("\"errored\":false", "\"errored\":true").into_bytes(),
            "failed",
        ),
        (plan.replace("\"no-op\"", "\"teleport\"").into_bytes(), "teleport"),
        (
            plan.replace("\"resource_changes\":[", "\"resource_changes\":[7,")
                .into_bytes(),
            "resource_changes[0]",
        ),
        (b"\xff\xfe\x00".to_vec(), "is not text"),
    ] {
        let sources = [crate::Source::new("plan.json", text.clone())];
        let loaded = crate::load_planned([], [], sources, &options());
        let problems: Vec<_> = loaded
            .problems
            .iter()
            .filter(|told| told.weight == Weight::Error)
            .collect();
        let [problem] = problems[..] else {
            panic!("{text:?}: {problems:?}")
        };
        assert!(
            problem.to_string().starts_with("plan.json: ") && problem.message.contains(named),
            "{problem}"
        );
    }
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(plan.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let loaded = crate::load_planned([], [], [crate::Source::new("plan.json", utf16)], &options());
    assert!(!loaded.has_errors());
}
