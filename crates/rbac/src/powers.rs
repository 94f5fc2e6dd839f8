//! What a role lets somebody do to the identities of ServiceAccounts.

use crate::identity::Identity;
use crate::matching::{covers, has_group, has_verb};
use crate::objects::{PolicyRule, Text};
use crate::request::AccessRequest;

/// A way to take an identity. Source: Kubernetes, "Role Based Access Control Good Practices", privilege escalation risks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TakeoverWay {
    /// Ask for a token of it.
    Token,
    /// Run a pod as it.
    Pod,
    /// Put another image into a pod that runs as it: the one field of a running container that may change.
    Image,
    /// Let a workload run pods as it.
    Workload,
    /// Let the controller of another project run pods as it.
    Launcher,
    /// Run a command in a pod that runs as it.
    Exec,
    /// Attach to the process of a pod that runs as it.
    Attach,
    /// Add a container to a pod that runs as it.
    Ephemeral,
    /// Make a Secret that the control plane fills with a token of it, and read that.
    Secret,
    /// Change its annotations.
    Annotation,
    /// Act as it towards Kubernetes.
    Impersonate,
    /// The same, as the user that it is.
    ImpersonateUser,
    /// Act as a group that may do anything, such as `system:masters`.
    ImpersonateGroup,
    /// Reach the kubelet's API, which runs commands in every pod of its node, unseen by the API server's audit log.
    NodeProxy,
    /// Write Roles that allow more than the writer may.
    EscalateRole,
    /// Write ClusterRoles that allow more than the writer may.
    EscalateClusterRole,
    /// Bind roles that allow more than the binder may.
    Bind,
    /// Change pods that run as it while they are created.
    Admission,
    /// Have a client certificate issued to the name of anyone who may do anything.
    Certificate,
}

/// Requests: verbs, group, resources, subresource.
type Requests = &'static [(
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    &'static str,
)];

/// The group of roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";

/// The group of signing requests and signers.
const CERTIFICATES: &str = "certificates.k8s.io";

/// The signer of certificates with which clients authenticate to the API server, and the pattern in which it is.
const CLIENT_SIGNERS: [&str; 2] = ["kubernetes.io/kube-apiserver-client", "kubernetes.io/*"];

/// ClusterRoles of every API server that open other ways, so that binding them is a way (Kubernetes, "Using RBAC Authorization",
/// user-facing roles).
const POWERFUL: [&str; 3] = ["cluster-admin", "admin", "edit"];

impl TakeoverWay {
    /// All ways.
    pub const ALL: [Self; 19] = [
        Self::Token,
        Self::Pod,
        Self::Image,
        Self::Workload,
        Self::Launcher,
        Self::Exec,
        Self::Attach,
        Self::Ephemeral,
        Self::Secret,
        Self::Annotation,
        Self::Impersonate,
        Self::ImpersonateUser,
        Self::ImpersonateGroup,
        Self::NodeProxy,
        Self::EscalateRole,
        Self::EscalateClusterRole,
        Self::Bind,
        Self::Admission,
        Self::Certificate,
    ];

