//! What a child process takes.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Processor time, and memory.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Seconds of processor time in the program itself.
    pub user: f64,
    /// Seconds of processor time in the kernel on its behalf.
    pub system: f64,
    /// The most resident memory, in MB.
    pub memory: f64,
}

impl Usage {
    /// Seconds of processor time.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// Runs a program to its end, and says what it took. Any exit code below 2 is one of success: an audit that finds something has 1.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn of(command: &mut Command) -> io::Result<Usage> {
    let before = of_children()?;
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let mut memory: f64 = 0.0;
    let status = loop {
        // The figure only ever grows, so that at most the last milliseconds are missed.
        memory = memory.max(peak(&fs::read_to_string(&path).unwrap_or_default()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    if !matches!(status.code(), Some(0 | 1)) {
        return Err(io::Error::other(format!("{command:?} failed: {status}")));
    }
    let after = of_children()?;
    Ok(Usage {
        user: after.0 - before.0,
        system: after.1 - before.1,
        memory,
    })
}

/// `VmHWM`, which is in KiB, in MB.
fn peak(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    number.unwrap_or_default() * 1024.0 / 1e6
}

/// The processor time of all children that were waited for, in the program and in the kernel: `cutime` and `cstime` of
/// `/proc/self/stat`, see `proc_pid_stat(5)`, in hundredths of a second.
fn of_children() -> io::Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program is in parentheses, and may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut times = fields
        .split_whitespace()
        .skip(13)
        .filter_map(|field| field.parse::<f64>().ok())
        .map(|ticks| ticks / 100.0);
    times
        .next()
        .zip(times.next())
        .ok_or_else(|| io::Error::other("/proc/self/stat has no times"))
}
