//! The same question again and again.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use super::args::StatusError;
use super::print;
use super::view::Answer;
use crate::console;

/// An empty screen.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Asks every so often, until the process is interrupted, and prints what changed. A look that fails after the first is told and tried again: a
/// cluster may be away for a moment.
pub(super) fn run(
    every: Duration,
    ask: impl Fn() -> Result<Answer, StatusError>,
) -> Result<ExitCode, StatusError> {
    let is_terminal = io::stdout().is_terminal();
    let mut last = ask()?;
    show(&last, is_terminal)?;
    loop {
        thread::sleep(every);
        match ask() {
            // The time of the look is in the text: on a terminal it shows that the watch is alive.
            Ok(answer) if is_terminal || is_news(&answer, &last) => {
                show(&answer, is_terminal)?;
                last = answer;
            }
            Ok(_) => {}
            Err(error) => console::warn(error),
        }
    }
}

fn show(answer: &Answer, is_terminal: bool) -> Result<(), StatusError> {
    let before = if is_terminal { CLEAR } else { "" };
    print(&format!("{before}{}", answer.text))
}

/// Whether more changed than the times of the look.
fn is_news(answer: &Answer, last: &Answer) -> bool {
    let without_times = |text: &str| -> Vec<String> {
        let lines = text.lines().take_while(|line| !line.starts_with("looked at "));
        lines.map(str::to_owned).collect()
    };
    answer.code != last.code || without_times(&answer.text) != without_times(&last.text)
}
