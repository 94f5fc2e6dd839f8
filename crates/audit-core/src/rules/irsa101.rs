//! # IRSA101 `RoleAnnotationMissing`
//!
//! ## What it means
//! The ServiceAccount has no annotation `eks.amazonaws.com/role-arn` (or an empty one), but something expects a role
//! for it:
//! - an `IrsaAudit` with `expect.roleArn` or `expect.aws`: *broken*;
//! - running pods that still have a role, because they were created before the annotation was removed, or run as a different
//!   ServiceAccount from the one they are meant for: a *risk*, and *broken* if that role is proven to refuse them;
//! - a controller that requests the ServiceAccount's token and takes the role from this annotation, such as the controller of a
//!   `SecretStore`: *broken*;
//! - a role whose trust policy names exactly this ServiceAccount, while pods run as it: a *risk*.
//!
//! Pods that bring role and token themselves, or get their credentials from EKS Pod Identity, need no annotation. If irsa-audit
//! could not list objects that may name the role themselves, such as an `Issuer` of cert-manager, the finding is *unknown* (IRSA915).
//!
//! ## Why it breaks
//! The pod identity webhook takes the role from this annotation. Without it, a new pod gets no role and no token, and the
//! SDK falls back to the node's role or finds no credentials.
//!
//! ## In logs
//! `AccessDenied … assumed-role/<node role>/i-0123… is not authorized`, `Unable to locate credentials`,
//! `NoCredentialProviders`.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   name: cart
//!   namespace: shop
//!   annotations: {}   # eks.amazonaws.com/role-arn is missing
//! ```
//!
//! ## Fix
//! Run `kubectl annotate serviceaccount NAME --namespace NS eks.amazonaws.com/role-arn=ARN`, and make the same change where the
//! ServiceAccount is managed (chart, manifest or Terraform). Then recreate its pods.
//!
//! ## Verify
//! `kubectl get serviceaccount NAME --namespace NS -o yaml` shows the annotation, and a new pod has `AWS_ROLE_ARN`.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use super::pods::refused;
use super::{repair, unseen_kinds};
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::{AuditRequest, Container, RoleLookup};
use crate::paths::{CredentialPath, PathRole};
use crate::snapshot::AskedIn;
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA101",
    reason: "RoleAnnotationMissing",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the ServiceAccount has no role annotation",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    chain.service_account?;
    if let Some(finding) = requested(chain) {
        return Some(finding);
    }
    let is_undecided = chain.snapshot.cluster.undecided_annotation(chain.key).is_some();
    let is_explained = chain.needs_no_annotation() || is_undecided;
    if chain.named_role != NamedRole::Missing
        || chain.misplaced.is_some()
        || !chain.aws_applies()
        || is_explained
    {
        return None;
    }
    let (severity, because) = if let Some(request) = chain.request.filter(|request| request.expects_role()) {
        let because = if request.from_command {
            "you asked about AWS permissions".to_owned()
        } else {
            format!("IrsaAudit `{}` expects a role", quote(&request.name))
        };
        (Severity::Broken, because)
    } else if chain.carries_role() {
        let refused: Vec<&str> = refused(chain, carried(chain)).into_iter().collect();
        if refused.is_empty() {
            let because = "running pods still have a role, which they lose when they are recreated";
            (Severity::Risk, because.to_owned())
        } else {
            (
                Severity::Broken,
                format!(
                    "running pods have role {}, which refuses them",
                    quote_list(&refused, 3)
                ),
            )
        }
    } else {
        let (account, role) = chain.trusted_by.first()?;
        (
            Severity::Risk,
            format!(
                "role `{}` in account {account} trusts exactly this ServiceAccount",
                quote(role)
            ),
        )
    };
    // Who is bound by the webhook's ConfigMap needs no annotation; that a role refuses pods is proven in any case.
    let may_be_bound = severity == Severity::Broken && chain.request.is_some_and(AuditRequest::expects_role);
    let (severity, unseen) = if may_be_bound && chain.snapshot.cluster.webhook_entries_unseen() {
        (
            Severity::Unknown,
            "; irsa-audit could not read the ConfigMap of a self-hosted webhook, which may name a role for it",
        )
    } else {
        (severity, "")
    };
    let key = format!("{}/role-arn", chain.config.annotation_prefix);
    let is_empty = chain
        .service_account
        .is_some_and(|account| account.annotations.contains_key(&key));
    let what = if is_empty {
        format!("has an empty annotation `{key}`")
    } else {
        format!("has no annotation `{key}`")
    };
    let message = format!(
        "ServiceAccount `{}` {what}, but {because}{unseen}{}",
        quote(&chain.key.to_string()),
        meanwhile(chain)
    );
    // Pods that carry a role show that they need it.
    if let Some(unseen) = unseen_kinds::of_missing_annotation(chain).filter(|_| !chain.carries_role()) {
        let message = format!("{message}{}", unseen.note);
        return Some(
            Finding::new(&ENTRY, message)
                .severity(Severity::Unknown)
                .fix(unseen.fix),
        );
    }
    Some(
        Finding::new(&ENTRY, message)
            .severity(severity)
            .fix(annotate(chain, AskedIn::Annotation)),
    )
}

