//! Deciding a request.
//!
//! Sources:
//! - IAM User Guide, policy evaluation logic: an explicit deny wins over every allow, and nothing is allowed by itself,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
//! - principals: no wildcard matches part of a name,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
//! - `NotPrincipal`, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>

use crate::arn;
use crate::condition;
use crate::document::{
    ActionElement, Document, Effect, NamedPrincipal, PrincipalKind, ResourceElement, ResourceMatcher,
    Statement,
};
use crate::pattern::{Glob, Pattern};
use crate::request::{Principal, Request};
use crate::truth::{self, Truth};
use crate::variable::NoText;

/// What a document says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// A statement grants it and none forbids it.
    Allowed,
    /// A statement forbids it.
    ExplicitlyDenied,
    /// No statement grants it, whatever the unknown keys turn out to be.
    ImplicitlyDenied,
    /// It hangs on keys that are not known, or on a key that stands twice.
    Undetermined,
    /// IAM would refuse the document, in general or as this kind of policy.
    Invalid,
}

/// What kind of policy a document is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A role's trust policy: principals, no resources.
    Trust,
    /// Attached to the one who asks, or its boundary: resources, no principals.
    Identity,
    /// Attached to what is acted upon: principals, and resources where the service wants them.
    Resource,
}

impl Request {
    /// Which kind of policy can answer it.
    #[must_use]
    pub fn kind(&self) -> PolicyKind {
        match (&self.principal, &self.resource) {
            (Some(_), None) => PolicyKind::Trust,
            (None, _) => PolicyKind::Identity,
            (Some(_), Some(_)) => PolicyKind::Resource,
        }
    }
}

impl Statement {
    /// Whether IAM takes the statement as part of such a policy.
    pub(crate) fn fits(&self, kind: PolicyKind) -> bool {
        match kind {
            PolicyKind::Trust => self.principal.is_some() && self.resource.is_none(),
            PolicyKind::Identity => self.principal.is_none() && self.resource.is_some(),
            PolicyKind::Resource => self.principal.is_some(),
        }
    }
}

/// Decides `request` by `document` alone.
///
/// Allowed takes a statement that certainly grants, and no statement that forbids or might. Evaluation does not
/// allocate unless a policy variable has to be filled in or a rare operator wants it.
#[must_use]
pub fn decide(document: &Document, request: &Request) -> Decision {
    let kind = request.kind();
    if document.refused || !document.statements.iter().all(|statement| statement.fits(kind)) {
        return Decision::Invalid;
    }
    if document.ambiguous {
        return Decision::Undetermined;
    }
    let outcome = |effect| {
        let statements = document
            .statements
            .iter()
            .filter(move |statement| statement.effect == effect);
        truth::any(statements.map(|statement| applies(statement, request)))
    };
    combine(outcome(Effect::Allow), || outcome(Effect::Deny))
}

/// Allowed is "granted and not forbidden" in Kleene's logic: without a grant it does not matter whether an unknown
/// Deny applies.
pub(crate) fn combine(granted: Truth, forbidden: impl FnOnce() -> Truth) -> Decision {
    match (granted, forbidden()) {
        (_, Truth::True) => Decision::ExplicitlyDenied,
        (Truth::False, _) => Decision::ImplicitlyDenied,
        (Truth::True, Truth::False) => Decision::Allowed,
        _ => Decision::Undetermined,
    }
}

/// Whether the statement applies to the request.
pub(crate) fn applies(statement: &Statement, request: &Request) -> Truth {
    let head = action(&statement.action, &request.action);
    if head == Truth::False {
        return head;
    }
    let head = head & principal(statement, request.principal.as_ref());
    if head == Truth::False {
        return head;
    }
    head & resource(statement.resource.as_ref(), request) & condition::all(statement, &request.context)
}

/// Actions are case-insensitive and have wildcards (IAM User Guide, "IAM JSON policy elements: Action").
///
/// Of an empty list IAM Access Analyzer says that the statement "includes no actions and does not affect the policy"
/// (policy check reference, "Empty array action"), IAM's grammar that there is at least one: unknown.
pub(crate) fn action(element: &ActionElement, wanted: &str) -> Truth {
    if element.actions.is_empty() {
        return Truth::Unknown;
    }
    let matched = element.actions.iter().any(|action| covers(action, wanted));
    Truth::from(matched != element.negated)
}

