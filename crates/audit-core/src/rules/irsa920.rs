//! # IRSA920 `PlanValueUnknown`
//!
//! ## What it means
//! The audit reads a Terraform plan, but the plan does not contain a value that decides: Terraform knows it only after apply, or marks it
//! as sensitive. The message names the resource and the attribute. The operator never reports this finding.
//!
//! As a *notice*, the finding says that the role annotation of a ServiceAccount is known only after apply, and that the configuration
//! refers there to exactly one role. irsa-audit uses the ARN of that role as the annotation. A plan does not show text around a reference.
//!
//! ## Why it is unknown
//! A guess could be wrong in both directions. irsa-audit audits what the plan contains, so all other findings stay the same.
//!
//! ## In logs
//! Nothing: only an audit of a plan reports this.
//!
//! ## Example
//! ```hcl
//! resource "aws_iam_openid_connect_provider" "cluster" {
//!   url            = aws_eks_cluster.main.identity[0].oidc[0].issuer
//!   client_id_list = ["sts.amazonaws.com"]
//! }
//!
//! resource "aws_iam_role" "cart" {
//!   name               = "cart"
//!   assume_role_policy = data.aws_iam_policy_document.cart.json # interpolates aws_iam_openid_connect_provider.cluster.arn
//! }
//! ```
//! where the provider is created by the same plan.
//!
//! ## Fix
//! Audit the account after the apply. Or make the value known to the plan: create the cluster and its provider in a separate apply, and
//! build the ARN of the provider from the account ID and the issuer.
//!
//! ## Verify
//! The finding is gone from the audit after the apply.
//!
//! ## References
//! - [JSON output format of Terraform](https://developer.hashicorp.com/terraform/internals/json-format#change-representation)
//! - [Unknown values](https://developer.hashicorp.com/terraform/language/expressions/references#values-not-yet-known)

use super::evidence::gaps;
use crate::chain::{Chain, Gap};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Reread, Severity};
use crate::fix::Fix;
use crate::model::{PlanGap, PlanGapReason};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA920",
    reason: "PlanValueUnknown",
    severity: Severity::Unknown,
    link: Link::ServiceAccount,
    title: "the Terraform plan does not contain a value that decides",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[
        Check::Binding(annotation),
        Check::Binding(taken),
        Check::Binding(evidence),
    ],
};

/// That the plan does not give the annotations of the ServiceAccount.
fn annotation(chain: &Chain<'_>) -> Option<Finding> {
    let gap = undecided(chain)?;
    let message = format!(
        "ServiceAccount `{}`: {}, so its role is unknown",
        quote(&chain.key.to_string()),
        told(gap)
    );
    Some(finding(message, gap))
}

/// That the annotation was taken from the only role that its expression refers to.
fn taken(chain: &Chain<'_>) -> Option<Finding> {
    let taken = chain.snapshot.cluster.taken_annotation(chain.key)?;
    let message = format!(
        "ServiceAccount `{}`: {}. The configuration refers there only to `{}`, so irsa-audit uses the ARN of this role",
        quote(&chain.key.to_string()),
        told(&taken.gap),
        quote(&taken.role)
    );
    Some(
        Finding::new(&ENTRY, message)
            .severity(Severity::Notice)
            .reread(Reread::Nothing),
    )
}

/// That the plan does not give something of the role, of its policies or of its provider.
fn evidence(chain: &Chain<'_>) -> Option<Finding> {
    let (link, gap) = gaps(chain).into_iter().find_map(|(link, gap)| match gap {
        Gap::Undecided(gap) => Some((link, gap)),
        _ => None,
    })?;
    let link = if gap.is_trust { Link::Trust } else { link };
    Some(finding(told(gap), gap).at(link))
}

fn finding(message: String, gap: &PlanGap) -> Finding {
    let fix = match gap.why {
        PlanGapReason::AfterApply => "audit the account after the apply, when the value is known",
        PlanGapReason::Sensitive => {
            "remove the sensitive value from the attribute: policies and ARNs are visible in IAM to anyone who may read them"
        }
    };
    Finding::new(&ENTRY, message)
        .fix(Fix::manual(fix))
        .reread(Reread::Nothing)
}

/// The attribute, and why it is unknown.
fn told(gap: &PlanGap) -> String {
    let attribute = quote(&gap.attribute);
    match gap.why {
        PlanGapReason::AfterApply => format!("Terraform knows `{attribute}` only after apply"),
        PlanGapReason::Sensitive => format!("`{attribute}` is sensitive, so the plan does not show it"),
    }
}

/// Why the annotations of the ServiceAccount are unknown, where they matter.
fn undecided<'a>(chain: &Chain<'a>) -> Option<&'a PlanGap> {
    let gap = chain.snapshot.cluster.undecided_annotation(chain.key)?;
    (!chain.needs_no_annotation()).then_some(gap)
}

