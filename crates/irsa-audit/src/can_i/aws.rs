//! Actions of AWS: the chain to the role's credentials first, then what the role may do with them.
//!
//! The question becomes an expectation of an `IrsaAudit` that only this process knows, and the audit answers: what it finds is the
//! reason, and its fix is what would let it.

use audit_core::chain::Chain;
use audit_core::finding::Link;
use audit_core::model::{AuditRequest, AwsExpectation, BindingKey};
use audit_core::permissions::{Answer, chaining, expected};
use audit_core::rules::expected::seen;
use audit_core::snapshot::{Binding, Cluster};
use audit_core::text::quote;
use audit_core::{Config, Finding, Severity, audit_binding};

use super::reply::Reply;
use crate::audit::live::{self, Wish};
use crate::audit::source::{self, Evidence, SourceArgs, SourceError};

/// Asks a cluster and AWS, or files.
pub(super) fn ask(args: &SourceArgs, key: &BindingKey, asked: &AwsExpectation) -> Result<Reply, SourceError> {
    let evidence = if args.is_offline() {
        let mut evidence = source::read(args, None)?;
        expect(&mut evidence.snapshot.cluster, key, asked);
        evidence
    } else {
        let wish = Wish {
            namespace: Some(&key.namespace),
            // What they exclude and how they weigh things is about audits.
            heeds_policies: false,
            expect: &|cluster| {
                leave_only(cluster, key);
                expect(cluster, key, asked);
            },
        };
        live::look(args, &wish)?
    };
    Ok(answer(&evidence, &args.config(), key))
}

/// Whether what is expected of the ServiceAccount holds.
fn answer(evidence: &Evidence, config: &Config, key: &BindingKey) -> Reply {
    let Evidence { snapshot, now, .. } = evidence;
    let report = audit_binding(snapshot, config, key, *now);
    // Pods that run now are not the ServiceAccount: new ones may do what they cannot.
    let decides = |link: Link| link != Link::Pods && link != Link::Rbac;
    let first = |severity: Severity| {
        let mut findings = report.findings.iter();
        findings.find(|finding| decides(finding.link) && finding.severity == severity)
    };
    if let Some(broken) = first(Severity::Broken) {
        return Reply::of(broken, true);
    }
    if let Some(unseen) = first(Severity::Unknown) {
        return Reply::of(unseen, false);
    }
    let chain = Chain::derive(snapshot, config, key, *now);
    let reply = allowed(&chain).unwrap_or_else(|| {
        Reply::unknown("nothing was found that forbids it, and nothing that allows it was looked at")
    });
    let weighty = |finding: &&Finding| finding.link == Link::Pods && finding.severity > Severity::Notice;
    report.findings.iter().filter(weighty).fold(reply, Reply::note)
}

/// By what the role is allowed to do it.
fn allowed(chain: &Chain<'_>) -> Option<Reply> {
    let arn = quote(&chain.aws.as_ref()?.arn.to_string());
    let all = expected(chain);
    let first = all.first()?;
    let seen = seen(&[first]);
    let by = match &first.answer {
        Answer::Allowed(place) => place.to_string(),
        Answer::Free => {
            return Some(Reply::yes(&format!("as `{arn}`: it takes no permission")));
        }
        Answer::Trusted(target) => {
            let target = quote(target);
            return Some(Reply::yes(&format!(
                "as `{arn}`, which the trust policy of `{target}` names itself, so that it needs no policy; {seen}"
            )));
        }
        _ => return None,
    };
    let question = &first.question;
    let unseen = chaining::target(question.action, question.resource)
        .filter(|target| chaining::lookup(chain, target).is_none());
    Some(match unseen {
        Some(target) => Reply::unknown(&format!(
            "as `{arn}`, {by} allows it, but the trust policy of `{}` was not seen, which must let it in as well",
            quote(&target.to_string())
        )),
        None => Reply::yes(&format!("as `{arn}`, by {by}; {seen}")),
    })
}

/// Expects this of the ServiceAccount, in place of what others expect, or waive.
fn expect(cluster: &mut Cluster, key: &BindingKey, asked: &AwsExpectation) {
    cluster.retain_requests(&[].into());
    let request = AuditRequest {
        name: key.service_account.clone(),
        service_account: key.service_account.clone(),
        aws: vec![asked.clone()],
        declared: true,
        ..AuditRequest::default()
    };
    cluster.put_request(&key.namespace, request);
}

/// Takes away all other ServiceAccounts, of whose roles nothing is asked.
fn leave_only(cluster: &mut Cluster, key: &BindingKey) {
    let own = cluster.binding(key).map_or(&[][..], Binding::pods);
    let pods = own.iter().map(|pod| (pod.namespace.clone(), pod.name.clone()));
    let pods = pods.collect();
    cluster.retain_pods(&pods);
    cluster.retain_service_accounts(&[key.clone()].into());
}
