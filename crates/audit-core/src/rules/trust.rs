//! From the diagnosis of a trust policy to findings.

use iam_policy::{
    Cause, CauseKind, Change, ChangeKind, Decision, Edit, ExposureKind, Guard, WebIdentity, diagnose_trust,
    guards, least_edit,
};

use super::{meant, repair};
use crate::chain::{Chain, RoleChain};
use crate::finding::{Entry, Finding};
use crate::fix::Repaired;
use crate::fix::{self, Fix, shell};
use crate::model::aws::{self, Role};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::permissions::clause;
use crate::snapshot::AskedIn;
use crate::text::{ascii_json, quote, reveal};

/// The finding of `entry` if the trust policy denies for exactly this cause; `explain` makes the message's core.
///
/// It carries the least edit that was proven to admit the request. Where there is none, the rule adds what to do.
pub(crate) fn denied(
    chain: &Chain<'_>,
    kind: CauseKind,
    entry: &'static Entry,
    explain: impl Fn(&Cause) -> String,
) -> Option<Finding> {
    let aws = chain.past_role()?;
    let cause = aws
        .trust
        .as_ref()?
        .cause
        .as_ref()
        .filter(|cause| cause.kind == kind)?;
    let role = aws.found()?;
    let place = cause
        .statement
        .map_or_else(String::new, |at| format!(", {}", statement(role, at)));
    // Beside a statement that explains a refusal, others were tried; a Deny speaks for itself.
    let others = match (kind, cause.others_tried) {
        (CauseKind::ExplicitDeny | CauseKind::ConditionUndetermined, _) | (_, 0) => String::new(),
        (_, 1) => "; one other statement does not match either".to_owned(),
        (_, n) => format!("; {n} other statements do not match either"),
    };
    let denied = match cause.also_denied_by {
        // By its number alone: its name is no part of the clause that failed.
        Some(at) => format!("; statement {} also denies the request, or may deny it", at + 1),
        None => String::new(),
    };
    // With an invalid document, or a Deny, nothing is granted by the fix either.
    let asks = match kind {
        CauseKind::TrustPolicyInvalid | CauseKind::ExplicitDeny | CauseKind::ConditionUndetermined => None,
        _ => meant::question(chain, aws, role, cause, &left_out(chain, aws, role)),
    };
    let core = format!(
        "trust policy of role `{}`{place}: {}{others}{denied}",
        quote(role.arn.name()),
        explain(cause)
    );
    // What the webhook would inject admits the ServiceAccount by now: nobody has to be let in.
    if let Some(other) = repair::better_left_to_webhook(chain) {
        let message = format!("{core}; {}", overrides(&other));
        return Some(Finding::new(entry, message).fix(other.fix));
    }
    let message = asks
        .as_ref()
        .map_or_else(|| core.clone(), |asks| format!("{core}. {asks}"));
    let fix = edit(chain, aws, role).map(|fix| match asks {
        Some(asks) => fix.ask_first(asks),
        None => fix,
    });
    Some(Finding::new(entry, message).fix(fix))
}

/// The conditions that an edit cannot keep, since this request does not meet them: in words, safe to show.
fn left_out(chain: &Chain<'_>, aws: &RoleChain<'_>, role: &Role) -> Vec<String> {
    let parsed = role.trust();
    let all = parsed
        .document
        .as_ref()
        .zip(identity(chain, aws))
        .and_then(|(document, identity)| guards(document, &identity));
    let all = all.map(|guards| guards.left_out).unwrap_or_default();
    let words = |guard: &Guard| {
        let ended = if has_ended(Some(&guard.operator), Some(&guard.key)) {
            ", so the time that it allows has ended"
        } else {
            ""
        };
        format!(
            "{}, but {}{ended}",
            demand_of(&guard.operator, &guard.key, &guard.wanted),
            found_of(&guard.key, &guard.got)
        )
    };
    all.iter().map(words).collect()
}

/// Whether a condition that is not met is the end of a time window.
pub(crate) fn has_ended(operator: Option<&str>, key: Option<&str>) -> bool {
    let is_an_end = |operator: &str| {
        let (_, test) = operator.split_once(':').unwrap_or(("", operator));
        test.starts_with("DateLessThan") || test.starts_with("NumericLessThan")
    };
    operator.is_some_and(is_an_end) && key.is_some_and(clause::is_time)
}

/// Why a different role from this one is intended.
pub(crate) fn overrides(other: &repair::Overridden) -> String {
    format!(
        "{} gets this role from `AWS_ROLE_ARN` in its pod template; the webhook would inject role `{}`, which admits this ServiceAccount",
        other.containers, other.role
    )
}

