//! The project's own commands: `cargo xtask codegen | demo | test | tidy | bench`.

mod actions;
mod bench;
mod codegen;
mod demo;
mod legend;
mod pages;
mod pictures;
mod steps;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate what is checked in but not written by hand
    Codegen {
        /// Change nothing; fail if something is not as generated
        #[arg(long)]
        check: bool,
    },
    /// Write the list of IAM actions anew; downloads a Python package
    Actions,
    /// Show the operator at work on a real API server
    Demo(demo::DemoArgs),
    /// Check format, lints, docs and generated files, and run all tests
    Test {
        /// Also what takes longer: fuzzing, more generated cases
        #[arg(long)]
        full: bool,
    },
    /// Check the structure of the code: the order of crates, circles of files, long files
    Tidy,
    /// Measure what `docs/benchmarks.md` shows, in release builds
    Bench {
        /// One subject; all where absent
        #[arg(value_enum)]
        subject: Option<bench::Subject>,
    },
    /// Draw the documents' pictures of the dashboards anew, from real data
    Pictures,
    /// Called by the demo's shell
    #[command(name = demo::stand_in::COMMAND, hide = true)]
    AwsStandIn(demo::stand_in::StandInArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Codegen { check } => codegen::run(&root(), check).map_err(|error| error.to_string()),
        Command::Actions => actions::run(&root()),
        Command::Demo(args) => demo::run(&args).map_err(|error| error.to_string()),
        Command::Pictures => pictures::run(&root()),
        Command::AwsStandIn(args) => demo::stand_in::run(args),
        Command::Test { full } => steps::test(&root(), full),
        Command::Tidy => tidy::run(&root()),
        Command::Bench { subject } => bench::run(&root(), subject).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace, two levels above this crate.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or(here.clone(), PathBuf::from)
}
