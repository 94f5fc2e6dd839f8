//! The audit: one pure function from observations to a report.

mod others;
mod repairing;
mod then;

use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::chain::{Chain, Gap, NamedRole, RoleChain, misplaced, trusting_roles};
use crate::check::{AccountEvidence, Check};
use crate::config::Config;
use crate::finding::{Finding, Link, Severity, WaivedUntil};
use crate::fix::Form;
use crate::model::{AuditRequest, BindingKey, DEFAULT_SERVICE_ACCOUNT, Observed, Workload, WorkloadRef};
use crate::paths::{CredentialPath, PathRole, Taker, Ways};
use crate::permissions::chaining;
use crate::rbac::PermissionDecision;
use crate::report::{
    ALL_LINKS_PASS, AccountReport, BindingFacts, BindingReport, ClusterReport, LinkState, PodSummary, Report,
};
use crate::rules;
use crate::shared::SharedAnswers;
use crate::snapshot::{AccountTrait, Binding, Origin, Snapshot};
use crate::verdict::{self, Expects, Verdict};

/// Whether anything shows that a ServiceAccount is, or should be, bound to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Something does.
    Yes,
    /// Nothing does.
    No,
    /// What could show it has not been seen.
    CannotTell,
}

/// Whether a ServiceAccount deserves an audit of its own accord.
#[must_use]
pub fn is_bound(snapshot: &Snapshot, config: &Config, key: &BindingKey, now: Timestamp) -> Bound {
    if config.excludes(key) {
        return Bound::No;
    }
    let Some(binding) = snapshot.cluster.binding(key) else {
        return Bound::No;
    };
    let prefix = &config.annotation_prefix;
    let asks = snapshot.cluster.asked(key, prefix).role.is_some();
    // Of a namespace with static pods, the `default` one is nobody's until something else runs as it.
    let may_ask = asks || snapshot.cluster.undecided_annotation(key).is_some();
    let annotated =
        (may_ask || misplaced(binding, prefix).is_some()) && !snapshot.cluster.has_only_mirrors(key);
    let mut active = binding.pods().iter().filter(|p| p.is_active()).peekable();
    let runs = active.peek().is_some() || snapshot.cluster.may_have_unseen_pods(binding);
    let carries = active.any(|pod| pod.carries_role() && !pod.is_template());
    if annotated
        || carries
        || is_named_in_vain(snapshot, key, binding)
        || (runs && !trusting_roles(snapshot, &key.subject()).is_empty())
    {
        return Bound::Yes;
    }
    let by_other_way = other_way(snapshot, config, key, now);
    if by_other_way == Bound::Yes {
        Bound::Yes
    } else if by_other_way == Bound::CannotTell
        || (runs
            && (snapshot.cluster.webhook_entries_unseen()
                || snapshot.accounts.any_having(AccountTrait::LacksListing)))
        || snapshot.cluster.consumers_unseen(key)
    {
        Bound::CannotTell
    } else {
        Bound::No
    }
}

/// Whether something gets credentials as a ServiceAccount, or should, that needs neither its annotation nor the webhook. A config file
/// that nobody has read may lead to credentials that are none of the ServiceAccount's.
fn other_way(snapshot: &Snapshot, config: &Config, key: &BindingKey, now: Timestamp) -> Bound {
    let mut consumers = snapshot.cluster.consumers(key);
    let is_missing = snapshot
        .cluster
        .binding(key)
        .is_none_or(|binding| binding.service_account().is_none());
    if consumers.any(|consumer| consumer.is_certain && (consumer.requests() || is_missing)) {
        return Bound::Yes;
    }
    let ways = Ways::find(snapshot, config, now, key);
    let others = [
        CredentialPath::Own,
        CredentialPath::PodIdentity,
        CredentialPath::Requested,
    ];
    let shown = others.into_iter().flat_map(|path| ways.by(path)).map(|way| {
        let is_doubtful = way.role == PathRole::Unseen && way.audience.is_none();
        match way.taker {
            Taker::Container(_, container) if is_doubtful && container.depends_on_unread_config() => {
                Bound::CannotTell
            }
            _ => Bound::Yes,
        }
    });
    shown
        .reduce(|one, other| if one == Bound::Yes { one } else { other })
        .unwrap_or(Bound::No)
}

