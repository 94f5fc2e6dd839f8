//! How much one `IrsaAudit` may expect. Anyone who can edit a namespace writes these objects, and every expectation is evaluated again
//! with each change of the role or the cluster.
//!
//! The `CustomResourceDefinition` has the same limits. Here they hold for objects that are older than it, and for files.

use rbac::MOST_IN_NAMESPACE;

use super::beginning::beginning;
use super::expectation::{AuditRequest, AwsExpectation, KubernetesExpectation, OverLimit, Waiver};

/// Actions on resources, of all of `spec.expect.aws` together.
pub const MAX_AWS_QUESTIONS: usize = 512;
/// Verbs on names, of all of `spec.expect.kubernetes` together.
pub const MAX_KUBERNETES_QUESTIONS: usize = 256;
/// Characters of all texts of `spec.expect.aws` together, and of the verbs and names of all of `spec.expect.kubernetes`: they are held for
/// as long as the object is there. Characters, as the API server counts.
pub const MAX_CHARACTERS: usize = 64 * 1024;
/// The longest action, in characters: IAM has none that is half as long.
pub const MAX_ACTION: usize = 128;
/// The longest ARN, in characters, and the longest value of a condition key.
pub const MAX_ARN: usize = 2048;
/// Condition keys of one expectation.
pub const MAX_CONTEXT_KEYS: usize = 32;
/// The longest condition key, in characters.
pub const MAX_CONTEXT_KEY: usize = 256;
/// The longest verb, resource or name in Kubernetes, in characters.
pub const MAX_KUBERNETES_WORD: usize = 253;