    /// What it takes, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "create serviceaccounts/token",
            Self::Pod => "create pods",
            Self::Image => "change images of pods",
            Self::Workload => "write workloads",
            Self::Launcher => "write objects that launch pods",
            Self::Exec => "exec into pods",
            Self::Attach => "attach to pods",
            Self::Ephemeral => "add ephemeral containers to pods",
            Self::Secret => "create and read token secrets",
            Self::Annotation => "edit serviceaccounts",
            Self::Impersonate => "impersonate serviceaccounts",
            Self::ImpersonateUser => "impersonate users",
            Self::ImpersonateGroup => "impersonate groups",
            Self::NodeProxy => "reach kubelets by nodes/proxy",
            Self::EscalateRole => "escalate roles",
            Self::EscalateClusterRole => "escalate clusterroles",
            Self::Bind => "bind roles",
            Self::Admission => "change mutating webhooks",
            Self::Certificate => "create and approve client certificates",
        }
    }

    pub(crate) fn bit(self) -> u32 {
        1 << (self as u32)
    }

    /// Whether it is about objects outside of namespaces, so that a RoleBinding cannot open it.
    #[must_use]
    pub fn is_cluster_wide(self) -> bool {
        matches!(
            self,
            Self::ImpersonateUser
                | Self::ImpersonateGroup
                | Self::NodeProxy
                | Self::EscalateClusterRole
                | Self::Admission
                | Self::Certificate
        )
    }

    /// The requests by which it is done; of a Secret and of a certificate, the one by which it is made. The API server takes GET for
    /// `exec`, `attach` and `proxy` as well.
    fn requests(self) -> Requests {
        const WRITE: &[&str] = &["create", "update", "patch"];
        const CONNECT: &[&str] = &["create", "get"];
        match self {
            Self::Token => &[(&["create"], "", &["serviceaccounts"], "token")],
            Self::Pod => &[(&["create"], "", &["pods"], "")],
            Self::Image => &[(&["update", "patch"], "", &["pods"], "")],
            Self::Workload => &[
                (
                    WRITE,
                    "apps",
                    &["deployments", "statefulsets", "daemonsets", "replicasets"],
                    "",
                ),
                (WRITE, "batch", &["jobs", "cronjobs"], ""),
                (WRITE, "", &["replicationcontrollers"], ""),
            ],
            // The namespaced kinds of the credential path `Launched`, and Argo's Rollouts. Their controllers take the ServiceAccount
            // from the object, without asking whether its author may use it.
            Self::Launcher => &[
                (
                    WRITE,
                    "argoproj.io",
                    &["workflows", "workflowtemplates", "cronworkflows", "rollouts"],
                    "",
                ),
                (
                    WRITE,
                    "sparkoperator.k8s.io",
                    &["sparkapplications", "scheduledsparkapplications"],
                    "",
                ),
                (WRITE, "tekton.dev", &["pipelineruns", "taskruns"], ""),
                (WRITE, "serving.knative.dev", &["services"], ""),
                (WRITE, "keda.sh", &["scaledjobs"], ""),
                (WRITE, "ray.io", &["rayclusters", "rayjobs", "rayservices"], ""),
                (WRITE, "actions.github.com", &["autoscalingrunnersets"], ""),
                (
                    WRITE,
                    "actions.summerwind.dev",
                    &["runnerdeployments", "runnersets"],
                    "",
                ),
            ],
            Self::Exec => &[(CONNECT, "", &["pods"], "exec")],
            Self::Attach => &[(CONNECT, "", &["pods"], "attach")],
            Self::Ephemeral => &[(&["update", "patch"], "", &["pods"], "ephemeralcontainers")],
            Self::Secret => &[(&["create"], "", &["secrets"], "")],
            Self::Annotation => &[(&["update", "patch"], "", &["serviceaccounts"], "")],
            Self::Impersonate => &[(&["impersonate"], "", &["serviceaccounts"], "")],
            Self::ImpersonateUser => &[(&["impersonate"], "", &["users"], "")],
            Self::ImpersonateGroup => &[(&["impersonate"], "", &["groups"], "")],
            Self::NodeProxy => &[(CONNECT, "", &["nodes"], "proxy")],
            Self::EscalateRole => &[(&["escalate"], RBAC, &["roles"], "")],
            Self::EscalateClusterRole => &[(&["escalate"], RBAC, &["clusterroles"], "")],
            Self::Bind => &[(&["bind"], RBAC, &["roles", "clusterroles"], "")],
            Self::Admission => &[(
                WRITE,
                "admissionregistration.k8s.io",
                &["mutatingwebhookconfigurations"],
                "",
            )],
            Self::Certificate => &[(&["create"], CERTIFICATES, &["certificatesigningrequests"], "")],
        }
    }

    /// What a rule that is limited to this name opens: the way to the ServiceAccount or user of that name, to any, or to none.
    fn limited_to(self, name: &Text) -> Limited {
        match self {
            Self::Token | Self::Annotation | Self::Impersonate | Self::ImpersonateUser => {
                Limited::To(name.clone())
            }
            Self::ImpersonateGroup if **name == *"system:masters" => Limited::Not,
            Self::Bind if POWERFUL.contains(&&**name) => Limited::Not,
            // A configuration of any name can be made to select any pod.
            Self::Admission => Limited::Not,
            // A name of a pod or a workload does not say whether that runs as the ServiceAccount.
            _ => Limited::Away,
        }
    }
}

/// What a name in a rule means for a way.
enum Limited {
    /// It opens to the one of this name.
    To(Text),
    /// It opens to any.
    Not,
    /// It is not counted.
    Away,
}

/// By which requests a Secret is read.
const READ_SECRETS: Requests = &[(&["get", "list", "watch"], "", &["secrets"], "")];

/// By which requests a signing request is approved, beside the right to its signer.
const APPROVE: Requests = &[(
    &["update", "patch"],
    CERTIFICATES,
    &["certificatesigningrequests"],
    "approval",
)];

/// The right to approve for a signer, whose name is the resource's.
const SIGNERS: Requests = &[(&["approve"], CERTIFICATES, &["signers"], "")];

