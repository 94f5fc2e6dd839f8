use std::fmt::Write as _;

use audit_core::model::{IssuerSource, IssuerUrl, LastUsed, RoleLookup};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::testing::*;
use crate::{Loaded, Options};

fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{KEYS}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            (format!("{KEYS}:sub")): "system:serviceaccount:default:cart",
            (format!("{KEYS}:aud")): "sts.amazonaws.com",
        }},
    }]})
}

pub(crate) fn detail(account: &str, name: &str) -> Value {
    json!({
        "Path": "/", "RoleName": name, "RoleId": "AROAEXAMPLE", "Arn": format!("arn:aws:iam::{account}:role/{name}"),
        "CreateDate": "2026-01-01T00:00:00+00:00", "AssumeRolePolicyDocument": trust(), "InstanceProfileList": [],
        "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": {}}],
        "AttachedManagedPolicies": [{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/x"}], "Tags": [],
    })
}

pub(crate) fn details(roles: &[Value]) -> Value {
    json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []})
}

pub(crate) fn listed(accounts: &[&str]) -> Value {
    let arns = accounts
        .iter()
        .map(|id| json!({"Arn": format!("arn:aws:iam::{id}:oidc-provider/{KEYS}")}));
    json!({"OpenIDConnectProviderList": arns.collect::<Vec<_>>()})
}

fn described(client_ids: &[&str]) -> Value {
    json!({"Url": KEYS, "ClientIDList": client_ids, "ThumbprintList": ["x"], "CreateDate": "2026-01-01T00:00:00+00:00"})
}

fn cluster(issuer: &str) -> Value {
    json!({"cluster": {
        "name": "main", "arn": format!("arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/main"), "version": "1.33",
        "identity": {"oidc": {"issuer": issuer}}
    }})
}

const AUD: &[&str] = &["sts.amazonaws.com"];

pub(crate) fn with_issuer() -> Options {
    Options {
        issuer: Some(IssuerUrl::parse(ISSUER).unwrap()),
        ..options()
    }
}

pub(crate) fn given(outputs: &[Value], options: &Options) -> Loaded {
    let texts: Vec<String> = outputs.iter().map(Value::to_string).collect();
    load_texts(
        &[],
        &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        options,
    )
}

pub(crate) fn taken(outputs: &[Value]) -> Loaded {
    let loaded = given(outputs, &with_issuer());
    assert_eq!(problems(&loaded), [""; 0]);
    loaded
}

/// What is known of an account's provider.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Absent,
    With(Vec<String>),
}

fn provider(loaded: &Loaded, account: &str) -> Seen {
    let account = loaded.snapshot.accounts.get(account);
    match account.and_then(|account| account.provider.latest()) {
        None => Seen::Nothing,
        Some(None) => Seen::Absent,
        Some(Some(provider)) => Seen::With(provider.client_ids.clone()),
    }
}

fn known(client_ids: &[&str]) -> Seen {
    Seen::With(client_ids.iter().map(|id| (*id).to_owned()).collect())
}

pub(crate) fn is_whole(loaded: &Loaded) -> bool {
    loaded
        .snapshot
        .accounts
        .get(ACCOUNT)
        .is_some_and(|account| account.listing.value.is_some())
}

pub(crate) fn error(outputs: &[Value], options: &Options, expected: &str) {
    let loaded = given(outputs, options);
    let problems = problems(&loaded);
    assert!(
        loaded.has_errors() && problems.iter().any(|p| p.contains(expected)),
        "{expected}: {problems:?}"
    );
}

