//! Common advice that does not help, or that opens more than it repairs.

/// A piece of advice, and what is true.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// Stable and lower case with hyphens.
    pub id: &'static str,
    /// What is advised.
    pub says: &'static str,
    /// Why not, and what helps.
    pub truth: &'static str,
}

const ALL: &[Advice] = &[
    Advice {
        id: "identity-policy",
        says: "Allow sts:AssumeRoleWithWebIdentity in an identity policy of the role, or of the node's role.",
        truth: "It does nothing for IRSA. The caller has no AWS identity yet when it shows its token: STS evaluates only the role's trust policy.",
    },
    Advice {
        id: "thumbprint",
        says: "Update the thumbprint of the OIDC provider.",
        truth: "It does nothing for EKS. IAM verifies an issuer by its own list of public CAs, and the issuers of EKS have such certificates. A \
                thumbprint counts only for an issuer with a certificate of a private CA.",
    },
    Advice {
        id: "open-trust",
        says: "Remove the condition on `sub`, or use `*` in it.",
        truth: "Every ServiceAccount of the cluster can then assume the role. Name the ServiceAccount in the condition.",
    },
    Advice {
        id: "cluster-account",
        says: "The OIDC provider belongs in the account of the cluster.",
        truth: "STS looks for it in the account of the role. A role in a different account needs a provider there.",
    },
    Advice {
        id: "node-role",
        says: "Attach the permission to the role of the node.",
        truth: "Every pod on the node then has it. Find out why the pod does not get the role of its ServiceAccount.",
    },
    Advice {
        id: "hop-limit",
        says: "Raise the hop limit of the instance metadata service to 2.",
        truth: "Every pod can then use the role of the node, and the missing credentials of the ServiceAccount stay hidden. IRSA does not use the \
                instance metadata service.",
    },
    Advice {
        id: "static-keys",
        says: "Put access keys into the environment.",
        truth: "Nearly all SDKs use them before the token of the ServiceAccount. They do not expire, and the role is no longer used.",
    },
    Advice {
        id: "run-as-root",
        says: "Run the container as root, so that it can read the token.",
        truth: "Not needed. Set `fsGroup` in the pod's securityContext.",
    },
    Advice {
        id: "cluster-admin",
        says: "Bind cluster-admin to it.",
        truth: "The caller then controls the cluster and, for a ServiceAccount, so does anyone who can create a pod with it. `irsa-audit can-i` shows the \
                least role for a ServiceAccount.",
    },
    Advice {
        id: "restart-webhook",
        says: "Restart the webhook or recreate the ServiceAccount, and the pods will get their credentials.",
        truth: "The webhook acts only when a pod is created. Recreate the pods.",
    },
];

/// All advice.
pub fn all() -> impl Iterator<Item = &'static Advice> {
    ALL.iter()
}

/// Whether a text in lower case is such advice itself: its id.
pub(crate) fn given_in(folded: &str) -> Vec<&'static str> {
    let has = |fragment: &str| folded.contains(fragment);
    let mut ids = Vec::new();
    // An identity policy has a Resource and no Principal.
    if has("assumerolewithwebidentity")
        && has("\"effect\": \"allow\"") | has("\"effect\":\"allow\"")
        && has("\"resource\"")
        && !has("\"principal\"")
    {
        ids.push("identity-policy");
    }
    if has("http-put-response-hop-limit") || has("httpputresponsehoplimit") {
        ids.push("hop-limit");
    }
    if has("update-open-id-connect-provider-thumbprint") {
        ids.push("thumbprint");
    }
    ids
}
