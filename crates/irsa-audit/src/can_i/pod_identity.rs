//! Actions of AWS, asked with credentials of EKS Pod Identity.
//!
//! Whether an association gives its role is not audited, so that the answer is never yes. A no is certain where the role's own
//! policies, or a role that is to be assumed, refuse it: EKS Pod Identity could give no other credentials.
//!
//! Its sessions carry six session tags, which are transitive (EKS User Guide, "Grant Pods access to AWS resources based on tags"):
//! the next role has to admit `sts:TagSession` as well, unless the association disables the tags.

use audit_core::chain::Chain;
use audit_core::model::{AwsExpectation, PodIdentityAssociation};
use audit_core::permissions::expectation::answers;
use audit_core::permissions::{Expected, PolicyAnswer};
use audit_core::text::quote;
use iam_policy::RoleArn;

use super::reply::{Reply, to_do};

/// What every such session carries, as far as the ServiceAccount tells it.
const NAMESPACE_TAG: &str = "aws:PrincipalTag/kubernetes-namespace";
const SERVICE_ACCOUNT_TAG: &str = "aws:PrincipalTag/kubernetes-service-account";

/// The answer, if the ServiceAccount has its credentials from EKS Pod Identity.
pub(super) fn answer(chain: &Chain<'_>) -> Option<Reply> {
    let association = association(chain);
    if association.is_none() && !chain.uses_pod_identity {
        return None;
    }
    let asked = chain.request?.aws.first()?;
    let Some(arn) = association.and_then(|association| association.role_arn.as_deref()) else {
        return Some(Reply::unknown(
            "its pods get their credentials from EKS Pod Identity, and which role the association gives was not seen: \
             `aws eks describe-pod-identity-association` shows it",
        ));
    };
    let role = RoleArn::parse(arn).ok()?;
    let shown = quote(arn);
    let unproven = "whether EKS Pod Identity gives its pods that role is not audited";
    let chained = chain.for_role(role.clone(), "");
    let Ok(policies) = &chained.permissions else {
        return Some(Reply::unknown(&format!(
            "its pods get their credentials from EKS Pod Identity, as `{shown}`, whose policies were not seen"
        )));
    };
    let has_tags = association.is_some_and(|association| association.has_session_tags);
    let expectations = expectations(chain, asked, has_tags);
    let all = answers(chain, &role, policies, &expectations);
    let (mut refused, mut open) = (Vec::new(), Vec::new());
    for expected in &all {
        match &expected.answer {
            PolicyAnswer::Allowed(_) | PolicyAnswer::Trusted(_) | PolicyAnswer::Free => {}
            PolicyAnswer::Undetermined(doubts) => open.extend(doubts.iter().map(ToString::to_string)),
            _ => refused.push(why(expected)),
        }
    }
    let tags = if expectations.len() > 1 {
        "; the sessions of EKS Pod Identity carry transitive session tags, so that it takes `sts:TagSession` on both sides as well"
    } else {
        ""
    };
    Some(if refused.is_empty() {
        open.push(unproven.to_owned());
        Reply::unknown(&format!(
            "as `{shown}`, by EKS Pod Identity: {}{tags}",
            open.join("; ")
        ))
    } else {
        let remedies = remedies(&all, &shown);
        Reply::no(
            &format!("as `{shown}`, by EKS Pod Identity: {}{tags}", refused.join("; ")),
            &to_do(&remedies),
        )
    })
}

/// The association of the ServiceAccount, in the account of the cluster.
fn association<'a>(chain: &Chain<'a>) -> Option<&'a PodIdentityAssociation> {
    let mut accounts = chain.snapshot.accounts.values();
    accounts.find_map(|account| account.pod_identity.latest()?.get(chain.key))
}

/// What is asked, with what the session tags say, and `sts:TagSession` with it where another role is to be assumed.
fn expectations(chain: &Chain<'_>, asked: &AwsExpectation, has_tags: bool) -> Vec<AwsExpectation> {
    let mut asked = asked.clone();
    if !has_tags {
        return vec![asked];
    }
    for (key, value) in [
        (NAMESPACE_TAG, &chain.key.namespace),
        (SERVICE_ACCOUNT_TAG, &chain.key.service_account),
    ] {
        let is_given = asked.context.keys().any(|given| given.eq_ignore_ascii_case(key));
        if !is_given {
            asked.context.insert(key.to_owned(), value.to_string());
        }
    }
    let mut all = vec![asked];
    all.extend(
        all.first()
            .filter(|asked| assumes_role(asked))
            .map(|asked| AwsExpectation {
                actions: vec!["sts:TagSession".to_owned()],
                ..asked.clone()
            }),
    );
    all
}

fn assumes_role(asked: &AwsExpectation) -> bool {
    asked
        .actions
        .iter()
        .any(|action| action.eq_ignore_ascii_case("sts:AssumeRole"))
}

fn why(expected: &Expected<'_>) -> String {
    let question = &expected.question;
    let what = match question.resource {
        "*" => format!("`{}`", quote(question.action)),
        resource => format!("`{}` on `{}`", quote(question.action), quote(resource)),
    };
    let own = match expected.answer.own() {
        PolicyAnswer::NotAllowed => format!("no policy allows {what}"),
        PolicyAnswer::Denied(place) => format!("{place} denies {what}"),
        PolicyAnswer::OutsideBoundary(boundary) => {
            format!("the permissions boundary, {boundary}, does not allow {what}")
        }
        _ => String::new(),
    };
    let parts = [Some(own), expected.answer.refusal().map(str::to_owned)];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(", and ")
}

fn remedies(all: &[Expected<'_>], role: &str) -> String {
    let mut steps: Vec<String> = Vec::new();
    for expected in all {
        let question = &expected.question;
        if matches!(expected.answer.own(), PolicyAnswer::NotAllowed) {
            steps.push(format!(
                "let a policy of role `{role}` allow `{}` on `{}`",
                quote(question.action),
                quote(question.resource)
            ));
        }
        if let PolicyAnswer::Refused(refusal) = &expected.answer {
            steps.push(refusal.remedy.clone());
        }
    }
    if steps.is_empty() {
        "ask the owner of this policy".to_owned()
    } else {
        steps.join("; ")
    }
}
