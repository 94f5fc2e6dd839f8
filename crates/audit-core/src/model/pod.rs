//! A pod, reduced to what rules read.

use jiff::Timestamp;

use super::BindingKey;

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// Accepted, not yet running.
    Pending,
    /// At least one container runs, or is starting.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, at least one badly.
    Failed,
    /// The node does not answer.
    Unknown,
    /// No pod: the pod template of a workload, which stands for pods where there are none. Only files hold such; a
    /// cluster's own pods are always there to see.
    Template,
}

/// What owns a pod, as somebody would name it to `kubectl rollout restart`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, … ; `Pod` where nothing owns it.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A mount of a projected ServiceAccount token into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMount {
    /// `mountPath`.
    pub path: String,
    /// `audience` of the projected token; absent for the API server's default.
    pub audience: Option<String>,
    /// `path` of the token below the mount.
    pub file: String,
}

/// A container, reduced to its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Runs before the others.
    pub init: bool,
    /// The value of `AWS_ROLE_ARN`, where `env` sets one literally.
    pub role_arn: Option<String>,
    /// The value of `AWS_WEB_IDENTITY_TOKEN_FILE`, where `env` sets one literally.
    pub token_file: Option<String>,
    /// The two variables may also come from where nobody looks: `envFrom`, or a `valueFrom` of one of them.
    pub opaque_env: bool,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` is set: EKS Pod Identity injected its own credentials.
    pub pod_identity: bool,
    /// Projected ServiceAccount tokens that it mounts.
    pub tokens: Vec<TokenMount>,
}

impl Container {
    /// Whether the container certainly has all that web identity needs: role, token file, and a projected token.
    #[must_use]
    pub fn has_web_identity(&self) -> bool {
        self.role_arn.is_some() && self.token_file.is_some() && !self.tokens.is_empty()
    }

    /// The audience of the token that its SDK would read: that of the mount to which the variable points. `None` where it
    /// points to no mounted token, and for the API server's own audience.
    #[must_use]
    pub fn token_audience(&self) -> Option<&str> {
        let file = self.token_file.as_deref()?;
        // On Windows the webhook writes `C:\var\…` for the mount `/var/…`.
        let file = file.strip_prefix("C:").unwrap_or(file).replace('\\', "/");
        let holds = |mount: &&TokenMount| {
            let path = mount.path.trim_end_matches('/');
            file.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) == Some(mount.file.as_str())
        };
        self.tokens.iter().find(holds)?.audience.as_deref()
    }

    /// Whether the container has, or may have, all that web identity needs: role, token file, and a projected token.
    ///
    /// The token's mount is the part that cannot hide: it stands in the pod or it is not there.
    #[must_use]
    pub fn may_have_web_identity(&self) -> bool {
        let has_variables = self.role_arn.is_some() && self.token_file.is_some();
        (has_variables || self.opaque_env) && !self.tokens.is_empty()
    }
}

/// A pod, without everything that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `spec.serviceAccountName`, `default` where empty.
    pub service_account: String,
    /// What owns it.
    pub workload: Workload,
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition `Ready` is True.
    pub ready: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// The label that tells the pod identity webhook to leave the pod alone.
    pub webhook_opt_out: bool,
    /// Containers and init containers; ephemeral ones are never injected, and not kept.
    pub containers: Vec<Container>,
}

impl Pod {
    /// Whether this is a workload's template, and no pod: it shows what the workload names, and nothing of what was
    /// injected.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.phase == PodPhase::Template
    }

    /// Whether the pod can still ask for credentials: neither finished nor going away. Holds for a template, whose pods
    /// will.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.terminating && !matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// The ServiceAccount that the pod runs as.
    #[must_use]
    pub fn binding_key(&self) -> BindingKey {
        BindingKey::new(self.namespace.clone(), self.service_account.clone())
    }

    /// The roles that its containers would assume, without repetition.
    #[must_use]
    pub fn role_arns(&self) -> Vec<&str> {
        let mut arns: Vec<&str> = self
            .containers
            .iter()
            .filter_map(|c| c.role_arn.as_deref())
            .collect();
        arns.sort_unstable();
        arns.dedup();
        arns
    }

    /// Whether EKS Pod Identity gave the pod its credentials.
    #[must_use]
    pub fn uses_pod_identity(&self) -> bool {
        self.containers.iter().any(|c| c.pod_identity)
    }

    /// Whether the pod's only credentials are those of EKS Pod Identity. Where web identity was injected as well, the
    /// SDKs ask for that first.
    #[must_use]
    pub fn relies_on_pod_identity(&self) -> bool {
        self.uses_pod_identity() && !self.carries_role()
    }

    /// Whether a container has a role in it with what is needed to assume it by web identity.
    #[must_use]
    pub fn carries_role(&self) -> bool {
        self.containers.iter().any(Container::has_web_identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AUDIENCE, ROLE, bare, injected, pod, token, with_pod_identity};

    #[test]
    fn the_token_that_counts_is_the_one_to_which_the_variable_points() {
        let mut container = injected("app", ROLE);
        container.tokens.insert(
            0,
            TokenMount {
                path: "/vault".into(),
                ..token("vault")
            },
        );
        assert_eq!(container.token_audience(), Some(AUDIENCE));
        container.token_file = Some("/vault/token".into());
        assert_eq!(container.token_audience(), Some("vault"));
        container.token_file = Some("/elsewhere/token".into());
        assert_eq!(container.token_audience(), None);
        let file = r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token";
        container.token_file = Some(file.to_owned());
        assert_eq!(container.token_audience(), Some(AUDIENCE));
    }

    #[test]
    fn web_identity_takes_role_file_and_token() {
        let whole = injected("app", ROLE);
        assert!(whole.has_web_identity() && whole.may_have_web_identity());
        for part in [
            Container {
                role_arn: None,
                ..whole.clone()
            },
            Container {
                token_file: None,
                ..whole.clone()
            },
            Container {
                tokens: Vec::new(),
                ..whole.clone()
            },
        ] {
            assert!(
                !part.has_web_identity() && !part.may_have_web_identity(),
                "{part:?}"
            );
            let opaque = Container {
                opaque_env: true,
                ..part
            };
            assert!(!opaque.has_web_identity());
            assert_eq!(opaque.may_have_web_identity(), !opaque.tokens.is_empty());
        }
    }

    #[test]
    fn a_pod_relies_on_pod_identity_unless_it_has_web_identity_too() {
        let key = BindingKey::new("shop", "cart");
        let with = |containers: Vec<Container>| Pod {
            containers,
            ..pod(&key, "app", bare("app"))
        };
        assert!(with(vec![with_pod_identity("a"), bare("b")]).relies_on_pod_identity());
        assert!(!with(vec![with_pod_identity("a"), injected("b", ROLE)]).relies_on_pod_identity());
        assert!(!with(vec![bare("b")]).relies_on_pod_identity());
    }
}
