//! `irsa-audit consent`: the tag, as a text for the role's owner. Nothing is written.

use std::process::ExitCode;

use audit_core::fix::{consent as forms, shell};
use audit_core::model::{BindingKey, IssuerUrl};
use audit_core::text::{quote, reveal};
use audit_remedy::{
    ConsentRefusal, LiveRole, Meant, RemediationMode, RemedySubject, consent_key, consent_value_with,
    role_consent,
};
use iam_policy::RoleArn;

use super::args::{ConsentArgs, ConsentForm};
use super::error::RepairError;
use super::report::MeantReport;
use super::session::{RepairSession, read_role};
use super::text::question_lines;
use super::{print, refuse};

/// Prints the tag.
pub(super) async fn run(args: &ConsentArgs) -> Result<ExitCode, RepairError> {
    let key = &args.service_account;
    let (issuer, role) = match (&args.access.issuer, &args.role) {
        (Some(issuer), Some(role)) => (issuer.clone(), role.clone()),
        (_, role) => {
            let session = RepairSession::open(&args.access).await?;
            let role = match role {
                Some(role) => role.clone(),
                None => session.annotated_role(key).await?,
            };
            (session.issuer().clone(), role)
        }
    };
    let tag = ConsentText::new(issuer, role, key);
    let printed = if let Some(existing) = &args.existing {
        tag.with_existing(Some(existing.as_str()).filter(|value| !value.is_empty()), None)
    } else {
        let live = read_role(&args.access.accounts, &tag.role, true).await?;
        tag.of_role(&live)
    };
    match printed {
        Ok(texts) => {
            let is_wanted = |form| args.form.is_none_or(|wanted| wanted == form);
            let texts = [
                (ConsentForm::AwsCli, texts.aws_cli),
                (ConsentForm::Terraform, texts.terraform),
            ];
            let wanted = texts.into_iter().filter(|(form, _)| is_wanted(*form));
            let wanted: Vec<String> = wanted.map(|(_, text)| text).collect();
            print(&(wanted.join("\n\n# as terraform:\n") + "\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => Ok(refuse(&refused(&refusal, &tag.key))),
    }
}

/// A consent of a role to a ServiceAccount.
struct ConsentText<'a> {
    issuer: IssuerUrl,
    role: RoleArn,
    account: &'a BindingKey,
    key: String,
}

/// What was read of the role.
struct ReadRole {
    question: MeantReport,
    /// The ARN that IAM shows.
    arn: String,
}

/// What is printed.
#[derive(Debug)]
struct ConsentForms {
    aws_cli: String,
    terraform: String,
}

impl<'a> ConsentText<'a> {
    fn new(issuer: IssuerUrl, role: RoleArn, account: &'a BindingKey) -> Self {
        Self {
            key: consent_key(&issuer),
            issuer,
            role,
            account,
        }
    }

    /// The tag for a role that was read: its other tags count, because one that looks like this cluster's key spoils it.
    fn of_role(&self, live: &LiveRole) -> Result<ConsentForms, ConsentRefusal> {
        let (namespace, name) = (&self.account.namespace, &self.account.service_account);
        let consent = match role_consent(&live.tags, &self.issuer, namespace, name) {
            Ok(consent) => Some(consent),
            Err(ConsentRefusal::Absent { .. } | ConsentRefusal::NotListed) => None,
            Err(refusal) => return Err(refusal),
        };
        let existing = live.tags.iter().find(|tag| tag.key == self.key);
        let subject = RemedySubject {
            issuer: self.issuer.clone(),
            namespace: namespace.to_string(),
            name: name.to_string(),
            service_account_uid: String::new(),
            irsa_audit_uid: String::new(),
            audience: String::new(),
            role_arn: self.role.clone(),
            expected_role: None,
            opt_in: RemediationMode::Off,
        };
        let question = MeantReport::of(&Meant::of(&subject, &live.trust_text), consent.as_ref());
        let read = ReadRole {
            question,
            arn: live.arn.to_string(),
        };
        self.with_existing(existing.map(|tag| tag.value.as_str()), Some(&read))
    }

    /// The tag for a role whose tag has this value, or is not there.
    fn with_existing(
        &self,
        existing: Option<&str>,
        read: Option<&ReadRole>,
    ) -> Result<ConsentForms, ConsentRefusal> {
        let (namespace, name) = (&self.account.namespace, &self.account.service_account);
        let value = consent_value_with(existing, namespace, name)?;
        let comments = self.comments(read, existing == Some(value.as_str()));
        let command = forms::tag_role(self.role.name(), &self.key, existing, &value);
        Ok(ConsentForms {
            aws_cli: format!("{comments}\n{}", command.script()),
            terraform: forms::terraform(self.role.name(), &self.key, &value),
        })
    }

    /// What the role's owner has to decide before the command, as lines that no shell carries out.
    fn comments(&self, read: Option<&ReadRole>, is_listed: bool) -> String {
        let account = reveal(&self.account.to_string());
        let mut lines = vec![format!(
            "Is ServiceAccount {account} of the cluster with issuer {} meant to have role {}? The tag lets the writer of that cluster \
             add one statement for it",
            quote(self.issuer.as_str()),
            reveal(&self.role.to_string())
        )];
        match read {
            Some(read) => {
                lines.extend(question_lines(&read.question, &account));
                if read.arn != self.role.to_string() {
                    lines.push(format!(
                        "the ARN of the role is {}: nothing is written until the annotation has exactly this ARN",
                        reveal(&read.arn)
                    ));
                }
            }
            None => lines.push(
                "the role was not read: make sure that it has no other tag whose key looks like this one"
                    .to_owned(),
            ),
        }
        if is_listed {
            lines.push("the tag lists it already: there is nothing to do".to_owned());
        }
        let lines: Vec<String> = lines.iter().map(|line| shell::comment("", line.trim())).collect();
        lines.join("\n")
    }
}

/// Why there is no tag to print. The caller reads the role, so that tags can be named.
fn refused(refusal: &ConsentRefusal, key: &str) -> String {
    let why = match refusal {
        ConsentRefusal::KeyLooksAlike { key: found } => format!(
            "the role has a tag `{}`, which looks like this cluster's key and is a different one: remove it first",
            quote(found)
        ),
        ConsentRefusal::KeyMalformed { key: found } => format!(
            "the role has a tag `{}`, which begins like a consent tag and is malformed: remove it first",
            quote(found)
        ),
        ConsentRefusal::KeyTwice => "the role has the tag more than once: remove it first".to_owned(),
        ConsentRefusal::EntryMalformed { entry } => format!(
            "the tag's entry `{}` is not namespace/name: correct the value first",
            quote(entry)
        ),
        ConsentRefusal::EntryTwice { entry } => {
            format!(
                "the tag has the entry `{}` twice: correct the value first",
                quote(entry)
            )
        }
        ConsentRefusal::Full => {
            "the tag has no room for one more entry: remove entries that are no longer needed first"
                .to_owned()
        }
        ConsentRefusal::NotAName => "this is not a name that a ServiceAccount can have".to_owned(),
        _ => "the tag's value is not a list of namespace/name, separated by single spaces: correct it first"
            .to_owned(),
    };
    format!("no tag is printed for {key}: {why}")
}

#[cfg(test)]
#[path = "../../tests/unit/repair/consent.rs"]
mod tests;
