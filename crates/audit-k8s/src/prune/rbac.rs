//! Roles and bindings: rules on resources, and whom they are given to.
//!
//! A watch drops labels and aggregation, because in a cluster a controller fills in what a ClusterRole aggregates, and only
//! that counts for the API server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use audit_core::model::beginning;
use audit_core::model::rbac::{
    AggregationRequirement, AggregationSelector, MOST_SUBJECTS, MOST_TEXT, MOST_WORDS, MOST_WORDS_IN_CLUSTER,
    ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text,
};
use k8s_openapi::api::rbac::v1;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Extract, Wire, decode, is_default, null_as_default};
use crate::kind::Kind;

/// A Role.
#[derive(Debug, Clone)]
pub(crate) struct RoleWire(pub(super) RbacRole);

/// A ClusterRole.
#[derive(Debug, Clone)]
pub(crate) struct ClusterRoleWire(pub(super) RbacRole);

/// A RoleBinding.
#[derive(Debug, Clone)]
pub(crate) struct RoleBindingWire(pub(super) RoleBinding);

/// A ClusterRoleBinding.
#[derive(Debug, Clone)]
pub(crate) struct ClusterRoleBindingWire(pub(super) RoleBinding);

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawRole {
    metadata: RawMetadata,
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<RawRule>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    aggregation_rule: RawAggregation,
}

#[derive(Deserialize, Serialize)]
struct RawMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawRule {
    #[serde(default, deserialize_with = "null_as_default")]
    verbs: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    api_groups: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    resources: Vec<String>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    resource_names: Vec<String>,
}

#[derive(PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawAggregation {
    #[serde(default, deserialize_with = "null_as_default")]
    cluster_role_selectors: Vec<RawSelector>,
}

#[derive(PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawSelector {
    #[serde(default, deserialize_with = "null_as_default")]
    match_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    match_expressions: Vec<RawRequirement>,
}

