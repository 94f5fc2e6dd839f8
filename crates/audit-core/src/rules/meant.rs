//! Whether a ServiceAccount is meant to have a role: an annotation alone authorises nothing.
//!
//! Anyone who can edit a ServiceAccount can write the ARN of any role into its annotation, and the audit will then name the trust
//! policy as what stands in the way. The role's owner must not let it in because a tool says so: a confused deputy.

use iam_policy::{Cause, CauseKind, Effect};

use crate::chain::{Chain, RoleChain};
use crate::model::Role;
use crate::text::quote;

/// What the role's owner has to be asked before the ServiceAccount is let in: where the role is others' by now, and neither an
/// `IrsaAudit` nor the trust policy itself names the two together.
pub(crate) fn question(chain: &Chain<'_>, aws: &RoleChain<'_>, role: &Role, cause: &Cause) -> Option<String> {
    let arn = aws.arn.to_string();
    let is_expected = chain.request.and_then(|request| request.role_arn.as_deref()) == Some(arn.as_str());
    // Its name, misspelt, is its name.
    let is_named = cause.kind == CauseKind::SubjectMalformed;
    let parsed = role.trust();
    let document = parsed.document.as_ref()?;
    let allows = || {
        document
            .statements()
            .iter()
            .filter(|statement| statement.effect() == Effect::Allow)
    };
    let names_it = |statement: &iam_policy::Statement| {
        statement
            .conditions()
            .any(|(_, _, values)| values.contains(&chain.subject.as_str()))
    };
    if is_expected || is_named || allows().next().is_none() || allows().any(names_it) {
        return None;
    }
    Some(format!(
        "First ask the owner of role `{}` whether ServiceAccount `{}` is meant to have it: the role already admits others, and the \
         annotation alone authorizes nothing",
        quote(role.arn.name()),
        quote(&chain.key.to_string())
    ))
}
