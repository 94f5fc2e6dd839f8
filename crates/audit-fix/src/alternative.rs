//! The same repair in other forms.

use serde_json::Value;

use crate::command::Command;
use crate::hcl::Block;
use crate::text::indented;

/// A form in which a repair can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A unified diff of the document as indented JSON: for reading, and for whoever keeps the policy in a file. People
    /// who review a trust policy read a diff; nobody reads RFC 6902, and no tool of AWS takes it.
    Diff,
    /// A policy, or a statement of one, as indented JSON.
    Json,
    /// Terraform's language.
    Terraform,
    /// A shell with `eksctl`, which takes the cluster's name from the variable `CLUSTER`.
    Eksctl,
    /// A Kubernetes manifest, or the part of one that changes.
    Manifest,
}

impl Form {
    /// The word used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Json => "json",
            Self::Terraform => "terraform",
            Self::Eksctl => "eksctl",
            Self::Manifest => "manifest",
        }
    }
}

/// The whole repair in another form. It may show more of a trust policy than a status may tell: only the command line
/// prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// In which form.
    pub form: Form,
    /// What is pasted, or read.
    pub text: String,
    /// What must hold for it to be the repair, where the audit cannot tell.
    pub only_if: Option<&'static str>,
}

impl Alternative {
    pub(crate) fn new(form: Form, text: String) -> Self {
        Self {
            form,
            text,
            only_if: None,
        }
    }

    /// A policy, or a statement of one.
    pub(crate) fn json(value: &Value) -> Self {
        Self::new(Form::Json, indented(&value.to_string()))
    }

    /// A block for Terraform.
    pub(crate) fn terraform(block: &Block) -> Self {
        Self::new(Form::Terraform, block.to_string())
    }

    /// A command line for eksctl with these options; `None` where a value cannot be pasted.
    ///
    /// The audit does not know the cluster's name. A shell refuses to run the command until `CLUSTER` is set.
    pub(crate) fn eksctl(begin: &'static str, options: impl FnOnce(Command) -> Command) -> Option<Self> {
        let cluster = "--cluster \"${CLUSTER:?set it to the name of the EKS cluster}\"";
        let command = options(Command::new(begin).own(cluster));
        command.line().map(|line| Self::new(Form::Eksctl, line))
    }

    pub(crate) fn only_if(mut self, condition: &'static str) -> Self {
        self.only_if = Some(condition);
        self
    }
}
