//! What is kept of outputs while they are read.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::managed_policy::PolicyDetail;
use super::shape::{self, Details, Kind, Named, Output, RoleDetail};
use crate::document::intake::{Fields, Intake, ListOf, Lists};

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
    /// Neither.
    Nothing,
    Role(Box<RoleDetail>),
    Named(Named),
    Policy(Box<PolicyDetail>),
    /// An element that is not what its list should hold.
    Unreadable(Misfit),
    /// An element of which the rest of the document tells what it is.
    Value(Box<Value>),
}

/// Why an element cannot be read.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// Where in the element; empty where it is the element itself.
    path: String,
    why: String,
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
        match shape::read(value) {
            Some(output) => Item::Output(output),
            None if is_object => Item::Object,
            None => Item::Nothing,
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
                let roles = elements(found, "", "list-roles", role);
                Item::Output(roles.map(Output::Roles))
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
            Some(OBJECTS) => read(text).map(|(IgnoredAny, end)| (Item::Nothing, end)),
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
            Ok((decoded(value).map_or_else(Item::Unreadable, item), end))
        }
    }
}

fn decoded<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let is_itself = error.path().iter().next().is_none();
        Misfit {
            path: if is_itself {
                String::new()
            } else {
                format!(".{}", error.path())
            },
            why: error.inner().to_string(),
        }
    })
}

/// What `get-account-authorization-details` prints, of which the lists were taken.
fn details(fields: Fields, mut lists: Lists<Item>) -> Result<Output, String> {
    const COMMAND: &str = "get-account-authorization-details";
    let mut list = |name: &str| lists.remove(name).unwrap_or_default();
    // In the order in which a whole value is decoded.
    let groups = elements(list(GROUP_DETAILS), GROUP_DETAILS, COMMAND, named)?;
    let mut details: Details = shape::decoded(Value::Object(fields), COMMAND)?;
    let policies = elements(list(POLICIES), POLICIES, COMMAND, policy)?;
    let roles = elements(list(ROLE_DETAILS), ROLE_DETAILS, COMMAND, role)?;
    let users = elements(list(USER_DETAILS), USER_DETAILS, COMMAND, named)?;
    details.groups.extend(groups);
    details.policies.extend(policies);
    details.roles.extend(roles);
    details.users.extend(users);
    Ok(Output::Details(details))
}

/// The elements of a list, or why the first one that is something else cannot be read.
fn elements<T>(
    items: Vec<Item>,
    list: &str,
    command: &str,
    of: impl Fn(Item) -> Option<T>,
) -> Result<Vec<T>, String> {
    let mut elements = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        if let Item::Unreadable(Misfit { path, why }) = item {
            return Err(shape::unreadable(command, &format!("{list}[{at}]{path}: {why}")));
        }
        elements.extend(of(item));
    }
    Ok(elements)
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
