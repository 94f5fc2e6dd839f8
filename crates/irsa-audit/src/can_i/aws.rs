//! Actions of AWS: the chain to the role's credentials first, then what the role may do with them.
//!
//! The question becomes an expectation of an `IrsaAudit` that only this process knows, and the audit answers: what it finds is the
//! reason, and its fix is what would let it.

use audit_core::audit::{WayFindings, along_ways};
use audit_core::chain::{Chain, NamedRole};
use audit_core::finding::Link;
use audit_core::model::{AuditRequest, AwsExpectation, BindingKey, NamespacedName};
use audit_core::permissions::{
    ExpectedRequest as PolicyQuestion, PolicyAnswer, chaining, expected, question,
};
use audit_core::rules::brought;
use audit_core::rules::expected::{instead, seen};
use audit_core::snapshot::{Binding, Cluster};
use audit_core::text::quote;
use audit_core::{Config, Finding, Severity};
use iam_policy::RoleArn;

use super::afterwards::{Afterwards, decides, elsewhere};
use super::pod_identity;
use super::reply::{Reply, to_do};
use crate::audit::live::{self, Wish};
use crate::audit::source::{self, AuditInput, SourceArgs, SourceError};

/// Asks a cluster and AWS, or files.
pub(super) fn ask(args: &SourceArgs, key: &BindingKey, asked: &AwsExpectation) -> Result<Reply, SourceError> {
    let evidence = if args.is_offline() {
        let mut evidence = source::read(args, Some(&key.namespace))?;
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
fn answer(evidence: &AuditInput, config: &Config, key: &BindingKey) -> Reply {
    let AuditInput { snapshot, now, .. } = evidence;
    let chain = Chain::derive(snapshot, config, key, *now);
    if let Some(reply) = pod_identity::answer(&chain).or_else(|| without_role(&chain)) {
        return reply;
    }
    let ways = along_ways(chain);
    let is_only = ways.len() == 1;
    let replies = ways.iter().map(|way| {
        let taker = way.chain.deciding.map(|way| way.taker.shown());
        (taker.unwrap_or_default(), along(way, is_only))
    });
    Reply::of_several(replies.collect())
}

/// The answer for those that take one way, which may be the only one.
fn along(way: &WayFindings<'_>, is_only: bool) -> Reply {
    let WayFindings { chain, findings } = way;
    let first = |severity: Severity| {
        let mut findings = findings.iter();
        findings.find(|finding| decides(finding.link) && finding.severity == severity)
    };
    if let Some(broken) = first(Severity::Broken) {
        return Reply::refused(broken, &Afterwards::of(way, broken, is_only));
    }
    if let Some(unseen) = first(Severity::Unknown) {
        return Reply::unseen(unseen);
    }
    let reply = match (allowed(chain), brought::before_the_role(chain)) {
        // Every container would ask as somebody else.
        (Some(_), Some(brought)) => Reply::unknown(&format!(
            "the role allows it, but {brought}, which every SDK except the one for .NET uses before the role's credentials, and irsa-audit \
             cannot see what these keys allow: `aws sts get-caller-identity` in that container shows whose they are"
        )),
        (Some(reply), None) => reply,
        (None, _) => {
            Reply::unknown("irsa-audit saw nothing that forbids it, but did not evaluate what may allow it")
        }
    };
    let weighty = |finding: &&Finding| finding.link == Link::Pods && finding.severity > Severity::Notice;
    findings.iter().filter(weighty).fold(reply, Reply::note)
}

/// The answer for a ServiceAccount that exists and asks for no role: its pods use the node's role, or credentials that they bring
/// themselves. What these allow shows nowhere in the cluster, so that the answer is no only where no pod brings any.
fn without_role(chain: &Chain<'_>) -> Option<Reply> {
    chain.service_account?;
    let is_bare =
        chain.named_role == NamedRole::Missing && chain.misplaced.is_none() && !chain.carries_role();
    let cluster = &chain.snapshot.cluster;
    let may_have_one = cluster.webhook_entries_unseen()
        || !cluster.unseen_role_givers().is_empty()
        || cluster.cut_requesters(chain.key).next().is_some();
    if !is_bare || may_have_one {
        return None;
    }
    // IRSA911 says which container.
    if chain.ways.unseen().next().is_some() {
        return None;
    }
    if let Some(brought) = brought::instead(chain) {
        return Some(Reply::unknown(&format!(
            "ServiceAccount `{}` has no role, but {brought}, and irsa-audit cannot see what those credentials allow: `aws sts \
             get-caller-identity` in that container shows whose they are",
            quote(&chain.key.to_string())
        )));
    }
    let trusting: Vec<String> = chain
        .trusted_by
        .iter()
        .map(|(account, role)| format!("`{}` in account {}", quote(role), quote(account)))
        .collect();
    let hint = match trusting.first() {
        None => String::new(),
        Some(first) => {
            format!("; role {first} trusts it, and would be its role if the annotation named this role")
        }
    };
    let prefix = &chain.config.annotation_prefix;
    let why = format!(
        "ServiceAccount `{}` has no role: it has no annotation `{prefix}/role-arn`{hint}",
        quote(&chain.key.to_string()),
    );
    let unread = brought::unread_variables(chain);
    let unread = unread.map(|unread| {
        format!("\n{unread}, which may contain access keys and which irsa-audit does not read")
    });
    let unread = unread.unwrap_or_default();
    let steps = format!(
        "to give it a role, annotate it with `{prefix}/role-arn`, let the trust policy of that role admit it, and recreate its pods"
    );
    let remedy = format!(
        "# Which credentials its pods get instead:\n{NODE_ROLE}{unread}\n\n{}",
        to_do(&steps)
    );
    Some(Reply::no(&why, &remedy))
}

/// What pods without a credential path of their own get.
const NODE_ROLE: &str = "those of the node's role if pods can reach the instance metadata service of the node, else none; \
                         irsa-audit did not evaluate what the node's role may do";

/// By what the role is allowed to do it.
fn allowed(chain: &Chain<'_>) -> Option<Reply> {
    let role = &chain.aws.as_ref()?.arn;
    let arn = quote(&role.to_string());
    let all = expected(chain);
    let first = all.first()?;
    let seen = seen(chain, &[first]);
    let question = &first.question;
    let by = match &first.answer {
        PolicyAnswer::Allowed(place) => place.to_string(),
        PolicyAnswer::Free => {
            return Some(Reply::yes(&format!("as `{arn}`: it takes no permission")));
        }
        PolicyAnswer::Trusted(how) => {
            let same = same_role(role, question);
            return Some(Reply::yes(&format!("as `{arn}`: {how}{same}; {seen}")));
        }
        _ => return None,
    };
    if let Some(account) = elsewhere(role, question.action, question.resource) {
        return Some(Reply::unknown(&format!(
            "as `{arn}`, {by} allows it, but `{}` is in account {account}: its own policy must allow it as well, and irsa-audit did not see that policy",
            quote(question.resource)
        )));
    }
    if !question::is_chaining(question.action) {
        let instead = instead(question).map_or_else(String::new, |instead| format!("; {instead}"));
        return Some(Reply::yes(&format!("as `{arn}`, by {by}{instead}; {seen}")));
    }
    Some(match chaining::target(question.action, question.resource) {
        None => Reply::unknown(&format!(
            "as `{arn}`, {by} allows it, but the trust policy of each role must allow it as well: ask about one role, by its whole \
             ARN"
        )),
        Some(_) => Reply::yes(&format!(
            "as `{arn}`, by {by}{}; {seen}",
            same_role(role, question)
        )),
    })
}

/// That the role which is to be assumed is the one that the pods have.
fn same_role(role: &RoleArn, question: &PolicyQuestion<'_>) -> &'static str {
    if chaining::target(question.action, question.resource).as_ref() == Some(role) {
        "; it is the same role that the pods already have, so that the application need not assume it"
    } else {
        ""
    }
}

/// Expects this of the ServiceAccount, in place of what others expect, or waive.
fn expect(cluster: &mut Cluster, key: &BindingKey, asked: &AwsExpectation) {
    cluster.retain_requests(&[].into());
    let request = AuditRequest {
        name: key.service_account.to_string(),
        service_account: key.service_account.to_string(),
        aws: vec![asked.clone()],
        declared: true,
        from_command: true,
        ..AuditRequest::default()
    };
    cluster.put_request(&key.namespace, request);
}

/// Takes away all other ServiceAccounts, of whose roles nothing is asked.
fn leave_only(cluster: &mut Cluster, key: &BindingKey) {
    let own = cluster.binding(key).map_or(&[][..], Binding::pods);
    let pods = own
        .iter()
        .map(|pod| NamespacedName::new(pod.namespace.clone(), pod.name.clone()));
    let pods = pods.collect();
    cluster.retain_pods(&pods);
    cluster.retain_service_accounts(&[key.clone()].into());
}
