//! # IRSA415 `SessionNameInvalid`
//!
//! ## What it means
//! A container gets a role and a token, but its `AWS_ROLE_SESSION_NAME` is not a name that AWS STS accepts. irsa-audit reads this variable in
//! `env`, with what it refers to, not in `envFrom`, not in `valueFrom`, and not in files of profiles. An empty value is not reported: most SDKs then generate a name.
//!
//! The finding is *broken* if a container of a running pod has such a name, has all that web identity needs, and nothing else gives the
//! container credentials. Otherwise it is a *risk*: a template has no pods yet, access keys or a server of credentials may be used instead,
//! or the name is valid without the white space around it, which some SDKs remove.
//!
//! ## Why it matters
//! SDKs send the value as `RoleSessionName` of `AssumeRoleWithWebIdentity`. STS checks it before it checks the token: a name has 2 to 64
//! characters, which are letters of ASCII, digits, and `_+=,.@-`. Spaces, `/` and `:` are not allowed. Every call is rejected.
//!
//! ## In logs
//! `ValidationError: 1 validation error detected: Value 'shop/cart' at 'roleSessionName' failed to satisfy constraint: Member must satisfy
//! regular expression pattern: [\w+=,.@-]*`.
//!
//! ## Example
//! ```yaml
//! env:
//!   - name: AWS_ROLE_SESSION_NAME
//!     value: shop/cart   # a slash is not allowed
//! ```
//!
//! ## Fix
//! In the pod template, set `AWS_ROLE_SESSION_NAME` to a valid name, or remove it: SDKs then generate a name. Keep the variable if the role's
//! trust policy has a condition on `sts:RoleSessionName`.
//!
//! ## Verify
//! In a new pod, `aws sts get-caller-identity` shows an ARN that ends with the session name.
//!
//! ## References
//! - [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)
//! - [Settings of the assume role credential provider](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html)

use super::pods::{ToldContainer, among_all_with_role, containers_shown, named, pods_of, workloads};
use super::rollout;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::model::{Container, CredentialSource, SESSION_NAME_LENGTH, is_of_session_name, is_session_name};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA415",
    reason: "SessionNameInvalid",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "STS rejects the session name of a container",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

const VARIABLE: &str = "AWS_ROLE_SESSION_NAME";

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let told = among_all_with_role(chain, refused);
    let name = told.first()?.what;
    let characters = name.chars().count();
    let length = if SESSION_NAME_LENGTH.contains(&characters) {
        String::new()
    } else {
        format!(" ({characters} characters)")
    };
    let message = format!(
        "{}: `{VARIABLE}` must have 2 to 64 characters, only letters, digits and `_+=,.@-`, but is `{}`{length}: STS rejects each request \
         for credentials with ValidationError",
        containers_shown(&told),
        quote(name)
    );
    let accepted = accepted(name).filter(|_| told.iter().all(|one| one.what == name));
    let step = |due: &[ToldContainer<'_, &str>]| {
        let containers: Vec<&str> = named(due).map(|(_, container)| container).collect();
        let (_, names) = workloads(&pods_of(due));
        let value = accepted.as_ref().map_or_else(
            || "a valid name".to_owned(),
            |accepted| format!("`{}`", quote(accepted)),
        );
        format!(
            "set `{VARIABLE}` of container {} in the pod templates of {names} to {value}, or remove it if the role's trust policy has no \
             condition on `sts:RoleSessionName`: SDKs then generate a name",
            quote_list(&containers, 3)
        )
    };
    let fix = rollout::edited_containers(
        chain,
        &told,
        |container| refused(container).is_some(),
        |due| {
            let command = fix::set_env(&chain.key.namespace, named(due), VARIABLE, accepted.as_deref()?)?;
            Some(command.brief(step(due)))
        },
        step,
    );
    let severity = if told.iter().any(is_hopeless) {
        Severity::Broken
    } else {
        Severity::Risk
    };
    Some(Finding::new(&ENTRY, message).severity(severity).fix(fix))
}

