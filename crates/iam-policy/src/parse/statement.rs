//! Statements: effect, principals, actions, resources.

use super::Reader;
use crate::arn::ArnPattern;
use crate::document::{
    ActionElement, ActionPattern, Effect, NamedPrincipal, PrincipalElement, PrincipalKind, ResourceElement,
    ResourceMatcher, ResourcePattern, Statement, Version,
};
use crate::json::{Member, Node, Value};
use crate::pattern::Pattern;
use crate::text::quoted;
use crate::variable::Template;

const ELEMENTS: &str = "`Sid`, `Effect`, `Principal`, `NotPrincipal`, `Action`, `NotAction`, `Resource`, \
                        `NotResource` or `Condition`";

/// What has been read of a statement so far.
#[derive(Default)]
struct Parts {
    sid: Option<String>,
    effect: Option<Effect>,
    principal: Option<PrincipalElement>,
    action: Option<ActionElement>,
    resource: Option<ResourceElement>,
    conditions: super::condition::Conditions,
    unknown: Vec<(String, String)>,
}

impl Reader<'_> {
    /// One statement; `None` if it lacks what makes it one.
    pub(super) fn statement(&mut self, node: &Node<'_>, version: Version) -> Option<Statement> {
        let Value::Object(members) = &node.value else {
            self.wrong_kind("a statement", node, "an object");
            return None;
        };
        self.ambiguous |= !self.duplicates(members).is_empty();
        let mut parts = Parts::default();
        for member in members {
            self.element(&mut parts, member, version);
        }
        for (one, other) in [
            ("Action", "NotAction"),
            ("Resource", "NotResource"),
            ("Principal", "NotPrincipal"),
        ] {
            let place = |name| {
                members
                    .iter()
                    .find(|member| member.key == name)
                    .map(|member| member.key_start)
            };
            if let (Some(first), Some(second)) = (place(one), place(other)) {
                self.refuse(
                    first.max(second),
                    format!("both `{one}` and `{other}`"),
                    "one of the two",
                );
            }
        }
        if !members.iter().any(|member| member.key == "Effect") {
            self.missing(
                node.start,
                "the statement has no `Effect`",
                "`Effect`: `Allow` or `Deny`",
            );
        }
        if !members
            .iter()
            .any(|member| member.key == "Action" || member.key == "NotAction")
        {
            self.missing(
                node.start,
                "the statement has no `Action`",
                "`Action` or `NotAction`",
            );
        }
        Some(Statement {
            sid: parts.sid,
            effect: parts.effect?,
            principal: parts.principal,
            action: parts.action?,
            resource: parts.resource,
            has_duplicates: parts.conditions.clauses.iter().any(|clause| clause.duplicate),
            conditions: parts.conditions.clauses,
            span: node.start..node.end,
            unknown: parts.unknown,
        })
    }

    fn element(&mut self, parts: &mut Parts, member: &Member<'_>, version: Version) {
        let node = &member.value;
        match member.key.as_ref() {
            "Sid" => parts.sid = self.string("`Sid`", node),
            "Effect" => parts.effect = self.effect(node),
            "Principal" => parts.principal = self.principal(node, false),
            "NotPrincipal" => parts.principal = self.principal(node, true),
            "Action" => parts.action = Some(self.action(node, false)),
            "NotAction" => parts.action = Some(self.action(node, true)),
            "Resource" => parts.resource = Some(self.resource(node, version, false)),
            "NotResource" => parts.resource = Some(self.resource(node, version, true)),
            "Condition" => parts.conditions = self.conditions(node, version),
            other => {
                parts.unknown.push((other.to_owned(), self.source(node)));
                self.refuse(
                    member.key_start,
                    format!("unknown element {}", quoted(other)),
                    ELEMENTS,
                );
            }
        }
    }

    fn effect(&mut self, node: &Node<'_>) -> Option<Effect> {
        match &node.value {
            Value::String(text) if text == "Allow" => Some(Effect::Allow),
            Value::String(text) if text == "Deny" => Some(Effect::Deny),
            Value::String(text) => {
                self.refuse(
                    node.start,
                    format!("unknown effect {}", quoted(text)),
                    "`Allow` or `Deny`",
                );
                None
            }
            _ => {
                self.wrong_kind("`Effect`", node, "`Allow` or `Deny`");
                None
            }
        }
    }

    fn principal(&mut self, node: &Node<'_>, negated: bool) -> Option<PrincipalElement> {
        const EXPECTED: &str = "`\"*\"`, or an object with `AWS`, `Federated`, `Service` or `CanonicalUser`";
        let span = node.start..node.end;
        match &node.value {
            Value::String(text) if text == "*" => Some(PrincipalElement {
                negated,
                everyone: true,
                named: Vec::new(),
                span,
            }),
            Value::String(text) => {
                self.refuse(
                    node.start,
                    format!("the principal is the string {}", quoted(text)),
                    EXPECTED,
                );
                None
            }
            Value::Object(members) => {
                self.ambiguous |= !self.duplicates(members).is_empty();
                let mut named = Vec::new();
                for Member {
                    key,
                    key_start,
                    value,
                    ..
                } in members
                {
                    let Some(kind) = PrincipalKind::parse(key) else {
                        self.refuse(
                            *key_start,
                            format!("unknown kind of principal {}", quoted(key)),
                            EXPECTED,
                        );
                        continue;
                    };
                    named.extend(
                        self.strings("a principal", value)
                            .into_iter()
                            .map(|(text, item)| NamedPrincipal {
                                kind,
                                value: text.to_owned(),
                                span: item.start..item.end,
                            }),
                    );
                }
                Some(PrincipalElement {
                    negated,
                    everyone: false,
                    named,
                    span,
                })
            }
            _ => {
                self.wrong_kind("the principal", node, EXPECTED);
                None
            }
        }
    }

    fn action(&mut self, node: &Node<'_>, negated: bool) -> ActionElement {
        let mut actions = Vec::new();
        for (text, item) in self.strings("an action", node) {
            // IAM: "Actions/Conditions must be prefaced by a vendor".
            if text != "*" && !text.contains(':') {
                self.refuse(
                    item.start,
                    format!("the action {} has no service", quoted(text)),
                    "`service:Action` or `*`",
                );
            }
            let pattern = text
                .contains(['*', '?'])
                .then(|| Pattern::new(&text.to_ascii_lowercase()));
            actions.push(ActionPattern {
                text: text.to_owned(),
                pattern,
            });
        }
        ActionElement {
            negated,
            actions,
            span: node.start..node.end,
        }
    }

    fn resource(&mut self, node: &Node<'_>, version: Version, negated: bool) -> ResourceElement {
        let strings = self.strings("a resource", node);
        let resources = strings.into_iter().map(|(text, _)| {
            let template = Template::parse(text).filter(|_| version == Version::V2012);
            let matcher = match (template, ArnPattern::new(text)) {
                _ if text == "*" => ResourceMatcher::Everything,
                (Some(template), _) => ResourceMatcher::Template(template),
                (None, Some(pattern)) => ResourceMatcher::Arn(pattern),
                (None, None) => ResourceMatcher::Undocumented,
            };
            ResourcePattern {
                text: text.to_owned(),
                matcher,
            }
        });
        ResourceElement {
            negated,
            resources: resources.collect(),
        }
    }
}
