//! Repairs of the ServiceAccount, with what must follow them: the webhook looks at its annotations only when a pod is
//! created.

use iam_policy::RoleArn;

use super::pods::{ToldContainer, containers_shown, named, other_roles};
use super::rollout;
use crate::chain::{Chain, NamedRole, RoleOutcome};
use crate::fix::Repaired;
use crate::fix::{self, Fix};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::webhook::CONFIG_MAP;
use crate::model::{Consumer, Container, Pod, Use};
use crate::paths::{PathRole, REQUESTERS_PREFIX, Taker};
use crate::snapshot::AskedIn;
use crate::text::quote;

/// The end of the annotation that names the role.
const ROLE: &str = "role-arn";

/// The variables that the webhook sets where neither is set.
pub const VARIABLES: [&str; 2] = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// The prefix of the annotations that name role and audience to who asks: to the webhook that of its flag, to controllers that request
/// tokens always that of EKS.
#[must_use]
pub fn annotation_prefix<'c>(chain: &Chain<'c>, asked_in: AskedIn) -> &'c str {
    match asked_in {
        AskedIn::Annotation | AskedIn::ConfigMap | AskedIn::Pod => &chain.config.annotation_prefix,
        AskedIn::Requester => REQUESTERS_PREFIX,
    }
}

/// The key of the annotation that names the role to who asks.
#[must_use]
pub fn role_key(chain: &Chain<'_>, asked_in: AskedIn) -> String {
    format!("{}/{ROLE}", annotation_prefix(chain, asked_in))
}

/// What an annotation that names the role to who asks does.
fn role_annotation(chain: &Chain<'_>, asked_in: AskedIn, arn: &str) -> Repaired {
    Repaired::RoleAnnotation {
        key: role_key(chain, asked_in),
        arn: arn.to_owned(),
    }
}

/// Annotates the ServiceAccount with a role, and recreates the pods that do not carry it.
#[must_use]
pub fn annotate_role(chain: &Chain<'_>, arn: &str) -> Fix {
    annotate_role_for(chain, AskedIn::Annotation, arn)
}

/// Annotates the ServiceAccount with a role for who asks, and recreates the pods that do not carry it where the webhook asks for the same
/// annotation.
#[must_use]
pub fn annotate_role_for(chain: &Chain<'_>, asked_in: AskedIn, arn: &str) -> Fix {
    let fix = fix::annotate_role(chain.key, annotation_prefix(chain, asked_in), arn);
    let is_webhooks = role_key(chain, asked_in) == role_key(chain, AskedIn::Annotation);
    let follows = is_webhooks.then(|| recreated(chain, |pod| !carries(pod, arn)));
    fix.repairs(role_annotation(chain, asked_in, arn))
        .then(follows.flatten())
}

/// Has the binding name a role, where it names one now: in the annotation, in the webhook's ConfigMap, in the pod template or in the
/// object that requests the token; and recreates the pods that do not carry it.
#[must_use]
pub fn name_role(chain: &Chain<'_>, arn: &str) -> Fix {
    match chain.source {
        AskedIn::Annotation => annotate_role(chain, arn),
        AskedIn::ConfigMap => edit_config_map(chain, "RoleARN", &format!("`{}`", quote(arn)))
            .repairs(Repaired::ConfigMapRole(arn.to_owned()))
            .then(recreated(chain, |pod| !carries(pod, arn))),
        AskedIn::Pod => set_own_role(chain, arn),
        AskedIn::Requester if is_annotated(chain) => {
            fix::annotate_role(chain.key, annotation_prefix(chain, chain.source), arn)
                .repairs(role_annotation(chain, chain.source, arn))
        }
        AskedIn::Requester => {
            let place = where_it_stands(chain, ROLE);
            Fix::manual(format!(
                "set {place} to `{}`, where its manifest is kept",
                quote(arn)
            ))
        }
    }
}

