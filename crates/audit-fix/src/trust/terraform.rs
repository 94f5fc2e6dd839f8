//! The repair of a trust policy as a statement of Terraform's data source `aws_iam_policy_document`.

use iam_policy::{ChangeKind, Decision, Edit, WebIdentity};
use serde_json::{Map, Value, json};

use crate::alternative::{Alternative, Form};
use crate::hcl::{Block, Expression};
use crate::text::quote;

/// The one statement that an edit changes or adds, if the data source can say it, and what Terraform then generates admits
/// the identity as well.
pub fn alternative(role_name: &str, edit: &Edit, identity: &WebIdentity) -> Option<Alternative> {
    let change = edit.changes.first()?;
    let at = change.statement;
    let (old, is_list) = match edit.document.get("Statement")? {
        Value::Array(statements) => (statements.get(at)?, true),
        single => (single, false),
    };
    let statement = Statement::read(old)?;
    let mut generated = edit.document.clone();
    let place = generated.get_mut("Statement")?;
    *(if is_list { place.get_mut(at)? } else { place }) = statement.generated();
    // The data source writes this version unless it is told another one, under which `${…}` may be literal.
    let as_it_is = generated.get("Version").cloned();
    // Of a condition that only AWS can decide, the decision does not show what `${…}` means.
    let decision = iam_policy::diagnose_trust(&iam_policy::parse(&edit.text), identity).decision;
    let current = as_it_is.as_ref().is_some_and(|version| version == "2012-10-17");
    let is_admitted = decision == Decision::Allowed
        || decision == Decision::Undetermined && (current || !statement.has_variables());
    if !is_admitted {
        return None;
    }
    for version in [as_it_is, Some(json!("2012-10-17"))].into_iter().flatten() {
        generated.as_object_mut()?.insert("Version".to_owned(), version);
        let parsed = iam_policy::parse(&generated.to_string());
        if iam_policy::diagnose_trust(&parsed, identity).decision != decision {
            return None;
        }
    }
    let what = if matches!(change.kind, ChangeKind::AppendedStatement { .. }) {
        "one more statement".to_owned()
    } else {
        format!("in place of statement {}", at + 1)
    };
    let comment = format!(
        "# In the aws_iam_policy_document that is the assume_role_policy of role {}: {what}.",
        quote(role_name)
    );
    Some(Alternative::new(
        Form::Terraform,
        format!("{comment}\n{}", statement.block()),
    ))
}

/// A statement as the data source knows it.
struct Statement {
    sid: Option<String>,
    effect: String,
    actions: Vec<String>,
    not_actions: Vec<String>,
    /// Kind and identifiers.
    principals: Vec<(String, Vec<String>)>,
    /// Operator, key and values.
    conditions: Vec<(String, String, Vec<String>)>,
}

impl Statement {
    /// Reads a statement; `None` where it has something that the data source does not say, or would say otherwise.
    fn read(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        let mut statement = Self {
            sid: None,
            effect: "Allow".to_owned(),
            actions: Vec::new(),
            not_actions: Vec::new(),
            principals: Vec::new(),
            conditions: Vec::new(),
        };
        for (name, value) in members {
            match name.as_str() {
                "Sid" => statement.sid = Some(value.as_str()?.to_owned()),
                "Effect" => value.as_str()?.clone_into(&mut statement.effect),
                "Action" => statement.actions = texts(value)?,
                "NotAction" => statement.not_actions = texts(value)?,
                "Principal" => statement.principals = principals(value)?,
                "Condition" => statement.conditions = conditions(value)?,
                _ => return None,
            }
        }
        statement.is_faithful().then_some(statement)
    }

    /// Whether nothing in it means something else to the data source, which reads `&{` as `${`.
    fn is_faithful(&self) -> bool {
        let principals = self.principals.iter().flat_map(|(_, names)| names);
        let conditions = self
            .conditions
            .iter()
            .flat_map(|(operator, key, values)| values.iter().chain([operator, key]));
        let all = self.sid.iter().chain(&self.actions).chain(&self.not_actions);
        !all.chain(principals)
            .chain(conditions)
            .any(|text| text.contains("&{"))
    }

    /// Whether a condition's value may have a policy variable.
    fn has_variables(&self) -> bool {
        let mut values = self.conditions.iter().flat_map(|(_, _, values)| values);
        values.any(|value| value.contains("${"))
    }

