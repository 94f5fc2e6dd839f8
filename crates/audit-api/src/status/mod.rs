//! A report as the status of an `IrsaAudit`, and when it is worth a write.
//!
//! etcd pays for every write, and every write wakes up everybody who watches. So a status is written when its *meaning*
//! changed, for a changed detail at most once a minute, and as a heartbeat at most once an hour.

mod memory;
mod packed;

use audit_core::Verdict;
use audit_core::finding::{Finding, WaivedUntil};
use audit_core::fix::shell;
use audit_core::report::{BindingReport, LinkState};
use audit_remedy::RemedyProgress;
use jiff::{SignedDuration, Timestamp};

use crate::condition::{Condition, ConditionStatus};
use crate::irsa_audit::{
    BindingStatus, FindingStatus, IrsaAuditStatus, PlanStatus, PodsStatus, ThenStatus, VerdictName,
};
use crate::remediation::progress_name;

pub use memory::{Lifetime, is_the_same, taken_over};
pub use packed::PackedStatus;

/// How long the same broken reason stands before the object counts as stalled: long enough for IAM to become
/// consistent after a repair.
pub const STALLED_AFTER: SignedDuration = SignedDuration::from_secs(120);

/// The largest status in bytes of JSON.
pub const MAX_BYTES: usize = 8 * 1024;

/// The longest fix in bytes; the command line has the longer forms.
pub const MAX_FIX_BYTES: usize = 1024;
/// What ends a fix that has more steps than that; it has room of its own.
pub const MORE_STEPS: &str = "# then: further steps, which irsa-audit audit prints";
/// The longest question that is shown before a fix.
pub const MAX_QUESTION_BYTES: usize = 512;

/// The longest message of the deciding finding, and of any other, in bytes.
const MAX_MESSAGE: (usize, usize) = (600, 240);

/// The most findings that are listed one by one.
const MAX_FINDINGS: usize = 10;

/// The most that is listed of what else is broken once the findings are repaired, and the longest message of it in bytes.
const MAX_THEN: usize = 5;
const MAX_THEN_MESSAGE: usize = 160;

/// The most workloads that are listed.
const MAX_WORKLOADS: usize = 10;

/// What a status says about the repair of a binding's trust policy; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemediationStatus {
    /// How far it has come.
    pub progress: Option<RemedyProgress>,
    /// The plan.
    pub plan: Option<PlanStatus>,
}

/// The status that a report gives, with the times that an earlier status had for what has not changed.
#[must_use]
pub fn status(
    report: &BindingReport,
    previous: Option<&IrsaAuditStatus>,
    generation: i64,
    now: Timestamp,
) -> IrsaAuditStatus {
    let now = whole_seconds(now);
    let old_findings = previous.map_or(&[][..], |p| &p.findings);
    let deciding = deciding(report);
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    if findings.len() > MAX_FINDINGS {
        // The weightiest stay; chain order is kept among them.
        findings.sort_by_key(|f| (!f.counts(), std::cmp::Reverse(f.severity)));
        findings.truncate(MAX_FINDINGS);
        findings.sort_by_key(|f| (f.link, f.entry.code));
    }
    let conditions = conditions(report, previous, generation, now);
    let mut status = IrsaAuditStatus {
        verdict: Some(name(report.verdict)),
        reason: Some(report.reason.to_owned()),
        message: Some(cut(&report.message, MAX_MESSAGE.0)),
        codes: codes(&report.findings),
        binding: Some(binding(report)),
        conditions,
        findings: findings
            .into_iter()
            .map(|f| finding(f, deciding.is_some_and(|d| std::ptr::eq(d, f)), old_findings, now))
            .collect(),
        then: report.then.iter().take(MAX_THEN).map(next).collect(),
        remediation: None,
        plan: None,
        pods: Some(PodsStatus {
            total: report.pods.total,
            ready: report.pods.ready,
            stale: report.pods.stale,
            missing: report.pods.missing,
            workloads: report
                .pods
                .workloads
                .iter()
                .take(MAX_WORKLOADS)
                .map(|w| cut(&audit_core::text::quote(&format!("{}/{}", w.kind, w.name)), 128))
                .collect(),
        }),
        observed_generation: Some(generation),
        last_audit_time: Some(now),
    };
    fit(&mut status);
    status
}

/// The status with what there is to say about the repair of the binding's trust policy.
#[must_use]
pub fn with_remediation(mut status: IrsaAuditStatus, remediation: RemediationStatus) -> IrsaAuditStatus {
    status.remediation = remediation.progress.map(progress_name);
    status.plan = remediation.plan;
    fit(&mut status);
    status
}

