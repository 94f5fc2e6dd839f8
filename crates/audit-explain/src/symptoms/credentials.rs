//! How SDKs say that they have no credentials, or the wrong ones. The texts are those of the SDKs for Java, Go, Python, JavaScript, Rust, .NET,
//! PHP, Ruby and C++, of the AWS CLI, Hadoop, Fluent Bit and Terraform.

use crate::symptom::{Symptom, WeakSigns};

/// A version of an SDK in the text is older than the minimum.
pub(super) const OLD_SDK: &str = "sdk-old";

/// What can keep credentials from a container.
const NOT_INJECTED: &[&str] = &[
    "IRSA401", "IRSA101", "IRSA103", "IRSA409", "IRSA407", "IRSA403", "IRSA405", "IRSA410",
];

/// What says that an address was asked, and in vain.
const NO_ANSWER: [&str; 18] = [
    "timed out",
    "timeout",
    "deadline exceeded",
    "max retries exceeded",
    "maximum number of attempts",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "failed to connect",
    "etimedout",
    "econnrefused",
    "ehostunreach",
    "request send failed",
    "failed to make ec2metadata request",
    "received non 200 response",
    "error retrieving metadata",
    "error when retrieving credentials",
    "no such file or directory",
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
        id: "sdk-http-client",
        title: "The SDK for Java cannot choose an HTTP client for STS",
        means: "The SDK found the token, and calls STS with an HTTP client from the class path. There are several of them, or none, so it gives up without a \
                call. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "Keep one HTTP client on the class path: exclude url-connection-client or apache-client. Or name one by the system property \
             software.amazon.awssdk.http.service.impl.",
            "A client that the application sets on its own service client is not used for STS, unless it also builds the credential provider.",
        ],
        advice: &[],
        signs: &[
            &["multiple http implementations were found on the classpath"],
            &["unable to load an http implementation from any provider in the chain"],
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
            "web identify token file",
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
            &["could not read web identity token file"],
            &["could not read web identify token file"],
        ],
        and_any: &[
            "eks.amazonaws.com/serviceaccount",
            "webidentity token",
            "web identity token",
            "web_identity_token_file",
            "webidentityerr",
            "stswebidentity",
            "web identify token",
        ],
        hidden_by: &["token-file-permission"],
        ..Symptom::NONE
    },
    Symptom {
        id: "unsigned-request",
        title: "The request was not signed: AWS saw an anonymous caller",
        means: "The program sent the request without any credentials, so the policies of the ServiceAccount's role were not evaluated. Plain HTTP clients do that, \
                as those for OpenSearch, and programs that go on when they find no credentials. A resource-based policy that refuses `anonymous` is not at fault.",
        codes: &["IRSA401", "IRSA101", "IRSA410"],
        checks: &[
            "Let the program sign its requests (Signature Version 4): look for a setting such as `aws_auth`, `AWS_Auth On` or a signing proxy.",
            "An explicit setting for anonymous access turns signing off: AnonymousAWSCredentialsProvider, `signature_version=UNSIGNED`, `--no-sign-request`.",
            "Do not open the resource's policy to everyone.",
        ],
        advice: &[],
        signs: &[
            &["user: anonymous is not authorized"],
            &["missingauthenticationtoken"],
            &["request is missing authentication token"],
            &["anonymous access is forbidden for this operation"],
        ],
        ..Symptom::NONE
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
        // The SDK for Java 2 says so of every chain that has no credentials at all.
        ignoring: &["profile file contained no credentials for profile 'default'"],
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
            &["eks does not have permissions to assume the associated role"],
            &["assumeroleforpodidentity", "accessdenied"],
            &["operation error eks auth: assumeroleforpodidentity"],
        ],
        // They are also in the variables of every pod that uses it, and in NO_PROXY.
        weak: WeakSigns {
            signs: &[
                &["169.254.170.23"],
                &["fd00:ec2::23"],
                &["eks-pod-identity-token"],
            ],
            and_any: &NO_ANSWER,
            unless: &[],
        },
        hidden_by: &["pod-identity-no-association"],
        ..Symptom::NONE
    },
    Symptom {
        id: "pod-identity-no-association",
        title: "EKS Pod Identity has no association for the ServiceAccount",
        means: "The program asks EKS Pod Identity for credentials, not IRSA, and the cluster has no association for the ServiceAccount in this namespace: it was \
                deleted after the pod was created, is for a different namespace or name, or was never there. No policy refused anything.",
        codes: &["IRSA408", "IRSA912"],
        checks: &[
            "`aws eks list-pod-identity-associations --cluster-name CLUSTER` lists the associations, each with its namespace and ServiceAccount.",
            "To use EKS Pod Identity, create the association. To use IRSA, recreate the pods, which keep the variables of Pod Identity; for the AWS provider of \
             the Secrets Store CSI driver, remove `usePodIdentity` from the SecretProviderClass.",
        ],
        advice: &[],
        signs: &[
            &["no service account role association"],
            &["no association found for service account"],
            &["token included in the request is not associated with any service account"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "imds-metadata",
        title: "The program asks the instance metadata service for its region or VPC, and gets no answer",
        means: "The program reads data about the instance (IMDS), such as the region, the VPC or the instance's id. These are not credentials, and its IAM role is \
                not at fault. A hop limit of 1 keeps pods from that service, and Fargate does not have it. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "AWS Load Balancer Controller: set --aws-vpc-id and --aws-region, which are `vpcId` and `region` in its Helm chart.",
            "Other programs: set AWS_REGION in the container, and what else the error asks for in the program's settings.",
        ],
        advice: &["hop-limit"],
        signs: &[
            &["specify --aws-vpc-id"],
            &["specify --aws-region"],
            &["failed to introspect vpcid"],
            &["failed to introspect region"],
            &["failed to fetch vpc id from instance metadata"],
            &["vpc id through ec2 metadata"],
            &["get mac metadata"],
            &["could not determine region from any metadata service"],
            &["could not get metadata from aws"],
            &["ec2 instance metadata is not available"],
            &["ec2imds: getinstanceidentitydocument"],
            &["ec2imds: getregion"],
            &["failed to get ec2 instance identity document"],
            &["169.254.169.254/latest/dynamic/instance-identity"],
            &["169.254.169.254/latest/meta-data/placement"],
            &["169.254.169.254/latest/meta-data/mac"],
            &["169.254.169.254/latest/meta-data/network"],
            &["169.254.169.254/latest/meta-data/instance-id"],
            &["failed to retrieve imds metadata"],
            &["could not retrieve ec2 metadata"],
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
            "If the program asked for its region or VPC rather than for credentials, set these in its settings.",
        ],
        advice: &["hop-limit", "node-role"],
        signs: &[
            &["no ec2 imds role found"],
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
            &["error retrieving credentials from the instance profile metadata service"],
            &["ec2 metadata rolename request returned error"],
            &["error response received from instance metadata service"],
            &["could not communicate with imds"],
            &["requested metadata is not found at http://169.254.169.254/latest/meta-data/iam"],
        ],
        // They say who was asked, and not for what. The address alone is also in NO_PROXY and in policies.
        weak: WeakSigns {
            signs: &[
                &["ec2imds: getmetadata"],
                &["ec2imds: gettoken"],
                &["ec2metadataerror"],
                &["http://169.254.169.254"],
                &["169.254.169.254:80"],
                &["host='169.254.169.254'"],
                &["imds", "timed out"],
                &["ec2 metadata", "timeout"],
                &["instance metadata", "timed out"],
            ],
            and_any: &NO_ANSWER,
            unless: &["imds-metadata"],
        },
        hidden_by: &[
            "sts-n",
            "sts-audience",
            "sts-verification",
            "sts-token",
            "sts-role",
            "sts-region",
            "sts-throttled",
            "sts-clock",
            "sts-duration",
            "sts-session",
            "sts-unspecified",
            "tls-",
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
            &["partial credentials found"],
            &["unable to sign request without credentials set"],
            &["could not find credentials"],
            &["noauthwithawsexception"],
            &["noawscredentialsexception"],
            &["no aws credentials provided by"],
            &["cannot read credentials from /"],
            &["provider returned no credentials, service="],
        ],
        // SDKs wrap every failure to get credentials in these words.
        weak: WeakSigns {
            signs: &[&["failed to refresh cached credentials"]],
            and_any: &[],
            unless: &["denied-"],
        },
        hidden_by: &[
            "sts-",
            "tls-",
            "token-file",
            "sdk-",
            "pod-identity-",
            "imds-unreachable",
            "identity-",
            "denied-next-role",
            "denied-scp",
            "denied-rcp",
            "denied-endpoint",
            "denied-boundary",
            "denied-session",
            "denied-resource",
            "denied-explicitly",
            "denied-not-allowed",
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