#[test]
fn a_whole_account() {
    let loaded = taken(&[
        details(&[detail(ACCOUNT, "cart")]),
        listed(&[ACCOUNT]),
        described(AUD),
    ]);
    let account = &loaded.snapshot.accounts[ACCOUNT];
    assert!(
        matches!(account.roles["cart"].latest(), Some(RoleLookup::Found(role)) if role.id == "AROAEXAMPLE")
    );
    let policies = account.policies["cart"].latest().unwrap();
    assert_eq!(
        (policies.attached.len(), policies.inline.as_slice()),
        (1, &["inline".to_owned()][..])
    );
    assert_eq!(
        account.trusted_subjects["system:serviceaccount:default:cart"],
        ["cart"]
    );
    assert_eq!(provider(&loaded, ACCOUNT), known(AUD));
    assert!(is_whole(&loaded));
}

#[test]
fn what_stands_in_policies_is_kept() {
    let allowing = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/own");
    let mut role = detail(ACCOUNT, "cart");
    role["RolePolicyList"] = json!([{"PolicyName": "inline", "PolicyDocument": allowing}]);
    role["AttachedManagedPolicies"] = json!([{"PolicyName": "own", "PolicyArn": own}]);
    role["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": own});
    let mut output = details(&[role]);
    output["Policies"] = json!([{
        "Arn": own,
        "DefaultVersionId": "v2",
        "PolicyVersionList": [
            {"VersionId": "v2", "Document": allowing, "IsDefaultVersion": true},
            {"VersionId": "v1", "Document": "%7B%7D", "IsDefaultVersion": false}
        ]
    }]);
    // `list-roles` says nothing of boundaries.
    let listed = json!({"Roles": [{
        "Arn": format!("arn:aws:iam::{ACCOUNT}:role/cart"),
        "AssumeRolePolicyDocument": detail(ACCOUNT, "cart")["AssumeRolePolicyDocument"]
    }]});
    for outputs in [vec![output.clone()], vec![listed, output]] {
        let loaded = taken(&outputs);
        let account = &loaded.snapshot.accounts[ACCOUNT];
        assert_eq!(
            &**account.inline["cart"].latest().unwrap().get("inline").unwrap(),
            allowing.to_string()
        );
        assert_eq!(
            *account.managed[&own].latest().unwrap().text,
            *allowing.to_string()
        );
        let Some(audit_core::model::RoleLookup::Found(role)) = account.roles["cart"].latest() else {
            panic!("there is no role")
        };
        assert_eq!(role.boundary.as_deref(), Some(own.as_str()));
    }
}

#[test]
fn an_output_of_policies_alone_proves_nothing_of_roles() {
    let mut policies = details(&[]);
    policies["Policies"] =
        json!([{"Arn": format!("arn:aws:iam::{ACCOUNT}:policy/own"), "PolicyVersionList": []}]);
    assert!(
        !is_whole(&taken(&[policies])),
        "printed with `--filter LocalManagedPolicy`"
    );
}

#[test]
fn a_role_from_get_role_has_no_policies_that_were_seen() {
    let mut alone = detail(ACCOUNT, "cart");
    for list in ["RolePolicyList", "AttachedManagedPolicies"] {
        alone.as_object_mut().unwrap().remove(list);
    }
    let loaded = taken(&[json!({"Role": alone})]);
    assert!(loaded.snapshot.accounts[ACCOUNT].policies.is_empty());
    let both = taken(&[json!({"Role": alone}), details(&[detail(ACCOUNT, "cart")])]);
    assert!(both.snapshot.accounts[ACCOUNT].policies.contains_key("cart"));
}

#[test]
fn a_provider_is_absent_only_from_a_list_and_known_only_by_its_client_ids() {
    let role = || json!({"Role": detail(ACCOUNT, "cart")});
    for (outputs, expected) in [
        (vec![role()], Seen::Nothing),
        (vec![role(), listed(&[])], Seen::Absent),
        (vec![role(), listed(&[ACCOUNT])], Seen::Nothing),
        (vec![role(), listed(&[ACCOUNT]), described(&[])], known(&[])),
        (vec![role(), described(AUD)], known(AUD)),
        (vec![listed(&[ACCOUNT]), described(AUD)], known(AUD)),
    ] {
        assert_eq!(provider(&taken(&outputs), ACCOUNT), expected, "{outputs:?}");
    }
    let mut other = described(AUD);
    other["Url"] = json!("token.actions.githubusercontent.com");
    assert_eq!(provider(&taken(&[role(), other]), ACCOUNT), Seen::Nothing);
    let unknown = given(&[role(), listed(&[])], &options());
    assert_eq!(
        provider(&unknown, ACCOUNT),
        Seen::Nothing,
        "which provider, nobody can tell"
    );
}

