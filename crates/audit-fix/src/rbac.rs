//! Roles and bindings as manifests, and the command that makes them.
//!
//! Not `kubectl create role`, which asks the API server what resources there are, and makes one rule of all that it is
//! given.

use rbac::least::LeastGrant;
use rbac::{ObjectId, PolicyRule, Subject};

use crate::alternative::{Alternative, Form};
use crate::command::Command;
use crate::fix::Fix;
use crate::service_account::ServiceAccountName;
use crate::text::quote;
use crate::yaml;

const GROUP: &str = "rbac.authorization.k8s.io";

/// The command that makes roles and bindings for a ServiceAccount.
#[must_use]
pub fn apply<'a>(account: impl Into<ServiceAccountName<'a>>, grants: &[LeastGrant]) -> Fix {
    let account = account.into();
    let documents: Vec<Vec<String>> = grants.iter().flat_map(lines).collect();
    // Each word is a line. A document in braces would be taken for JSON by kubectl.
    let documents = documents.iter().enumerate();
    let command = documents.fold(
        Command::new("printf").verbatim("%s\\n"),
        |command, (index, document)| {
            let command = if index > 0 { command.own("---") } else { command };
            document.iter().fold(command, Command::verbatim)
        },
    );
    let places: Vec<String> = grants.iter().map(|grant| place(&grant.binding.id)).collect();
    let manifests: Vec<String> = grants.iter().flat_map(manifests).collect();
    Fix::kubectl(command.own("| kubectl apply -f -"))
        .brief(format!(
            "give ServiceAccount `{}` a separate role with exactly what is expected {}; `irsa-audit can-i` prints it",
            quote(&account.to_string()),
            places.join(" and ")
        ))
        .or_else([Alternative::new(Form::Manifest, manifests.join("---\n"))])
}

/// Roles and bindings that reach beyond the ServiceAccount's own namespace, which `asked_by` asks for: a proposal to whoever may decide
/// on them, and no command. What one namespace writes into its own object must not have another give its permissions away.
#[must_use]
pub fn propose<'a>(account: impl Into<ServiceAccountName<'a>>, grants: &[LeastGrant], asked_by: &str) -> Fix {
    let account = account.into();
    let mut owners: Vec<String> = grants
        .iter()
        .map(|grant| match &grant.binding.id {
            id if id.is_cluster_wide() => "the cluster's administrators".to_owned(),
            id => format!("the owner of namespace `{}`", quote(&id.namespace)),
        })
        .collect();
    owners.dedup();
    let places: Vec<String> = grants.iter().map(|grant| place(&grant.binding.id)).collect();
    let manifests: Vec<String> = grants.iter().flat_map(manifests).collect();
    Fix::manual(format!(
        "propose a grant {} to {}, who must decide: {asked_by} asks for it for ServiceAccount `{}`. `irsa-audit audit -o wide` \
         shows the manifests, which grant exactly this",
        places.join(" and "),
        owners.join(" and "),
        quote(&account.to_string())
    ))
    .or_else([Alternative::new(Form::Manifest, manifests.join("---\n"))])
}

fn place(id: &ObjectId) -> String {
    if id.is_cluster_wide() {
        "in the whole cluster".to_owned()
    } else {
        format!("in namespace `{}`", quote(&id.namespace))
    }
}

/// A role and its binding, each as a manifest of few lines.
fn lines(grant: &LeastGrant) -> [Vec<String>; 2] {
    let binding = &grant.binding;
    let rules: Vec<String> = grant.role.rules.iter().map(rule).collect();
    let subjects: Vec<String> = binding.subjects.iter().map(subject).collect();
    let head = |kind: &str, id: &ObjectId| {
        vec![
            format!("apiVersion: {GROUP}/v1"),
            format!("kind: {kind}"),
            format!("metadata: {}", metadata(id)),
        ]
    };
    let mut role = head(binding.role_kind(), &grant.role.id);
    role.push(format!("rules: [{}]", rules.join(", ")));
    let mut bound = head(binding.kind(), &binding.id);
    bound.push(format!("roleRef: {}", role_ref(grant)));
    bound.push(format!("subjects: [{}]", subjects.join(", ")));
    [role, bound]
}