    fn block(&self) -> Block {
        let mut block = Block::new("statement", &[]);
        if let Some(sid) = &self.sid {
            block = block.attribute("sid", Expression::string(sid));
        }
        block = block.attribute("effect", Expression::string(&self.effect));
        for (name, actions) in [("actions", &self.actions), ("not_actions", &self.not_actions)] {
            if !actions.is_empty() {
                block = block.attribute(name, Expression::strings(actions));
            }
        }
        for (kind, names) in &self.principals {
            let principals = Block::new("principals", &[])
                .attribute("type", Expression::string(kind))
                .attribute("identifiers", Expression::strings(names));
            block = block.block(principals);
        }
        for (operator, key, values) in &self.conditions {
            let condition = Block::new("condition", &[])
                .attribute("test", Expression::string(operator))
                .attribute("variable", Expression::string(key))
                .attribute("values", Expression::strings(values));
            block = block.block(condition);
        }
        block
    }

    /// What the data source makes of it.
    fn generated(&self) -> Value {
        let mut statement = Map::new();
        if let Some(sid) = &self.sid {
            statement.insert("Sid".to_owned(), json!(sid));
        }
        statement.insert("Effect".to_owned(), json!(self.effect));
        for (name, actions) in [("Action", &self.actions), ("NotAction", &self.not_actions)] {
            if !actions.is_empty() {
                statement.insert(name.to_owned(), json!(actions));
            }
        }
        let anybody = |(kind, names): &(String, Vec<String>)| kind == "*" && *names == ["*"];
        if self.principals.iter().any(anybody) {
            statement.insert("Principal".to_owned(), json!("*"));
        } else if !self.principals.is_empty() {
            let principals = self
                .principals
                .iter()
                .map(|(kind, names)| (kind.clone(), json!(names)));
            statement.insert("Principal".to_owned(), Value::Object(principals.collect()));
        }
        let mut conditions: Map<String, Value> = Map::new();
        for (operator, key, values) in &self.conditions {
            let entry = conditions.entry(operator.clone()).or_insert_with(|| json!({}));
            if let Some(entry) = entry.as_object_mut() {
                entry.insert(key.clone(), json!(values));
            }
        }
        if !conditions.is_empty() {
            statement.insert("Condition".to_owned(), Value::Object(conditions));
        }
        Value::Object(statement)
    }
}

/// One text or several; `None` where there is none, or something else.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let texts: Vec<String> = match value {
        Value::Array(values) => values.iter().map(text).collect::<Option<_>>()?,
        single => vec![text(single)?],
    };
    (!texts.is_empty()).then_some(texts)
}

fn principals(value: &Value) -> Option<Vec<(String, Vec<String>)>> {
    if value == "*" {
        return Some(vec![("*".to_owned(), vec!["*".to_owned()])]);
    }
    let kinds = value.as_object()?.iter();
    kinds
        .map(|(kind, names)| Some((kind.clone(), texts(names)?)))
        .collect()
}

fn conditions(value: &Value) -> Option<Vec<(String, String, Vec<String>)>> {
    let mut conditions = Vec::new();
    for (operator, keys) in value.as_object()? {
        for (key, values) in keys.as_object()? {
            conditions.push((operator.clone(), key.clone(), texts(values)?));
        }
    }
    Some(conditions)
}

#[cfg(test)]
mod tests {
    use iam_policy::least_edit;
    use proptest::prelude::*;

    use super::*;

    const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    const SUBJECT: &str = "system:serviceaccount:shop:cart";
    const AUDIENCE: &str = "sts.amazonaws.com";

    fn provider_arn(host_path: &str) -> String {
        format!("arn:aws:iam::111122223333:oidc-provider/{host_path}")
    }

