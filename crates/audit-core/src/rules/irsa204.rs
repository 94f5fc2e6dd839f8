//! # IRSA204 `SubjectNamespaceMismatch`
//!
//! ## What it means
//! The trust policy names this ServiceAccount, or a pattern that matches its name, in a different namespace. The application
//! was moved, or the policy was copied from a different environment.
//!
//! ## Why it breaks
//! The `sub` claim of a token is `system:serviceaccount:<namespace>:<name>`, and the condition compares all of it.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ServiceAccount `shop/cart`:
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:staging:cart"}}
//! ```
//!
//! ## Fix
//! Add the subject with the right namespace to the condition. If the statement does not restrict the audience, append a statement for
//! this ServiceAccount instead. If the role already admits others, and nothing names role and ServiceAccount together, the fix first asks
//! whether the ServiceAccount should have the role.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::CauseKind;

use super::trust::{denied, or_by_hand, unmet};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA204",
    reason: "SubjectNamespaceMismatch",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy names this ServiceAccount in a different namespace",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::SubjectNamespaceMismatch, &ENTRY, unmet)?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::{FixKind, Form};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA204", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn the_right_name_in_another_namespace_is_broken_and_can_be_repaired() {
        let world = World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
        let report = world.audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::AwsCli
        );
        assert_healthy(&world.with_trust_repaired().audit());
    }

    #[test]
    fn the_repair_comes_in_other_forms_where_there_is_room() {
        let world = World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
        let forms = |world: &World| {
            let fix = the_one(&world.audit(), BROKEN).fix.clone().unwrap();
            fix.first
                .alternatives
                .iter()
                .map(|alternative| alternative.form)
                .collect::<Vec<_>>()
        };
        assert_eq!(forms(&world), [Form::Diff, Form::Terraform]);
        assert_eq!(forms(&world.config(|config| config.all_forms = false)), []);
    }

    #[test]
    fn so_is_a_pattern() {
        let like = json!({ "StringLike": { format!("{HOST_PATH}:sub"): "system:serviceaccount:staging-*:cart" },
            "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } });
        let world = World::healthy().condition(&like);
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_trust_repaired().audit());
    }

    #[test]
    fn a_list_that_has_the_subject_is_fine() {
        let both = json!(["system:serviceaccount:staging:cart", SUBJECT]);
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:sub")] = both;
        assert_healthy(&World::healthy().condition(&conditions).audit());
    }

    #[test]
    fn a_subject_that_nobody_can_paste_gives_no_command() {
        let mut world = World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
        world.key = crate::model::BindingKey::new("shop\u{202e}", "cart");
        let world = world.service_account("shop\u{202e}", "cart").annotation(ROLE);
        let report = world.audit();
        assert_eq!(
            report.findings[0].fix.as_ref().unwrap().first.kind,
            FixKind::Manual,
            "{}",
            shown(&report)
        );
        assert_safe(&report);
    }
}
