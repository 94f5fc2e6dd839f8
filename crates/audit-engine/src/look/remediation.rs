//! What a status says about the repair of the binding's trust policy: the plan that the writer would make, and who does not agree yet.
//!
//! Nothing acts on it. The writer reads everything by itself and makes its own plan; the same data gives the same plan with the same
//! hash.

use std::collections::BTreeMap;

use audit_api::irsa_audit::{BlockedBy, PlanStatus};
use audit_api::remediation::policy;
use audit_api::status::RemediationStatus;
use audit_core::finding::{Link, Severity};
use audit_core::model::aws::{DEFAULT_TRUST_QUOTA, Role};
use audit_core::model::service_account::DEFAULT_AUDIENCE;
use audit_core::model::{BindingKey, RoleLookup};
use audit_core::report::BindingReport;
use audit_core::text::quote;
use audit_core::{Config, Disclosure, Snapshot};
use audit_k8s::{AuditObject, Index};
use audit_remedy::{
    Advice, Authorities, Authority, Blocker, BreakerLimits, EditRefusal, Journal, JournalRecord, LiveRole,
    Plan, RemediationMode, RemedyOperation, RemedyProgress, RemedySubject, RoleTag, WriteGrant, write_grant,
};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::super::settings::RemediationSettings;

/// What the plan of a binding is made of.
#[derive(Debug, Clone, Copy)]
pub struct PlanInputs<'a> {
    /// The binding.
    pub key: &'a BindingKey,
    /// All observations.
    pub snapshot: &'a Snapshot,
    /// Policies, approvals, the journal and the admission policy.
    pub index: &'a Index,
    /// Who writes, and the accounts of irsa-audit itself.
    pub settings: &'a RemediationSettings,
    /// The settings of the audit.
    pub config: &'a Config,
    /// The audience for which the webhook is seen to ask where no annotation says otherwise.
    pub default_audience: Option<&'a str>,
    /// How much may be told of the role.
    pub disclosure: Disclosure,
    /// The time.
    pub now: Timestamp,
}

/// What there is to say, and when that changes by itself.
#[derive(Debug, Default)]
pub struct PlanView {
    /// For the status.
    pub status: RemediationStatus,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

impl PlanInputs<'_> {
    /// What there is to say about a binding, by its report.
    #[must_use]
    pub fn view(&self, audit: &AuditObject, report: &BindingReport) -> PlanView {
        let Some((subject, role, read)) = self.subject(audit) else {
            return PlanView::default();
        };
        let (store, seen) = self.index.remediation();
        if !seen.journal {
            let is_asked = subject.opt_in >= RemediationMode::RequireApproval && self.settings.has_writer();
            return if is_asked && !store.is_readable() && is_broken(report, &subject.role_arn) {
                blocked(unreadable())
            } else {
                PlanView::default()
            };
        }
        let arn = subject.role_arn.to_string();
        let own = store.changes_of(&arn, &role.id);
        let journal = Journal::new(&own);
        let of_journal = || {
            if let Some(record) = journal.latched(&role).filter(|record| record.is_for(&subject)) {
                let latched = Blocker::Latched {
                    change: record.name.clone(),
                    since: record.changed,
                };
                return blocked(self.told_of(&latched, &subject));
            }
            PlanView {
                status: RemediationStatus {
                    progress: RemedyProgress::of_journal(&journal, &role, &subject),
                    plan: None,
                },
                wake: None,
            }
        };
        let is_older = journal
            .newest_of(&role, &subject)
            .is_some_and(|record| record.changed > read);
        // What was read before the latest change says nothing of the role as it is now.
        if is_older || subject.opt_in == RemediationMode::Off || !is_broken(report, &subject.role_arn) {
            return of_journal();
        }
        if let Some(view) = self.other_audience(&subject) {
            return view;
        }
        match Plan::new(RemedyOperation::Append, &subject, &role, &journal, self.now) {
            Ok(plan) => self.planned(&plan, store.journal(&arn, &role.id, self.now)),
            Err(EditRefusal::AlreadyAdmitted) => of_journal(),
            Err(refusal) => self.refused(&subject, &refusal),
        }
    }

