//! Reports for the tests of renderers.

use audit_core::finding::{Finding, Link, WaivedUntil};
use audit_core::fix::{Alternative, Command, Fix, Form};
use audit_core::model::{BindingKey, ClusterIssuer, IssuerSource, IssuerUrl, ManifestPlaces};
use audit_core::report::{BindingFacts, BindingReport, ClusterReport, LinkState, PodSummary, Report};
use audit_core::{Severity, Verdict, rules};

use crate::Presentation;

pub(crate) const ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/cart";
pub(crate) const COMMAND: &str = "aws iam update-assume-role-policy --role-name cart";

pub(crate) fn report(bindings: Vec<BindingReport>) -> Report {
    let issuer = ClusterIssuer {
        url: IssuerUrl::parse(ISSUER).unwrap(),
        source: IssuerSource::Flag,
    };
    Report {
        bindings,
        cluster: ClusterReport {
            issuer: Some(issuer),
            ..ClusterReport::default()
        },
    }
}

/// A report of a live cluster that fails where something is broken.
pub(crate) fn presented(report: &Report) -> Presentation<'_> {
    static NO_PLACES: ManifestPlaces = ManifestPlaces::new();
    Presentation {
        report,
        places: &NO_PLACES,
        fail_at: Some(Severity::Broken),
    }
}

/// A binding in which all is well.
pub(crate) fn working(namespace: &str) -> BindingReport {
    let key = BindingKey::new(namespace, "cart");
    BindingReport {
        verdict: Verdict::Working,
        reason: "AllLinksPass",
        message: "all is well".to_owned(),
        findings: Vec::new(),
        deciding: None,
        then: Vec::new(),
        links: Link::ALL.map(|link| (link, LinkState::Passes)),
        facts: BindingFacts {
            role_arn: Some(ROLE.to_owned()),
            account: Some("111122223333".to_owned()),
            subject: key.subject(),
            audience: Some("sts.amazonaws.com".to_owned()),
            ..BindingFacts::default()
        },
        pods: PodSummary {
            total: 1,
            ready: 1,
            ..PodSummary::default()
        },
        pending: false,
        valid_until: None,
        key,
    }
}

/// One with a namespace of hostile making, everywhere where names are shown.
pub(crate) fn named(namespace: &str) -> BindingReport {
    let mut binding = BindingReport {
        key: BindingKey::new(namespace, "cart"),
        ..broken()
    };
    binding.message = namespace.to_owned();
    for finding in &mut binding.findings {
        finding.message = namespace.to_owned();
        if let Some(fix) = &mut finding.fix {
            namespace.clone_into(&mut fix.first.text);
        }
    }
    binding
}

/// A broken binding: IRSA204 with a fix, and IRSA216, which is waived.
pub(crate) fn broken() -> BindingReport {
    let finding = |code| Finding::new(rules::entry(code).unwrap(), format!("what {code} says"));
    let terraform = Alternative {
        form: Form::Terraform,
        text: "resource {\n}\n".to_owned(),
        only_if: None,
    };
    let mut fix = Fix::aws(Command::new("aws")).or_else([terraform]);
    COMMAND.clone_into(&mut fix.first.text);
    let mut risk = finding("IRSA216");
    risk.waived = Some(WaivedUntil::Revoked);
    let mut binding = working("shop");
    binding.verdict = Verdict::Broken;
    binding.reason = "SubjectNamespaceMismatch";
    binding.deciding = Some(0);
    binding.findings = vec![finding("IRSA204").fix(fix), risk];
    binding.links[3].1 = LinkState::Broken("SubjectNamespaceMismatch");
    binding
}
