//! What was given and not used: each source, and each document of one, is used or told.
//!
//! One directory may hold manifests and outputs of the AWS CLI, and be given for both. What one side cannot use, the other may: only what
//! neither uses is told.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::problem::{InputProblem, Place, Weight};

/// The most texts of a directory that are told one by one for the same reason.
const MOST_SINGLE: usize = 3;

/// The most names in one message.
const MOST_NAMES: usize = 20;

/// Why something is not used, safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reason {
    /// What it is, as the end of a sentence that begins with its name.
    what: Cow<'static, str>,
    /// What to do; may be empty.
    help: &'static str,
}

impl Reason {
    pub(crate) const fn new(what: &'static str, help: &'static str) -> Self {
        Self {
            what: Cow::Borrowed(what),
            help,
        }
    }

    pub(crate) fn told(what: String, help: &'static str) -> Self {
        Self {
            what: what.into(),
            help,
        }
    }

    /// What it is, without what to do.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.help.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.help)
    }
}

/// What kind of thing was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftoverKind {
    /// It could have held input, and cannot be read: what it lacks may exist.
    Unreadable,
    /// It holds something else, or comments alone.
    Foreign,
    /// It comes from the AWS CLI, and is not a whole output: a part of one, as `--query` leaves it, a table, or an error.
    SpoiledOutput,
    /// It is input that belongs to the other flag.
    OfOtherFlag,
    /// It is what it should be, and nothing of it is needed: never an error.
    Unneeded,
}

/// A source, or a document of it, that one side did not use.
#[derive(Debug, Clone)]
pub(crate) struct Leftover {
    pub(crate) place: Place,
    pub(crate) kind: LeftoverKind,
    pub(crate) reason: Reason,
}

impl Leftover {
    pub(crate) fn new(place: Place, kind: LeftoverKind, reason: Reason) -> Self {
        Self { place, kind, reason }
    }
}

/// That what was given for both is of neither kind.
const NEITHER: Reason = Reason::new(
    "holds neither Kubernetes objects nor an output of the AWS CLI that is of use here",
    "give objects with `apiVersion` and `kind`, or whole outputs as JSON",
);

/// What neither side used: of texts that were given for both, whose names are `in_both`, what both left over; of others, everything. First
/// what may have held manifests, then what may have held outputs alone.
pub(crate) fn of_both(
    manifests: Vec<Leftover>,
    outputs: Vec<Leftover>,
    in_both: &HashSet<String>,
) -> (Vec<Leftover>, Vec<Leftover>) {
    let is_shared = |place: &Place| place.source().is_some_and(|name| in_both.contains(name));
    let (shared, own): (Vec<_>, Vec<_>) = outputs
        .into_iter()
        .partition(|leftover| is_shared(&leftover.place));
    let shared: HashMap<Place, Leftover> = shared
        .into_iter()
        .map(|leftover| (leftover.place.clone(), leftover))
        .collect();
    let of_manifests = manifests.into_iter().filter_map(|leftover| {
        if !is_shared(&leftover.place) {
            return Some(leftover);
        }
        let other = shared.get(&leftover.place)?;
        Some(match (leftover.kind, other.kind) {
            (LeftoverKind::Unreadable, _) => leftover,
            (_, LeftoverKind::Unreadable | LeftoverKind::Unneeded | LeftoverKind::SpoiledOutput) => {
                other.clone()
            }
            _ if leftover.reason == other.reason => leftover,
            _ => Leftover {
                kind: LeftoverKind::Foreign,
                reason: NEITHER,
                ..leftover
            },
        })
    });
    (of_manifests.collect(), own)
}

