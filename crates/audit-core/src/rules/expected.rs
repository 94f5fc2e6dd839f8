//! From what is expected of a role to findings.

use std::borrow::Cow;

use super::holders;
use crate::chain::Chain;
use crate::fix::Fix;
use crate::fix::boundary::{self, Widened};
use crate::fix::permissions::{Grant, InlinePolicy, MissingPermission, by_hand};
use crate::model::aws::keeper;
use crate::model::{Observed, RoleKey, SimulatedDecision};
use crate::permissions::expectation::{admitted, request};
use crate::permissions::organization::not_seen;
use crate::permissions::resource::mismatch;
use crate::permissions::session::Session;
use crate::permissions::{
    Confirmation, DENIED_BY_SCP, Doubt, Expected, ExpectedRequest, Missed, NOT_SIMULATED, PolicyAnswer,
    PolicySet, PolicySource, RolePolicy, chaining, is_for_every_resource,
};
use crate::text::{quote, quote_list};
use iam_policy::Request;

/// The most questions that a message lists.
const SHOWN: usize = 3;

/// A question in words.
pub(crate) fn asked(question: &ExpectedRequest<'_>) -> String {
    match question.resource {
        "*" => match instead(question) {
            Some(instead) => format!("`{}` ({instead})", quote(question.action)),
            None => format!("`{}`", quote(question.action)),
        },
        resource => format!("`{}` on `{}`", quote(question.action), quote(resource)),
    }
}

/// That AWS checks an action on `*`, where a resource was named for it.
#[must_use]
pub fn instead(question: &ExpectedRequest<'_>) -> Option<String> {
    let named = question.named?;
    Some(format!(
        "this action has no resource of its own, so AWS checks it on `*`, never on `{}`",
        quote(named)
    ))
}

/// A message on some answers: the first few, then how many more there are, then what was not looked at by whom.
pub(crate) fn message<'e, 'a: 'e>(
    chain: &Chain<'_>,
    role: &str,
    answers: &'e [&'e Expected<'a>],
    what: impl Fn(&'e Expected<'a>) -> String,
) -> String {
    let shown: Vec<String> = answers.iter().take(SHOWN).map(|answer| what(answer)).collect();
    let more = match answers.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "role `{}`: {}{more}; {}",
        quote(role),
        shown.join("; "),
        seen(chain, answers)
    )
}

/// What was not looked at by whom.
#[must_use]
pub fn seen(chain: &Chain<'_>, answers: &[&Expected<'_>]) -> Cow<'static, str> {
    let mut said = answers.iter().map(|expected| match expected.simulated {
        Confirmation::Agrees(said) => Some(said.decision),
        _ => None,
    });
    if said
        .clone()
        .all(|said| said == Some(SimulatedDecision::DeniedByOrganization))
    {
        DENIED_BY_SCP.into()
    } else if said.all(|said| said.is_some()) {
        NOT_SIMULATED.into()
    } else {
        not_seen(chain.snapshot)
    }
}

/// The answers of one kind. One that IAM's policy simulator contradicts is proven no more.
pub(crate) fn of_kind<'e, 'a>(
    all: &'e [Expected<'a>],
    is_meant: impl Fn(&PolicyAnswer<'a>) -> bool,
) -> Vec<&'e Expected<'a>> {
    let is_proven = |expected: &&Expected<'a>| !matches!(expected.simulated, Confirmation::Contradicts(_));
    all.iter()
        .filter(is_proven)
        .filter(|expected| is_meant(&expected.answer))
        .collect()
}

/// A fix, followed by what a person has to do as well.
pub(crate) fn and_by_hand(fix: Fix, steps: &[String]) -> Fix {
    if steps.is_empty() {
        return fix;
    }
    fix.then(Some(Fix::manual(steps.join("; "))))
}

