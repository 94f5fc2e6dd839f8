//! ARNs by component: `arn:partition:service:region:account:resource`.

use crate::pattern::Glob;

/// The six parts of an ARN; the last may contain colons. `None` if `text` is no ARN.
pub(crate) fn components(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    let all = [next()?, next()?, next()?, next()?, next()?, next()?];
    matches!(all, ["arn", ..]).then_some(all)
}

/// Whether a pattern has six components, without which no ARN is like it.
pub(crate) fn is_pattern(pattern: Glob<'_>) -> bool {
    split(pattern).is_some()
}

/// Whether every component of `text`, an ARN, is matched by its own of the pattern: no wildcard reaches across the
/// first five colons.
pub(crate) fn is_like(pattern: Glob<'_>, text: &str) -> bool {
    let (Some(patterns), Some(parts)) = (split(pattern), components(text)) else {
        return false;
    };
    patterns
        .into_iter()
        .zip(parts)
        .all(|(pattern, part)| pattern.matches(part))
}

fn split(pattern: Glob<'_>) -> Option<[Glob<'_>; 6]> {
    let (scheme, rest) = pattern.split_once(':')?;
    let (partition, rest) = rest.split_once(':')?;
    let (service, rest) = rest.split_once(':')?;
    let (region, rest) = rest.split_once(':')?;
    let (account, resource) = rest.split_once(':')?;
    Some([scheme, partition, service, region, account, resource])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stay_in_their_component() {
        let queue = "arn:aws:sqs:us-east-1:111122223333:queue:a/b";
        for (pattern, expected) in [
            ("arn:aws:sqs:us-east-1:111122223333:queue:a/b", true),
            ("arn:aws:sqs:*:*:*", true),
            ("arn:*:*:*:*:*", true),
            ("*:*:*:*:*:*", true),
            ("arn:aws:sqs:us-*-?:111122223333:*b", true),
            ("arn:aws:sqs:*:queue:a/b", false),
            ("arn:aws:*:queue:a/b", false),
            ("arn:aws:sqs:us-east-1:111122223333:queue", false),
        ] {
            assert_eq!(is_like(Glob::written(pattern), queue), expected, "{pattern}");
        }
        let like = |pattern, text| is_like(Glob::written(pattern), text);
        assert!(!is_pattern(Glob::written("*")));
        assert!(!is_pattern(Glob::written("arn:aws:sqs:*")));
        assert!(!like("*:*:*:*:*:*", "system:serviceaccount:ns:name"));
        assert!(!like("*:*:*:*:*:*", "a:b:c:d:e:f"));
    }
}
