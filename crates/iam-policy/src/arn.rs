//! ARNs by component: `arn:partition:service:region:account:resource`.

use crate::pattern::{Pattern, Token, tokens};

/// The six parts of an ARN; the last may contain colons. `None` if `text` is no ARN.
pub(crate) fn components(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    let all = [next()?, next()?, next()?, next()?, next()?, next()?];
    matches!(all, ["arn", ..]).then_some(all)
}

/// A pattern for ARNs in which no wildcard reaches across the first five colons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArnPattern(Box<[Pattern; 6]>);

impl ArnPattern {
    pub(crate) fn new(text: &str) -> Option<Self> {
        Self::from_tokens(tokens(text))
    }

    /// `None` if there are fewer than six components.
    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Option<Self> {
        let mut tokens = tokens.into_iter();
        let mut component = || {
            let mut complete = false;
            let part: Vec<Token> = tokens
                .by_ref()
                .take_while(|token| {
                    complete = *token == Token::Char(':');
                    !complete
                })
                .collect();
            complete.then(|| Pattern::from_tokens(part))
        };
        let partition_to_account = [
            component()?,
            component()?,
            component()?,
            component()?,
            component()?,
        ];
        let [scheme, partition, service, region, account] = partition_to_account;
        let resource = Pattern::from_tokens(tokens);
        Some(Self(Box::new([
            scheme, partition, service, region, account, resource,
        ])))
    }

    /// Whether every component of `text`, an ARN, is matched by its own.
    pub(crate) fn matches(&self, text: &str) -> bool {
        components(text).is_some_and(|parts| {
            self.0
                .iter()
                .zip(parts)
                .all(|(pattern, part)| pattern.matches(part))
        })
    }
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
            assert_eq!(
                ArnPattern::new(pattern).is_some_and(|p| p.matches(queue)),
                expected,
                "{pattern}"
            );
        }
        assert_eq!(ArnPattern::new("*"), None);
        assert_eq!(ArnPattern::new("arn:aws:sqs:*"), None);
        assert!(
            !ArnPattern::new("*:*:*:*:*:*")
                .unwrap()
                .matches("system:serviceaccount:ns:name")
        );
        assert!(!ArnPattern::new("*:*:*:*:*:*").unwrap().matches("a:b:c:d:e:f"));
    }
}
