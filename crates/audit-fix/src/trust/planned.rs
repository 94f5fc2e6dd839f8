//! A planned edit of the writer, in forms that a person carries out: one statement is appended, or exactly that statement is removed.
//!
//! The command compares the whole document first and writes nothing if it has changed. For tools that manage roles, the form says what to
//! change in their source.
//!
//! Sources of the fields:
//! - `CloudFormation`: [`AWS::IAM::Role`](https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html)
//! - eksctl: [`iam.serviceAccounts`](https://docs.aws.amazon.com/eks/latest/eksctl/iamserviceaccounts.html)
//! - ACK: [`Role` of `iam.services.k8s.aws`](https://aws-controllers-k8s.github.io/community/reference/iam/v1alpha1/role/)
//! - Crossplane: [`Role` of `iam.aws.upbound.io`](https://marketplace.upbound.io/providers/upbound/provider-aws-iam)

use iam_policy::{Change, ChangeKind, Edit, WebIdentity};
use serde_json::Value;

use super::{in_place, terraform};
use crate::command::Command;
use crate::jq;
use crate::service_account::ServiceAccountName;
use crate::text::{ascii_json, indented, quote};
use crate::yaml;

/// Where the document is not the one that was planned for.
const CHANGED: &str = "error(\"the policy has changed: plan again\")";

/// A form of a planned edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustForm {
    /// A shell with the AWS CLI and `jq`.
    AwsCli,
    /// A statement of Terraform's data source `aws_iam_policy_document`.
    Terraform,
    /// A part of a `ClusterConfig` of eksctl.
    Eksctl,
    /// A part of a template of `CloudFormation`.
    CloudFormation,
    /// A part of a manifest of AWS Controllers for Kubernetes.
    Ack,
    /// A part of a manifest of Crossplane.
    Crossplane,
}

impl TrustForm {
    /// All forms, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::AwsCli,
        Self::Terraform,
        Self::Eksctl,
        Self::CloudFormation,
        Self::Ack,
        Self::Crossplane,
    ];

    /// The word used in flags and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsCli => "aws-cli",
            Self::Terraform => "terraform",
            Self::Eksctl => "eksctl",
            Self::CloudFormation => "cloudformation",
            Self::Ack => "ack",
            Self::Crossplane => "crossplane",
        }
    }
}

/// What is done with the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedKind {
    /// It is appended.
    Append,
    /// It is removed.
    Remove,
}

/// An edit that was planned and proven.
#[derive(Debug, Clone, Copy)]
pub struct PlannedEdit<'a> {
    /// The role's name.
    pub role_name: &'a str,
    /// The ServiceAccount.
    pub service_account: ServiceAccountName<'a>,
    /// What is done.
    pub kind: PlannedKind,
    /// The statement.
    pub statement: &'a Value,
    /// The live document, JSON.
    pub before: &'a str,
    /// The document after the edit, JSON.
    pub after: &'a str,
    /// The identity that the statement is about.
    pub identity: &'a WebIdentity,
}