/// Sets the role of the containers that bring this one themselves.
fn set_own_role(chain: &Chain<'_>, arn: &str) -> Fix {
    let role = match chain.deciding.map(|way| way.role) {
        Some(PathRole::Named(role)) => Some(role),
        _ => None,
    };
    let edited = rollout::edited_containers(
        chain,
        &of_the_way(chain),
        |container| container.role_arn.as_deref() == role,
        |due| {
            let command = fix::set_env(&chain.key.namespace, named(due), VARIABLES[0], arn)?;
            Some(command.brief(format!(
                "set `AWS_ROLE_ARN` of {} to `{}` in the pod template",
                containers_shown(due),
                quote(arn)
            )))
        },
        |due| {
            format!(
                "set `AWS_ROLE_ARN` of {} to `{}` in the pod template",
                containers_shown(due),
                quote(arn)
            )
        },
    );
    let by_hand = || {
        Fix::manual(format!(
            "set {} to `{}`",
            where_it_stands(chain, ROLE),
            quote(arn)
        ))
    };
    edited
        .unwrap_or_else(by_hand)
        .repairs(Repaired::OwnRole(arn.to_owned()))
}

/// The containers that have the audited role in their own `env`, or whose templates have it there.
fn of_the_way<'a>(chain: &Chain<'a>) -> Vec<ToldContainer<'a, ()>> {
    let Some(PathRole::Named(role)) = chain.deciding.map(|way| way.role) else {
        return Vec::new();
    };
    let pods = chain.pods.iter().chain(&chain.templates).copied();
    let containers = pods.flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)));
    let has_it = |container: &Container| container.role_arn.as_deref() == Some(role);
    let told = containers.filter(|(pod, container)| {
        let is_named = has_it(container.in_template().unwrap_or(container));
        is_named && chain.ways.is_elsewhere(pod, container)
    });
    told.map(|(pod, container)| ToldContainer {
        pod,
        container,
        what: (),
    })
    .collect()
}

/// What a pod template sets in place of the webhook, where the webhook would do better.
#[derive(Debug)]
pub struct Overridden {
    /// The role that the webhook is asked for.
    pub role: RoleArn,
    /// The containers, as a message names them.
    pub containers: String,
    /// Takes the two variables out of the template.
    pub fix: Fix,
}

/// Whether containers with the audited role have it in place of one that the webhook is asked for and would inject, with the
/// token that it mounts all the same: then their templates need nothing but to leave both variables to it.
#[must_use]
pub fn overridden(chain: &Chain<'_>) -> Option<Overridden> {
    let containers = of_the_way(chain);
    let uses_the_webhooks = |one: &ToldContainer<'_, ()>| {
        let by_webhook = one.container.token().is_some_and(|token| token.by_webhook);
        by_webhook || (one.pod.is_template() && one.container.leads_to_the_webhooks())
    };
    if containers.is_empty() || !containers.iter().all(uses_the_webhooks) {
        return None;
    }
    let NamedRole::Role(role) = NamedRole::read(&chain.asked(), chain.config) else {
        return None;
    };
    let names = containers_shown(&containers);
    let fix = rollout::edited_containers(
        chain,
        &containers,
        Container::names_web_identity,
        |due| {
            let command = fix::unset_env(&chain.key.namespace, named(due), &VARIABLES)?;
            Some(command.brief(leave_to_webhook(&containers_shown(due), &role)))
        },
        |due| leave_to_webhook(&containers_shown(due), &role),
    )?;
    Some(Overridden {
        role,
        containers: names,
        fix,
    })
}

/// The edit that leaves containers to the webhook, in words.
fn leave_to_webhook(containers: &str, role: &RoleArn) -> String {
    format!(
        "remove `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` from {containers} in the pod template: the webhook then sets both, with \
         role `{role}`"
    )
}

/// [`overridden`], where the role that the webhook would inject admits the ServiceAccount.
#[must_use]
pub fn better_left_to_webhook(chain: &Chain<'_>) -> Option<Overridden> {
    let found = overridden(chain)?;
    let asked = chain.asked().audience.or(chain.default_audience);
    let passes = chain
        .for_role(found.role.clone(), asked.unwrap_or(DEFAULT_AUDIENCE))
        .outcome()
        == RoleOutcome::Passes;
    (passes && chain.snapshot.cluster.has_webhook() != Some(false)).then_some(found)
}