#[test]
fn descriptions_of_providers_go_to_the_accounts_that_list_them() {
    let roles = || {
        [
            details(&[detail(ACCOUNT, "cart")]),
            details(&[detail(OTHER, "cart")]),
        ]
    };
    let with = |more: &[Value]| -> Vec<Value> { roles().into_iter().chain(more.iter().cloned()).collect() };
    let loaded = taken(&with(&[listed(&[ACCOUNT]), described(AUD)]));
    assert_eq!(
        (provider(&loaded, ACCOUNT), provider(&loaded, OTHER)),
        (known(AUD), Seen::Nothing)
    );

    let both = [listed(&[ACCOUNT]), listed(&[OTHER])];
    let twice = with(&[both[0].clone(), both[1].clone(), described(AUD), described(AUD)]);
    let loaded = taken(&twice);
    assert_eq!(
        (provider(&loaded, ACCOUNT), provider(&loaded, OTHER)),
        (known(AUD), known(AUD))
    );

    let once = with(&[both[0].clone(), both[1].clone(), described(AUD)]);
    error(&once, &with_issuer(), "--account");
    let chosen = given(
        &once,
        &Options {
            account: Some(OTHER.to_owned()),
            ..with_issuer()
        },
    );
    assert_eq!(
        (chosen.problems.len(), provider(&chosen, ACCOUNT)),
        (0, Seen::Nothing)
    );
    assert_eq!(provider(&chosen, OTHER), known(AUD));

    let differ = with(&[
        both[0].clone(),
        both[1].clone(),
        described(AUD),
        described(&["x"]),
    ]);
    error(&differ, &with_issuer(), "--account");
    error(
        &with(&[listed(&[ACCOUNT]), described(AUD), described(&["x"])]),
        &with_issuer(),
        "described twice",
    );
}

#[test]
fn what_names_no_account_belongs_to_the_only_one() {
    error(&[described(AUD)], &with_issuer(), "say with --account ID");
    error(&[listed(&[])], &with_issuer(), "say with --account ID");
    error(&[details(&[])], &with_issuer(), "say with --account ID");
    let chosen = Options {
        account: Some(ACCOUNT.to_owned()),
        ..with_issuer()
    };
    let loaded = given(&[details(&[]), listed(&[])], &chosen);
    assert!(is_whole(&loaded) && provider(&loaded, ACCOUNT) == Seen::Absent && loaded.problems.is_empty());
    let caller =
        json!({"UserId": "AIDAEXAMPLE", "Account": ACCOUNT, "Arn": format!("arn:aws:iam::{ACCOUNT}:user/x")});
    assert_eq!(provider(&taken(&[caller, described(AUD)]), ACCOUNT), known(AUD));
    error(
        &[
            details(&[detail(ACCOUNT, "cart")]),
            listed(&[]),
            details(&[detail(OTHER, "x")]),
        ],
        &with_issuer(),
        "--account",
    );
    let contradiction = [details(&[detail(ACCOUNT, "cart")]), listed(&[]), described(AUD)];
    error(&contradiction, &with_issuer(), "does not have it");
    let of_another = [
        details(&[detail(ACCOUNT, "cart")]),
        json!({"OpenIDConnectProviderList": [{"Arn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com")}]}),
        described(AUD),
    ];
    error(&of_another, &with_issuer(), "does not have it");
}

