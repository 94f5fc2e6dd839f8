//! How much one `IrsaAudit` may expect. Anyone who can edit a namespace writes these objects, and every expectation is evaluated again
//! with each change of the role or the cluster.
//!
//! The `CustomResourceDefinition` has the same limits. Here they hold for objects that are older than it, and for files.

use super::expectation::{AuditRequest, AwsExpectation, KubernetesExpectation, OverLimit};

/// Actions on resources, of all of `spec.expect.aws` together.
pub const MAX_AWS_QUESTIONS: usize = 512;
/// Verbs on names, of all of `spec.expect.kubernetes` together.
pub const MAX_KUBERNETES_QUESTIONS: usize = 256;
/// The longest action, in bytes: IAM has none that is half as long.
pub const MAX_ACTION: usize = 128;
/// The longest ARN, in bytes, and the longest value of a condition key.
pub const MAX_ARN: usize = 2048;
/// Condition keys of one expectation.
pub const MAX_CONTEXT_KEYS: usize = 32;
/// The longest condition key, in bytes.
pub const MAX_CONTEXT_KEY: usize = 256;
/// The longest verb, resource or name in Kubernetes, in bytes.
pub const MAX_KUBERNETES_WORD: usize = 253;

impl AuditRequest {
    /// Takes out what is over a limit, and notes it: expectations that have something too long, and those after the last one whose
    /// questions are within the total.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut over = Vec::new();
        let mut left = MAX_AWS_QUESTIONS;
        self.aws.retain(|expectation| {
            let refused = too_long_aws(expectation).or_else(|| {
                take(&mut left, aws_questions(expectation)).then_some(OverLimit {
                    field: "expect.aws",
                    what: "actions on resources in all",
                    limit: MAX_AWS_QUESTIONS,
                })
            });
            over.extend(refused);
            refused.is_none()
        });
        let mut left = MAX_KUBERNETES_QUESTIONS;
        self.kubernetes.retain(|expectation| {
            let refused = too_long_kubernetes(expectation).or_else(|| {
                take(&mut left, kubernetes_questions(expectation)).then_some(OverLimit {
                    field: "expect.kubernetes",
                    what: "verbs on names in all",
                    limit: MAX_KUBERNETES_QUESTIONS,
                })
            });
            over.extend(refused);
            refused.is_none()
        });
        over.sort_unstable();
        over.dedup();
        self.over_limit = over;
        self
    }
}

/// Takes from what is left. Returns whether that is too little; nothing is left then.
fn take(left: &mut usize, wanted: usize) -> bool {
    let rest = left.checked_sub(wanted);
    *left = rest.unwrap_or(0);
    rest.is_none()
}

fn aws_questions(expectation: &AwsExpectation) -> usize {
    let resources = expectation.resources.len().max(1);
    expectation.actions.len().saturating_mul(resources)
}

fn kubernetes_questions(expectation: &KubernetesExpectation) -> usize {
    let names = expectation.resource_names.len().max(1);
    expectation.verbs.len().saturating_mul(names)
}

fn too_long_aws(expectation: &AwsExpectation) -> Option<OverLimit> {
    let over = |what, limit| {
        Some(OverLimit {
            field: "expect.aws",
            what,
            limit,
        })
    };
    let is_longer = |texts: &[String], limit: usize| texts.iter().any(|text| text.len() > limit);
    let context = &expectation.context;
    if is_longer(&expectation.actions, MAX_ACTION) {
        over("bytes in an action", MAX_ACTION)
    } else if is_longer(&expectation.resources, MAX_ARN) {
        over("bytes in a resource", MAX_ARN)
    } else if context.len() > MAX_CONTEXT_KEYS {
        over("keys in context", MAX_CONTEXT_KEYS)
    } else if context.keys().any(|key| key.len() > MAX_CONTEXT_KEY) {
        over("bytes in a key of context", MAX_CONTEXT_KEY)
    } else if context.values().any(|value| value.len() > MAX_ARN) {
        over("bytes in a value of context", MAX_ARN)
    } else {
        None
    }
}

