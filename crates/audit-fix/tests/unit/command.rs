use std::process::Command as Process;

use proptest::prelude::*;

use super::*;

/// Shells that people paste into. `sh` alone is certainly there.
const SHELLS: [&[&str]; 4] = [&["sh"], &["bash"], &["zsh"], &["busybox", "sh"]];

/// The words that a program is given by a script, in which no other program can be found; `None` where there is no such shell.
fn given(shell: &[&str], script: &str) -> Option<Vec<String>> {
    let stub = "PATH=/nowhere; program() { printf '%s\\0' \"$@\"; }; touched() { echo touched >&2; };";
    let (name, rest) = shell.split_first().unwrap();
    let output = Process::new(name)
        .args(rest)
        .args(["-c", &format!("{stub} {script}")])
        .output();
    let Ok(output) = output else {
        assert_ne!(*name, "sh", "every machine has one");
        return None;
    };
    assert!(
        output.stderr.is_empty(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let words = String::from_utf8(output.stdout).unwrap();
    Some(words.split_terminator('\0').map(str::to_owned).collect())
}

/// A command with a value in every place.
fn command(value: &str) -> Command {
    Command::new("program get")
        .option("--role-name", value)
        .own("--query Role.Arn --")
        .argument(value)
        .verbatim(value)
        .glued(" # end")
}

/// What the program has to be given.
fn wanted(value: &str) -> Vec<String> {
    let option = if value.starts_with('-') {
        vec![format!("--role-name={value}")]
    } else {
        vec!["--role-name".to_owned(), value.to_owned()]
    };
    let words = ["--query", "Role.Arn", "--", value, value].map(str::to_owned);
    [vec!["get".to_owned()], option, words.to_vec()].concat()
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"[-$%{}"'\\`&|;<>()*?!~#^: =@+,\[\]a-c]{0,12}"#,
        r"(\$\(touched\)|`touched`|;touched|'|\x22|\\|!!|!t|-|--all|x|\n){1,5}",
        r"\PC{0,6}",
        "(file://|fileb://)?[a-z]{0,3}",
        "[\u{202e}\u{200b}\u{e0041}\u{fe0f}\u{34f}\n\ra]{1,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_program_is_given_what_was_read_or_there_is_no_command(value in hostile()) {
        let command = command(&value);
        let Some(line) = command.line() else {
            prop_assert!(value.chars().any(is_hidden) || value.starts_with('-') || value.starts_with("file"));
            return Ok(());
        };
        for shell in SHELLS {
            for text in [&line, &command.to_string(), &command.within_comment()] {
                let Some(words) = given(shell, text) else { continue };
                prop_assert_eq!(words, wanted(&value), "{:?}: {}", shell, text);
            }
        }
    }

    /// Someone copies a command out of a sentence that is itself within a comment.
    #[test]
    fn a_command_that_is_copied_out_of_a_comment_runs_nothing_else(value in hostile()) {
        let shown = command(&value).to_string();
        prop_assert!(!shown.contains('\'') && !shown.chars().any(is_hidden), "{}", shown);
        let comment = shell::comment("to do", &format!("run `{shown}` first"));
        prop_assert!(comment.contains(&shown), "{}", comment);
        for shell in SHELLS {
            let Some(words) = given(shell, &shown) else { continue };
            prop_assert_eq!(words[0].as_str(), "get");
            // With a stub for `#`, as an interactive zsh takes it for a program.
            let whole = comment.replacen('#', ":", 1);
            prop_assert_eq!(given(shell, &whole), Some(Vec::new()));
        }
    }
}

#[test]
fn a_value_that_cannot_be_pasted_is_a_placeholder_in_a_sentence() {
    let command = |value: &str| Command::new("aws iam get-role").option("--role-name", value);
    let shown = "aws iam get-role --role-name ROLE_NAME";
    for value in ["a\u{202e}b", "a\nb", "file:///etc/passwd", &"x".repeat(SHOWN + 1)] {
        assert_eq!(command(value).to_string(), shown, "{value}");
    }
    assert_eq!(command("-x").to_string(), "aws iam get-role --role-name=-x");
    let flag = Command::new("kubectl delete pod").argument("--all");
    assert_eq!(
        (flag.line(), flag.to_string().as_str()),
        (None, "kubectl delete pod VALUE")
    );
    assert!(flag.why_not().contains("`--all`"));
}