/// The finding of `entry` for a condition that nobody's edit in place, nor a new statement, can put right: how to do it
/// by hand.
pub(crate) fn or_by_hand(chain: &Chain<'_>, finding: Finding) -> Finding {
    if finding.fix.is_some() {
        return finding;
    }
    let Some((aws, issuer)) = chain.past_role().zip(chain.issuer) else {
        return finding;
    };
    let host_path = issuer.url.host_path();
    let fix = Fix::manual(format!(
        "add a statement to the trust policy of role `{}` that allows `sts:AssumeRoleWithWebIdentity` for the provider `{}`, under the \
         StringEquals conditions that `{host_path}:sub` is `{}` and `{host_path}:aud` is `{}`, and check that no Deny applies to it",
        quote(aws.arn.name()),
        quote(aws.provider_arn.as_deref().unwrap_or_default()),
        reveal(&chain.subject),
        reveal(chain.audience)
    ));
    finding.fix(fix.repairs(Repaired::Role))
}

/// The least edit of the trust policy that was proven to admit the request, and nothing else; or why there is none.
fn edit(chain: &Chain<'_>, aws: &RoleChain<'_>, role: &Role) -> Option<Fix> {
    if let Some(keeper) = aws::keeper(&role.arn) {
        return Some(kept(chain, role, keeper));
    }
    if let Some(expected) = expects_another(chain, role) {
        return Some(expected);
    }
    // An audience or a name that a terminal would not show is put right where it stands, not let in.
    if ![chain.audience, &chain.subject]
        .into_iter()
        .all(shell::is_pasteable)
    {
        return None;
    }
    let mut identity = identity(chain, aws)?;
    if identity.audience.is_empty() {
        // IRSA303 has the empty annotation taken away.
        let default = chain.default_audience.unwrap_or(DEFAULT_AUDIENCE);
        default.clone_into(&mut identity.audience);
    }
    let edit = least_edit(&role.trust_text, &identity)?;
    printed(chain, role, &role.trust_text, &edit, &identity)
}

/// A proven edit of a role's trust policy `text`, in every form that is asked for; by hand where IAM would refuse it.
pub(crate) fn printed(
    chain: &Chain<'_>,
    role: &Role,
    text: &str,
    edit: &Edit,
    identity: &WebIdentity,
) -> Option<Fix> {
    if let Some(keeper) = aws::keeper(&role.arn) {
        return Some(kept(chain, role, keeper));
    }
    if let Some(too_long) = too_long(chain, role, edit) {
        return Some(too_long);
    }
    let name = role.arn.name();
    let brief = format!(
        "edit the trust policy of role `{}`: {}{}",
        quote(name),
        describe(role, &edit.changes),
        stays(text, edit, identity)
    );
    let old = serde_json::from_str(text).ok()?;
    let fix = fix::trust::edit_in_place(name, &old, edit, identity, brief)?;
    let fix = fix.repairs(Repaired::TrustPolicy(edit.text.as_str().into()));
    Some(if chain.config.all_forms {
        fix.or_else(fix::trust::other_forms(name, text, edit, identity))
    } else {
        fix
    })
}

/// Why there is no edit of a role that the binding is not expected to have: IRSA107 names the other one.
fn expects_another(chain: &Chain<'_>, role: &Role) -> Option<Fix> {
    let request = chain.request?;
    let expected = request.role_arn.as_deref()?;
    (expected != role.arn.as_str()).then(|| {
        Fix::manual(format!(
            "no fix is proposed for role `{}`, because IrsaAudit `{}` expects role `{}`. Repair IRSA107 first",
            quote(role.arn.name()),
            quote(&request.name),
            quote(expected)
        ))
    })
}

/// Why there is no edit of a role that AWS manages, and what to do.
fn kept(chain: &Chain<'_>, role: &Role, keeper: aws::Keeper) -> Fix {
    let why = match keeper {
        aws::Keeper::Service => {
            "is a service-linked role: an AWS service manages its trust policy, and IAM does not let anyone edit it"
        }
        aws::Keeper::IdentityCenter => {
            "belongs to IAM Identity Center, which manages its trust policy: IAM does not let anyone edit it"
        }
    };
    Fix::manual(format!(
        "role `{}` {why}. Create a separate role for this workload, and set {} to its ARN",
        quote(role.arn.name()),
        role_of_account(chain)
    ))
}

/// Where the role is named.
fn role_of_account(chain: &Chain<'_>) -> String {
    match chain.source {
        AskedIn::Annotation => format!(
            "the annotation `{}/role-arn` of ServiceAccount `{}`",
            chain.config.annotation_prefix,
            quote(&chain.key.to_string())
        ),
        _ => repair::where_it_stands(chain, "role-arn"),
    }
}

