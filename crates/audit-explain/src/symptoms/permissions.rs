//! What services say when a policy refuses a call. The words name the type of policy (IAM User Guide, "Troubleshoot access denied error
//! messages").

use crate::symptom::Symptom;

/// A caller that is not the role of the ServiceAccount: its permissions are not to be repaired.
const OTHER_CALLERS: [&str; 6] = [
    "identity-node",
    "identity-user",
    "identity-person",
    "identity-root",
    "sts-",
    "image-pull",
];

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: "denied-next-role",
        title: "The role may not assume the next role, or not tag its session",
        means: "The pod has its credentials, and the application or a profile uses them to assume a second role. Both sides must allow the action in the \
                error: the identity policies of the first role must allow it on the second, and the trust policy of the second must allow it to the first. \
                That is sts:AssumeRole, and for a session with tags sts:TagSession as well.",
        codes: &["IRSA509", "IRSA502"],
        checks: &[
            "If the error names sts:TagSession, allow sts:TagSession next to sts:AssumeRole, in the first role's identity policy and in the second role's trust \
             policy. Or do not pass session tags. Those of EKS Pod Identity pass on to the next role, unless the association disables them.",
        ],
        advice: &[],
        signs: &[
            &["not authorized to perform: sts:assumerole on resource"],
            &["not authorized to perform: sts:tagsession"],
        ],
        // These say which policy, and no permission of the two roles helps. The rest are other callers.
        hidden_by: &[
            "denied-scp",
            "denied-rcp",
            "identity-node",
            "identity-user",
            "identity-person",
            "identity-root",
            "sts-",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-scp",
        title: "A service control policy (SCP) of the organization denies the call",
        means: "An SCP limits what every principal in an account can do, whatever the role's own policies say. The operator does not see SCPs; \
                `audit` and `can-i` read those that are given as files.",
        codes: &["IRSA910", "IRSA503"],
        checks: &[
            "Ask the owners of the organization which SCP applies to the account. Do not add a permission to the role: it cannot help.",
        ],
        advice: &[],
        signs: &[
            &["explicit deny in a service control policy"],
            &["no service control policy allows"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-rcp",
        title: "A resource control policy (RCP) of the organization denies the call",
        means: "An RCP limits who can use the resources of an account, roles included. It applies in the account of the resource, or of the role \
                that is assumed. The operator does not see RCPs; `audit` and `can-i` read those that are given as files.",
        codes: &["IRSA212", "IRSA910"],
        checks: &["Ask the owners of the organization of the resource's account which RCP applies to it."],
        advice: &[],
        signs: &[
            &["explicit deny in a resource control policy"],
            &["no resource control policy allows"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-endpoint-policy",
        title: "The policy of a VPC endpoint denies the call",
        means: "The request goes through a VPC endpoint whose policy does not allow this principal, action or resource. The role may be fine. No \
                finding of irsa-audit reports it: irsa-audit does not evaluate endpoint policies.",
        codes: &[],
        checks: &[
            "Look at `aws ec2 describe-vpc-endpoints` for the service, in the VPC of the node, and at its PolicyDocument.",
        ],
        advice: &[],
        signs: &[
            &["no vpc endpoint policy allows"],
            &["explicit deny in a vpc endpoint policy"],
            &["explicit deny in a vpce endpoint policy"],
            &["vpc endpoint policy"],
            &["vpceaccessdenied"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-boundary",
        title: "The permissions boundary of the role does not allow the call",
        means: "A role can do what both its identity policies and its permissions boundary allow.",
        codes: &["IRSA504", "IRSA503"],
        checks: &[],
        advice: &[],
        signs: &[
            &["no permissions boundary allows"],
            &["explicit deny in a permissions boundary"],
        ],
        hidden_by: &OTHER_CALLERS,
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-session-policy",
        title: "The policy of the session does not allow the call",
        means: "The caller that assumed the role passed a session policy, which limits only this session. IRSA passes none: the application did, or the \
                association of EKS Pod Identity has one.",
        codes: &["IRSA408"],
        checks: &[
            "Look for a policy in the call to AssumeRole of the application, and in `aws eks describe-pod-identity-association`.",
        ],
        advice: &[],
        signs: &[
            &["no session policy allows"],
            &["explicit deny in a session policy"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-resource-policy",
        title: "The resource's own policy does not allow the call, or denies it",
        means: "A resource in a different account, a KMS key, and a role that is assumed must allow the caller in their own policy. A Deny in it \
                applies in the same account as well. irsa-audit evaluates the trust policies of roles, but no other resource-based policies.",
        codes: &["IRSA509", "IRSA910"],
        checks: &[
            "Look at the policy of the bucket, key, queue or secret for a condition or Deny that applies to this role.",
        ],
        advice: &[],
        signs: &[
            &["no resource-based policy allows"],
            &["explicit deny in a resource-based policy"],
            &["ciphertext refers to a customer master key that does not exist"],
        ],
        hidden_by: &["unsigned-request"],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-explicitly",
        title: "A policy of the role explicitly denies the call",
        means: "A Deny in an identity policy overrides every Allow.",
        codes: &["IRSA503"],
        checks: &["A Deny is usually deliberate: ask its owner before you change it."],
        advice: &[],
        signs: &[&["explicit deny in an identity-based policy"]],
        hidden_by: &OTHER_CALLERS,
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-not-allowed",
        title: "No identity policy of the role allows the call",
        means: "The pod has the credentials of its role. No policy of the role allows this action on this resource.",
        codes: &["IRSA502", "IRSA501", "IRSA508", "IRSA107", "IRSA402"],
        checks: &[
            "Compare the role in the error with the expected one: an old pod may have a different role.",
        ],
        advice: &[],
        signs: &[&["no identity-based policy allows"]],
        hidden_by: &OTHER_CALLERS,
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-opensearch",
        title: "OpenSearch's own access control refuses the role",
        means: "IAM and the domain's access policy let the request through. The domain has fine-grained access control, which maps IAM roles to roles of \
                OpenSearch, and no role that this one is mapped to allows the request. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "Map the role's ARN as a backend role to a role of OpenSearch that allows it (Security, Roles, Mapped users).",
            "If the name in the error is the node's role, do not map that: find out why the pod does not get its own.",
        ],
        advice: &[],
        signs: &[&["no permissions for [", "backend_roles"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-service-linked-role",
        title: "The role may not create a service-linked role",
        means: "The account does not have the role that the service needs for itself, and the caller may not create it. It is created once in an account.",
        codes: &["IRSA502"],
        checks: &[
            "An administrator creates it, for EC2 Spot with `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`. Or allow \
             iam:CreateServiceLinkedRole to the role, for this service only.",
        ],
        advice: &[],
        signs: &[
            &["servicelinkedrolecreationnotpermitted"],
            &["do not have permission to create the service-linked role"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-operator",
        title: "A program that reads IAM lacks a permission",
        means: "The refused action reads IAM or EKS, as the operator of irsa-audit and its command line do. If AWS refuses them, links are unknown.",
        codes: &["IRSA901"],
        checks: &[
            "`irsa-audit doctor` lists the missing permissions and what irsa-audit cannot see without them.",
        ],
        advice: &[],
        signs: &[
            &["iam:getrole"],
            &["iam:listroles"],
            &["iam:getaccountauthorizationdetails"],
            &["iam:listopenidconnectproviders"],
            &["iam:getopenidconnectprovider"],
            &["iam:getaccountsummary"],
            &["iam:simulateprincipalpolicy"],
            &["iam:getrolepolicy"],
            &["iam:getpolicyversion"],
        ],
        and_any: &["not authorized to perform"],
        ..Symptom::NONE
    },
    Symptom {
        id: "denied-unspecified",
        title: "A policy refuses the call, and the error does not say which one",
        means: "An identity policy, a permissions boundary, an SCP or RCP, the policy of a VPC endpoint or that of the resource refuses the call. Some \
                services, and S3 across accounts, do not say which, nor who the caller was.",
        codes: &["IRSA502", "IRSA501", "IRSA504", "IRSA503", "IRSA508", "IRSA910"],
        checks: &[
            "For S3, a missing object without s3:ListBucket gives this error as well, and so does a KMS key that the role may not use.",
            "The CloudTrail record of the call says who the caller was and often names the type of policy. `aws sts get-caller-identity` in the container says \
             who it is now.",
            "`aws sts decode-authorization-message` decodes an encoded authorization failure message.",
        ],
        advice: &[],
        signs: &[
            &["is not authorized to perform"],
            &["you are not authorized to perform this operation"],
            &["accessdenied"],
            &["access denied"],
            &["403 forbidden"],
            &["(403)", "headobject"],
            &["(403)", "headbucket"],
            &["saslauthenticationexception", "access denied"],
        ],
        and_any: &[
            "aws",
            "amazon",
            "s3:",
            "s3.",
            "s3a:",
            " s3 ",
            "arn:",
            "(service:",
            "api error",
            "operation error",
            "accessdenied",
            "is not authorized to perform",
            "headobject",
            "unauthorizedoperation",
            "encoded authorization failure message",
            "saslauthenticationexception",
        ],
        // What files, databases, registries and NFS servers refuse.
        ignoring: &[
            "java.nio.file.accessdeniedexception",
            "access denied (\"java.",
            "access denied for user",
            "access denied by server",
            "pull access denied",
        ],
        hidden_by: &[
            "denied-next",
            "denied-scp",
            "denied-rcp",
            "denied-endpoint",
            "denied-boundary",
            "denied-session",
            "denied-resource",
            "denied-explicitly",
            "denied-not-allowed",
            "denied-operator",
            "denied-service-linked",
            "denied-opensearch",
            "sts-",
            "tls-",
            "identity-node",
            "identity-user",
            "identity-person",
            "identity-root",
            "token-file",
            "pod-identity-",
            "rbac-",
            "static-keys",
            "unsigned-request",
            "no-credentials",
            "image-pull",
            "registry-login",
        ],
        ..Symptom::NONE
    },
];
