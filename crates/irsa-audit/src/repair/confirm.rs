//! Asking a person.

use std::io::{self, BufRead, IsTerminal as _, Write};

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

/// Asks on the terminal. Only `yes` means yes.
pub(super) fn ask(question: &str) -> io::Result<bool> {
    ask_on(&mut io::stdin().lock(), &mut io::stderr().lock(), question)
}

fn ask_on(input: &mut impl BufRead, output: &mut impl Write, question: &str) -> io::Result<bool> {
    write!(output, "{question} Type yes to continue: ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(answer.trim_end_matches(['\n', '\r']) == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_means_yes() {
        for (answer, expected) in [
            ("yes\n", true),
            ("yes\r\n", true),
            ("yes", true),
            ("y\n", false),
            ("Yes\n", false),
            (" yes\n", false),
            ("no\nyes\n", false),
            ("\n", false),
            ("", false),
        ] {
            let mut asked = Vec::new();
            assert_eq!(
                ask_on(&mut answer.as_bytes(), &mut asked, "Release it?").unwrap(),
                expected,
                "{answer:?}"
            );
            assert!(!asked.is_empty());
        }
    }

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
