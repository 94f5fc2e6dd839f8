//! irsa-audit: says why a pod cannot assume its IAM role, and how to repair it.

mod arguments;
mod audit;
mod can_i;
mod cluster;
mod operator;
mod remediation;
mod repair;
mod service;
mod writer;

use std::process::ExitCode;

use arguments::LogFormat;
use audit::args::AuditArgs;
use can_i::args::CanIArgs;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use irsa_audit::trust;
use operator::settings::OperatorArgs;
use repair::args::{ApproveArgs, ConsentArgs, PlanArgs, ReleaseArgs, RollbackArgs};
use service::ServiceError;
use tracing_subscriber::EnvFilter;
use writer::args::WriterArgs;

/// What is wrong with the call, or with the input: nothing was done.
const USAGE: u8 = 2;

#[derive(Parser)]
#[command(
    name = "irsa-audit",
    version,
    about = "Audits the bindings of Kubernetes ServiceAccounts to IAM roles"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller
    Operator(Box<OperatorArgs>),
    /// Run the writer, which carries out authorised repairs of trust policies
    Writer(Box<WriterArgs>),
    /// Audit every binding once, from a cluster and AWS, or from files
    Audit(Box<AuditArgs>),
    /// Tell whether a ServiceAccount may do something, and why
    CanI(Box<CanIArgs>),
    Plan(Box<PlanArgs>),
    Consent(Box<ConsentArgs>),
    Approve(Box<ApproveArgs>),
    Rollback(Box<RollbackArgs>),
    Release(ReleaseArgs),
    /// Look at a trust policy by itself
    #[command(subcommand)]
    Trust(trust::args::TrustCommand),
}

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Operator(args) => {
                let (log, format) = (args.log.clone(), args.log_format);
                serve(&log, format, operator::run(*args))
            }
            Command::Writer(args) => {
                let (log, format) = (args.log.clone(), args.log_format);
                serve(&log, format, writer::run(*args))
            }
            Command::Audit(args) => audit::run(&args).unwrap_or_else(|error| usage(&error.to_string())),
            Command::CanI(args) => can_i::run(&args).unwrap_or_else(|error| usage(&error.to_string())),
            Command::Plan(args) => repair::plan(&args).unwrap_or_else(|error| usage(&error.to_string())),
            Command::Consent(args) => {
                repair::consent(&args).unwrap_or_else(|error| usage(&error.to_string()))
            }
            Command::Approve(args) => {
                repair::approve(&args).unwrap_or_else(|error| usage(&error.to_string()))
            }
            Command::Rollback(args) => {
                repair::rollback(&args).unwrap_or_else(|error| usage(&error.to_string()))
            }
            Command::Release(args) => {
                repair::release(&args).unwrap_or_else(|error| usage(&error.to_string()))
            }
            Command::Trust(command) => trust::run(&command).unwrap_or_else(|error| usage(&error.to_string())),
        },
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Help that nobody can read is no failure of ours.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(error) => usage(&one_line(&error.to_string())),
    }
}

/// Runs a program that stays, with its log on stderr.
fn serve(log: &str, format: LogFormat, program: impl Future<Output = Result<(), ServiceError>>) -> ExitCode {
    // What the libraries say of single calls is told of all together, once, by those who make the calls.
    let filter = match EnvFilter::try_new(format!(
        "kube_runtime::watcher=error,kube_client::client=off,kube_client::client::tls=warn,{log}"
    )) {
        Ok(filter) => filter,
        Err(error) => {
            return usage(&format!(
                "invalid value `{}` for --log: {error}",
                audit_core::text::quote(log)
            ));
        }
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(false).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    // One thread: the work is small, and each further thread keeps a heap of its own, holes included.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure(&format!("no runtime: {error}")),
    };
    match runtime.block_on(program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_usage() => usage(&error.to_string()),
        Err(error) => failure(&error.to_string()),
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("irsa-audit: {message}");
    ExitCode::from(USAGE)
}

fn failure(message: &str) -> ExitCode {
    eprintln!("irsa-audit: {message}");
    ExitCode::FAILURE
}

/// The parser's message as one line: what is wrong, and where to look.
fn one_line(message: &str) -> String {
    let text: Vec<&str> = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let text = text.join(" ");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("{text}; see `irsa-audit --help`")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_help_of_each_command_of_remediation_has_an_example_and_the_exit_codes() {
        let cli = Cli::command();
        for name in ["plan", "consent", "approve", "rollback", "release"] {
            let command = cli.find_subcommand(name).unwrap();
            let help = command.get_long_about().unwrap().to_string();
            assert!(help.contains(&format!("irsa-audit {name} ")), "{help}");
            assert!(help.contains("Exit code: 0 "), "{help}");
        }
        Cli::command().debug_assert();
    }
}
