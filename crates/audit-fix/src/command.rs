//! Command lines, of which some words come from a cluster, an account or a file.
//!
//! The words of the program are `&'static str`, so that nothing else can be written as it is. Every other word is a value, and is quoted
//! wherever the command is shown: on a line of its own, in a sentence, and in a comment of a script.

use std::borrow::Cow;
use std::fmt;

use crate::shell;
use crate::text::{is_hidden, quote};

/// The most bytes of a value that a sentence shows within a command; an ARN with the longest path fits.
const SHOWN: usize = 700;

/// A command line for a POSIX shell.
///
/// [`Command::line`] is the command for a line of its own. As text within a sentence (`Display`) it has no single quotes, since
/// [`shell::comment`] puts the sentence in these; a value that cannot be pasted is there a placeholder, `ROLE_NAME` for `--role-name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    words: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Words of ours, in the shell's own language.
    Own(&'static str),
    /// The same, right behind the word before it.
    Glued(&'static str),
    /// A name of ours and a value; two words, or one with `=` between them where the value begins with `-`.
    Option(&'static str, String),
    /// A value that stands by itself.
    Argument(String),
    /// A value that stands by itself and may begin with `-`, because the program before it takes it as it is.
    Verbatim(String),
}

impl Word {
    fn value(&self) -> Option<&str> {
        match self {
            Self::Own(_) | Self::Glued(_) => None,
            Self::Option(_, value) | Self::Argument(value) | Self::Verbatim(value) => Some(value),
        }
    }

    /// Whether the program gets the value that a person read.
    fn is_pasteable(&self) -> bool {
        let Some(value) = self.value() else { return true };
        // The AWS CLI would read the file of that name.
        let is_file = || {
            ["file://", "fileb://"]
                .iter()
                .any(|scheme| value.starts_with(scheme))
        };
        let is_misread = match self {
            Self::Argument(_) => value.starts_with('-') || is_file(),
            Self::Option(..) => is_file(),
            _ => false,
        };
        shell::is_pasteable(value) && !is_misread
    }

    /// What stands for a value that is not shown.
    fn placeholder(&self) -> String {
        match self {
            Self::Option(name, _) => name
                .trim_start_matches('-')
                .replace('-', "_")
                .to_ascii_uppercase(),
            _ => "VALUE".to_owned(),
        }
    }

    fn write(&self, line: &mut String, quoted: impl Fn(&str) -> String) {
        if !line.is_empty() && !matches!(self, Self::Glued(_)) {
            line.push(' ');
        }
        match self {
            Self::Own(text) | Self::Glued(text) => line.push_str(text),
            Self::Option(name, value) if value.starts_with('-') => {
                line.push_str(&quoted(&format!("{name}={value}")));
            }
            Self::Option(name, value) => {
                line.push_str(name);
                line.push(' ');
                line.push_str(&quoted(value));
            }
            Self::Argument(value) | Self::Verbatim(value) => line.push_str(&quoted(value)),
        }
    }
}

impl Command {
    /// A command that begins with these words of ours: `aws iam get-role`.
    #[must_use]
    pub fn new(words: &'static str) -> Self {
        Self {
            words: vec![Word::Own(words)],
        }
    }

    /// Further words of ours, in the shell's own language and without single quotes: `--query Role.Arn`, `| jq -ce`.
    #[must_use]
    pub fn own(mut self, words: &'static str) -> Self {
        self.words.push(Word::Own(words));
        self
    }

    /// The same without a space before it.
    #[must_use]
    pub(crate) fn glued(mut self, words: &'static str) -> Self {
        self.words.push(Word::Glued(words));
        self
    }

    /// An option with its value. A value that begins with `-` follows a `=`: the program would take it for the next option.
    #[must_use]
    pub fn option(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.words.push(Word::Option(name, value.into()));
        self
    }

    /// A value that is a word by itself. No command can be given where it begins with `-`.
    #[must_use]
    pub fn argument(mut self, value: impl Into<String>) -> Self {
        self.words.push(Word::Argument(value.into()));
        self
    }

    /// Several of these.
    #[must_use]
    pub fn arguments<S: Into<String>>(self, values: impl IntoIterator<Item = S>) -> Self {
        values.into_iter().fold(self, Self::argument)
    }

    /// A value that is a word by itself, for a program that takes it for no option: a pattern, or text for `printf` and `test`.
    #[must_use]
    pub(crate) fn verbatim(mut self, value: impl Into<String>) -> Self {
        self.words.push(Word::Verbatim(value.into()));
        self
    }

    /// The command in a shell: each value quoted where the shell could read anything into it.
    ///
    /// `None` where a value is not what the program would get, or not what a person would read: it holds characters that a terminal
    /// hides, would be taken for an option, or for the name of a file to read.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        self.is_pasteable().then(|| self.written(shell::word_quoted))
    }

    /// Whether the command is given at all, as for [`Command::line`].
    #[must_use]
    pub fn is_pasteable(&self) -> bool {
        self.words.iter().all(Word::is_pasteable)
    }

    /// The command within the comment of a script: a person who copies it out of there runs this command and nothing else.
    pub(crate) fn within_comment(&self) -> String {
        self.written(shell::word_without_single_quotes)
    }

    fn written(&self, quoted: impl Fn(&str) -> String) -> String {
        let mut line = String::new();
        for word in &self.words {
            word.write(&mut line, &quoted);
        }
        line
    }

    /// Why no command is given, for a person who has to correct a value first.
    pub(crate) fn why_not(&self) -> String {
        let begin = match self.words.first() {
            Some(Word::Own(words)) => *words,
            _ => "",
        };
        let wrong = self.words.iter().filter(|word| !word.is_pasteable());
        let wrong: Vec<String> = wrong
            .map(|word| {
                let value = word.value().unwrap_or_default();
                let why = if value.chars().any(is_hidden) {
                    "has characters that a terminal does not show"
                } else {
                    "would be taken for an option or for a file to read"
                };
                format!("`{}` {why}", quote(value))
            })
            .collect();
        format!(
            "no command with `{begin}` is printed, because it could not be pasted: {}. Correct this first",
            wrong.join("; ")
        )
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|word| {
            let is_long = word.value().is_some_and(|value| value.len() > SHOWN);
            if word.is_pasteable() && !is_long {
                return Cow::Borrowed(word);
            }
            let placeholder = word.placeholder();
            Cow::Owned(match word {
                Word::Option(name, _) => Word::Option(name, placeholder),
                _ => Word::Verbatim(placeholder),
            })
        });
        let shown = Self {
            words: words.map(Cow::into_owned).collect(),
        };
        f.write_str(&shown.within_comment())
    }
}

#[cfg(test)]
#[path = "../tests/unit/command.rs"]
mod tests;
