//! Quoting for a POSIX shell.

/// A command line: the program, then each word quoted where the shell could read anything into it.
#[must_use]
pub fn line(program: &str, words: &[&str]) -> String {
    let mut line = program.to_owned();
    for word in words {
        line.push(' ');
        line.push_str(&word_quoted(word));
    }
    line
}

/// One word, in single quotes unless every character is harmless.
///
/// Single quotes keep everything literal but themselves, in every POSIX shell. A word that begins with `=` is quoted
/// because zsh puts a program's path in its place.
#[must_use]
pub fn word_quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(harmless) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// An option with its value, as one word or two: a value that begins with `-` would be taken for the next option.
#[must_use]
pub fn option(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        vec![format!("{name}={value}")]
    } else {
        vec![name.to_owned(), value.to_owned()]
    }
}

/// Whether a word that is pasted into a terminal is the word that was read there.
#[must_use]
pub fn is_pasteable(word: &str) -> bool {
    !word.chars().any(crate::text::is_hidden)
}

/// Words as a comment of one line, `# begin: text`; `begin` is the program's own.
///
/// An interactive zsh knows no comments unless it was told to: it takes `#` for a program and expands the words after it. So these are in
/// single quotes where a shell could read anything into them.
#[must_use]
pub fn comment(begin: &str, text: &str) -> String {
    let shown = crate::text::reveal(text);
    let is_harmless = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || " -_./:@%+,".contains(c);
    let begin = match begin {
        "" => String::new(),
        begin => format!("{begin}: "),
    };
    if shown.chars().all(is_harmless) {
        format!("# {begin}{shown}")
    } else {
        // A quote within would end the quotes, and three characters for each are hard to read.
        format!("# {begin}'{}'", shown.replace('\'', "\u{2019}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn harmless_words_stay_readable() {
        assert_eq!(
            line("aws", &["iam", "--arn", "arn:aws:iam::1:role/a"]),
            "aws iam --arn arn:aws:iam::1:role/a"
        );
    }

    #[test]
    fn no_value_is_taken_for_an_option_or_for_a_program() {
        assert_eq!(option("--role-name", "-x"), ["--role-name=-x"]);
        assert_eq!(option("--role-name", "x"), ["--role-name", "x"]);
        assert_eq!(word_quoted("=ls"), "'=ls'");
    }

    #[test]
    fn what_a_terminal_hides_is_not_pasteable() {
        assert!(is_pasteable("arn:aws:iam::1:role/é $(x) 'y'"));
        for word in ["a\nb", "a\u{1b}[0m", "a\u{202e}b", "a\u{200b}b", "a\tb"] {
            assert!(!is_pasteable(word), "{word:?}");
        }
    }

    #[test]
    fn plain_words_stay_readable_in_a_comment() {
        assert_eq!(
            comment("to do", "ask the owner first"),
            "# to do: ask the owner first"
        );
        assert_eq!(comment("", "it's `a`"), "# 'it\u{2019}s `a`'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_comment_does_nothing_in_a_shell_with_comments_or_without(
            text in r#"[-$%{}"'\\`&|;<>()*?!~#: =\[\]a-c\n]{0,20}|\PC{0,6}|.{0,6}"#
        ) {
            let line = comment("then, by hand", &text);
            prop_assert!(!line.chars().any(crate::text::is_hidden));
            let without = line.replacen('#', "told", 1);
            for script in [format!("echo begun; {line}\necho ended"), format!("told() {{ :; }}; echo begun; {without}\necho ended")] {
                let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
                prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), "begun\nended\n");
                prop_assert!(output.stderr.is_empty());
            }
        }

        #[test]
        fn a_shell_gives_back_exactly_what_was_quoted(word in "[^\0]{0,40}") {
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(line("printf", &["%s", &word]))
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
