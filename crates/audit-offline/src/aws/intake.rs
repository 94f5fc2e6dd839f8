//! What is kept of outputs while they are read.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::listed::{self, Listed, Misfit};
use super::managed_policy::PolicyDetail;
use super::shape::{self, Details, Kind, Named, Output, RoleDetail, Unused};
use super::shaped;
use crate::document::intake::{Fields, Intake, ListOf, Lists};
use crate::leftover::Reason;

const ROLES: &str = "Roles";
const ROLE_DETAILS: &str = "RoleDetailList";
const USER_DETAILS: &str = "UserDetailList";
const GROUP_DETAILS: &str = "GroupDetailList";
const POLICIES: &str = "Policies";
/// Of a Kubernetes list: one directory may hold manifests as well.
const OBJECTS: &str = "items";

/// What is kept of a document, or of an element of a list in a large one.
#[derive(Debug)]
pub(crate) enum Item {
    /// An output of the AWS CLI, or why it cannot be read.
    Output(Result<Output, String>),
    /// A Kubernetes object.
    Object,
    /// Neither, and what helps where that is plain.
    Nothing(Option<Reason>),
    /// What AWS answered in place of an output.
    Failure(Reason),
    Role(Box<RoleDetail>),
    Named(Named),
    Policy(Box<PolicyDetail>),
    /// An element that is not what its list should hold.
    Unreadable(Misfit),
    /// An element of which the rest of the document tells what it is.
    Value(Box<Value>),
}

/// Takes outputs of the AWS CLI.
#[derive(Debug, Default)]
pub(crate) struct Outputs;

impl Intake for Outputs {
    type Item = Item;

    fn is_list(&self, field: &str) -> bool {
        [
            ROLES,
            ROLE_DETAILS,
            USER_DETAILS,
            GROUP_DETAILS,
            POLICIES,
            OBJECTS,
        ]
        .contains(&field)
    }

    fn document(&mut self, value: Value) -> Item {
        let is_object = value.get("apiVersion").is_some() && value.get("kind").is_some();
        if let Some(failure) = shaped::failure(&value).filter(|_| !is_object) {
            return Item::Failure(failure);
        }
        let part = shaped::part(&value);
        match shape::read(value) {
            // A single role has tags, as the output of `list-role-tags` has.
            Some(Ok(Output::Unused(Unused::Unneeded))) if part.is_some() => Item::Nothing(part),
            Some(output) => Item::Output(output),
            None if is_object => Item::Object,
            None => Item::Nothing(part),
        }
    }

    fn large(&mut self, mut fields: Fields, mut lists: Lists<Item>) -> Item {
        // What nobody recognised while it was read is a value in its place again.
        for (name, list) in &mut lists {
            let values = list.extract_if(.., |item| matches!(item, Item::Value(_)));
            let values = values.filter_map(|item| match item {
                Item::Value(value) => Some(*value),
                _ => None,
            });
            fields.insert(name.clone(), values.collect());
        }
        match shape::kind(&fields) {
            Some(Kind::Details) => Item::Output(details(fields, lists)),
            Some(Kind::Roles) => {
                let found = lists.remove(ROLES).unwrap_or_default();
                Item::Output(Ok(Output::Roles(elements(found, ROLES, role))))
            }
            _ => self.document(Value::Object(fields)),
        }
    }

    fn read(&mut self, text: &str, of: Option<&ListOf<'_>>) -> serde_json::Result<(Item, usize)> {
        match of.map(|of| of.field) {
            Some(ROLES | ROLE_DETAILS) => element(text, |role| Item::Role(Box::new(role))),
            Some(USER_DETAILS | GROUP_DETAILS) => element(text, Item::Named),
            Some(POLICIES) if of.is_some_and(|of| of.before.contains_key(ROLE_DETAILS)) => {
                element(text, |policy| Item::Policy(Box::new(policy)))
            }
            Some(OBJECTS) => read(text).map(|(IgnoredAny, end)| (Item::Nothing(None), end)),
            Some(_) => read(text).map(|(value, end)| (Item::Value(Box::new(value)), end)),
            None => read(text).map(|(value, end)| (self.document(value), end)),
        }
    }
}

/// Reads what a text begins with, and how long it is.
fn read<'t, T: Deserialize<'t>>(text: &'t str) -> serde_json::Result<(T, usize)> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(&mut from)?;
    Ok((value, from.into_iter::<IgnoredAny>().byte_offset()))
}

/// Reads an element, or why it is not what its list should hold.
fn element<T: DeserializeOwned>(text: &str, item: impl Fn(T) -> Item) -> serde_json::Result<(Item, usize)> {
    match read(text) {
        Ok((value, end)) => Ok((item(value), end)),
        Err(error) if error.is_eof() => Err(error),
        // The value tells where, and whether it is JSON.
        Err(_) => {
            let (value, end) = read::<Value>(text)?;
            Ok((listed::element(value).map_or_else(Item::Unreadable, item), end))
        }
    }
}

/// What `get-account-authorization-details` prints, of which the lists were taken.
fn details(fields: Fields, mut lists: Lists<Item>) -> Result<Output, String> {
    let mut list = |name: &str| lists.remove(name).unwrap_or_default();
    let roles = elements(list(ROLE_DETAILS), ROLE_DETAILS, role);
    let users = elements(list(USER_DETAILS), USER_DETAILS, named);
    let groups = elements(list(GROUP_DETAILS), GROUP_DETAILS, named);
    let policies = elements(list(POLICIES), POLICIES, policy);
    Details::of(fields, roles, users, groups, policies).map(Output::Details)
}

/// The elements of a list.
fn elements<T>(items: Vec<Item>, list: &str, of: impl Fn(Item) -> Option<T>) -> Listed<T> {
    let mut elements = Listed::default();
    for (at, item) in items.into_iter().enumerate() {
        match item {
            Item::Unreadable(misfit) => elements.odd.push(misfit.at(list, at)),
            item => elements.found.extend(of(item)),
        }
    }
    elements
}

fn role(item: Item) -> Option<RoleDetail> {
    match item {
        Item::Role(role) => Some(*role),
        _ => None,
    }
}

fn named(item: Item) -> Option<Named> {
    match item {
        Item::Named(named) => Some(named),
        _ => None,
    }
}

fn policy(item: Item) -> Option<PolicyDetail> {
    match item {
        Item::Policy(policy) => Some(*policy),
        _ => None,
    }
}
