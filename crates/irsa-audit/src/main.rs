//! irsa-audit: says why a pod cannot assume its IAM role, and how to repair it.

mod arguments;
mod audit;
mod can_i;
mod cli;
mod cluster;
mod console;
mod digest;
mod doctor;
mod explain;
mod operator;
mod printed;
mod probe;
mod refresh;
mod remediation;
mod repair;
mod service;
mod snapshot;
mod status;
mod writer;

use std::fmt::Display;
use std::process::ExitCode;

use arguments::LogFormat;
use clap::error::ErrorKind;
use cli::{Called, Command, WrongCall};
use irsa_audit::trust;
use service::ServiceError;
use tracing_subscriber::EnvFilter;

/// What is wrong with the call, or with the input: nothing was done.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let called = Called::new(std::env::args_os());
    match cli::parse(&called) {
        Ok(cli) => {
            cli.console.apply();
            if let Some(outdated) = called.outdated() {
                console::warn(outdated);
            }
            run(cli.command, &called)
        }
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Help that nobody can read is no failure of ours.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        Err(error) => usage(&WrongCall::new(&error, &called).message),
    }
}

fn run(command: Command, called: &Called) -> ExitCode {
    match command {
        Command::Explain(args) => finish(explain::run(&args, called.program())),
        Command::Status(args) => finish(status::run(&args)),
        Command::Probe(args) => finish(probe::run(&args, called.program())),
        Command::Audit(args) => finish(audit::run(&args)),
        Command::Snapshot(args) => finish(snapshot::run(&args)),
        Command::CanI(args) => finish(can_i::run(&args)),
        Command::Trust(command) => finish(trust::run(&command)),
        Command::Refresh(args) => finish(refresh::run(&args)),
        Command::Doctor(args) => finish(doctor::run(&args)),
        Command::Plan(args) => finish(repair::plan(&args)),
        Command::Consent(args) => finish(repair::consent(&args)),
        Command::Approve(args) => finish(repair::approve(&args)),
        Command::Rollback(args) => finish(repair::rollback(&args)),
        Command::Release(args) => finish(repair::release(&args)),
        Command::Crds(_) => finish(printed::crds()),
        Command::Completions(args) => finish(printed::completions(&args, cli::command(called.program()))),
        Command::Operator(args) => {
            let (log, format) = (args.log.clone(), args.log_format);
            serve(&log, format, operator::run(*args))
        }
        Command::Writer(args) => {
            let (log, format) = (args.log.clone(), args.log_format);
            serve(&log, format, writer::run(*args))
        }
    }
}

/// The exit code of a command that ran; of one that could not, what is wrong.
fn finish(ended: Result<ExitCode, impl Display>) -> ExitCode {
    ended.unwrap_or_else(|error| usage(&error.to_string()))
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
