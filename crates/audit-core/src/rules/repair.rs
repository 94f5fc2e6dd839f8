//! Repairs of the ServiceAccount, with what must follow them: the webhook looks at its annotations only when a pod is
//! created.

use super::pods::other_roles;
use super::rollout;
use crate::chain::Chain;
use crate::fix::Repaired;
use crate::fix::{self, Fix};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::webhook::CONFIG_MAP;
use crate::model::{Container, Pod};
use crate::paths::CredentialPath;
use crate::snapshot::AskedIn;
use crate::text::quote;

/// Annotates the ServiceAccount with a role, and creates anew the pods that do not carry it.
#[must_use]
pub fn annotate_role(chain: &Chain<'_>, arn: &str) -> Fix {
    let fix = fix::annotate_role(chain.key, &chain.config.annotation_prefix, arn);
    fix.repairs(Repaired::RoleAnnotation(arn.to_owned()))
        .then(created_anew(chain, |pod| !carries(pod, arn)))
}

/// Has the binding name a role, where it names one now: in the annotation, in the webhook's ConfigMap, in the pod or in the object
/// that requests the token.
#[must_use]
pub fn name_role(chain: &Chain<'_>, arn: &str) -> Fix {
    match chain.source {
        AskedIn::Annotation => annotate_role(chain, arn),
        AskedIn::ConfigMap => edit_config_map(chain, "RoleARN", &format!("`{}`", quote(arn)))
            .repairs(Repaired::RoleAnnotation(arn.to_owned()))
            .then(created_anew(chain, |pod| !carries(pod, arn))),
        AskedIn::Pod | AskedIn::Requester => {
            let place = where_it_stands(chain, "role-arn");
            Fix::manual(format!("set {place} to `{}`", quote(arn)))
        }
    }
}

/// Annotates the ServiceAccount with a role, takes another annotation away, and creates anew the pods that do not carry the
/// role.
#[must_use]
pub fn move_annotation(chain: &Chain<'_>, wrong: &str, arn: &str) -> Fix {
    let fix = fix::move_annotation(chain.key, &chain.config.annotation_prefix, wrong, arn);
    fix.repairs(Repaired::RoleAnnotation(arn.to_owned()))
        .then(created_anew(chain, |pod| !carries(pod, arn)))
}

/// Creates the ServiceAccount with its role annotation, and creates anew the pods that do not carry the role.
#[must_use]
pub fn create_annotated(chain: &Chain<'_>, arn: &str) -> Fix {
    let fix = fix::create_annotated(chain.key, &chain.config.annotation_prefix, arn);
    fix.repairs(Repaired::RoleAnnotation(arn.to_owned()))
        .then(created_anew(chain, |pod| !carries(pod, arn)))
}

/// Takes the audience annotation away, and creates anew the pods with a token for another audience than the usual.
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

/// Asks for tokens with an audience, and creates anew the pods with a token for another one.
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
        "set `{field}` of `{}` in the key `config` of the webhook's ConfigMap `{CONFIG_MAP}` to {value}, in whatever writes \
         it (kOps does, from `spec.iam.serviceAccountExternalPermissions`), and recreate the pods",
        quote(&chain.key.to_string())
    ))
}

/// Where it stands what the webhook injects: an annotation of this name, or the ConfigMap.
#[must_use]
pub fn where_it_stands(chain: &Chain<'_>, name: &str) -> String {
    match chain.source {
        AskedIn::Annotation => format!("annotation `{}/{name}`", chain.config.annotation_prefix),
        AskedIn::ConfigMap => {
            format!(
                "the {name} of `{}` in the webhook's ConfigMap",
                quote(&chain.key.to_string())
            )
        }
        AskedIn::Pod => chain.ways.taker_of(CredentialPath::Own).map_or_else(
            || "the pod's own credentials".to_owned(),
            |taker| format!("the {name} of {}", taker.shown()),
        ),
        AskedIn::Requester => chain.ways.taker_of(CredentialPath::Requested).map_or_else(
            || format!("annotation `eks.amazonaws.com/{name}`"),
            |taker| format!("the {name} for {}", taker.shown()),
        ),
    }
}

fn with_other_tokens(chain: &Chain<'_>, audience: &str) -> Option<Fix> {
    let differs = |container: &Container| container.token_audience().is_some_and(|aud| aud != audience);
    created_anew(chain, |pod| pod.containers.iter().any(differs))
}

/// Restarts the workloads of the running pods that `must` be created anew.
fn created_anew(chain: &Chain<'_>, must: impl Fn(&Pod) -> bool) -> Option<Fix> {
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
    use crate::fix::Fix;
    use crate::testing::*;

    fn then(report: &crate::BindingReport) -> Option<&str> {
        let fix: &Fix = report.findings[0].fix.as_ref().unwrap();
        fix.then.as_ref().map(|next| next.text.as_str())
    }

    #[test]
    fn pods_that_lack_the_role_are_created_anew_after_the_annotation() {
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
    fn pods_with_a_token_for_another_audience_are_created_anew_without_the_annotation() {
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
}
