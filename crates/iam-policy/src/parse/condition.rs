//! `Condition`: operators over keys over values.
//!
//! Source: IAM User Guide, `Condition`: keys do not differ by case,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>.

use std::borrow::Cow;

use super::Reader;
use crate::document::{Clause, ClauseSpans, ConditionValue, Version};
use crate::few::Few;
use crate::json::{Members, Node, Value};
use crate::operator::{Family, Operator};
use crate::problem::Gravity;
use crate::text::quoted;
use crate::variable::Template;

#[derive(Default)]
pub(super) struct Conditions {
    pub(super) clauses: Vec<Clause>,
}

impl Reader {
    pub(super) fn conditions(&mut self, node: Node<'_>, version: Version) -> Conditions {
        const EXPECTED: &str = "an object of operators, each with an object of keys and values";
        let mut conditions = Conditions::default();
        let Value::Object(operators) = node.value() else {
            self.wrong_kind("`Condition`", node, EXPECTED);
            return conditions;
        };
        let twice = self.duplicates(&operators);
        for member in operators {
            let name = member.key.text();
            let Some(operator) = Operator::parse(&name) else {
                self.refuse(
                    member.key.start(),
                    format!("unknown condition operator {}", quoted(&name)),
                    "an operator such as `StringEquals`, in exactly that case",
                );
                continue;
            };
            let Value::Object(keys) = member.value.value() else {
                self.wrong_kind("the operator's value", member.value, EXPECTED);
                continue;
            };
            let keys_twice = self.duplicate_keys(&keys);
            for key in keys {
                let spans = ClauseSpans {
                    block: member.value.span(),
                    key: key.key.span(),
                    values: key.value.span(),
                };
                let values = self.condition_values(operator, key.value, version);
                let is_twice = |twice: &Cow<'_, str>| same_key(twice, &key.key.text());
                let duplicate = twice.contains(&name) || keys_twice.iter().any(is_twice);
                conditions.clauses.push(Clause {
                    operator,
                    key: self.text_of(key.key),
                    values,
                    duplicate,
                    spans,
                });
            }
        }
        conditions
    }

    /// Reports condition keys that stand twice under one operator, and gives them. Keys are compared without regard to
    /// case (IAM User Guide, "IAM JSON policy elements: Condition"), so that two which differ by case alone are the same
    /// one; which of them counts is documented nowhere (IAM Access Analyzer policy check reference, "Duplicate keys").
    fn duplicate_keys<'t>(&mut self, members: &Members<'t>) -> Vec<Cow<'t, str>> {
        let mut twice = self.duplicates(members);
        let mut before: Vec<Cow<'t, str>> = Vec::new();
        for key in members.clone().map(|member| member.key) {
            let text = key.text();
            let other = before
                .iter()
                .find(|other| **other != text && same_key(other, &text));
            if let Some(other) = other {
                self.report(
                    key.start(),
                    format!(
                        "the keys {} and {} differ by case alone, and keys are compared without regard to it",
                        quoted(other),
                        quoted(&text)
                    ),
                    "each key once",
                    Gravity::Ambiguous,
                );
                twice.push(text.clone());
            }
            before.push(text);
        }
        twice
    }

    fn condition_values(
        &mut self,
        operator: Operator,
        node: Node<'_>,
        version: Version,
    ) -> Few<ConditionValue> {
        let mut values = Few::default();
        self.is_empty("values", node);
        for item in node.one_or_many() {
            let (Value::String | Value::Number | Value::Bool) = item.value() else {
                self.wrong_kind(
                    "a condition value",
                    item,
                    "a string, number or boolean, or a list of them",
                );
                continue;
            };
            let text = self.text_of(item);
            values.push(ConditionValue {
                template: template(operator, &text, version),
                text,
                is_string: item.is_string(),
                span: item.span(),
            });
        }
        values
    }
}

/// Whether two texts are one condition key.
fn same_key(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase())
}

/// The User Guide: variables go with string and ARN operators only.
fn template(operator: Operator, text: &str, version: Version) -> Option<Template> {
    let takes_variables = match operator.test.family() {
        Family::Text | Family::TextIgnoringCase | Family::Pattern | Family::Arn => version == Version::V2012,
        _ => false,
    };
    takes_variables.then(|| Template::parse(text)).flatten()
}
