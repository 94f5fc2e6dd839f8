//! The operator under an enforced memory limit, beside objects that are as large as the API server takes them.
//!
//! The limit is `RLIMIT_DATA`: it needs no rights, as a control group would, and works in each container and on each CI runner. It is stricter
//! than the limit of a container, which counts pages that are used: it counts what is mapped. What goes beyond it ends the process at once,
//! by SIGABRT in place of SIGKILL.

use std::time::Duration;

use e2e::objects;
use e2e::operator::Operator;
use e2e::world::World;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use test_kit::Proxy;

use super::super::{Outcome, WITHIN, WORKS, annotate, fake_world, play, wait_for};
use super::{CHANGED, Failure, MOST_CALLS, calls_while, is_right};

/// An eighth of the chart's default, which docs/operations.md names for 1,000 bindings. No list is in memory whole, so that a small cluster needs no
/// more beside large objects than without them.
const LIMIT: u64 = 32 << 20;

/// Enough to begin, and too little to go on.
const TOO_LOW: u64 = 4 << 20;

const NAMESPACE: &str = "hostile";

/// Together twice the limit.
const PODS: usize = 60;

/// With annotations of which the beginnings are kept, together more than the limit.
const ACCOUNTS: usize = 200;

/// Half of what the annotations of an object may have.
const ANNOTATION: usize = 125_000;

/// So many tokens in one volume, mounted so many times: their product is beyond the limit.
const TOKENS: usize = 1_000;

/// Nearly as large as the API server takes an object.
const LARGE: usize = 1_200_000;

/// All statuses are right within this time after a start with enough memory.
const RIGHT: Duration = Duration::from_secs(15);

/// How long nothing happens.
const STEADY: Duration = Duration::from_secs(3);

/// As shells tell that SIGABRT ended a process.
const ABORTED: i32 = 134;

pub(super) async fn large_objects_fit_and_where_they_do_not_the_next_one_ends_right() -> Outcome {
    let world = fake_world().await?;
    for namespace in [CHANGED, "terraform", "wrong-namespace"] {
        play(&world, namespace).await?;
    }
    let proxy = Proxy::start(world.plane()).await?;
    let limited = async |limit: u64| {
        let launch = world.prepare_through(&proxy, &[]).await?;
        Ok::<_, Failure>(Operator::started(launch.memory_limit(limit)).await?)
    };
    let operator = limited(LIMIT).await?;
    wait_for(&world, CHANGED, WORKS).await?;
    is_right(&world, &operator, WITHIN).await?;

    world.cluster().create_namespace(NAMESPACE).await?;
    let pods = stream::iter(0..PODS).map(|number| create(&world, number));
    pods.buffer_unordered(8).try_collect::<Vec<()>>().await?;
    let accounts = stream::iter(0..ACCOUNTS).map(|number| create_annotated(&world, number));
    accounts.buffer_unordered(8).try_collect::<Vec<()>>().await?;
    create_with_tokens(&world).await?;
    annotate(&world, CHANGED, Some("arn:aws:iam::1:role/x")).await?;
    drop(operator);
    // It ends, and is started again, and ends again.
    for _ in 0..2 {
        let process = world.prepare_through(&proxy, &[]).await?;
        let process = process.memory_limit(TOO_LOW).start()?;
        assert_eq!(process.wait(WITHIN).await?, ABORTED, "{}", process.log());
    }

    let operator = limited(LIMIT).await?;
    is_right(&world, &operator, RIGHT).await?;
    annotate(&world, CHANGED, None).await?;
    is_right(&world, &operator, RIGHT).await?;
    let ((), rate) = calls_while(&proxy, tokio::time::sleep(STEADY)).await;
    assert!(rate <= MOST_CALLS, "{rate} calls a second");
    Ok(())
}

async fn create(world: &World, number: usize) -> Outcome {
    let mut pod = objects::pod(NAMESPACE, "large", &number.to_string(), "default", None);
    pod["spec"]["containers"][0]["env"] = json!([{"name": "LARGE", "value": "x".repeat(LARGE)}]);
    world.cluster().create(&pod).await?;
    Ok(())
}

async fn create_annotated(world: &World, number: usize) -> Outcome {
    let name = format!("annotated-{number}");
    let text = "x".repeat(ANNOTATION);
    let annotations = json!({"eks.amazonaws.com/audience": text, "eks.amazonaws.com/other": text});
    let metadata = json!({"namespace": NAMESPACE, "name": name, "annotations": annotations});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    world.cluster().create(&account).await?;
    Ok(())
}

async fn create_with_tokens(world: &World) -> Outcome {
    let mut pod = objects::pod(NAMESPACE, "tokens", "0", "default", None);
    let source = |n: usize| json!({"serviceAccountToken": {"audience": "a", "path": format!("t{n}")}});
    let mount = |n: usize| json!({"name": "tokens", "mountPath": format!("/t{n}")});
    let sources: Vec<_> = (0..TOKENS).map(source).collect();
    let mounts: Vec<_> = (0..TOKENS).map(mount).collect();
    pod["spec"]["volumes"] = json!([{"name": "tokens", "projected": {"sources": sources}}]);
    pod["spec"]["containers"][0]["volumeMounts"] = json!(mounts);
    world.cluster().create(&pod).await?;
    Ok(())
}