/// The statement of the role's identity policies that allows what is asked, but for its condition.
pub(crate) fn missed<'a>(chain: &Chain<'a>, question: &ExpectedRequest<'_>) -> Option<Missed<'a>> {
    let policies = admitted(chain)?.permissions.as_ref().ok()?;
    policies.missed(&as_request(chain, question)?)
}

/// The same of its permissions boundary.
pub(crate) fn missed_by_boundary<'a>(
    chain: &Chain<'a>,
    question: &ExpectedRequest<'_>,
) -> Option<Missed<'a>> {
    let policies = admitted(chain)?.permissions.as_ref().ok()?;
    policies.missed_by_boundary(&as_request(chain, question)?)
}

/// A question as the policies are asked, with what is expected of its context.
pub(crate) fn as_request(chain: &Chain<'_>, question: &ExpectedRequest<'_>) -> Option<Request> {
    let expectations = chain.request.map_or(&[][..], |request| &request.aws);
    let context = expectations
        .get(question.expectation)
        .map(|expectation| &expectation.context);
    let context = context.into_iter().flatten();
    Some(request(
        &Session::of(chain, &admitted(chain)?.arn),
        question.action,
        question.resource,
        context,
    ))
}

/// What lets a role do what it misses.
pub(crate) struct Granted {
    /// How.
    pub(crate) fix: Fix,
    /// The permissions boundary does not allow all of it either.
    pub(crate) is_outside: bool,
}

impl From<Fix> for Granted {
    fn from(fix: Fix) -> Self {
        Self {
            fix,
            is_outside: false,
        }
    }
}

/// An inline policy that allows what no policy allows, and where the permissions boundary does not allow that either, what is
/// missing there; proven to do so, by hand where that cannot be proven, and where the resource was not named, or is none of the action.
pub(crate) fn grant(chain: &Chain<'_>, missing: &[&ExpectedRequest<'_>]) -> Option<Granted> {
    let (named, by_hand) = to_name(chain, missing);
    if named.is_empty() && !by_hand.is_empty() {
        return Some(Fix::manual(by_hand.join("; ")).into());
    }
    grant_named(chain, &named).map(|granted| Granted {
        fix: and_by_hand(granted.fix, &by_hand),
        ..granted
    })
}

/// The questions that name what they are about, and for the others which resource has to be named before anything is granted: a
/// forgotten ARN must not become a grant on everything.
fn to_name<'q, 'e>(
    chain: &Chain<'_>,
    questions: &[&'q ExpectedRequest<'e>],
) -> (Vec<&'q ExpectedRequest<'e>>, Vec<String>) {
    let (mut named, mut steps) = (Vec::new(), Vec::new());
    for question in questions {
        match step_to_name(chain, question) {
            Some(step) => steps.push(step),
            None => named.push(*question),
        }
    }
    steps.dedup();
    (named, steps)
}

fn step_to_name(chain: &Chain<'_>, question: &ExpectedRequest<'_>) -> Option<String> {
    if let Some(doubt) = mismatch(question.action, question.resource) {
        return doubt.remedy().map(str::to_owned);
    }
    if !is_for_every_resource(question.action, question.resource) {
        return None;
    }
    let how = if chain.request.is_some_and(|request| request.from_command) {
        "ask again with the ARN of the resource"
    } else {
        "name its ARN in `resources` of `spec.expect.aws`"
    };
    Some(format!(
        "`{}` is an action on resources, and none was named: {how}. No command is given, because it would allow the action on every \
         resource",
        quote(question.action)
    ))
}

