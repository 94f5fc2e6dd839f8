//! Whether a rule matches a request, letter by letter.

use crate::objects::{PolicyRule, Text};
use crate::request::AccessRequest;

/// Whether a rule allows a request.
#[must_use]
pub fn allows(rule: &PolicyRule, request: &AccessRequest<'_>) -> bool {
    has_verb(rule, request.verb)
        && has_group(rule, request.api_group)
        && rule.resources.iter().any(|resource| covers(resource, request))
        && has_name(rule, request.name)
}

pub(crate) fn has_verb(rule: &PolicyRule, verb: &str) -> bool {
    has_or_all(&rule.verbs, verb)
}

pub(crate) fn has_group(rule: &PolicyRule, group: &str) -> bool {
    has_or_all(&rule.api_groups, group)
}

pub(crate) fn has_name(rule: &PolicyRule, name: &str) -> bool {
    rule.resource_names.is_empty() || rule.resource_names.iter().any(|own| **own == *name)
}

fn has_or_all(words: &[Text], word: &str) -> bool {
    words.iter().any(|own| **own == *word || **own == *"*")
}

/// Whether the resource of a rule covers that of a request.
pub(crate) fn covers(resource: &str, request: &AccessRequest<'_>) -> bool {
    if resource == "*" {
        return true;
    }
    if request.subresource.is_empty() {
        return resource == request.resource;
    }
    // As in `pods/log` and `*/scale`; a resource with two slashes would be compared whole, and so it is here.
    resource
        .strip_suffix(request.subresource)
        .and_then(|rest| rest.strip_suffix('/'))
        .is_some_and(|base| base == request.resource || base == "*")
}
