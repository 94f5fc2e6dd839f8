//! How the containers of a pod differ from what the webhook would leave now.

use super::{Injection, Treatment};
use crate::model::{Container, Os, Pod, TokenPlace};

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectionDifference<'a> {
    /// The container has no web identity.
    Lacks(Lack),
    /// It has another role.
    OtherRole {
        /// Which.
        role: &'a str,
        /// The pod's template says so, or something else than the webhook: a new pod has it again.
        preset: bool,
    },
    /// Its token has another audience.
    OtherAudience {
        /// Which.
        audience: &'a str,
        /// The token's volume is the template's own: a new pod has it again.
        preset: bool,
    },
    /// Its variable leads to no file with a token in it, or none that shows.
    Unreadable(&'a TokenPlace),
    /// Its variable has, or will have, a path for Linux, and the pod is for Windows.
    LinuxPath,
    /// The file to which its variable leads keeps the token with which the pod began.
    NotRefreshed(Frozen<'a>),
}

/// Why a token file stays what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen<'a> {
    /// It is mounted by `subPath`.
    SubPath,
    /// An init container copied it.
    CopiedBy(&'a str),
}

/// Why a container has no web identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// EKS Pod Identity gave it other credentials instead.
    PodIdentity,
    /// No registration of the webhook selects the pod.
    NotSelected,
    /// An annotation of the pod names the container as one to skip.
    Skipped,
    /// The container sets one of the two variables itself, so that the webhook sets neither.
    Preset,
    /// It sets a Region and `AWS_STS_REGIONAL_ENDPOINTS` as well, so that the webhook does not even mount a token.
    LeftAlone,
    /// Nothing in the pod says why: when it was created, the webhook was not there, or did not know of the role.
    NotSeen,
}

impl Injection<'_> {
    /// The differences of a pod, container by container. Nothing is injected into a template: it differs only by what will
    /// stand in the way.
    #[must_use]
    pub fn differences<'p>(&self, pod: &'p Pod) -> Vec<(&'p Container, InjectionDifference<'p>)> {
        let of = |container| {
            let found = self.of_container(pod, container);
            found.into_iter().map(move |difference| (container, difference))
        };
        pod.containers.iter().flat_map(of).collect()
    }

    /// Why a container has no web identity, if it has none.
    #[must_use]
    pub fn lack(&self, pod: &Pod, container: &Container) -> Option<Lack> {
        let has = container.may_have_web_identity()
            || self.ways.is_elsewhere(pod, container) && !container.pod_identity
            || (pod.is_template() && container.role_arn.is_some() && container.token_file.is_some());
        if has {
            return None;
        }
        if container.pod_identity {
            return Some(Lack::PodIdentity);
        }
        match self.treatment(pod, container) {
            Treatment::NotSelected => Some(Lack::NotSelected),
            Treatment::Skipped => Some(Lack::Skipped),
            Treatment::Preset => Some(Lack::Preset),
            Treatment::LeftAlone => Some(Lack::LeftAlone),
            Treatment::Injected => (!pod.is_template()).then_some(Lack::NotSeen),
        }
    }

    fn of_container<'p>(&self, pod: &Pod, container: &'p Container) -> Vec<InjectionDifference<'p>> {
        if let Some(lack) = self.lack(pod, container) {
            return vec![InjectionDifference::Lacks(lack)];
        }
        if self.ways.is_elsewhere(pod, container) {
            return Vec::new();
        }
        let mut found = Vec::new();
        if let Some(role) = container.role_arn.as_deref().filter(|role| *role != self.role) {
            let by_webhook = || container.tokens.iter().any(|token| token.by_webhook);
            let preset = container.presets_role().unwrap_or_else(|| !by_webhook());
            found.push(InjectionDifference::OtherRole { role, preset });
        }
        if let Some(token) = container.token() {
            if let Some(audience) = token
                .audience
                .as_deref()
                .filter(|audience| *audience != self.audience)
            {
                found.push(InjectionDifference::OtherAudience {
                    audience,
                    preset: !token.by_webhook,
                });
            }
            if token.sub_path {
                found.push(InjectionDifference::NotRefreshed(Frozen::SubPath));
            }
        }
        match container.token_place() {
            Some(TokenPlace::CopiedBy(name)) => {
                found.push(InjectionDifference::NotRefreshed(Frozen::CopiedBy(name)));
            }
            Some(TokenPlace::Nowhere) if self.will_be_mounted(pod, container) => {}
            Some(place) => found.push(InjectionDifference::Unreadable(place)),
            None => {}
        }
        if has_linux_path(pod.os, container) {
            found.push(InjectionDifference::LinuxPath);
        }
        found
    }

    /// Whether the webhook will put the token where a template's container looks for it.
    fn will_be_mounted(&self, pod: &Pod, container: &Container) -> bool {
        let leaves_out = || {
            matches!(
                self.treatment(pod, container),
                Treatment::NotSelected | Treatment::Skipped
            )
        };
        pod.is_template() && container.leads_to_the_webhooks() && !container.sets_all && !leaves_out()
    }
}

/// Whether the SDKs of a pod for Windows will open a path as Linux has it. Without a variable of its own, the container gets the
/// webhook's, which is one for Windows where `nodeSelector` says so.
#[must_use]
pub fn has_linux_path(os: Os, container: &Container) -> bool {
    let is_linux = |file: &str| file.starts_with('/');
    match os {
        Os::Unset => false,
        Os::SelectedWindows => container.token_file.as_deref().is_some_and(is_linux),
        Os::OtherwiseWindows => container.token_file.as_deref().is_none_or(is_linux),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/webhook/difference.rs"]
mod tests;
