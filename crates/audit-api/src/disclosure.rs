//! What the statuses and Events of a namespace may tell of a role, by the policy.

use std::collections::BTreeMap;

use audit_core::Disclosure;

use crate::policy::{DisclosureLevel, DisclosureRule};

/// How much may be told in a namespace with these labels: by the first rule that selects it, else
/// [`Disclosure::NearMiss`]. Where the labels are not known, the least that any rule, or their absence, would allow.
#[must_use]
pub fn level(rules: &[DisclosureRule], labels: Option<&BTreeMap<String, String>>) -> Disclosure {
    let Some(labels) = labels else {
        let levels = rules.iter().map(|rule| of(rule.level));
        return levels.chain([Disclosure::default()]).min().unwrap_or_default();
    };
    let first = rules.iter().find(|rule| rule.namespace_selector.selects(labels));
    first.map(|rule| of(rule.level)).unwrap_or_default()
}

fn of(level: DisclosureLevel) -> Disclosure {
    match level {
        DisclosureLevel::CodeOnly => Disclosure::CodeOnly,
        DisclosureLevel::NearMiss => Disclosure::NearMiss,
        DisclosureLevel::Full => Disclosure::Full,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Vec<DisclosureRule> {
        let rules = json!([
            { "namespaceSelector": { "matchLabels": { "team": "platform" } }, "level": "Full" },
            { "namespaceSelector": { "matchLabels": { "tenant": "guest" } }, "level": "CodeOnly" },
        ]);
        serde_json::from_value(rules).unwrap()
    }

    fn with(labels: &[(&str, &str)]) -> Disclosure {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        level(&rules(), Some(&labels.collect()))
    }

    #[test]
    fn the_first_rule_that_selects_the_namespace_counts() {
        assert_eq!(
            with(&[("team", "platform"), ("tenant", "guest")]),
            Disclosure::Full
        );
        assert_eq!(with(&[("tenant", "guest")]), Disclosure::CodeOnly);
        assert_eq!(with(&[]), Disclosure::NearMiss);
        assert_eq!(level(&[], Some(&BTreeMap::new())), Disclosure::NearMiss);
    }

    #[test]
    fn of_a_namespace_that_nobody_has_seen_the_least_is_told() {
        assert_eq!(level(&rules(), None), Disclosure::CodeOnly);
        assert_eq!(level(&rules()[..1], None), Disclosure::NearMiss, "not `Full`");
        assert_eq!(level(&[], None), Disclosure::NearMiss);
    }
}
