//! The ServiceAccounts that a text is about, as a cluster or files have them.

use std::collections::BTreeSet;

use audit_core::audit;
use audit_core::model::BindingKey;
use audit_core::report::BindingReport;
use audit_explain::{Explanation, Mentioned};
use iam_policy::RoleArn;
use serde_json::Value;

use crate::audit::source::{AuditInput, SourceArgs, SourceError};
use crate::status;
use crate::status::view::Subject;

/// The most ServiceAccounts that are shown.
const MOST: usize = 5;

/// The status of one ServiceAccount.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// For people.
    pub text: String,
    /// For machines: a report with this binding.
    pub report: Value,
}

/// The status of each ServiceAccount that the text names itself, or by its role.
pub(super) fn of(source: &SourceArgs, explanation: &Explanation) -> Result<Vec<Diagnosis>, SourceError> {
    let mentioned = &explanation.mentioned;
    let evidence = status::look(source, only_namespace(mentioned), None)?;
    let keys = subjects(&evidence, mentioned);
    let shown = keys.iter().take(MOST).map(|key| {
        let subject = Subject::find(&evidence, &source.config(), key);
        Diagnosis {
            text: subject.text(source.is_offline()).text,
            report: serde_json::from_str(&subject.json().text).unwrap_or_default(),
        }
    });
    Ok(shown.collect())
}

/// The namespace to which the look can be limited.
fn only_namespace(mentioned: &Mentioned) -> Option<&str> {
    match mentioned.service_accounts.as_slice() {
        [key] => Some(&key.namespace),
        _ => None,
    }
}

/// Those that are named; if none is, those with a name that has no namespace in the text, and those with the role.
fn subjects(evidence: &AuditInput, mentioned: &Mentioned) -> Vec<BindingKey> {
    if !mentioned.service_accounts.is_empty() {
        return mentioned.service_accounts.clone();
    }
    let report = audit(&evidence.snapshot, &evidence.config, evidence.now);
    let is_meant = |binding: &&BindingReport| {
        mentioned
            .names
            .iter()
            .any(|name| *name == binding.key.service_account)
            || has_role(binding, mentioned)
    };
    let keys: BTreeSet<BindingKey> = report
        .bindings
        .iter()
        .filter(is_meant)
        .map(|binding| binding.key.clone())
        .collect();
    keys.into_iter().collect()
}

/// Whether a binding leads to a role of the text. The ARN of a session has the role's name without its path.
fn has_role(binding: &BindingReport, mentioned: &Mentioned) -> bool {
    let Some(role) = binding
        .facts
        .role_arn
        .as_deref()
        .and_then(|arn| RoleArn::parse(arn).ok())
    else {
        return false;
    };
    mentioned.roles.contains(&role)
        || mentioned
            .principals
            .iter()
            .any(|caller| caller.role() == Some(role.name()) && caller.account == role.account())
}