/// Tells what was not used: an error where the user named the text, else a warning, since a directory may hold anything. Texts of
/// directories that share a reason are told together.
pub(crate) fn tell(leftovers: &[Leftover]) -> Vec<InputProblem> {
    let mut groups: Vec<(&Reason, Weight, Vec<&Place>)> = Vec::new();
    let mut known: HashMap<(&Reason, Weight), usize> = HashMap::new();
    for Leftover { place, reason, kind } in leftovers {
        let is_error = place.named && *kind != LeftoverKind::Unneeded;
        let weight = if is_error { Weight::Error } else { Weight::Warning };
        let at = *known.entry((reason, weight)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((.., places)) => places.push(place),
            None => groups.push((reason, weight, vec![place])),
        }
    }
    groups
        .into_iter()
        .flat_map(|(reason, weight, places)| of_group(reason, weight, &places))
        .collect()
}

fn of_group(reason: &Reason, weight: Weight, places: &[&Place]) -> Vec<InputProblem> {
    let mut texts: Vec<(&Place, usize)> = Vec::new();
    for place in places {
        match texts.last_mut() {
            Some((last, documents)) if last.source() == place.source() => *documents += 1,
            _ => texts.push((place, 1)),
        }
    }
    if places.len() <= MOST_SINGLE {
        let each = places.iter().map(|place| InputProblem {
            weight,
            place: (*place).clone(),
            message: reason.to_string(),
        });
        return each.collect();
    }
    if weight == Weight::Error || texts.len() <= MOST_SINGLE {
        let each = texts.into_iter().map(|(place, documents)| {
            let more = match documents {
                1 => String::new(),
                more => format!("; so are the others of its {more} documents that are not used"),
            };
            InputProblem {
                weight,
                place: place.clone(),
                message: format!("{reason}{more}"),
            }
        });
        return each.collect();
    }
    let names: Vec<&str> = texts.iter().filter_map(|(place, _)| place.source()).collect();
    let shown = names
        .iter()
        .take(MOST_NAMES)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    vec![InputProblem {
        weight,
        place: Place::several(&format!("{shown}{more}")),
        message: format!("each {reason}"),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASON: Reason = Reason::new("is empty", "run it again");

    fn leftover(name: &str, named: bool, kind: LeftoverKind) -> Leftover {
        Leftover::new(Place::within(name, None, named, ""), kind, REASON)
    }

    #[test]
    fn what_either_side_uses_is_not_told() {
        let in_both: HashSet<String> = ["a".to_owned(), "b".to_owned()].into();
        let of = |name| leftover(name, false, LeftoverKind::Foreign);
        let (left, own) = of_both(vec![of("a"), of("c")], vec![of("b"), of("d")], &in_both);
        let names: Vec<_> = left
            .iter()
            .chain(&own)
            .filter_map(|one| one.place.source())
            .collect();
        assert_eq!(names, ["c", "d"]);
        let mut other = of("a");
        other.reason = Reason::new("is something else", "");
        let (left, _) = of_both(vec![of("a")], vec![other], &in_both);
        assert_eq!(left.iter().map(|one| &one.reason).collect::<Vec<_>>(), [&NEITHER]);
        let unreadable = leftover("a", false, LeftoverKind::Unreadable);
        let (left, _) = of_both(vec![of("a")], vec![unreadable], &in_both);
        assert!(matches!(
            left[..],
            [Leftover {
                kind: LeftoverKind::Unreadable,
                ..
            }]
        ));
    }

    #[test]
    fn many_texts_with_one_reason_are_told_in_one_line() {
        let many: Vec<Leftover> = (0..40)
            .map(|n| leftover(&format!("f{n}"), false, LeftoverKind::Foreign))
            .collect();
        let told = tell(&many);
        assert_eq!(told.len(), 1);
        assert!(told[0].to_string().contains("f0, f1") && told[0].to_string().contains("20 more"));
        assert_eq!(tell(&many[..2]).len(), 2);
        let documents = vec![leftover("f", false, LeftoverKind::Foreign); 9];
        assert_eq!(tell(&documents).len(), 1);
        let named = tell(&[leftover("f", true, LeftoverKind::Unreadable)]);
        assert_eq!(named[0].weight, Weight::Error);
    }
}
