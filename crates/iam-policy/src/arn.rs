//! ARNs by component: `arn:partition:service:region:account:resource`.
//!
//! Sources:
//! - IAM User Guide, Amazon Resource Names, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
//! - of wildcards in the components, Amazon Resource Name condition operators,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>

use crate::pattern::Glob;

/// The six parts of an ARN; the last may contain colons. `None` if `text` is no ARN.
pub(crate) fn components(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    let all = [next()?, next()?, next()?, next()?, next()?, next()?];
    matches!(all, ["arn", ..]).then_some(all)
}

/// The parts of an ARN, or of what ends before its last part: those that are there.
pub(crate) fn first_segments(text: &str) -> Option<[Option<&str>; 6]> {
    let mut parts = text.splitn(6, ':');
    let all = std::array::from_fn(|_| parts.next());
    (all.first() == Some(&Some("arn"))).then_some(all)
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

/// The service segment of a resource pattern, and what follows it; `None` if it has no such segments or does not begin
/// with `arn:`.
fn service_and_rest(pattern: Glob<'_>) -> Option<([Glob<'_>; 3], Glob<'_>)> {
    let (scheme, rest) = pattern.split_once(':')?;
    let (partition, rest) = rest.split_once(':')?;
    let (service, rest) = rest.split_once(':')?;
    scheme.is("arn").then_some(([scheme, partition, service], rest))
}

/// Whether it is documented which ARNs a text under `Resource` matches.
///
/// IAM User Guide, "IAM JSON policy elements: Resource": an ARN whose segments may have wildcards, except for "the service
/// segment that identifies the AWS product". It needs all six segments, unless a `*` that ends one of its segments
/// stands for the rest.
pub(crate) fn is_resource_pattern(pattern: Glob<'_>) -> bool {
    let Some(([_, _, service], rest)) = service_and_rest(pattern) else {
        return false;
    };
    let mut rest = rest;
    let mut is_whole = false;
    for _ in 0..2 {
        is_whole |= rest.up_to(':').ends_in_star();
        match rest.split_once(':') {
            Some((_, after)) => rest = after,
            None => return is_whole && !service.has_wildcards(),
        }
    }
    !service.has_wildcards()
}

/// Whether a text under `Resource` matches an ARN.
///
/// IAM User Guide, "IAM JSON policy elements: Resource": "You can use wildcard characters (`*` and `?`) within the
/// individual segments of an ARN (the parts separated by colons)", and "If the `*` wildcard is the last character of a
/// resource ARN segment, it can expand to match beyond the colon boundaries." Conditions know no such rule: see
/// [`is_like`].
pub(crate) fn matches_resource(pattern: Glob<'_>, arn: &str) -> bool {
    let (Some((heads, rest)), Some(parts)) = (service_and_rest(pattern), components(arn)) else {
        return false;
    };
    let [scheme, partition, service, ..] = parts;
    let start = scheme.len() + partition.len() + service.len() + 3;
    let same = heads.into_iter().zip([scheme, partition, service]);
    same.into_iter().all(|(pattern, part)| pattern.matches(part))
        && arn.get(start..).is_some_and(|text| matches_rest(rest, text, 2))
}

/// Matches what follows the service: so many segments that end at a colon, and the resource's own part, in which colons are
/// characters like others.
fn matches_rest(pattern: Glob<'_>, text: &str, segments: usize) -> bool {
    let Some(remaining) = segments.checked_sub(1) else {
        return pattern.matches(text);
    };
    let segment = pattern.up_to(':');
    let (first, others) = text
        .split_once(':')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    if !segment.matches(first) {
        return false;
    }
    let Some((_, after)) = pattern.split_once(':') else {
        return segment.ends_in_star() || others.is_none();
    };
    let Some(others) = others else { return false };
    if matches_rest(after, others, remaining) {
        return true;
    }
    // The star takes in this colon, and perhaps more.
    segment.ends_in_star()
        && others.match_indices(':').any(|(colon, _)| {
            others
                .get(colon + 1..)
                .is_some_and(|text| matches_rest(after, text, remaining))
        })
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
    fn in_resources_a_star_that_ends_a_segment_reaches_over_colons() {
        let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db-AbCdEf";
        let object = "arn:aws:s3:::carts/a/b:c";
        for (pattern, arn, expected) in [
            ("arn:aws:secretsmanager:*:secret:app/*", secret, true),
            ("arn:aws:secretsmanager:*:*:secret:app/*", secret, true),
            ("arn:aws:secretsmanager:eu-*:secret:app/*", secret, true),
            ("arn:aws:secretsmanager:eu-west-1:*app/*", secret, false),
            ("arn:aws:secretsmanager:eu-west-1:*:app/*", secret, true),
            (
                "arn:aws:secretsmanager:eu-west-1:1111*:app/d?-AbCdEf",
                secret,
                true,
            ),
            ("arn:aws:secretsmanager:us-*:secret:app/*", secret, false),
            ("arn:aws:secretsmanager:*:secret:other/*", secret, false),
            ("arn:aws:secretsmanager:*", secret, true),
            ("arn:aws:secretsmanager:eu-west-1:*", secret, true),
            ("arn:aws:secretsmanager:eu-west-1:1*", secret, true),
            ("arn:aws:secretsmanager:eu-west-1:2*", secret, false),
            // Within a segment a star stays in it, and a question mark is one character of it.
            ("arn:aws:secretsmanager:eu*1:secret:app/*", secret, false),
            ("arn:aws:secretsmanager:*1:*:secret:app/*", secret, true),
            (
                "arn:aws:secretsmanager:eu-west-1?111122223333:secret:app/*",
                secret,
                false,
            ),
            ("arn:aws:ssm:*:secret:app/*", secret, false),
            ("arn:aws:s3:*", object, true),
            ("arn:aws:s3:::carts*", object, true),
            ("arn:aws:s3:::*", object, true),
            ("arn:*:s3:::carts/*", object, true),
            ("arn:aws:s3:::carts/?/b?c", object, true),
            ("arn:aws:s3:::cart", object, false),
            ("arn:aws:s3:::Carts/*", object, false),
            ("arn:aws:s3:::carts", "arn:aws:s3:::carts", true),
            ("arn:aws:s3", object, false),
            ("arn:aws:s3::", object, false),
            ("*", object, false),
        ] {
            assert_eq!(
                matches_resource(Glob::written(pattern), arn),
                expected,
                "{pattern} {arn}"
            );
        }
    }

    #[test]
    fn of_other_texts_it_is_not_documented_what_they_match() {
        for (pattern, expected) in [
            ("arn:aws:s3:::carts", true),
            ("arn:*:s3:::carts", true),
            ("arn:aws:s3:*", true),
            ("arn:aws:s3:eu*", true),
            ("arn:aws:s3::1*", true),
            ("arn:aws:s3::1", false),
            ("arn:aws:s3", false),
            ("arn:aws:*", false),
            ("arn:aws:*:*:*:*", false),
            ("arn:aws:s?:::carts", false),
            ("arn:*", false),
            ("*:*:*:*:*:*", false),
            ("carts/*", false),
            ("**", false),
        ] {
            assert_eq!(is_resource_pattern(Glob::written(pattern)), expected, "{pattern}");
        }
    }

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
        assert!(!like("*", queue) && !like("arn:aws:sqs:*", queue));
        assert!(!like("*:*:*:*:*:*", "system:serviceaccount:ns:name"));
        assert!(!like("*:*:*:*:*:*", "a:b:c:d:e:f"));
    }
}
