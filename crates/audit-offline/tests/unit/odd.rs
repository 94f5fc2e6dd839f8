//! Outputs that are not as the AWS CLI prints them: odd roles, pages, parts, and what is no output.

use serde_json::{Value, json};

use crate::Loaded;
use crate::aws::tests::{detail, details, error, given, is_whole, listed, taken, with_issuer};
use crate::testing::*;

#[test]
fn only_all_roles_prove_that_one_is_absent() {
    let role = json!({"Role": detail(ACCOUNT, "cart")});
    let mut page = details(&[detail(ACCOUNT, "cart")]);
    assert!(is_whole(&taken(&[page.clone()])));
    page["IsTruncated"] = json!(true);
    let warned = |outputs: &[Value]| {
        let loaded = given(outputs, &with_issuer());
        assert!(!loaded.has_errors(), "{:?}", problems(&loaded));
        (is_whole(&loaded), problems(&loaded).len())
    };
    let last = || details(&[detail(ACCOUNT, "basket")]);
    let counting = |roles: usize| json!({"SummaryMap": {"Roles": roles, "AssumeRolePolicySizeQuota": 2048}});
    assert_eq!(warned(std::slice::from_ref(&page)), (false, 1), "no last page");
    assert_eq!(
        warned(&[page.clone(), last()]),
        (false, 1),
        "a page between may be missing"
    );
    assert_eq!(warned(&[page.clone(), last(), counting(2)]), (true, 0));
    assert_eq!(warned(&[page, last(), counting(3)]), (false, 1));
    assert_eq!(warned(&[last(), counting(2)]), (false, 1));
    let chosen = json!({"RoleDetailList": [detail(ACCOUNT, "cart")]});
    assert_eq!(warned(&[chosen]), (false, 1), "printed with --query");
    assert!(!is_whole(&taken(&[role])) && !is_whole(&taken(&[json!({"Roles": [detail(ACCOUNT, "cart")]})])));
    let mut users = details(&[]);
    users["UserDetailList"] = json!([{"Arn": format!("arn:aws:iam::{ACCOUNT}:user/x")}]);
    assert!(!is_whole(&taken(&[users])), "printed with `--filter User`");
    assert!(is_whole(&taken(&[details(&[]), listed(&[ACCOUNT])])));
}

