//! How a pod comes by a token for the Kubernetes API.

use audit_core::model::ApiToken;

use super::raw::{RawMount, RawSpec};
use super::volumes::{Contents, Volumes};

/// Where clients look for it: <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.
const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What the pod says of it. Whatever a volume puts into the usual folder counts as a token, and so does a projected one
/// without an audience, wherever it is.
pub(super) fn of(spec: &RawSpec, volumes: &Volumes) -> ApiToken {
    let is_one = |mount: &RawMount| {
        let is_projected = matches!(volumes.get(&mount.name),
            Some(Contents::Tokens(projected)) if projected.tokens.iter().any(|token| token.audience.is_empty()));
        is_projected || mount.mount_path.trim_end_matches('/').starts_with(FOLDER)
    };
    let mut containers = spec.containers.iter();
    if containers.any(|container| container.volume_mounts.iter().any(is_one)) {
        return ApiToken::Own;
    }
    match spec.automount_service_account_token {
        Some(true) => ApiToken::Mounted,
        Some(false) => ApiToken::Off,
        None => ApiToken::Unset,
    }
}
