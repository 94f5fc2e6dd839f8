//! Documents as objects: lists taken apart, and what is not an object told.

use std::borrow::Cow;

use audit_core::model::IssuerUrl;
use audit_core::text::quote;

use super::cut::Before;
use super::intake::{Manifests, item_kind};
use super::object::{Item, Items, Object, Other};
use super::pages::Pages;
use crate::document::Document;
use crate::leftover::{Leftover, LeftoverKind, Reason};
use crate::problem::{InputProblem, Place};

/// How deep lists may stand in lists; kubectl prints one.
const MAX_LISTS: usize = 8;

/// What documents hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) objects: Vec<(Place, Box<Object>)>,
    /// The issuers in discovery documents of an API server.
    pub(super) issuers: Vec<IssuerUrl>,
    /// Documents that are not objects.
    pub(super) leftovers: Vec<Leftover>,
    /// What lists say of further pages.
    pub(super) pages: Pages,
}

/// Takes documents apart.
pub(super) fn find(
    documents: Vec<Document<Item>>,
    intake: &Manifests<'_>,
    problems: &mut Vec<InputProblem>,
) -> Found {
    let mut finder = Finder {
        found: Found::default(),
        intake,
        problems,
    };
    let mut before = Before::default();
    for Document { place, item, ending } in documents {
        if let Item::Object(object) = &item {
            before.take(&place, object.printed, object.is_live);
            let shown = || format!("{} `{}`", quote(&object.kind), quote(&object.name));
            let cut = ending.and_then(|ending| before.cut(&place, &shown(), object.printed, ending));
            finder.problems.extend(cut);
        }
        finder.take(&place, item, None, MAX_LISTS);
    }
    finder.found
}

/// Takes items apart.
struct Finder<'f> {
    found: Found,
    intake: &'f Manifests<'f>,
    problems: &'f mut Vec<InputProblem>,
}

impl Finder<'_> {
    /// Takes one document, or one item of a list of a certain kind.
    fn take(&mut self, place: &Place, item: Item, of: Option<(&str, &str)>, lists: usize) {
        match (item, of) {
            (Item::Object(object), _) => self.found.objects.push((place.clone(), object)),
            (
                Item::List {
                    version,
                    kind,
                    items,
                    page,
                },
                _,
            ) => match items {
                Items::Some(items) if lists > 0 || items.is_empty() => {
                    self.found
                        .pages
                        .take(place, &list_kind(&kind, &items), items.len(), page);
                    let item_kind = item_kind(&kind).filter(|kind| !kind.is_empty());
                    let of = item_kind.map(|kind| (version.as_str(), kind));
                    for item in items {
                        self.take(place, item, of, lists - 1);
                    }
                }
                _ => self.problems.push(InputProblem::error(
                    place.clone(),
                    format!("`items` of {} is not a list", quote(&kind)),
                )),
            },
            (Item::Nameless(value), Some((version, kind))) => {
                let item = self.intake.named(*value, version.to_owned(), kind.to_owned());
                self.take(place, item, None, lists);
            }
            (Item::Nameless(value), None) => self.no_object(place, Other::of(&value)),
            (Item::Other(other), _) => self.no_object(place, other),
        }
    }

    /// What is not an object may be something else of use, or something that was given in the wrong place.
    fn no_object(&mut self, place: &Place, other: Other) {
        let (kind, reason) = match other {
            Other::Discovery(Ok(issuer)) => return self.found.issuers.push(issuer),
            Other::Discovery(Err(error)) => {
                let problem = InputProblem::error(place.clone(), error.to_string());
                return self.problems.push(problem);
            }
            Other::Output => (LeftoverKind::OfOtherFlag, OUTPUT),
            Other::Substitute(reason) => (LeftoverKind::Unreadable, reason),
            Other::Nothing => (LeftoverKind::Foreign, NO_OBJECT),
        };
        self.found
            .leftovers
            .push(Leftover::new(place.clone(), kind, reason));
    }
}

/// The kind of a list: of a `List`, as kubectl prints it, `PodList` where it holds pods alone. Only lists of one kind are pages of one
/// another.
fn list_kind<'k>(kind: &'k str, items: &[Item]) -> Cow<'k, str> {
    let own = |item: &Item| match item {
        Item::Object(object) => Some(object.kind.clone()),
        _ => None,
    };
    let first = items.first().and_then(own);
    match first.filter(|first| kind == "List" && items.iter().all(|item| own(item).as_ref() == Some(first))) {
        Some(first) => format!("{first}List").into(),
        None => kind.into(),
    }
}

const OUTPUT: Reason = Reason::new(
    "is not a Kubernetes object, but an output of the AWS CLI",
    "give it to --aws",
);

const NO_OBJECT: Reason = Reason::new("is not a Kubernetes object", "it has no `apiVersion` and `kind`");