#[test]
fn outputs_in_one_directory_are_of_one_account() {
    let source = |name: &str, value: &Value| crate::Source::new(name, value.to_string());
    let outputs = [
        source("dump/a/roles.json", &details(&[detail(ACCOUNT, "cart")])),
        source("dump/a/list.json", &listed(&[ACCOUNT])),
        source("dump/a/provider.json", &described(AUD)),
        source("dump/b/roles.json", &details(&[detail(OTHER, "cart")])),
        source("dump/b/list.json", &listed(&[])),
    ];
    let loaded = crate::load([], outputs, &with_issuer());
    assert_eq!(problems(&loaded), [""; 0]);
    assert_eq!(
        (provider(&loaded, ACCOUNT), provider(&loaded, OTHER)),
        (known(AUD), Seen::Absent)
    );
    let both = [
        source("a/list.json", &listed(&[ACCOUNT])),
        source("a/provider.json", &described(AUD)),
        source("b/list.json", &listed(&[OTHER])),
        source("b/provider.json", &described(&["x"])),
    ];
    let loaded = crate::load([], both, &with_issuer());
    assert_eq!(provider(&loaded, ACCOUNT), known(AUD));
    assert_eq!(provider(&loaded, OTHER), known(&["x"]));
}

#[test]
fn a_directory_of_its_own_counts_before_the_flag() {
    let source = |name: &str, value: &Value| (name.to_owned(), value.to_string());
    let flag = Options {
        account: Some(ACCOUNT.to_owned()),
        ..with_issuer()
    };
    let roles = |account: &str| details(&[detail(account, "cart")]);
    let load = |outputs: &[(String, String)]| {
        let of = |(name, text): &(String, String)| crate::Source::new(name.clone(), text.clone());
        let loaded = crate::load([], outputs.iter().map(of), &flag);
        let said = problems(&loaded).join("\n");
        (provider(&loaded, ACCOUNT), provider(&loaded, OTHER), said)
    };
    let silent = String::new();
    // An empty list of B is not A's, whether or not A's is there.
    let (a, b) = (
        source("a/roles.json", &roles(ACCOUNT)),
        source("b/roles.json", &roles(OTHER)),
    );
    let none = source("b/list.json", &listed(&[]));
    let found = load(&[a.clone(), b.clone(), none.clone()]);
    assert_eq!(found, (Seen::Nothing, Seen::Absent, silent.clone()));
    let of_a = [
        source("a/list.json", &listed(&[ACCOUNT])),
        source("a/provider.json", &described(AUD)),
    ];
    let found = load(&[&of_a[..], &[a.clone(), b.clone(), none.clone()]].concat());
    assert_eq!(found, (known(AUD), Seen::Absent, silent.clone()));
    // The flag places what its directory does not.
    let found = load(&[source("a/list.json", &listed(&[])), b.clone()]);
    assert_eq!(found, (Seen::Absent, Seen::Nothing, silent));
    // What is below a directory of another account, or beside it in the only directory, is placed by neither.
    for nameless in ["b/eu/list.json", "b/list.json"] {
        let found = load(&[b.clone(), source(nameless, &listed(&[]))]);
        assert_eq!(
            (&found.0, &found.1),
            (&Seen::Nothing, &Seen::Nothing),
            "{nameless}"
        );
        assert!(found.2.contains("`--account` says"), "{}", found.2);
    }
}

#[test]
fn the_same_role_twice_is_one_and_another_form_of_it_an_error() {
    let mut encoded = detail(ACCOUNT, "cart");
    let mut text = String::new();
    for byte in trust().to_string().bytes() {
        let _ = write!(text, "%{byte:02X}");
    }
    encoded["AssumeRolePolicyDocument"] = json!(text);
    taken(&[details(&[detail(ACCOUNT, "cart")]), json!({"Role": encoded})]);
    let mut other = detail(ACCOUNT, "cart");
    other["AssumeRolePolicyDocument"]["Statement"][0]["Effect"] = json!("Deny");
    let loaded = given(
        &[
            details(&[detail(ACCOUNT, "cart"), detail(ACCOUNT, "basket")]),
            json!({"Role": other}),
        ],
        &with_issuer(),
    );
    assert!(
        !loaded.has_errors() && problems(&loaded).len() == 1,
        "{:?}",
        problems(&loaded)
    );
    let roles = &loaded.snapshot.accounts[ACCOUNT].roles;
    assert!(roles["cart"].latest().is_none() && roles["basket"].latest().is_some());
}

