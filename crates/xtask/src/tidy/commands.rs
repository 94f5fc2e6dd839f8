//! What a sentence may say about a command: nothing that comes from elsewhere, unless it is an `audit_fix::Command`, which quotes it.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::shown;

/// Programs that people are told to run.
const PROGRAMS: [&str; 6] = ["aws", "kubectl", "eksctl", "irsa-audit", "jq", "oc"];

/// What follows the name of a program in a sentence about it.
const VERBS: [&str; 8] = ["can", "cannot", "could", "did", "evaluated", "has", "may", "must"];

/// Texts of a package's sources in which a value is put into a command as it is.
///
/// # Errors
/// When a file cannot be read as Rust.
pub fn unquoted(root: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let sources = folder.join("src");
    super::files::sources(&sources, &mut files).map_err(|error| format!("{}: {error}", sources.display()))?;
    files.sort();
    let mut wrong = Vec::new();
    for file in files {
        wrong.extend(of_file(root, &file)?);
    }
    Ok(wrong)
}

fn of_file(root: &Path, file: &PathBuf) -> Result<Vec<String>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let tokens: TokenStream = text
        .parse()
        .map_err(|error: proc_macro2::LexError| wrong(&error))?;
    let mut texts = Vec::new();
    literals(tokens, &mut texts);
    let open = texts.iter().filter_map(|text| open_command(text));
    let file = shown(root, file);
    Ok(open
        .map(|command| {
            format!("{file}: a value is put into the command {command:?} as it is: make it a `Command`")
        })
        .collect())
}

/// The strings of code that is shipped: neither of tests, nor of comments.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let mut is_for_tests = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let words = group.stream().to_string();
                is_for_tests |= words.starts_with("cfg") && words.contains("test");
                if !words.starts_with("doc") {
                    literals(group.stream(), found);
                }
            }
            TokenTree::Group(group) => {
                // The body of a module or function for tests.
                if !is_for_tests || group.delimiter() != Delimiter::Brace {
                    literals(group.stream(), found);
                }
                is_for_tests &= group.delimiter() != Delimiter::Brace;
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => is_for_tests = false,
            TokenTree::Literal(literal) => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                found.extend(text.ok().map(|text| text.value()));
            }
            _ => {}
        }
    }
}

/// The beginning of a command in backticks, or of a text that is one, into which something is formatted.
fn open_command(text: &str) -> Option<String> {
    let within = text.split('`').skip(1).step_by(2);
    let mut commands = within.chain([text]).filter(|command| {
        let mut words = command.split(' ');
        let is_program = words.next().is_some_and(|program| PROGRAMS.contains(&program));
        is_program && words.next().is_some_and(|word| !VERBS.contains(&word))
    });
    let command = commands.find(|command| {
        let own = command.split('`').next().unwrap_or_default();
        let mut after = own.split('{').skip(1);
        // JSON goes on with a quote or white space.
        after.any(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || "_:}".contains(c)))
    })?;
    Some(command.chars().take(60).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> usize {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), source).unwrap();
        unquoted(folder.path(), folder.path()).unwrap().len()
    }

    #[test]
    fn a_value_in_a_command_is_told() {
        for source in [
            r#"fn a(x: &str) -> String { format!("look at `aws iam get-role --role-name {x}` first") }"#,
            r#"fn a(x: &str) -> String { format!("kubectl delete pod {}", x) }"#,
            r#"#[error("`irsa-audit release {0}` undoes it")] struct E(String);"#,
        ] {
            assert_eq!(found(source), 1, "{source}");
        }
    }

    #[test]
    fn words_around_a_command_and_tests_may_hold_values() {
        for source in [
            r#"fn a(x: &str) -> String { format!("{x}: `aws sts get-caller-identity` shows {x}; `{x}` too") }"#,
            "/// As `kubectl get {x}`.\nfn a() {}",
            r#"fn a(x: &str) -> String { format!("irsa-audit could not read {x}") }"#,
            r#"#[cfg(test)] mod tests { fn a(x: &str) -> String { format!("kubectl get {x}") } }"#,
        ] {
            assert_eq!(found(source), 0, "{source}");
        }
    }
}
