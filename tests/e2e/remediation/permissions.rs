//! The shipped IAM policy of the writer.

use std::collections::BTreeSet;
use std::path::Path;

use audit_core::model::IssuerUrl;
use audit_remedy::consent_key;
use e2e::remediation::{recorded, writer};
use serde_json::{Value, json};

use super::{repairable, stage, statements};
use crate::{Outcome, WITHIN};

/// The shipped IAM policy is what the writer calls: to edit only what consents to this cluster, and to tag nothing.
#[tokio::test]
async fn the_shipped_iam_policy_allows_what_the_writer_calls() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/iam/writer.json");
    let policy_of_role: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let of = |effect: &str, field: &str| -> BTreeSet<String> {
        let statements = statements(&policy_of_role).iter();
        let named = statements.filter(|statement| statement["Effect"] == effect);
        let values = named.flat_map(|statement| match &statement[field] {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            single => vec![single.clone()],
        });
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let allowed = of("Allow", "Action");
    for action in ["iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy"] {
        assert!(of("Deny", "Action").contains(action), "{action}");
    }
    // To come into other accounts, nothing else is left to it.
    let left: BTreeSet<String> = of("Deny", "NotAction");
    let beside: Vec<_> = left.difference(&allowed).collect();
    assert_eq!(beside, ["sts:AssumeRole"]);
    let edit = statements(&policy_of_role)
        .iter()
        .find(|statement| {
            statement["Effect"] == "Allow" && statement["Action"] == "iam:UpdateAssumeRolePolicy"
        })
        .expect("the right to edit");
    let issuer =
        IssuerUrl::parse("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE")?;
    let key = format!("iam:ResourceTag/{}", consent_key(&issuer));
    assert_eq!(edit["Condition"], json!({"Null": {key: "false"}}));

    let world = stage().await?;
    let fake = world.aws().as_fake().expect("the fake");
    repairable(&world, NAMESPACE, "Automatic").await?;
    fake.reset_calls();
    let writer = writer(&world, &[]).await?;
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{}",
        writer.process().log()
    );
    let calls = fake.calls();
    let called: BTreeSet<String> = calls
        .iter()
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    assert_eq!(called, allowed);
    Ok(())
}
