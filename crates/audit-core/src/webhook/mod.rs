//! What the pod identity webhook does to a pod when it is created, and how a pod differs from that.
//!
//! The facts are those of the public [amazon-eks-pod-identity-webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! (`pkg/handler/handler.go`): it covers containers and init containers, and no ephemeral ones; where a container's `env`
//! names either of the two variables, whatever their values, it sets neither there, and mounts the token all the same, unless
//! the container names a Region and `AWS_STS_REGIONAL_ENDPOINTS` as well, when it leaves it alone; it does not look at
//! `envFrom`; the pod's annotation `skip-containers` is a line of CSV, and one that is none skips nothing; the token's path is
//! a Windows path only where `nodeSelector` says `windows`.
//!
//! | module | what is in it |
//! |---|---|
//! | [`annotation`] | its annotations, read as it reads them |
//! | [`difference`] | how a container differs from what it would get now |
//! | [`injected`] | the pods of a binding, told apart by that |
//! | [`selection`] | which pods it sees at all |

pub mod annotation;
pub mod difference;
pub mod injected;
pub mod selection;

pub use crate::model::webhook::{TOKEN_FOLDER, TOKEN_NAME, TOKEN_VOLUME};
pub use difference::{Frozen, InjectionDifference, Lack, has_linux_path};
pub use injected::InjectedPods;
pub use selection::{LabelOf, LeftOut, Selection, SelectionDoubt};

use crate::model::{Container, Pod, TokenMount};
use crate::paths::Ways;
use crate::snapshot::Cluster;

/// What it injects into new pods of one ServiceAccount.
#[derive(Debug, Clone)]
pub struct Injection<'a> {
    /// The value of `AWS_ROLE_ARN`. What is no ARN is injected as it is.
    pub role: String,
    /// The audience of the token; empty for the API server's own.
    pub audience: &'a str,
    /// What the ServiceAccount's annotation says of regional STS endpoints; without one, a flag decides.
    pub regional_sts: Option<bool>,
    /// The prefix of annotations.
    pub prefix: &'a str,
    /// The cluster, whose registrations say which pods it sees.
    pub cluster: &'a Cluster,
    /// The ways of the binding: containers that do not need the webhook are none of its business.
    pub(crate) ways: Ways<'a>,
}

/// What it does with one container of a new pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// No registration selects the pod.
    NotSelected,
    /// The pod's annotation names the container.
    Skipped,
    /// The container has one of the two variables in its own right: it gets the token's mount alone.
    Preset,
    /// The container has a Region and `AWS_STS_REGIONAL_ENDPOINTS` as well: it gets nothing.
    LeftAlone,
    /// The container gets both variables and the token's mount.
    Injected,
}

impl Injection<'_> {
    /// Whether it sees a pod, if that is created now.
    #[must_use]
    pub fn selection<'p>(&'p self, pod: &'p Pod) -> Selection<'p> {
        selection::of(self.cluster, pod)
    }

    /// What it does with a container, if the pod is created now. What it may do counts as done.
    #[must_use]
    pub fn treatment(&self, pod: &Pod, container: &Container) -> Treatment {
        if matches!(self.selection(pod), Selection::LeftOut(_)) {
            Treatment::NotSelected
        } else if self.skips(pod, &container.name) {
            Treatment::Skipped
        } else {
            Self::treatment_of(container)
        }
    }

    /// What it does with a container that it does not skip. A new pod begins with what its template says, where that was seen.
    fn treatment_of(container: &Container) -> Treatment {
        if let Some(template) = container.in_template() {
            return Self::treatment_of(template);
        }
        let is_as_injected = Self::looks_injected(container);
        let is_preset =
            container.names_web_identity() && (!is_as_injected || container.presets_role() == Some(true));
        if !is_preset {
            Treatment::Injected
        } else if container.sets_all && !is_as_injected {
            Treatment::LeftAlone
        } else {
            Treatment::Preset
        }
    }

    /// Leaves in a container what it leaves in one of a new pod.
    pub(crate) fn inject(&self, container: &mut Container) {
        container.role_arn = Some(self.role.clone());
        container.token_file = Some(format!("{TOKEN_FOLDER}/{TOKEN_NAME}"));
        self.mount(container);
    }

    /// Mounts the token, as it does in a container that sets the variables itself.
    pub(crate) fn mount(&self, container: &mut Container) {
        container.tokens.retain(|token| !token.by_webhook);
        container.tokens.push(TokenMount {
            path: TOKEN_FOLDER.to_owned(),
            audience: (!self.audience.is_empty()).then(|| self.audience.to_owned()),
            file: TOKEN_NAME.to_owned(),
            by_webhook: true,
            sub_path: false,
        });
        if container.leads_to_the_webhooks()
            && let Some(rarities) = &mut container.rarities
        {
            (rarities.token_place, rarities.token_volume) = (None, None);
        }
    }

    fn skips(&self, pod: &Pod, container: &str) -> bool {
        pod.annotation(self.prefix, "skip-containers")
            .is_some_and(|value| annotation::record(value).iter().any(|name| name == container))
    }

    /// Whether a container is as the webhook leaves it. A template that says the same by itself looks no different.
    fn looks_injected(container: &Container) -> bool {
        container.has_web_identity() && container.token().is_some_and(|token| token.by_webhook)
    }
}