/// Whether an object that requests tokens takes the role from the ServiceAccount's annotation.
fn is_annotated(chain: &Chain<'_>) -> bool {
    let names_role = |consumer: &Consumer| matches!(&consumer.how, Use::Requests { role: Some(role), .. } if !role.is_empty());
    match chain.deciding.map(|way| way.taker) {
        Some(Taker::Object(consumer)) => !names_role(consumer),
        _ => false,
    }
}

/// Annotates the ServiceAccount with a role, takes another annotation away, and recreates the pods that do not carry the
/// role.
#[must_use]
pub fn move_annotation(chain: &Chain<'_>, wrong: &str, arn: &str) -> Fix {
    let fix = fix::move_annotation(chain.key, annotation_prefix(chain, chain.source), wrong, arn);
    fix.repairs(role_annotation(chain, chain.source, arn))
        .then(recreated(chain, |pod| !carries(pod, arn)))
}

/// Creates the ServiceAccount with its role annotation, and recreates the pods that do not carry the role.
#[must_use]
pub fn create_annotated(chain: &Chain<'_>, arn: &str) -> Fix {
    let fix = fix::create_annotated(chain.key, annotation_prefix(chain, chain.source), arn);
    fix.repairs(role_annotation(chain, chain.source, arn))
        .then(recreated(chain, |pod| !carries(pod, arn)))
}

/// Removes the audience annotation, and recreates the pods with a token for a different audience from the default.
#[must_use]
pub fn drop_audience(chain: &Chain<'_>) -> Fix {
    let default = chain.default_audience.unwrap_or(DEFAULT_AUDIENCE);
    if chain.source != AskedIn::Annotation {
        return ask_for(chain, default);
    }
    let fix = fix::drop_audience(chain.key, &chain.config.annotation_prefix);
    fix.repairs(Repaired::Audience(None))
        .then(with_other_tokens(chain, default))
}

/// Asks for tokens with an audience, and recreates the pods with a token for another one.
#[must_use]
pub fn ask_for(chain: &Chain<'_>, audience: &str) -> Fix {
    if chain.source == AskedIn::ConfigMap {
        let fix = edit_config_map(chain, "Audience", &format!("`{}`", quote(audience)));
        return fix.repairs(Repaired::Audience(Some(audience.to_owned())));
    }
    if !chain.is_webhooks() {
        let place = where_it_stands(chain, "audience");
        return Fix::manual(format!("set {place} to `{}`", quote(audience)));
    }
    let fix = fix::ask_for_audience(chain.key, &chain.config.annotation_prefix, audience);
    fix.repairs(Repaired::Audience(Some(audience.to_owned())))
        .then(with_other_tokens(chain, audience))
}

/// The step that changes what the webhook's ConfigMap says of the ServiceAccount.
#[must_use]
pub fn edit_config_map(chain: &Chain<'_>, field: &str, value: &str) -> Fix {
    Fix::manual(format!(
        "set `{field}` of `{}` in the key `config` of the webhook's ConfigMap `{CONFIG_MAP}` to {value} where the \
         ConfigMap is managed (kOps writes it from `spec.iam.serviceAccountExternalPermissions`), and recreate the pods",
        quote(&chain.key.to_string())
    ))
}

/// Where it stands what the path that is audited takes: an annotation of this name, the webhook's ConfigMap, a container's
/// environment, or an object.
#[must_use]
pub fn where_it_stands(chain: &Chain<'_>, name: &str) -> String {
    let taker = || chain.deciding.map(|way| way.taker.shown());
    match chain.source {
        AskedIn::Annotation => format!("annotation `{}/{name}`", chain.config.annotation_prefix),
        AskedIn::ConfigMap => {
            format!(
                "the {name} of `{}` in the webhook's ConfigMap",
                quote(&chain.key.to_string())
            )
        }
        AskedIn::Pod => {
            let has_variable = name == ROLE && !of_the_way(chain).is_empty();
            match taker() {
                Some(taker) if has_variable => format!("`AWS_ROLE_ARN` of {taker}"),
                Some(taker) => format!("the {name} of {taker}"),
                None => "the pod's own credentials".to_owned(),
            }
        }
        AskedIn::Requester if name == ROLE && is_annotated(chain) => {
            format!("annotation `{}/{name}`", annotation_prefix(chain, chain.source))
        }
        AskedIn::Requester => {
            let name = if name == ROLE { "role" } else { name };
            taker().map_or_else(
                || format!("annotation `{}/{name}`", annotation_prefix(chain, chain.source)),
                |taker| format!("the {name} for {taker}"),
            )
        }
    }
}

