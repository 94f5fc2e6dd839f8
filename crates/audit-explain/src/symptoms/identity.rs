//! Whose credentials a process has, by the ARN in an error or in the output of `aws sts get-caller-identity`.

use crate::mentioned::{Mentioned, PrincipalKind};
use crate::pasted::Pasted;
use crate::symptom::Symptom;

const NODE: &str = "identity-node";
const POD_IDENTITY: &str = "identity-pod-identity";
const PERSON: &str = "identity-person";
const USER: &str = "identity-user";
const ROOT: &str = "identity-root";
const ROLE: &str = "identity-role";

/// What the caller's ARN says by itself. The caller of an error counts, and that of `get-caller-identity`.
pub(super) fn of(pasted: &Pasted, mentioned: &Mentioned) -> Vec<&'static str> {
    let is_identity = ["\"userid\"", "userid", "get-caller-identity", "\"arn\""]
        .iter()
        .any(|word| pasted.folded.contains(word));
    let id = mentioned.principals.first().map(|caller| match caller.kind {
        PrincipalKind::Node { .. } => NODE,
        PrincipalKind::PodIdentity { .. } => POD_IDENTITY,
        PrincipalKind::Person { .. } => PERSON,
        PrincipalKind::User => USER,
        PrincipalKind::Root => ROOT,
        PrincipalKind::Session { .. } => ROLE,
    });
    // The session of a role is what a pod should have: an error by it is about the role's permissions.
    id.filter(|id| *id != ROLE || is_identity).into_iter().collect()
}

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: NODE,
        title: "The process has the role of the node, not that of its ServiceAccount",
        means: "The name of the session is the id of an EC2 instance: the SDK found no other credentials and used those of the instance. AWS \
                did not evaluate the policies of the ServiceAccount's role.",
        codes: &[
            "IRSA401", "IRSA101", "IRSA103", "IRSA407", "IRSA409", "IRSA403", "IRSA405", "IRSA410",
        ],
        checks: &[
            "The container must have AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. The webhook sets them when a pod is created.",
            "If the container has both, its SDK does not use them: it is older than the minimum, lacks a module for STS, or the application requests \
             the credentials of the instance.",
        ],
        advice: &["node-role", "hop-limit"],
        hidden_by: &["image-pull"],
        ..Symptom::NONE
    },
    Symptom {
        id: POD_IDENTITY,
        title: "The process has credentials of EKS Pod Identity",
        means: "The name of the session is the one that EKS Pod Identity gives. An association for the ServiceAccount replaces IRSA in pods that are \
                created after it.",
        codes: &["IRSA408", "IRSA912"],
        checks: &["If the role is not the expected one, look at `aws eks list-pod-identity-associations`."],
        advice: &[],
        ..Symptom::NONE
    },
    Symptom {
        id: USER,
        title: "The process has the access keys of an IAM user",
        means: "SDKs use access keys from the environment or from a credentials file before the token of the ServiceAccount. Only the SDK for .NET \
                uses web identity before keys in the environment.",
        codes: &["IRSA406"],
        checks: &[
            "If a person ran the command, this is that person's own identity. It says nothing about the pod.",
        ],
        advice: &["static-keys"],
        ..Symptom::NONE
    },
    Symptom {
        id: PERSON,
        title: "This is the session of a person, from IAM Identity Center",
        means: "The role belongs to a permission set. A pod does not get such a session: the command ran on a workstation, or the container has keys of a \
                person.",
        codes: &["IRSA406"],
        checks: &["Run `aws sts get-caller-identity` inside the container."],
        advice: &[],
        ..Symptom::NONE
    },
    Symptom {
        id: ROOT,
        title: "This is the root user of an account",
        means: "Access keys of the root user are in use. No workload should have them: delete the keys.",
        codes: &["IRSA406"],
        checks: &[],
        advice: &["static-keys"],
        ..Symptom::NONE
    },
    Symptom {
        id: ROLE,
        title: "The process has a session of a role",
        means: "A pod that got its credentials through its ServiceAccount has such a session. If it is the expected role, the chain works up to the \
                trust policy, and errors are about the role's permissions. If it is a different role, the pod is older than the annotation, or a file or \
                variable names that role.",
        codes: &["IRSA402", "IRSA107", "IRSA408", "IRSA501", "IRSA502"],
        checks: &[],
        advice: &[],
        hidden_by: &["denied-", "sts-"],
        ..Symptom::NONE
    },
];
