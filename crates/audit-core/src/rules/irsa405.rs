//! # IRSA405 `TokenUnreadable`
//!
//! ## What it means
//! The path in a container's `AWS_WEB_IDENTITY_TOKEN_FILE` has no token: no volume is mounted there, the volume has no such file or is
//! mounted as a directory at this path, another volume is mounted over the token, or the pod runs on Windows and has a Linux path.
//!
//! The finding is *broken* if no container of a running pod that has a role can have a file there, and nothing else gives them
//! credentials. Otherwise it is a *risk*: the other containers of the pod work, a template has no pods yet, or the other volume may contain
//! a token. Init containers count like other containers. If no container of a pod has a token and the ServiceAccount is annotated, the
//! finding is IRSA401; if it is not annotated, the pod must mount a token itself.
//!
//! If the variable points into a different kind of volume (a Secret, a CSI volume, a host path), a token may be there: see IRSA911. A
//! projected volume has only the files of its sources, and so do a Secret and a ConfigMap whose keys are known.
//!
//! ## Why it matters
//! The SDK finds no file, or a file without a token. It then fails, or uses other credentials, such as the node's.
//! The image could contain its own file, but not a valid token.
//!
//! The webhook mounts its token only if it changes the container. It does not change a container that itself sets one of the two variables,
//! `AWS_REGION` or `AWS_DEFAULT_REGION`, and `AWS_STS_REGIONAL_ENDPOINTS`. It writes the path as
//! `C:\var\run\…` only if the pod's `nodeSelector` has `kubernetes.io/os: windows`; it ignores `spec.os`, affinities and tolerations.
//! Some SDKs on Windows, such as the one for .NET, do not open `/var/run/…`.
//!
//! ## In logs
//! `open /tmp/token: no such file or directory`, `WebIdentityErr: failed fetching WebIdentity token`, or errors that name
//! the node's role.
//!
//! ## Example
//! ```yaml
//! volumeMounts:
//!   - name: cache   # hides the file that the webhook mounts
//!     mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
//! ```
//!
//! ## Fix
//! One of these, as the finding says:
//!
//! - set the variable to the path of the token that the container has; for a profile, correct `web_identity_token_file` in its config file;
//! - mount the other volume elsewhere;
//! - remove the two variables from that container in the pod template, so that the webhook sets them and mounts the token;
//! - without an annotation: annotate the ServiceAccount if the variable has the webhook's path, else mount a projected token at the path;
//! - set the `nodeSelector` of Windows pods;
//! - if the template is already correct, restart the workload.
//!
//! ## Verify
//! `kubectl exec … -- sh -c 'cut -c1-10 $AWS_WEB_IDENTITY_TOKEN_FILE'` shows the beginning of a token, `eyJ…`.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)

use std::collections::HashSet;