    /// The ServiceAccount and its role, and when the role was read.
    fn subject(&self, audit: &AuditObject) -> Option<(RemedySubject, LiveRole, Timestamp)> {
        let binding = self.snapshot.cluster.binding(self.key)?;
        let account = binding
            .service_account()
            .filter(|account| !account.uid.is_empty())?;
        let role_arn =
            RoleArn::parse(account.annotation(&self.config.annotation_prefix, "role-arn")?).ok()?;
        let known = self.snapshot.accounts.get(role_arn.account())?;
        let (RoleLookup::Found(role), read) = known.roles.get(role_arn.name())?.value.as_ref()? else {
            return None;
        };
        let quota = known.trust_quota.latest().copied();
        let role = live_role(role, quota.unwrap_or(DEFAULT_TRUST_QUOTA))?;
        let audience = account.annotation(&self.config.annotation_prefix, "audience");
        let subject = RemedySubject {
            issuer: self.snapshot.issuer.as_ref()?.url.clone(),
            namespace: self.key.namespace.to_string(),
            name: self.key.service_account.to_string(),
            service_account_uid: account.uid.clone(),
            irsa_audit_uid: Some(audit.uid.to_string()).filter(|uid| !uid.is_empty())?,
            audience: audience
                .or(self.config.token_audience.as_deref())
                .unwrap_or(DEFAULT_AUDIENCE)
                .to_owned(),
            role_arn,
            expected_role: audit.request.role_arn.clone(),
            opt_in: audit.remediation,
        };
        Some((subject, role, *read))
    }

    fn planned(&self, plan: &Plan, journal: Vec<JournalRecord>) -> PlanView {
        let past = RemedyProgress::of_journal(&Journal::new(&journal), &plan.role, &plan.subject);
        let was_rolled_back = past == Some(RemedyProgress::RolledBack);
        let authorities = self.authorities(&plan.subject, journal);
        let grant = write_grant(plan, &authorities, None, self.now);
        let blockers = grant.as_ref().err().map_or(&[][..], Vec::as_slice);
        let wake = blockers
            .iter()
            .filter_map(ends)
            .chain(expires(&grant, &authorities))
            .min();
        let mut progress = RemedyProgress::of_plan(plan.subject.opt_in, &grant);
        if progress == RemedyProgress::Proposed && was_rolled_back {
            progress = RemedyProgress::RolledBack;
        }
        let blocked_by = if self.settings.has_writer() {
            let all = blockers.iter();
            all.map(|blocker| self.told_of(blocker, &plan.subject)).collect()
        } else {
            // Nobody asks what it would wait for.
            if progress == RemedyProgress::Approved {
                progress = RemedyProgress::Blocked;
            }
            vec![no_writer()]
        };
        let is_told = self.disclosure > Disclosure::CodeOnly;
        let status = PlanStatus {
            hash: is_told.then(|| plan.hash.to_string()),
            summary: is_told.then(|| summary(plan)),
            blocked_by,
        };
        PlanView {
            status: RemediationStatus {
                progress: Some(progress),
                plan: Some(status),
            },
            wake,
        }
    }

    /// There is no edit. That is news for a team that asks for one; for all others, the finding says what to do.
    fn refused(&self, subject: &RemedySubject, refusal: &EditRefusal) -> PlanView {
        if subject.opt_in < RemediationMode::RequireApproval {
            return PlanView::default();
        }
        let advice = if self.disclosure > Disclosure::CodeOnly {
            refusal.advice()
        } else {
            refusal.discreet_advice()
        };
        blocked(told(&advice))
    }

    fn told_of(&self, blocker: &Blocker, subject: &RemedySubject) -> BlockedBy {
        told(&if self.disclosure > Disclosure::CodeOnly {
            blocker.advice(subject)
        } else {
            blocker.discreet_advice(subject)
        })
    }

    /// The webhook is seen to ask for another audience than the one that the writer takes for its default: a statement for that one
    /// would not help.
    fn other_audience(&self, subject: &RemedySubject) -> Option<PlanView> {
        let binding = self.snapshot.cluster.binding(self.key)?;
        let prefix = &self.config.annotation_prefix;
        let annotated = binding.service_account()?.annotation(prefix, "audience");
        let seen = self.default_audience.filter(|seen| *seen != subject.audience)?;
        if annotated.is_some() {
            return None;
        }
        Some(blocked(BlockedBy {
            authority: Authority::Admins.as_str().to_owned(),
            reason: "audience".to_owned(),
            message: format!(
                "The webhook asks for the audience `{}`, and irsa-audit is started for `{}`. Set operator.tokenAudience of the chart.",
                quote(seen),
                quote(&subject.audience)
            ),
        }))
    }

