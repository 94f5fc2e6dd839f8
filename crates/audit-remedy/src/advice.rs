//! What blocks a plan, or why there is none, in words for a person: who does not agree, and how that party gives its agreement.
//!
//! These texts are shown in the status of a namespaced object. They never contain text from the role: no part of its document, no key or
//! value of its tags, no ARN from IAM. They do say which property of the role blocks the plan, and name cluster-wide objects: the name of a
//! `TrustPolicyChange` has the role's ID. Where even that is too much, use
//! [`Blocker::discreet_advice`] and [`EditRefusal::discreet_advice`].

use audit_core::fix::Command;
use audit_core::model::aws::Keeper;
use audit_core::text::quote;
use jiff::Timestamp;

use crate::approval::{AdmissionGuard, ApprovalRefusal};
use crate::block::{ApprovalNeeded, Blocker};
use crate::consent::{ConsentRefusal, consent_key};
use crate::edit::EditRefusal;
use crate::facts::RemedySubject;
use crate::names::{is_namespace, is_service_account};

/// The most bytes of one name that a sentence shows. Both sentences together stay within 300 bytes.
const NAME_SHOWN: usize = 48;

/// The longest `namespace/name` in a command, in bytes. A longer one is left to the reader, because a name that is cut is a different name.
const PAIR_SHOWN: usize = 80;

/// The party that has to agree or act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authority {
    /// Who writes the `IrsaAudit` and the ServiceAccount of the namespace.
    Team,
    /// The admins of the cluster, who write `IrsaAuditPolicies`.
    Admins,
    /// Who may tag and edit the role in IAM.
    RoleOwner,
    /// A person who may create `IrsaApprovals`.
    Approver,
    /// The admission policy that makes approvals true.
    Admission,
    /// The record of earlier changes.
    Journal,
    /// The writer itself.
    Writer,
}

impl Authority {
    /// Its name in reports and statuses. It is a contract and stays.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Team => "Team",
            Self::Admins => "Admins",
            Self::RoleOwner => "RoleOwner",
            Self::Approver => "Approver",
            Self::Admission => "Admission",
            Self::Journal => "Journal",
            Self::Writer => "Writer",
        }
    }
}

/// One reason why nothing is written, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Who does not agree, or has to act.
    pub authority: Authority,
    /// The reason's name: [`Blocker::name`] or [`EditRefusal::name`].
    pub reason: &'static str,
    /// One sentence: what is wrong, wanted and got. Safe to show. With `how`, at most 300 bytes.
    pub what: String,
    /// One sentence or command: how to give the agreement, or what a person does instead. Safe to show.
    pub how: String,
}

