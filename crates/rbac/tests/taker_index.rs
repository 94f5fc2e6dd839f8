//! The index of those who can take identities against a loop over all bindings, through random changes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot set itself up fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use rbac::takers::{IdentityTaker, takers};
use rbac::{
    AccessRequest, AggregationSelector, HeldBindings, Identity, ObjectId, PolicyRule, Rbac, RbacRole,
    RoleBinding, Subject, Text,
};

/// Numbers that are the same in every run (Numerical Recipes' generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const SCOPES: [&str; 3] = ["", "shop", "team"];
const NAMES: [&str; 4] = ["a", "b", "cart", "system:serviceaccount:shop:cart"];

fn rule(numbers: &mut Numbers) -> PolicyRule {
    let texts = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect();
    let verbs: [&[&str]; 4] = [&["create"], &["get"], &["impersonate"], &["*"]];
    let resources: [&[&str]; 5] = [
        &["serviceaccounts/token"],
        &["pods"],
        &["serviceaccounts"],
        &["users"],
        &["configmaps"],
    ];
    let names: [&[&str]; 4] = [&[], &["cart"], &["a", "cart"], &[NAMES[3]]];
    PolicyRule {
        verbs: texts(numbers.one::<&[&str]>(&verbs)),
        api_groups: texts(&[""]),
        resources: texts(numbers.one::<&[&str]>(&resources)),
        resource_names: texts(numbers.one::<&[&str]>(&names)),
    }
}

fn role(numbers: &mut Numbers) -> RbacRole {
    let scope = *numbers.one(&SCOPES);
    let collects = scope.is_empty() && numbers.below(4) == 0;
    let everything = AggregationSelector::default();
    RbacRole {
        id: ObjectId::new(scope, *numbers.one(&NAMES)),
        rules: if collects {
            [].into()
        } else {
            [rule(numbers)].into()
        },
        labels: BTreeMap::new(),
        aggregates: if collects { [everything].into() } else { [].into() },
        has_more: false,
    }
}

fn subject(numbers: &mut Numbers) -> Subject {
    let name = *numbers.one(&NAMES);
    match numbers.below(4) {
        0 => Subject::ServiceAccount(ObjectId::new(*numbers.one(&["shop", "kube-system"]), name)),
        1 => Subject::Group("system:serviceaccounts:shop".into()),
        _ => Subject::User(name.into()),
    }
}

fn binding(numbers: &mut Numbers) -> RoleBinding {
    let scope = *numbers.one(&SCOPES);
    let role_scope = if numbers.below(2) == 0 { "" } else { scope };
    let count = 1 + numbers.below(3);
    RoleBinding {
        id: ObjectId::new(scope, format!("binding-{}", numbers.below(40))),
        role: ObjectId::new(role_scope, *numbers.one(&NAMES)),
        subjects: (0..count).map(|_| subject(numbers)).collect(),
        has_more: false,
    }
}

/// All takers, of each the first binding, found binding by binding.
fn by_loop<'a>(rbac: &'a Rbac, own: &Identity) -> Vec<(&'a Subject, &'a ObjectId, usize)> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for scope in [&*own.account().namespace, ""] {
        for binding in rbac.bindings().filter(|binding| *binding.id.namespace == *scope) {
            let mut alone = Rbac::default();
            for role in rbac.roles() {
                alone.put_role(role.clone());
            }
            alone.put_binding(binding);
            for taker in takers(&alone, own, 99).1 {
                if seen.insert(taker.subject.clone()) {
                    let subject = binding.subjects.iter().find(|own| *own == taker.subject).unwrap();
                    found.push((subject, &binding.id, taker.ways.len()));
                }
            }
        }
    }
    found
}

#[test]
fn the_index_tells_what_a_loop_over_all_bindings_finds() {
    let mut numbers = Numbers(7);
    let mut rbac = Rbac::default();
    let identities = [("shop", "cart"), ("team", "a"), ("other", "cart")];
    let mut found = 0;
    for round in 0..600 {
        match numbers.below(8) {
            0 | 1 => drop(rbac.put_role(role(&mut numbers))),
            2 => drop(rbac.remove_role(&role(&mut numbers).id)),
            3 => drop(rbac.remove_binding(&binding(&mut numbers).id)),
            _ => drop(rbac.put_binding(&binding(&mut numbers))),
        }
        for (namespace, name) in identities {
            let own = Identity::of(namespace, name);
            let expected = by_loop(&rbac, &own);
            let (count, shown) = takers(&rbac, &own, 99);
            let told: Vec<_> = shown
                .iter()
                .map(|taker: &IdentityTaker<'_>| (taker.subject, &taker.binding.id, taker.ways.len()))
                .collect();
            assert_eq!(
                (count, &told),
                (expected.len(), &expected),
                "round {round}, {namespace}/{name}"
            );
            assert_eq!(takers(&rbac, &own, 2).1.len(), expected.len().min(2));
            found += count;
        }
    }
    assert!(found > 3_000, "{found}");
}

#[test]
fn many_bindings_of_one_role_are_one() {
    let mut rbac = Rbac::default();
    let reads = PolicyRule {
        verbs: ["get".into()].into(),
        api_groups: ["".into()].into(),
        resources: ["pods".into()].into(),
        resource_names: [].into(),
    };
    let reader = ObjectId::new("", "reader");
    rbac.put_role(RbacRole {
        id: reader.clone(),
        rules: [reads].into(),
        labels: BTreeMap::new(),
        aggregates: [].into(),
        has_more: false,
    });
    for at in 0..200 {
        rbac.put_binding(&RoleBinding {
            id: ObjectId::new(format!("ns-{at}"), "b"),
            role: reader.clone(),
            subjects: [Subject::ServiceAccount(ObjectId::new("shop", "cart"))].into(),
            has_more: false,
        });
    }
    let held_by = |rbac: &Rbac| {
        HeldBindings::by(rbac, &Identity::of("shop", "cart"))
            .own_in_namespaces()
            .count()
    };
    assert_eq!(held_by(&rbac), 1);
    let request = AccessRequest {
        namespace: Some("ns-150"),
        api_group: "",
        resource: "pods",
        subresource: "",
        name: "",
        verb: "get",
    };
    let identity = Identity::of("shop", "cart");
    let grant = rbac
        .grant(&identity, &request)
        .map(|binding| binding.id.to_string());
    assert_eq!(grant.as_deref(), Some("ns-150/b"));
    assert!(rbac.remove_binding(&ObjectId::new("ns-150", "b")));
    assert_eq!(rbac.grant(&identity, &request), None);
}
