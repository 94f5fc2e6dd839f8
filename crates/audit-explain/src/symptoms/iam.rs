//! What IAM answers to those who set a role up.

use crate::symptom::Symptom;

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: "iam-malformed-policy",
        title: "IAM does not accept the policy document",
        means: "The document is not valid JSON of the policy language, or names a principal that does not exist. A trust policy needs a Principal and no \
                Resource; an identity policy the reverse.",
        codes: &["IRSA218"],
        checks: &["`irsa-audit trust evaluate --policy FILE` names the first error with its place."],
        advice: &[],
        signs: &[&["malformedpolicydocument"]],
        hidden_by: &["sts-session-policy"],
        ..Symptom::NONE
    },
    Symptom {
        id: "iam-trust-quota",
        title: "The trust policy is longer than its quota",
        means: "A trust policy has at most 2,048 characters without white space, unless the quota was raised. Every ServiceAccount with its own \
                statement uses some of it.",
        codes: &["IRSA219"],
        checks: &["List several subjects in one condition, or raise the quota \"Role trust policy length\"."],
        advice: &["open-trust"],
        signs: &[&["aclsizeperrole"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "iam-provider-exists",
        title: "The account already has an OIDC provider with this URL",
        means: "The URL of a provider is unique in an account. If pods still get an error that there is none, they use a different account, or the URLs \
                differ.",
        codes: &["IRSA301", "IRSA302", "IRSA303"],
        checks: &[
            "In Terraform, use the data source aws_iam_openid_connect_provider, or import the provider.",
        ],
        advice: &["thumbprint"],
        signs: &[&["provider with url", "already exists"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "iam-thumbprint",
        title: "IAM or Terraform requires a thumbprint",
        means: "A thumbprint is a required field in older tools. IAM does not use it for an issuer whose certificate is from a public CA.",
        codes: &[],
        checks: &[
            "Leave thumbprint_list out, or give any valid value of 40 hexadecimal digits if the tool requires one.",
        ],
        advice: &["thumbprint"],
        signs: &[&["thumbprint_list"], &["thumbprintlist"], &["thumbprint-list"]],
        hidden_by: &["sts-", "iam-provider"],
        ..Symptom::NONE
    },
];
