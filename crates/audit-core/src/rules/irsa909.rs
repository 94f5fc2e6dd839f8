//! # IRSA909 `RbacReviewDisagrees`
//!
//! ## What it means
//! For something that `spec.expect.kubernetes` names, the roles and bindings of the cluster give a different answer from the API server.
//! The operator, and `irsa-audit audit` on a live cluster, ask the API server for each expected request whether it would allow
//! it to the ServiceAccount (a `SubjectAccessReview`). A disagreement counts only if the API server repeats it some seconds later, because
//! a change of roles reaches one of the two a moment earlier. irsa-audit asks for at most 64 requests of one ServiceAccount, and first for
//! those that no role allows. An audit of files has no such confirmation.
//!
//! ## Why it is unknown
//! RBAC can only allow, and it is one of several authorizers: a webhook or a policy file may allow what no role allows, and deny what a
//! role allows. The roles then prove nothing, so irsa-audit reports neither IRSA601 to IRSA608 for these requests, nor that they are
//! allowed. The question contains the user and the groups of the ServiceAccount's token, but not the other claims of a token, such as the
//! pod's name: an authorizer that uses those may give the pod a different answer.
//!
//! ## In logs
//! If the request is denied, the application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods"`,
//! followed by the reason that the authorizer gave.
//!
//! ## Example
//! ```console
//! $ kubectl auth can-i list pods --namespace shop --as system:serviceaccount:shop:cart
//! yes
//! $ irsa-audit can-i shop/cart list pods --kubernetes rights.yaml
//! no: may not `list` `pods` in namespace `shop`: …
//! ```
//!
//! ## Fix
//! Find out which authorizers the API server has (`--authorization-mode`, `--authorization-config`), and which of them gives this answer.
//! If the answer is intended, waive this code, or remove the expectation.
//!
//! ## Verify
//! `kubectl auth can-i VERB RESOURCE --namespace NS --as system:serviceaccount:NS:NAME` says what the roles say, and the finding is
//! gone.
//!
//! ## References
//! - [Authorization](https://kubernetes.io/docs/reference/access-authn-authz/authorization/)
//! - [Webhook mode](https://kubernetes.io/docs/reference/access-authn-authz/webhook/)
//! - [Using ABAC authorization](https://kubernetes.io/docs/reference/access-authn-authz/abac/)

use super::permissions::{asked, named, role};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::rbac::{AccessRequest, Dispute, Ruling};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA909",
    reason: "RbacReviewDisagrees",
    severity: Severity::Unknown,
    link: Link::Rbac,
    title: "the API server contradicts the roles and bindings",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let answer = chain
        .permissions
        .iter()
        .find(|answer| !answer.disputed.is_empty())?;
    let first = answer.disputed.first()?;
    let alike: Vec<AccessRequest<'_>> = answer
        .disputed
        .iter()
        .filter(|dispute| dispute.ruling == first.ruling)
        .map(|dispute| dispute.request)
        .collect();
    let all: usize = chain.permissions.iter().map(|answer| answer.disputed.len()).sum();
    let more = match all - alike.len() {
        0 => String::new(),
        others => format!("; the API server also disagrees on {others} more expected requests"),
    };
    let fix = Fix::manual(
        "find the authorizer of the API server that gives this answer (`--authorization-mode`, `--authorization-config`); if the answer is \
         intended, waive IRSA909",
    );
    Some(Finding::new(&ENTRY, format!("{}{more}", both(first, &asked(&alike)))).fix(fix))
}