/// Whether a rule lets approve certificates of clients.
fn has_client_signer(rule: &PolicyRule) -> bool {
    let names = &rule.resource_names;
    let is_one = |name: &Text| CLIENT_SIGNERS.contains(&&**name);
    opens(rule, SIGNERS) && (names.is_empty() || names.iter().any(is_one))
}

/// The ways that a role opens: to any ServiceAccount, and to those of some names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Powers {
    any: u32,
    /// Sorted.
    named: Vec<(Text, u32)>,
}

impl Powers {
    pub(crate) fn of<'a>(rules: impl IntoIterator<Item = &'a PolicyRule>) -> Self {
        let mut powers = Self::default();
        let (mut reads_secrets, mut approves, mut has_signer) = (false, false, false);
        for rule in rules {
            reads_secrets |= opens(rule, READ_SECRETS);
            approves |= rule.resource_names.is_empty() && opens(rule, APPROVE);
            has_signer |= has_client_signer(rule);
            for way in TakeoverWay::ALL {
                if !opens(rule, way.requests()) {
                    continue;
                }
                if rule.resource_names.is_empty() {
                    powers.any |= way.bit();
                }
                for name in &rule.resource_names {
                    match way.limited_to(name) {
                        Limited::To(name) => powers.named.push((name, way.bit())),
                        Limited::Not => powers.any |= way.bit(),
                        Limited::Away => {}
                    }
                }
            }
        }
        if !reads_secrets {
            powers.any &= !TakeoverWay::Secret.bit();
        }
        if !(approves && has_signer) {
            powers.any &= !TakeoverWay::Certificate.bit();
        }
        powers.named.sort_unstable();
        powers.named.dedup();
        powers
    }

    /// Whether a binding in a namespace, or with an empty one a binding of the cluster, opens a way to every ServiceAccount there.
    pub(crate) fn reach_all(&self, scope: &str) -> bool {
        in_scope(self.any, scope) != 0
    }

    /// The names to which it opens a way. One may come several times.
    pub(crate) fn names(&self) -> impl Iterator<Item = PowerName> + use<'_> {
        self.named.iter().map(|(name, way)| {
            if *way == TakeoverWay::ImpersonateUser.bit() {
                PowerName::User(name.clone())
            } else {
                PowerName::ServiceAccount(name.clone())
            }
        })
    }

    /// Whether it opens no way to every ServiceAccount anywhere.
    pub(crate) fn reach_none(&self) -> bool {
        self.any == 0
    }

    /// The ways that are limited to a name.
    fn over_name<'p>(&'p self, own: &'p str) -> impl Iterator<Item = u32> + use<'p> {
        let start = self.named.partition_point(|(name, _)| **name < *own);
        let from = self.named.iter().skip(start);
        from.take_while(move |(name, _)| **name == *own)
            .map(|(_, way)| *way)
    }

    /// The ways to a ServiceAccount that a binding in a namespace opens, or with an empty one a binding of the cluster.
    pub(crate) fn over(&self, identity: &Identity, scope: &str) -> u32 {
        let is_of_user = |way: &u32| *way == TakeoverWay::ImpersonateUser.bit();
        let account = self.over_name(&identity.account().name);
        let account = account.filter(|way| !is_of_user(way));
        let user = self.over_name(identity.user()).filter(is_of_user);
        in_scope(account.chain(user).fold(self.any, |ways, way| ways | way), scope)
    }
}

/// Of some ways, those that a binding in a namespace opens, or with an empty one a binding of the cluster.
fn in_scope(ways: u32, scope: &str) -> u32 {
    if scope.is_empty() {
        return ways;
    }
    let beyond = TakeoverWay::ALL.into_iter().filter(|way| way.is_cluster_wide());
    beyond.fold(ways, |ways, way| ways & !way.bit())
}

/// A name that a power is limited to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PowerName {
    /// Of a ServiceAccount.
    ServiceAccount(Text),
    /// Of a user; a ServiceAccount's is `system:serviceaccount:<namespace>:<name>`.
    User(Text),
}

/// Whether a rule, with names or without, is about one of the requests.
fn opens(rule: &PolicyRule, requests: Requests) -> bool {
    requests.iter().any(|(verbs, group, resources, subresource)| {
        has_group(rule, group)
            && verbs.iter().any(|verb| has_verb(rule, verb))
            && resources.iter().any(|resource| {
                let request = AccessRequest {
                    namespace: None,
                    api_group: group,
                    resource,
                    subresource,
                    name: "",
                    verb: "",
                };
                rule.resources.iter().any(|own| covers(own, &request))
            })
    })
}