/// Whether a workload without pods names a ServiceAccount that is not there: it may well be why it has none. Among objects
/// that are not the whole cluster, every namespace has a `default` one all the same.
fn is_named_in_vain(snapshot: &Snapshot, key: &BindingKey, binding: &Binding) -> bool {
    let goes_without_saying = snapshot.cluster.is_partial() && key.service_account == DEFAULT_SERVICE_ACCOUNT;
    binding.service_account().is_none()
        && !goes_without_saying
        && binding.pods().iter().any(|pod| pod.is_template())
}

/// Audits every binding of a snapshot: those that something shows, and those that somebody asked for; without those that
/// the configuration excludes or an `IrsaAudit` suspends.
#[must_use]
pub fn audit(snapshot: &Snapshot, config: &Config, now: Timestamp) -> Report {
    let shared = SharedAnswers::default();
    let bindings = snapshot
        .cluster
        .bindings()
        .filter(|(key, binding)| {
            let asked = binding.requests().iter().any(|r| r.declared);
            !config.excludes(key)
                && !is_suspended(binding)
                && (asked || is_bound(snapshot, config, key, now) == Bound::Yes)
        })
        .map(|(key, _)| {
            let mut chain = Chain::derive(snapshot, config, key, now);
            chain.shared = Some(&shared);
            report(&chain)
        })
        .collect();
    Report {
        bindings,
        cluster: audit_cluster(snapshot, config, now),
    }
}

/// Audits one binding.
#[must_use]
pub fn audit_binding(
    snapshot: &Snapshot,
    config: &Config,
    key: &BindingKey,
    now: Timestamp,
) -> BindingReport {
    report(&Chain::derive(snapshot, config, key, now))
}

/// What the rules say of a chain.
#[must_use]
pub fn report(chain: &Chain<'_>) -> BindingReport {
    let mut findings = judge_way(chain);
    let others = others::along_others(chain);
    let valid_until = valid_until_along(chain, &others);
    let own = findings.len();
    for other in &others {
        let said = other.said(chain, &findings);
        findings.extend(said);
    }
    let expects = expects(chain);
    let verdict = verdict::verdict(&findings, expects);
    let pending = is_pending(chain);
    let (then, then_until) = if verdict == Verdict::Broken && !pending {
        let after = then::after_fixes(chain, findings.get(..own).unwrap_or_default(), &others);
        (after.then, after.valid_until)
    } else {
        (Vec::new(), None)
    };
    if let Some(own) = findings.get_mut(..own) {
        others::name_taker(chain, own);
    }
    findings.sort_by_key(|f| (f.link, f.entry.code));
    let deciding = verdict::deciding(&findings, verdict, expects);
    let index = deciding.and_then(|deciding| findings.iter().position(|f| std::ptr::eq(f, deciding)));
    let mut report = BindingReport {
        key: chain.key.clone(),
        verdict,
        reason: deciding.map_or(ALL_LINKS_PASS, |f| f.entry.reason),
        message: deciding.map_or_else(|| passing_message(chain, &findings), |f| f.message.clone()),
        links: links(chain, &findings, expects),
        facts: facts(chain),
        pods: pods(chain),
        pending,
        valid_until: valid_until.into_iter().chain(then_until).min(),
        deciding: index,
        findings,
        then,
    };
    // What fixes do was of use to the audit only, and holds whole trust policies.
    let findings = report.findings.iter_mut().chain(&mut report.then);
    for fix in findings.filter_map(|finding| finding.fix.as_mut()) {
        fix.forget_repairs();
    }
    report
}

/// A binding along one of its ways, and what the rules say of it there.
#[derive(Debug)]
pub struct WayFindings<'a> {
    /// The binding, as if this way decided.
    pub chain: Chain<'a>,
    /// What the rules find, in chain order.
    pub findings: Vec<Finding>,
}

