//! Verbs of Kubernetes, by the rules of its RBAC authorizer.

use audit_core::Snapshot;
use audit_core::fix::Form;
use audit_core::model::{BindingKey, KubernetesExpectation};
use audit_core::rbac::request::requests;
use audit_core::rbac::{Identity, PermissionDecision, answers, missing};
use audit_core::rules::permissions::{explain, named, repair, role};

use super::CanIError;
use super::presence::Subjects;
use super::reply::Reply;
use super::resources::ApiKinds;
use super::served;
use crate::audit::live;
use crate::audit::source::{self, SourceArgs, SourceError};

/// Asks a cluster, or files.
pub(super) fn ask(
    args: &SourceArgs,
    key: &BindingKey,
    asked: &KubernetesExpectation,
) -> Result<Reply, CanIError> {
    if args.is_offline() {
        let asked = ApiKinds::built_in().resolve(asked)?;
        let snapshot = source::read(args, Some(&key.namespace))?.snapshot;
        let subjects = Subjects::in_files(&snapshot.cluster, key, about_namespace(&asked));
        return Ok(known(&snapshot, key, &asked, subjects));
    }
    let (evidence, (kinds, subjects)) = live::permissions(args, async |client| {
        let kinds = served::kinds(client).await;
        let namespace = kinds
            .resolve(asked)
            .ok()
            .and_then(|asked| about_namespace(&asked).map(str::to_owned));
        let subjects = served::subjects(client, key, namespace.as_deref()).await;
        (kinds, subjects)
    })
    .map_err(SourceError::from)?;
    Ok(known(&evidence.snapshot, key, &kinds.resolve(asked)?, subjects))
}

/// The namespace that has to exist for a question to be about anything.
fn about_namespace(asked: &KubernetesExpectation) -> Option<&str> {
    asked
        .namespace
        .as_deref()
        .filter(|_| asked.resource != "namespaces")
}

/// The answer, of what exists.
fn known(snapshot: &Snapshot, key: &BindingKey, asked: &KubernetesExpectation, subjects: Subjects) -> Reply {
    let absent = subjects.answer(&snapshot.cluster, key, about_namespace(asked));
    absent.unwrap_or_else(|| answer(snapshot, key, asked))
}

