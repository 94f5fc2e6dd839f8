//! One ServiceAccount of a snapshot: its report, or why it has none.

use audit_core::audit::{Bound, audit_binding, audit_cluster, is_bound};
use audit_core::model::{BindingKey, ManifestPlaces};
use audit_core::report::{BindingReport, Report};
use audit_core::text::quote;
use audit_core::{Config, Verdict};
use audit_report::Presentation;
use audit_report::status::LookedAt;
use jiff::Timestamp;

use super::hint;
use crate::audit::color::ColorWhen;
use crate::audit::source::AuditInput;

const BROKEN: u8 = 1;
const UNKNOWN: u8 = 3;

/// An answer, with the exit code that says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The exit code.
    pub code: u8,
    /// What is printed; ends with a line break.
    pub text: String,
}

/// A ServiceAccount.
#[derive(Debug)]
pub struct Subject {
    key: BindingKey,
    at: Timestamp,
    /// Without a binding where nothing asks for a role, or nobody knows whether something does.
    report: Report,
    places: ManifestPlaces,
    why_none: &'static str,
    /// What else may have been meant.
    hint: Option<String>,
    code: u8,
}

impl Subject {
    /// Audits one ServiceAccount. `settings` are those without policies: a policy that leaves a namespace out is about audits of everything.
    pub fn find(evidence: &AuditInput, settings: &Config, key: &BindingKey) -> Self {
        let AuditInput {
            snapshot,
            config,
            places,
            resources,
            now,
        } = evidence;
        let binding = snapshot.cluster.binding(key);
        let is_asked =
            binding.is_some_and(|binding| binding.requests().iter().any(|request| request.declared));
        let exists = binding.is_some_and(|binding| binding.service_account().is_some());
        let bound = match is_bound(snapshot, settings, key, *now) {
            Bound::No if is_asked => Bound::Yes,
            bound => bound,
        };
        let (code, why_none) = match (bound, exists) {
            (Bound::Yes, _) => (0, ""),
            (Bound::No, true) => (
                0,
                "names no role, and nothing that irsa-audit read gives it one. Its pods get the role of their node if they can reach the \
                 instance metadata service.",
            ),
            (Bound::CannotTell, true) => (
                UNKNOWN,
                "names no role itself. Whether something else gives it one cannot be determined from what irsa-audit read.",
            ),
            (_, false) if snapshot.cluster.is_partial() => (
                UNKNOWN,
                "is in none of the files, but the files are not the whole cluster.",
            ),
            (_, false) => (
                UNKNOWN,
                "does not exist in what irsa-audit read, and nothing there uses it.",
            ),
        };
        let mut bindings: Vec<BindingReport> = match bound {
            Bound::Yes => vec![audit_binding(snapshot, config, key, *now)],
            Bound::No | Bound::CannotTell => Vec::new(),
        };
        for binding in &mut bindings {
            binding.point_at(resources);
        }
        let verdict = bindings.first().map(|binding| binding.verdict);
        Self {
            key: key.clone(),
            at: *now,
            report: Report {
                bindings,
                cluster: audit_cluster(snapshot, config, *now),
            },
            places: places.clone(),
            why_none,
            hint: (!exists).then(|| hint::of(&snapshot.cluster, key)).flatten(),
            code: verdict.map_or(code, exit_code),
        }
    }

    /// For people.
    pub fn text(&self, is_offline: bool) -> Answer {
        let source = if is_offline {
            "the given files"
        } else {
            "the cluster of the kubeconfig and AWS"
        };
        let looked_at = LookedAt { source, at: self.at };
        let terminal = ColorWhen::Auto.terminal();
        let text = if let Some(binding) = self.report.bindings.first() {
            audit_report::status::render(binding, &self.report.cluster, &looked_at, terminal)
        } else {
            let hint = self.hint.iter().map(|hint| format!(" {hint}"));
            format!(
                "ServiceAccount `{}` {}{}\n",
                quote(&self.key.to_string()),
                self.why_none,
                hint.collect::<String>()
            )
        };
        Answer {
            code: self.code,
            text,
        }
    }

    /// For machines: the report of `audit` with this binding alone.
    pub fn json(&self) -> Answer {
        Answer {
            code: self.code,
            text: audit_report::json::render(&Presentation {
                report: &self.report,
                places: &self.places,
                fail_at: None,
            }),
        }
    }
}

fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Working | Verdict::AtRisk => 0,
        Verdict::Broken => BROKEN,
        Verdict::Unknown => UNKNOWN,
    }
}