/// A binding along each way that leads to a role of its own, or with a token for another audience: first the one that decides.
#[must_use]
pub fn along_ways(chain: Chain<'_>) -> Vec<WayFindings<'_>> {
    let role = |chain: &Chain<'_>| {
        chain
            .aws
            .as_ref()
            .map(|aws| (aws.arn.to_string(), aws.audience.clone()))
    };
    let besides = chain.deciding.iter().flat_map(|way| chain.ways.besides(way));
    let mut others: Vec<Chain<'_>> = besides.map(|way| chain.along(way)).collect();
    others.retain(|other| role(other) != role(&chain));
    let all = std::iter::once(chain).chain(others);
    all.map(|chain| WayFindings {
        findings: judge_way(&chain),
        chain,
    })
    .collect()
}

/// What the rules say of a binding by the way that decides, in chain order, weighed as the configuration and waivers would have it.
fn judge_way(chain: &Chain<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = checks()
        .filter_map(|check| match check {
            Check::Binding(check) => check(chain),
            Check::Account(_) | Check::Cluster(_) => None,
        })
        .collect();
    let is_elsewhere = chain.issuer.is_some_and(|issuer| !issuer.url.is_of_eks());
    for finding in &mut findings {
        rules::irsa919::doubt(chain, finding);
        rules::irsa920::doubt(chain, finding);
        if let Some(severity) = override_of(finding, chain.config) {
            finding.severity = severity;
        }
        finding.waived = waiver(finding, chain);
        if let Some(why) = void_waiver(finding, chain) {
            finding.message.push_str(&why);
        }
        // eksctl knows no other clusters.
        if let (Some(fix), true) = (&mut finding.fix, is_elsewhere) {
            fix.leave_out(Form::Eksctl);
        }
    }
    findings.sort_by_key(|f| (f.link, f.entry.code));
    findings
}

fn expects(chain: &Chain<'_>) -> Expects {
    Expects {
        aws: chain.request.is_some_and(AuditRequest::expects_aws),
        kubernetes: chain.request.is_some_and(AuditRequest::expects_kubernetes),
    }
}

/// The verdict on a binding once every fix that its report gives was carried out.
#[must_use]
pub fn verdict_after_fixes(
    snapshot: &Snapshot,
    config: &Config,
    key: &BindingKey,
    now: Timestamp,
) -> Verdict {
    let chain = Chain::derive(snapshot, config, key, now);
    let findings = judge_way(&chain);
    then::after_fixes(&chain, &findings, &others::along_others(&chain)).verdict
}

/// The severity that the configuration gives a finding: never to or from *unknown*, which is about sight, not taste.
fn override_of(finding: &Finding, config: &Config) -> Option<Severity> {
    let severity = *config.severities.get(finding.entry.code)?;
    (finding.severity != Severity::Unknown && severity != Severity::Unknown).then_some(severity)
}

/// The waiver that stands for a finding, of several the longest.
fn waiver(finding: &Finding, chain: &Chain<'_>) -> Option<WaivedUntil> {
    if !chain.config.may_waive(finding.entry.code) {
        return None;
    }
    let waivers = chain.request.map_or(&[][..], |r| &r.waivers);
    let standing = waivers
        .iter()
        .filter(|w| w.code == finding.entry.code && w.until.is_none_or(|end| end > chain.now));
    let longest = standing.max_by_key(|w| w.until.unwrap_or(Timestamp::MAX))?;
    Some(longest.until.map_or(WaivedUntil::Revoked, WaivedUntil::Time))
}

/// Why a waiver that somebody wrote for a finding does not count.
fn void_waiver(finding: &Finding, chain: &Chain<'_>) -> Option<String> {
    let code = finding.entry.code;
    let waivers = chain.request.map_or(&[][..], |r| &r.waivers);
    let last = waivers
        .iter()
        .filter(|w| w.code == code)
        .map(|w| w.until.unwrap_or(Timestamp::MAX))
        .max()?;
    match finding.waived {
        Some(_) => None,
        None if !chain.config.may_waive(code) => Some(format!(
            "; its waiver does not count: no `IrsaAuditPolicy` allows a waiver of {code}"
        )),
        None => Some(format!("; its waiver ended at {last}")),
    }
}