    /// Everyone who has to agree, as far as they concern this ServiceAccount.
    fn authorities(&self, subject: &RemedySubject, journal: Vec<JournalRecord>) -> Authorities {
        let labels = self.snapshot.cluster.namespace_labels(&subject.namespace);
        let namespaces = BTreeMap::from([(subject.namespace.clone(), labels.cloned().unwrap_or_default())]);
        let (store, seen) = self.index.remediation();
        let policies = self.index.policies();
        Authorities {
            policies: policies
                .filter_map(|object| policy(&object.name, &object.spec, &namespaces))
                .collect(),
            own_namespaces: self.settings.own_namespaces.clone(),
            own_users: self.settings.own_users.clone(),
            approvals: store.approvals(self.key).collect(),
            guard: if seen.admission && seen.approvals {
                store.guard(&self.settings.own_users)
            } else {
                audit_remedy::AdmissionGuard::Unreadable
            },
            journal,
            breaker: BreakerLimits::default(),
        }
    }
}

/// There is no plan to show, and one reason.
fn blocked(by: BlockedBy) -> PlanView {
    PlanView {
        status: RemediationStatus {
            progress: Some(RemedyProgress::Blocked),
            plan: Some(PlanStatus {
                hash: None,
                summary: None,
                blocked_by: vec![by],
            }),
        },
        wake: None,
    }
}

fn unreadable() -> BlockedBy {
    BlockedBy {
        authority: "Journal".to_owned(),
        reason: "unreadable".to_owned(),
        message: "a TrustPolicyChange cannot be read, so nothing is written for anyone. Ask a cluster admin: `irsa-audit plan` names it"
            .to_owned(),
    }
}

/// Nothing where the tags were not read: whether the role consents is not known then.
fn live_role(role: &Role, quota: usize) -> Option<LiveRole> {
    let tags = role.tags.as_ref()?.iter();
    Some(LiveRole {
        arn: role.arn.clone(),
        id: role.id.clone(),
        trust_text: role.trust_text.to_string(),
        tags: tags.map(|(key, value)| RoleTag::new(key, value)).collect(),
        quota,
    })
}

/// Whether the trust policy of the role is what makes the binding broken.
fn is_broken(report: &BindingReport, role: &RoleArn) -> bool {
    let mut findings = report.findings.iter();
    report.facts.role_arn.as_deref() == Some(role.to_string().as_str())
        && findings.any(|finding| finding.link == Link::Trust && finding.severity == Severity::Broken)
}

/// What is appended, and nothing of the document that it is appended to, also not its size.
fn summary(plan: &Plan) -> String {
    let subject = &plan.subject;
    let identity = subject.identity(Timestamp::MIN);
    format!(
        "appends one statement to the trust policy of role `{}`. It admits `{}` with audience `{}` through `{}`, and no one else",
        plan.role.arn, identity.subject, subject.audience, identity.provider_arn,
    )
}

fn told(advice: &Advice) -> BlockedBy {
    BlockedBy {
        authority: advice.authority.as_str().to_owned(),
        reason: advice.reason.to_owned(),
        message: format!("{} {}", advice.what, advice.how),
    }
}

fn no_writer() -> BlockedBy {
    BlockedBy {
        authority: "Writer".to_owned(),
        reason: "not_installed".to_owned(),
        message: "the writer is not installed, so nothing is written. Apply the fix of the finding, or see docs/remediation.md".to_owned(),
    }
}

/// When a blocker ends by itself.
fn ends(blocker: &Blocker) -> Option<Timestamp> {
    match blocker {
        Blocker::RateLimited { until, .. } => *until,
        Blocker::BreakerOpen { until, .. }
        | Blocker::RoleBackoff { until, .. }
        | Blocker::Settling { until } => Some(*until),
        _ => None,
    }
}

/// When the approval that counts no longer does.
fn expires(grant: &Result<WriteGrant, Vec<Blocker>>, authorities: &Authorities) -> Option<Timestamp> {
    let uid = grant.as_ref().ok()?.approval.as_ref()?;
    let mut approvals = authorities.approvals.iter();
    let approval = approvals.find(|approval| approval.uid == *uid)?;
    approval.created.checked_add(approval.valid_for).ok()
}