/// What the roles say, and what the API server says.
fn both(dispute: &Dispute<'_>, asked: &str) -> String {
    let grant = dispute.grant.map_or_else(
        || "none of its roles allows it".to_owned(),
        |binding| format!("{} grants it, with {}", named(binding), role(binding)),
    );
    match dispute.ruling {
        Ruling::Allowed => {
            format!(
                "the API server says that the ServiceAccount may {asked}, but {grant}: an authorizer other than RBAC allows it"
            )
        }
        Ruling::Denied { explicitly, failed } => {
            let why = match (explicitly, failed) {
                (true, _) => "an authorizer before RBAC denies it",
                (false, true) => "one of the API server's authorizers fails",
                (false, false) => "the API server does not use the roles that irsa-audit saw",
            };
            format!("the API server says that the ServiceAccount may not {asked}, but {grant}: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::PermissionDecision;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA909", Severity::Unknown, Link::Rbac, Verdict::Unknown);
    const DENIED: Ruling = Ruling::Denied {
        explicitly: false,
        failed: false,
    };

    fn denied() -> World {
        World::healthy().expect_kubernetes()
    }

    fn granted() -> World {
        denied()
            .granting("shop", "r", "get core pods")
            .bound_itself("shop", "r")
    }

    #[test]
    fn what_the_api_server_allows_is_not_broken() {
        let report = denied().reviewed(Ruling::Allowed).audit();
        let finding = the_one(&report, UNKNOWN);
        assert!(
            finding.message.contains("`pods` in namespace `shop`"),
            "{}",
            finding.message
        );
        assert_eq!(
            state(&report, Link::Rbac),
            LinkState::Unseen("RbacReviewDisagrees")
        );
    }

    #[test]
    fn what_the_api_server_denies_is_not_fine() {
        for (explicitly, failed) in [(false, false), (true, false), (false, true)] {
            let report = granted().reviewed(Ruling::Denied { explicitly, failed }).audit();
            let finding = the_one(&report, UNKNOWN);
            assert!(
                finding.message.contains("RoleBinding `shop/b`"),
                "{}",
                finding.message
            );
        }
    }

    #[test]
    fn where_they_agree_nothing_changes() {
        assert_healthy(&granted().reviewed(Ruling::Allowed).audit());
        assert_eq!(denied().reviewed(DENIED).audit(), denied().audit());
    }

    #[test]
    fn a_review_counts_only_for_what_it_was_asked_for() {
        // The roles have changed since.
        let repaired = denied()
            .reviewed(Ruling::Allowed)
            .granting("shop", "r", "get core pods");
        assert_healthy(&repaired.bound_itself("shop", "r").audit());
        let revoked = granted().reviewed(DENIED).rbac(|rbac| {
            rbac.put_role(crate::rbac::testing::role("shop", "r", &[]));
        });
        assert_eq!(codes(&revoked.audit()), codes(&denied().audit()));
        // Another thing is expected.
        let other = denied().reviewed(Ruling::Allowed).request(|request| {
            request.kubernetes[0].verbs = vec!["list".to_owned()];
        });
        assert_eq!(codes(&other.audit()), ["IRSA601"]);
    }

    #[test]
    fn the_rest_is_as_broken_as_ever() {
        let world = denied()
            .reviewed(Ruling::Allowed)
            .expect_kubernetes()
            .request(|request| {
                request.kubernetes[0].verbs.push("list".to_owned());
                request.kubernetes[1].resource = "secrets".to_owned();
            });
        let report = world.audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Broken, vec!["IRSA601", "IRSA909"])
        );
        let fix = report.findings[0].fix.as_ref().unwrap();
        assert!(
            fix.first.text.contains("list") && !fix.first.text.contains("get, list"),
            "only what is denied: {}",
            fix.first.text
        );
        assert_eq!(codes(&world.with_permissions_repaired().audit()), ["IRSA909"]);
    }

    #[test]
    fn what_was_not_seen_is_what_the_api_server_allows() {
        let blind = || {
            World::healthy()
                .rbac(|rbac| *rbac = crate::rbac::Rbac::default())
                .expect_kubernetes()
        };
        assert_healthy(&blind().reviewed(Ruling::Allowed).audit());
        assert_eq!(codes(&blind().reviewed(DENIED).audit()), ["IRSA908"]);
    }

    #[test]
    fn a_waiver_leaves_the_rest_to_decide() {
        let report = denied().reviewed(Ruling::Allowed).waive("IRSA909", None).audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Working, vec!["IRSA909"])
        );
    }

    #[test]
    fn decisions_are_heaviest_last() {
        let unseen = PermissionDecision::Unseen(crate::rbac::Unseen::BeyondFiles);
        let mut all = [
            PermissionDecision::Denied,
            PermissionDecision::Allowed,
            unseen.clone(),
            PermissionDecision::Disputed,
        ];
        all.sort();
        assert_eq!(
            all,
            [
                PermissionDecision::Allowed,
                PermissionDecision::Disputed,
                unseen,
                PermissionDecision::Denied
            ]
        );
    }
}
