//! How a report is laid out for machines: the fields of JSON and YAML.
//!
//! A promise to users: fields are added, and never change their meaning. A field that says who asks whom for what is null
//! where nothing could be derived.

use std::fmt;

use audit_core::CredentialPath;
use audit_core::finding::WaivedUntil;
use audit_core::model::{ClusterIssuer, IssuerSource, IssuerUrl, ManifestPlace, Workload};
use audit_core::report::{AccountReport, BindingReport, LinkState, Report};
use audit_core::{Finding, Link, Verdict};
use serde::Serialize;

use crate::presentation::Presentation;

/// What a report says that has nothing to say.
pub(crate) const NOTHING: &str = "No ServiceAccount is bound to a role, and no IrsaAudit asks for one.";

/// A report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport<'a> {
    api_version: &'static str,
    kind: &'static str,
    cluster: Cluster<'a>,
    bindings: Vec<Binding<'a>>,
    findings: Vec<FindingView<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster<'a> {
    issuer: Option<&'a str>,
    issuer_source: Option<&'static str>,
    accounts: Vec<Account<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    account_id: &'a str,
    provider_arn: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Binding<'a> {
    namespace: &'a str,
    service_account: &'a str,
    path: Option<&'static str>,
    role_arn: Option<&'a str>,
    verdict: &'static str,
    reason: &'a str,
    message: &'a str,
    account_id: Option<&'a str>,
    provider_arn: Option<&'a str>,
    subject: &'a str,
    audience: Option<&'a str>,
    /// Where it is declared, if the audit read files.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Manifest<'a>>,
    links: Vec<LinkView>,
    findings: Vec<FindingView<'a>>,
    /// What else is broken once the findings are repaired, in the order in which it would appear.
    then: Vec<FindingView<'a>>,
    pods: Pods,
}

#[derive(Debug, Serialize)]
struct Manifest<'a> {
    path: &'a str,
    line: u64,
}

#[derive(Debug, Serialize)]
struct LinkView {
    link: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingView<'a> {
    code: &'a str,
    reason: &'a str,
    severity: &'static str,
    link: &'static str,
    title: &'a str,
    message: &'a str,
    /// The resource of a Terraform plan that declares what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource<'a>>,
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_kind: Option<&'static str>,
    /// What the fix changes, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_summary: Option<&'a str>,
    /// What has to be asked before the fix is carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_asks: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative<'a>>,
    waived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    waived_until: Option<String>,
    page: String,
}

#[derive(Debug, Serialize)]
struct Resource<'a> {
    address: &'a str,
    /// The path of the plan; null for standard input.
    plan: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alternative<'a> {
    form: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_if: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Pods {
    total: u32,
    ready: u32,
    stale: u32,
    missing: u32,
    workloads: Vec<String>,
}

/// How many bindings have each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All.
    pub total: usize,
    /// Working.
    pub working: usize,
    /// At risk.
    pub at_risk: usize,
    /// Broken.
    pub broken: usize,
    /// Unknown.
    pub unknown: usize,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut summary = Self {
            total: report.bindings.len(),
            ..Self::default()
        };
        for binding in &report.bindings {
            *match binding.verdict {
                Verdict::Working => &mut summary.working,
                Verdict::AtRisk => &mut summary.at_risk,
                Verdict::Broken => &mut summary.broken,
                Verdict::Unknown => &mut summary.unknown,
            } += 1;
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            working,
            at_risk,
            broken,
            unknown,
        } = self;
        let bindings = if *total == 1 { "binding" } else { "bindings" };
        write!(
            f,
            "{total} {bindings}: {working} working, {at_risk} at risk, {broken} broken, {unknown} unknown"
        )
    }
}