/// The same for what names its resources.
fn grant_named(chain: &Chain<'_>, missing: &[&ExpectedRequest<'_>]) -> Option<Granted> {
    let aws = admitted(chain)?;
    let name = aws.arn.name();
    if keeper(&aws.arn).is_some() {
        return Some(Granted::from(Fix::manual(format!(
            "AWS manages role `{}`, and IAM does not let anyone change its policies: create a separate role for this workload",
            quote(name)
        ))));
    }
    let policies = aws.permissions.as_ref().ok();
    let (lacking, inline) = (plain(missing), inline(policies));
    let grant = Grant::of(&lacking, &inline);
    if !grant.is_acceptable(&inline) {
        return Some(by_hand(name, &lacking).into());
    }
    let text = grant.document.to_string();
    let mut with_grant = policies.cloned().unwrap_or_default();
    // No policy of a role changes what its organization denies: the grant is proven within the account.
    with_grant.organization.clear();
    with_grant
        .identity
        .push(RolePolicy::new(PolicySource::Inline(&grant.name), &text));
    let after = answers_to(chain, &with_grant, missing);
    let allowed = |answer: &PolicyAnswer<'_>| match answer.own() {
        PolicyAnswer::Allowed(_) => true,
        // What is left is whether the role that is to be assumed admits this one: the rule says so.
        PolicyAnswer::Undetermined(doubts) => {
            doubts.iter().all(|doubt| matches!(doubt, Doubt::Target { .. }))
        }
        _ => false,
    };
    let outside = |answer: &PolicyAnswer<'_>| matches!(answer.own(), PolicyAnswer::OutsideBoundary(_));
    if !after.iter().all(|(_, answer)| allowed(answer) || outside(answer)) {
        return Some(by_hand(name, &lacking).into());
    }
    let blocked: Vec<&ExpectedRequest<'_>> = after
        .iter()
        .filter(|(_, answer)| outside(answer))
        .map(|(question, _)| *question)
        .collect();
    let next = (!blocked.is_empty()).then(|| widen(chain, &with_grant, &blocked));
    let fix = grant.fix(name).then(next.flatten());
    let fix = match holders::question(chain, aws) {
        Some(asks) => fix.ask_first(asks),
        None => fix,
    };
    Some(Granted {
        fix,
        is_outside: !blocked.is_empty(),
    })
}

/// A message, with what its fix has to ask first.
pub(crate) fn and_asks(message: String, fix: Option<&Fix>) -> String {
    match fix.and_then(|fix| fix.asks.as_deref()) {
        Some(asks) => format!("{message}. {asks}"),
        None => message,
    }
}

/// What is missing, as plain values.
fn plain<'a>(questions: &[&ExpectedRequest<'a>]) -> Vec<MissingPermission<'a>> {
    let missing = |question: &&ExpectedRequest<'a>| MissingPermission {
        action: question.action,
        resource: question.resource,
        expectation: question.expectation,
    };
    questions.iter().map(missing).collect()
}

/// The inline policies among a role's.
fn inline<'a>(policies: Option<&PolicySet<'a>>) -> Vec<InlinePolicy<'a>> {
    let all = policies.into_iter().flat_map(|policies| &policies.identity);
    all.filter_map(|policy| match policy.source {
        PolicySource::Inline(name) => Some(InlinePolicy {
            name,
            text: policy.text,
        }),
        PolicySource::Managed(_) | PolicySource::Organization(_) => None,
    })
    .collect()
}

