//! What a plan leaves open is never guessed: a verdict other than *Unknown* holds whatever the value turns out to be.

use audit_core::Verdict;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::plans::*;
use crate::testing::{KEYS, options};
use crate::{Loaded, Options};

/// What a plan says of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Good,
    Bad,
    Open,
}

const VALUES: usize = 5;

/// A plan in which five values are as given: the role's trust policy and name, the provider's URL and client IDs, and the annotation.
fn world([trust_policy, name, url, client_ids, annotation]: [Said; VALUES]) -> Loaded {
    let mark = |change: Value, said: Said, unknown: Value| match said {
        Said::Open => open(change, &unknown),
        Said::Good | Said::Bad => change,
    };
    let mut role = new_role(if name == Said::Bad { "other" } else { "cart" });
    if trust_policy == Said::Bad {
        role["change"]["after"]["assume_role_policy"] = json!(trust_of("system:serviceaccount:shop:web"));
    }
    role = mark(role, trust_policy, json!({"assume_role_policy": true}));
    role = mark(role, name, json!({"name": true}));
    let mut provider = creates("aws_iam_openid_connect_provider.main", &provider_values());
    if url == Said::Bad {
        provider["change"]["after"]["url"] = json!(format!("{KEYS}0"));
    }
    if client_ids == Said::Bad {
        provider["change"]["after"]["client_id_list"] = json!(["vault"]);
    }
    provider = open(provider, &json!({"arn": true}));
    provider = mark(provider, url, json!({"url": true}));
    provider = mark(provider, client_ids, json!({"client_id_list": true}));
    let asked = if annotation == Said::Bad {
        "not an ARN".to_owned()
    } else {
        role_arn("cart")
    };
    let account = mark(
        new_account(&asked),
        annotation,
        json!({"metadata": [{"annotations": {"eks.amazonaws.com/role-arn": true}}]}),
    );
    let mut account = account;
    if annotation == Said::Open {
        account["change"]["after"]["metadata"][0]["annotations"] = json!({});
    }
    // All that there is besides: an account without a role and without a provider.
    let details = json!({"RoleDetailList": [], "UserDetailList": [], "GroupDetailList": [], "Policies": []})
        .to_string();
    let listed = json!({"OpenIDConnectProviderList": []}).to_string();
    let caller = json!({"UserId": "x", "Account": crate::testing::ACCOUNT, "Arn": "x"}).to_string();
    let text = plan_with(&[cluster(), provider, role, account], &healthy_configuration());
    planned(&[], &[&details, &listed, &caller], &[&text], &options())
}

/// The verdicts with each open value as a good one and as a bad one.
fn completions(said: [Said; VALUES]) -> Vec<Verdict> {
    let Some(at) = said.iter().position(|one| *one == Said::Open) else {
        return vec![verdict(&world(said))];
    };
    let with = |value| {
        let mut said = said;
        said[at] = value;
        completions(said)
    };
    [with(Said::Good), with(Said::Bad)].concat()
}

#[test]
fn a_verdict_holds_whatever_an_open_value_turns_out_to_be() {
    let all = [Said::Good, Said::Bad, Said::Open];
    let mut counts = [0_usize; 2];
    for n in 0..3_usize.pow(5) {
        let said: [Said; VALUES] =
            std::array::from_fn(|at| all[n / 3_usize.pow(u32::try_from(at).unwrap()) % 3]);
        let told = verdict(&world(said));
        counts[usize::from(told == Verdict::Unknown)] += 1;
        if told != Verdict::Unknown {
            for possible in completions(said) {
                assert_eq!(told, possible, "{said:?}");
            }
        }
    }
    assert!(counts[0] > 32 && counts[1] > 32, "{counts:?}");
}

fn partial() -> Options {
    Options {
        partial: true,
        ..options()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A plan that changes nothing says what the files say.
    #[test]
    fn a_plan_without_changes_changes_nothing(subject in "(shop|prod):(cart|web)", clients in "sts.amazonaws.com|vault", attached in any::<bool>()) {
        let trust = trust_of(&format!("system:serviceaccount:{subject}"));
        let policies: Vec<Value> = attached.then(|| json!({"PolicyArn": "arn:aws:iam::aws:policy/x"})).into_iter().collect();
        let role = json!({"Arn": role_arn("cart"), "RoleName": "cart", "RoleId": "A", "AssumeRolePolicyDocument": trust,
            "RolePolicyList": [], "AttachedManagedPolicies": policies});
        let details = json!({"RoleDetailList": [role], "UserDetailList": [], "GroupDetailList": [], "Policies": []}).to_string();
        let listed = json!({"OpenIDConnectProviderList": [{"Arn": provider_values()["arn"]}]}).to_string();
        let described = json!({"Url": KEYS, "ClientIDList": [clients]}).to_string();
        let account = account_values(&role_arn("cart"));
        let manifest = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account["metadata"][0]}).to_string();
        let outputs = [details.as_str(), &listed, &described];
        let options = Options { issuer: Some(audit_core::model::IssuerUrl::parse(crate::testing::ISSUER).unwrap()), ..partial() };
        let of = |plans: &[&str]| crate::testing::report(&planned(&[&manifest], &outputs, plans, &options));
        let before = of(&[]);
        prop_assert_eq!(&before, &of(&[&plan(&[])]));
        let mut values = role_values("cart");
        values["assume_role_policy"] = json!(trust);
        values["managed_policy_arns"] = policies.iter().map(|policy| policy["PolicyArn"].clone()).collect();
        let same = [stays("aws_iam_role.cart", &values), stays("kubernetes_service_account.cart", &account)];
        let mut after = of(&[&plan(&same)]);
        prop_assert_eq!(before.bindings.len(), after.bindings.len());
        prop_assert_eq!(before.bindings[0].verdict, after.bindings.remove(0).verdict);
    }

    /// Whatever is in the place of a value, nothing panics.
    #[test]
    fn no_plan_panics(nth in 0_usize..400, odd in 0_usize..6) {
        let odd = [json!(null), json!(true), json!(7), json!("x"), json!([[]]), json!({"a": {}})][odd].clone();
        let mut value: Value = serde_json::from_str(&plan_with(&healthy(), &healthy_configuration())).unwrap();
        replace_nth(&mut value, &mut { nth }, &odd);
        let loaded = planned(&[], &[], &[&value.to_string()], &options());
        crate::testing::report(&loaded);
    }
}

/// Puts `new` in the place of the nth value of a document, counted in reading order.
fn replace_nth(document: &mut Value, n: &mut usize, new: &Value) {
    if *n == 0 {
        *document = new.clone();
    }
    *n = n.wrapping_sub(1);
    match document {
        Value::Array(values) => values.iter_mut().for_each(|value| replace_nth(value, n, new)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_nth(value, n, new)),
        _ => {}
    }
}
