//! Giving a role what is expected of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::hcl::{Block, Expression, identifier};
use super::{Alternative, Fix, Form, shell};
use crate::permissions::{Policy, PolicySet, Question, Source};
use crate::text::{ascii_json, quote, quote_list};

/// The name of the inline policy that is added; with a number where the role has one of that name.
const POLICY_NAME: &str = "irsa-audit-expected";

/// The most that the inline policies of a role may have together, in characters without white space.
const INLINE_QUOTA: usize = 10_240;

/// An inline policy that allows what is missing, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// A name that no inline policy of the role has.
    pub name: String,
    /// The policy document.
    pub document: Value,
}

impl Grant {
    /// The grant for some questions: for each expectation a statement of every action that misses the same resources.
    #[must_use]
    pub fn of(questions: &[&Question<'_>], policies: Option<&PolicySet<'_>>) -> Self {
        let held = |name: &str| {
            let mut inline = policies.into_iter().flat_map(|policies| &policies.identity);
            inline.any(|policy| policy.source == Source::Inline(name))
        };
        let names = std::iter::once(POLICY_NAME.to_owned())
            .chain((2_u32..).map(|number| format!("{POLICY_NAME}-{number}")));
        Self {
            name: names.into_iter().find(|name| !held(name)).unwrap_or_default(),
            document: json!({ "Version": "2012-10-17", "Statement": statements(questions) }),
        }
    }

    /// Whether IAM takes it, beside the policies that the role has.
    #[must_use]
    pub fn is_acceptable(&self, policies: Option<&PolicySet<'_>>) -> bool {
        let text = self.document.to_string();
        let held = policies.into_iter().flat_map(|policies| &policies.identity);
        let inline = held.filter(|policy| matches!(policy.source, Source::Inline(_)));
        let total = inline.map(|policy| size(policy.text)).sum::<usize>() + size(&text);
        let added = self.document.get("Statement").and_then(Value::as_array);
        total <= INLINE_QUOTA
            && iam_policy::parse(&text).is_whole()
            && added.is_some_and(|added| are_acceptable(added))
    }

    /// The grant as a command, as JSON and for Terraform.
    #[must_use]
    pub fn fix(&self, role_name: &str) -> Fix {
        let document = ascii_json(&self.document);
        let mut words = vec!["iam".to_owned(), "put-role-policy".to_owned()];
        words.extend(shell::option("--role-name", role_name));
        words.extend(["--policy-name".to_owned(), self.name.clone()]);
        words.extend(["--policy-document".to_owned(), document]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let block = Block::new("resource", &["aws_iam_role_policy", &identifier(&self.name)])
            .attribute("name", Expression::string(&self.name))
            .attribute("role", Expression::string(role_name))
            .attribute("policy", Expression::jsonencode(&self.document));
        Fix::aws(&words)
            .or_else([Alternative::json(&self.document), Alternative::terraform(&block)])
            .brief(format!(
                "put an inline policy on role `{}` that allows what is missing",
                quote(role_name)
            ))
    }

    /// The role's policies with the grant among them.
    #[must_use]
    pub fn added<'p>(&'p self, text: &'p str, policies: Option<&PolicySet<'p>>) -> PolicySet<'p> {
        let mut all = policies.cloned().unwrap_or(PolicySet {
            identity: Vec::new(),
            boundary: None,
        });
        all.identity.push(Policy::new(Source::Inline(&self.name), text));
        all
    }
}

/// For each expectation a statement of every action that misses the same resources.
pub(super) fn statements(questions: &[&Question<'_>]) -> Vec<Value> {
    let mut missing: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for question in questions {
        let resources = missing
            .entry((question.expectation, question.action))
            .or_default();
        resources.push(question.resource);
    }
    let mut alike: BTreeMap<(usize, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for ((expectation, action), resources) in missing {
        alike.entry((expectation, resources)).or_default().push(action);
    }
    alike
        .into_iter()
        .map(|((_, resources), actions)| {
            json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
        })
        .collect()
}

/// Whether IAM takes statements that were made of questions, and reads no more in them than was asked.
pub(super) fn are_acceptable(statements: &[Value]) -> bool {
    let all = |name: &str, is_good: fn(&str) -> bool| {
        let lists = statements.iter().map(|statement| texts(statement, name));
        lists.flatten().all(is_good)
    };
    all("Action", is_action) && all("Resource", is_resource)
}

/// Statements for the data source `aws_iam_policy_document`, below a comment that says where.
pub(super) fn data_source(comment: &str, statements: &[Value]) -> Alternative {
    let mut text = comment.to_owned();
    for statement in statements {
        let block = Block::new("statement", &[])
            .attribute("effect", Expression::string("Allow"))
            .attribute("actions", Expression::strings(&texts(statement, "Action")))
            .attribute("resources", Expression::strings(&texts(statement, "Resource")));
        let _ = write!(text, "\n{block}");
    }
    Alternative::new(Form::Terraform, text)
}

fn texts<'v>(statement: &'v Value, name: &str) -> Vec<&'v str> {
    let list = statement.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The characters of a policy that count against a quota.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, action)| {
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-*?".contains(c))
        };
        plain(service) && plain(action)
    })
}

fn is_resource(text: &str) -> bool {
    // `${…}` is a variable of the policy language, and `&{…}` is one to Terraform.
    let has_variable = text.contains("${") || text.contains("&{");
    text == "*" || (text.starts_with("arn:") && text.split(':').count() >= 6 && !has_variable)
}

/// The step by hand where no command can be given.
#[must_use]
pub fn by_hand(role_name: &str, questions: &[&Question<'_>]) -> Fix {
    let shown: Vec<String> = questions
        .iter()
        .map(|question| format!("{} on {}", question.action, question.resource))
        .collect();
    Fix::manual(format!(
        "let a policy of role `{}` allow {}",
        quote(role_name),
        quote_list(&shown, 3)
    ))
}
