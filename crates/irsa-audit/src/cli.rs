//! The command line as a whole: its commands, how it was called, and what is said of a call that is wrong.
//!
//! | module | what is in it |
//! |---|---|
//! | `called` | the words of the call, by which name, and what they meant in earlier versions |
//! | `wrong` | one line on what is wrong with a call, and where its help is |

mod called;
mod wrong;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use irsa_audit::trust;

use crate::audit::args::AuditArgs;
use crate::can_i::args::CanIArgs;
use crate::console::ConsoleArgs;
use crate::doctor::args::DoctorArgs;
use crate::explain::args::ExplainArgs;
use crate::operator::settings::OperatorArgs;
use crate::printed::{CompletionsArgs, CrdsArgs};
use crate::probe::args::ProbeArgs;
use crate::refresh::RefreshArgs;
use crate::repair::args::{ApproveArgs, ConsentArgs, PlanArgs, ReleaseArgs, RollbackArgs};
use crate::snapshot::args::SnapshotArgs;
use crate::status::args::StatusArgs;
use crate::writer::args::WriterArgs;
pub use called::Called;
pub use wrong::WrongCall;

/// Audits the bindings of Kubernetes ServiceAccounts to IAM roles.
///
/// Says why a pod cannot assume its IAM role, and how to repair it. Without a flag it looks at the cluster of the kubeconfig and at AWS. It writes
/// to neither, except where a command says so.
#[derive(Debug, Parser)]
#[command(
    name = "irsa-audit",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = MORE
)]
pub struct Cli {
    #[command(flatten)]
    pub console: ConsoleArgs,

    #[command(subcommand)]
    pub command: Command,
}

/// What the help ends with.
const MORE: &str = "\
Examples:
  irsa-audit explain - < error.txt      what a pasted error means
  irsa-audit status shop/cart           one ServiceAccount, link by link
  irsa-audit audit                      every ServiceAccount with a role
  irsa-audit audit --help               flags, examples and exit codes of a command";

/// The commands, the most used first.
#[derive(Debug, Subcommand)]
pub enum Command {
    Explain(Box<ExplainArgs>),
    Status(Box<StatusArgs>),
    Probe(Box<ProbeArgs>),
    Audit(Box<AuditArgs>),
    Snapshot(Box<SnapshotArgs>),
    CanI(Box<CanIArgs>),
    /// Look at a trust policy by itself
    #[command(subcommand, arg_required_else_help = true)]
    Trust(trust::args::TrustCommand),
    Refresh(Box<RefreshArgs>),
    Doctor(Box<DoctorArgs>),
    Plan(Box<PlanArgs>),
    Consent(Box<ConsentArgs>),
    Approve(Box<ApproveArgs>),
    Rollback(Box<RollbackArgs>),
    Release(ReleaseArgs),
    Crds(CrdsArgs),
    Completions(CompletionsArgs),
    /// Run the controller
    Operator(Box<OperatorArgs>),
    /// Run the writer, which carries out authorized repairs of trust policies
    Writer(Box<WriterArgs>),
}

/// The definition of the command line, by the name by which it is called.
pub fn command(program: &str) -> clap::Command {
    Cli::command().bin_name(program)
}

/// Reads the words of the call.
///
/// # Errors
/// The parser's, which may also be a request for help.
pub fn parse(called: &Called) -> Result<Cli, clap::Error> {
    let matches = command(called.program()).try_get_matches_from(called.words())?;
    Cli::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_an_example_and_its_exit_codes_in_its_help() {
        let mut cli = Cli::command();
        cli.build();
        for name in [
            "explain",
            "status",
            "probe",
            "audit",
            "snapshot",
            "can-i",
            "refresh",
            "doctor",
            "crds",
            "completions",
            "plan",
            "consent",
            "approve",
            "rollback",
            "release",
        ] {
            let command = cli.find_subcommand_mut(name).unwrap();
            let help = command.render_long_help().to_string();
            assert!(help.contains(&format!("irsa-audit {name} ")), "{help}");
            assert!(help.contains("Exit code"), "{help}");
        }
        cli.debug_assert();
    }

    #[test]
    fn a_command_that_needs_an_argument_shows_its_help_without() {
        for name in [
            "explain", "status", "probe", "snapshot", "can-i", "trust", "plan", "consent", "approve",
            "rollback", "release",
        ] {
            let error = Cli::try_parse_from(["irsa-audit", name]).unwrap_err();
            assert_eq!(
                error.kind(),
                clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                "{name}"
            );
        }
    }
}
