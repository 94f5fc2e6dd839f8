//! Verbs of Kubernetes, by the rules of its RBAC authorizer.

use audit_core::Snapshot;
use audit_core::fix::Form;
use audit_core::model::KubernetesExpectation;
use audit_core::rbac::request::requests;
use audit_core::rbac::{Decision, Identity, answers};
use audit_core::rules::permissions::{explain, named, repair, role};

use super::Reply;
use super::args::CanIArgs;

/// Whether the ServiceAccount may do it.
pub(super) fn answer(snapshot: &Snapshot, args: &CanIArgs) -> Reply {
    let asked = [expectation(args)];
    let rbac = snapshot.cluster.rbac();
    let key = &args.service_account;
    let answers = answers(snapshot, key, &asked);
    let Some(answer) = answers.first() else {
        return Reply::unknown("nothing was asked");
    };
    match &answer.decision {
        Decision::Unseen(missing) => {
            Reply::unknown(&format!("nothing that was given allows it, but {missing}"))
        }
        Decision::Disputed => Reply::unknown("the API server says the opposite of what its roles say"),
        Decision::Denied => {
            let why = answer
                .nearest
                .as_ref()
                .map(|nearest| explain(rbac, answer, nearest))
                .unwrap_or_default();
            let fix = repair(rbac, key, &answers);
            let manifest = fix
                .alternatives
                .iter()
                .find(|alternative| alternative.form == Form::Manifest);
            let remedy = manifest.map_or(&fix.text, |manifest| &manifest.text);
            Reply::no(
                &why,
                &format!("# The least that lets it:\n{}\n", remedy.trim_end()),
            )
        }
        Decision::Allowed => {
            let identity = Identity::of(key);
            let asked = requests(answer.expectation);
            let grant = asked.first().and_then(|request| rbac.grant(&identity, request));
            let why = grant.map(|binding| format!("{} gives it, by {}", named(binding), role(binding)));
            Reply::yes(&why.unwrap_or_default())
        }
    }
}

/// What the words on the command line ask for.
fn expectation(args: &CanIArgs) -> KubernetesExpectation {
    let (path, in_path) = match args.target.split_once('/') {
        Some((path, subresource)) => (path, Some(subresource.to_owned())),
        None => (args.target.as_str(), None),
    };
    let (resource, group) = path.split_once('.').unwrap_or((path, ""));
    let namespace = args.namespace.as_ref().unwrap_or(&args.service_account.namespace);
    KubernetesExpectation {
        verbs: vec![args.action.clone()],
        api_group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: args.subresource.clone().or(in_path),
        resource_names: args.name.iter().cloned().collect(),
        namespace: (!args.all_namespaces).then(|| namespace.clone()),
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::BindingKey;
    use audit_core::snapshot::{Cluster, Origin};
    use audit_k8s::prune;
    use serde_json::json;

    use super::*;

    fn args(verb: &str, target: &str) -> CanIArgs {
        CanIArgs {
            service_account: BindingKey::new("shop", "cart"),
            action: verb.to_owned(),
            target: target.to_owned(),
            name: None,
            subresource: None,
            namespace: None,
            all_namespaces: false,
            kubernetes: Vec::new(),
            partial: false,
        }
    }

    fn snapshot(mut cluster: Cluster) -> Snapshot {
        let role = json!({"metadata": {"namespace": "shop", "name": "r"},
            "rules": [{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]}]});
        let binding = json!({"metadata": {"namespace": "shop", "name": "b"}, "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "cart"}]});
        cluster.rbac_mut().put_role(prune::role(role).unwrap());
        cluster
            .rbac_mut()
            .put_binding(&prune::role_binding(binding).unwrap());
        Snapshot {
            origin: Origin::Files,
            cluster,
            ..Snapshot::default()
        }
    }

    #[test]
    fn yes_says_by_what() {
        let split = CanIArgs {
            subresource: Some("scale".to_owned()),
            ..args("get", "deployments.apps")
        };
        for args in [args("get", "deployments.apps/scale"), split] {
            let reply = answer(&snapshot(Cluster::default()), &args);
            assert_eq!(reply.code, 0, "{}", reply.text);
            assert!(reply.text.contains("RoleBinding `shop/b`") && reply.text.contains("Role `shop/r`"));
        }
    }

    #[test]
    fn no_says_why_and_what_would_let_it() {
        let elsewhere = CanIArgs {
            namespace: Some("other".to_owned()),
            ..args("get", "deployments.apps/scale")
        };
        let everywhere = CanIArgs {
            all_namespaces: true,
            ..args("get", "deployments.apps/scale")
        };
        for (args, kind) in [
            (args("get", "pods"), "kind: Role\n"),
            (elsewhere, "kind: Role\n"),
            (everywhere, "kind: ClusterRole\n"),
        ] {
            let reply = answer(&snapshot(Cluster::default()), &args);
            assert_eq!(reply.code, 1, "{}", reply.text);
            assert!(
                reply.text.starts_with("no: may not `get`") && reply.text.contains(kind),
                "{}",
                reply.text
            );
        }
    }

    #[test]
    fn what_was_not_given_is_unknown() {
        assert_eq!(
            answer(&snapshot(Cluster::partial()), &args("get", "pods")).code,
            3
        );
    }
}