/// Whether the ServiceAccount may do it.
fn answer(snapshot: &Snapshot, key: &BindingKey, asked: &KubernetesExpectation) -> Reply {
    let rbac = snapshot.cluster.rbac();
    let answers = answers(snapshot, key, std::slice::from_ref(asked));
    let Some(answer) = answers.first() else {
        return Reply::unknown("nothing was asked");
    };
    match &answer.decision {
        PermissionDecision::Unseen(unseen) => Reply::unknown(&format!(
            "no role that irsa-audit saw allows it, but {}",
            missing(unseen)
        )),
        PermissionDecision::Disputed => Reply::unknown("the API server contradicts its roles and bindings"),
        PermissionDecision::Denied => {
            let why = answer
                .nearest
                .as_ref()
                .map(|nearest| explain(rbac, answer, nearest))
                .unwrap_or_default();
            let fix = repair(rbac, key, &answers);
            let manifest = fix
                .first
                .alternatives
                .iter()
                .find(|alternative| alternative.form == Form::Manifest);
            let remedy = manifest.map_or_else(|| fix.script(), |manifest| manifest.text.clone());
            Reply::no(
                &why,
                &format!("# The least role that allows it:\n{}\n", remedy.trim_end()),
            )
        }
        PermissionDecision::Allowed => {
            let identity = Identity::from(key);
            let asked = requests(answer.expectation);
            let grant = asked.first().and_then(|request| rbac.grant(&identity, request));
            let why = grant.map(|binding| format!("{} grants it, with {}", named(binding), role(binding)));
            Reply::yes(&why.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use audit_core::snapshot::{Cluster, Origin};
    use audit_k8s::prune;
    use serde_json::json;

    use super::super::question::{CanIQuestion, read};
    use super::super::testing::args;
    use super::*;

    fn reply(cluster: Cluster, words: &[&str]) -> Reply {
        let args = args(words);
        let Ok(CanIQuestion::Kubernetes(asked)) = read(&args) else {
            panic!("{words:?}")
        };
        answer(&snapshot(cluster), &args.service_account, &asked)
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
        // Every cluster has some, and files without any do not hold the cluster.
        let admins = json!({"metadata": {"name": "cluster-admin"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "Group", "name": "system:masters"}]});
        cluster
            .rbac_mut()
            .put_binding(&prune::cluster_role_binding(admins).unwrap());
        Snapshot {
            origin: Origin::Files,
            cluster,
            ..Snapshot::default()
        }
    }

    #[test]
    fn yes_says_by_what() {
        for words in [
            &["get", "deployments.apps/scale"][..],
            &["get", "deployments.apps", "--subresource", "scale"],
        ] {
            let reply = reply(Cluster::default(), words);
            assert_eq!(reply.code, 0, "{}", reply.text);
            assert!(reply.text.contains("RoleBinding `shop/b`") && reply.text.contains("Role `shop/r`"));
        }
    }

    #[test]
    fn no_says_why_and_what_would_let_it() {
        for (words, kind) in [
            (&["get", "pods"][..], "kind: Role\n"),
            (&["get", "deployments.apps/scale", "-n", "other"], "kind: Role\n"),
            (&["get", "deployments.apps/scale", "-A"], "kind: ClusterRole\n"),
        ] {
            let reply = reply(Cluster::default(), words);
            assert_eq!(reply.code, 1, "{}", reply.text);
            assert!(
                reply.text.starts_with("no: may not `get`") && reply.text.contains(kind),
                "{}",
                reply.text
            );
        }
    }

    /// The answer of files with the ServiceAccounts `cart` and `till` of namespace `shop`.
    fn of_files(mut cluster: Cluster, account: &str, words: &[&str]) -> Reply {
        for name in ["cart", "till"] {
            let account = json!({"metadata": {"namespace": "shop", "name": name, "uid": name}});
            cluster.put_service_account(prune::service_account(account, "eks.amazonaws.com").unwrap());
        }
        cluster.put_namespace("shop".to_owned(), [].into());
        let Ok(CanIQuestion::Kubernetes(asked)) = read(&args(words)) else {
            panic!("{words:?}")
        };
        let (snapshot, key) = (snapshot(cluster), BindingKey::new("shop", account));
        let subjects = Subjects::in_files(&snapshot.cluster, &key, about_namespace(&asked));
        known(&snapshot, &key, &asked, subjects)
    }

    #[test]
    fn nothing_is_said_of_what_does_not_exist() {
        let whole = |account, words: &[&str]| of_files(Cluster::default(), account, words);
        for (account, words, absent) in [
            (
                "crat",
                &["get", "pods"][..],
                "`shop/crat` does not exist; did you mean `shop/cart`",
            ),
            (
                "cart",
                &["get", "pods", "-n", "shpo"],
                "namespace `shpo` does not exist",
            ),
        ] {
            let reply = whole(account, words);
            assert!(reply.code == 1 && reply.text.contains(absent), "{}", reply.text);
            assert!(!reply.text.contains("kind: Role"), "{}", reply.text);
        }
        assert_eq!(whole("cart", &["get", "deployments.apps/scale"]).code, 0);
        assert!(
            whole("cart", &["create", "namespaces", "new", "-n", "new"])
                .text
                .contains("may not")
        );
        // Part of a cluster does not say what is not there.
        let partial = of_files(Cluster::partial(), "crat", &["get", "pods"]);
        assert_eq!(partial.code, 3, "{}", partial.text);
    }

    #[test]
    fn what_was_not_given_is_unknown() {
        assert_eq!(reply(Cluster::partial(), &["get", "pods"]).code, 3);
        let nothing = Snapshot {
            origin: Origin::Files,
            ..Snapshot::default()
        };
        let args = args(&["get", "pods"]);
        let Ok(CanIQuestion::Kubernetes(asked)) = read(&args) else {
            panic!("{args:?}")
        };
        let reply = answer(&nothing, &args.service_account, &asked);
        assert!(
            reply.code == 3 && reply.text.contains("`kubectl get roles,rolebindings,"),
            "{}",
            reply.text
        );
    }
}