use super::pods::{ToldContainer, containers_shown, differing, missing, named, pods_of, workloads};
use super::repair::{self, VARIABLES};
use super::{irsa406, rollout};
use crate::chain::{Chain, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix, Repaired};
use crate::model::file_path::cleaned;
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Configured, Container, Os, Pod, TokenMount, TokenPlace};
use crate::text::{quote, quote_list};
use crate::webhook::{InjectionDifference, has_linux_path};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA405",
    reason: "TokenUnreadable",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "the path of a container's token file has no readable token",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// Why a token cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why<'a> {
    /// Nothing is mounted where the variable leads.
    Nowhere,
    /// The variable leads to the folder of a volume, at this path.
    Folder(&'a str),
    /// Another volume is over the token, at this path.
    Hidden(&'a str),
    /// The pod is for Windows, and the path for Linux.
    LinuxPath,
}

impl Why<'_> {
    /// Whether no file is there for certain.
    fn is_nothing(self) -> bool {
        matches!(self, Self::Nowhere | Self::Folder(_))
    }
}

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let mut told = differing(chain, unreadable);
    told.extend(left_without(chain));
    // One cause, one finding: the gravest, of which others may be the consequence.
    let gravest = told.iter().map(|one| one.what).min()?;
    told.retain(|one| std::mem::discriminant(&one.what) == std::mem::discriminant(&gravest));
    let first = told.first()?;
    let is_webhooks = chain.injected_pods().is_some();
    let file = quote(first.container.token_path().unwrap_or_default());
    let place = match first.what {
        Why::Nowhere if first.container.sets_all && is_webhooks => {
            format!(
                "reads its token from `{file}` (`AWS_WEB_IDENTITY_TOKEN_FILE`), but no token is mounted there: {LEFT_ALONE}"
            )
        }
        Why::Nowhere => {
            let pointer = if first.container.token_file.is_some() {
                "`AWS_WEB_IDENTITY_TOKEN_FILE`"
            } else {
                "`web_identity_token_file` of its profile"
            };
            format!("reads its token from `{file}` ({pointer}), but no token is mounted there")
        }
        Why::Folder(folder) => format!(
            "mounts a volume as a directory at `{}`, where its token file should be",
            quote(folder)
        ),
        Why::Hidden(hidden_by) => format!(
            "mounts another volume at `{}`, which hides its token",
            quote(hidden_by)
        ),
        Why::LinuxPath if first.pod.os == Os::SelectedWindows => LINUX_PATH_OF_OLD.to_owned(),
        Why::LinuxPath => LINUX_PATH.to_owned(),
    };
    let fix = if told.iter().all(|one| is_past(chain, one)) {
        rollout::catch_up(chain, &pods_of(&told))
    } else {
        let (of_profiles, others): (Vec<_>, Vec<_>) = told.iter().copied().partition(is_of_profile);
        let fixes = [repaired(chain, &others), in_profiles(chain, &of_profiles)];
        fixes.into_iter().flatten().reduce(Fix::and_then)
    };
    let message = format!("{} {place}", containers_shown(&told));
    let without: Without = told
        .iter()
        .filter(|one| one.what.is_nothing())
        .map(|one| (std::ptr::from_ref(one.pod), std::ptr::from_ref(one.container)))
        .collect();
    let is_hopeless = told.iter().any(|one| is_hopeless(one, &without));
    let severity = if is_hopeless {
        Severity::Broken
    } else {
        Severity::Risk
    };
    Some(Finding::new(&ENTRY, message).severity(severity).fix(fix))
}

/// Whether a new pod, which begins with what the template says by now, does not have this fault: where the template was seen.
fn is_past(chain: &Chain<'_>, one: &ToldContainer<'_, Why<'_>>) -> bool {
    let Some(template) = one.container.in_template() else {
        return false;
    };
    match one.what {
        Why::Nowhere => {
            template.token_file != one.container.token_file
                && !template.leads_nowhere()
                && !is_covered(template)
        }
        Why::Folder(_) | Why::Hidden(_) => !template.leads_nowhere() && !is_covered(template),
        Why::LinuxPath => {
            let of_template = chain.snapshot.cluster.template_of(one.pod);
            !has_linux_path(of_template.map_or(one.pod.os, |pod| pod.os), template)
        }
    }
}

/// Whether a volume lies over the token of a container, or will.
fn is_covered(container: &Container) -> bool {
    matches!(
        container.token_place(),
        Some(TokenPlace::Hidden(_) | TokenPlace::Folder(_))
    )
}

/// Whether it is a profile in a config file that leads to no token, and no variable.
fn is_of_profile(one: &ToldContainer<'_, Why<'_>>) -> bool {
    let by_profile = matches!(one.container.configured(), Some(Configured::WebIdentity(_)));
    by_profile && !one.container.names_web_identity()
}

/// The fix where variables lead to no token, or volumes are in the way.
fn repaired(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let first = told.first()?;
    if let Some(path) = beside(told) {
        return lead_to(chain, told, &path);
    }
    match first.what {
        Why::Nowhere if chain.injected_pods().is_some() => unset(chain, told),
        Why::Nowhere => annotate(chain, told).or_else(|| mount(chain, told)),
        Why::Folder(_) | Why::Hidden(_) => uncover(chain, told),
        Why::LinuxPath if first.pod.os == Os::SelectedWindows => linux_path_of_old(chain, told),
        Why::LinuxPath => select_windows(chain, told),
    }
}