fn passing_message(chain: &Chain<'_>, findings: &[Finding]) -> String {
    let way = [Link::Role, Link::Provider, Link::Trust];
    let codes: Vec<&str> = findings.iter().map(|f| f.entry.code).collect();
    match &chain.aws {
        Some(aws) if way.iter().all(|link| stands(chain, *link)) => {
            format!(
                "`{}` can assume `{}`{}",
                crate::text::quote(&chain.subject),
                aws.arn,
                by_path(chain)
            )
        }
        _ if !codes.is_empty() => format!("no finding that affects the verdict: {}", codes.join(", ")),
        _ if chain.uses_pod_identity => "the pods get their credentials from EKS Pod Identity".to_owned(),
        _ => "nothing here uses or expects an IAM role".to_owned(),
    }
}

/// What a message adds for a path other than the webhook's.
fn by_path(chain: &Chain<'_>) -> String {
    let Some(path) = chain.path.filter(|path| !path.has_webhook()) else {
        return String::new();
    };
    let taker = chain.deciding.map(|way| way.taker.shown()).unwrap_or_default();
    let then = chain.deciding.map_or(&[][..], |way| way.then);
    let next = match then.last() {
        Some(next) => format!(", and then role `{}`", crate::text::quote(&next.role)),
        None => String::new(),
    };
    match path {
        CredentialPath::Own => format!(", with the token that {taker} itself provides{next}"),
        CredentialPath::Requested => format!(", with the token that a controller requests for {taker}{next}"),
        _ => String::new(),
    }
}

/// How each link stands: broken before unseen. What was not looked at, because an earlier link does not stand, was not reached; where
/// that earlier link is accepted as it is, nothing is asked of the later one.
fn links(chain: &Chain<'_>, findings: &[Finding], expects: Expects) -> [(Link, LinkState); 7] {
    let mut is_blocked = false;
    Link::ALL.map(|link| {
        let own = || findings.iter().filter(move |f| f.link == link);
        let counting = |severity| own().filter(move |f| f.counts() && f.severity == severity);
        let waived = || own().any(|f| !f.counts() && f.severity >= Severity::Unknown);
        let unseen = || counting(Severity::Unknown).find(|f| verdict::unknown_decides(f, expects));
        let state = if let Some(broken) = counting(Severity::Broken).next() {
            LinkState::Broken(broken.entry.reason)
        } else if let Some(unseen) = unseen() {
            LinkState::Unseen(unseen.entry.reason)
        } else if counting(Severity::Unknown).next().is_some() {
            LinkState::NotExpected
        } else if !applies(chain, findings, link) || waived() {
            LinkState::NotApplicable
        } else if stands(chain, link) {
            LinkState::Passes
        } else if own().next().is_some() || (!is_blocked && is_accepted(findings, link)) {
            // What is wrong here, or before, was made to weigh less by the configuration.
            LinkState::NotApplicable
        } else {
            LinkState::NotReached
        };
        is_blocked |= matches!(state, LinkState::Broken(_) | LinkState::Unseen(_));
        (link, state)
    })
}

/// Whether what keeps a link from being reached is accepted: a finding before it that is waived, or was made to weigh less.
fn is_accepted(findings: &[Finding], link: Link) -> bool {
    let before = findings.iter().filter(|f| f.link < link);
    before
        .into_iter()
        .any(|f| f.entry.severity >= Severity::Unknown || !f.counts())
}

/// Whether a link has anything to say of the binding.
fn applies(chain: &Chain<'_>, findings: &[Finding], link: Link) -> bool {
    let stops_there = || {
        findings
            .iter()
            .any(|f| f.link == Link::ServiceAccount && f.severity >= Severity::Unknown && f.counts())
    };
    match link {
        Link::Rbac => chain.request.is_some_and(AuditRequest::expects_kubernetes),
        Link::ServiceAccount => chain.aws_applies(),
        // Without an annotation nothing leads any further, whether or not there should be one.
        _ => (chain.aws_applies() && chain.named_role != NamedRole::Missing) || stops_there(),
    }
}