impl Blocker {
    /// Who does not agree to a plan for `subject`, and how they would.
    #[must_use]
    pub fn advice(&self, subject: &RemedySubject) -> Advice {
        let (authority, what, how) = match self {
            Self::TeamOptIn { mode } => (
                Authority::Team,
                format!("The team allows no write: the IrsaAudit's remediation mode is {}, not RequireApproval or Automatic.", mode.as_str()),
                "Set spec.remediation of the IrsaAudit to RequireApproval, and spec.suspend to false.".to_owned(),
            ),
            Self::ReservedNamespace => (
                Authority::Admins,
                "Nothing is written for kube-* namespaces and for the namespaces of irsa-audit.".to_owned(),
                format!("Ask the role's owner to make the change that `{}` prints.", command("irsa-audit plan", subject)),
            ),
            Self::NoPolicy => (
                Authority::Admins,
                "No IrsaAuditPolicy with spec.remediation matches this role, namespace and ServiceAccount.".to_owned(),
                "Ask a cluster admin for a policy that selects all three, with maxMode RequireApproval or Automatic.".to_owned(),
            ),
            Self::PolicyMode { policy, max_mode } => (
                Authority::Admins,
                format!("IrsaAuditPolicy `{}` allows {} at most, not RequireApproval or Automatic.", short(policy), max_mode.as_str()),
                "Ask a cluster admin to raise spec.remediation.maxMode of that policy.".to_owned(),
            ),
            Self::FaultyPolicy { policy, selector } => (
                Authority::Admins,
                format!("IrsaAuditPolicy `{}` has an empty {}, so no policy allows anything.", short(policy), selector.field()),
                format!("Ask a cluster admin to fill in spec.remediation.{} of that policy.", selector.field()),
            ),
            Self::Paused { policy } => (
                Authority::Admins,
                format!("IrsaAuditPolicy `{}` pauses all writes that it matches.", short(policy)),
                "Ask a cluster admin to set spec.remediation.paused of that policy to false.".to_owned(),
            ),
            Self::RateLimited { policy, limit, until } => (
                Authority::Admins,
                format!("IrsaAuditPolicy `{}` allows {limit} changes per hour, and all are used.", short(policy)),
                until.map_or_else(
                    || "Ask a cluster admin to raise spec.remediation.maxChangesPerHour of that policy.".to_owned(),
                    |until| format!("Wait until {}, or ask a cluster admin to raise maxChangesPerHour.", time(until)),
                ),
            ),
            Self::Consent(refusal) => (Authority::RoleOwner, of_consent(refusal).to_owned(), consent_how(refusal, subject)),
            Self::ToolOwned { tool, policy } => (
                Authority::Admins,
                format!("{} manages the role, and IrsaAuditPolicy `{}` allows no edit of such roles.", tool.as_str(), short(policy)),
                format!(
                    "Change the role in {}, as `{}` prints it, or ask a cluster admin to set allowToolOwned.",
                    tool.as_str(),
                    command("irsa-audit plan", subject)
                ),
            ),
            Self::Admission(guard) => (Authority::Admission, of_guard(*guard).to_owned(), guard_how(*guard).to_owned()),
            Self::Approval { refusal, needed } => (
                Authority::Approver,
                format!("{} {}", of_need(needed), of_approval(refusal)),
                format!(
                    "Ask an approver to run: {}",
                    command(if *needed == ApprovalNeeded::Rollback { "irsa-audit rollback" } else { "irsa-audit approve" }, subject)
                ),
            ),
            Self::SpentHash { change } => (
                Authority::Journal,
                format!("TrustPolicyChange `{}` has used this plan's hash.", short(change)),
                "Make a new plan: the hash changes with the role, the ServiceAccount and the IrsaAudit.".to_owned(),
            ),
            Self::InFlight { change } => (
                Authority::Journal,
                format!("TrustPolicyChange `{}` of the same role is not closed yet.", short(change)),
                format!("Wait until it is closed: {}", show_change(change)),
            ),
            Self::Latched { change, since } => (
                Authority::Journal,
                format!("Another actor changed the role during TrustPolicyChange `{}`, so it is latched since {}.", short(change), time(*since)),
                format!("Ask a cluster admin to compare the documents and to run: {}", release(change)),
            ),
            Self::BreakerOpen { failures, until } => (
                Authority::Writer,
                format!("{failures} writes in a row failed, so the writer makes no more until {}.", time(*until)),
                "Wait until then, and look at the failed changes: kubectl get trustpolicychanges".to_owned(),
            ),
            Self::RoleBackoff { change, until } => (
                Authority::Writer,
                format!("TrustPolicyChange `{}` of this role failed, so the writer leaves the role alone until {}.", short(change), time(*until)),
                format!("See status.refused of that change. To write before then, approve the plan: {}", command("irsa-audit approve", subject)),
            ),
            Self::Settling { until } => (
                Authority::Writer,
                "The role has not been unchanged for the settle time yet.".to_owned(),
                format!("Wait until {}.", time(*until)),
            ),
        };
        Advice {
            authority,
            reason: self.name(),
            what,
            how,
        }
    }
}

