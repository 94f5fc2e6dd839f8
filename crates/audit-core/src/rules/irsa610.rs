//! # IRSA610 `TokenMintingExposed`
//!
//! ## What it means
//! Others can take the identity of the ServiceAccount, and with it the role. These permissions allow it:
//!
//! | permission | in a RoleBinding of its namespace | in a ClusterRoleBinding |
//! |---|---|---|
//! | `create` on `serviceaccounts/token` | yes | yes |
//! | `create` on `pods`; `update` or `patch` on `pods` (their images) | yes | yes |
//! | `create`, `update` or `patch` on `deployments`, `statefulsets`, `daemonsets`, `replicasets`, `replicationcontrollers`, `jobs`, `cronjobs` | yes | yes |
//! | the same on objects whose controllers run pods as the ServiceAccount that they name: Argo's `workflows`, `workflowtemplates`, `cronworkflows`, `rollouts`; Spark's `sparkapplications`, `scheduledsparkapplications`; Tekton's `pipelineruns`, `taskruns`; Knative's `services`; KEDA's `scaledjobs`; Ray's `rayclusters`, `rayjobs`, `rayservices`; runner sets of GitHub Actions | yes | yes |
//! | `pods/exec`, `pods/attach`, `pods/ephemeralcontainers` | yes | yes |
//! | `create` on `secrets` together with `get`, `list` or `watch`: a Secret of type `kubernetes.io/service-account-token` is filled with a token | yes | yes |
//! | `update` or `patch` on `serviceaccounts`, which hold the annotations | yes | yes |
//! | `impersonate` on `serviceaccounts` | yes | yes |
//! | `escalate` on `roles`; `bind` on `roles` or `clusterroles` | yes | yes |
//! | `escalate` on `clusterroles`; `impersonate` on `users` or `groups`; `nodes/proxy` | no | yes |
//! | `create`, `update` or `patch` on `mutatingwebhookconfigurations`: such a webhook changes pods of every namespace | no | yes |
//! | `create` on `certificatesigningrequests`, `update` or `patch` on `certificatesigningrequests/approval` and `approve` on the signer `kubernetes.io/kube-apiserver-client`, in one role: a certificate for any name | no | yes |
//!
//! The finding is reported for every audited ServiceAccount. It leaves out the subjects that run the cluster: the group `system:masters`,
//! nodes, the controller manager and the scheduler, EKS's own users and groups (`eks:…`), and ServiceAccounts in
//! `kube-system`. They are the same in every cluster and for every ServiceAccount, and would hide the others. Permissions
//! that are limited to pods, workloads or roles with certain names do not count, except `bind` on `edit`, `admin` or `cluster-admin`, and
//! except a webhook configuration, which can select any pod whatever its name.
//! Of a binding with more subjects than irsa-audit reads, or to a role with more rules, the finding says that there may be others.
//! In an audit of files, the finding is not reported if the files contain no bindings.
//!
//! ## Why it matters
//! In CloudTrail these requests look like those of the ServiceAccount itself. Anyone who can do this has every permission of the role,
//! whatever IAM says.
//!
//! ## In logs
//! In the API server's audit log: `create` on `serviceaccounts/token`, or on `pods`, by an unexpected user.
//!
//! ## Example
//! ```console
//! $ kubectl create token cart --namespace shop --audience sts.amazonaws.com
//! ```
//!
//! ## Fix
//! Remove permissions that are not needed from the roles that the finding names. Keep workloads with powerful roles in a namespace where
//! few may create pods. The finding does not change the verdict. A change of roles shows at the next audit of the ServiceAccount.
//!
//! ## Verify
//! `kubectl auth can-i create serviceaccounts/token --namespace NS --as USER` says `no`.
//!
//! ## References
//! - [RBAC good practices: privilege escalation](https://kubernetes.io/docs/concepts/security/rbac-good-practices/)
//! - [Certificate signing requests](https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization)
//! - [Manually create an API token](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)

use super::permissions::named;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::rbac::missing;
use crate::rbac::takers::{IdentityTaker, takers, unread_takers};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA610",
    reason: "TokenMintingExposed",
    severity: Severity::Notice,
    link: Link::Rbac,
    title: "others can take the identity of the ServiceAccount",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// How many are named.
const SHOWN: usize = 3;