/// The permissions boundary with what it misses of what these policies allow, proven to do so; by hand where that cannot be
/// proven.
pub(crate) fn widen(
    chain: &Chain<'_>,
    policies: &PolicySet<'_>,
    blocked: &[&ExpectedRequest<'_>],
) -> Option<Fix> {
    let aws = admitted(chain)?;
    let boundary = policies.boundary.as_ref()?;
    let PolicySource::Managed(arn) = boundary.source else {
        return None;
    };
    let (_, unnamed) = to_name(chain, blocked);
    if !unnamed.is_empty() {
        return Some(Fix::manual(unnamed.join("; ")));
    }
    if let Some(others) = others_with(chain, arn) {
        return Some(boundary::of_others(arn, aws.arn.name(), &others));
    }
    let Some(widened) = Widened::new(arn, boundary.text, &plain(blocked)) else {
        return Some(boundary::by_hand(arn));
    };
    let text = widened.text();
    let with_it = PolicySet {
        identity: policies.identity.clone(),
        boundary: Some(RolePolicy::new(boundary.source, &text)),
        ..PolicySet::default()
    };
    let after = answers_to(chain, &with_it, blocked);
    let is_proven = after
        .iter()
        .all(|(_, answer)| matches!(answer.own(), PolicyAnswer::Allowed(_) | PolicyAnswer::Trusted(_)));
    Some(if is_proven {
        let policy = chain.role_account()?.managed.get(arn).and_then(Observed::latest);
        let fix = widened.fix(&aws.arn, policy.and_then(|policy| policy.versions));
        match holders::question(chain, aws) {
            Some(asks) => fix.ask_first(asks),
            None => fix,
        }
    } else {
        boundary::by_hand(arn)
    })
}

/// Who else has a managed policy, as its boundary or attached: a change of the policy would reach them, too. As far as other roles
/// were seen, or IAM's counts of the policy were.
pub(crate) fn others_with(chain: &Chain<'_>, arn: &str) -> Option<String> {
    let (aws, account) = (admitted(chain)?, chain.role_account()?);
    // What AWS keeps, nobody else changes.
    if arn.split(':').nth(4) == Some("aws") {
        return None;
    }
    let others = |mut names: Vec<String>| {
        names.retain(|name| name != aws.arn.name());
        names
    };
    let limited = others(account.roles.having(RoleKey::Boundary(arn.to_owned())));
    let attached = others(account.policies.having(RoleKey::Attached(arn.to_owned())));
    let policy = account.managed.get(arn).and_then(Observed::latest);
    let counted = policy.and_then(|policy| policy.bounded).unwrap_or_default();
    let attachments = policy.and_then(|policy| policy.attachments).unwrap_or_default();
    let list = |names: &[String]| match names {
        [one] => format!("another role (`{}`) has", quote(one)),
        names => format!("{} other roles ({}) have", names.len(), quote_list(names, SHOWN)),
    };
    if !limited.is_empty() {
        Some(format!("{} the same permissions boundary", list(&limited)))
    } else if !attached.is_empty() {
        Some(format!("{} the same policy attached", list(&attached)))
    } else if counted > 1 {
        Some(format!(
            "it is the permissions boundary of {counted} roles and users"
        ))
    } else if attachments > 0 {
        let noun = if attachments == 1 {
            "role, user or group"
        } else {
            "roles, users and groups"
        };
        Some(format!("it is also attached to {attachments} {noun}"))
    } else {
        None
    }
}

/// The answers of some policies to questions that are expected to have one.
fn answers_to<'q, 'p>(
    chain: &Chain<'_>,
    policies: &PolicySet<'p>,
    questions: &'q [&'q ExpectedRequest<'q>],
) -> Vec<(&'q ExpectedRequest<'q>, PolicyAnswer<'p>)> {
    let Some(aws) = admitted(chain) else {
        return Vec::new();
    };
    questions
        .iter()
        .filter_map(|question| {
            let request = as_request(chain, question)?;
            Some((*question, chaining::ask(chain, &aws.arn, &request, policies)))
        })
        .collect()
}

/// What explains that no policy allows something: it is asked for on every resource, or a statement would allow it if a
/// variable in its resource had a value.
pub(crate) fn why_not(chain: &Chain<'_>, question: &ExpectedRequest<'_>) -> String {
    if is_for_every_resource(question.action, question.resource) {
        return " on every resource (no resource was named)".to_owned();
    }
    let policies = admitted(chain).and_then(|aws| aws.permissions.as_ref().ok());
    let found = policies
        .zip(as_request(chain, question))
        .and_then(|(policies, request)| policies.without_value(&request));
    found.map_or_else(String::new, |(place, key)| {
        format!(
            " ({place} names the resource with `${{{}}}`, which a role session does not have)",
            quote(&key)
        )
    })
}
