//! Letting a permissions boundary allow what policies of the role allow.
//!
//! A boundary usually limits many roles, and says so by being one: only the statement that is missing is added, as a new version of
//! the policy, so that the old one stays to go back to.

use iam_policy::RoleArn;
use serde_json::Value;

use crate::alternative::Alternative;
use crate::fix::{Fix, FixKind};
use crate::jq;
use crate::permissions::{MissingPermission, are_acceptable, data_source, size, statements};
use crate::shell;
use crate::text::quote;

/// The most that a managed policy may have, in characters without white space.
const MANAGED_QUOTA: usize = 6_144;

/// A boundary with statements at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Widened<'a> {
    /// The ARN of its policy.
    arn: &'a str,
    /// The document as it is.
    old: Value,
    /// The document with the statements.
    new: Value,
    /// What is added.
    added: Vec<Value>,
}

impl<'a> Widened<'a> {
    /// The boundary `arn` with what it misses; `None` where IAM would not take it, or its document is not one that can
    /// be added to.
    #[must_use]
    pub fn new(arn: &'a str, text: &str, missing: &[MissingPermission<'_>]) -> Option<Self> {
        let old: Value = serde_json::from_str(text).ok()?;
        let added = statements(missing);
        let mut new = old.clone();
        let place = new.get_mut("Statement")?;
        if !place.is_array() {
            *place = Value::Array(vec![place.take()]);
        }
        place.as_array_mut()?.extend(added.iter().cloned());
        let whole = iam_policy::parse(&new.to_string()).is_whole() && iam_policy::parse(text).is_whole();
        let fits = size(&new.to_string()) <= MANAGED_QUOTA;
        (whole && fits && are_acceptable(&added)).then_some(Self { arn, old, new, added })
    }

    /// The document with the statements, to be proven.
    #[must_use]
    pub fn text(&self) -> String {
        self.new.to_string()
    }

    /// The command that makes a new version of the policy, where the account owns it; else what to ask for.
    #[must_use]
    pub fn fix(&self, role: &RoleArn) -> Fix {
        let arn = quote(self.arn);
        let own = format!("arn:{}:iam::{}:policy/", role.partition(), role.account());
        let fix = if self.arn.starts_with(&own) {
            self.new_version().unwrap_or_else(|| by_hand(self.arn))
        } else {
            Fix::manual(format!(
                "the permissions boundary `{arn}` belongs to AWS: ask whoever set it to put a policy of the account in its place \
                 that also allows this"
            ))
        };
        let comment = format!("# In the aws_iam_policy_document of policy {arn}: one more.");
        let forms = self.added.iter().map(Alternative::json);
        let terraform = data_source(&comment, &self.added);
        fix.or_else(forms.chain([terraform]))
    }

    /// The live default version with the statements, as the next one. IAM keeps five, and says so where there are as many.
    fn new_version(&self) -> Option<Fix> {
        if !shell::is_pasteable(self.arn) {
            return None;
        }
        let program = shell::word_quoted(&jq::program(&self.old, &self.new)?);
        let arn = shell::line("", &["--policy-arn", self.arn]);
        let text = format!(
            "policy=$(aws iam get-policy-version{arn} --version-id \"$(aws iam get-policy{arn} --query Policy.DefaultVersionId \
             --output text)\" --query PolicyVersion.Document --output json | jq -ce {program}) && test -n \"$policy\" && \
             aws iam create-policy-version{arn} --set-as-default --policy-document \"$policy\""
        );
        Some(Fix::new(FixKind::AwsCli, text).brief(format!(
            "make a new version of policy `{}`, the permissions boundary, that also allows what is missing; of five versions delete \
             one first",
            quote(self.arn)
        )))
    }
}

/// The step by hand where no command can be given.
#[must_use]
pub fn by_hand(arn: &str) -> Fix {
    Fix::manual(format!(
        "ask whoever owns the permissions boundary, policy `{}`, to allow it there too, or expect less",
        quote(arn)
    ))
}