#[test]
fn the_issuer_is_what_is_certain() {
    let other = "https://oidc.eks.eu-west-1.amazonaws.com/id/FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    let discovery = json!({"issuer": other, "jwks_uri": "https://x"});
    let found = |outputs: &[Value], options: &Options| {
        let issuer = given(outputs, options).snapshot.issuer;
        issuer.map(|issuer| (issuer.url.as_str().to_owned(), issuer.source))
    };
    let is = |url: &str, source| Some((url.to_owned(), source));
    assert_eq!(
        found(&[cluster(ISSUER)], &options()),
        is(ISSUER, IssuerSource::Eks)
    );
    assert_eq!(
        found(&[cluster(ISSUER), cluster(ISSUER)], &options()),
        is(ISSUER, IssuerSource::Eks)
    );
    assert_eq!(
        found(&[cluster(ISSUER)], &with_issuer()),
        is(ISSUER, IssuerSource::Flag)
    );
    assert_eq!(
        found(&[cluster(ISSUER), cluster(other), discovery.clone()], &options()),
        is(other, IssuerSource::Discovery)
    );
    assert_eq!(
        found(&[cluster(other), json!({"clusters": ["x"]})], &with_issuer()),
        is(ISSUER, IssuerSource::Flag),
        "the account's clusters were listed, whichever this one is"
    );
    for (outputs, options) in [
        (vec![cluster(other)], with_issuer()),
        (vec![discovery.clone()], with_issuer()),
        (vec![cluster(ISSUER), discovery], options()),
    ] {
        let loaded = given(&outputs, &options);
        assert!(loaded.snapshot.issuer.is_none() && !loaded.has_errors());
        assert!(
            problems(&loaded)[0].contains("contradict"),
            "{:?}",
            problems(&loaded)
        );
    }
    assert_eq!(
        found(
            &[details(&[detail(ACCOUNT, "cart")]), listed(&[ACCOUNT])],
            &options()
        ),
        None
    );
    let several = given(&[cluster(ISSUER), cluster(other)], &options());
    assert!(several.snapshot.issuer.is_none() && !several.has_errors());
    assert!(
        problems(&several)[0].contains("--issuer"),
        "{:?}",
        problems(&several)
    );
    error(&[cluster("http://x")], &options(), "https");
    let without = given(&[json!({"cluster": {"name": "local"}})], &options());
    assert!(without.snapshot.issuer.is_none() && problems(&without)[0].contains("`local`"));
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    error(
        &[json!({"Role": {"Arn": "x"}})],
        &options(),
        "a0: looks like the output of `get-role`",
    );
    let mut bad = detail(ACCOUNT, "cart");
    bad["Arn"] = json!("arn:aws:iam::1:role/x");
    let warned = given(&[details(&[bad])], &options());
    assert!(!warned.has_errors() && problems(&warned)[0].contains("not the ARN of a role"));
    error(
        &[details(&[detail(ACCOUNT, "a"), detail(OTHER, "b")])],
        &options(),
        "mixes the accounts",
    );
    error(&[json!({"a": 1})], &options(), "is not an output of the AWS CLI");
    error(
        &[json!({"apiVersion": "v1", "kind": "Pod"})],
        &options(),
        "give it to --kubernetes",
    );
    error(
        &[json!({"Account": "x", "UserId": "y"})],
        &options(),
        "not the ID of an AWS account",
    );
    error(
        &[json!({"OpenIDConnectProviderList": [{"Arn": "x"}]})],
        &options(),
        "not an ARN",
    );
}

