//! What the API server and the kubelet say.

use crate::mentioned::{KubernetesRequest, Mentioned};
use crate::symptom::Symptom;

const FORBIDDEN: &str = "rbac-forbidden";
const OTHER_USER: &str = "rbac-other-user";
const ANONYMOUS: &str = "rbac-anonymous";
const TOKEN_VOLUME: &str = "token-volume";

/// What RBAC refused, by who asked.
pub(super) fn of(mentioned: &Mentioned) -> Vec<&'static str> {
    let requests = mentioned.kubernetes.iter();
    requests
        .map(|request| match (&request.service_account, request.is_anonymous) {
            (Some(_), _) => FORBIDDEN,
            (None, true) => ANONYMOUS,
            (None, false) if is_of_kubelet(request) => TOKEN_VOLUME,
            (None, false) => OTHER_USER,
        })
        .collect()
}

/// Whether a kubelet asked for the token of a pod. No role decides that, but the node authorizer.
fn is_of_kubelet(request: &KubernetesRequest) -> bool {
    request.is_of_node()
        && request.resource == "serviceaccounts"
        && request.subresource.as_deref() == Some("token")
}

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: "rbac-role-missing",
        title: "A binding refers to a role that does not exist",
        means: "The authorizer found a binding for the caller, but no role with the name in its roleRef.",
        codes: &["IRSA607"],
        checks: &[],
        advice: &[],
        signs: &[
            &["role.rbac.authorization.k8s.io \"", "\" not found"],
            &["rbac: role", "not found"],
            &["rbac: clusterrole", "not found"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "rbac-escalation",
        title: "The caller may not grant what it does not have itself",
        means: "Kubernetes does not let anyone create or change a role or binding with permissions that they lack, unless they may `escalate` or \
                `bind`. The error lists the missing permissions.",
        codes: &[],
        checks: &["Ask someone who has these permissions to apply it."],
        advice: &[],
        signs: &[
            &["attempting to grant rbac permissions not currently held"],
            &["attempt to grant extra privileges"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "rbac-impersonate",
        title: "The caller may not act as a different user or group",
        means: "`kubectl --as` and `--as-group` need the verb impersonate on users, groups or serviceaccounts.",
        codes: &[],
        checks: &["`irsa-audit can-i` answers the same question without impersonation."],
        advice: &[],
        signs: &[
            &["cannot impersonate resource"],
            &["cannot impersonate users"],
            &["cannot impersonate groups"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: FORBIDDEN,
        title: "RBAC does not let the ServiceAccount do this",
        means: "The API server knows the ServiceAccount, but no role that is bound to it allows the request. The error does not say whether a binding is \
                missing, is in a different namespace, or grants something else. IAM is not involved.",
        codes: &[
            "IRSA601", "IRSA602", "IRSA604", "IRSA608", "IRSA605", "IRSA603", "IRSA606", "IRSA607", "IRSA909",
        ],
        checks: &[],
        advice: &["cluster-admin"],
        hidden_by: &["rbac-role-missing", "rbac-impersonate"],
        ..Symptom::NONE
    },
    Symptom {
        id: OTHER_USER,
        title: "RBAC does not let this user do this",
        means: "The caller is not a ServiceAccount: a person, a node or a certificate. A role can be bound to the user or to one of its groups, which the \
                error does not list. On EKS, access entries or the ConfigMap aws-auth give an IAM role its user name and groups. irsa-audit audits \
                ServiceAccounts only.",
        codes: &[],
        checks: &[
            "`kubectl auth whoami` shows the user and the groups; `kubectl auth can-i --list` what they may do.",
            "If a pod should have made the call, its ServiceAccount's token was not used.",
            "For a node, `system:node:…`, no binding counts: the node authorizer lets it read only what the pods on it use.",
        ],
        advice: &["cluster-admin"],
        hidden_by: &["rbac-role-missing", "rbac-impersonate"],
        ..Symptom::NONE
    },
    Symptom {
        id: ANONYMOUS,
        title: "The request had no credentials for the API server",
        means: "The API server did not authenticate the caller: the request had no token, or the address is not the one for which the kubeconfig has \
                credentials.",
        codes: &["IRSA609"],
        checks: &["Do not bind a role to system:anonymous or system:unauthenticated."],
        advice: &[],
        ..Symptom::NONE
    },
    Symptom {
        id: "api-unauthorized",
        title: "The API server does not accept the caller's credentials",
        means: "The token is missing, expired, of a different cluster, or of a ServiceAccount that was deleted. On EKS, an IAM principal also needs an \
                access entry or a line in the ConfigMap aws-auth.",
        codes: &["IRSA609", "IRSA106"],
        checks: &[
            "For a person on EKS: `aws eks list-access-entries`, and `aws sts get-caller-identity` to see who calls.",
        ],
        advice: &[],
        signs: &[
            &["server has asked for the client to provide credentials"],
            &["you must be logged in to the server"],
            &["\"reason\":\"unauthorized\""],
            &["\"reason\": \"unauthorized\""],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "api-token-missing",
        title: "The pod has no token for the Kubernetes API",
        means: "The client looks for the token that the kubelet mounts by default. automountServiceAccountToken is off, or the program does not run in a \
                pod.",
        codes: &["IRSA609"],
        checks: &[],
        advice: &[],
        signs: &[
            &["secrets/kubernetes.io/serviceaccount/token"],
            &["unable to load in-cluster configuration"],
            &["service host/port is not set"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "service-account-missing",
        title: "The ServiceAccount does not exist",
        means: "A pod cannot be created, or cannot get a token, for a ServiceAccount that does not exist in its namespace.",
        codes: &["IRSA106"],
        checks: &[],
        advice: &[],
        signs: &[
            &["error looking up service account"],
            &["serviceaccounts \"", "\" not found"],
            &["serviceaccount \"", "\" not found"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "service-account-without-role",
        title: "The ServiceAccount has no annotation with its role",
        means: "A controller or driver requests a token of the ServiceAccount and reads the role from its annotation eks.amazonaws.com/role-arn: External \
                Secrets, or the AWS provider of the Secrets Store CSI driver. The annotation is missing, or its key is misspelled. These programs read this key, \
                whatever the webhook is configured with.",
        codes: &["IRSA101", "IRSA103"],
        checks: &[
            "The programs read the annotation each time, so no pod has to be recreated for it.",
            "For EKS Pod Identity in place of IRSA, a SecretProviderClass needs `usePodIdentity: \"true\"`.",
        ],
        advice: &[],
        signs: &[
            &["iam role must be associated with service account"],
            &["need iam role for service account"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "token-expiration",
        title: "A token is requested for less than 10 minutes",
        means: "Kubernetes does not issue projected tokens that live less than 600 seconds. The annotation token-expiration of the ServiceAccount or the \
                pod, or the pod's own volume, requests less.",
        codes: &["IRSA105"],
        checks: &[],
        advice: &[],
        signs: &[&["may not specify a duration less than 10 minutes"]],
        ..Symptom::NONE
    },
    Symptom {
        id: TOKEN_VOLUME,
        title: "The kubelet could not mount the token",
        means: "The kubelet requested the token of the volume aws-iam-token from the API server, but did not get it. The rest of the event says why.",
        codes: &["IRSA106", "IRSA105"],
        checks: &[
            "`no relationship found between node and this object` is from the node authorizer, not RBAC: the API server does not know of a pod on this node that \
             uses the ServiceAccount. That passes within seconds for a new pod. If it lasts, the pod was deleted, and its node still tries: recreate the pod.",
        ],
        advice: &[],
        signs: &[
            &["mountvolume.setup failed", "aws-iam-token"],
            &["failed to fetch token", "serviceaccount"],
            &[
                "failed to fetch token",
                "cannot create resource \"serviceaccounts/token\"",
            ],
        ],
        hidden_by: &["service-account-missing", "token-expiration"],
        ..Symptom::NONE
    },
    Symptom {
        id: "webhook-failed",
        title: "The API server cannot reach the pod identity webhook",
        means: "The webhook adds the token and the variables when a pod is created. It is registered so that a failure does not stop the pod: the pod \
                then runs without them.",
        codes: &["IRSA409", "IRSA401"],
        checks: &[
            "On a self-hosted webhook: its Service, its certificate, and the network from the control plane to it.",
        ],
        advice: &["restart-webhook"],
        signs: &[
            &["failed calling webhook", "pod-identity-webhook"],
            &["failed calling webhook", "iam-for-pods"],
            &["failed to call webhook", "pod-identity-webhook"],
        ],
        ..Symptom::NONE
    },
];
