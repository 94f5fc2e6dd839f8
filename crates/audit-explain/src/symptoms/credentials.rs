//! How SDKs say that they have no credentials, or the wrong ones. The texts are those of the SDKs for Java, Go, Python, JavaScript, Rust, .NET,
//! of the AWS CLI and of Terraform.

use crate::symptom::Symptom;

/// A version of an SDK in the text is older than the minimum.
pub(super) const OLD_SDK: &str = "sdk-old";

/// What can keep credentials from a container.
const NOT_INJECTED: &[&str] = &[
    "IRSA401", "IRSA101", "IRSA103", "IRSA409", "IRSA407", "IRSA403", "IRSA405", "IRSA410",
];

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: OLD_SDK,
        title: "The SDK is older than the minimum for IRSA",
        means: "This version is below the one on EKS's list for IAM roles for service accounts. An SDK that does not support web identity silently ignores \
                AWS_WEB_IDENTITY_TOKEN_FILE and uses the role of the node. The cluster and IAM are not the cause.",
        codes: &["IRSA410"],
        checks: &["Update the SDK, or the image of the add-on that contains it, and recreate the pods."],
        advice: &["node-role"],
        ..Symptom::NONE
    },
    Symptom {
        id: "sdk-sts-module",
        title: "The application lacks the part of its SDK that calls STS",
        means: "The SDK found the token but cannot exchange it: for Java the module `sts` must be on the class path, for .NET the assembly \
                AWSSDK.SecurityToken. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "Add the dependency software.amazon.awssdk:sts (Java 2), com.amazonaws:aws-java-sdk-sts (Java 1) or AWSSDK.SecurityToken (.NET).",
        ],
        advice: &[],
        signs: &[
            &["'sts' service module must be on the class path"],
            &["aws-java-sdk-sts module must be on the class path"],
            &["sts' service module must be on the class path"],
            &["assembly awssdk.securitytoken could not be found"],
            &["could not load file or assembly", "awssdk.securitytoken"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "token-file-permission",
        title: "The process may not read the token file",
        means: "The token exists, but its file mode does not let the user of the process read it. The kubelet gives the file to the pod's fsGroup, \
                or to the runAsUser that all containers share. Otherwise everyone can read it. Before Kubernetes 1.19 only root could read it. A program \
                that changes its user after the start cannot read it. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &["Set `securityContext.fsGroup` of the pod, for example to 65534, and recreate the pods."],
        advice: &["run-as-root"],
        signs: &[
            &["permission denied"],
            &["eacces"],
            &["access is denied"],
            &["accessdeniedexception: /var/run"],
        ],
        and_any: &[
            "eks.amazonaws.com/serviceaccount",
            "webidentity token",
            "web identity token file",
            "aws-iam-token",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "token-file-missing",
        title: "The token file is not where the SDK looks for it",
        means: "AWS_WEB_IDENTITY_TOKEN_FILE names a file that this container does not have: the variables were copied without the volume, the volume \
                is mounted elsewhere, or a different program, such as a job on a workstation, inherited the variable.",
        codes: &["IRSA405", "IRSA401", "IRSA407"],
        checks: &[],
        advice: &[],
        signs: &[
            &["no such file or directory"],
            &["enoent"],
            &["filenotfound"],
            &["nosuchfileexception"],
            &["could not find file"],
            &["cannot find the path"],
            &["os error 2"],
            &["failed fetching webidentity token"],
            &["unable to read the web identity token file"],
        ],
        and_any: &[
            "eks.amazonaws.com/serviceaccount",
            "webidentity token",
            "web identity token",
            "web_identity_token_file",
            "webidentityerr",
        ],
        hidden_by: &["token-file-permission"],
    },
    Symptom {
        id: "static-keys",
        title: "AWS does not know the access key, or its signature is wrong",
        means: "The request was signed with an access key that does not exist, belongs to a different partition, or has a wrong secret. Credentials \
                from web identity do not have this error, so the SDK used keys from the environment or a file before the token of the ServiceAccount. \
                Session credentials of the global STS endpoint are not valid in an opt-in region either.",
        codes: &["IRSA406", "IRSA411"],
        checks: &[
            "Look for AWS_ACCESS_KEY_ID in the container, in its Secrets and ConfigMaps, and for ~/.aws/credentials in the image.",
        ],
        advice: &["static-keys"],
        signs: &[
            &["invalidclienttokenid"],
            &["signaturedoesnotmatch"],
            &["unrecognizedclientexception"],
            &["invalidaccesskeyid"],
            &["security token included in the request is invalid"],
            &["aws access key id you provided does not exist"],
            &["aws was not able to validate the provided access credentials"],
        ],
        hidden_by: &["sts-clock-skew"],
        ..Symptom::NONE
    },
    Symptom {
        id: "credentials-expired",
        title: "The credentials have expired, and were not renewed",
        means: "Session credentials live for some hours at most. SDKs renew those of web identity automatically. Credentials that were copied into \
                variables, or read from the SDK once, are not renewed.",
        codes: &["IRSA406", "IRSA413"],
        checks: &[
            "Pass the SDK's credential provider to other code, not its current keys.",
            "A wrong clock on the node has the same effect.",
        ],
        advice: &[],
        signs: &[
            &["security token included in the request is expired"],
            &["the provided token has expired"],
            &["expiredtoken"],
            &["requestexpired"],
        ],
        hidden_by: &["sts-token-expired", "sts-clock-skew"],
        ..Symptom::NONE
    },
    Symptom {
        id: "profile-missing",
        title: "AWS_PROFILE names a profile that the container does not have",
        means: "With AWS_PROFILE, the SDK reads a config file first. The file or the profile is missing, so the SDK does not reach the token.",
        codes: &["IRSA406"],
        checks: &[],
        advice: &[],
        signs: &[
            &["the config profile (", "could not be found"],
            &["failed to get shared config profile"],
            &["profilenotfound"],
            &["profile file contained no credentials for profile"],
        ],
        and_any: &[],
        ..Symptom::NONE
    },
    Symptom {
        id: "pod-identity-agent",
        title: "EKS Pod Identity did not give credentials",
        means: "The container is configured to ask the EKS Pod Identity agent on its node, which is not IRSA: an association for the ServiceAccount \
                takes precedence in new pods. The agent did not answer, or EKS may not assume the role of the association.",
        codes: &["IRSA408", "IRSA912"],
        checks: &[
            "The DaemonSet eks-pod-identity-agent must run on the node. Fargate and Windows nodes do not have it.",
            "The role's trust policy must allow sts:AssumeRole and sts:TagSession to the service pods.eks.amazonaws.com.",
            "A proxy must not handle 169.254.170.23 and [fd00:ec2::23] (NO_PROXY).",
        ],
        advice: &[],
        signs: &[
            &["169.254.170.23"],
            &["fd00:ec2::23"],
            &["eks does not have permissions to assume the associated role"],
            &["eks-pod-identity-token"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "imds-unreachable",
        title: "The SDK fell back to the instance metadata service, and could not reach it",
        means: "The SDK found no token and no keys, and asked the instance metadata service (IMDS) for the node's role. A hop limit of 1 keeps pods \
                from that service, which is a protection. The fault is that the SDK found no other credentials first.",
        codes: NOT_INJECTED,
        checks: &[
            "If the container has AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, its SDK is too old or lacks a module for STS.",
        ],
        advice: &["hop-limit", "node-role"],
        signs: &[
            &["no ec2 imds role found"],
            &["ec2imds: getmetadata"],
            &["ec2imds: gettoken"],
            &["ec2metadataerror"],
            &["ec2rolerequesterror"],
            &["no ec2 instance role found"],
            &["unable to contact ec2 metadata service"],
            &["failed to load credentials from imds"],
            &[
                "failed to connect to service endpoint",
                "instanceprofilecredentialsprovider",
            ],
            &["unable to get iam security credentials from ec2 instance metadata service"],
            &["unable to retrieve credentials from ec2 instance metadata"],
            &["169.254.169.254"],
            &["imds", "timed out"],
            &["ec2 metadata", "timeout"],
            &["instance metadata", "timed out"],
        ],
        hidden_by: &[
            "sts-n",
            "sts-audience",
            "sts-verification",
            "sts-token",
            "sts-role",
            "sts-region",
            "sts-throttled",
            "sts-clock",
            "token-file",
            "sdk-",
            "pod-identity-",
            "identity-",
            "denied-",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "no-credentials",
        title: "The SDK found no credentials at all",
        means: "None of the places where the SDK looks has credentials. For a pod with IRSA this means that the webhook did not inject them, or that \
                the SDK does not support web identity.",
        codes: NOT_INJECTED,
        checks: &[
            "The container must have AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. The webhook sets them when a pod is created: recreate older pods.",
            "If it has both, compare the version of its SDK with the minimum, and look for an explicit credential provider in its code or settings.",
        ],
        advice: &["static-keys", "node-role"],
        signs: &[
            &["unable to locate credentials"],
            &["nocredentialserror"],
            &["nocredentialproviders"],
            &["no valid providers in chain"],
            &["unable to load credentials from any of the providers in the chain"],
            &["unable to load aws credentials from any provider in the chain"],
            &["unable to load credentials from any provider"],
            &["could not load credentials from any providers"],
            &["missing credentials in config"],
            &["credentialsprovidererror"],
            &["no providers in chain provided credentials"],
            &["credentialsnotloaded"],
            &["the credential provider was not enabled"],
            &["unable to find credentials"],
            &["failed to resolve aws credentials"],
            &["no valid credential sources"],
            &["failed to refresh cached credentials"],
            &["partial credentials found"],
            &["unable to sign request without credentials set"],
            &["could not find credentials"],
        ],
        hidden_by: &[
            "sts-",
            "token-file",
            "sdk-",
            "pod-identity-",
            "imds-",
            "identity-",
            "denied-",
            "static-keys",
            "profile-",
            "credentials-expired",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "no-region",
        title: "The SDK does not know the region",
        means: "The region is not part of the credentials. The webhook of EKS sets AWS_REGION in new pods unless the container sets it; older and \
                self-hosted webhooks may not. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &["Set AWS_REGION in the container, or in the application's settings."],
        advice: &[],
        signs: &[
            &["you must specify a region"],
            &["unable to find a region via the region provider chain"],
            &["unable to load region from any of the providers in the chain"],
            &["missing region in config"],
            &["region is missing"],
            &["no regionendpoint or serviceurl configured"],
            &["missingregion"],
            &["invalid configuration: missing region"],
        ],
        ..Symptom::NONE
    },
];