fn too_long_kubernetes(expectation: &KubernetesExpectation) -> Option<OverLimit> {
    let words = expectation
        .verbs
        .iter()
        .chain(&expectation.resource_names)
        .chain(&expectation.subresource)
        .chain(&expectation.namespace)
        .chain([&expectation.api_group, &expectation.resource]);
    words
        .into_iter()
        .any(|word| word.len() > MAX_KUBERNETES_WORD)
        .then_some(OverLimit {
            field: "expect.kubernetes",
            what: "bytes in a word",
            limit: MAX_KUBERNETES_WORD,
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn aws(actions: usize, resources: usize) -> AwsExpectation {
        AwsExpectation {
            actions: vec!["s3:GetObject".to_owned(); actions],
            resources: vec!["arn:aws:s3:::a/*".to_owned(); resources],
            context: BTreeMap::new(),
        }
    }

    fn of_aws(aws: Vec<AwsExpectation>) -> (usize, Vec<(&'static str, usize)>) {
        let request = AuditRequest {
            aws,
            ..AuditRequest::default()
        };
        let bounded = request.bounded();
        let over = bounded.over_limit.iter().map(|over| (over.field, over.limit));
        (bounded.aws.len(), over.collect())
    }

    #[test]
    fn questions_are_counted_over_all_expectations_and_those_within_the_limit_stay() {
        assert_eq!(of_aws(vec![aws(64, 8)]), (1, vec![]));
        assert_eq!(of_aws(vec![aws(64, 0), aws(64, 0)]), (2, vec![]));
        let over = ("expect.aws", MAX_AWS_QUESTIONS);
        assert_eq!(of_aws(vec![aws(64, 8), aws(1, 0)]), (1, vec![over]));
        assert_eq!(of_aws(vec![aws(64, 64); 32]), (0, vec![over]));
        // What comes after one that is too large is not evaluated either: a reader can tell where it ends.
        assert_eq!(of_aws(vec![aws(1, 1), aws(64, 64), aws(1, 1)]), (1, vec![over]));
    }

    #[test]
    fn an_expectation_with_something_too_long_is_not_evaluated_and_the_others_are() {
        let long = |change: fn(&mut AwsExpectation)| {
            let mut expectation = aws(1, 1);
            change(&mut expectation);
            expectation
        };
        for (expectation, limit) in [
            (long(|it| it.actions[0] = "a".repeat(MAX_ACTION + 1)), MAX_ACTION),
            (long(|it| it.resources[0] = "a".repeat(MAX_ARN + 1)), MAX_ARN),
            (
                long(|it| {
                    it.context = (0..=MAX_CONTEXT_KEYS)
                        .map(|at| (at.to_string(), String::new()))
                        .collect();
                }),
                MAX_CONTEXT_KEYS,
            ),
            (
                long(|it| drop(it.context.insert("a".repeat(MAX_CONTEXT_KEY + 1), String::new()))),
                MAX_CONTEXT_KEY,
            ),
            (
                long(|it| drop(it.context.insert("a".to_owned(), "a".repeat(MAX_ARN + 1)))),
                MAX_ARN,
            ),
        ] {
            assert_eq!(
                of_aws(vec![aws(1, 1), expectation, aws(1, 1)]),
                (2, vec![("expect.aws", limit)])
            );
        }
    }

    #[test]
    fn kubernetes_has_limits_of_its_own() {
        let of = |verbs: usize, names: usize, word: usize| {
            let request = AuditRequest {
                kubernetes: vec![KubernetesExpectation {
                    verbs: vec!["get".to_owned(); verbs],
                    api_group: String::new(),
                    resource: "a".repeat(word),
                    subresource: None,
                    resource_names: vec!["a".to_owned(); names],
                    namespace: None,
                }],
                ..AuditRequest::default()
            };
            let bounded = request.bounded();
            (
                bounded.kubernetes.len(),
                bounded.over_limit.first().map(|over| over.limit),
            )
        };
        assert_eq!(of(4, 64, 1), (1, None));
        assert_eq!(of(5, 64, 1), (0, Some(MAX_KUBERNETES_QUESTIONS)));
        assert_eq!(of(1, 0, 254), (0, Some(MAX_KUBERNETES_WORD)));
    }
}