fn refused(container: &Container) -> Option<&str> {
    container.rarities.as_ref()?.refused_session_name.as_deref()
}

/// The name that is meant, as STS accepts it. Of one with a reference to nothing, nobody knows.
fn accepted(name: &str) -> Option<String> {
    if name.contains("$(") {
        return None;
    }
    let replaced = |c| if is_of_session_name(c) { c } else { '-' };
    let accepted: String = name
        .trim()
        .chars()
        .map(replaced)
        .take(*SESSION_NAME_LENGTH.end())
        .collect();
    is_session_name(&accepted).then_some(accepted)
}

/// Whether the container certainly gets no credentials. Unread Secrets and `ConfigMap`s in `envFrom` are no reason for doubt: what the
/// container has in `env` already is web identity.
fn is_hopeless(one: &ToldContainer<'_, &str>) -> bool {
    // The SDK for Java removes white space around the values of variables.
    let trimmed = one.what.trim();
    let is_refused = !trimmed.is_empty() && !is_session_name(trimmed);
    let mut sources = one.container.sources();
    is_refused
        && !one.pod.is_template()
        && one.container.has_web_identity()
        && sources.all(|source| source == CredentialSource::EnvFrom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PodPhase, Rarities, SetBy};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA415", Severity::Broken, Link::Pods, Verdict::Broken);
    const RISK: (&str, Severity, Link, Verdict) = ("IRSA415", Severity::Risk, Link::Pods, Verdict::AtRisk);

    fn named_session(name: &str, container: Container) -> Container {
        Container {
            rarities: Some(Box::new(Rarities {
                refused_session_name: Some(name.to_owned()),
                ..Rarities::default()
            })),
            ..container
        }
    }

    fn command(world: &World) -> String {
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        fix.first.text.clone()
    }

    #[test]
    fn a_name_that_sts_refuses_breaks_the_binding() {
        let long = "x".repeat(65);
        for (name, accepted) in [
            ("shop/cart", "shop-cart"),
            ("cart api", "cart-api"),
            (long.as_str(), &long[..64]),
        ] {
            let world = World::healthy().container(named_session(name, injected("app", ROLE)));
            let text = command(&world);
            assert!(text.ends_with(&format!("{VARIABLE}={accepted}")), "{text}");
        }
        for name in ["x", "$(NS)-cart"] {
            let world = World::healthy().container(named_session(name, injected("app", ROLE)));
            assert!(!command(&world).contains("kubectl set env"), "{name}");
        }
    }

    #[test]
    fn one_container_beside_a_sidecar_that_works_is_enough() {
        let report = World::healthy()
            .pod(|pod| {
                pod.containers
                    .push(named_session("shop/cart", injected("api", ROLE)));
            })
            .audit();
        the_one(&report, BROKEN);
    }

    #[test]
    fn what_may_work_all_the_same_is_a_risk() {
        let refused = || named_session("shop/cart", injected("app", ROLE));
        let template = World::healthy()
            .container(refused())
            .pod(|pod| pod.phase = PodPhase::Template);
        the_one(&template.audit(), RISK);
        let trimmed = named_session(" cart ", injected("app", ROLE));
        the_one(&World::healthy().container(trimmed).audit(), RISK);
        let mut keys = refused();
        keys.rarities.as_mut().unwrap().access_key = Some(SetBy::Env);
        let report = World::healthy().container(keys).audit();
        assert_eq!(report.verdict, Verdict::AtRisk);
        assert!(codes(&report).contains(&ENTRY.code), "{:?}", codes(&report));
    }

    #[test]
    fn a_container_without_the_role_may_name_its_sessions_as_it_likes() {
        let report = World::healthy()
            .pod(|pod| pod.containers.push(named_session("shop/cart", bare("agent"))))
            .audit();
        assert!(!codes(&report).contains(&ENTRY.code), "{:?}", codes(&report));
    }
}
