//! # IRSA208 `AudienceConditionMissing`
//!
//! ## What it means
//! The statement that admits the ServiceAccount has no condition on `:aud`. The finding is a *notice* if the expected audience is
//! the only one that the provider accepts, else a *risk*.
//!
//! ## Why it matters
//! A token that the cluster issued to the same ServiceAccount for a different purpose, such as for Vault, can assume the role if
//! the provider accepts its audience. Anyone who receives such a token can use it.
//!
//! ## In logs
//! Nothing: the workload gets its credentials.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:cart"}}
//! ```
//!
//! ## Fix
//! Add a `StringEquals` condition that `<issuer>:aud` is `sts.amazonaws.com`. The finding has a command only if the statement admits
//! no one but this ServiceAccount: others might request a different audience.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` shows the condition, and the pod still gets
//! credentials.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::{Change, ChangeKind, Decision, Edit, Exposure, ExposureKind, diagnose_trust, parse};
use serde_json::{Value, json};

use super::trust::{exposure, identity, printed, statement};
use crate::chain::{Chain, RoleChain};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Fix, shell};
use crate::model::{Container, Role};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA208",
    reason: "AudienceConditionMissing",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "the trust policy does not restrict the audience",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    // Which audience to demand, IRSA303 asks first.
    if chain.audience_is_unknown {
        return None;
    }
    let (aws, role, at) = exposure(chain, &ExposureKind::AudienceUnconstrained)?;
    let client_ids = match &aws.provider {
        Ok(Some(provider)) => provider.client_ids.as_slice(),
        _ => &[],
    };
    let only = matches!(client_ids, [id] if id == chain.audience);
    let open = if only {
        "only the OIDC provider restricts the audience"
    } else {
        "tokens for every audience that the OIDC provider accepts are admitted"
    };
    let message = format!(
        "trust policy of role `{}`, {}: no condition on `{}:aud`, so {open}; add StringEquals `{}`",
        quote(role.arn.name()),
        statement(role, at),
        chain.issuer?.url.host_path(),
        quote(chain.audience)
    );
    let finding =
        Finding::new(&ENTRY, message).severity(if only { Severity::Notice } else { Severity::Risk });
    Some(finding.fix(constrained(chain, aws, role, at)))
}

/// The statement with the condition, if it admits only this ServiceAccount, and its pods have the audience.
fn constrained(chain: &Chain<'_>, aws: &RoleChain<'_>, role: &Role, at: usize) -> Option<Fix> {
    let identity = identity(chain, aws)?;
    let mut tokens = chain
        .pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter_map(Container::token_audience);
    if identity.audience.is_empty()
        || !shell::is_pasteable(&identity.audience)
        || tokens.any(|aud| aud != identity.audience)
    {
        return None;
    }
    let old: Value = serde_json::from_str(&role.trust_text).ok()?;
    let mut document = old.clone();
    let statement = match document.get_mut("Statement")? {
        Value::Array(statements) => statements.get_mut(at)?,
        single => single,
    };
    let equals = statement
        .get_mut("Condition")?
        .get_mut("StringEquals")?
        .as_object_mut()?;
    let subject = equals.get(&format!("{}:sub", identity.issuer))?;
    if subject.as_str() != Some(identity.subject.as_str()) && *subject != json!([identity.subject]) {
        return None;
    }
    let key = format!("{}:aud", identity.issuer);
    equals.insert(key.clone(), Value::from(identity.audience.as_str()));
    let text = document.to_string();
    let diagnosis = diagnose_trust(&parse(&text), &identity);
    let still_open = |exposure: &Exposure| {
        (exposure.statement, &exposure.kind) == (at, &ExposureKind::AudienceUnconstrained)
    };
    if diagnosis.decision != Decision::Allowed || diagnosis.exposures.iter().any(still_open) {
        return None;
    }
    let kind = ChangeKind::AddedValue {
        operator: "StringEquals".to_owned(),
        key,
        value: identity.audience.clone(),
    };
    let edit = Edit {
        text,
        document,
        changes: vec![Change {
            statement: at,
            sid: None,
            kind,
        }],
    };
    printed(chain, role, &old.to_string(), &edit, &identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn without_audience() -> World {
        World::healthy().condition(&json!({ "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT } }))
    }

    #[test]
    fn it_is_a_notice_where_the_provider_accepts_nothing_else() {
        the_one(
            &without_audience().audit(),
            ("IRSA208", Severity::Notice, Link::Trust, Verdict::Working),
        );
    }

    #[test]
    fn the_condition_is_added_where_nobody_else_comes_by_the_statement() {
        let report = without_audience().audit();
        let fix = report.findings[0].fix.as_ref().unwrap();
        assert_eq!(fix.first.kind, FixKind::AwsCli);
        let brief = fix.brief.as_deref().unwrap();
        assert!(
            brief.contains(&format!("`{HOST_PATH}:aud`: add `{AUDIENCE}`")),
            "{brief}"
        );
        assert!(
            fix.first.text.contains("if getpath($p) == null then setpath($p;"),
            "{}",
            fix.first.text
        );
        assert_healthy(&without_audience().condition(&condition(SUBJECT)).audit());
    }

    #[test]
    fn nobody_is_locked_out_by_a_fix() {
        let two = json!([SUBJECT, "system:serviceaccount:shop:orders"]);
        let shared =
            World::healthy().condition(&json!({ "StringEquals": { format!("{HOST_PATH}:sub"): two } }));
        let like = json!({ "StringLike": { format!("{HOST_PATH}:sub"): SUBJECT } });
        let vault = Container {
            tokens: vec![token("vault")],
            ..injected("app", ROLE)
        };
        for world in [
            shared,
            World::healthy().condition(&like),
            without_audience().another_pod("old", vault),
        ] {
            let report = world.client_ids(&[AUDIENCE, "vault"]).audit();
            let finding = finding_of(&report, "IRSA208");
            assert_eq!(finding.fix, None, "{}", shown(&report));
        }
    }

    #[test]
    fn it_is_a_risk_where_other_audiences_pass_the_provider() {
        let report = without_audience().client_ids(&[AUDIENCE, "vault"]).audit();
        the_one(&report, ("IRSA208", Severity::Risk, Link::Trust, Verdict::AtRisk));
    }

    #[test]
    fn it_is_a_risk_where_nobody_knows_what_the_provider_accepts() {
        let report = without_audience()
            .provider_unseen(Some(crate::model::FailureKind::Throttled))
            .audit();
        let finding = finding_of(&report, "IRSA208");
        assert_eq!(finding.severity, Severity::Risk);
    }

    #[test]
    fn another_statement_with_the_condition_does_not_help() {
        let open = json!({ "StringEquals": { format!("{HOST_PATH}:sub"): SUBJECT } });
        let mut document = trust(&condition(SUBJECT));
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(crate::testing::statement(&open));
        let report = World::healthy().trust(&document).audit();
        let finding = the_one(
            &report,
            ("IRSA208", Severity::Notice, Link::Trust, Verdict::Working),
        );
        assert!(finding.message.contains("statement 2"), "{}", finding.message);
    }
}