/// Takes from a status what matters least until it is no larger than [`MAX_BYTES`]. Only names that are made to be long come
/// here.
fn fit(status: &mut IrsaAuditStatus) {
    let steps: [fn(&mut IrsaAuditStatus); 6] = [
        |s| {
            for next in &mut s.then {
                next.message.clear();
            }
        },
        |s| {
            for finding in &mut s.findings {
                finding.message = cut(&finding.message, 80);
            }
        },
        |s| {
            if let Some(pods) = &mut s.pods {
                pods.workloads.truncate(3);
            }
        },
        |s| {
            for blocked in s.plan.iter_mut().flat_map(|plan| &mut plan.blocked_by) {
                blocked.message = cut(&blocked.message, 80);
            }
        },
        |s| {
            for finding in &mut s.findings {
                finding.fix = None;
            }
        },
        |s| s.findings.truncate(3),
    ];
    for step in steps {
        if serde_json::to_vec(status).is_ok_and(|json| json.len() <= MAX_BYTES) {
            return;
        }
        step(status);
    }
}

/// The status of an `IrsaAudit` that another one for the same ServiceAccount outranks.
#[must_use]
pub fn duplicate_status(
    audited: &str,
    previous: Option<&IrsaAuditStatus>,
    generation: i64,
    now: Timestamp,
) -> IrsaAuditStatus {
    let now = whole_seconds(now);
    let message = format!(
        "IrsaAudit `{}` audits the same ServiceAccount",
        audit_core::text::quote(audited)
    );
    let old = previous.map_or(&[][..], |p| &p.conditions);
    let condition = |type_: &str, status| {
        new_condition(type_, status, "Duplicate", message.clone(), generation, now).since(old)
    };
    IrsaAuditStatus {
        verdict: Some(VerdictName::Unknown),
        reason: Some("Duplicate".to_owned()),
        message: Some(message.clone()),
        conditions: vec![
            condition("Ready", ConditionStatus::Unknown),
            condition("Reconciling", ConditionStatus::False),
            condition("Stalled", ConditionStatus::True),
        ],
        observed_generation: Some(generation),
        last_audit_time: Some(now),
        ..IrsaAuditStatus::default()
    }
}

/// How much two statuses differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// In nothing but times.
    None,
    /// In words and counts.
    Detail,
    /// In what they mean to somebody.
    Meaning,
}

/// Compares two statuses.
#[must_use]
pub fn difference(old: &IrsaAuditStatus, new: &IrsaAuditStatus) -> Difference {
    if meaning(old) != meaning(new) {
        Difference::Meaning
    } else if details(old) != details(new) {
        Difference::Detail
    } else {
        Difference::None
    }
}

/// When a broken binding will count as stalled, if it is not yet.
#[must_use]
pub fn stalls_at(status: &IrsaAuditStatus) -> Option<Timestamp> {
    if status.verdict != Some(VerdictName::Broken) || is_stalled(status) {
        return None;
    }
    let reason = status.reason.as_deref()?;
    let since = status
        .findings
        .iter()
        .find(|f| f.reason == reason)
        .map(|f| f.first_seen)?;
    since.checked_add(STALLED_AFTER).ok()
}

fn is_stalled(status: &IrsaAuditStatus) -> bool {
    status
        .conditions
        .iter()
        .any(|c| c.type_ == "Stalled" && c.status == ConditionStatus::True)
}

fn meaning(status: &IrsaAuditStatus) -> impl PartialEq + '_ {
    let conditions: Vec<_> = status
        .conditions
        .iter()
        .map(|c| (&c.type_, c.status, &c.reason))
        .collect();
    let findings: Vec<_> = status
        .findings
        .iter()
        .map(|f| (&f.code, &f.severity, &f.link, &f.fix, f.waived_until))
        .collect();
    (
        status.verdict,
        &status.reason,
        &status.binding,
        conditions,
        findings,
        status.observed_generation,
        (status.remediation, &status.plan),
    )
}

fn details(status: &IrsaAuditStatus) -> impl PartialEq + '_ {
    let messages: Vec<_> = status.findings.iter().map(|f| &f.message).collect();
    (
        &status.message,
        &status.codes,
        &status.then,
        &status.pods,
        messages,
    )
}

/// The name of a verdict in the API.
#[must_use]
pub fn name(verdict: Verdict) -> VerdictName {
    match verdict {
        Verdict::Working => VerdictName::Working,
        Verdict::AtRisk => VerdictName::AtRisk,
        Verdict::Broken => VerdictName::Broken,
        Verdict::Unknown => VerdictName::Unknown,
    }
}

/// The finding after which the verdict is named.
fn deciding(report: &BindingReport) -> Option<&Finding> {
    report
        .findings
        .iter()
        .find(|f| f.counts() && f.entry.reason == report.reason && f.message == report.message)
}

fn codes(findings: &[Finding]) -> Option<String> {
    let mut codes: Vec<&str> = findings
        .iter()
        .filter(|f| f.counts())
        .map(|f| f.entry.code)
        .collect();
    codes.dedup();
    (!codes.is_empty()).then(|| codes.join(","))
}

fn binding(report: &BindingReport) -> BindingStatus {
    let facts = &report.facts;
    let short = |text: &Option<String>| text.as_deref().map(|text| cut(text, 300));
    BindingStatus {
        path: facts.path.map(|path| path.as_str().to_owned()),
        role_arn: short(&facts.role_arn),
        account_id: facts.account.clone(),
        issuer: short(&facts.issuer),
        provider_arn: short(&facts.provider_arn),
        subject: Some(cut(&facts.subject, 400)),
        audience: short(&facts.audience),
    }
}

