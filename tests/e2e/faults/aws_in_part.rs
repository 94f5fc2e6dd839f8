//! AWS answers some calls and throttles, delays or fails others: by operation, role, account or chance, and on a page in the middle of a
//! listing. No verdict is wrong while this lasts, and all are right soon after it ends.

use std::time::{Duration, Instant};

use e2e::aws::{HOME, OTHER, arn};
use e2e::scenario::APP;
use e2e::world::World;
use fake_aws::Fault;
use kube::ResourceExt as _;
use test_kit::Proxy;

use super::super::audit_command::{Said, live};
use super::super::{Failure, Outcome, annotate, fake_world, play};
use super::{CHANGED, admit, calls_while, is_right, said};

/// Namespaces whose verdict does not change.
const UNCHANGED: [&str; 5] = [
    "action-allowed",
    "string-like",
    "wrong-namespace",
    "role-gone",
    "other-account",
];

/// The namespace whose role gets another trust policy.
const TRUSTED: &str = "terraform";

/// All is right within this time after AWS is whole again. Where AWS did not answer at all, calls have to time out first.
const RIGHT: Duration = Duration::from_secs(15);
const GIVEN_UP: Duration = Duration::from_secs(25);

/// From one look at the statuses to the next.
const LOOK: Duration = Duration::from_millis(100);

/// The most calls a second to the API server, and to AWS.
const MOST_CALLS: f64 = 7.0;

/// What goes wrong, and for how long.
struct Trouble {
    name: &'static str,
    span: Duration,
    /// All is right within this time after AWS is whole again.
    right: Duration,
    faults: Vec<Fault>,
}

fn troubles() -> Vec<Trouble> {
    let away = |target: fake_aws::Target| target.error(503, "ServiceUnavailable", "down for tests");
    vec![
        Trouble {
            name: "by operation",
            span: Duration::from_secs(12),
            right: RIGHT,
            faults: vec![
                Fault::on("GetRole").throttle(),
                Fault::on("ListRolePolicies").latency(Duration::from_secs(2)),
                away(Fault::on("GetOpenIDConnectProvider")),
                // The first two pages come.
                away(Fault::on("GetAccountAuthorizationDetails").any_parameter("Marker")).after(1),
            ],
        },
        // Long enough for waits that double to exceed what may pass afterwards.
        Trouble {
            name: "by role and account",
            span: Duration::from_secs(35),
            right: GIVEN_UP,
            faults: vec![
                Fault::on_any().parameter("RoleName", TRUSTED).hang(),
                Fault::on_any()
                    .parameter("RoleName", "string-like")
                    .garbage_body(),
                away(Fault::on_any().account(OTHER)),
            ],
        },
        Trouble {
            name: "by chance",
            span: Duration::from_secs(12),
            right: RIGHT,
            faults: vec![
                Fault::on_any()
                    .latency(Duration::from_secs(1))
                    .probability(0.5, 1),
                Fault::on_any().throttle().probability(0.3, 2),
                away(Fault::on_any()).probability(0.3, 3),
            ],
        },
    ]
}

pub(super) async fn whatever_of_aws_answers_no_verdict_is_wrong_and_all_is_right_soon() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.page_size(2);
    for namespace in UNCHANGED.into_iter().chain([CHANGED, TRUSTED]) {
        play(&world, namespace).await?;
    }
    let mut truth = live(&world, &[]).await?;
    truth.retain(|binding, _| {
        UNCHANGED
            .iter()
            .any(|namespace| *binding == format!("{namespace}/{APP}"))
    });
    let proxy = Proxy::start(world.plane()).await?;
    let mut running = None;
    for (number, trouble) in troubles().into_iter().enumerate() {
        let name = trouble.name;
        // Before the faults, which would meet this call as well; the operator sees it while they last, or after them.
        let admitted = if number % 2 == 0 { "elsewhere" } else { TRUSTED };
        admit(&world, TRUSTED, admitted).await?;
        for fault in trouble.faults {
            fake.fault(fault);
        }
        // The first one begins before the operator does.
        let operator = match running.take() {
            Some(operator) => operator,
            None => world.operator_through(&proxy, &[]).await?,
        };
        fake.reset_calls();
        let (lasted, rate) = calls_while(&proxy, last(&world, &truth, number, trouble.span)).await;
        lasted.map_err(|failure| Failure(format!("{name}: {}\n{}", failure.0, operator.process().log())))?;
        let aws_calls = u32::try_from(fake.calls().len()).unwrap_or(u32::MAX);
        let aws_rate = f64::from(aws_calls) / trouble.span.as_secs_f64();
        assert!(
            rate <= MOST_CALLS && aws_rate <= MOST_CALLS,
            "{name}: {rate} {aws_rate}"
        );
        fake.clear_faults();
        is_right(&world, &operator, trouble.right)
            .await
            .map_err(|failure| Failure(format!("{name}: {}", failure.0)))?;
        running = Some(operator);
    }
    Ok(())
}

/// Changes an annotation, has everything read anew, and for a while sees that no verdict is wrong.
async fn last(world: &World, truth: &Said, number: usize, span: Duration) -> Outcome {
    let begun = Instant::now();
    let role = arn(HOME, "/", &format!("new-{number}"));
    annotate(world, CHANGED, Some(&role)).await?;
    for audit in world.cluster().audits().await? {
        let (namespace, name) = (audit.namespace().unwrap_or_default(), audit.name_any());
        world
            .cluster()
            .reaudit(&namespace, &name, &number.to_string())
            .await?;
    }
    while begun.elapsed() < span {
        for (binding, (verdict, reason, _)) in said(world).await? {
            let is_open = ["", "Unknown"].contains(&verdict.as_str());
            let is_true = truth.get(&binding).is_none_or(|(wanted, ..)| *wanted == verdict);
            if !is_open && !is_true {
                return Err(Failure(format!("{binding} is {verdict}, {reason}")));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