impl Blocker {
    /// The same for those who may know of the role no more than which findings there are: not how its tags are wrong, not which tool manages
    /// it, and not its records, whose names have its id.
    #[must_use]
    pub fn discreet_advice(&self, subject: &RemedySubject) -> Advice {
        let (authority, what, how) = match self {
            Self::Consent(_) => (
                Authority::RoleOwner,
                "The role does not consent to this ServiceAccount.".to_owned(),
                consent_how(&ConsentRefusal::NotListed, subject),
            ),
            Self::ToolOwned { policy, .. } => (
                Authority::Admins,
                format!(
                    "A tool manages the role, and IrsaAuditPolicy `{}` allows no edit of such roles.",
                    short(policy)
                ),
                "Ask the role's owner, or ask a cluster admin to set allowToolOwned.".to_owned(),
            ),
            Self::InFlight { .. } => (
                Authority::Journal,
                "A TrustPolicyChange of the same role is not closed yet.".to_owned(),
                "Wait until it is closed.".to_owned(),
            ),
            Self::Latched { .. } => (
                Authority::Journal,
                "Another actor changed the role during a TrustPolicyChange, so it is latched.".to_owned(),
                "Ask a cluster admin to compare the documents and to release the role.".to_owned(),
            ),
            Self::SpentHash { .. } => (
                Authority::Journal,
                "A TrustPolicyChange has used this plan's hash.".to_owned(),
                "Make a new plan: the hash changes with the role, the ServiceAccount and the IrsaAudit."
                    .to_owned(),
            ),
            Self::RoleBackoff { until, .. } => (
                Authority::Writer,
                format!(
                    "A change of this role failed, so the writer leaves the role alone until {}.",
                    time(*until)
                ),
                format!(
                    "To write before then, approve the plan: {}",
                    command("irsa-audit approve", subject)
                ),
            ),
            Self::Approval { .. } => (
                Authority::Approver,
                "No approval counts for this plan.".to_owned(),
                format!(
                    "Ask an approver to run: {}",
                    command("irsa-audit approve", subject)
                ),
            ),
            Self::TeamOptIn { .. }
            | Self::ReservedNamespace
            | Self::NoPolicy
            | Self::PolicyMode { .. }
            | Self::FaultyPolicy { .. }
            | Self::Paused { .. }
            | Self::RateLimited { .. }
            | Self::Admission(_)
            | Self::BreakerOpen { .. }
            | Self::Settling { .. } => return self.advice(subject),
        };
        Advice {
            authority,
            reason: self.name(),
            what,
            how,
        }
    }
}

impl EditRefusal {
    /// Why there is no edit, for those who may know of the role no more than which findings there are: one text for everything that is
    /// read from the role. The size of a document, for one, can be measured by audiences of different lengths.
    #[must_use]
    pub fn discreet_advice(&self) -> Advice {
        match self {
            Self::ExpectsAnother { .. } | Self::OddIdentity => self.advice(),
            _ => Advice {
                authority: Authority::RoleOwner,
                reason: "no_edit",
                what: "The role's trust policy is not edited automatically.".to_owned(),
                how: "Ask the role's owner to make the change.".to_owned(),
            },
        }
    }
}

impl EditRefusal {
    /// Why there is no edit, and what a person does instead.
    #[must_use]
    pub fn advice(&self) -> Advice {
        let (authority, what, how) = match self {
            Self::KeptByAws(Keeper::Service) => (
                Authority::Team,
                "The role is service-linked: IAM lets no one edit its trust policy.".to_owned(),
                "Set the role-arn annotation to a role of your own.",
            ),
            Self::KeptByAws(Keeper::IdentityCenter) => (
                Authority::Team,
                "IAM Identity Center manages the role: IAM lets no one edit its trust policy.".to_owned(),
                "Set the role-arn annotation to a role of your own.",
            ),
            Self::OtherRole { .. } => (
                Authority::Team,
                "The annotation has a role ARN that differs from the ARN of the live role, for example in its path.".to_owned(),
                "Set the role-arn annotation to the exact ARN that IAM shows for the role.",
            ),
            Self::ExpectsAnother { expected } => (
                Authority::Team,
                format!("spec.expect.roleArn of the IrsaAudit is `{}`, but the annotation has a different role.", short(expected)),
                "Set the role-arn annotation to the expected role, or correct spec.expect.roleArn.",
            ),
            Self::NotWhole(_) => (
                Authority::RoleOwner,
                "The trust policy does not parse without errors, so the effect of an edit cannot be determined.".to_owned(),
                "Ask the role's owner to correct the document.",
            ),
            Self::NotATrustPolicy => (
                Authority::RoleOwner,
                "The role's document is not a valid trust policy.".to_owned(),
                "Ask the role's owner to correct the document.",
            ),
            Self::OddIdentity => (
                Authority::Team,
                "The namespace, name, audience or issuer has characters that a statement must not have.".to_owned(),
                "Correct the audience annotation of the ServiceAccount, or the issuer's URL.",
            ),
            Self::SidTaken => (
                Authority::RoleOwner,
                "The trust policy already has a statement with the Sid of the planned one: it was copied or edited.".to_owned(),
                "Ask the role's owner to remove or rename that statement.",
            ),
            Self::AlreadyAdmitted => (
                Authority::RoleOwner,
                "The role already admits the ServiceAccount.".to_owned(),
                "Nothing to do.",
            ),
            Self::DependsOnConditions => (
                Authority::RoleOwner,
                "The trust policy also has conditions on something other than the ServiceAccount's token, which a new statement would bypass.".to_owned(),
                "No automatic fix: such a condition is usually deliberate. Ask the role's owner.",
            ),
            Self::Denied => (
                Authority::RoleOwner,
                "A Deny statement of the trust policy excludes the ServiceAccount.".to_owned(),
                "No automatic fix: a Deny is usually deliberate. Ask the role's owner to exclude the ServiceAccount from it.",
            ),
            Self::MayBeDenied => (
                Authority::RoleOwner,
                "A Deny statement whose conditions cannot be evaluated here may exclude the ServiceAccount.".to_owned(),
                "No automatic fix: a Deny is usually deliberate. Ask the role's owner.",
            ),
            Self::OverQuota { .. } => (
                Authority::RoleOwner,
                "With one more statement the trust policy would exceed the account's quota.".to_owned(),
                "Ask the role's owner to remove statements that are no longer needed, or to have the quota raised.",
            ),
            Self::NotOurs => (
                Authority::RoleOwner,
                "The statement to remove is not one that irsa-audit writes for this ServiceAccount.".to_owned(),
                "Ask the role's owner to remove it.",
            ),
            Self::NotOnce(_) => (
                Authority::RoleOwner,
                "The trust policy does not have the statement to remove exactly once.".to_owned(),
                "Ask the role's owner to remove the copies.",
            ),
            Self::OnlyStatement => (
                Authority::RoleOwner,
                "The statement to remove is the only one, and IAM accepts no document without a statement.".to_owned(),
                "Ask the role's owner to delete the role, or to add a different statement first.",
            ),
            Self::NothingToRemove => (
                Authority::Journal,
                "The journal has no statement for this ServiceAccount that the trust policy still has.".to_owned(),
                "If the role still admits it, ask the role's owner to remove the statement that does.",
            ),
            Self::Unproven(_) => (
                Authority::Writer,
                "The planned edit could not be proven right, which is an error in irsa-audit.".to_owned(),
                "Report it. Until it is corrected, ask the role's owner to make the change.",
            ),
        };
        Advice {
            authority,
            reason: self.name(),
            what,
            how: how.to_owned(),
        }
    }
}