/// Takes back what a finding proves by the absence of an annotation that the plan does not give.
pub(crate) fn doubt(chain: &Chain<'_>, finding: &mut Finding) {
    let depends = finding.severity >= Severity::Risk && finding.link != Link::Rbac;
    if depends && finding.entry.code != ENTRY.code && undecided(chain).is_some() {
        finding.severity = Severity::Unknown;
        finding.fix = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Bound, is_bound};
    use crate::model::Observed;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn gap(attribute: &str, why: PlanGapReason) -> PlanGap {
        PlanGap {
            attribute: attribute.to_owned(),
            why,
            is_trust: attribute.ends_with("assume_role_policy"),
        }
    }

    fn after_apply(attribute: &str) -> PlanGap {
        gap(attribute, PlanGapReason::AfterApply)
    }

    #[test]
    fn the_link_whose_value_is_missing_is_unknown_and_the_attribute_is_named() {
        for (attribute, link) in [
            ("aws_iam_role.cart.assume_role_policy", Link::Trust),
            ("aws_iam_role.cart.arn", Link::Role),
        ] {
            for why in [PlanGapReason::AfterApply, PlanGapReason::Sensitive] {
                let world = World::healthy().account(|account| {
                    *account.roles.slot("cart") = Observed::undecided(gap(attribute, why));
                });
                let report = world.read_from_files().audit();
                let finding = the_one(&report, ("IRSA920", Severity::Unknown, link, Verdict::Unknown));
                assert!(finding.message.contains(attribute), "{}", finding.message);
                assert_eq!(state(&report, link), LinkState::Unseen("PlanValueUnknown"));
                assert!(!report.pending);
            }
        }
        let world = World::healthy().account(|account| {
            account.provider = Observed::undecided(after_apply("aws_iam_openid_connect_provider.x.url"));
        });
        the_one(
            &world.audit(),
            ("IRSA920", Severity::Unknown, Link::Provider, Verdict::Unknown),
        );
    }

    #[test]
    fn a_role_whose_name_is_open_may_be_one_that_was_not_seen() {
        for (prefix, verdict) in [
            ("", Verdict::Unknown),
            ("ca", Verdict::Unknown),
            ("cart-", Verdict::Broken),
        ] {
            let world = World::healthy().role_unseen(None).account(|account| {
                let gap = after_apply("aws_iam_role.cart.name");
                account.nameless_roles.push((prefix.to_owned(), gap));
            });
            assert_eq!(world.read_from_files().audit().verdict, verdict, "{prefix}");
        }
    }

    #[test]
    fn unknown_policies_count_where_permissions_are_expected() {
        let world = || {
            World::healthy().account(|account| {
                let gap = after_apply("aws_iam_role_policy.cart.policy");
                *account.policies.slot("cart") = Observed::undecided(gap);
            })
        };
        let report = world().audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA920"])
        );
        assert_eq!(world().expect_aws().audit().verdict, Verdict::Unknown);
    }

    /// A ServiceAccount without annotations that the plan gives.
    fn undecided(world: World) -> World {
        let mut world = world.without_annotation();
        let gap = after_apply("kubernetes_service_account.cart.metadata[0].annotations");
        let key = world.key.clone();
        world.snapshot.cluster.put_undecided_annotation(key, gap);
        world
    }

    #[test]
    fn an_annotation_that_the_plan_does_not_give_is_not_missing() {
        for world in [
            World::healthy().without_pods(),
            World::healthy(),
            World::healthy().trusted_by("cart"),
            World::healthy().request(|_| ()).expect_role(ROLE),
            World::healthy().container(bare("app")),
        ] {
            let world = undecided(world);
            assert_eq!(
                is_bound(&world.snapshot, &world.config, &world.key, world.now),
                Bound::Yes
            );
            let report = world.audit();
            assert_eq!(
                (report.verdict, report.reason),
                (Verdict::Unknown, "PlanValueUnknown"),
                "{report:?}"
            );
            assert!(!codes(&report).contains(&"IRSA101"));
        }
    }

    #[test]
    fn an_annotation_that_was_taken_from_a_role_is_told_and_decides_nothing() {
        let mut world = World::healthy();
        let taken = crate::model::TakenAnnotation {
            gap: after_apply("kubernetes_service_account.cart.metadata[0].annotations"),
            role: "aws_iam_role.cart".to_owned(),
        };
        let key = world.key.clone();
        world.snapshot.cluster.put_taken_annotation(key, taken);
        let report = world.audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA920"])
        );
        assert_eq!(report.findings[0].severity, Severity::Notice);
    }
}
