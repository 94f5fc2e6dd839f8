//! The wall clock of the leader is set, and is another one than its follower's.

use std::time::Duration;

use e2e::fake_clock::FakeClock;
use e2e::operator::Operator;
use e2e::world::eventually;

use super::super::{Outcome, WITHIN};
use super::{Stage, admit, is_right, log_lines};

const DAY: i64 = 86_400;

/// What has changed in AWS is seen at the next refresh, and by nothing else.
const REFRESH: &str = "--refresh=2s";

/// All is right within this time after the clock was set.
const RIGHT: Duration = Duration::from_secs(10);

/// For so long calls are counted.
const SPAN: Duration = Duration::from_secs(4);

/// The most calls a second to the API server and to AWS: two replicas that watch, hold a lease, and refresh all that often.
const MOST_CALLS: f64 = 10.0;

pub(super) async fn after_each_step_of_the_clock_all_is_right_soon() -> Outcome {
    let (clock, other) = (FakeClock::new().await?, FakeClock::new().await?);
    other.set(-3 * DAY)?;
    let flags = [REFRESH, "--leader-elect", "--lease-duration=5s"];
    let mut stage = Stage::set_with(&flags, |launch| clock.launch(launch)).await?;
    let follower = stage.world.prepare_through(&stage.proxy, &flags).await?;
    let follower = Operator::started(other.launch(follower)).await?;
    assert!(eventually(WITHIN, || follower.is_ready()).await);
    let aws_calls = |stage: &Stage| stage.world.aws().as_fake().expect("the fake").calls().len();
    let offsets = [DAY, -DAY, 0, 3600];
    for (number, offset) in offsets.into_iter().enumerate() {
        clock.set(offset)?;
        let admitted = if number % 2 == 0 { "elsewhere" } else { "terraform" };
        admit(&stage.world, "terraform", admitted).await?;
        stage.change(RIGHT).await?;
        is_right(&stage.world, &stage.operator, RIGHT).await?;
        let before = aws_calls(&stage);
        let rate = stage.last(SPAN).await;
        let aws_rate = f64::from(u32::try_from(aws_calls(&stage) - before)?) / SPAN.as_secs_f64();
        assert!(
            rate <= MOST_CALLS && aws_rate <= MOST_CALLS,
            "{offset}: {rate} {aws_rate}"
        );
    }
    let steps = log_lines(&stage.operator, "the clock was set");
    assert_eq!(steps.len(), offsets.len(), "{steps:#?}");
    assert!(log_lines(&follower, "the clock was set").is_empty());
    // It never took the other one's lease for one that has run out.
    let written = follower.metrics().await?.total("irsa_audit_writes_total", &[]);
    assert_eq!(written, 0, "{}", follower.process().log());
    Ok(())
}