fn finding(f: &Finding, decides: bool, old: &[FindingStatus], now: Timestamp) -> FindingStatus {
    let link = f.link.as_str();
    FindingStatus {
        code: f.entry.code.to_owned(),
        reason: f.entry.reason.to_owned(),
        severity: f.severity.as_str().to_owned(),
        link: link.to_owned(),
        message: cut(&f.message, if decides { MAX_MESSAGE.0 } else { MAX_MESSAGE.1 }),
        fix: if decides {
            f.fix.as_ref().and_then(shown_fix)
        } else {
            None
        },
        first_seen: old
            .iter()
            .find(|o| o.code == f.entry.code && o.link == link)
            .map_or(now, |o| o.first_seen),
        waived_until: f.waived.map(|waived| match waived {
            WaivedUntil::Revoked => whole_seconds(Timestamp::MAX),
            WaivedUntil::Time(until) => whole_seconds(until),
        }),
    }
}

fn next(f: &Finding) -> ThenStatus {
    ThenStatus {
        code: f.entry.code.to_owned(),
        reason: f.entry.reason.to_owned(),
        link: f.link.as_str().to_owned(),
        message: cut(&f.message, MAX_THEN_MESSAGE),
    }
}

/// The fix as it fits into a status, with what must follow if there is room: a command is never cut, because half a command
/// is a trap. What has to be asked first comes first, as a comment with room of its own, so that neither pushes the other out. A shell may
/// be given all of it: words are in comments.
fn shown_fix(fix: &audit_core::fix::Fix) -> Option<String> {
    let text = match fix.script_within(MAX_FIX_BYTES) {
        Some((text, true)) => text,
        Some((text, false)) => format!("{text}\n{MORE_STEPS}"),
        None => comment("to do", fix.brief.as_deref()?, MAX_FIX_BYTES),
    };
    Some(match &fix.asks {
        Some(asks) => format!("{}\n{text}", comment("", asks, MAX_QUESTION_BYTES)),
        None => text,
    })
}

/// A comment of a shell in at most so many bytes. The words are cut before they are quoted, which may take bytes of its own.
fn comment(begin: &str, words: &str, most: usize) -> String {
    let mut room = most;
    loop {
        let text = shell::comment(begin, &cut(words, room));
        match text.len().checked_sub(most) {
            None | Some(0) => return text,
            Some(_) if room == 0 => return String::new(),
            Some(over) => room = room.saturating_sub(over),
        }
    }
}

fn conditions(
    report: &BindingReport,
    previous: Option<&IrsaAuditStatus>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let old = previous.map_or(&[][..], |p| &p.conditions);
    let make = |type_: &str, status, reason: &str, message: String| {
        new_condition(type_, status, reason, message, generation, now).since(old)
    };
    let ready = match report.verdict {
        Verdict::Working | Verdict::AtRisk => ConditionStatus::True,
        Verdict::Broken => ConditionStatus::False,
        Verdict::Unknown => ConditionStatus::Unknown,
    };
    let stalled = is_stalled_now(report, previous, now);
    let waiting =
        matches!(report.verdict, Verdict::Unknown) || (report.verdict == Verdict::Broken && !stalled);
    let flag = |on| {
        if on {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        }
    };
    let mut all = vec![
        make("Ready", ready, report.reason, cut(&report.message, MAX_MESSAGE.1)),
        make(
            "Reconciling",
            flag(waiting),
            if waiting { report.reason } else { "Audited" },
            String::new(),
        ),
        make(
            "Stalled",
            flag(stalled),
            if stalled { report.reason } else { "NotStalled" },
            String::new(),
        ),
    ];
    all.extend(report.links.iter().map(|(link, state)| {
        let (status, reason) = match state {
            LinkState::Passes => (ConditionStatus::True, "Passes"),
            LinkState::NotApplicable => (ConditionStatus::True, "NotApplicable"),
            LinkState::Broken(reason) => (ConditionStatus::False, *reason),
            LinkState::Unseen(reason) => (ConditionStatus::Unknown, *reason),
            LinkState::NotExpected => (ConditionStatus::Unknown, "NotExpected"),
            LinkState::NotReached => (ConditionStatus::Unknown, "NotReached"),
        };
        make(link.as_str(), status, reason, String::new())
    }));
    all
}

/// Whether the same broken reason has stood for [`STALLED_AFTER`].
fn is_stalled_now(report: &BindingReport, previous: Option<&IrsaAuditStatus>, now: Timestamp) -> bool {
    let Some(previous) = previous else { return false };
    if report.verdict != Verdict::Broken
        || previous.verdict != Some(VerdictName::Broken)
        || previous.reason.as_deref() != Some(report.reason)
    {
        return false;
    }
    is_stalled(previous) || stalls_at(previous).is_some_and(|at| at <= now)
}

fn new_condition(
    type_: &str,
    status: ConditionStatus,
    reason: &str,
    message: String,
    generation: i64,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status,
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: now,
    }
}

/// Times in the API have whole seconds; anything finer would differ from what is read back.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Cuts a text to at most `most` bytes, at a character's border.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
#[path = "../../tests/unit/status.rs"]
mod tests;
