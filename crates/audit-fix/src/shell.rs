//! Quoting for a POSIX shell.

/// One word, in single quotes unless every character is harmless.
///
/// Single quotes keep everything literal but themselves, in every POSIX shell. A word that begins with `=` is quoted
/// because zsh puts a program's path in its place.
#[must_use]
pub(crate) fn word_quoted(word: &str) -> String {
    if is_harmless(word) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether no shell reads anything into a word.
fn is_harmless(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    !word.is_empty() && !word.starts_with('=') && word.chars().all(is_plain)
}

/// One word without single quotes, in double quotes unless every character is harmless: the same word to every POSIX shell, also within
/// text that is in single quotes.
///
/// `!` is outside of the quotes, because within them an interactive bash or zsh takes it for a reference to its history.
#[must_use]
pub(crate) fn word_without_single_quotes(word: &str) -> String {
    if is_harmless(word) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for c in word.chars() {
        match c {
            '"' | '$' | '`' | '\\' => quoted.extend(['\\', c]),
            '!' => quoted.push_str("\"\\!\""),
            '\'' => quoted.push_str("$(printf \"\\047\")"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
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
    fn no_value_is_taken_for_a_program() {
        assert_eq!(word_quoted("=ls"), "'=ls'");
        assert_eq!(word_without_single_quotes("=ls"), "\"=ls\"");
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
    }
}
