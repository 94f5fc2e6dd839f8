//! Containers and pods.

use super::*;

/// A container as the webhook leaves it.
pub(crate) fn injected(name: &str, role_arn: &str) -> Container {
    Container {
        name: name.to_owned(),
        role_arn: Some(role_arn.to_owned()),
        token_file: Some(format!("{TOKEN_FOLDER}/token")),
        tokens: vec![token(AUDIENCE)],
        ..Container::default()
    }
}

/// The mount of the webhook's token.
pub(crate) fn token(audience: &str) -> TokenMount {
    TokenMount {
        path: TOKEN_FOLDER.to_owned(),
        audience: Some(audience.to_owned()),
        file: "token".to_owned(),
        by_webhook: true,
        sub_path: false,
    }
}

/// A container that brings role and token itself.
pub(crate) fn own(audience: &str, role_arn: &str) -> Container {
    Container {
        role_arn: Some(role_arn.to_owned()),
        token_file: Some("/var/run/secrets/own/token".to_owned()),
        tokens: vec![TokenMount {
            path: "/var/run/secrets/own".to_owned(),
            by_webhook: false,
            ..token(audience)
        }],
        ..bare("app")
    }
}

/// A container as the webhook has not touched it.
pub(crate) fn bare(name: &str) -> Container {
    Container {
        name: name.to_owned(),
        ..Container::default()
    }
}

/// A container to which EKS Pod Identity has given credentials.
pub(crate) fn with_pod_identity(name: &str) -> Container {
    Container {
        pod_identity: true,
        tokens: vec![TokenMount {
            path: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount".to_owned(),
            audience: Some(POD_IDENTITY_AUDIENCE.to_owned()),
            file: "eks-pod-identity-token".to_owned(),
            by_webhook: false,
            sub_path: false,
        }],
        ..bare(name)
    }
}

/// A running pod of Deployment `name`.
pub(crate) fn pod(key: &BindingKey, name: &str, container: Container) -> Pod {
    Pod {
        name: format!("{name}-6d4cf56db6-x7k2p").into(),
        created: None,
        phase: PodPhase::Running,
        ready: true,
        terminating: false,
        workload: Arc::new(Workload {
            kind: "Deployment".into(),
            name: name.into(),
        }),
        common: Arc::new(PodCommon {
            namespace: key.namespace.clone(),
            service_account: key.service_account.clone(),
            containers: vec![container].into(),
            ..PodCommon::default()
        }),
    }
}

/// A pod after a change.
pub(crate) fn changed(mut pod: Pod, change: impl FnOnce(&mut Pod)) -> Pod {
    change(&mut pod);
    pod
}

/// A pod that opts out of the webhook, as EKS registers it.
pub(crate) fn opted_out(pod: &mut Pod) {
    let label = (OPT_OUT_LABEL.to_owned(), "true".to_owned());
    pod.labels = Arc::new([label].into_iter().collect());
}