    /// A trust policy of one statement, as eksctl writes it, with these conditions.
    fn trust(condition: &Value) -> Value {
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "Federated": provider_arn(HOST_PATH) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition
        });
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    /// The conditions of such a trust policy, for one subject.
    fn condition(subject: &str) -> Value {
        json!({ "StringEquals": { format!("{HOST_PATH}:sub"): subject, format!("{HOST_PATH}:aud"): AUDIENCE } })
    }

    fn identity() -> WebIdentity {
        WebIdentity {
            provider_arn: provider_arn(HOST_PATH),
            issuer: HOST_PATH.to_owned(),
            subject: SUBJECT.to_owned(),
            audience: AUDIENCE.to_owned(),
            called_at: None,
        }
    }

    fn terraform(policy: &Value) -> Option<String> {
        let edit = least_edit(&policy.to_string(), &identity()).expect("an edit");
        alternative("cart", &edit, &identity()).map(|alternative| alternative.text)
    }

    /// What the data source generates from the text alone, read by another parser.
    fn generated(text: &str) -> Value {
        let read: Value = hcl::eval::from_str(text, &hcl::eval::Context::new()).unwrap();
        let list = |value: &Value| match value {
            Value::Array(values) => values.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let statement = &read["statement"];
        let mut policy =
            json!({ "Effect": statement["effect"], "Action": statement["actions"], "Principal": {} });
        for principal in list(&statement["principals"]) {
            policy["Principal"][principal["type"].as_str().unwrap()] = principal["identifiers"].clone();
        }
        for condition in list(&statement["condition"]) {
            let (operator, key) = (
                condition["test"].as_str().unwrap(),
                condition["variable"].as_str().unwrap(),
            );
            policy["Condition"][operator][key] = condition["values"].clone();
        }
        json!({ "Version": "2012-10-17", "Statement": [policy] })
    }

    fn admits(policy: &Value) -> bool {
        let parsed = iam_policy::parse(&policy.to_string());
        iam_policy::diagnose_trust(&parsed, &identity()).decision == Decision::Allowed
    }

    #[test]
    fn the_statement_is_written_as_the_data_source_takes_it() {
        let text = terraform(&trust(&condition("system:serviceaccount:staging:cart"))).unwrap();
        let lines = [
            "# In the aws_iam_policy_document that is the assume_role_policy of role cart: in place of statement 1.",
            "statement {",
            "  effect  = \"Allow\"",
            "  actions = [\"sts:AssumeRoleWithWebIdentity\"]",
            "",
            "  principals {",
            "    type        = \"Federated\"",
            &format!("    identifiers = [\"{}\"]", provider_arn(HOST_PATH)),
            "  }",
            "",
            "  condition {",
            "    test     = \"StringEquals\"",
            &format!("    variable = \"{HOST_PATH}:aud\""),
            "    values   = [\"sts.amazonaws.com\"]",
            "  }",
            "",
            "  condition {",
            "    test     = \"StringEquals\"",
            &format!("    variable = \"{HOST_PATH}:sub\""),
            &format!("    values   = [\"system:serviceaccount:staging:cart\", \"{SUBJECT}\"]"),
            "  }",
            "}",
        ];
        assert_eq!(text, lines.join("\n"));
        assert!(admits(&generated(&text)));
    }

    #[test]
    fn a_statement_that_is_added_stands_for_itself() {
        let ec2 = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "Service": "ec2.amazonaws.com" } } });
        let text = terraform(&ec2).unwrap();
        assert!(text.contains("one more statement"), "{text}");
        assert!(admits(&generated(&text)));
    }

    #[test]
    fn a_condition_that_only_aws_can_decide_is_kept() {
        let guarded = |values: Value| {
            let mut conditions = condition("system:serviceaccount:shop:carts");
            conditions["StringEquals"]["aws:SourceVpce"] = values;
            trust(&conditions)
        };
        let text = terraform(&guarded(json!("vpce-1"))).unwrap();
        let generated = generated(&text);
        assert_eq!(
            generated["Statement"][0]["Condition"]["StringEquals"]["aws:SourceVpce"],
            json!(["vpce-1"])
        );
        // Without the version, a variable is literal text, which the data source would make a variable.
        let mut old = guarded(json!("${aws:PrincipalTag/vpce}"));
        old.as_object_mut().unwrap().remove("Version");
        assert_eq!(terraform(&old), None);
    }

    #[test]
    fn what_the_data_source_would_say_otherwise_is_not_given() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:sub")] =
            json!(["system:serviceaccount:staging:cart", "&{x}"]);
        let policy = trust(&conditions);
        let edit = least_edit(&policy.to_string(), &identity()).expect("an edit");
        assert_eq!(alternative("cart", &edit, &identity()), None);
    }

    proptest! {
        #[test]
        fn whatever_else_the_condition_holds_the_text_admits_the_account(
            other in r#"system:serviceaccount:([$%{}"\\ a-z*?]|\PC){0,10}:cart"#,
            sid in "[a-zA-Z0-9]{0,8}",
        ) {
            let mut policy = trust(&condition(&other));
            policy["Statement"][0]["Sid"] = json!(sid);
            let Some(edit) = least_edit(&policy.to_string(), &identity()) else { return Ok(()) };
            if let Some(given) = alternative("cart", &edit, &identity()) {
                prop_assert!(given.text.is_ascii());
                prop_assert!(admits(&generated(&given.text)), "{}", given.text);
            } else {
                prop_assert!(other.contains("&{"), "{}", other);
            }
        }
    }
}