fn covers(action: &str, wanted: &str) -> bool {
    if action.eq_ignore_ascii_case(wanted) {
        return true;
    }
    let Some(wildcard) = action.bytes().position(|b| matches!(b, b'*' | b'?')) else {
        return false;
    };
    match action.split_at(wildcard) {
        // `sts:*`: nothing is left to be looked at.
        (before, "*") => wanted
            .get(..before.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(before)),
        _ => Pattern::new(&action.to_ascii_lowercase()).matches(&wanted.to_ascii_lowercase()),
    }
}

/// Whether the statement's principal is the one who asks.
///
/// Not known where AWS documents no meaning: `NotPrincipal` with `Allow` is "not supported" (IAM User Guide, "IAM JSON
/// policy elements: `NotPrincipal`"), and an empty list of principals has two (IAM Access Analyzer policy check
/// reference, "Empty array principal").
pub(crate) fn principal(statement: &Statement, asking: Option<&Principal>) -> Truth {
    let (Some(element), Some(asking)) = (&statement.principal, asking) else {
        return Truth::True;
    };
    let matched = if element.everyone {
        Truth::True
    } else {
        let named = element.named.iter().map(|named| names(named, asking));
        truth::any(named.chain(element.has_empty.then_some(Truth::Unknown)))
    };
    match (element.negated, statement.effect) {
        (false, _) => matched,
        (true, Effect::Deny) => !matched,
        // Whoever is excluded is not admitted, whatever it means for the others.
        (true, Effect::Allow) => !matched & Truth::Unknown,
    }
}

/// Whether a named principal is the one who asks.
///
/// IAM User Guide, "AWS JSON policy elements: Principal": `{"AWS": "*"}` and `"*"` are the same, everyone. It names no
/// wildcard for identity providers: whom `{"Federated": "*"}` admits is not known.
pub(crate) fn names(named: &NamedPrincipal, asking: &Principal) -> Truth {
    let value = named.value.as_str();
    match (named.kind, asking) {
        (PrincipalKind::Aws, _) if value == "*" => Truth::True,
        (PrincipalKind::Aws, Principal::Aws(arn)) => names_aws(value, arn),
        (PrincipalKind::Federated, Principal::Federated(_)) if value == "*" => Truth::Unknown,
        (PrincipalKind::Federated, Principal::Federated(asking))
        | (PrincipalKind::Service, Principal::Service(asking))
        | (PrincipalKind::CanonicalUser, Principal::CanonicalUser(asking)) => {
            Truth::from(value == "*" || value == asking)
        }
        _ => Truth::False,
    }
}

/// An account, by number or by its root's ARN, stands for everyone in it.
fn names_aws(value: &str, asking: &str) -> Truth {
    if value == asking {
        return Truth::True;
    }
    let Some([_, partition, service, _, account, resource]) = arn::components(asking) else {
        return Truth::False;
    };
    if value == account {
        return Truth::True;
    }
    let Some(
        [
            _,
            partition_named,
            service_named,
            _,
            account_named,
            resource_named,
        ],
    ) = arn::components(value)
    else {
        return Truth::False;
    };
    if (partition_named, account_named) != (partition, account) {
        return Truth::False;
    }
    match (service_named, resource_named) {
        ("iam", "root") => Truth::True,
        // One session of the role that asks: which session it will be is not known.
        ("sts", session) if service == "iam" => {
            let named = session
                .strip_prefix("assumed-role/")
                .and_then(|rest| rest.split('/').next());
            let role = resource
                .strip_prefix("role/")
                .and_then(|rest| rest.rsplit('/').next());
            if named.is_some() && named == role {
                Truth::Unknown
            } else {
                Truth::False
            }
        }
        _ => Truth::False,
    }
}

