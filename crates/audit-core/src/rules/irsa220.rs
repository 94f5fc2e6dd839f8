//! # IRSA220 `RoleArnMismatch`
//!
//! ## What it means
//! IAM has a role of that name, but its ARN differs from the annotation: usually the annotation leaves out the
//! path (`role/cart` instead of `role/teams/cart`), sometimes it has a different partition.
//!
//! ## Why it breaks
//! IAM finds a role by its name only, so `aws iam get-role` works. STS compares the whole ARN, with its path.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart --query Role.Arn --output text
//! arn:aws:iam::111122223333:role/teams/cart
//! $ kubectl get serviceaccount cart --namespace shop -o yaml | grep role-arn
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//! ```
//!
//! ## Fix
//! Set the role's actual ARN where the role is named: in the annotation of the ServiceAccount, in the webhook's ConfigMap, in
//! `AWS_ROLE_ARN` of a pod template that brings its role itself, or in the object whose controller requests the token. Then recreate the
//! pods.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.Arn --output text` prints exactly the annotation.
//!
//! ## References
//! - [IAM identifiers](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html)
//! - [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)

use super::repair;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA220",
    reason: "RoleArnMismatch",
    severity: Severity::Broken,
    link: Link::Role,
    title: "the ARN of the role differs from the annotation",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.aws.as_ref()?;
    let role = aws.found().filter(|_| aws.has_other_arn())?;
    let message = format!(
        "{} is `{}`, but the role's ARN is `{}`: STS compares the whole ARN, so it refuses the request",
        repair::where_it_stands(chain, "role-arn"),
        aws.arn,
        role.arn
    );
    let fix = repair::name_role(chain, role.arn.as_str());
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::model::RequestedAudience;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA220", Severity::Broken, Link::Role, Verdict::Broken);
    const WITH_PATH: &str = "arn:aws:iam::111122223333:role/teams/shop/cart";

    #[test]
    fn another_path_or_partition_is_another_role_to_sts() {
        let text = trust(&condition(SUBJECT)).to_string();
        for arn in [WITH_PATH, "arn:aws-us-gov:iam::111122223333:role/cart"] {
            let world = World::healthy().role(role(arn, &text));
            let report = world.audit();
            let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
            assert_eq!(fix.first.kind, FixKind::Kubectl);
            assert!(fix.first.text.ends_with(&format!("role-arn={arn}")));
        }
    }

    #[test]
    fn what_the_config_map_names_is_mended_there() {
        let text = trust(&condition(SUBJECT)).to_string();
        let world = World::healthy()
            .role(role(WITH_PATH, &text))
            .without_annotation()
            .listed_by_webhook(ROLE, AUDIENCE);
        let report = world.audit();
        let finding = the_one(&report, BROKEN);
        let fix = finding.fix.as_ref().unwrap();
        assert_eq!(fix.first.kind, FixKind::Manual);
        assert!(
            fix.first.text.contains("ConfigMap") && fix.first.text.contains(WITH_PATH),
            "{}",
            fix.first.text
        );
        assert!(
            finding.message.contains("in the webhook's ConfigMap"),
            "{}",
            finding.message
        );
        assert!(report.then.is_empty(), "{:?}", report.then);
    }

    #[test]
    fn the_fix_is_where_the_role_is_named() {
        let text = trust(&condition(SUBJECT)).to_string();
        let world = || World::healthy().role(role(WITH_PATH, &text)).without_annotation();
        let said = |world: World| {
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            (
                finding.message.clone(),
                finding.fix.as_ref().unwrap().first.text.clone(),
            )
        };
        let (message, fix) = said(world().container(own(AUDIENCE, ROLE)));
        assert!(
            message.starts_with("`AWS_ROLE_ARN` of container `app` of `Deployment/cart`"),
            "{message}"
        );
        assert_eq!(
            fix,
            format!(
                "kubectl set env --namespace shop deployment/cart --containers app AWS_ROLE_ARN={WITH_PATH}"
            )
        );
        let (message, fix) = said(world().listed_by_webhook(ROLE, AUDIENCE));
        assert!(message.contains("in the webhook's ConfigMap"), "{message}");
        assert!(
            fix.contains("`RoleARN`") && !fix.contains("kubectl annotate"),
            "{fix}"
        );
        let issuer = RequestedAudience::Annotated;
        let (message, fix) = said(world().without_pods().requested("Issuer", issuer, Some(ROLE)));
        assert!(message.starts_with("the role for Issuer `shop/aws`"), "{message}");
        assert!(fix.starts_with("set the role for Issuer `shop/aws` to "), "{fix}");
    }

    #[test]
    fn the_fix_makes_it_work() {
        let text = trust(&condition(SUBJECT)).to_string();
        let world = World::healthy()
            .role(role(WITH_PATH, &text))
            .annotation(WITH_PATH);
        assert_healthy(&world.container(injected("app", WITH_PATH)).audit());
    }
}