/// What to do where the edited document does not fit into the account's quota. Where the quota is not known, the least that AWS
/// grants counts, or the most if the document is longer than that already.
fn too_long(chain: &Chain<'_>, role: &Role, edit: &Edit) -> Option<Fix> {
    let known = chain
        .role_account()
        .and_then(|account| account.trust_quota.latest().copied());
    let now = role.trust_size();
    let assumed = if now > aws::DEFAULT_TRUST_QUOTA {
        aws::MOST_TRUST_QUOTA
    } else {
        aws::DEFAULT_TRUST_QUOTA
    };
    let quota = known.unwrap_or(assumed);
    let size = aws::counted(&edit.text);
    if size <= quota || size <= now {
        return None;
    }
    let raise = if quota < aws::MOST_TRUST_QUOTA {
        format!(
            ", or request a higher quota for `Role trust policy length` (at most {}) in Service Quotas",
            aws::MOST_TRUST_QUOTA
        )
    } else {
        String::new()
    };
    let fix = Fix::manual(format!(
        "the repaired trust policy of role `{}` would be too long: it would have {size} characters without white space, but the quota of \
         account {} is {quota}. Remove statements that are no longer needed, such as those for deleted clusters{raise}; or \
         create a separate role for ServiceAccount `{}`. Then re-audit. The change that does not fit: {}",
        quote(role.arn.name()),
        role.arn.account(),
        quote(&chain.key.to_string()),
        describe(role, &edit.changes)
    ));
    Some(fix.repairs(Repaired::TrustPolicy(edit.text.as_str().into())))
}

/// Who asks, as STS sees it.
pub(crate) fn identity(chain: &Chain<'_>, aws: &RoleChain<'_>) -> Option<WebIdentity> {
    Some(WebIdentity {
        provider_arn: aws.provider_arn.clone()?,
        issuer: chain.issuer?.url.host_path().to_owned(),
        subject: chain.subject.clone(),
        audience: chain.audience.to_owned(),
        called_at: Some(chain.now.as_second()),
    })
}

/// A statement as a person finds it: by its `Sid`, else by its number from 1.
pub(crate) fn statement(role: &Role, at: usize) -> String {
    let parsed = role.trust();
    let found = parsed
        .document
        .as_ref()
        .and_then(|document| document.statements().get(at));
    match found.and_then(iam_policy::Statement::sid) {
        Some(sid) => format!("statement `{}`", quote(sid)),
        None => format!("statement {}", at + 1),
    }
}

/// Which conditions of the edited statement only AWS can decide, in words: after such an edit the audit does not say that all is well.
fn stays(text: &str, edit: &Edit, identity: &WebIdentity) -> String {
    let after = diagnose_trust(&iam_policy::parse(&edit.text), identity);
    let all = iam_policy::parse(text)
        .document
        .and_then(|document| guards(&document, identity))
        .filter(|_| after.decision == Decision::Undetermined);
    let open = |guard: &Guard| {
        let named = format!("`{}` ({})", quote(&guard.key), quote(&guard.operator));
        guard.got.is_empty().then_some(named)
    };
    let open: Vec<String> = all.iter().flat_map(|all| &all.kept).filter_map(open).collect();
    match open.as_slice() {
        [] => String::new(),
        [one] => format!(
            ". The statement keeps the condition on {one}, and only AWS can tell whether the pods meet it"
        ),
        all => format!(
            ". The statement keeps the conditions on {}, and only AWS can tell whether the pods meet them",
            all.join(", ")
        ),
    }
}

