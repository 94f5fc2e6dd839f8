//! Awaiting the end of processes that are not ours.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

/// Far longer than anything takes that is awaited with it.
pub const SOON: Duration = Duration::from_mins(1);

/// Whether there is such a process that has not ended. In a container without an init process nobody collects the
/// orphans: they stay listed, as zombies.
pub fn lives(pid: i32) -> bool {
    let zombie = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok() && !zombie
}

/// Awaits that nothing is left of a process and its folder.
pub async fn gone(pids: &[i32], folder: &Path) {
    eventually(|| !folder.exists() && !pids.iter().any(|pid| lives(*pid))).await;
}

pub async fn eventually(condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, poll).await.unwrap();
}
