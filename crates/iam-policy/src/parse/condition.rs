//! `Condition`: operators over keys over values.

use super::Reader;
use crate::arn::ArnPattern;
use crate::document::{Clause, ClauseSpans, ConditionValue, Operand, Version};
use crate::json::{Node, Value};
use crate::operator::{Family, Operator};
use crate::pattern::Pattern;
use crate::text::quoted;
use crate::variable::Template;

#[derive(Default)]
pub(super) struct Conditions {
    pub(super) clauses: Vec<Clause>,
}

impl Reader<'_> {
    pub(super) fn conditions(&mut self, node: &Node<'_>, version: Version) -> Conditions {
        const EXPECTED: &str = "an object of operators, each with an object of keys and values";
        let mut conditions = Conditions::default();
        let Value::Object(operators) = &node.value else {
            self.wrong_kind("`Condition`", node, EXPECTED);
            return conditions;
        };
        let twice = self.duplicates(operators);
        for member in operators {
            let Some(operator) = Operator::parse(&member.key) else {
                self.refuse(
                    member.key_start,
                    format!("unknown condition operator {}", quoted(&member.key)),
                    "an operator such as `StringEquals`, in exactly that case",
                );
                continue;
            };
            let Value::Object(keys) = &member.value.value else {
                self.wrong_kind("the operator's value", &member.value, EXPECTED);
                continue;
            };
            let keys_twice = self.duplicates(keys);
            for key in keys {
                let spans = ClauseSpans {
                    operator: member.key_start..member.key_end,
                    block: member.value.start..member.value.end,
                    key: key.key_start..key.key_end,
                    values: key.value.start..key.value.end,
                };
                let values = self.condition_values(operator, &key.value, version);
                let duplicate =
                    twice.contains(&member.key.as_ref()) || keys_twice.contains(&key.key.as_ref());
                conditions.clauses.push(Clause::new(
                    operator,
                    key.key.to_string(),
                    values,
                    duplicate,
                    spans,
                ));
            }
        }
        conditions
    }

    fn condition_values(
        &mut self,
        operator: Operator,
        node: &Node<'_>,
        version: Version,
    ) -> Vec<ConditionValue> {
        let items = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let (text, is_string) = match &item.value {
                Value::String(text) => (text.to_string(), true),
                Value::Number(text) => ((*text).to_owned(), false),
                Value::Bool(value) => (value.to_string(), false),
                _ => {
                    self.wrong_kind(
                        "a condition value",
                        item,
                        "a string, number or boolean, or a list of them",
                    );
                    continue;
                }
            };
            let operand = operand(operator, &text, version);
            values.push(ConditionValue {
                text,
                is_string,
                operand,
                span: item.start..item.end,
            });
        }
        values
    }
}

/// The User Guide: variables go with string and ARN operators only.
fn operand(operator: Operator, text: &str, version: Version) -> Operand {
    let template = || Template::parse(text).filter(|_| version == Version::V2012);
    match operator.test.family() {
        Family::Text | Family::TextIgnoringCase => template().map_or(Operand::Plain, Operand::Template),
        Family::Pattern => template().map_or_else(|| Operand::Pattern(Pattern::new(text)), Operand::Template),
        Family::Arn => template().map_or_else(|| Operand::Arn(ArnPattern::new(text)), Operand::Template),
        _ => Operand::Plain,
    }
}