/// Whether the evidence shows that a link does its part.
fn stands(chain: &Chain<'_>, link: Link) -> bool {
    let past_role = chain.past_role();
    match link {
        Link::ServiceAccount => {
            chain.service_account.is_some() && !matches!(chain.named_role, NamedRole::Malformed(..))
        }
        Link::Pods => matches!(chain.named_role, NamedRole::Role(_)),
        Link::Role => past_role.is_some(),
        Link::Provider => past_role.is_some_and(RoleChain::provider_accepts),
        Link::Trust => past_role.is_some_and(RoleChain::trust_admits),
        Link::Permissions => past_role.is_some_and(|aws| {
            let is_asked = chain.request.is_some_and(AuditRequest::expects_aws);
            aws.trust_admits() && aws.policies.is_ok() && (aws.permissions.is_ok() || !is_asked)
        }),
        Link::Rbac => chain
            .permissions
            .iter()
            .all(|answer| answer.decision == PermissionDecision::Allowed),
    }
}

fn facts(chain: &Chain<'_>) -> BindingFacts {
    let role = match &chain.named_role {
        NamedRole::Role(arn) => Some(arn),
        _ => None,
    };
    BindingFacts {
        path: chain.path,
        other_paths: chain
            .ways
            .paths()
            .into_iter()
            .filter(|path| Some(*path) != chain.path)
            .collect(),
        role_arn: match &chain.named_role {
            NamedRole::Role(arn) => Some(arn.to_string()),
            NamedRole::Malformed(text, _) => Some(crate::text::quote(text)),
            NamedRole::Missing => None,
        },
        account: role.map(|arn| arn.account().to_owned()),
        issuer: chain.issuer.map(|i| i.url.as_str().to_owned()),
        provider_arn: chain.aws.as_ref().and_then(|aws| aws.provider_arn.clone()),
        subject: crate::text::reveal(&chain.subject),
        audience: role
            .filter(|_| !chain.audience_is_unknown)
            .map(|_| crate::text::reveal(chain.audience)),
    }
}

fn pods(chain: &Chain<'_>) -> PodSummary {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let stale = rules::pods::stale(chain);
    let missing = rules::pods::missing(chain);
    let mut workloads: Vec<_> = stale
        .iter()
        .chain(missing)
        .map(|pod| Workload::clone(&pod.workload))
        .collect();
    workloads.sort();
    workloads.dedup();
    PodSummary {
        total: count(chain.pods.len()),
        ready: count(chain.pods.iter().filter(|p| p.ready).count()),
        stale: count(stale.len()),
        missing: count(missing.len()),
        workloads,
    }
}

/// Whether an answer is on its way that may change the report: on the annotation's role, or on whether one that a pod
/// carries is given.
fn is_pending(chain: &Chain<'_>) -> bool {
    let waits = |gaps: Vec<(Link, &Gap)>, last: Link| {
        gaps.into_iter()
            .any(|(link, gap)| link <= last && *gap == Gap::Pending)
    };
    waits(rules::evidence::gaps(chain), Link::Permissions)
        || is_provider_list_pending(chain)
        || is_quota_pending(chain)
        || is_target_pending(chain)
        || is_lookup_pending(chain)
        || chain.other_roles().any(|arn| {
            let other = chain.for_role(arn.clone(), chain.audience);
            let gaps = rules::evidence::gaps_of(&other, chain.issuer.is_some());
            waits(gaps, Link::Provider)
        })
}

/// Whether the list of the account's providers is on its way, which says whether one comes near to that which is absent.
fn is_provider_list_pending(chain: &Chain<'_>) -> bool {
    let is_absent = chain
        .past_role()
        .is_some_and(|aws| matches!(aws.provider, Ok(None)));
    is_absent
        && chain.snapshot.origin == Origin::Live
        && chain
            .role_account()
            .is_some_and(|account| account.provider_urls.is_pending())
}

/// Whether the quota of trust policies is on its way, which is asked for where one is long.
fn is_quota_pending(chain: &Chain<'_>) -> bool {
    let role = chain.past_role().and_then(RoleChain::found);
    chain.snapshot.origin == Origin::Live
        && role.is_some_and(|role| role.may_be_near_quota())
        && chain
            .role_account()
            .is_some_and(|account| account.trust_quota.is_pending())
}

