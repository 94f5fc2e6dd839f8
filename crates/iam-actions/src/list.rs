//! The list, searched where it is.

use std::cmp::Ordering;

/// One action a line, sorted without regard to case: `service:Name`, and ` -` behind it where it takes no resource.
const LIST: &str = include_str!("actions.txt");

/// The head of the list, one comment a line.
const COMMENT: char = '#';

/// Whether an action can be limited to resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resources {
    /// Statements may name its resources by ARN.
    Named,
    /// It has none, so that it is allowed on `*` (Service Authorization Reference, the column "Resource types").
    None,
}

/// An action of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogueAction {
    /// `service:Name` in AWS's own spelling. IAM compares actions without regard to case.
    pub name: &'static str,
    /// Whether it takes a resource.
    pub resources: Resources,
}

impl CatalogueAction {
    fn read(line: &'static str) -> Self {
        match line.strip_suffix(" -") {
            Some(name) => Self {
                name,
                resources: Resources::None,
            },
            None => Self {
                name: line,
                resources: Resources::Named,
            },
        }
    }

    /// What follows the service.
    pub(crate) fn own_name(self) -> &'static str {
        self.name.split_once(':').map_or("", |(_, name)| name)
    }
}

/// The action of this name, in whatever case.
#[must_use]
pub fn find(action: &str) -> Option<CatalogueAction> {
    let first = starting_with(action).next()?;
    first.name.eq_ignore_ascii_case(action).then_some(first)
}

/// Whether an action of the list is matched by a pattern with the wildcards `*` and `?`, in whatever case.
#[must_use]
pub fn has_match(pattern: &str) -> bool {
    let literal = pattern.find(['*', '?']).unwrap_or(pattern.len());
    let start = pattern.get(..literal).unwrap_or_default();
    let pattern = pattern.to_ascii_lowercase();
    starting_with(start)
        .any(|action| matches(pattern.as_bytes(), action.name.to_ascii_lowercase().as_bytes()))
}

/// The actions of a service, in whatever case.
pub(crate) fn of_service(service: &str) -> impl Iterator<Item = CatalogueAction> + use<> {
    starting_with(&format!("{service}:"))
}

/// Every service, once.
pub(crate) fn services() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    lines(LIST).filter_map(move |line| {
        let (service, _) = line.split_once(':')?;
        let is_new = service != last;
        last = service;
        is_new.then_some(service)
    })
}

/// The actions that begin so, in whatever case: they are side by side.
pub(crate) fn starting_with(start: &str) -> impl Iterator<Item = CatalogueAction> + use<> {
    let start = start.to_ascii_lowercase();
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        // The line around the middle, which ends behind it.
        let middle = usize::midpoint(low, high);
        let begin = LIST
            .get(low..middle)
            .and_then(|text| text.rfind('\n'))
            .map_or(low, |at| low + at + 1);
        let end = LIST
            .get(middle..high)
            .and_then(|text| text.find('\n'))
            .map_or(high, |at| middle + at + 1);
        let line = LIST.get(begin..end).unwrap_or_default().trim_end();
        if line.starts_with(COMMENT) || compare(line, &start) == Ordering::Less {
            low = end;
        } else {
            high = begin;
        }
    }
    lines(LIST.get(low..).unwrap_or_default())
        .take_while(move |line| {
            line.get(..start.len())
                .is_some_and(|beginning| beginning.eq_ignore_ascii_case(&start))
        })
        .map(CatalogueAction::read)
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with(COMMENT))
}

/// A line of the list compared with a text in lower case.
fn compare(line: &str, lower: &str) -> Ordering {
    line.bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(lower.bytes())
}

/// Whether a pattern matches a text: the last star is the only place to come back to.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(b'?') => (at, read) = (at + 1, read + 1),
            Some(own) if own == byte => (at, read) = (at + 1, read + 1),
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, read) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_of_one_form() {
        let keys: Vec<String> = lines(LIST)
            .map(|line| CatalogueAction::read(line).name.to_ascii_lowercase())
            .collect();
        assert!(keys.len() > 15_000, "{}", keys.len());
        assert!(keys.is_sorted_by(|a, b| a < b));
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        for key in keys {
            let (service, name) = key.split_once(':').unwrap();
            assert!(is_word(service) && is_word(name), "{key}");
        }
    }

    #[test]
    fn every_action_is_found_in_whatever_case() {
        for line in lines(LIST) {
            let action = CatalogueAction::read(line);
            assert_eq!(find(&action.name.to_ascii_uppercase()), Some(action));
        }
    }

    #[test]
    fn actions_are_known_with_whether_they_take_resources() {
        for (name, expected) in [
            ("s3:GetObject", Some(Resources::Named)),
            ("S3:getobject", Some(Resources::Named)),
            ("s3:ListAllMyBuckets", Some(Resources::None)),
            ("ecr:GetAuthorizationToken", Some(Resources::None)),
            ("sts:AssumeRole", Some(Resources::Named)),
            ("s3:ListObjectsV2", None),
            ("s3:GetObjec", None),
            ("s3:", None),
            ("s3", None),
            ("", None),
            ("# From", None),
            ("nosuch:GetObject", None),
            ("zzz:Zzz", None),
        ] {
            assert_eq!(find(name).map(|action| action.resources), expected, "{name}");
        }
    }

    #[test]
    fn a_pattern_needs_one_that_it_matches() {
        for (pattern, expected) in [
            ("*", true),
            ("s3:*", true),
            ("S3:GET*", true),
            ("s3:*Object", true),
            ("s?:ListAllMyBuckets", true),
            ("*:GetObject", true),
            ("s3:GetObject", true),
            ("s3:*ObjectsV2", false),
            ("s3:ListObjects*", false),
            ("nosuch:*", false),
            ("s3:GetObjec?", true),
            ("s3:GetObject?", false),
        ] {
            assert_eq!(has_match(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn there_are_services() {
        let services: Vec<&str> = services().collect();
        assert!(services.len() > 300 && services.contains(&"s3") && services.contains(&"execute-api"));
        assert!(of_service("STS").any(|action| action.own_name() == "GetCallerIdentity"));
    }
}
