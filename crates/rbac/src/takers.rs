//! Who else can take the identity of a ServiceAccount.
//!
//! Left out are those who run the cluster anyway, in every cluster: the group `system:masters`, nodes, the controller
//! manager and the scheduler, EKS's own users and groups (`eks:…`), and ServiceAccounts in `kube-system`. Whoever can act
//! as one of these needs no other identity; to list them with every binding would hide the rest.

use std::collections::BTreeSet;

use crate::answer::Unseen;
use crate::identity::Identity;
use crate::objects::{ObjectId, RoleBinding, Subject, Text};
use crate::powers::PowerName;
pub use crate::powers::TakeoverWay;
use crate::store::Rbac;
use crate::taker_index::{ScopeTakers, Takers};

/// The most subjects that are looked at of bindings by a power that is limited to names: they may be hundreds of thousands, each of which another
/// binding may name again.
const MOST_VISITED: usize = 4096;

/// Somebody who can take an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityTaker<'a> {
    /// Who.
    pub subject: &'a Subject,
    /// By which binding; one of those, where there are several.
    pub binding: &'a RoleBinding,
    /// In which ways.
    pub ways: Vec<TakeoverWay>,
}

/// Those who can take the identity of a ServiceAccount: how many, and the first few of them. Where thousands can by powers that are limited to
/// names, they are at least that many.
#[must_use]
pub fn takers<'a>(rbac: &'a Rbac, own: &Identity, most: usize) -> (usize, Vec<IdentityTaker<'a>>) {
    let own_namespace = &*own.account().namespace;
    // Those of its own namespace are the ones that somebody there can do something about.
    let scopes = [own_namespace, ""].map(|scope| OfScope::of(rbac, own, scope));
    let is_itself = |subject: &Subject| own.subjects().iter().take(2).any(|itself| itself == subject);
    let mut seen: BTreeSet<&Subject> = BTreeSet::new();
    let mut shown = Vec::new();
    for scope in &scopes {
        for (id, place) in scope.in_order().take(MOST_VISITED) {
            if shown.len() == most {
                break;
            }
            let Some(binding) = rbac.binding(id) else { continue };
            let Some(subject) = binding.subjects.get(place) else {
                continue;
            };
            if !is_itself(subject) && seen.insert(subject) {
                let ways = rbac
                    .powers(&binding.role)
                    .map_or(0, |powers| powers.over(own, scope.scope));
                let ways = TakeoverWay::ALL
                    .into_iter()
                    .filter(|way| ways & way.bit() != 0)
                    .collect();
                shown.push(IdentityTaker {
                    subject,
                    binding,
                    ways,
                });
            }
        }
    }
    (count(&scopes, own), shown)
}

/// What is not kept and may let others take the identity of a ServiceAccount: subjects of a binding to a role that lets them, or rules of a role.
#[must_use]
pub fn unread_takers(rbac: &Rbac, own: &Identity) -> Option<Unseen> {
    [&*own.account().namespace, ""].into_iter().find_map(|scope| {
        let opens = |binding: &&RoleBinding| {
            let powers = rbac.powers(&binding.role);
            rbac.is_cut(&binding.role) || powers.is_some_and(|powers| powers.over(own, scope) != 0)
        };
        let long = rbac.cut_bindings(scope).take(MOST_VISITED).find(opens);
        if let Some(binding) = long {
            return Some(Unseen::LongBinding(binding.id.clone()));
        }
        let unfilled = rbac.bound_unfilled(scope).take(MOST_VISITED);
        let unfilled = unfilled
            .filter(|(role, _)| rbac.is_cut(role))
            .filter_map(|(_, id)| rbac.binding(id));
        let binding = rbac.bound_cut(scope).chain(unfilled).next()?;
        Some(Unseen::LongRole {
            role: binding.role.clone(),
            binding: binding.id.clone(),
        })
    })
}

