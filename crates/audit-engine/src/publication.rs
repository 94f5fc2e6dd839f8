//! When a status is worth a write.

use std::time::Duration;

use audit_api::IrsaAuditStatus;
use audit_api::irsa_audit::VerdictName;
use audit_api::status::{Difference, difference};
use audit_core::Verdict;
use audit_core::report::BindingReport;
use jiff::Timestamp;

use super::action::Announcement;
use super::schedule::{after, spread};

/// A changed detail is written at most this often.
const DETAIL: Duration = Duration::from_mins(1);

/// A status is confirmed at most this often, and at least half as often.
const HEARTBEAT: Duration = Duration::from_hours(1);

/// Whether to write a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// Now.
    Now,
    /// Now, unless more of the kind are under way: nothing is new but numbers and times.
    Detail,
    /// At this time.
    At(Timestamp),
    /// Not as long as nothing changes.
    No,
}

/// Compares the status that was said last with the one that the report gives.
#[must_use]
pub fn publication(
    said: &IrsaAuditStatus,
    new: &IrsaAuditStatus,
    report: &BindingReport,
    now: Timestamp,
) -> Publication {
    let after_last = |span| said.last_audit_time.map_or(now, |last| after(last, span));
    match difference(said, new) {
        Difference::Meaning => Publication::Now,
        Difference::Detail => match after_last(DETAIL) {
            at if at > now => Publication::At(at),
            _ => Publication::Detail,
        },
        // A heartbeat rides along where somebody looks anyway; nobody is woken for it. What began together does not
        // stay together.
        Difference::None if after_last(HEARTBEAT + spread(&report.key, HEARTBEAT)) <= now => {
            Publication::Detail
        }
        Difference::None => Publication::No,
    }
}

/// The change of verdict that a new status announces, if it is one, by what was said before. The first verdict is news only if it
/// is bad.
#[must_use]
pub fn announcement(before: Option<VerdictName>, report: &BindingReport) -> Option<Announcement> {
    let before = before.map(verdict_of);
    let is_news = before.map_or(report.verdict != Verdict::Working, |before| {
        before != report.verdict
    });
    is_news.then(|| Announcement {
        before,
        verdict: report.verdict,
        reason: report.reason.to_owned(),
        message: report.message.clone(),
    })
}

fn verdict_of(name: VerdictName) -> Verdict {
    match name {
        VerdictName::Working => Verdict::Working,
        VerdictName::AtRisk => Verdict::AtRisk,
        VerdictName::Broken => Verdict::Broken,
        VerdictName::Unknown => Verdict::Unknown,
    }
}