/// A role and its binding, each as a manifest for a file.
fn manifests(grant: &LeastGrant) -> [String; 2] {
    let binding = &grant.binding;
    let head = |kind: &str, id: &ObjectId| {
        let name = yaml::scalar(&id.name);
        let namespace = if id.is_cluster_wide() {
            String::new()
        } else {
            format!("  namespace: {}\n", yaml::scalar(&id.namespace))
        };
        format!("apiVersion: {GROUP}/v1\nkind: {kind}\nmetadata:\n  name: {name}\n{namespace}")
    };
    let items = |items: Vec<String>| {
        let lines: Vec<String> = items.iter().map(|item| format!("  - {item}\n")).collect();
        lines.concat()
    };
    let rules = items(grant.role.rules.iter().map(rule).collect());
    let subjects = items(binding.subjects.iter().map(subject).collect());
    [
        format!("{}rules:\n{rules}", head(binding.role_kind(), &grant.role.id)),
        format!(
            "{}roleRef: {}\nsubjects:\n{subjects}",
            head(binding.kind(), &binding.id),
            role_ref(grant)
        ),
    ]
}

fn metadata(id: &ObjectId) -> String {
    let name = yaml::scalar(&id.name);
    if id.is_cluster_wide() {
        format!("{{name: {name}}}")
    } else {
        format!("{{name: {name}, namespace: {}}}", yaml::scalar(&id.namespace))
    }
}

fn role_ref(grant: &LeastGrant) -> String {
    let binding = &grant.binding;
    let name = yaml::scalar(&binding.role.name);
    format!(
        "{{apiGroup: {GROUP}, kind: {}, name: {name}}}",
        binding.role_kind()
    )
}

fn rule(rule: &PolicyRule) -> String {
    let names = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(", resourceNames: {}", yaml::list(&rule.resource_names))
    };
    format!(
        "{{apiGroups: {}, resources: {}{names}, verbs: {}}}",
        yaml::list(&rule.api_groups),
        yaml::list(&rule.resources),
        yaml::list(&rule.verbs)
    )
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::ServiceAccount(id) => format!(
            "{{kind: ServiceAccount, name: {}, namespace: {}}}",
            yaml::scalar(&id.name),
            yaml::scalar(&id.namespace)
        ),
        Subject::User(name) | Subject::Group(name) => {
            let name = yaml::scalar(name);
            format!("{{apiGroup: {GROUP}, kind: {}, name: {name}}}", subject.kind())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use rbac::{AccessRequest, Identity, Rbac, least};

    fn grants(key: ServiceAccountName<'_>, namespace: Option<&str>, name: &str) -> Vec<LeastGrant> {
        let request = AccessRequest {
            namespace,
            api_group: "",
            resource: "pods",
            subresource: "log",
            name,
            verb: "get",
        };
        least::grants(
            &Rbac::default(),
            &Identity::of(key.namespace, key.name),
            &[request],
        )
        .unwrap()
    }

    #[test]
    fn both_forms_are_yaml_that_means_the_objects() {
        let key = ServiceAccountName {
            namespace: "shop",
            name: "no",
        };
        for (namespace, names, kinds, id) in [
            (
                Some("shop"),
                "it's",
                ["Role", "RoleBinding"],
                json!({"namespace": "shop", "name": "no-expected"}),
            ),
            (
                None,
                "",
                ["ClusterRole", "ClusterRoleBinding"],
                json!({"name": "shop-no-expected"}),
            ),
        ] {
            let [grant] = &grants(key, namespace, names)[..] else {
                panic!("one scope, one grant")
            };
            let read = |text: String| serde_saphyr::from_str::<Value>(&text).unwrap();
            let [role, binding] = lines(grant).map(|lines| read(lines.join("\n")));
            assert_eq!(manifests(grant).map(read), [role.clone(), binding.clone()]);
            let mut expected = json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]});
            if !names.is_empty() {
                expected["resourceNames"] = json!([names]);
            }
            assert_eq!((&role["rules"], &role["metadata"]), (&json!([expected]), &id));
            assert_eq!(json!([role["kind"], binding["kind"]]), json!(kinds));
            assert_eq!(binding["metadata"], id);
            assert_eq!(
                binding["subjects"],
                json!([{"kind": "ServiceAccount", "namespace": "shop", "name": "no"}])
            );
            assert_eq!(
                binding["roleRef"],
                json!({"apiGroup": GROUP, "kind": kinds[0], "name": id["name"]})
            );
        }
    }

    #[test]
    fn nothing_leaves_its_place_in_the_command() {
        let key = ServiceAccountName {
            namespace: "shop",
            name: "a'; rm -rf \u{202e} $(x)\n",
        };
        let fix = apply(key, &grants(key, Some("shop"), "it's"));
        assert!(
            fix.first.text.is_ascii() && !fix.first.text.contains('\n'),
            "{}",
            fix.first.text
        );
        assert!(
            fix.first.text.starts_with("printf '%s\\n' 'apiVersion: ")
                && fix.first.text.ends_with(" | kubectl apply -f -")
        );
        assert!(fix.first.text.contains(r"it'\''s"), "{}", fix.first.text);
    }
}
