//! Lists that go on in another page.
//!
//! A page says that another follows (`metadata.continue`), and often about how many items are left. Which page it is itself, it does not
//! say: the pages of a kind are all there if one of them is the last, and if they hold as many items as the first of them counts.

use std::collections::BTreeMap;

use audit_core::text::quote;

use super::object::Page;
use crate::problem::{InputProblem, Place};

/// A list of several kinds. No such list is a page of another.
const MIXED: &str = "List";

/// The lists that were given, by kind.
#[derive(Debug, Default)]
pub(super) struct Pages(BTreeMap<String, OfKind>);

/// The lists of one kind, such as `PodList`.
#[derive(Debug, Default)]
struct OfKind {
    /// The first page after which another follows.
    goes_on: Option<Place>,
    /// Some page is the last.
    has_last: bool,
    /// How many items there are in all pages.
    items: u64,
    /// The most items that a page and what follows it have.
    counted: u64,
}

/// A kind of which a page is missing.
#[derive(Debug)]
pub(super) struct MissingPage {
    /// The kind of the list, such as `PodList`.
    pub(super) kind: String,
    pub(super) place: Place,
}

impl Pages {
    /// Takes note of a list.
    pub(super) fn take(&mut self, place: &Place, kind: &str, items: usize, page: Page) {
        let of_kind = self.0.entry(kind.to_owned()).or_default();
        let items = items as u64;
        of_kind.items += items;
        if page.goes_on {
            of_kind.goes_on.get_or_insert_with(|| place.clone());
            of_kind.counted = of_kind.counted.max(items + page.remaining.unwrap_or_default());
        } else if kind != MIXED {
            of_kind.has_last = true;
        }
    }

    /// The kinds of which a page is missing, each with a warning.
    pub(super) fn missing(self, problems: &mut Vec<InputProblem>) -> Vec<MissingPage> {
        let is_cut = |of_kind: &OfKind| !of_kind.has_last || of_kind.items < of_kind.counted;
        let cut = self.0.into_iter().filter(|(_, of_kind)| is_cut(of_kind));
        let cut = cut.filter_map(|(kind, of_kind)| {
            Some(MissingPage {
                kind,
                place: of_kind.goes_on?,
            })
        });
        let cut: Vec<MissingPage> = cut.collect();
        problems.extend(cut.iter().map(|page| {
            let message = format!(
                "is one page of a {}, and another page is missing (`metadata.continue`): give the whole list, as `kubectl get` prints it",
                quote(&page.kind)
            );
            InputProblem::warning(page.place.clone(), message)
        }));
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a page is missing of lists with so many items, of which some go on, with so many remaining.
    fn is_cut(lists: &[(usize, bool, Option<u64>)]) -> bool {
        let mut pages = Pages::default();
        for (items, goes_on, remaining) in lists {
            let page = Page {
                goes_on: *goes_on,
                remaining: *remaining,
            };
            pages.take(&Place::everywhere(), "PodList", *items, page);
        }
        !pages.missing(&mut Vec::new()).is_empty()
    }

    #[test]
    fn a_list_of_several_kinds_ends_no_other() {
        let mut pages = Pages::default();
        for goes_on in [true, false] {
            let page = Page {
                goes_on,
                remaining: None,
            };
            pages.take(&Place::everywhere(), MIXED, 3, page);
        }
        assert_eq!(pages.missing(&mut Vec::new()).len(), 1);
    }

    #[test]
    fn pages_are_all_there_if_the_last_one_is_and_the_count_is_reached() {
        for (lists, expected) in [
            (&[(5, false, None)][..], false),
            (&[(5, true, None)], true),
            (&[(5, true, None), (3, false, None)], false),
            (&[(5, true, Some(8)), (3, false, None)], true),
            (&[(5, true, Some(8)), (5, true, Some(3)), (3, false, None)], false),
            (&[(0, false, None), (0, false, None)], false),
        ] {
            assert_eq!(is_cut(lists), expected, "{lists:?}");
        }
    }
}