#[derive(PartialEq, Deserialize, Serialize)]
struct RawRequirement {
    key: String,
    operator: String,
    #[serde(default, deserialize_with = "null_as_default")]
    values: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBinding {
    metadata: RawMetadata,
    role_ref: RawRoleRef,
    #[serde(default, deserialize_with = "null_as_default")]
    subjects: Vec<RawSubject>,
}

#[derive(Deserialize, Serialize)]
struct RawRoleRef {
    kind: String,
    name: String,
}

#[derive(Deserialize, Serialize)]
struct RawSubject {
    kind: String,
    name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    namespace: String,
}

impl RawMetadata {
    /// Names the object; one that lies in no namespace names none, whatever a file says.
    fn id(&self, namespaced: bool) -> Result<ObjectId, String> {
        let namespace = if namespaced {
            self.namespace.as_deref().ok_or("metadata.namespace is missing")?
        } else {
            ""
        };
        Ok(ObjectId::new(namespace, kept_name(&self.name)))
    }
}

/// How long a name is kept as it is, in bytes.
const MOST_NAME: usize = 512;

/// The name of a role or binding as it is kept, wherever it stands: of a long one the beginning and a hash, by which it stays a name of its own. The API
/// server takes names of any length.
fn kept_name(name: &str) -> Text {
    if name.len() <= MOST_NAME {
        return name.into();
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{}…{:016x}", beginning(name, MOST_NAME), hasher.finish()).into()
}

fn role(object: Value, namespaced: bool) -> Result<RbacRole, String> {
    let mut raw: RawRole = decode(object)?;
    let selectors = raw.aggregation_rule.cluster_role_selectors;
    // What is not about resources is never asked for.
    raw.rules.retain(|rule| !rule.resources.is_empty());
    let (rules, has_more) = within(raw.rules, Room::of(namespaced, MOST_WORDS));
    Ok(RbacRole {
        id: raw.metadata.id(namespaced)?,
        rules: rules.into_iter().map(rule).collect(),
        labels: raw.metadata.labels,
        aggregates: selectors.into_iter().map(selector).collect::<Result<_, _>>()?,
        has_more,
    })
}

/// How much is kept of one object.
#[derive(Clone, Copy)]
struct Room {
    /// Words or subjects.
    count: usize,
    /// Their bytes.
    text: usize,
}

impl Room {
    /// What an object may have, with so many words or subjects where it is in a namespace.
    fn of(namespaced: bool, count: usize) -> Self {
        if namespaced {
            Self {
                count,
                text: MOST_TEXT,
            }
        } else {
            Self {
                count: MOST_WORDS_IN_CLUSTER,
                text: usize::MAX,
            }
        }
    }

    /// Takes something from it, if it fits.
    fn take(&mut self, count: usize, text: usize) -> bool {
        let rest = (self.count.checked_sub(count), self.text.checked_sub(text));
        let (Some(count), Some(text)) = rest else {
            return false;
        };
        *self = Self { count, text };
        true
    }
}

/// Rules for which there is room, in their order, and whether there are more. The smallest stay: it is the rule with a
/// hundred thousand names that goes. None is shortened, because one without names is about all.
fn within(rules: Vec<RawRule>, mut room: Room) -> (Vec<RawRule>, bool) {
    let size = |rule: &RawRule| {
        let lists = [
            &rule.verbs,
            &rule.api_groups,
            &rule.resources,
            &rule.resource_names,
        ];
        let words = lists.into_iter().flatten();
        words.fold((1, 0), |(count, text), word| (count + 1, text + word.len()))
    };
    let mut sized: Vec<((usize, usize), usize, RawRule)> = rules
        .into_iter()
        .enumerate()
        .map(|(at, rule)| (size(&rule), at, rule))
        .collect();
    let count = sized.len();
    sized.sort_unstable_by_key(|(size, at, _)| (*size, *at));
    sized.retain(|((words, text), ..)| room.take(*words, *text));
    let has_more = sized.len() < count;
    sized.sort_unstable_by_key(|(_, at, _)| *at);
    (sized.into_iter().map(|(.., rule)| rule).collect(), has_more)
}

fn rule(raw: RawRule) -> PolicyRule {
    let texts = |words: Vec<String>| words.into_iter().map(Text::from).collect();
    PolicyRule {
        verbs: texts(raw.verbs),
        api_groups: texts(raw.api_groups),
        resources: texts(raw.resources),
        resource_names: texts(raw.resource_names),
    }
}

fn selector(raw: RawSelector) -> Result<AggregationSelector, String> {
    let requirement = |raw: RawRequirement| match raw.operator.as_str() {
        "In" => Ok(AggregationRequirement::In(raw.key, raw.values)),
        "NotIn" => Ok(AggregationRequirement::NotIn(raw.key, raw.values)),
        "Exists" => Ok(AggregationRequirement::Exists(raw.key)),
        "DoesNotExist" => Ok(AggregationRequirement::DoesNotExist(raw.key)),
        other => Err(format!("aggregationRule: unknown operator `{other}`")),
    };
    Ok(AggregationSelector {
        labels: raw.match_labels,
        requirements: raw
            .match_expressions
            .into_iter()
            .map(requirement)
            .collect::<Result<_, _>>()?,
    })
}

fn binding(object: Value, namespaced: bool) -> Result<RoleBinding, String> {
    let raw: RawBinding = decode(object)?;
    let id = raw.metadata.id(namespaced)?;
    let role = match raw.role_ref.kind.as_str() {
        "ClusterRole" => ObjectId::new("", kept_name(&raw.role_ref.name)),
        "Role" if namespaced => ObjectId::new(id.namespace.clone(), kept_name(&raw.role_ref.name)),
        other => {
            return Err(format!(
                "roleRef.kind: `{other}` is no kind of role that it can refer to"
            ));
        }
    };
    let subject = |raw: RawSubject| match raw.kind.as_str() {
        "ServiceAccount" if raw.namespace.is_empty() => Ok(Subject::ServiceAccount(ObjectId::new(
            id.namespace.clone(),
            raw.name,
        ))),
        "ServiceAccount" => Ok(Subject::ServiceAccount(ObjectId::new(raw.namespace, raw.name))),
        "User" => Ok(Subject::User(raw.name.into())),
        "Group" => Ok(Subject::Group(raw.name.into())),
        other => Err(format!("subjects: unknown kind `{other}`")),
    };
    let (mut room, count) = (Room::of(namespaced, MOST_SUBJECTS), raw.subjects.len());
    let fits = |raw: &RawSubject| room.take(1, raw.name.len() + raw.namespace.len());
    let kept: Vec<RawSubject> = raw.subjects.into_iter().take_while(fits).collect();
    let has_more = kept.len() < count;
    let subjects = kept.into_iter().map(subject);
    let subjects = subjects.collect::<Result<_, _>>()?;
    Ok(RoleBinding {
        id,
        role,
        subjects,
        has_more,
    })
}

/// As a cluster has it, where a controller has done what aggregation asks for.
fn filled_in(role: RbacRole) -> RbacRole {
    RbacRole {
        labels: BTreeMap::new(),
        aggregates: Box::default(),
        ..role
    }
}

impl Wire for RoleWire {
    type Resource = v1::Role;
    type Plain = RbacRole;
    const KIND: Kind = Kind::Role;

    fn prune(object: Value) -> Result<Self, String> {
        role(object, true).map(filled_in).map(Self)
    }

    fn for_prefix(self, _: &str) -> RbacRole {
        self.0
    }
}

impl Wire for ClusterRoleWire {
    type Resource = v1::ClusterRole;
    type Plain = RbacRole;
    const KIND: Kind = Kind::ClusterRole;

    fn prune(object: Value) -> Result<Self, String> {
        role(object, false).map(Self)
    }

    fn for_prefix(self, _: &str) -> RbacRole {
        filled_in(self.0)
    }
}

impl Wire for RoleBindingWire {
    type Resource = v1::RoleBinding;
    type Plain = RoleBinding;
    const KIND: Kind = Kind::RoleBinding;

    fn prune(object: Value) -> Result<Self, String> {
        binding(object, true).map(Self)
    }

    fn for_prefix(self, _: &str) -> RoleBinding {
        self.0
    }
}

impl Wire for ClusterRoleBindingWire {
    type Resource = v1::ClusterRoleBinding;
    type Plain = RoleBinding;
    const KIND: Kind = Kind::ClusterRoleBinding;

    fn prune(object: Value) -> Result<Self, String> {
        binding(object, false).map(Self)
    }

    fn for_prefix(self, _: &str) -> RoleBinding {
        self.0
    }
}

/// A role in its own form. What it aggregates a controller has filled in, as a watch has it.
fn extract_role(object: Value) -> Result<Value, String> {
    let mut raw: RawRole = decode(object)?;
    raw.metadata.labels.clear();
    raw.aggregation_rule = RawAggregation::default();
    raw.rules.retain(|rule| !rule.resources.is_empty());
    serde_json::to_value(raw).map_err(|error| error.to_string())
}

/// A binding in its own form.
fn extract_binding(object: Value) -> Result<Value, String> {
    let mut raw: RawBinding = decode(object)?;
    raw.metadata.labels.clear();
    serde_json::to_value(raw).map_err(|error| error.to_string())
}

impl Extract for RoleWire {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        extract_role(object)
    }
}

impl Extract for ClusterRoleWire {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        extract_role(object)
    }
}

