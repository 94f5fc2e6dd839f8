//! The chain of a binding as a row of boxes, one for each link.

use std::fmt::Write as _;

use audit_core::Link;
use audit_core::report::{BindingReport, LinkState};

use crate::markup::escape;
use crate::view::state_of;

/// Writes the boxes in chain order. Each says how its link is in words as well as by its colour.
pub(super) fn write(out: &mut String, binding: &BindingReport) {
    out.push_str("<ol class=\"chain\">\n");
    for (link, state) in &binding.links {
        let (word, reason) = state_of(*state);
        let _ = write!(
            out,
            "<li class=\"{word}\"><b>{}</b> <span>{}</span>",
            name(*link),
            told(*state)
        );
        if let Some(reason) = reason {
            let _ = write!(out, " <span class=\"reason\">{}</span>", escape(reason));
        }
        for detail in details(*link, binding) {
            let _ = write!(out, " <small>{}</small>", escape(&detail));
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n");
}

fn name(link: Link) -> &'static str {
    match link {
        Link::Provider => "OIDC provider",
        Link::Trust => "Trust policy",
        Link::Rbac => "RBAC",
        other => other.as_str(),
    }
}

fn told(state: LinkState) -> &'static str {
    match state {
        LinkState::Passes => "passes",
        LinkState::NotApplicable => "does not apply",
        LinkState::NotExpected => "not seen, and not expected",
        LinkState::Broken(_) => "broken",
        LinkState::Unseen(_) => "unknown",
        LinkState::NotReached => "not checked",
    }
}

/// What the link is made of here, as far as it was determined.
fn details(link: Link, binding: &BindingReport) -> Vec<String> {
    let facts = &binding.facts;
    let one = |text: Option<&str>| text.map(str::to_owned).into_iter().collect();
    match link {
        Link::ServiceAccount => vec![binding.key.to_string()],
        Link::Role => one(facts.role_arn.as_deref()),
        Link::Provider => one(facts.provider_arn.as_deref()),
        Link::Trust => {
            let audience = facts.audience.as_ref().map(|audience| format!("aud: {audience}"));
            std::iter::once(format!("sub: {}", facts.subject))
                .chain(audience)
                .collect()
        }
        Link::Pods => {
            let pods = &binding.pods;
            let path = facts.path.map(|path| format!("credential path: {path}"));
            let counts = [
                (pods.total, "in total"),
                (pods.stale, "with another role"),
                (pods.missing, "without credentials"),
            ];
            let counts = counts.into_iter().filter(|(count, _)| *count > 0);
            path.into_iter()
                .chain(counts.map(|(count, what)| format!("{count} {what}")))
                .collect()
        }
        Link::Permissions | Link::Rbac => Vec::new(),
    }
}
