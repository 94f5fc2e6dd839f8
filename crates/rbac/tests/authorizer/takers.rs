//! Who else can take an identity.

use rbac::takers::TakeoverWay;

use super::*;

#[test]
fn who_can_take_an_identity() {
    let jane = || Subject::User("jane".into());
    for (text, ways) in [
        ("create core serviceaccounts/token", vec![TakeoverWay::Token]),
        ("create core serviceaccounts/token cart", vec![TakeoverWay::Token]),
        ("create core serviceaccounts/token orders", vec![]),
        ("create core pods", vec![TakeoverWay::Pod]),
        ("create core pods cart", vec![]),
        ("patch core pods", vec![TakeoverWay::Image]),
        ("update core pods/status", vec![]),
        ("patch apps deployments", vec![TakeoverWay::Workload]),
        ("get core pods/exec", vec![TakeoverWay::Exec]),
        ("patch core serviceaccounts cart", vec![TakeoverWay::Annotation]),
        ("impersonate core serviceaccounts", vec![TakeoverWay::Impersonate]),
        ("create core pods/attach", vec![TakeoverWay::Attach]),
        (
            "patch core pods/ephemeralcontainers",
            vec![TakeoverWay::Ephemeral],
        ),
        ("create core pods/portforward", vec![]),
        ("create,get core secrets", vec![TakeoverWay::Secret]),
        ("create core secrets", vec![]),
        ("get,list core secrets", vec![]),
        ("impersonate core users", vec![TakeoverWay::ImpersonateUser]),
        (
            "impersonate core users system:serviceaccount:shop:cart",
            vec![TakeoverWay::ImpersonateUser],
        ),
        ("impersonate core users cart", vec![]),
        ("impersonate core serviceaccounts orders", vec![]),
        ("impersonate core groups", vec![TakeoverWay::ImpersonateGroup]),
        (
            "impersonate core groups system:masters",
            vec![TakeoverWay::ImpersonateGroup],
        ),
        ("impersonate core groups developers", vec![]),
        ("get core nodes/proxy", vec![TakeoverWay::NodeProxy]),
        ("get core nodes", vec![]),
        (
            "escalate rbac.authorization.k8s.io roles",
            vec![TakeoverWay::EscalateRole],
        ),
        (
            "escalate,update rbac.authorization.k8s.io clusterroles",
            vec![TakeoverWay::EscalateClusterRole],
        ),
        ("update rbac.authorization.k8s.io clusterroles", vec![]),
        (
            "bind rbac.authorization.k8s.io clusterroles",
            vec![TakeoverWay::Bind],
        ),
        (
            "bind rbac.authorization.k8s.io clusterroles edit",
            vec![TakeoverWay::Bind],
        ),
        ("bind rbac.authorization.k8s.io clusterroles view", vec![]),
        (
            "update admissionregistration.k8s.io mutatingwebhookconfigurations",
            vec![TakeoverWay::Admission],
        ),
        (
            "patch admissionregistration.k8s.io mutatingwebhookconfigurations istio-sidecar-injector",
            vec![TakeoverWay::Admission],
        ),
        (
            "update admissionregistration.k8s.io validatingwebhookconfigurations",
            vec![],
        ),
        ("create argoproj.io workflows", vec![TakeoverWay::Launcher]),
        (
            "patch sparkoperator.k8s.io scheduledsparkapplications",
            vec![TakeoverWay::Launcher],
        ),
        ("get,list,watch,delete argoproj.io workflows", vec![]),
        ("create argoproj.io applications", vec![]),
        ("create core services", vec![]),
        (
            "get,list,watch * *",
            vec![TakeoverWay::Exec, TakeoverWay::Attach, TakeoverWay::NodeProxy],
        ),
        ("get,list,watch core pods,secrets", vec![]),
        ("* * *", TakeoverWay::ALL.to_vec()),
    ] {
        for namespace in ["shop", "", "other"] {
            let rbac = rbac(
                &[role("", "r", &[text])],
                &[binding(namespace, "b", "/r", &[jane()])],
            );
            let (count, found) = takers(&rbac, &cart(), 3);
            // What is in no namespace, a RoleBinding does not reach.
            let reached =
                |way: &TakeoverWay| namespace != "other" && (namespace.is_empty() || !way.is_cluster_wide());
            let expected: Vec<TakeoverWay> = ways.iter().copied().filter(reached).collect();
            assert_eq!(
                found.first().map_or(&[][..], |taker| &taker.ways),
                expected,
                "{text} {namespace}"
            );
            assert_eq!(count, usize::from(!expected.is_empty()));
        }
    }
}

#[test]
fn a_client_certificate_takes_three_rights() {
    let all = [
        "create certificates.k8s.io certificatesigningrequests",
        "patch certificates.k8s.io certificatesigningrequests/approval",
        "approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client",
    ];
    let any_signer = "approve certificates.k8s.io signers";
    let kubelets = "approve certificates.k8s.io signers kubernetes.io/kubelet-serving";
    for (texts, is_way) in [
        (&all[..], true),
        (&[all[0], all[1], any_signer], true),
        (&[all[0], all[1], kubelets], false),
        (&all[..2], false),
        (&all[1..], false),
        (&[all[0], all[2]], false),
    ] {
        let subjects = [Subject::User("jane".into())];
        let rbac = rbac(&[role("", "r", texts)], &[binding("", "b", "/r", &subjects)]);
        let (_, found) = takers(&rbac, &cart(), 3);
        let ways = found.first().map_or(&[][..], |taker| &taker.ways);
        assert_eq!(ways == [TakeoverWay::Certificate], is_way, "{texts:?}: {ways:?}");
    }
}

#[test]
fn who_runs_the_cluster_anyway_is_left_out() {
    let group = |name: &str| Subject::Group(name.into());
    let subjects = [
        account("shop", "cart"),
        Subject::User("system:serviceaccount:shop:cart".into()),
        group("system:masters"),
        group("system:nodes"),
        Subject::User("system:kube-controller-manager".into()),
        Subject::User("eks:node-manager".into()),
        account("kube-system", "deployment-controller"),
        account("shop", "deployer"),
        group("system:serviceaccounts:shop"),
        group("developers"),
    ];
    let rbac = rbac(
        &[role("", "r", &["* * *"])],
        &[
            binding("", "b", "/r", &subjects),
            binding("shop", "b", "/r", &subjects),
        ],
    );
    let (count, found) = takers(&rbac, &cart(), 2);
    assert_eq!((count, found.len()), (3, 2));
    assert!(
        found.iter().all(|taker| *taker.binding.id.namespace == *"shop"),
        "the nearest binding counts"
    );
}
