//! How the program was called.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use irsa_audit::trust::args::condition;

/// The name of the file by which kubectl finds it as a plugin; a hyphen in the command is an underscore in the file.
const PLUGIN: &str = "kubectl-irsa_audit";

/// The commands whose --context was a condition key of IAM.
const HAD_CONTEXT: [&str; 2] = ["can-i", "evaluate"];

/// The words of a call, the program first.
#[derive(Debug)]
pub struct Called {
    words: Vec<OsString>,
    program: &'static str,
    /// Whether a word was taken for what it meant in earlier versions.
    is_outdated: bool,
}

impl Called {
    /// From the words of the process.
    pub fn new(words: impl Iterator<Item = OsString>) -> Self {
        let words: Vec<OsString> = words.collect();
        let file = words.first().and_then(|word| Path::new(word).file_stem());
        let is_plugin = file.is_some_and(|file| file == PLUGIN);
        let (words, is_outdated) = with_conditions(words);
        let words = with_flags(words);
        Self {
            words,
            program: if is_plugin {
                "kubectl irsa-audit"
            } else {
                "irsa-audit"
            },
            is_outdated,
        }
    }

    /// How people call it.
    pub fn program(&self) -> &'static str {
        self.program
    }

    /// The words.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// What to write in place of outdated words, if any.
    pub fn outdated(&self) -> Option<&'static str> {
        self.is_outdated.then_some(
            "--context KEY=VALUE is outdated: write --condition KEY=VALUE. --context names a context of the kubeconfig",
        )
    }
}

/// Writes `help COMMAND` as `COMMAND --help`, and `version` as `--version`: many programs have these commands.
fn with_flags(mut words: Vec<OsString>) -> Vec<OsString> {
    match words.get(1).and_then(|word| word.to_str()) {
        Some("help") => {
            words.remove(1);
            words.push("--help".into());
        }
        Some("version") => {
            if let Some(word) = words.get_mut(1) {
                *word = "--version".into();
            }
        }
        _ => {}
    }
    words
}

/// Writes `--context KEY=VALUE` as `--condition KEY=VALUE`, for the commands where it meant that, and says whether there was one.
fn with_conditions(words: Vec<OsString>) -> (Vec<OsString>, bool) {
    if !words
        .iter()
        .any(|word| HAD_CONTEXT.iter().any(|name| word == name))
    {
        return (words, false);
    }
    let mut is_outdated = false;
    let mut written: Vec<OsString> = Vec::with_capacity(words.len());
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        let joined = word.to_str().and_then(|word| word.strip_prefix("--context="));
        let next = rest.peek().map(OsString::as_os_str);
        if let Some(value) = joined.filter(|value| is_condition(OsStr::new(value))) {
            is_outdated = true;
            written.push(format!("--condition={value}").into());
        } else if word == "--context" && next.is_some_and(is_condition) {
            is_outdated = true;
            written.push("--condition".into());
            written.extend(rest.next());
        } else {
            written.push(word);
        }
    }
    (written, is_outdated)
}

/// Whether a value is a condition key with a value. The context of an EKS cluster is an ARN, which has colons as well.
fn is_condition(value: &OsStr) -> bool {
    value
        .to_str()
        .is_some_and(|value| !value.starts_with("arn:") && condition(value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(words: &[&str]) -> Called {
        Called::new(words.iter().map(OsString::from))
    }

    #[test]
    fn help_and_version_are_commands_as_well() {
        for (words, meant) in [
            (vec!["x", "help"], vec!["x", "--help"]),
            (
                vec!["x", "help", "trust", "evaluate"],
                vec!["x", "trust", "evaluate", "--help"],
            ),
            (vec!["x", "version"], vec!["x", "--version"]),
            (vec!["x", "explain", "help"], vec!["x", "explain", "help"]),
        ] {
            assert_eq!(called(&words).words(), meant, "{words:?}");
        }
    }

    #[test]
    fn a_plugin_is_called_by_kubectl() {
        assert_eq!(
            called(&["/usr/local/bin/kubectl-irsa_audit"]).program(),
            "kubectl irsa-audit"
        );
        assert_eq!(called(&["./irsa-audit"]).program(), "irsa-audit");
        assert_eq!(called(&[]).program(), "irsa-audit");
    }

    #[test]
    fn a_condition_by_its_old_name_is_still_one() {
        for (words, expected) in [
            (
                &["x", "can-i", "--context", "aws:SourceIp=1"][..],
                &["x", "can-i", "--condition", "aws:SourceIp=1"][..],
            ),
            (
                &["x", "can-i", "--context=aws:SourceIp=1"],
                &["x", "can-i", "--condition=aws:SourceIp=1"],
            ),
            (
                &["x", "trust", "evaluate", "--context", "a:b="],
                &["x", "trust", "evaluate", "--condition", "a:b="],
            ),
        ] {
            let called = called(words);
            assert_eq!(called.words(), expected);
            assert!(called.outdated().is_some());
        }
        for words in [
            &["x", "can-i", "--context", "prod"][..],
            &[
                "x",
                "can-i",
                "--context",
                "arn:aws:eks:eu-west-1:111122223333:cluster/a=b",
            ],
            &["x", "audit", "--context", "a:b=c"],
            &["x", "can-i", "--context"],
        ] {
            let called = called(words);
            assert_eq!(called.words(), words);
            assert!(called.outdated().is_none());
        }
    }
}
