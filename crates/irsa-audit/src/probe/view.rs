//! Pure: a probe as text and JSON.

use std::fmt::Write as _;

use audit_core::chain::RoleOutcome;
use audit_core::model::BindingKey;
use audit_core::text::{quote, reveal};
use audit_report::Terminal;
use serde_json::{Value, json};

use super::comparison::{Agreement, Comparison, Said};
use super::target::{StsRegion, Target};

/// A probe, and what came of it.
pub(super) struct ProbeView<'a> {
    pub key: &'a BindingKey,
    pub target: &'a Target,
    /// The issuer in the token.
    pub token_issuer: Option<&'a str>,
    pub region: &'a StsRegion,
    /// As CloudTrail shows it.
    pub session_name: &'a str,
    pub comparison: &'a Comparison,
}

impl ProbeView<'_> {
    /// For people. `status` is the text of the ServiceAccount's status.
    pub fn text(&self, status: Option<&str>, terminal: Terminal) -> String {
        let Self {
            key,
            target,
            comparison,
            ..
        } = self;
        let mut out = format!("{}: {}\n\n", quote(&key.to_string()), headline(comparison));
        let subject = key.subject();
        let region = format!("region {}, by {}", self.region.name, self.region.source);
        for (name, value) in [
            ("role", target.role.as_str()),
            ("subject", &subject),
            ("audience", &target.audience),
            ("issuer", self.token_issuer.unwrap_or("(not in the token)")),
            ("STS", &region),
            ("session", self.session_name),
        ] {
            let _ = writeln!(out, "  {name:<12}{}", quote(value));
        }
        let _ = write!(
            out,
            "\n  {:<12}{}\n  {:<12}{}\n",
            "STS says",
            said(&comparison.said),
            "evaluation",
            evaluated(target.outcome, &comparison.codes)
        );
        for symptom in &comparison.symptoms {
            let _ = write!(out, "\n{}", audit_explain::text::symptom(symptom));
        }
        if let Agreement::Disagrees(finding) = &comparison.agreement {
            let _ = write!(out, "\n{}", audit_report::status::finding(finding, terminal));
        }
        for other in &target.others {
            let _ = writeln!(
                out,
                "\nnot probed: role `{}`, audience `{}`. Add --role-arn to ask for it",
                quote(&other.role),
                quote(&other.audience)
            );
        }
        if let Some(status) = status {
            let _ = write!(out, "\n{status}");
        }
        out
    }

    /// For machines. A promise to users: fields are added, and never change their meaning.
    pub fn json(&self, status: Option<&Value>) -> String {
        let Self {
            key,
            target,
            comparison,
            ..
        } = self;
        let (answer, error) = match &comparison.said {
            Said::Admits => ("admits", None),
            Said::Refuses(error) => ("refuses", Some(error)),
            Said::Undecided(error) => ("undecided", Some(error)),
        };
        let symptoms = comparison.symptoms.iter();
        let symptoms = symptoms.map(|known| audit_explain::json::symptom(known));
        let (agreement, findings) = match &comparison.agreement {
            Agreement::Agrees => ("agrees", Vec::new()),
            Agreement::Disagrees(finding) => ("disagrees", vec![audit_report::json::finding(finding)]),
            Agreement::NotCompared => ("notCompared", Vec::new()),
        };
        let others = target
            .others
            .iter()
            .map(|other| json!({"roleArn": other.role, "audience": other.audience}));
        audit_report::json::document(&json!({
            "apiVersion": "irsa-audit.dev/v1alpha1",
            "kind": "Probe",
            "namespace": key.namespace,
            "serviceAccount": key.service_account,
            "roleArn": target.role.as_str(),
            "subject": key.subject(),
            "audience": target.audience,
            "issuer": self.token_issuer,
            "region": self.region.name,
            "sessionName": self.session_name,
            "sts": {
                "answer": answer,
                "code": error.map(|error| &error.code),
                "message": error.map(|error| &error.message),
                "symptoms": symptoms.collect::<Vec<_>>(),
            },
            "evaluation": {
                "outcome": word(target.outcome),
                "codes": comparison.codes,
            },
            "agreement": agreement,
            "findings": findings,
            "notProbed": others.collect::<Vec<_>>(),
            "status": status,
        }))
    }
}

fn headline(comparison: &Comparison) -> &'static str {
    match (&comparison.said, &comparison.agreement) {
        (Said::Undecided(_), _) => "STS gave no answer about the token",
        (Said::Admits, Agreement::Agrees) => "STS admits the token, and the evaluation agrees",
        (Said::Refuses(_), Agreement::Agrees) => "STS refuses the token, and the evaluation agrees",
        (Said::Admits, Agreement::Disagrees(_)) => "STS admits the token, but the evaluation disagrees",
        (Said::Refuses(_), Agreement::Disagrees(_)) => "STS refuses the token, but the evaluation disagrees",
        (Said::Admits, Agreement::NotCompared) => {
            "STS admits the token; the evaluation has no answer, because something that decides could not be seen"
        }
        (Said::Refuses(_), Agreement::NotCompared) => {
            "STS refuses the token; the evaluation has no answer, because something that decides could not be seen"
        }
    }
}

fn said(said: &Said) -> String {
    let of = |error: &audit_aws::StsError| {
        let code = quote(&error.code);
        if error.message.is_empty() {
            code
        } else {
            format!("{code}: {}", reveal(&error.message))
        }
    };
    match said {
        Said::Admits => "the token is admitted; the credentials were dropped".to_owned(),
        Said::Refuses(error) | Said::Undecided(error) => of(error),
    }
}

fn evaluated(outcome: RoleOutcome, codes: &[&str]) -> String {
    let found = if codes.is_empty() {
        String::new()
    } else {
        format!(" ({})", codes.join(", "))
    };
    match outcome {
        RoleOutcome::Passes => format!("role, OIDC provider and trust policy admit the token{found}"),
        RoleOutcome::Fails => format!("the token is refused{found}"),
        RoleOutcome::Unknown => format!("cannot be determined{found}"),
    }
}

fn word(outcome: RoleOutcome) -> &'static str {
    match outcome {
        RoleOutcome::Passes => "passes",
        RoleOutcome::Fails => "fails",
        RoleOutcome::Unknown => "unknown",
    }
}

#[cfg(test)]
#[path = "../../tests/unit/probe/view.rs"]
mod tests;