/// How many subjects the takers of the two scopes are, without the ServiceAccount itself.
fn count(scopes: &[OfScope<'_>; 2], own: &Identity) -> usize {
    let any = |subject: &Subject| {
        scopes
            .iter()
            .any(|scope| scope.any().is_some_and(|any| any.has(subject)))
    };
    let [in_namespace, in_cluster] = scopes
        .each_ref()
        .map(|scope| scope.any().map_or(0, Takers::count));
    let [also_in_cluster, _] = scopes
        .each_ref()
        .map(|scope| scope.takers.map_or(0, |own| own.also_in_cluster));
    // Few powers are limited to names, and few roles are unfilled.
    let few = scopes.iter().flat_map(OfScope::few).take(MOST_VISITED);
    let others: BTreeSet<&Subject> = few.filter(|subject| !any(subject)).collect();
    let itself = own.subjects().iter().take(2);
    let itself = itself.filter(|subject| any(subject) || others.contains(subject));
    in_namespace + in_cluster - also_in_cluster + others.len() - itself.count()
}

/// The takers of one identity in one scope.
struct OfScope<'a> {
    scope: &'a str,
    takers: Option<&'a ScopeTakers>,
    /// The bindings that open a way by a power that is limited to the identity's names, or by a role whose rules no controller has filled in.
    few: Vec<&'a RoleBinding>,
}

impl<'a> OfScope<'a> {
    fn of(rbac: &'a Rbac, own: &'a Identity, scope: &'a str) -> Self {
        let takers = rbac.takers_of(scope);
        let own_names = [
            PowerName::ServiceAccount(own.account().name.clone()),
            PowerName::User(Text::from(own.user())),
        ];
        let opens = |role: &ObjectId| {
            rbac.powers(role)
                .is_some_and(|powers| powers.over(own, scope) != 0)
        };
        let named = own_names.iter().flat_map(|name| rbac.bound_over(name, scope));
        let named = named.filter(|binding| opens(&binding.role));
        let unfilled = rbac.bound_unfilled(scope).filter(|(role, _)| opens(role));
        let unfilled = unfilled.filter_map(|(_, id)| rbac.binding(id));
        let mut few: Vec<&RoleBinding> = named.chain(unfilled).collect();
        few.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        few.dedup_by(|a, b| a.id == b.id);
        Self { scope, takers, few }
    }

    fn any(&self) -> Option<&'a Takers> {
        self.takers.map(|takers| &takers.any)
    }

    /// Subjects by their bindings and their places in these, in the order of these. One may come several times.
    fn in_order(&self) -> impl Iterator<Item = (&'a ObjectId, usize)> {
        let mut lists: Vec<Box<dyn Iterator<Item = (&'a ObjectId, usize)>>> = Vec::new();
        if let Some(takers) = self.any() {
            lists.push(Box::new(takers.in_order().map(|(id, place, _)| (id, *place))));
        }
        let of_few = |binding: &'a RoleBinding| {
            let places = 0..binding.subjects.len();
            let places = places.filter(move |place| {
                let subject = binding.subjects.get(*place);
                subject.is_some_and(|subject| !subject.runs_the_cluster())
            });
            places.map(move |place| (&binding.id, place))
        };
        lists.push(Box::new(self.few.clone().into_iter().flat_map(of_few)));
        merged(lists)
    }

    /// The subjects of all but those that can take any identity.
    fn few(&self) -> impl Iterator<Item = &'a Subject> {
        let subjects = self.few.iter().flat_map(|binding| &binding.subjects);
        counted::each(subjects).filter(|subject| !subject.runs_the_cluster())
    }
}

/// Sorted lists as one.
fn merged<'a, T: Ord + 'a>(
    lists: Vec<Box<dyn Iterator<Item = T> + 'a>>,
) -> impl Iterator<Item = T> + use<'a, T> {
    let mut lists: Vec<_> = lists.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let heads = lists.iter_mut().enumerate();
        let heads = heads.filter_map(|(at, list)| list.peek().map(|head| (head, at)));
        let (_, at) = heads.min()?;
        lists.get_mut(at)?.next()
    })
}