/// An edit in words.
fn describe(role: &Role, changes: &[Change]) -> String {
    let one = |change: &Change| {
        let place = statement(role, change.statement);
        match &change.kind {
            ChangeKind::Value {
                operator,
                key,
                from,
                to,
            } => format!(
                "in {place}, {} of `{}`: replace `{}` with `{}`",
                quote(operator),
                quote(key),
                quote(from),
                quote(to)
            ),
            ChangeKind::AddedValue { operator, key, value } => {
                format!(
                    "in {place}, {} of `{}`: add `{}`",
                    quote(operator),
                    quote(key),
                    quote(value)
                )
            }
            ChangeKind::Key { operator, from, to } => {
                format!(
                    "in {place}, {}: rename `{}` to `{}`",
                    quote(operator),
                    quote(from),
                    quote(to)
                )
            }
            ChangeKind::Principal { from, to } => {
                format!(
                    "in {place}, principal: replace `{}` with `{}`",
                    quote(from),
                    quote(to)
                )
            }
            ChangeKind::AppendedStatement { statement } => {
                format!("append the statement {}", ascii_json(statement))
            }
        }
    };
    changes.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The clause of a cause: operator and key, safe to show.
pub(crate) fn clause_of(cause: &Cause) -> String {
    match (&cause.operator, &cause.key) {
        (Some(operator), Some(key)) => format!("`{}` ({})", quote(key), quote(operator)),
        (_, Some(key)) => format!("`{}`", quote(key)),
        _ => "the condition".to_owned(),
    }
}

/// Why a condition does not hold: what it wants and what the request has, side by side, safe to show.
pub(crate) fn unmet(cause: &Cause) -> String {
    format!("{}, but {}", demand(cause), found(cause))
}

/// What a condition wants, safe to show.
pub(crate) fn demand(cause: &Cause) -> String {
    match (&cause.operator, &cause.key) {
        (Some(operator), Some(key)) => demand_of(operator, key, &cause.wanted),
        _ => format!("{} must be {}", clause_of(cause), wanted(cause)),
    }
}

fn demand_of(operator: &str, key: &str, wanted: &[String]) -> String {
    if operator == clause::NULL {
        return format!("{} ({operator})", clause::presence(key, wanted));
    }
    let (operator, shown) = (quote(operator), quote(key));
    let wanted = values(key, wanted);
    match verb(&operator) {
        Some(verb) => format!("`{shown}` {verb} {wanted} ({operator})"),
        None => format!("`{shown}` must satisfy {operator} {wanted}"),
    }
}

/// The most values that a message lists of one side.
const SHOWN: usize = 3;

/// Values of a condition key, safe to show.
fn values(key: &str, values: &[String]) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    let shown = values.iter().take(SHOWN).map(|value| clause::value(key, value));
    let mut shown: Vec<String> = shown.collect();
    if values.len() > SHOWN {
        shown.push(format!("{} more", values.len() - SHOWN));
    }
    shown.join(", ")
}

/// What a comparison asks for. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
fn verb(operator: &str) -> Option<&'static str> {
    let (_, name) = operator.rsplit_once(':').unwrap_or_default();
    let name = if name.is_empty() { operator } else { name };
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    Some(match name.to_ascii_lowercase().as_str() {
        "stringequals" | "stringequalsignorecase" | "numericequals" | "dateequals" | "binaryequals" => {
            "must equal"
        }
        "stringnotequals" | "stringnotequalsignorecase" | "numericnotequals" | "datenotequals" => {
            "must not equal"
        }
        "stringlike" | "arnequals" | "arnlike" => "must match",
        "stringnotlike" | "arnnotequals" | "arnnotlike" => "must not match",
        "numericlessthan" => "must be less than",
        "numericlessthanequals" => "must be at most",
        "numericgreaterthan" => "must be greater than",
        "numericgreaterthanequals" => "must be at least",
        "datelessthan" => "must be before",
        "datelessthanequals" => "must be no later than",
        "dategreaterthan" => "must be after",
        "dategreaterthanequals" => "must be no earlier than",
        "bool" => "must be",
        "ipaddress" => "must be in",
        "notipaddress" => "must not be in",
        _ => return None,
    })
}

/// What the request has for the key of a condition, safe to show.
pub(crate) fn found(cause: &Cause) -> String {
    found_of(cause.key.as_deref().unwrap_or_default(), &cause.got)
}

fn found_of(key: &str, got: &[String]) -> String {
    let key = key.to_ascii_lowercase();
    if got.is_empty() {
        return "the request does not have this key".to_owned();
    }
    let got = values(&key, got);
    match key.as_str() {
        key if clause::is_time(key) => format!("the time is {got}"),
        _ if key.starts_with("aws:") || key.starts_with("sts:") => format!("the request has {got}"),
        _ => format!("this ServiceAccount's token has {got}"),
    }
}

/// What the policy wants, safe to show.
pub(crate) fn wanted(cause: &Cause) -> String {
    values(cause.key.as_deref().unwrap_or_default(), &cause.wanted)
}

/// What the request has, safe to show.
pub(crate) fn got(cause: &Cause) -> String {
    values(cause.key.as_deref().unwrap_or_default(), &cause.got)
}

/// What should stand there instead, safe to show.
pub(crate) fn suggestion(cause: &Cause) -> String {
    cause.suggestion.as_deref().map_or_else(
        || "one of this cluster's issuer".to_owned(),
        |text| format!("`{}`", quote(text)),
    )
}

/// The first exposure of a kind, of a trust policy that admits the request: the role's chain, the role, and the place of
/// the statement.
pub(crate) fn exposure<'c>(
    chain: &'c Chain<'_>,
    kind: &ExposureKind,
) -> Option<(&'c RoleChain<'c>, &'c Role, usize)> {
    let aws = chain.past_role()?;
    let exposure = aws
        .trust
        .as_ref()?
        .exposures
        .iter()
        .find(|exposure| exposure.kind == *kind)?;
    Some((aws, aws.found()?, exposure.statement))
}
