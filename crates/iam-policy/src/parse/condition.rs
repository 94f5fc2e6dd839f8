//! `Condition`: operators over keys over values.

use super::Reader;
use crate::document::{Clause, ClauseSpans, ConditionValue, Version};
use crate::few::Few;
use crate::json::{Node, Value};
use crate::operator::{Family, Operator};
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
            let keys_twice = self.duplicates(&keys);
            for key in keys {
                let spans = ClauseSpans {
                    operator: member.key.span(),
                    block: member.value.span(),
                    key: key.key.span(),
                    values: key.value.span(),
                };
                let values = self.condition_values(operator, key.value, version);
                let duplicate = twice.contains(&name) || keys_twice.contains(&key.key.text());
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

    fn condition_values(
        &mut self,
        operator: Operator,
        node: Node<'_>,
        version: Version,
    ) -> Few<ConditionValue> {
        let mut values = Few::default();
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

/// The User Guide: variables go with string and ARN operators only.
fn template(operator: Operator, text: &str, version: Version) -> Option<Template> {
    let takes_variables = match operator.test.family() {
        Family::Text | Family::TextIgnoringCase | Family::Pattern | Family::Arn => version == Version::V2012,
        _ => false,
    };
    takes_variables.then(|| Template::parse(text)).flatten()
}
