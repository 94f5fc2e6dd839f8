//! Letting a permissions boundary allow what policies of the role allow.
//!
//! A boundary often limits many roles, and widening it would give each of them what its own policies allow beyond it. So a command is
//! printed only where no other role or user is known to have the policy, and it looks again before it writes: IAM counts the users
//! and roles that have a policy as their boundary, and those that have it attached (IAM API reference, `GetPolicy`). The statement that
//! is missing is added as a new version of the policy, so that the old one stays to go back to.

use iam_policy::RoleArn;
use serde_json::Value;

use crate::alternative::Alternative;
use crate::command::Command;
use crate::fix::Fix;
use crate::jq;
use crate::permissions::{MissingPermission, are_acceptable, data_source, size, statements};
use crate::text::quote;

/// The most that a managed policy may have, in characters without white space.
const MANAGED_QUOTA: usize = 6_144;

/// The most versions that IAM keeps of a managed policy (IAM User Guide, "IAM and AWS STS quotas").
const MOST_VERSIONS: usize = 5;

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
    ///
    /// `versions` is how many versions the policy has, where that was seen.
    #[must_use]
    pub fn fix(&self, role: &RoleArn, versions: Option<usize>) -> Fix {
        let arn = quote(self.arn);
        let own = format!("arn:{}:iam::{}:policy/", role.partition(), role.account());
        let fix = if !self.arn.starts_with(&own) {
            Fix::manual(format!(
                "AWS manages the permissions boundary `{arn}`, so it cannot be changed: ask the owner of the role to use a policy of the \
                 account instead that also allows this"
            ))
        } else if versions.is_some_and(|versions| versions >= MOST_VERSIONS) {
            self.too_many_versions()
        } else {
            self.new_version().unwrap_or_else(|| by_hand(self.arn))
        };
        let comment = format!("# In the aws_iam_policy_document of policy {arn}: one more.");
        let forms = self.added.iter().map(Alternative::json);
        let terraform = data_source(&comment, &self.added);
        fix.or_else(forms.chain([terraform]))
    }

    /// Where IAM would refuse one more version: which command deletes one is for a person to choose.
    fn too_many_versions(&self) -> Fix {
        let of = |command| Command::new(command).option("--policy-arn", self.arn);
        let list = of("aws iam list-policy-versions");
        let delete = of("aws iam delete-policy-version").own("--version-id VERSION");
        Fix::manual(format!(
            "policy `{}`, the permissions boundary, has {MOST_VERSIONS} versions, the maximum in IAM: delete one that is no longer \
             needed (`{list}` shows them, `{delete}` deletes one), then re-audit for the command that adds the \
             statement",
            quote(self.arn)
        ))
    }

    /// The live default version with the statements, as the next one, unless another role or user has the policy by now. Pasted twice,
    /// the second one changes nothing and says so. IAM keeps five versions, and says so where there are as many.
    fn new_version(&self) -> Option<Fix> {
        let change = jq::program(&self.old, &self.new)?;
        let program =
            format!(". as $o | ({change}) | if . == $o then error(\"nothing to change\") else . end");
        let only_here = ".Policy | if .AttachmentCount == 0 and .PermissionsBoundaryUsageCount == 1 then .DefaultVersionId else \
                         error(\"other roles or users have this policy\") end";
        // Where the policy cannot be read, jq is given nothing; not every jq calls that a failure.
        let command = Command::new("version=$(aws iam get-policy")
            .option("--policy-arn", self.arn)
            .own("--output json | jq -er")
            .verbatim(only_here)
            .glued(") && test -n \"$version\" && policy=$(aws iam get-policy-version")
            .option("--policy-arn", self.arn)
            .own("--version-id \"$version\" --query PolicyVersion.Document --output json | jq -ce")
            .verbatim(program)
            .glued(") && test -n \"$policy\" && aws iam create-policy-version")
            .option("--policy-arn", self.arn)
            .own("--set-as-default --policy-document \"$policy\"");
        command.is_pasteable().then(|| Fix::aws(command)).map(|fix| fix.brief(format!(
            "create a new version of policy `{}`, the permissions boundary of only this role, that also allows what is missing; if there are \
             five versions, delete one first",
            quote(self.arn)
        )))
    }
}

/// The step by hand where others have the policy as well: `others` names them.
#[must_use]
pub fn of_others(arn: &str, role_name: &str, others: &str) -> Fix {
    Fix::manual(format!(
        "no automatic fix: {others}, so a new version of policy `{}` would also apply to them. Ask the owner of that policy to \
         allow it there, or to create a separate policy for role `{}` and make it the boundary of that role",
        quote(arn),
        quote(role_name)
    ))
}

/// The step by hand where no command can be given.
#[must_use]
pub fn by_hand(arn: &str) -> Fix {
    Fix::manual(format!(
        "ask the owner of the permissions boundary, policy `{}`, to allow it there too",
        quote(arn)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_cannot_be_read_gets_no_new_version() {
        let arn = "arn:aws:iam::111122223333:policy/limit";
        let missing = MissingPermission {
            action: "sqs:SendMessage",
            resource: "*",
            expectation: 0,
        };
        let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let widened = Widened::new(arn, document, &[missing]).unwrap();
        let role = RoleArn::parse("arn:aws:iam::111122223333:role/app").unwrap();
        let edit = widened.fix(&role, None).first.text;
        // At either of the two reads, jq is given nothing and calls that no failure, as jq 1.6 does.
        for first in ["", "v1"] {
            let stubs = "aws() { case \"$2\" in create*) echo written;; esac; }\njq() { cat > /dev/null; case \"$1\" in -er) echo $first;; esac; }";
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("{stubs}\n{edit}")])
                .env("first", first)
                .output()
                .unwrap();
            assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        }
    }
}