/// What its pods get instead, where nothing else gives them a role.
fn meanwhile(chain: &Chain<'_>) -> &'static str {
    match chain.path {
        Some(CredentialPath::Node) => {
            "; its pods get the credentials of the node's role if they can reach the instance metadata service, else none"
        }
        Some(CredentialPath::Static) => "; its pods use the static keys in `AWS_ACCESS_KEY_ID`",
        _ => "",
    }
}

/// A controller requests the ServiceAccount's token, and finds no role that belongs to it.
fn requested(chain: &Chain<'_>) -> Option<Finding> {
    let mut ways = chain.ways.by(CredentialPath::Requested);
    let way = ways
        .find(|way| way.role == PathRole::None)
        .filter(|_| chain.misplaced.is_none())?;
    let message = format!(
        "ServiceAccount `{}` has no annotation `{}`, but {} takes its role from that annotation",
        quote(&chain.key.to_string()),
        repair::role_key(chain, AskedIn::Requester),
        way.taker.shown()
    );
    Some(Finding::new(&ENTRY, message).fix(annotate(chain, AskedIn::Requester)))
}

/// Names the role to who asks, if there is only one that it can be.
fn annotate(chain: &Chain<'_>, asked_in: AskedIn) -> Fix {
    the_role(chain).map_or_else(
        || {
            Fix::manual(format!(
                "set annotation `{}` of the ServiceAccount to the ARN of its role, and recreate its pods",
                repair::role_key(chain, asked_in)
            ))
        },
        |arn| repair::annotate_role_for(chain, asked_in, &arn),
    )
}

/// The expected role, else the role of the pods if it admits them, else the role that trusts the ServiceAccount: if that is one role, and
/// not one that IAM did not know.
fn the_role(chain: &Chain<'_>) -> Option<String> {
    if let Some(arn) = chain.request.and_then(|request| request.role_arn.as_deref()) {
        return iam_policy::RoleArn::parse(arn).is_ok().then(|| arn.to_owned());
    }
    let mut candidates: Vec<String> = if chain.carries_role() && refused(chain, carried(chain)).is_empty() {
        carried(chain).map(|(_, role)| role.to_owned()).collect()
    } else {
        chain
            .trusted_by
            .iter()
            .map(|(account, role)| arn_of(chain, account, role))
            .collect::<Option<_>>()?
    };
    candidates.sort();
    candidates.dedup();
    let [arn] = candidates.as_slice() else { return None };
    let role = iam_policy::RoleArn::parse(arn).ok()?;
    let gone = matches!(
        lookup(chain, role.account(), role.name()),
        Some(RoleLookup::Absent)
    );
    (!gone).then(|| arn.clone())
}

/// The containers that would assume a role, with that role.
fn carried<'a>(chain: &Chain<'a>) -> impl Iterator<Item = (&'a Container, &'a str)> {
    let containers = chain
        .pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter(|c| c.has_web_identity());
    containers.filter_map(|container| Some((container, container.role_arn.as_deref()?)))
}