impl PlannedEdit<'_> {
    /// The edit in a form; `None` where that form cannot say it.
    #[must_use]
    pub fn form(&self, form: TrustForm) -> Option<String> {
        match form {
            TrustForm::AwsCli => self.aws_cli(),
            TrustForm::Terraform => self.terraform(),
            TrustForm::Eksctl => self.eksctl(),
            TrustForm::CloudFormation => Some(self.cloud_formation()),
            TrustForm::Ack => Some(self.ack()),
            TrustForm::Crossplane => Some(self.crossplane()),
        }
    }

    /// A command line that makes the edit of exactly this document. It ends in an error, and writes nothing, if the document is a
    /// different one by then.
    fn aws_cli(&self) -> Option<String> {
        let before: Value = serde_json::from_str(self.before).ok()?;
        if !jq::survives_jq(&before) {
            return None;
        }
        let edit = match self.kind {
            PlannedKind::Append => format!(
                ".Statement |= ((if type == \"array\" then . else [.] end) + [{}])",
                ascii_json(self.statement)
            ),
            PlannedKind::Remove => {
                let list = before.get("Statement")?.as_array()?;
                let at = list.iter().position(|one| one == self.statement)?;
                format!("del(.Statement[{at}])")
            }
        };
        let program = format!("if . == {} then {edit} else {CHANGED} end", ascii_json(&before));
        in_place::command(self.role_name, &program).line()
    }

    fn terraform(&self) -> Option<String> {
        match self.kind {
            PlannedKind::Append => {
                let document: Value = serde_json::from_str(self.after).ok()?;
                let last = document.get("Statement")?.as_array()?.len().checked_sub(1)?;
                let edit = Edit {
                    text: self.after.to_owned(),
                    document,
                    changes: vec![Change {
                        statement: last,
                        sid: self.sid().map(str::to_owned),
                        kind: ChangeKind::AppendedStatement {
                            statement: self.statement.clone(),
                        },
                    }],
                };
                terraform::alternative(self.role_name, &edit, self.identity).map(|form| form.text)
            }
            PlannedKind::Remove => {
                Some(self.take_out("the aws_iam_policy_document that is the assume_role_policy"))
            }
        }
    }

    /// eksctl writes the trust policy of each of its roles itself, for one ServiceAccount: a second statement cannot be said.
    fn eksctl(&self) -> Option<String> {
        let ServiceAccountName { namespace, name } = self.service_account;
        if self.kind == PlannedKind::Remove {
            return None;
        }
        let create = Command::new("eksctl create iamserviceaccount --config-file=cluster.yaml")
            .option("--include", format!("{namespace}/{name}"))
            .own("--override-existing-serviceaccounts --approve");
        Some(format!(
            "# eksctl writes the trust policy of its roles itself, each for one ServiceAccount, and cannot add this statement.\n\
             # Give the ServiceAccount a role of its own, with the ARNs of the policies that role {role} has:\n\
             iam:\n  \
               withOIDC: true\n  \
               serviceAccounts:\n    \
                 - metadata:\n        \
                     name: {name}\n        \
                     namespace: {namespace}\n      \
                   attachPolicyARNs: []\n\
             # {create}",
            role = quote(self.role_name),
            name = yaml::scalar(name),
            namespace = yaml::scalar(namespace),
        ))
    }

    fn cloud_formation(&self) -> String {
        match self.kind {
            PlannedKind::Append => format!(
                "# In AssumeRolePolicyDocument of the AWS::IAM::Role that is role {}: one more entry of Statement.\n{}",
                quote(self.role_name),
                indented(&self.statement.to_string())
            ),
            PlannedKind::Remove => self.take_out("AssumeRolePolicyDocument of the AWS::IAM::Role"),
        }
    }

    fn ack(&self) -> String {
        format!(
            "# The object that manages role {}: its metadata stays as it is.\n\
             apiVersion: iam.services.k8s.aws/v1alpha1\nkind: Role\nspec:\n  assumeRolePolicyDocument: |\n{}",
            quote(self.role_name),
            block(self.after, "    ")
        )
    }

    fn crossplane(&self) -> String {
        format!(
            "# The object that manages role {}: its metadata stays as it is.\n\
             apiVersion: iam.aws.upbound.io/v1beta1\nkind: Role\nspec:\n  forProvider:\n    assumeRolePolicy: |\n{}",
            quote(self.role_name),
            block(self.after, "      ")
        )
    }

    fn take_out(&self, place: &str) -> String {
        format!(
            "# In {place} of role {}: remove the statement with the sid {}, if it is there.",
            quote(self.role_name),
            quote(self.sid().unwrap_or_default())
        )
    }

    fn sid(&self) -> Option<&str> {
        self.statement.get("Sid")?.as_str()
    }
}

/// A document as lines of a literal block of YAML.
fn block(document: &str, indent: &str) -> String {
    let lines = indented(document);
    let lines: Vec<String> = lines.lines().map(|line| format!("{indent}{line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
#[path = "../../tests/unit/planned.rs"]
mod tests;
