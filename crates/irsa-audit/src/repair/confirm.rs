//! Asking a person.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// What has to happen before something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConfirmStep {
    /// It was named exactly, by a program or by a person who does not want to be asked.
    Go,
    /// A person has to say yes.
    Ask,
    /// No one can be asked, and it was not named exactly.
    Refuse,
}

/// The step for a terminal or none. `is_named`: the call names exactly what was shown. `yes` alone confirms nothing.
pub(super) fn step(is_terminal: bool, is_named: bool, yes: bool) -> ConfirmStep {
    match (is_terminal, is_named) {
        (true, true) if yes => ConfirmStep::Go,
        (true, _) => ConfirmStep::Ask,
        (false, true) => ConfirmStep::Go,
        (false, false) => ConfirmStep::Refuse,
    }
}

/// Whether there is a person to ask: who sees what was shown and the question, and can answer it.
pub(super) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Asks. Only `yes` means yes.
pub(super) fn ask(question: &str) -> io::Result<bool> {
    let mut err = io::stderr().lock();
    write!(err, "{question} Type yes to continue: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim_end_matches(['\n', '\r']) == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_blindly() {
        let (terminal, none) = (true, false);
        for (where_, is_named, yes, expected) in [
            (terminal, false, false, ConfirmStep::Ask),
            (terminal, false, true, ConfirmStep::Ask),
            (terminal, true, false, ConfirmStep::Ask),
            (terminal, true, true, ConfirmStep::Go),
            (none, false, false, ConfirmStep::Refuse),
            (none, false, true, ConfirmStep::Refuse),
            (none, true, false, ConfirmStep::Go),
            (none, true, true, ConfirmStep::Go),
        ] {
            assert_eq!(step(where_, is_named, yes), expected, "{where_} {is_named} {yes}");
        }
    }
}