/// Whether the statement's resources have the one that is asked for. An empty list has two meanings, as one of actions
/// has.
pub(crate) fn resource(element: Option<&ResourceElement>, request: &Request) -> Truth {
    let (Some(element), Some(wanted)) = (element, request.resource.as_deref()) else {
        return Truth::True;
    };
    if element.resources.is_empty() {
        return Truth::Unknown;
    }
    let is_arn = arn::components(wanted).is_some();
    let matched = truth::any(element.resources.iter().map(|resource| match &resource.matcher {
        ResourceMatcher::Everything => Truth::True,
        ResourceMatcher::Arn if wanted == "*" => without_resource(&resource.text, &request.action),
        _ if !is_arn => Truth::from(resource.text == wanted),
        ResourceMatcher::Arn => Truth::from(arn::matches_resource(Glob::written(&resource.text), wanted)),
        ResourceMatcher::Template(template) => match template.tokens(&request.context) {
            Ok(tokens) => {
                let pattern = Pattern::from_tokens(tokens);
                if arn::is_resource_pattern(pattern.glob()) {
                    Truth::from(arn::matches_resource(pattern.glob(), wanted))
                } else {
                    undocumented(pattern.glob(), wanted)
                }
            }
            Err(NoText::Null) => Truth::False,
            Err(NoText::Unknown) => Truth::Unknown,
        },
        ResourceMatcher::Undocumented => undocumented(Glob::written(&resource.text), wanted),
    }));
    if element.negated { !matched } else { matched }
}

impl Statement {
    /// Whether the statement may apply to some request of one action. Where it does not, no request has to be made to know
    /// that it grants and forbids nothing there.
    #[must_use]
    pub fn may_be_about(&self, wanted: &str) -> bool {
        action(&self.action, wanted) != Truth::False
    }

    /// The key of a policy variable that keeps the statement from applying to a request: it has no value there, and with one
    /// a resource of the statement could be the one that is asked for.
    #[must_use]
    pub fn variable_without_value(&self, request: &Request) -> Option<&str> {
        let wanted = request.resource.as_deref()?;
        if action(&self.action, &request.action) == Truth::False
            || condition::all(self, &request.context) == Truth::False
        {
            return None;
        }
        let element = self.resource.as_ref().filter(|element| !element.negated)?;
        element.resources.iter().find_map(|resource| {
            let ResourceMatcher::Template(template) = &resource.matcher else {
                return None;
            };
            let (key, tokens) = template.without_value(&request.context)?;
            let pattern = Pattern::from_tokens(tokens);
            arn::matches_resource(pattern.glob(), wanted).then_some(key)
        })
    }
}

/// Whether an ARN under `Resource` covers an action that has no resource of its own, which is asked for on `*`.
///
/// IAM User Guide, "IAM JSON policy elements: Resource": for such an action "you must use `*`". AWS's own examples
/// nevertheless allow `s3:ListAllMyBuckets` on `arn:aws:s3:::*` (Amazon S3 User Guide, "Identity-based policy
/// examples"). Whether other services take an ARN that covers all that they have is documented nowhere.
fn without_resource(arn: &str, action: &str) -> Truth {
    let Some([_, _, service, rest @ ..]) = arn::first_segments(arn) else {
        return Truth::False;
    };
    // Of a set of actions, the service may be a pattern.
    let prefix = action
        .split_once(':')
        .map_or("*", |(prefix, _)| prefix)
        .to_ascii_lowercase();
    let covers_all = rest
        .iter()
        .flatten()
        .all(|segment| segment.is_empty() || *segment == "*");
    if !covers_all || !service.is_some_and(|service| Pattern::new(&prefix).matches(service)) {
        Truth::False
    } else if action.eq_ignore_ascii_case("s3:ListAllMyBuckets") {
        Truth::True
    } else {
        Truth::Unknown
    }
}

/// What a text under `Resource` matches that is no ARN of the documented form. Whatever it means, its wildcards stand
/// for nothing more than characters.
fn undocumented(pattern: Glob<'_>, wanted: &str) -> Truth {
    if pattern.has_wildcards() && pattern.up_to(':').is("arn") && !pattern.matches(wanted) {
        Truth::False
    } else {
        Truth::Unknown
    }
}