/// The fix where profiles in config files lead to no token. No variable is set: SDKs would then need the role in one as well.
fn in_profiles(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let first = told.first()?;
    let file = first
        .container
        .config_file()
        .or_else(|| first.container.credentials_file())
        .map_or_else(|| "the config file".to_owned(), irsa406::file);
    let (_, names) = workloads(&pods_of(told));
    if let Some(path) = beside(told) {
        let edit = format!(
            "set `web_identity_token_file` in {file} to `{}`, where {} has its own token",
            quote(&path),
            containers_shown(told)
        );
        return Some(Fix::manual(edit).then(rollout::restart(chain, &pods_of(told))));
    }
    Some(Fix::manual(format!(
        "in the pod templates of {names}, mount a projected volume with a `serviceAccountToken` for the audience that the role accepts \
         (usually `{DEFAULT_AUDIENCE}`) at `{}`, the path of `web_identity_token_file` in {file}",
        quote(first.container.token_path().unwrap_or_default())
    )))
}

const LEFT_ALONE: &str = "the container also sets the Region and `AWS_STS_REGIONAL_ENDPOINTS` itself, so the webhook does not \
                          change it and mounts no token";

const LINUX_PATH: &str = "runs on Windows, but has, or will get, a token path for Linux: the webhook writes `C:\\…` only if \
                          `nodeSelector` has `kubernetes.io/os: windows`";

const LINUX_PATH_OF_OLD: &str = "runs on Windows, but has a token path for Linux: its template sets this path, or the pod is older than a \
                                 webhook that writes `C:\\…` for the pod's `nodeSelector`";

/// Gives a pod for Windows its path: the webhook does, unless the template sets the variable.
fn linux_path_of_old(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let is_preset = told
        .iter()
        .any(|one| one.pod.is_template() || one.container.presets_role() == Some(true));
    if is_preset {
        unset(chain, told)
    } else {
        rollout::restart(chain, &pods_of(told))
    }
}

/// Where these containers have a token of their own, if variable or profile only leads past it: the same path in each.
fn beside(told: &[ToldContainer<'_, Why<'_>>]) -> Option<String> {
    let mut paths = told.iter().map(|one| {
        let own = one.container.only_own_token().filter(|_| one.what.is_nothing());
        // At the right path, it is something else that is in the way.
        let is_past = |path: &String| one.container.token_path().map(cleaned) != Some(cleaned(path));
        own.map(TokenMount::file_path).filter(is_past)
    });
    let first = paths.next()??;
    paths.all(|path| path.as_ref() == Some(&first)).then_some(first)
}

/// Leads the variable to the token that these containers have.
fn lead_to(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>], path: &str) -> Option<Fix> {
    let step = |due: &[ToldContainer<'_, Why<'_>>]| {
        let (containers, names) = places(due);
        format!(
            "set `AWS_WEB_IDENTITY_TOKEN_FILE` of container {containers} in the pod templates of {names} to `{}`, where its own token is \
             mounted",
            quote(path)
        )
    };
    let edited = rollout::edited_containers(
        chain,
        told,
        Container::leads_nowhere,
        |due| {
            let command = fix::set_env(&chain.key.namespace, named(due), VARIABLES[1], path)?;
            Some(command.brief(step(due)))
        },
        step,
    );
    edited.map(|fix| fix.repairs(Repaired::OwnTokenFile(path.to_owned())))
}

/// Takes the variables out of these containers, so that the webhook sets them.
fn unset(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    rollout::edited_containers(
        chain,
        told,
        Container::names_web_identity,
        |due| fix::unset_env(&chain.key.namespace, named(due), &VARIABLES),
        |due| {
            let variables = quote_list(&VARIABLES, 2);
            let (containers, names) = places(due);
            format!("remove {variables} from container {containers} in the pod templates of {names}")
        },
    )
}

/// Has the webhook mount its token, where the containers look for just that, with the one role that they name.
fn annotate(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let role = told.first()?.container.role_arn.as_deref()?;
    let waits = |one: &ToldContainer<'_, Why<'_>>| {
        let container = one.container;
        container.leads_to_the_webhooks()
            && !container.sets_all
            && container.role_arn.as_deref() == Some(role)
    };
    let may_mount = chain.asked().role.is_none() && chain.snapshot.cluster.has_webhook() != Some(false);
    let admits = chain
        .aws
        .as_ref()
        .is_some_and(|aws| aws.outcome() != RoleOutcome::Fails);
    (may_mount && admits && told.iter().all(waits)).then(|| repair::annotate_role(chain, role))
}

