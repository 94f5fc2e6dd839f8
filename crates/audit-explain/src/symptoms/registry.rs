//! What registries and file servers say to the node, and to programs that log in to a registry. What the kubelet and the drivers on the node
//! do, they do with the node's credentials, before a container of the pod runs.

use crate::symptom::Symptom;

/// The kubelet may not pull an image.
pub(super) const IMAGE_PULL: &str = "image-pull-denied";

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: IMAGE_PULL,
        title: "The node may not pull the image from ECR",
        means: "The kubelet pulls images with the credentials of the node, before a container of the pod runs. The pod's ServiceAccount and its role take no \
                part in it, and no finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "The role of the node needs the policy AmazonEC2ContainerRegistryPullOnly or AmazonEC2ContainerRegistryReadOnly. On Fargate, the pod execution \
             role needs it.",
            "A repository in a different account must admit that role in its repository policy as well.",
            "`no basic auth credentials` and `401 Unauthorized` mean that the node got no login from ECR: check its role, the kubelet's credential provider \
             for ECR, and the account and region in the image's name.",
        ],
        advice: &[],
        signs: &[
            &["failed to pull image", ".dkr.ecr"],
            &["failed to pull and unpack image", ".dkr.ecr"],
            &["pull image", "failed", ".dkr.ecr"],
            &["errimagepull", ".dkr.ecr"],
            &["imagepullbackoff", ".dkr.ecr"],
        ],
        and_any: &[
            "no basic auth credentials",
            "not authorized to perform: ecr:",
            "403 forbidden",
            "401 unauthorized",
            "unexpected status code 401",
            "unexpected status code 403",
            "pull access denied",
            "requested access to the resource is denied",
            "authorization token has expired",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "registry-login",
        title: "The program has no login to ECR, or an old one",
        means: "A login to ECR is a token for 12 hours, which a program gets by ecr:GetAuthorizationToken with its own credentials. The registry got none, or \
                one that has expired.",
        codes: &["IRSA401", "IRSA101", "IRSA502", "IRSA501"],
        checks: &[
            "The role needs ecr:GetAuthorizationToken on `*`, and the actions on the repository.",
            "Let the program ask for a login each time, by amazon-ecr-credential-helper or its own support for ECR: a Secret with a login is of no use after \
             12 hours.",
        ],
        advice: &[],
        signs: &[
            &["your authorization token has expired"],
            &[".dkr.ecr", "no basic auth credentials"],
            &[".dkr.ecr", "401 unauthorized"],
            &[".dkr.ecr", "unexpected status code 401"],
        ],
        hidden_by: &[IMAGE_PULL],
        ..Symptom::NONE
    },
    Symptom {
        id: "mount-denied",
        title: "The file system refuses the mount",
        means: "A driver on the node mounts the volume before a container of the pod runs. The pod's ServiceAccount and its role take no part in it, and no \
                finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "For EFS: the file system policy must allow elasticfilesystem:ClientMount to the caller. With the mount option `iam`, that is the role of the EFS \
             CSI driver's node DaemonSet, or of the node; without it, the caller is anonymous.",
            "Check that the access point and the directory of the volume exist, and that the mount uses TLS where the policy requires it.",
        ],
        advice: &[],
        signs: &[&["access denied by server while mounting"]],
        ..Symptom::NONE
    },
];
