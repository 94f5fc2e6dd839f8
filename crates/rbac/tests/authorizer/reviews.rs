//! What the API server is asked about expectations.

use rbac::{
    Evaluated, Extent, Identity, KubernetesExpectation, Rbac, RbacKind, RbacSight, ReviewQuestion, answers,
    questions,
};

use super::support::{account, binding, role};

fn expectation(verbs: &[&str], names: &[&str]) -> KubernetesExpectation {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    KubernetesExpectation {
        verbs: owned(verbs),
        api_group: String::new(),
        resource: "pods".to_owned(),
        subresource: None,
        resource_names: owned(names),
        namespace: Some("shop".to_owned()),
    }
}

/// Verb and name of each question, and what is evaluated.
fn asked(rbac: &Rbac, expectations: &[KubernetesExpectation], most: usize) -> Vec<(String, Evaluated)> {
    let sight = RbacSight {
        rbac,
        extent: Extent::Watched,
    };
    let answers = answers(sight, &Identity::of("shop", "cart"), expectations, &[], &|_| true);
    let questions = questions(&answers, most);
    let short = |question: ReviewQuestion| {
        let request = question.request;
        (format!("{} {}", request.verb, request.name), question.evaluated)
    };
    questions.into_iter().map(short).collect()
}

#[test]
fn each_request_is_asked_for_once_and_the_denied_ones_first() {
    let mut rbac = Rbac::default();
    rbac.put_role(role("shop", "r", &["get core pods a"]));
    rbac.put_binding(&binding("shop", "b", "r", &[account("shop", "cart")]));
    let expected = [
        expectation(&["get"], &["a", "b"]),
        expectation(&["get", "create"], &["b", "c"]),
    ];
    let say = |what: &str, evaluated| (what.to_owned(), evaluated);
    let of_rest = |evaluated| {
        ["get b", "get c", "create "]
            .map(|what| say(what, evaluated))
            .to_vec()
    };
    let granted = say("get a", Evaluated::Granted);
    let unseen = [of_rest(Evaluated::Unseen), vec![granted.clone()]].concat();
    assert_eq!(asked(&rbac, &expected, 64), unseen);
    for kind in RbacKind::ALL {
        rbac.set_listed(kind);
    }
    let denied = [of_rest(Evaluated::Denied), vec![granted]].concat();
    assert_eq!(asked(&rbac, &expected, 64), denied);
    assert_eq!(asked(&rbac, &expected, 2), denied[..2]);
    assert_eq!(asked(&rbac, &[], 2), []);
}