fn association(cluster: &str, name: &str, role: Option<&str>) -> Value {
    let mut association = json!({
        "clusterName": cluster, "namespace": "shop", "serviceAccount": name, "associationId": format!("a-{name}"),
        "associationArn": format!("arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/{cluster}/a-{name}"),
    });
    if let Some(role) = role {
        association["roleArn"] = json!(role);
    }
    association
}

#[test]
fn associations_are_those_of_the_cluster() {
    let list =
        json!({"associations": [association("main", "cart", None), association("main", "orders", None)]});
    let one =
        json!({"association": association("main", "cart", Some("arn:aws:iam::111122223333:role/cart"))});
    let other = json!({"associations": [association("other", "ledger", None)]});
    let found = |outputs: &[Value]| -> Vec<(String, Option<String>)> {
        let loaded = taken(outputs);
        let seen = loaded.snapshot.accounts[ACCOUNT]
            .pod_identity
            .latest()
            .cloned()
            .unwrap_or_default();
        seen.into_iter()
            .map(|(key, association)| (key.service_account.into(), association.role_arn))
            .collect()
    };
    let role = Some("arn:aws:iam::111122223333:role/cart".to_owned());
    let both = [("cart".to_owned(), role), ("orders".to_owned(), None)];
    for outputs in [[one.clone(), list.clone()], [list.clone(), one.clone()]] {
        assert_eq!(found(&outputs), both);
    }
    assert_eq!(found(&[cluster(ISSUER), list.clone(), other.clone(), one]), both);
    assert_eq!(found(&[list, other]), [], "of which cluster, nobody can tell");
}

#[test]
fn an_accounts_quota_and_all_its_providers() {
    let summary = json!({"SummaryMap": {"AssumeRolePolicySizeQuota": 4096, "Roles": 7}});
    let loaded = taken(&[listed(&[ACCOUNT]), summary.clone()]);
    let account = &loaded.snapshot.accounts[ACCOUNT];
    assert_eq!(account.trust_quota.latest(), Some(&4096));
    assert_eq!(account.provider_urls.latest().unwrap(), &[KEYS]);
    let unplaced = given(
        &[
            details(&[detail(ACCOUNT, "a")]),
            details(&[detail(OTHER, "a")]),
            summary,
        ],
        &with_issuer(),
    );
    assert!(
        !unplaced.has_errors() && unplaced.problems.len() == 1,
        "{:?}",
        problems(&unplaced)
    );
}

#[test]
fn other_partitions_are_as_healthy_as_the_first() {
    for (partition, host) in [
        ("aws-cn", "oidc.eks.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "oidc.eks.us-gov-west-1.amazonaws.com"),
    ] {
        let here = |value: &Value| {
            let text = value
                .to_string()
                .replace("arn:aws:iam", &format!("arn:{partition}:iam"));
            text.replace("oidc.eks.eu-west-1.amazonaws.com", host)
        };
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "annotations": {
            "eks.amazonaws.com/role-arn": format!("arn:aws:iam::{ACCOUNT}:role/cart")
        }}});
        let outputs = [
            details(&[detail(ACCOUNT, "cart")]),
            listed(&[ACCOUNT]),
            described(AUD),
            cluster(ISSUER),
        ];
        let outputs: Vec<String> = outputs.iter().map(here).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let loaded = good(&[&here(&account)], &outputs, &options());
        let report = report(&loaded);
        let said: Vec<_> = report
            .bindings
            .iter()
            .map(|binding| (binding.verdict, binding.reason))
            .collect();
        assert_eq!(
            said,
            [(audit_core::Verdict::Working, "AllLinksPass")],
            "{partition}"
        );
    }
}

/// A role with when it was created and last used.
fn used(name: &str, created: &str, last_used: &Value) -> Value {
    let mut detail = detail(ACCOUNT, name);
    detail["CreateDate"] = json!(created);
    if !last_used.is_null() {
        detail["RoleLastUsed"] = last_used.clone();
    }
    detail
}

