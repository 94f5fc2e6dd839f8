use super::*;
use crate::testing::{policy, subject};

fn mode(policies: &[RemediationPolicy], opt_in: RemediationMode) -> RemediationMode {
    admin_grant(policies, &subject(), &["irsa-audit".to_owned()]).mode(opt_in)
}

fn changed(change: impl FnOnce(&mut RemediationPolicy)) -> RemediationPolicy {
    let mut policy = policy();
    change(&mut policy);
    policy
}

use RemediationMode as M;

#[test]
fn the_modes_are_ordered() {
    assert!(M::Off < M::Propose && M::Propose < M::RequireApproval && M::RequireApproval < M::Automatic);
}

#[test]
fn the_least_of_the_team_and_of_all_matching_policies_holds() {
    assert_eq!(mode(&[], M::Automatic), M::Off);
    for opt_in in [M::Off, M::Propose, M::RequireApproval, M::Automatic] {
        assert_eq!(mode(&[policy()], opt_in), opt_in);
        for max_mode in [M::Off, M::Propose, M::RequireApproval, M::Automatic] {
            let strict = changed(|policy| policy.max_mode = max_mode);
            assert_eq!(mode(&[policy(), strict.clone()], opt_in), opt_in.min(max_mode));
            assert_eq!(mode(&[strict, policy()], opt_in), opt_in.min(max_mode));
        }
    }
}

#[test]
fn a_policy_that_does_not_match_says_nothing() {
    for other in [
        changed(|policy| policy.roles = vec!["arn:aws:iam::111122223333:role/other".to_owned()]),
        changed(|policy| policy.namespaces = NamespaceScope::Patterns(vec!["bank".to_owned()])),
        changed(|policy| policy.namespaces = NamespaceScope::Selected(Vec::new())),
        changed(|policy| policy.service_accounts = vec!["till".to_owned(), "car".to_owned()]),
    ] {
        assert_eq!(
            mode(std::slice::from_ref(&other), M::Automatic),
            M::Off,
            "{other:?}"
        );
        let off = RemediationPolicy {
            max_mode: M::Off,
            ..other
        };
        assert_eq!(mode(&[policy(), off], M::Automatic), M::Automatic);
    }
}

#[test]
fn patterns_are_of_whole_names() {
    for (roles, matches) in [
        ("arn:aws:iam::111122223333:role/app", true),
        ("arn:aws:iam::111122223333:role/*", true),
        ("arn:aws:iam::*:role/app", true),
        ("arn:aws:iam::111122223333:role/ap", false),
        ("app", false),
        ("ARN:aws:iam::111122223333:role/app", false),
    ] {
        let policy = changed(|policy| policy.roles = vec![roles.to_owned()]);
        assert_eq!(mode(&[policy], M::Automatic) == M::Automatic, matches, "{roles}");
    }
    let selected = changed(|policy| policy.namespaces = NamespaceScope::Selected(vec!["shop".to_owned()]));
    assert_eq!(mode(&[selected], M::Automatic), M::Automatic);
}

#[test]
fn a_policy_with_an_empty_selector_turns_everything_off() {
    for (faulty, selector) in [
        (changed(|policy| policy.roles.clear()), EmptySelector::Roles),
        (
            changed(|policy| policy.roles = vec![String::new()]),
            EmptySelector::Roles,
        ),
        (
            changed(|policy| policy.namespaces = NamespaceScope::Patterns(Vec::new())),
            EmptySelector::Namespaces,
        ),
        (
            changed(|policy| policy.service_accounts.clear()),
            EmptySelector::ServiceAccounts,
        ),
    ] {
        let policies = [policy(), faulty];
        assert_eq!(mode(&policies, M::Automatic), M::Off);
        let grant = admin_grant(&policies, &subject(), &[]);
        assert!(matches!(grant.faulty.as_slice(), [(_, found)] if *found == selector));
    }
}

#[test]
fn system_namespaces_and_the_operator_s_own_never_match() {
    let everything = changed(|policy| policy.namespaces = NamespaceScope::Patterns(vec!["*".to_owned()]));
    for (namespace, expected) in [
        ("shop", M::Automatic),
        ("kube-system", M::Off),
        ("kube-public", M::Off),
        ("kube-anything", M::Off),
        ("irsa-audit", M::Off),
        ("kubeflow", M::Automatic),
    ] {
        let subject = RemedySubject {
            namespace: namespace.to_owned(),
            ..subject()
        };
        let policies = [everything.clone()];
        let grant = admin_grant(&policies, &subject, &["irsa-audit".to_owned()]);
        assert_eq!(grant.mode(M::Automatic), expected, "{namespace}");
    }
}