impl Extract for RoleBindingWire {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        extract_binding(object)
    }
}

impl Extract for ClusterRoleBindingWire {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        extract_binding(object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prune;

    #[test]
    fn a_role_keeps_its_rules_on_resources() {
        let object = json!({
            "metadata": { "namespace": "shop", "name": "r", "labels": { "a": "b" }, "managedFields": [] },
            "rules": [
                { "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"], "resourceNames": ["web"] },
                { "nonResourceURLs": ["/healthz"], "verbs": ["get"] },
                { "apiGroups": null, "resources": ["x"], "verbs": null }
            ]
        });
        let role = prune::role(object).unwrap();
        assert_eq!((role.id.to_string().as_str(), role.rules.len()), ("shop/r", 2));
        assert_eq!(
            role.rules[0].resources.iter().map(|r| &**r).collect::<Vec<_>>(),
            ["pods", "pods/log"]
        );
        assert_eq!(&*role.rules[0].resource_names[0], "web");
        assert!(role.labels.is_empty());
        let empty =
            prune::role(json!({ "metadata": { "namespace": "shop", "name": "r" }, "rules": null })).unwrap();
        assert!(empty.rules.is_empty());
    }

    #[test]
    fn what_is_aggregated_stays_for_files_and_goes_in_a_watch() {
        let object = json!({
            "metadata": { "name": "r", "labels": { "to-admin": "true" } },
            "aggregationRule": { "clusterRoleSelectors": [
                { "matchLabels": { "a": "b" }, "matchExpressions": [{ "key": "c", "operator": "NotIn", "values": ["d"] }] }
            ] },
            "rules": null
        });
        let role = prune::cluster_role(object.clone()).unwrap();
        assert_eq!(
            role.aggregates[0].requirements,
            [AggregationRequirement::NotIn("c".into(), vec!["d".into()])]
        );
        assert_eq!(role.labels["to-admin"], "true");
        let watched = ClusterRoleWire::prune(object).unwrap().for_prefix("");
        assert!(watched.aggregates.is_empty() && watched.labels.is_empty());
    }