/// Beyond so many it is not told how many they are: of some, not all are counted.
const MOST_TOLD: usize = 1003;

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (rbac, identity) = (chain.snapshot.cluster.rbac(), chain.key.into());
    let (count, shown) = takers(rbac, &identity, SHOWN);
    let unread = unread_takers(rbac, &identity);
    if count == 0 && unread.is_none() {
        return None;
    }
    let mut others: Vec<String> = shown.iter().map(describe).collect();
    if count > MOST_TOLD {
        others.push(format!("more than {} more", MOST_TOLD - SHOWN));
    } else if count > SHOWN {
        others.push(format!("{} more", count - SHOWN));
    }
    let (can, more) = if count == 0 {
        ("may be able to", "")
    } else {
        ("can", "perhaps more: ")
    };
    others.extend(unread.map(|unseen| format!("{more}{}", missing(&unseen))));
    Some(Finding::new(
        &ENTRY,
        format!(
            "others {can} take the identity of ServiceAccount `{}`: {}",
            quote(&chain.key.to_string()),
            others.join(", ")
        ),
    ))
}

fn describe(taker: &IdentityTaker<'_>) -> String {
    let ways: Vec<&str> = taker.ways.iter().map(|way| way.as_str()).collect();
    format!(
        "{} `{}` by {} ({})",
        taker.subject.kind(),
        quote(&taker.subject.name()),
        named(taker.binding),
        ways.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rbac::{ObjectId, RbacRole, RoleBinding, Subject};
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn who_may_create_pods_or_tokens_is_named() {
        let jane = Subject::User("jane".into());
        for rule in [
            "create core pods",
            "create core serviceaccounts/token cart",
            "patch core serviceaccounts",
            "patch core pods/ephemeralcontainers",
            "create core pods/attach",
            "escalate rbac.authorization.k8s.io roles",
            "bind rbac.authorization.k8s.io clusterroles",
        ] {
            let report = World::healthy()
                .granting("", "r", rule)
                .bound("shop", "/r", &jane)
                .audit();
            let finding = the_one(
                &report,
                ("IRSA610", Severity::Notice, Link::Rbac, Verdict::Working),
            );
            assert!(
                finding.message.contains("User `jane`") && finding.message.contains("RoleBinding `shop/b`")
            );
        }
    }

    #[test]
    fn who_may_not_is_not() {
        let jane = Subject::User("jane".into());
        for (namespace, rule) in [
            ("staging", "create core pods"),
            ("shop", "get core pods"),
            ("shop", "create core secrets"),
            ("shop", "create core nodes/proxy"),
        ] {
            assert_healthy(
                &World::healthy()
                    .granting("", "r", rule)
                    .bound(namespace, "/r", &jane)
                    .audit(),
            );
        }
    }

    #[test]
    fn subjects_that_are_not_kept_are_told_where_they_can() {
        for (rule, is_told) in [("create core pods", true), ("get core pods", false)] {
            let report = World::healthy()
                .granting("", "r", rule)
                .rbac(|rbac| {
                    let binding = crate::rbac::testing::binding("shop", "b", "/r", &[]);
                    rbac.put_binding(&RoleBinding {
                        has_more: true,
                        ..binding
                    });
                })
                .audit();
            assert_eq!(codes(&report).contains(&ENTRY.code), is_told, "{rule}");
        }
    }

    #[test]
    fn rules_that_are_not_kept_are_told_where_somebody_has_them() {
        for (subjects, is_told) in [(&[Subject::User("mallory".into())][..], true), (&[], false)] {
            let report = World::healthy()
                .granting("shop", "r", "get core pods")
                .rbac(|rbac| {
                    rbac.put_binding(&crate::rbac::testing::binding("shop", "b", "r", subjects));
                    let role = rbac.role(&ObjectId::new("shop", "r")).cloned().unwrap();
                    rbac.put_role(RbacRole {
                        has_more: true,
                        ..role
                    });
                })
                .audit();
            assert_eq!(codes(&report).contains(&ENTRY.code), is_told, "{subjects:?}");
        }
    }

    #[test]
    fn many_are_counted() {
        let world = (0..9).fold(World::healthy().granting("", "r", "* * *"), |world, n| {
            let subject = [Subject::User(format!("user-{n}").as_str().into())];
            world.rbac(|rbac| {
                rbac.put_binding(&crate::rbac::testing::binding(
                    "",
                    &format!("b-{n}"),
                    "/r",
                    &subject,
                ));
            })
        });
        let report = world.audit();
        assert!(
            report.findings[0].message.ends_with("6 more"),
            "{}",
            shown(&report)
        );
    }
}