fn with_other_tokens(chain: &Chain<'_>, audience: &str) -> Option<Fix> {
    let differs = |container: &Container| container.token_audience().is_some_and(|aud| aud != audience);
    recreated(chain, |pod| pod.containers.iter().any(differs))
}

/// Restarts the workloads of the running pods that `must` be recreated.
fn recreated(chain: &Chain<'_>, must: impl Fn(&Pod) -> bool) -> Option<Fix> {
    let pods = chain.pods.iter().copied();
    let pods: Vec<&Pod> = pods.filter(|pod| !pod.is_template() && must(pod)).collect();
    rollout::restart(chain, &pods)
}

/// Whether a pod has, or may have, what it needs to assume exactly this role.
fn carries(pod: &Pod, arn: &str) -> bool {
    pod.containers.iter().any(Container::may_have_web_identity) && other_roles(pod, arn).next().is_none()
}

#[cfg(test)]
mod tests {
    use crate::fix::{Fix, FixKind};
    use crate::testing::*;

    fn then(report: &crate::BindingReport) -> Option<&str> {
        let fix: &Fix = report.findings[0].fix.as_ref().unwrap();
        fix.then.first().map(|next| next.text.as_str())
    }

    #[test]
    fn pods_that_lack_the_role_are_recreated_after_the_annotation() {
        let lacking = World::healthy()
            .without_annotation()
            .container(bare("app"))
            .expect_role(ROLE);
        assert_eq!(
            then(&lacking.audit()),
            Some("kubectl rollout restart --namespace shop deployment/cart")
        );
        let other = World::healthy().expect_role(OLD_ROLE).audit();
        assert_eq!(
            then(&other),
            Some("kubectl rollout restart --namespace shop deployment/cart")
        );
    }

    #[test]
    fn pods_that_carry_the_role_stay() {
        let carrying = World::healthy().without_annotation().expect_role(ROLE);
        assert_eq!(then(&carrying.audit()), None);
        assert_eq!(
            then(
                &World::healthy()
                    .without_pods()
                    .without_annotation()
                    .expect_role(ROLE)
                    .audit()
            ),
            None
        );
    }

    #[test]
    fn pods_with_a_token_for_another_audience_are_recreated_without_the_annotation() {
        let container = crate::model::Container {
            tokens: vec![token("vault")],
            ..injected("app", ROLE)
        };
        let world = World::healthy().audience("vault").container(container);
        assert_eq!(
            then(&world.audit()),
            Some("kubectl rollout restart --namespace shop deployment/cart")
        );
        assert_eq!(
            then(&World::healthy().audience("vault").without_pods().audit()),
            None
        );
    }

    #[test]
    fn what_no_command_recreates_is_a_step_of_its_own() {
        let mut world = World::healthy()
            .without_annotation()
            .container(bare("app"))
            .expect_role(ROLE);
        let key = world.key.clone();
        let mut of_job = pod(&key, "once", bare("app"));
        std::sync::Arc::make_mut(&mut of_job.workload).kind = "Job".into();
        world.snapshot.cluster.put_pod(of_job);
        let report = world.audit();
        let fix = report.findings[0].fix.clone().unwrap();
        let steps: Vec<(FixKind, bool)> = fix
            .steps()
            .map(|step| (step.kind, step.text.contains("Job/once")))
            .collect();
        assert_eq!(
            steps,
            [
                (FixKind::Kubectl, false),
                (FixKind::Kubectl, false),
                (FixKind::Manual, true)
            ]
        );
    }
}
