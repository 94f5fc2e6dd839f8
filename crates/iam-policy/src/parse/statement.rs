//! Statements: effect, principals, actions, resources.
//!
//! Source: IAM User Guide, grammar of the JSON policy language: one value, or a list of them,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

use super::Reader;
use crate::arn;
use crate::document::{
    ActionElement, Effect, NamedPrincipal, PrincipalElement, PrincipalKind, ResourceElement, ResourceMatcher,
    ResourcePattern, Statement, Version,
};
use crate::few::Few;
use crate::json::{Member, Node, Value};
use crate::pattern::Glob;
use crate::text::quoted;
use crate::variable::Template;
use crate::written::Written;

const ELEMENTS: &str = "`Sid`, `Effect`, `Principal`, `NotPrincipal`, `Action`, `NotAction`, `Resource`, \
                        `NotResource` or `Condition`";

/// What has been read of a statement so far.
#[derive(Default)]
struct Parts {
    sid: Option<Written>,
    has_effect: bool,
    effect: Option<Effect>,
    principal: Option<PrincipalElement>,
    action: Option<ActionElement>,
    resource: Option<ResourceElement>,
    conditions: super::condition::Conditions,
    unknown: Vec<(String, String)>,
}

impl Reader {
    /// One statement; `None` if it lacks what makes it one.
    pub(super) fn statement(&mut self, node: Node<'_>, version: Version) -> Option<Statement> {
        let Value::Object(members) = node.value() else {
            self.wrong_kind("a statement", node, "an object");
            return None;
        };
        self.ambiguous |= !self.duplicates(&members).is_empty();
        let mut parts = Parts::default();
        for member in members {
            self.element(&mut parts, member, version);
        }
        if !parts.has_effect {
            self.missing(
                node.start(),
                "the statement has no `Effect`",
                "`Effect`: `Allow` or `Deny`",
            );
        }
        if parts.action.is_none() {
            self.missing(
                node.start(),
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
            span: node.span(),
            unknown: parts.unknown,
        })
    }

    fn element(&mut self, parts: &mut Parts, member: Member<'_>, version: Version) {
        let node = member.value;
        match &*member.key.text() {
            "Sid" => parts.sid = self.string("`Sid`", node),
            "Effect" => {
                parts.has_effect = true;
                parts.effect = self.effect(node);
            }
            name @ ("Principal" | "NotPrincipal") => {
                let negated = name != "Principal";
                self.not_both(
                    member.key,
                    negated,
                    parts.principal.as_ref().map(|other| other.negated),
                );
                parts.principal = self.principal(node, negated);
            }
            name @ ("Action" | "NotAction") => {
                let negated = name != "Action";
                self.not_both(
                    member.key,
                    negated,
                    parts.action.as_ref().map(|other| other.negated),
                );
                parts.action = Some(self.action(node, negated));
            }
            name @ ("Resource" | "NotResource") => {
                let negated = name != "Resource";
                self.not_both(
                    member.key,
                    negated,
                    parts.resource.as_ref().map(|other| other.negated),
                );
                parts.resource = Some(self.resource(node, version, negated));
            }
            "Condition" => parts.conditions = self.conditions(node, version),
            other => {
                parts.unknown.push((other.to_owned(), self.source(node)));
                self.refuse(
                    member.key.start(),
                    format!("unknown element {}", quoted(other)),
                    ELEMENTS,
                );
            }
        }
    }

    /// An element and its negation exclude each other.
    fn not_both(&mut self, key: Node<'_>, negated: bool, earlier: Option<bool>) {
        if earlier.is_some_and(|earlier| earlier != negated) {
            let name = key.text();
            let name = name.trim_start_matches("Not");
            self.refuse(
                key.start(),
                format!("both `{name}` and `Not{name}`"),
                "one of the two",
            );
        }
    }

    fn effect(&mut self, node: Node<'_>) -> Option<Effect> {
        if !node.is_string() {
            self.wrong_kind("`Effect`", node, "`Allow` or `Deny`");
            return None;
        }
        match &*node.text() {
            "Allow" => Some(Effect::Allow),
            "Deny" => Some(Effect::Deny),
            text => {
                self.refuse(
                    node.start(),
                    format!("unknown effect {}", quoted(text)),
                    "`Allow` or `Deny`",
                );
                None
            }
        }
    }

    fn principal(&mut self, node: Node<'_>, negated: bool) -> Option<PrincipalElement> {
        const EXPECTED: &str = "`\"*\"`, or an object with `AWS`, `Federated`, `Service` or `CanonicalUser`";
        let span = node.span();
        match node.value() {
            Value::String if node.is("*") => Some(PrincipalElement {
                negated,
                everyone: true,
                has_empty: false,
                named: Few::default(),
                span,
            }),
            Value::String => {
                self.refuse(
                    node.start(),
                    format!("the principal is the string {}", quoted(&node.text())),
                    EXPECTED,
                );
                None
            }
            Value::Object(members) => {
                self.ambiguous |= !self.duplicates(&members).is_empty();
                let mut named = Few::default();
                let mut has_empty = members.clone().next().is_none();
                for Member { key, value } in members {
                    let name = key.text();
                    let Some(kind) = PrincipalKind::parse(&name) else {
                        self.refuse(
                            key.start(),
                            format!("unknown kind of principal {}", quoted(&name)),
                            EXPECTED,
                        );
                        continue;
                    };
                    has_empty |= self.is_empty("principals", value);
                    for item in self.strings("a principal", value) {
                        named.push(NamedPrincipal {
                            kind,
                            value: self.text_of(item),
                            span: item.span(),
                        });
                    }
                }
                Some(PrincipalElement {
                    negated,
                    everyone: false,
                    has_empty,
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

    fn action(&mut self, node: Node<'_>, negated: bool) -> ActionElement {
        let mut actions = Few::default();
        self.is_empty("actions", node);
        for item in self.strings("an action", node) {
            let text = self.text_of(item);
            // IAM: "Actions/Conditions must be prefaced by a vendor".
            if text != "*" && !text.contains(':') {
                self.refuse(
                    item.start(),
                    format!("the action {} has no service", quoted(&text)),
                    "`service:Action` or `*`",
                );
            }
            actions.push(text);
        }
        ActionElement {
            negated,
            actions,
            span: node.span(),
        }
    }

    fn resource(&mut self, node: Node<'_>, version: Version, negated: bool) -> ResourceElement {
        self.is_empty("resources", node);
        let strings = self.strings("a resource", node);
        let resources = strings.map(|item| {
            let text = self.text_of(item);
            let template = Template::parse(&text).filter(|_| version == Version::V2012);
            let matcher = match template {
                _ if text == "*" => ResourceMatcher::Everything,
                Some(template) => ResourceMatcher::Template(template),
                None if arn::is_resource_pattern(Glob::written(&text)) => ResourceMatcher::Arn,
                None => ResourceMatcher::Undocumented,
            };
            ResourcePattern { text, matcher }
        });
        ResourceElement {
            negated,
            resources: resources.collect(),
        }
    }
}