/// What is wrong with the consent. Tags have text that only readers of the role know: none of it is here.
fn of_consent(refusal: &ConsentRefusal) -> &'static str {
    match refusal {
        ConsentRefusal::Absent {
            other_clusters: false,
        } => "The role has no consent tag of this cluster.",
        ConsentRefusal::Absent { other_clusters: true } => {
            "The role has consent tags of other clusters, but none of this one."
        }
        ConsentRefusal::KeyLooksAlike { .. } => {
            "The role has a tag whose key looks like this cluster's consent tag, and is a different one."
        }
        ConsentRefusal::KeyMalformed { .. } => {
            "The role has a tag whose key begins like a consent tag and is malformed."
        }
        ConsentRefusal::KeyTwice => "The role has this cluster's consent tag more than once.",
        ConsentRefusal::ValueEmpty => "The consent tag of the role is empty.",
        ConsentRefusal::ValueTooLong => "The consent tag of the role is longer than 256 characters.",
        ConsentRefusal::ValueNotAscii => "The consent tag of the role has characters other than ASCII.",
        ConsentRefusal::ValueSpaces => "The consent tag of the role has leading, trailing or double spaces.",
        ConsentRefusal::EntryMalformed { .. } => {
            "The consent tag of the role has an entry that is not namespace/name."
        }
        ConsentRefusal::EntryTwice { .. } => "The consent tag of the role has an entry twice.",
        ConsentRefusal::NotListed => "The consent tag of the role does not list this ServiceAccount.",
        ConsentRefusal::Full => "The consent tag of the role has no room for one more entry.",
        ConsentRefusal::NotAName => "The name is not one that a ServiceAccount can have.",
    }
}

fn consent_how(refusal: &ConsentRefusal, subject: &RemedySubject) -> String {
    let key = consent_key(&subject.issuer);
    match refusal {
        ConsentRefusal::Absent { .. } | ConsentRefusal::NotListed => {
            format!(
                "Ask the role's owner to run what this prints: {}",
                command("irsa-audit consent", subject)
            )
        }
        ConsentRefusal::KeyLooksAlike { .. }
        | ConsentRefusal::KeyMalformed { .. }
        | ConsentRefusal::KeyTwice => {
            format!("Ask the role's owner to remove that tag. The key of this cluster is {key}")
        }
        ConsentRefusal::Full => {
            "Ask the role's owner to remove entries that are no longer needed.".to_owned()
        }
        ConsentRefusal::NotAName => "Correct the name of the ServiceAccount.".to_owned(),
        _ => format!(
            "Ask the role's owner to correct the value of {key}: namespace/name, separated by single spaces"
        ),
    }
}