/// Whether an expected workload without pods is being looked up.
fn is_lookup_pending(chain: &Chain<'_>) -> bool {
    let cluster = &chain.snapshot.cluster;
    let is_pending = |workload: &WorkloadRef| {
        !cluster.has_pods_of(&chain.key.namespace, workload)
            && cluster.looked_up(chain.key, workload).is_none()
    };
    let expected = chain.request.map_or(&[][..], |request| &request.workloads);
    chain.snapshot.origin == Origin::Live && expected.iter().any(is_pending)
}

/// Whether a role that it is expected to assume is on its way: its trust policy has its say.
fn is_target_pending(chain: &Chain<'_>) -> bool {
    let admits = chain.past_role().is_some_and(RoleChain::trust_admits);
    admits
        && next_roles(chain)
            .into_iter()
            .any(|arn| matches!(chain.for_role(arn, chain.audience).role, Err(Gap::Pending)))
}

/// The roles that are to be assumed next: those that the ways lead on to, and those of what is expected.
fn next_roles(chain: &Chain<'_>) -> Vec<RoleArn> {
    let expectations = chain.request.map_or(&[][..], |request| &request.aws);
    let mut next = chain.ways.next_roles();
    next.extend(chaining::targets(expectations));
    next
}

/// The next time at which the report may change by itself: at which what is said along one of the ways may.
fn valid_until_along(chain: &Chain<'_>, others: &[others::Other<'_>]) -> Option<Timestamp> {
    let others = others.iter().filter_map(|other| valid_until(&other.chain));
    others.chain(valid_until(chain)).min()
}

/// The next time at which what is said along the way that decides may change by itself.
fn valid_until(chain: &Chain<'_>) -> Option<Timestamp> {
    let waivers = chain.request.map_or(&[][..], |r| &r.waivers);
    let ends = waivers
        .iter()
        .filter_map(|w| w.until)
        .filter(|until| *until > chain.now);
    let next = next_roles(chain);
    ends.chain(chain.stale_at(&next))
        .chain(rules::irsa410::changes_at(chain))
        .chain(rules::irsa507::changes_at(chain))
        .chain(chain.next_turn(&next))
        .min()
}

/// All checks of all rules.
fn checks() -> impl Iterator<Item = &'static Check> {
    rules::CATALOGUE.iter().flat_map(|rule| rule.checks)
}

/// Audits what concerns no single binding.
#[must_use]
pub fn audit_cluster(snapshot: &Snapshot, config: &Config, now: Timestamp) -> ClusterReport {
    let mut report = ClusterReport {
        issuer: snapshot.issuer.clone(),
        ..ClusterReport::default()
    };
    let accounts: Vec<AccountEvidence<'_>> = snapshot
        .accounts
        .iter()
        .map(|(id, account)| AccountEvidence::of(snapshot, config, now, id, account))
        .collect();
    for check in checks() {
        match check {
            Check::Binding(_) => {}
            Check::Account(check) => report.findings.extend(accounts.iter().flat_map(check)),
            Check::Cluster(check) => report.findings.extend(check(snapshot, config, now)),
        }
    }
    for AccountEvidence {
        id,
        account,
        failures,
        ..
    } in accounts
    {
        let seen = account.roles.values().filter_map(Observed::observed_at);
        report.accounts.push(AccountReport {
            account: id.to_owned(),
            provider_arn: account
                .provider
                .latest()
                .and_then(|p| p.as_ref().map(|p| p.arn.clone())),
            provider_seen: account.provider.value.is_some(),
            failures: failures.into_iter().map(|f| f.kind.clone()).collect(),
            oldest_evidence: seen.chain(account.provider.observed_at()).min(),
        });
    }
    report.findings.sort_by_key(|f| f.entry.code);
    report
}

/// Whether a ServiceAccount's audit request asks for a rest.
#[must_use]
pub fn is_suspended(binding: &Binding) -> bool {
    binding.request().is_some_and(|request| request.suspend)
}

#[cfg(test)]
#[path = "../tests/unit/audit.rs"]
mod tests;