#[test]
fn a_dump_is_no_older_than_the_latest_time_in_it() {
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let loaded = taken(&[
        details(&[
            used(
                "old",
                "2024-01-01T00:00:00+00:00",
                &json!({"LastUsedDate": "2025-01-01T00:00:00+00:00", "Region": "x"}),
            ),
            used("unused", "2026-01-01T00:00:00Z", &json!({})),
            used("untold", "2026-02-01T01:00:00+01:00", &Value::Null),
            used("odd", "soon", &json!({"LastUsedDate": 1_700_000_000})),
        ]),
        json!({"Role": used("old", "2024-01-01T00:00:00+00:00", &json!({"LastUsedDate": "2025-01-01T00:00:00+00:00"}))}),
    ]);
    let of = |name: &str| match loaded.snapshot.accounts[ACCOUNT].roles[name].latest() {
        Some(RoleLookup::Found(role)) => (role.created, role.last_used, role.told_after),
        other => panic!("{other:?}"),
    };
    let told_after = at("2026-02-01T00:00:00Z");
    let used_at = LastUsed::At("2025-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(of("old"), (at("2024-01-01T00:00:00Z"), used_at, told_after));
    assert_eq!(
        of("unused"),
        (at("2026-01-01T00:00:00Z"), LastUsed::Never, told_after)
    );
    assert_eq!(
        of("untold"),
        (at("2026-02-01T00:00:00Z"), LastUsed::Unseen, told_after)
    );
    assert_eq!(of("odd"), (None, LastUsed::Unseen, told_after));
}

/// A cluster of a region with an issuer there.
fn cluster_in(region: &str, name: &str) -> Value {
    json!({"cluster": {
        "name": name, "arn": format!("arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}"),
        "identity": {"oidc": {"issuer": format!("https://oidc.eks.{region}.amazonaws.com/id/{}", name.to_ascii_uppercase())}}
    }})
}

#[test]
fn clusters_are_all_of_a_region_where_a_list_of_them_fits_no_other() {
    let (ire, us) = ("eu-west-1", "us-east-1");
    let names = |names: &[&str]| json!({"clusters": names});
    let described = [cluster_in(ire, "a"), cluster_in(ire, "b"), cluster_in(us, "b")];
    let whole = |lists: &[Value]| {
        let outputs: Vec<Value> = described.iter().chain(lists).cloned().collect();
        let loaded = given(&outputs, &with_issuer());
        assert!(!loaded.has_errors());
        let clusters = &loaded.snapshot.accounts[ACCOUNT].clusters;
        let seen = |region: &str| clusters[region].latest().unwrap().clone();
        assert_eq!((seen(ire).issuers.len(), seen(us).issuers.len()), (2, 1));
        (seen(ire).is_whole, seen(us).is_whole)
    };
    assert_eq!(whole(&[]), (false, false));
    assert_eq!(whole(&[names(&["a", "b"])]), (true, false));
    for list in [
        names(&["b"]),
        names(&[]),
        names(&["a", "b", "c"]),
        json!({"clusters": ["a", "b"], "nextToken": "x"}),
    ] {
        assert_eq!(whole(std::slice::from_ref(&list)), (false, false), "{list}");
    }
}

#[test]
fn roles_tell_which_other_issuers_they_trust() {
    let mut other = detail(ACCOUNT, "other");
    let id = "oidc.eks.us-east-1.amazonaws.com/id/GONE";
    other["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"] =
        json!(format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{id}"));
    let loaded = taken(&[details(&[detail(ACCOUNT, "own"), other])]);
    let trusted = &loaded.snapshot.accounts[ACCOUNT].trusted_issuers;
    let shown: Vec<_> = trusted
        .values()
        .map(|trusted| (&*trusted.roles.host_path, trusted.roles.alone))
        .collect();
    assert_eq!(shown, [(id, 1)]);
}
