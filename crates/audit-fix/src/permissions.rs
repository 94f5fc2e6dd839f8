//! Giving a role what is expected of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::alternative::{Alternative, Form};
use crate::command::Command;
use crate::fix::Fix;
use crate::hcl::{Block, Expression, identifier};
use crate::text::{ascii_json, quote};

/// What the name of an inline policy that is added begins with.
///
/// A hash of its content follows: `PutRolePolicy` replaces the policy of the same name, so that two grants with one name, pasted one
/// after the other, would leave only the second. The same grant pasted twice is one policy.
const POLICY_NAME: &str = "irsa-audit-expected";

/// The most permissions that a step by hand lists.
const SHOWN: usize = 3;

/// The most that the inline policies of a role may have together, in characters without white space.
const INLINE_QUOTA: usize = 10_240;

/// An action on a resource that is expected to be allowed and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingPermission<'a> {
    /// The action.
    pub action: &'a str,
    /// The resource; `*` where the action has none.
    pub resource: &'a str,
    /// Which expectation it belongs to, from 0: each has statements of its own.
    pub expectation: usize,
}

/// An inline policy that a role has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlinePolicy<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its document, decoded.
    pub text: &'a str,
}

/// An inline policy that allows what is missing, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// A name that no inline policy of the role has.
    pub name: String,
    /// The policy document.
    pub document: Value,
}

impl Grant {
    /// The grant of what is missing: for each expectation a statement of every action that misses the same resources.
    #[must_use]
    pub fn of(missing: &[MissingPermission<'_>], inline: &[InlinePolicy<'_>]) -> Self {
        let document = json!({ "Version": "2012-10-17", "Statement": statements(missing) });
        let base = format!("{POLICY_NAME}-{:016x}", fnv1a(&document.to_string()));
        let held = |name: &str| inline.iter().any(|policy| policy.name == name);
        let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.clone()).chain(numbered);
        Self {
            name: names.find(|name| !held(name)).unwrap_or_default(),
            document,
        }
    }

    /// Whether IAM takes it, beside the inline policies that the role has.
    #[must_use]
    pub fn is_acceptable(&self, inline: &[InlinePolicy<'_>]) -> bool {
        let text = self.document.to_string();
        let total = inline.iter().map(|policy| size(policy.text)).sum::<usize>() + size(&text);
        let added = self.document.get("Statement").and_then(Value::as_array);
        total <= INLINE_QUOTA
            && iam_policy::parse(&text).is_whole()
            && added.is_some_and(|added| are_acceptable(added))
    }

    /// The grant as a command, as JSON and for Terraform.
    #[must_use]
    pub fn fix(&self, role_name: &str) -> Fix {
        let document = ascii_json(&self.document);
        let command = Command::new("aws iam put-role-policy")
            .option("--role-name", role_name)
            .option("--policy-name", &self.name)
            .option("--policy-document", document);
        let block = Block::new("resource", &["aws_iam_role_policy", &identifier(&self.name)])
            .attribute("name", Expression::string(&self.name))
            .attribute("role", Expression::string(role_name))
            .attribute("policy", Expression::jsonencode(&self.document));
        Fix::aws(command)
            .or_else([Alternative::json(&self.document), Alternative::terraform(&block)])
            .brief(format!(
                "add an inline policy to role `{}` that allows exactly what is missing",
                quote(role_name)
            ))
    }
}

/// The 64-bit FNV-1a hash of a text: short, and the same on every run and machine.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// For each expectation a statement of every action that misses the same resources.
pub(crate) fn statements(missing: &[MissingPermission<'_>]) -> Vec<Value> {
    let mut by_action: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for one in missing {
        let resources = by_action.entry((one.expectation, one.action)).or_default();
        resources.push(one.resource);
    }
    let mut alike: BTreeMap<(usize, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for ((expectation, action), resources) in by_action {
        alike.entry((expectation, resources)).or_default().push(action);
    }
    alike
        .into_iter()
        .map(|((_, resources), actions)| {
            json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
        })
        .collect()
}

/// Whether IAM takes statements that were made of what is missing, and reads no more in them than that.
pub(crate) fn are_acceptable(statements: &[Value]) -> bool {
    let all = |name: &str, is_good: fn(&str) -> bool| {
        let lists = statements.iter().map(|statement| texts(statement, name));
        lists.flatten().all(is_good)
    };
    all("Action", is_action) && all("Resource", is_resource)
}

/// Statements for the data source `aws_iam_policy_document`, below a comment that says where.
pub(crate) fn data_source(comment: &str, statements: &[Value]) -> Alternative {
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
pub(crate) fn size(text: &str) -> usize {
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
pub fn by_hand(role_name: &str, missing: &[MissingPermission<'_>]) -> Fix {
    let shown: Vec<String> = missing
        .iter()
        .take(SHOWN)
        .map(|one| format!("`{}` on `{}`", quote(one.action), quote(one.resource)))
        .collect();
    let more = match missing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Fix::manual(format!(
        "let a policy of role `{}` allow {}{more}",
        quote(role_name),
        shown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(action: &str, inline: &[InlinePolicy<'_>]) -> Grant {
        let missing = MissingPermission {
            action,
            resource: "*",
            expectation: 0,
        };
        Grant::of(&[missing], inline)
    }

    #[test]
    fn grants_of_different_permissions_have_different_names() {
        let (send, publish) = (grant("sqs:SendMessage", &[]), grant("sns:Publish", &[]));
        assert_ne!(
            send.name, publish.name,
            "the second paste would replace the first"
        );
        assert_eq!(
            send.name,
            grant("sqs:SendMessage", &[]).name,
            "pasted twice, it is one"
        );
        assert!(send.name.starts_with("irsa-audit-expected-"), "{}", send.name);
    }

    #[test]
    fn a_policy_that_is_there_is_not_overwritten() {
        let name = grant("sqs:SendMessage", &[]).name;
        let edited = [InlinePolicy {
            name: &name,
            text: "{}",
        }];
        assert_eq!(grant("sqs:SendMessage", &edited).name, format!("{name}-2"));
    }
}