#[test]
fn a_page_without_roles_is_told_as_any_other() {
    let warned = |outputs: &[Value]| {
        let loaded = given(outputs, &with_issuer());
        assert!(!loaded.has_errors(), "{:?}", problems(&loaded));
        let pages = loaded.snapshot.cluster.missing_pages().len();
        (is_whole(&loaded), problems(&loaded).len(), pages)
    };
    let paged = |mut page: Value, flag: (&str, Value)| {
        page[flag.0] = flag.1;
        page
    };
    let truncated = || ("IsTruncated", json!(true));
    let mut users = details(&[]);
    users["UserDetailList"] = json!([{"Arn": format!("arn:aws:iam::{ACCOUNT}:user/x")}]);
    let mut policies = details(&[]);
    policies["Policies"] =
        json!([{"Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "PolicyName": "ReadOnlyAccess"}]);
    for page in [
        paged(details(&[]), truncated()),
        paged(details(&[]), ("NextToken", json!("x"))),
        paged(users.clone(), truncated()),
        paged(policies.clone(), truncated()),
    ] {
        assert_eq!(warned(std::slice::from_ref(&page)), (false, 1, 1), "{page}");
        assert_eq!(
            warned(&[page.clone(), listed(&[ACCOUNT])]),
            (false, 1, 1),
            "{page}"
        );
        let last = || details(&[detail(ACCOUNT, "cart")]);
        let counting = |roles: usize| json!({"SummaryMap": {"Roles": roles}});
        assert_eq!(
            warned(&[page.clone(), last(), counting(1)]),
            (true, 0, 0),
            "{page}"
        );
        assert_eq!(
            warned(&[page.clone(), last(), counting(2)]),
            (false, 1, 1),
            "{page}"
        );
        let first = paged(last(), truncated());
        assert_eq!(warned(&[first, policies.clone(), counting(1)]), (true, 0, 0));
    }
}

#[test]
fn an_odd_role_is_unknown_and_the_others_are_audited() {
    let odd = |change: fn(&mut Value)| {
        let mut role = detail(ACCOUNT, "odd");
        change(&mut role);
        let loaded = given(&[details(&[detail(ACCOUNT, "cart"), role])], &with_issuer());
        assert!(!loaded.has_errors(), "{:?}", problems(&loaded));
        assert!(
            problems(&loaded)
                .iter()
                .any(|problem| problem.contains("unknown")),
            "{:?}",
            problems(&loaded)
        );
        let account = &loaded.snapshot.accounts[ACCOUNT];
        assert!(account.roles["cart"].latest().is_some());
        (
            account.roles.get("odd").map(|role| role.latest().is_some()),
            is_whole(&loaded),
        )
    };
    // That it exists is known.
    assert_eq!(
        odd(|role| role["AssumeRolePolicyDocument"] = json!("")),
        (Some(false), true)
    );
    assert_eq!(odd(|role| role["Tags"] = json!(7)), (Some(false), true));
    assert_eq!(
        odd(|role| role["RolePolicyList"] = json!([{"PolicyName": 1}])),
        (Some(false), true)
    );
    // It may be any.
    assert_eq!(
        odd(|role| role["Arn"] = json!("arn:aws:iam::111122223333:role/o d d")),
        (None, false)
    );
    let path = "arn:aws:iam::111122223333:role/o'd\"d/odd";
    let mut quoted = detail(ACCOUNT, "odd");
    quoted["Arn"] = json!(path);
    let loaded = taken(&[details(&[quoted])]);
    assert!(is_whole(&loaded) && loaded.snapshot.accounts[ACCOUNT].roles["odd"].latest().is_some());
}

#[test]
fn parts_of_outputs_are_named() {
    for (output, expected) in [
        (detail(ACCOUNT, "cart"), "get-role"),
        (
            json!("https://oidc.eks.eu-west-1.amazonaws.com/id/A"),
            "single value",
        ),
        (
            json!({"Url": KEYS, "ThumbprintList": []}),
            "get-open-id-connect-provider",
        ),
        (
            json!({"Error": {"Code": "AccessDenied", "Message": "no"}}),
            "AccessDenied",
        ),
    ] {
        error(&[output], &options(), expected);
    }
}

/// Loads a text of a directory that is given for both sides, or for outputs alone.
fn of_directory(text: &str, for_both: bool) -> Loaded {
    let source = || crate::Source {
        named: false,
        ..crate::Source::new("d/x.json", text)
    };
    let manifests = for_both.then(source);
    crate::load(manifests, [source()], &options())
}

#[test]
fn a_directory_may_hold_other_things() {
    for (text, alone, both) in [
        ("{\"a\": 1}", 1, 1),
        ("{\"apiVersion\": \"v1\", \"kind\": \"Service\"}", 1, 0),
        ("{\"PolicyNames\": []}", 1, 1),
        ("", 1, 1),
        ("# nothing", 1, 1),
        ("{\"Error\": {\"Code\": \"AccessDenied\"}}", 1, 1),
        ("NAME   READY\n", 1, 1),
    ] {
        for (for_both, expected) in [(false, alone), (true, both)] {
            let loaded = of_directory(text, for_both);
            let told = problems(&loaded);
            let told: Vec<_> = told
                .iter()
                .filter(|problem| problem.starts_with("d/x.json"))
                .collect();
            assert_eq!(
                (loaded.has_errors(), told.len()),
                (false, expected),
                "{text}: {told:?}"
            );
        }
    }
}