fn of_guard(guard: AdmissionGuard) -> &'static str {
    match guard {
        AdmissionGuard::AsShipped => "The admission policy for approvals is as shipped.",
        AdmissionGuard::PolicyMissing => "The ValidatingAdmissionPolicy for approvals is missing.",
        AdmissionGuard::PolicyChanged => "The ValidatingAdmissionPolicy for approvals is not as shipped.",
        AdmissionGuard::BindingMissing => "The ValidatingAdmissionPolicyBinding for approvals is missing.",
        AdmissionGuard::BindingChanged => {
            "The ValidatingAdmissionPolicyBinding for approvals is not as shipped."
        }
        AdmissionGuard::Unreadable => {
            "The ValidatingAdmissionPolicy for approvals and its binding could not be read."
        }
    }
}

fn guard_how(guard: AdmissionGuard) -> &'static str {
    match guard {
        AdmissionGuard::Unreadable => "Ask a cluster admin to allow get on both.",
        _ => "Ask a cluster admin to install the policy and the binding of the chart again.",
    }
}

fn of_need(needed: &ApprovalNeeded) -> &'static str {
    match needed {
        ApprovalNeeded::Mode => "The mode requires an approval.",
        ApprovalNeeded::Rollback => "A rollback needs an approval.",
        ApprovalNeeded::Vanished { .. } => {
            "The role no longer has the statement that was added before, so an approval is needed."
        }
        ApprovalNeeded::Second { .. } => {
            "The role has a statement for the ServiceAccount with a different audience, so an approval is needed."
        }
    }
}

fn of_approval(refusal: &ApprovalRefusal) -> String {
    match refusal {
        ApprovalRefusal::Missing => "There is none for this ServiceAccount.".to_owned(),
        ApprovalRefusal::OtherPlan { .. } => "The one that exists is for a different plan hash.".to_owned(),
        ApprovalRefusal::Spent { change, .. } => {
            format!("The one that exists was used by `{}`.", short(change))
        }
        ApprovalRefusal::Expired { since, .. } => format!("The one that exists expired at {}.", time(*since)),
        ApprovalRefusal::BadValidity { .. } => {
            "The one that exists has a validFor of more than 24h, or of nothing.".to_owned()
        }
        ApprovalRefusal::FromTheFuture { .. } => {
            "The one that exists was created in the future: the clocks differ.".to_owned()
        }
        ApprovalRefusal::BadApprover { .. } => {
            "The one that exists has no approver who may approve.".to_owned()
        }
        ApprovalRefusal::Unguarded { .. } => {
            "The one that exists is older than the admission policy for approvals, so nothing proves its author.".to_owned()
        }
        ApprovalRefusal::OlderThanLastChange { change, .. } => {
            format!(
                "The one that exists is older than the role's last change `{}`.",
                short(change)
            )
        }
    }
}

/// A command about the ServiceAccount. Names that Kubernetes allows need no quotes; others, and long ones, are left to the reader.
fn command(begin: &'static str, subject: &RemedySubject) -> String {
    let pair = format!("{}/{}", subject.namespace, subject.name);
    let is_plain = is_namespace(&subject.namespace) && is_service_account(&subject.name);
    if is_plain && pair.len() <= PAIR_SHOWN {
        Command::new(begin).argument(pair).to_string()
    } else {
        Command::new(begin).own("NAMESPACE/NAME").to_string()
    }
}

fn show_change(change: &str) -> String {
    match plain_name(change) {
        Some(name) => Command::new("kubectl get trustpolicychange")
            .argument(name)
            .to_string(),
        None => "kubectl get trustpolicychanges".to_owned(),
    }
}

fn release(change: &str) -> String {
    let name = plain_name(change).unwrap_or("NAME");
    Command::new("irsa-audit release").argument(name).to_string()
}

/// The name, where it can be shown whole.
fn plain_name(name: &str) -> Option<&str> {
    (is_service_account(name) && name.len() <= NAME_SHOWN).then_some(name)
}

/// Untrusted text as one short word that is safe to show.
fn short(text: &str) -> String {
    let shown = quote(text);
    if shown.len() <= NAME_SHOWN {
        return shown;
    }
    let mut cut = String::new();
    for c in shown.chars() {
        if cut.len() + c.len_utf8() + '…'.len_utf8() > NAME_SHOWN {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// A time to the second, in UTC.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
#[path = "../tests/unit/advice.rs"]
mod tests;
