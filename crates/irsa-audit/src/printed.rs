//! Commands that print what the binary holds: the definitions of its custom resources, and completions for shells.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

/// What the long help of `completions` ends with.
const COMPLETIONS: &str = "\
Examples:
  irsa-audit completions bash > /etc/bash_completion.d/irsa-audit
  irsa-audit completions zsh > \"${fpath[1]}/_irsa-audit\"
  irsa-audit completions fish > ~/.config/fish/completions/irsa-audit.fish

Exit codes:
  0  printed
  2  something is wrong with the call";

/// What the long help of `crds` ends with.
const CRDS: &str = "\
Example:
  irsa-audit crds | kubectl apply --server-side -f -

Exit codes:
  0  printed
  2  something is wrong with the call";

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = COMPLETIONS)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Print the definitions of the custom resources as YAML.
#[derive(Debug, Args)]
#[command(after_long_help = CRDS)]
pub struct CrdsArgs {}

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// A definition does not serialize.
    #[error("`{0}` cannot be written as YAML: {1}")]
    Yaml(&'static str, String),
    /// It could not be written.
    #[error("standard output cannot be written: {0}")]
    Output(#[source] io::Error),
}

/// Prints completions of a command line.
///
/// # Errors
/// [`PrintError::Output`]. The exit code is then 2, as for `crds`.
pub fn completions(args: &CompletionsArgs, mut command: clap::Command) -> Result<ExitCode, PrintError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "irsa-audit", &mut text);
    print(&text)
}

/// Prints the definitions, each as a YAML document.
///
/// # Errors
/// [`PrintError`].
pub fn crds() -> Result<ExitCode, PrintError> {
    let mut text = String::new();
    for (name, crd) in audit_api::crds::all() {
        let yaml =
            serde_saphyr::to_string(&crd).map_err(|error| PrintError::Yaml(name, error.to_string()))?;
        text.push_str("---\n");
        text.push_str(&yaml);
    }
    print(text.as_bytes())
}

fn print(text: &[u8]) -> Result<ExitCode, PrintError> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(PrintError::Output(error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