fn arn_of(chain: &Chain<'_>, account: &str, role: &str) -> Option<String> {
    match lookup(chain, account, role)? {
        RoleLookup::Found(role) => Some(role.arn.to_string()),
        RoleLookup::Absent => None,
    }
}

/// What IAM said last of a role, however long ago: this is advice, not a verdict.
fn lookup<'a>(chain: &Chain<'a>, account: &str, role: &str) -> Option<&'a RoleLookup> {
    chain.snapshot.accounts.get(account)?.roles.get(role)?.latest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Bound, is_bound};
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) =
        ("IRSA101", Severity::Risk, Link::ServiceAccount, Verdict::AtRisk);
    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA101", Severity::Broken, Link::ServiceAccount, Verdict::Broken);

    /// Without anything that expects a role.
    fn unbound() -> World {
        World::healthy().without_annotation().container(bare("app"))
    }

    fn command(report: &crate::BindingReport) -> Option<String> {
        let fix = report.findings[0].fix.clone().unwrap();
        (fix.first.kind == FixKind::Kubectl).then_some(fix.first.text)
    }

    #[test]
    fn nothing_expects_a_role() {
        assert_healthy(&unbound().audit());
        assert_healthy(&unbound().without_pods().trusted_by("cart").audit());
    }

    #[test]
    fn an_expectation_makes_it_broken() {
        for world in [
            unbound().expect_role(ROLE),
            unbound().expect_aws(),
            unbound().annotation("").expect_aws(),
        ] {
            the_one(&world.audit(), BROKEN);
        }
        let report = unbound().expect_role(ROLE).audit();
        assert!(
            command(&report)
                .unwrap()
                .ends_with(&format!("eks.amazonaws.com/role-arn={ROLE}"))
        );
        assert_eq!(
            command(&unbound().expect_aws().audit()),
            None,
            "nobody says which role"
        );
    }

    #[test]
    fn what_its_pods_get_instead_is_named() {
        let message = |world: World| world.expect_role(ROLE).audit().message;
        assert!(message(unbound()).ends_with("if they can reach the instance metadata service, else none"));
        let rarities = crate::model::Rarities {
            access_key: Some(crate::model::SetBy::Env),
            ..crate::model::Rarities::default()
        };
        let keys = crate::model::Container {
            rarities: Some(Box::new(rarities)),
            ..bare("app")
        };
        assert!(message(unbound().container(keys)).ends_with("static keys in `AWS_ACCESS_KEY_ID`"));
        assert!(message(unbound().without_pods()).ends_with("expects a role"));
    }

    #[test]
    fn the_webhooks_config_map_may_name_the_role_where_nobody_could_read_it() {
        let mut world = unbound().expect_role(ROLE);
        world.snapshot.cluster.set_webhook_entries_unseen(true);
        the_one(
            &world.audit(),
            (
                "IRSA101",
                Severity::Unknown,
                Link::ServiceAccount,
                Verdict::Unknown,
            ),
        );
        let mut bound = World::healthy();
        bound.snapshot.cluster.set_webhook_entries_unseen(true);
        assert_healthy(&bound.audit());
    }

    #[test]
    fn an_object_that_is_not_read_to_its_end_may_name_the_role() {
        let at = |namespace| unbound().expect_role(ROLE).beside_a_cut_object(namespace).audit();
        let unknown = (
            "IRSA101",
            Severity::Unknown,
            Link::ServiceAccount,
            Verdict::Unknown,
        );
        the_one(&at("shop"), unknown);
        assert_ne!(at("elsewhere").verdict, Verdict::Unknown);
        let world = unbound().beside_a_cut_object("shop");
        assert_eq!(
            is_bound(&world.snapshot, &world.config, &world.key, world.now),
            Bound::CannotTell
        );
    }

    #[test]
    fn pods_that_carry_a_role_lose_it_some_day() {
        let report = World::healthy().without_annotation().audit();
        the_one(&report, RISK);
        assert!(command(&report).unwrap().ends_with(ROLE));
        let unseen = World::healthy()
            .without_annotation()
            .container(injected("app", OLD_ROLE))
            .audit();
        the_one(&unseen, RISK);
    }

    #[test]
    fn pods_whose_role_refuses_them_are_broken() {
        let gone = World::healthy()
            .without_annotation()
            .role(RoleLookup::Absent)
            .audit();
        the_one(&gone, BROKEN);
        assert_eq!(command(&gone), None, "no role that does not exist is proposed");
        let of_another = || {
            let trust = trust(&condition("system:serviceaccount:shop:other"));
            World::healthy()
                .without_annotation()
                .role(role(ROLE, &trust.to_string()))
        };
        let report = of_another().audit();
        the_one(&report, BROKEN);
        assert_eq!(command(&report), None, "no role that refuses them is proposed");
        let mut world = of_another();
        world.snapshot.cluster.set_webhook_entries_unseen(true);
        the_one(&world.audit(), BROKEN);
    }

    #[test]
    fn a_role_arn_without_a_token_is_the_applications_own_affair() {
        let own = crate::model::Container {
            role_arn: Some(OLD_ROLE.to_owned()),
            ..bare("app")
        };
        assert_healthy(&unbound().container(own).audit());
    }

    #[test]
    fn a_role_that_trusts_by_name_expects_the_annotation() {
        let report = unbound().trusted_by("cart").audit();
        the_one(&report, RISK);
        assert!(command(&report).unwrap().ends_with(ROLE));
        let report = unbound().trusted_by("cart").trusted_by("unread").audit();
        the_one(&report, RISK);
        assert_eq!(command(&report), None, "it could be either");
    }

    #[test]
    fn who_expects_only_kubernetes_expects_no_role() {
        let world = unbound().trusted_by("cart").expect_kubernetes();
        assert!(!codes(&world.audit()).contains(&"IRSA101"));
    }

    #[test]
    fn pods_of_pod_identity_need_no_annotation() {
        let report = unbound()
            .trusted_by("cart")
            .container(with_pod_identity("app"))
            .audit();
        assert_eq!(codes(&report), ["IRSA912"]);
    }

    #[test]
    fn pods_that_bring_role_and_token_need_no_annotation() {
        let own = own(AUDIENCE, ROLE);
        let report = unbound().trusted_by("cart").container(own.clone()).audit();
        assert_healthy(&report);
        assert_eq!(report.facts.path, Some(CredentialPath::Own));
        let misplaced = unbound()
            .annotate("eks.amazon.com/role-arn", Some(ROLE))
            .container(own);
        assert_healthy(&misplaced.audit());
    }

    #[test]
    fn a_store_that_takes_the_role_from_it_fails_without() {
        let report = unbound()
            .trusted_by("cart")
            .requested_by("SecretStore")
            .without_pods()
            .audit();
        let finding = the_one(&report, BROKEN);
        assert!(
            finding.message.contains("SecretStore `shop/aws`"),
            "{}",
            finding.message
        );
        assert!(command(&report).unwrap().ends_with(ROLE));
    }

    #[test]
    fn the_key_is_the_one_that_the_requester_reads() {
        let report = unbound()
            .trusted_by("cart")
            .requested_by("SecretStore")
            .without_pods()
            .config(|config| "irsa.example.com".clone_into(&mut config.annotation_prefix))
            .audit();
        let command = command(&report).unwrap();
        assert!(
            command.ends_with(&format!(" eks.amazonaws.com/role-arn={ROLE}")),
            "{command}"
        );
    }
}
