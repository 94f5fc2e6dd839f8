//! What is wrong with a call.

use std::fmt::Write as _;
use std::path::Path;

use audit_core::fix::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Called, command};

/// The commands that read files by a flag alone.
const READ_FILES: [&str; 3] = ["status", "can-i", "explain"];

/// A call that cannot be understood.
#[derive(Debug)]
pub struct WrongCall {
    /// One line: what is wrong, what may have been meant, and where the help is.
    pub message: String,
}

impl WrongCall {
    /// From the parser's error.
    pub fn new(error: &clap::Error, called: &Called) -> Self {
        let commands = commands(called);
        let mut message = one_line(&error.to_string());
        if let Some(flag) = meant_as_file(error, &commands) {
            let _ = write!(message, "; to read a file, write `{flag}`");
        }
        let help: Vec<&str> = [called.program()]
            .into_iter()
            .chain(commands.iter().map(String::as_str))
            .collect();
        let _ = write!(message, "; see `{} --help`", help.join(" "));
        Self { message }
    }
}

/// The commands that the call names, `trust` and `evaluate`.
fn commands(called: &Called) -> Vec<String> {
    let mut command = &command(called.program());
    let mut names = Vec::new();
    for word in called.words().iter().skip(1) {
        let Some(found) = word.to_str().and_then(|word| command.find_subcommand(word)) else {
            continue;
        };
        names.push(found.get_name().to_owned());
        if !found.has_subcommands() {
            break;
        }
        command = found;
    }
    names
}

/// The flag for a word that is no argument of the command, and names a file.
fn meant_as_file(error: &clap::Error, commands: &[String]) -> Option<Command> {
    let reads_files = commands
        .first()
        .is_some_and(|name| READ_FILES.contains(&name.as_str()));
    if error.kind() != ErrorKind::UnknownArgument || !reads_files {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is_file = !word.starts_with('-') && Path::new(word).exists();
    is_file.then(|| Command::new("--kubernetes").argument(word))
}

/// The parser's message as one line, without its hints at the help.
fn one_line(message: &str) -> String {
    let text: Vec<&str> = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let text = text.join(" ").replace("error: ", "");
    audit_core::text::reveal(&text)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn wrong(words: &[&str]) -> String {
        let called = Called::new(["irsa-audit"].iter().chain(words).map(std::ffi::OsString::from));
        WrongCall::new(&parse(&called).unwrap_err(), &called).message
    }

    #[test]
    fn the_help_of_the_command_is_named() {
        for (words, expected) in [
            (&["audit", "--nope"][..], "`irsa-audit audit --help`"),
            (
                &["trust", "evaluate", "--nope"],
                "`irsa-audit trust evaluate --help`",
            ),
            (&["-q", "status", "a/b", "--nope"], "`irsa-audit status --help`"),
            (&["nope"], "`irsa-audit --help`"),
        ] {
            let message = wrong(words);
            assert!(
                message.ends_with(expected) && !message.contains('\n'),
                "{message}"
            );
        }
    }

    #[test]
    fn a_file_is_not_taken_for_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert!(wrong(&["status", "a/b", path]).contains(&format!("--kubernetes {path}")));
        assert!(!wrong(&["status", "a/b", "absent.yaml"]).contains("--kubernetes"));
    }

    #[test]
    fn what_was_meant_is_suggested() {
        assert!(wrong(&["audti"]).contains("'audit'"));
        assert!(wrong(&["audit", "--kubernets", "x"]).contains("'--kubernetes'"));
    }
}