    #[test]
    fn a_binding_names_its_role_and_its_subjects() {
        let object = |kind: &str| {
            json!({
                "metadata": { "namespace": "shop", "name": "b" },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "r" },
                "subjects": [
                    { "kind": "ServiceAccount", "name": "cart" },
                    { "kind": "ServiceAccount", "name": "cart", "namespace": "other" },
                    { "kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io" },
                    { "kind": "Group", "name": "system:authenticated" }
                ]
            })
        };
        let role_binding = prune::role_binding(object("Role")).unwrap();
        assert_eq!(role_binding.role, ObjectId::new("shop", "r"));
        let names: Vec<String> = role_binding.subjects.iter().map(Subject::name).collect();
        assert_eq!(names, ["shop/cart", "other/cart", "jane", "system:authenticated"]);
        assert_eq!(
            prune::role_binding(object("ClusterRole")).unwrap().role,
            ObjectId::new("", "r")
        );
        let wide = prune::cluster_role_binding(object("ClusterRole")).unwrap();
        assert!(wide.id.is_cluster_wide());
        assert_eq!(
            wide.subjects[0],
            Subject::ServiceAccount(ObjectId::new("", "cart")),
            "which means nobody"
        );
    }

    #[test]
    fn of_a_large_role_the_small_rules_are_kept() {
        let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
        let object = |counts: &[usize]| {
            let rule = |count: &usize| json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": names(*count) });
            let rules: Vec<Value> = counts.iter().map(rule).collect();
            json!({ "metadata": { "namespace": "shop", "name": "r" }, "rules": rules })
        };
        let kept = |role: RbacRole| {
            let kept: Vec<usize> = role.rules.iter().map(|rule| rule.resource_names.len()).collect();
            (kept, role.has_more)
        };
        for (counts, rules, has_more) in [
            (&[4000, 3][..], &[4000, 3][..], false),
            (&[200_000], &[], true),
            (&[7, 200_000, 0, 4000, 100], &[7, 0, 100], true),
            (&[4000, 4000, 1], &[4000, 1], true),
        ] {
            let role = prune::role(object(counts)).unwrap();
            assert_eq!(kept(role), (rules.to_vec(), has_more), "{counts:?}");
        }
        // One name that is as long as an object may be.
        let mut long = object(&[3, 1]);
        long["rules"][1]["resourceNames"][0] = json!("n".repeat(1 << 20));
        assert_eq!(kept(prune::role(long).unwrap()), (vec![3], true));
        let role = prune::cluster_role(object(&[5000, 200_000])).unwrap();
        assert_eq!(kept(role), (vec![5000], true));
    }

    #[test]
    fn of_a_long_name_the_beginning_is_kept_and_it_stays_another_than_all_others() {
        let id_of = |name: &str| {
            let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
            let role = json!({ "metadata": { "namespace": "shop", "name": name }, "rules": rules });
            let binding = json!({ "metadata": { "namespace": "shop", "name": name },
                "roleRef": { "kind": "Role", "name": name }, "subjects": [] });
            let binding = prune::role_binding(binding).unwrap();
            let id = prune::role(role).unwrap().id;
            assert_eq!((&binding.role, &binding.id), (&id, &id));
            id.name
        };
        let long = "ö".repeat(500_000);
        let names = ["r", &long, &format!("{long}x"), &"r".repeat(512)].map(id_of);
        assert!(names.iter().all(|name| name.len() < 600));
        assert_eq!((&*names[0], names[3].len()), ("r", 512));
        assert_ne!(names[1], names[2]);
    }

    #[test]
    fn of_many_subjects_the_first_are_kept() {
        let object = |count: usize| {
            let subject = |n: usize| json!({ "kind": "User", "name": n.to_string() });
            json!({ "metadata": { "namespace": "shop", "name": "b" }, "roleRef": { "kind": "ClusterRole", "name": "r" },
                "subjects": (0..count).map(subject).collect::<Vec<_>>() })
        };
        let kept = |binding: RoleBinding| (binding.subjects.len(), binding.has_more);
        for (count, expected) in [(1024, (1024, false)), (1025, (1024, true))] {
            assert_eq!(kept(prune::role_binding(object(count)).unwrap()), expected);
        }
        assert_eq!(
            kept(prune::cluster_role_binding(object(4097)).unwrap()),
            (4097, false)
        );
        for field in ["name", "namespace"] {
            let mut long = object(3);
            long["subjects"][1][field] = json!("n".repeat(1 << 20));
            assert_eq!(
                kept(prune::role_binding(long.clone()).unwrap()),
                (1, true),
                "{field}"
            );
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused() {
        let object = |kind: &str, subject: &str| {
            json!({ "metadata": { "namespace": "shop", "name": "b" }, "roleRef": { "kind": kind, "name": "r" },
                "subjects": [{ "kind": subject, "name": "x" }] })
        };
        prune::cluster_role_binding(object("Role", "User")).unwrap_err();
        prune::role_binding(object("Deployment", "User")).unwrap_err();
        prune::role_binding(object("Role", "Robot")).unwrap_err();
        prune::role(json!({ "metadata": { "name": "r" } })).unwrap_err();
        prune::role(json!({ "metadata": { "namespace": "shop", "name": "r" }, "rules": 7 })).unwrap_err();
        let selector = json!({ "matchExpressions": [{ "key": "a", "operator": "Near" }] });
        let aggregation = json!({ "clusterRoleSelectors": [selector] });
        prune::cluster_role(json!({ "metadata": { "name": "r" }, "aggregationRule": aggregation }))
            .unwrap_err();
    }
}