/// Mounts a token where these containers look for it: nothing asks the webhook to.
fn mount(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let step = |due: &[ToldContainer<'_, Why<'_>>]| {
        let (containers, names) = places(due);
        format!(
            "in the pod templates of {names}, mount a projected volume with a `serviceAccountToken` for the audience that the role \
             accepts (usually `{DEFAULT_AUDIENCE}`) into container {containers}, at the path in `AWS_WEB_IDENTITY_TOKEN_FILE`; or \
             remove `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` from these containers if they do not call AWS"
        )
    };
    rollout::edited_containers(chain, told, Container::leads_nowhere, |_| None, step)
}

/// Mounts elsewhere what lies over the token.
fn uncover(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    let step = |due: &[ToldContainer<'_, Why<'_>>]| {
        let (_, names) = places(due);
        format!("mount the other volume elsewhere in the pod templates of {names}")
    };
    rollout::edited_containers(chain, told, is_covered, |_| None, step)
}

/// Has the webhook see that the pods are for Windows.
fn select_windows(chain: &Chain<'_>, told: &[ToldContainer<'_, Why<'_>>]) -> Option<Fix> {
    rollout::edited(
        chain,
        &pods_of(told),
        |_, template| template.os == Os::OtherwiseWindows,
        |due| fix::select_windows(&chain.key.namespace, &workloads(due).0),
        |due| {
            let (_, names) = workloads(due);
            format!("set nodeSelector `kubernetes.io/os: windows` in the pod templates of {names}")
        },
    )
}

/// The containers, and the workloads in whose templates they are, as text.
fn places(told: &[ToldContainer<'_, Why<'_>>]) -> (String, String) {
    let containers: Vec<&str> = named(told).map(|(_, container)| container).collect();
    (quote_list(&containers, 3), workloads(&pods_of(told)).1)
}

/// The containers without a token, each with its pod: pods of one template share theirs.
type Without = HashSet<(*const Pod, *const Container)>;

/// Whether web identity is the only way of a running pod to credentials, and leads nowhere in each of its containers that
/// has a role: all of them are among those `without` a token.
fn is_hopeless(one: &ToldContainer<'_, Why<'_>>, without: &Without) -> bool {
    let leads_nowhere = |container: &Container| {
        let id = (std::ptr::from_ref(one.pod), std::ptr::from_ref(container));
        without.contains(&id) && !container.may_have_other_credentials()
    };
    let mut with_role = one
        .pod
        .containers
        .iter()
        .filter(|container| container.may_have_web_identity() || container.leads_nowhere());
    !one.pod.is_template() && one.what.is_nothing() && with_role.all(leads_nowhere)
}

/// The containers that set both variables and lead to no token, although nothing else of their pod lacks credentials: those that
/// the webhook leaves alone beside others that it changed, and those of pods with which it has nothing to do.
fn left_without<'a>(chain: &Chain<'a>) -> Vec<ToldContainer<'a, Why<'a>>> {
    let injection = chain.injected_pods().map(|pods| &pods.injection);
    let missing = missing(chain).iter().map(|pod| std::ptr::from_ref(*pod));
    let missing: HashSet<*const Pod> = missing.collect();
    let is_told_of_pod = |pod: &Pod| missing.contains(&std::ptr::from_ref(pod));
    let pods = chain.pods.iter().chain(&chain.templates).copied();
    let pods = pods.filter(|pod| !is_told_of_pod(pod));
    let containers = pods.flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)));
    let leads_nowhere = |(pod, container): &(&Pod, &Container)| {
        let is_lacking = match injection {
            Some(injection) => injection.lack(pod, container).is_some(),
            None => true,
        };
        is_lacking && container.leads_nowhere() && !container.pod_identity
    };
    let told = containers.filter(leads_nowhere);
    told.map(|(pod, container)| ToldContainer {
        pod,
        container,
        what: match container.token_place() {
            Some(TokenPlace::Folder(path)) => Why::Folder(path),
            _ => Why::Nowhere,
        },
    })
    .collect()
}

/// What hides a token, or that nothing is where it should be.
fn unreadable(difference: InjectionDifference<'_>) -> Option<Why<'_>> {
    match difference {
        InjectionDifference::Unreadable(TokenPlace::Nowhere) => Some(Why::Nowhere),
        InjectionDifference::Unreadable(TokenPlace::Folder(path)) => Some(Why::Folder(path)),
        InjectionDifference::Unreadable(TokenPlace::Hidden(path)) => Some(Why::Hidden(path)),
        InjectionDifference::LinuxPath => Some(Why::LinuxPath),
        _ => None,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/rules/irsa405.rs"]
mod tests;
