//! What is said on stderr beside the answer: warnings, details, and progress.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::Args;

/// Progress shows after so long, and is renewed as often.
const TICK: Duration = Duration::from_secs(1);

/// Back to the start of the line, and nothing on it.
const CLEAR: &str = "\r\u{1b}[K";

const QUIET: u8 = 0;
const NORMAL: u8 = 1;
const VERBOSE: u8 = 2;

/// Set once, before anything is said.
static LOUDNESS: AtomicU8 = AtomicU8::new(NORMAL);

/// How much is said beside the answer.
#[derive(Debug, Clone, Copy, Args)]
pub struct ConsoleArgs {
    /// Print no progress and no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    quiet: bool,

    /// Print what is being done, also without a terminal
    #[arg(short, long, global = true, display_order = 901)]
    verbose: bool,
}

impl ConsoleArgs {
    /// From now on, as much is said.
    pub fn apply(self) {
        let loudness = match (self.quiet, self.verbose) {
            (true, _) => QUIET,
            (_, true) => VERBOSE,
            _ => NORMAL,
        };
        LOUDNESS.store(loudness, Ordering::Relaxed);
    }
}

fn loudness() -> u8 {
    LOUDNESS.load(Ordering::Relaxed)
}

/// Says what the user should know about the answer.
pub fn warn(message: impl Display) {
    if shows_warnings() {
        eprintln!("{}irsa-audit: warning: {message}", clear());
    }
}

/// Whether warnings are shown.
pub fn shows_warnings() -> bool {
    loudness() > QUIET
}

/// What a line of progress leaves on a terminal must go before anything else is written.
fn clear() -> &'static str {
    if io::stderr().is_terminal() { CLEAR } else { "" }
}

/// What is being done: on a terminal once it takes longer than a second, with --verbose at once. Ends when it is dropped.
#[derive(Debug)]
pub struct Progress {
    said: Option<Sender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Something begins: `reading the cluster`.
    pub fn start(doing: &str) -> Self {
        if loudness() == VERBOSE {
            eprintln!("irsa-audit: {doing}");
        }
        if loudness() != NORMAL || !io::stderr().is_terminal() {
            return Self {
                said: None,
                thread: None,
            };
        }
        let (said, hears) = mpsc::channel::<String>();
        let mut doing = doing.to_owned();
        let thread = thread::spawn(move || {
            let start = Instant::now();
            let mut is_shown = false;
            loop {
                match hears.recv_timeout(TICK) {
                    Ok(next) => doing = next,
                    Err(RecvTimeoutError::Timeout) => {
                        is_shown = true;
                        let _ = write!(
                            io::stderr(),
                            "{CLEAR}irsa-audit: {doing} ({} s)",
                            start.elapsed().as_secs()
                        );
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if is_shown {
                let _ = write!(io::stderr(), "{CLEAR}");
            }
        });
        Self {
            said: Some(said),
            thread: Some(thread),
        }
    }

    /// How far it has come. Said only where a line of progress shows.
    pub fn reached(&self, doing: String) {
        if let Some(said) = &self.said {
            let _ = said.send(doing);
        }
    }

    /// The next thing begins.
    pub fn now(&self, doing: &str) {
        if loudness() == VERBOSE {
            eprintln!("irsa-audit: {doing}");
        }
        if let Some(said) = &self.said {
            let _ = said.send(doing.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.said = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
