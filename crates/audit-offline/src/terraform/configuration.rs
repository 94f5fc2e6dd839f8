//! The configuration in a plan: to which resource an expression refers.
//!
//! It gives the references of an expression, and not the expression itself: an attribute that is a part of a text shows like one that
//! stands alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

/// How many variables and outputs are followed; modules are rarely nested deeper than five levels.
const MAX_STEPS: usize = 32;

/// The configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    /// By `provider_config_key`.
    pub(super) provider_config: BTreeMap<String, ProviderConfig>,
    root_module: ConfigModule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProviderConfig {
    /// Such as `aws`.
    pub(super) name: String,
    pub(super) expressions: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigModule {
    resources: Vec<ConfigResource>,
    module_calls: BTreeMap<String, ModuleCall>,
    outputs: BTreeMap<String, ConfigOutput>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfigResource {
    address: String,
    #[serde(default)]
    pub(super) provider_config_key: String,
    #[serde(default)]
    expressions: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModuleCall {
    expressions: Value,
    module: ConfigModule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigOutput {
    expression: Value,
}

/// Where a module instance is: the calls that lead to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModulePath(Vec<ModuleStep>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ModuleStep {
    call: String,
    /// The key of the instance with its brackets; empty where there is one instance.
    key: String,
}

impl ModulePath {
    /// Reads an address such as `module.a["x"].module.b`; an empty one is the root module.
    pub(super) fn parse(address: &str) -> Self {
        let parts = dotted(address);
        let calls = parts.iter().skip(1).step_by(2);
        Self(calls.map(|part| ModuleStep::parse(part)).collect())
    }

    /// The address of something in this module.
    fn address_of(&self, local: &str) -> String {
        let mut address = String::new();
        for step in &self.0 {
            let _ = write!(address, "module.{}{}.", step.call, step.key);
        }
        address + local
    }

    /// The module that calls it, and its name there.
    fn caller(&self) -> Option<(Self, &str)> {
        let (last, others) = self.0.split_last()?;
        Some((Self(others.to_vec()), &last.call))
    }

    fn child(&self, step: ModuleStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl ModuleStep {
    fn parse(part: &str) -> Self {
        let (call, key) = part.split_at(part.find('[').unwrap_or(part.len()));
        Self {
            call: call.to_owned(),
            key: key.to_owned(),
        }
    }
}

/// An attribute of a resource instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The address of the instance.
    pub(super) address: String,
    /// The name of its attribute.
    pub(super) attribute: String,
}

impl Configuration {
    /// The configuration of a resource.
    pub(super) fn resource(&self, module: &ModulePath, local: &str) -> Option<&ConfigResource> {
        let found = self.module(module)?.resources.iter();
        found.into_iter().find(|resource| resource.address == local)
    }

    /// Whether the configuration of a resource sets an argument; false where there is no configuration of it.
    pub(super) fn sets(&self, module: &ModulePath, local: &str, argument: &str) -> bool {
        let resource = self.resource(module, local);
        resource.is_some_and(|resource| resource.expressions.get(argument).is_some())
    }

    /// The attribute to which an argument of a resource refers, if that is all that it refers to.
    pub(super) fn reference(&self, module: &ModulePath, local: &str, path: &[&str]) -> Option<Reference> {
        let mut expression = &self.resource(module, local)?.expressions;
        for step in path {
            if expression.get("references").is_some() {
                break;
            }
            expression = match expression {
                Value::Array(elements) => elements.get(step.parse::<usize>().ok()?)?,
                other => other.get(step)?,
            };
        }
        self.follow(module.clone(), expression)
    }

    /// Follows variables and outputs to an attribute of a resource.
    fn follow<'c>(&'c self, mut module: ModulePath, mut expression: &'c Value) -> Option<Reference> {
        for _ in 0..MAX_STEPS {
            let parts = dotted(only_reference(expression)?);
            match parts.as_slice() {
                ["var", name] => {
                    let (caller, call) = module.caller()?;
                    let calls = &self.module(&caller)?.module_calls;
                    expression = calls.get(call)?.expressions.get(name)?;
                    module = caller;
                }
                ["module", call, output] => {
                    module = module.child(ModuleStep::parse(call));
                    expression = &self.module(&module)?.outputs.get(*output)?.expression;
                }
                [
                    "data" | "local" | "each" | "count" | "path" | "self" | "terraform" | "var" | "module",
                    ..,
                ] => {
                    return None;
                }
                [kind, name, attribute] => {
                    return Some(Reference {
                        address: module.address_of(&format!("{kind}.{name}")),
                        attribute: (*attribute).to_owned(),
                    });
                }
                _ => return None,
            }
        }
        None
    }

    fn module(&self, path: &ModulePath) -> Option<&ConfigModule> {
        let mut module = &self.root_module;
        for step in &path.0 {
            module = &module.module_calls.get(&step.call)?.module;
        }
        Some(module)
    }
}

/// What an expression refers to, if that is one thing. The list has each reference, followed by the beginnings of it.
fn only_reference(expression: &Value) -> Option<&str> {
    let all = expression.get("references")?.as_array()?;
    let mut all = all.iter().map(Value::as_str);
    let first = all.next()??;
    let mut longer = first;
    for beginning in all {
        let beginning = beginning?;
        let rest = longer.strip_prefix(beginning)?;
        if !rest.starts_with(['.', '[']) {
            return None;
        }
        longer = beginning;
    }
    Some(first)
}

/// The parts of an address between its dots; a dot within brackets is a part of a key.
fn dotted(address: &str) -> Vec<&str> {
    if address.is_empty() {
        return Vec::new();
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut in_key, mut in_text, mut is_escaped) = (false, false, false);
    for (at, c) in address.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' if in_key => in_text = !in_text,
            '[' if !in_text => in_key = true,
            ']' if !in_text => in_key = false,
            '.' if !in_key => {
                parts.extend(address.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(address.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn configuration() -> Configuration {
        let references = |all: &[&str]| json!({"references": all});
        let role = references(&[
            "aws_iam_role.this[0].arn",
            "aws_iam_role.this[0]",
            "aws_iam_role.this",
        ]);
        serde_json::from_value(json!({"root_module": {
            "resources": [
                {"address": "kubernetes_service_account.a", "expressions": {"metadata": [
                    {"annotations": references(&["module.irsa[\"x.y\"].arn", "module.irsa[\"x.y\"]", "module.irsa"])},
                ]}},
                {"address": "x.two", "expressions": {
                    "a": references(&["aws_iam_role.a.arn", "aws_iam_role.a", "aws_iam_role.b.arn", "aws_iam_role.b"]),
                    "b": references(&["aws_iam_role.a.arn", "aws_iam_role.a", "aws_iam_role.a.arn", "aws_iam_role.a"]),
                    "c": references(&["aws_iam_role.a", "each.key"]),
                    "d": references(&["local.arn"]),
                    "e": {"constant_value": "x"},
                }},
            ],
            "module_calls": {"irsa": {
                "expressions": {"boundary": references(&["aws_iam_policy.b.arn", "aws_iam_policy.b"])},
                "module": {
                    "outputs": {"arn": {"expression": role}},
                    "resources": [{"address": "aws_iam_role.this", "expressions": {
                        "permissions_boundary": references(&["var.boundary"]),
                    }}],
                },
            }},
        }}))
        .unwrap()
    }

    fn found(module: &str, local: &str, path: &[&str]) -> Option<String> {
        let reference = configuration().reference(&ModulePath::parse(module), local, path)?;
        Some(format!("{}.{}", reference.address, reference.attribute))
    }

    #[test]
    fn one_reference_is_followed_through_outputs_and_variables() {
        assert_eq!(
            found(
                "",
                "kubernetes_service_account.a",
                &["metadata", "0", "annotations"]
            )
            .as_deref(),
            Some("module.irsa[\"x.y\"].aws_iam_role.this[0].arn")
        );
        assert_eq!(
            found(
                "module.irsa[\"x.y\"]",
                "aws_iam_role.this",
                &["permissions_boundary"]
            )
            .as_deref(),
            Some("aws_iam_policy.b.arn")
        );
    }

    #[test]
    fn anything_else_is_not_guessed() {
        for argument in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(found("", "x.two", &[argument]), None, "{argument}");
        }
        assert_eq!(found("module.other", "x.two", &["a"]), None);
    }

    #[test]
    fn an_address_is_taken_apart_at_the_dots_outside_of_its_keys() {
        assert_eq!(
            dotted(r#"module.a["x.\"].y"].b[0].c"#),
            ["module", r#"a["x.\"].y"]"#, "b[0]", "c"]
        );
        assert_eq!(dotted(""), [""; 0]);
        assert_eq!(
            ModulePath::parse("module.a.module.b[1]").address_of("c.d"),
            "module.a.module.b[1].c.d"
        );
    }
}
