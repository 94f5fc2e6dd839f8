//! Telling a waiting person what is going on.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use crate::process::{Launch, Process, ProcessError};

/// Often enough to show that it lives, seldom enough for the log of a CI job.
const OFTEN: Duration = Duration::from_secs(5);

/// For those who wait for somebody who tells already: they may be many.
pub(crate) const SELDOM: Duration = Duration::from_secs(30);

/// Awaits `work`, and as often as that tells stderr what is being done and for how long.
pub(crate) async fn with_progress<T>(doing: &str, every: Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let mut ticks = interval_at(start + every, every);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                // Past the capture of output in tests: there it matters most. If nobody listens, nobody waits.
                let _ = writeln!(io::stderr(), "test-kit: {doing}: {} s so far", start.elapsed().as_secs());
            }
        }
    }
}

/// Runs a command to its end; gives its exit code, and the process for its log.
pub(crate) async fn run(
    launch: Launch,
    doing: &str,
    within: Duration,
) -> Result<(i32, Process), ProcessError> {
    let process = launch.start()?;
    let code = with_progress(doing, OFTEN, process.wait(within)).await?;
    Ok((code, process))
}

/// As [`run`], where only the exit code 0 will do.
pub(crate) async fn succeed(launch: Launch, doing: &str, within: Duration) -> Result<(), ProcessError> {
    match run(launch, doing, within).await? {
        (0, _) => Ok(()),
        (_, process) => Err(process.ended()),
    }
}
