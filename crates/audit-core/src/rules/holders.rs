//! Who else gets what a role is granted: a policy of a role is for everyone whom its trust policy admits.

use std::collections::BTreeSet;

use iam_policy::{Decision, Document, Effect, PrincipalKind, who_can};

use super::admitted::admitted;
use super::trust::identity;
use crate::chain::{Chain, RoleChain};
use crate::model::BindingKey;
use crate::subjects::named;
use crate::text::{quote, quote_first};

/// The most ServiceAccounts that a message lists.
const SHOWN: usize = 3;

/// What a subject of a ServiceAccount begins with.
const PREFIX: &str = "system:serviceaccount:";

/// Who else is admitted to the role, as the question that its owner has to answer first; `None` where the role is this
/// ServiceAccount's alone.
pub(crate) fn question(chain: &Chain<'_>, aws: &RoleChain<'_>) -> Option<String> {
    let document = aws.found()?.trust().document?;
    let issuer = chain.issuer?;
    let mut accounts = named(&document, &aws.arn, &issuer.url);
    let admission = who_can(&document, &identity(chain, aws)?);
    accounts.remove(&chain.subject);
    let mut count = accounts.len();
    let mut accounts: BTreeSet<String> = accounts.iter().map(|subject| shown(subject)).collect();
    if is_open(&document) || admission.decide(NOBODY) == Decision::Allowed {
        // Others than those that are named: of these, the ones that exist now.
        let others = admitted(chain, aws, &[])?;
        let is_counted = |name: &String| {
            let key = name
                .split_once('/')
                .map(|(namespace, name)| BindingKey::new(namespace, name));
            key.is_some_and(|key| {
                chain.snapshot.cluster.exists(&key) && admission.decide(&key.subject()) == Decision::Allowed
            })
        };
        let both = accounts.iter().filter(|name| is_counted(name)).count();
        count += others.count - both;
        accounts.extend(others.shown().take(SHOWN));
    }
    let (provider, own) = (aws.provider_arn.as_deref(), aws.arn.to_string());
    let is_other = |kind: PrincipalKind, name: &str| match kind {
        PrincipalKind::Federated => Some(name) != provider && name != "*",
        _ => name != own,
    };
    let allows = document.statements().iter();
    let allows =
        allows.filter(|statement| statement.effect() == Effect::Allow && !statement.is_not_principal());
    // Their kinds alone: a status says no more of a trust policy.
    let kinds: BTreeSet<&str> = allows
        .flat_map(iam_policy::Statement::principals)
        .filter(|(kind, name)| is_other(*kind, name))
        .map(|(kind, _)| match kind {
            PrincipalKind::Service => "AWS services",
            PrincipalKind::Federated => "other identity providers",
            _ => "AWS accounts, roles or users",
        })
        .collect();
    let mut others = Vec::new();
    if count > 0 {
        let noun = if count == 1 {
            "ServiceAccount"
        } else {
            "ServiceAccounts"
        };
        others.push(format!("{noun} {}", quote_first(&accounts, SHOWN, count)));
    }
    others.extend(kinds.into_iter().map(str::to_owned));
    (!others.is_empty()).then(|| {
        format!(
            "Role `{}` is shared: its trust policy also admits {}, and they get every permission of the role as well. If only ServiceAccount \
             `{}` needs it, create a separate role",
            quote(aws.arn.name()),
            others.join(" and "),
            quote(&chain.key.to_string())
        )
    })
}

/// Whether a condition has a pattern, which may admit those that nothing names.
fn is_open(document: &Document) -> bool {
    let clauses = document
        .statements()
        .iter()
        .flat_map(iam_policy::Statement::conditions);
    clauses
        .flat_map(|(_, _, values)| values)
        .any(iam_policy::is_pattern)
}

/// A subject that no token has.
const NOBODY: &str = "system:serviceaccount:zz-nobody-0:zz-nobody-0";

/// A subject as namespace and name, where it is a ServiceAccount's.
fn shown(subject: &str) -> String {
    let names = subject.strip_prefix(PREFIX);
    names.map_or_else(|| subject.to_owned(), |names| names.replacen(':', "/", 1))
}
