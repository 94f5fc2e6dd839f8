//! The writer on a real API server, with a pretend AWS.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | what the tests share |
//! | `codes` | each code that the one kind of edit repairs, from `Broken` to `Working` |
//! | `adversary` | what a user tries who may do everything in one namespace |
//! | `agreement` | who has to agree before anything is written |
//! | `approved` | an approved plan: carried out once, rolled back when that is approved |
//! | `gitops` | from a manifest in Git to a healthy object |
//! | `interrupted` | writers that are killed, stopped, paused or two; roles that are changed during a repair |
//! | `fairness` | one namespace does not take the writer's time from the others |
//! | `permissions` | the shipped IAM policy of the writer |
//! | `retention` | what of the journal is deleted |
//! | `shown` | what people who only look are told |

mod adversary;
mod agreement;
mod approved;
mod codes;
mod fairness;
mod gitops;
mod interrupted;
mod permissions;
mod retention;
mod shown;

use e2e::aws::Aws;
use e2e::operator::Operator;
use e2e::remediation::{APPROVER, StageError, approval, as_user, consent, install, opt_in, policy};
use e2e::world::{World, eventually};
use serde_json::{Value, json};

use super::{Failure, Outcome, WITHIN, play};

/// A world with the writer's rights and the admission policy installed.
async fn stage() -> Result<World, Failure> {
    let world = World::start(Aws::fake().await?).await?;
    install(&world).await?;
    Ok(world)
}

/// A broken binding whose team opts in; nobody else agrees yet.
async fn broken(world: &World, namespace: &str, mode: &str) -> Outcome {
    play(world, namespace).await?;
    world.cluster().apply(&opt_in(namespace, mode), "team").await?;
    Ok(())
}

/// A broken binding of which everyone agrees to the repair: the team in a mode, the admins up to `Automatic`, and the role's owner.
async fn repairable(world: &World, namespace: &str, mode: &str) -> Outcome {
    broken(world, namespace, mode).await?;
    consent(world, namespace).await?;
    let allowed = policy(namespace, "Automatic", &json!({}));
    world.cluster().create(&allowed).await?;
    Ok(())
}

/// How many looks were blocked by an authority.
async fn blocked(writer: &Operator, by: &str) -> u64 {
    let metrics = writer.metrics().await;
    metrics.map_or(0, |metrics| {
        metrics.total("irsa_audit_remediation_blocked_total", &[("by", by)])
    })
}

/// Awaits one more look that an authority blocks than there were.
async fn wait_until_blocked(writer: &Operator, by: &str) -> Outcome {
    let before = blocked(writer, by).await;
    let more = eventually(WITHIN, || async { blocked(writer, by).await > before }).await;
    assert!(more, "not blocked by {by}: {}", writer.process().log());
    Ok(())
}

/// Creates an approval as a user.
async fn approve(world: &World, name: &str, namespace: &str, hash: &str) -> Result<(), StageError> {
    let person = as_user(world, APPROVER).await?;
    person.create(&approval(name, namespace, hash, APPROVER)).await?;
    Ok(())
}

/// The statements of a document.
fn statements(document: &Value) -> &[Value] {
    document["Statement"].as_array().expect("statements")
}

/// Exactly one more statement, at the end, and the rest equal.
fn assert_appended(before: &Value, after: &Value, statement: &Value) {
    let mut expected = before.clone();
    expected["Statement"]
        .as_array_mut()
        .expect("statements")
        .push(statement.clone());
    assert_eq!(*after, expected);
}

/// Awaits the line of the log that says why a binding is not repaired.
async fn wait_until_refused(writer: &Operator, namespace: &str, why: &str) -> Outcome {
    let (namespace, why) = (format!("namespace=\"{namespace}\""), format!("why=\"{why}\""));
    let is_told = || {
        let log = writer.process().log();
        log.lines()
            .any(|line| line.contains(&namespace) && line.contains(&why))
    };
    let told = eventually(WITHIN, || async { is_told() }).await;
    assert!(told, "{namespace}, {why}: {}", writer.process().log());
    Ok(())
}