impl<'a> AuditReport<'a> {
    /// Lays a report out.
    #[must_use]
    pub fn of(presentation: &Presentation<'a>) -> Self {
        let report = presentation.report;
        let issuer = report.cluster.issuer.as_ref();
        Self {
            api_version: "irsa-audit.dev/v1alpha1",
            kind: "AuditReport",
            cluster: Cluster {
                issuer: issuer.map(|ClusterIssuer { url, .. }| IssuerUrl::as_str(url)),
                issuer_source: issuer.map(|issuer| IssuerSource::as_str(issuer.source)),
                accounts: report.cluster.accounts.iter().map(account).collect(),
            },
            bindings: report
                .bindings
                .iter()
                .map(|its| binding(its, presentation.places.get(&its.key)))
                .collect(),
            findings: report.cluster.findings.iter().map(finding).collect(),
            summary: Summary::of(report),
        }
    }
}

fn account(account: &AccountReport) -> Account<'_> {
    Account {
        account_id: &account.account,
        provider_arn: account.provider_arn.as_deref(),
    }
}

fn binding<'a>(binding: &'a BindingReport, place: Option<&'a ManifestPlace>) -> Binding<'a> {
    let facts = &binding.facts;
    Binding {
        namespace: &binding.key.namespace,
        service_account: &binding.key.service_account,
        path: facts.path.map(CredentialPath::as_str),
        role_arn: facts.role_arn.as_deref(),
        verdict: binding.verdict.as_str(),
        reason: binding.reason,
        message: &binding.message,
        account_id: facts.account.as_deref(),
        provider_arn: facts.provider_arn.as_deref(),
        subject: &facts.subject,
        audience: facts.audience.as_deref(),
        manifest: place.map(|place| Manifest {
            path: &place.path,
            line: place.line,
        }),
        links: binding.links.iter().map(link).collect(),
        findings: binding.findings.iter().map(finding).collect(),
        then: binding.then.iter().map(finding).collect(),
        pods: Pods {
            total: binding.pods.total,
            ready: binding.pods.ready,
            stale: binding.pods.stale,
            missing: binding.pods.missing,
            workloads: binding.pods.workloads.iter().map(workload).collect(),
        },
    }
}

fn workload(workload: &Workload) -> String {
    format!("{}/{}", workload.kind, workload.name)
}

/// The word for how a link is, and the reason of its finding if one decides that.
pub(crate) fn state_of(state: LinkState) -> (&'static str, Option<&'static str>) {
    match state {
        LinkState::Passes => ("Passes", None),
        LinkState::NotApplicable => ("NotApplicable", None),
        LinkState::Broken(reason) => ("Broken", Some(reason)),
        LinkState::Unseen(reason) => ("Unknown", Some(reason)),
        LinkState::NotExpected => ("NotExpected", None),
        LinkState::NotReached => ("NotReached", None),
    }
}

fn link((link, state): &(Link, LinkState)) -> LinkView {
    let (state, reason) = state_of(*state);
    LinkView {
        link: link.as_str(),
        state,
        reason,
    }
}

/// A finding, as it is in each list of findings.
pub(crate) fn finding(finding: &Finding) -> FindingView<'_> {
    let fix = finding.fix.as_ref();
    let alternatives = fix.into_iter().flat_map(|fix| &fix.first.alternatives);
    FindingView {
        code: finding.entry.code,
        reason: finding.entry.reason,
        severity: finding.severity.as_str(),
        link: finding.link.as_str(),
        title: finding.entry.title,
        message: &finding.message,
        resource: finding.resource.as_ref().map(|resource| Resource {
            address: &resource.address,
            plan: resource.plan.as_deref(),
        }),
        fix: fix.map(audit_core::fix::Fix::whole),
        fix_kind: fix.map(|fix| fix.first.kind.as_str()),
        fix_summary: fix.and_then(|fix| fix.brief.as_deref()),
        fix_asks: fix.and_then(|fix| fix.asks.as_deref()),
        alternatives: alternatives
            .map(|alternative| Alternative {
                form: alternative.form.as_str(),
                text: &alternative.text,
                only_if: alternative.only_if,
            })
            .collect(),
        waived: !finding.counts(),
        waived_until: match finding.waived {
            Some(WaivedUntil::Time(until)) => Some(until.to_string()),
            Some(WaivedUntil::Revoked) | None => None,
        },
        page: finding.entry.page(),
    }
}
