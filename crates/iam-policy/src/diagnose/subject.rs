//! What a condition on the subject names, and how far that is from the subject.

use super::cause::CauseKind;
use super::distance::distance;
use crate::document::{Clause, ConditionValue};
use crate::operator::Family;
use crate::pattern::Pattern;
use crate::subject_pattern::{SUBJECT_PREFIX, SubjectPattern};

/// Which cause a failing condition on the subject is, with the value that comes nearest.
pub(super) fn classify<'c>(clause: &'c Clause, subject: &str) -> (CauseKind, Option<&'c ConditionValue>) {
    if !clause.operator.is_positive_text() {
        return (CauseKind::ConditionUnsatisfiable, None);
    }
    let judged = clause
        .values
        .iter()
        .map(|value| (judge(clause, value, subject), value));
    let nearest = judged.min_by_key(|(kind, value)| (*kind, distance(&value.text, subject)));
    match nearest {
        Some((kind, value)) => (kind, Some(value)),
        None => (CauseKind::ConditionUnsatisfiable, None),
    }
}

fn judge(clause: &Clause, value: &ConditionValue, subject: &str) -> CauseKind {
    if value.template.is_some() {
        return CauseKind::ConditionUnsatisfiable;
    }
    let family = clause.operator.test.family();
    let text = value.text.as_str();
    let normal = normalised(text, subject);
    let meant = |normal: &str| normal != text && Pattern::new(normal).matches(subject);
    let is_meant = normal.as_deref().is_some_and(meant);
    let wildcards_are_dead = family != Family::Pattern && text.contains(['*', '?']);
    if is_meant && !wildcards_are_dead {
        return CauseKind::SubjectMalformed;
    }
    if wildcards_are_dead && Pattern::new(text).matches(subject) {
        return CauseKind::WildcardInStringEquals;
    }
    if is_meant {
        return CauseKind::SubjectMalformed;
    }
    let Some((namespace, name)) = subject
        .strip_prefix(SUBJECT_PREFIX)
        .and_then(|rest| rest.split_once(':'))
    else {
        return CauseKind::ConditionUnsatisfiable;
    };
    let Some(pairs) = SubjectPattern::new(normal.as_deref().unwrap_or(text)).divided() else {
        return CauseKind::SubjectServiceAccountMismatch;
    };
    let right_name = pairs.iter().any(|pair| {
        Pattern::new(&pair.name).matches(name) && !Pattern::new(&pair.namespace).matches(namespace)
    });
    match (right_name, pairs.is_empty()) {
        (true, _) => CauseKind::SubjectNamespaceMismatch,
        (false, false) => CauseKind::SubjectServiceAccountMismatch,
        // Not the subject of any ServiceAccount, whichever way it is read.
        (false, true) => CauseKind::ConditionUnsatisfiable,
    }
}

/// `text` as the subject it was meant to be: prefix, separators, case and white space put right. Wildcards stay.
/// `None` if it does not look like the subject of a ServiceAccount at all.
pub(super) fn normalised(text: &str, subject: &str) -> Option<String> {
    let cleaned: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !"\"'`".contains(*c))
        .flat_map(char::to_lowercase)
        .collect();
    let separated = cleaned.replace('/', ":");
    let parts: Vec<&str> = separated.split(':').filter(|part| !part.is_empty()).collect();
    let (namespace, name) = match parts.as_slice() {
        [system, account, namespace, name]
            if is_like(system, "system") && is_like(account, "serviceaccount") =>
        {
            (*namespace, *name)
        }
        // One half of the prefix, or both run together.
        [one, namespace, name]
            if is_like(one, "system")
                || is_like(one, "serviceaccount")
                || is_like(one, "systemserviceaccount") =>
        {
            (*namespace, *name)
        }
        [namespace, name] if is_name(namespace) && is_name(name) => (*namespace, *name),
        // A bare name: the namespace can only have been meant to be the ServiceAccount's own.
        [name] if is_name(name) && *name != "*" => {
            (subject.strip_prefix(SUBJECT_PREFIX)?.split(':').next()?, *name)
        }
        _ => return None,
    };
    Some(format!("{SUBJECT_PREFIX}{namespace}:{name}"))
}

/// Whether a word is `wanted` but for a few letters, as `service-accounts` is.
fn is_like(word: &str, wanted: &str) -> bool {
    distance(word, wanted) <= wanted.len() / 3
}

/// Whether it could be a Kubernetes name, with wildcards.
fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*?".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_what_was_meant() {
        let subject = "system:serviceaccount:shop:cart";
        for (text, expected) in [
            ("system:serviceaccounts:shop:cart", Some(subject)),
            ("system:service-account:shop:cart", Some(subject)),
            ("System:ServiceAccount:Shop:Cart", Some(subject)),
            ("system:serviceaccount:shop/cart", Some(subject)),
            ("system/serviceaccount/shop/cart", Some(subject)),
            ("serviceaccount:shop:cart", Some(subject)),
            ("system:shop:cart", Some(subject)),
            (" system:serviceaccount: shop:cart\n", Some(subject)),
            ("\"system:serviceaccount:shop:cart\"", Some(subject)),
            ("shop:cart", Some(subject)),
            ("shop/cart", Some(subject)),
            ("cart", Some(subject)),
            ("system:serviceaccount::shop:cart", Some(subject)),
            ("shop:*", Some("system:serviceaccount:shop:*")),
            ("system:serviceaccount:shop:cart", Some(subject)),
            ("*", None),
            ("repo:org/name:ref:refs/heads/main", None),
            ("system:serviceaccount:shop:cart:extra", None),
            ("", None),
        ] {
            assert_eq!(normalised(text, subject).as_deref(), expected, "{text}");
        }
    }
}
