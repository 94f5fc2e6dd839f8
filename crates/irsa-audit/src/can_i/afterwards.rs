//! What has to be repaired after the first broken link, which hides those behind it.

use audit_core::audit::{WayFindings, report, verdict_after_fixes};
use audit_core::finding::Link;
use audit_core::permissions::question;
use audit_core::rules::brought;
use audit_core::text::quote;
use audit_core::verdict::Verdict;
use audit_core::{Finding, Severity};
use iam_policy::RoleArn;

/// What follows the repair of the first broken link.
#[derive(Debug)]
pub(super) struct Afterwards {
    /// What else is broken, in the order in which it shows.
    pub findings: Vec<Finding>,
    /// What is not known to be enough once all of this is repaired; absent where that was evaluated to lead to a yes.
    pub open: Option<String>,
}

impl Afterwards {
    /// Goes on from the first broken link of a way, with the repairs in memory. `is_only` says that no other way is taken.
    pub fn of(way: &WayFindings<'_>, first: &Finding, is_only: bool) -> Self {
        let WayFindings { chain, findings } = way;
        let beside = findings
            .iter()
            .filter(|finding| is_broken(finding) && !std::ptr::eq(*finding, first));
        let mut all: Vec<Finding> = beside.cloned().collect();
        let then = report(chain).then.into_iter();
        // Of other ways, there is an answer of its own.
        all.extend(then.filter(|finding| is_broken(finding) && (is_only || finding.about.is_none())));
        let open = open(way, all.last().unwrap_or(first), is_only);
        Self { findings: all, open }
    }
}

/// Whether a finding refuses what is asked. Pods that run now are not the ServiceAccount: new ones may do what they cannot.
pub(super) fn decides(link: Link) -> bool {
    link != Link::Pods && link != Link::Rbac
}

/// The account of a resource that is in a different one from the role. Access across accounts takes the resource's own policy as well
/// (IAM User Guide, "Cross-account policy evaluation logic"). Of another role that is its trust policy, which is looked at.
pub(super) fn elsewhere<'a>(role: &RoleArn, action: &str, resource: &'a str) -> Option<&'a str> {
    let account = resource.split(':').nth(4)?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_other = is_account && account != role.account() && !question::is_chaining(action);
    is_other.then_some(account)
}

fn is_broken(finding: &Finding) -> bool {
    finding.counts() && finding.severity == Severity::Broken && decides(finding.link)
}

/// What is not evaluated, of the chain with all repairs whose last finding this is.
fn open(way: &WayFindings<'_>, last: &Finding, is_only: bool) -> Option<String> {
    let chain = &way.chain;
    let asked = chain.request.and_then(|request| request.aws.first());
    let role = chain.aws.as_ref().map(|aws| &aws.arn);
    let place = asked.zip(role).and_then(|(asked, role)| {
        let (action, resource) = (asked.actions.first()?, asked.resources.first()?);
        Some((resource, elsewhere(role, action, resource)?))
    });
    if let Some((resource, account)) = place {
        return Some(format!(
            "the policy of {} in account {account} must allow it as well, and irsa-audit did not see that policy",
            quote(resource)
        ));
    }
    if let Some(brought) = brought::before_the_role(chain) {
        return Some(format!(
            "{brought}, which every SDK except the one for .NET uses before the role's credentials"
        ));
    }
    // The permissions are the last link, and their rules evaluate what they propose before they show it.
    let is_evaluated = last.link == Link::Permissions
        || (is_only
            && matches!(
                verdict_after_fixes(chain.snapshot, chain.config, chain.key, chain.now),
                Verdict::Working | Verdict::AtRisk
            ));
    (!is_evaluated || last.fix.is_none())
        .then(|| "ask again, since more may be missing: what follows could not be evaluated yet".to_owned())
}