impl AuditRequest {
    /// Takes out what is over a limit, and notes it: expectations that have something too long, and those after the last one whose
    /// questions are within the total.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut over = Vec::new();
        let mut left = Left::of("expect.aws", "actions on resources in all", MAX_AWS_QUESTIONS);
        self.aws.retain(|expectation| {
            let refused = too_long_aws(expectation)
                .or_else(|| left.without(aws_questions(expectation), aws_characters(expectation)));
            over.extend(refused);
            refused.is_none()
        });
        let mut left = Left::of(
            "expect.kubernetes",
            "verbs on names in all",
            MAX_KUBERNETES_QUESTIONS,
        );
        self.kubernetes.retain(|expectation| {
            let refused = too_long_kubernetes(expectation).or_else(|| {
                left.without(
                    kubernetes_questions(expectation),
                    kubernetes_characters(expectation),
                )
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

/// What a text takes beside its bytes.
const TEXT: usize = 48;

/// How many bytes stay of the reason of a waiver where an object is kept without what is large in it.
const SHORT_REASON: usize = 64;

fn short(reason: &str) -> &str {
    beginning(reason, SHORT_REASON)
}

impl AuditRequest {
    /// About how many bytes those parts of it take that [`Self::without_expectations`] leaves out.
    #[must_use]
    pub fn bytes_of_expectations(&self) -> usize {
        let aws = self.aws.iter().flat_map(|expectation| {
            let texts = expectation.actions.iter().chain(&expectation.resources);
            let context = expectation.context.iter();
            texts.chain(context.flat_map(|(key, value)| [key, value]))
        });
        let kubernetes = self.kubernetes.iter().flat_map(kubernetes_words);
        let reasons = self
            .waivers
            .iter()
            .map(|one| one.reason.len() - short(&one.reason).len());
        let texts = aws.chain(kubernetes).map(|text| TEXT + text.len());
        texts.chain(reasons).sum()
    }

    /// The same without its expectations and with short reasons, because the large `IrsaAudit`s of its namespace take too much together.
    #[must_use]
    pub fn without_expectations(&self) -> Self {
        let over = |field| OverLimit {
            field,
            what: "bytes, with those of the other large IrsaAudits of its namespace",
            limit: MOST_IN_NAMESPACE,
        };
        let fields = [
            (!self.aws.is_empty()).then_some("expect.aws"),
            (!self.kubernetes.is_empty()).then_some("expect.kubernetes"),
        ];
        let over_limit = self.over_limit.iter().copied();
        let short = |waiver: &Waiver| Waiver {
            code: waiver.code.clone(),
            until: waiver.until,
            reason: short(&waiver.reason).to_owned(),
        };
        Self {
            name: self.name.clone(),
            created: self.created,
            service_account: self.service_account.clone(),
            suspend: self.suspend,
            role_arn: self.role_arn.clone(),
            workloads: self.workloads.clone(),
            aws: Vec::new(),
            kubernetes: Vec::new(),
            over_limit: over_limit.chain(fields.into_iter().flatten().map(over)).collect(),
            waivers: self.waivers.iter().map(short).collect(),
            declared: self.declared,
            from_command: self.from_command,
        }
    }
}

/// What one field may still ask and hold.
struct Left {
    field: &'static str,
    questions: usize,
    characters: usize,
    /// What its questions are called, and how many there may be in all.
    asked: (&'static str, usize),
    /// The limit that an expectation was over.
    over: Option<(&'static str, usize)>,
}

impl Left {
    fn of(field: &'static str, asked: &'static str, questions: usize) -> Self {
        Self {
            field,
            questions,
            characters: MAX_CHARACTERS,
            asked: (asked, questions),
            over: None,
        }
    }

    /// Takes one expectation from it. Returns the limit that it, or one before it, is over.
    fn without(&mut self, questions: usize, characters: usize) -> Option<OverLimit> {
        let rest = (
            self.questions.checked_sub(questions),
            self.characters.checked_sub(characters),
        );
        self.over = self.over.or(match rest {
            (None, _) => Some(self.asked),
            (_, None) => Some(("characters in all", MAX_CHARACTERS)),
            (Some(questions), Some(characters)) => {
                (self.questions, self.characters) = (questions, characters);
                None
            }
        });
        self.over.map(|(what, limit)| OverLimit {
            field: self.field,
            what,
            limit,
        })
    }
}

fn aws_characters(expectation: &AwsExpectation) -> usize {
    let texts = expectation.actions.iter().chain(&expectation.resources);
    let context = expectation
        .context
        .iter()
        .map(|(key, value)| characters(key) + characters(value));
    texts.map(|text| characters(text)).chain(context).sum()
}

/// What the API server counts of an object that it admits: the other words are one each.
fn kubernetes_characters(expectation: &KubernetesExpectation) -> usize {
    let words = expectation.verbs.iter().chain(&expectation.resource_names);
    words.map(|word| characters(word)).sum()
}

fn characters(text: &str) -> usize {
    text.chars().count()
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
    let is_longer = |texts: &[String], limit: usize| texts.iter().any(|text| characters(text) > limit);
    let context = &expectation.context;
    if is_longer(&expectation.actions, MAX_ACTION) {
        over("characters in an action", MAX_ACTION)
    } else if is_longer(&expectation.resources, MAX_ARN) {
        over("characters in a resource", MAX_ARN)
    } else if context.len() > MAX_CONTEXT_KEYS {
        over("keys in context", MAX_CONTEXT_KEYS)
    } else if context.keys().any(|key| characters(key) > MAX_CONTEXT_KEY) {
        over("characters in a key of context", MAX_CONTEXT_KEY)
    } else if context.values().any(|value| characters(value) > MAX_ARN) {
        over("characters in a value of context", MAX_ARN)
    } else {
        None
    }
}

fn too_long_kubernetes(expectation: &KubernetesExpectation) -> Option<OverLimit> {
    kubernetes_words(expectation)
        .any(|word| characters(word) > MAX_KUBERNETES_WORD)
        .then_some(OverLimit {
            field: "expect.kubernetes",
            what: "characters in a word",
            limit: MAX_KUBERNETES_WORD,
        })
}

fn kubernetes_words(expectation: &KubernetesExpectation) -> impl Iterator<Item = &String> {
    expectation
        .verbs
        .iter()
        .chain(&expectation.resource_names)
        .chain(&expectation.subresource)
        .chain(&expectation.namespace)
        .chain([&expectation.api_group, &expectation.resource])
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
    fn the_texts_of_an_object_have_a_limit_together() {
        let long = |characters: usize| AwsExpectation {
            context: (0..16)
                .map(|at| (format!("k{at:02}"), "ö".repeat(characters / 16)))
                .collect(),
            ..aws(1, 1)
        };
        let over = ("expect.aws", MAX_CHARACTERS);
        assert_eq!(of_aws(vec![long(30_000), long(30_000)]), (2, vec![]));
        assert_eq!(
            of_aws(vec![long(30_000), long(30_000), long(30_000), aws(1, 1)]),
            (2, vec![over])
        );
        // Characters are counted, whatever bytes they have.
        let word = "ä".repeat(MAX_KUBERNETES_WORD);
        let kubernetes = KubernetesExpectation {
            verbs: vec![word.clone()],
            api_group: word.clone(),
            resource: word.clone(),
            subresource: Some(word.clone()),
            resource_names: vec![word.clone(); 8],
            namespace: Some(word),
        };
        let request = AuditRequest {
            kubernetes: vec![kubernetes; 32],
            ..AuditRequest::default()
        };
        let bounded = request.bounded();
        assert_eq!(
            bounded.kubernetes.len(),
            65_536 / (9 * 253),
            "verbs and names count"
        );
        assert_eq!(bounded.over_limit[0].limit, MAX_CHARACTERS);
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
