//! `irsa-audit audit`: every binding once, from a cluster and AWS, or from files.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `color` | the terminal that shows a report |
//! | `expect` | expectations on the command line |
//! | `input` | files as streams |
//! | `snapshot_files` | the files of a snapshot, as its manifest lists them |
//! | [`source`] | the flags that say where to look, and files read in place of a cluster and AWS |
//! | [`live`] | a cluster and AWS, asked once |
//! | `threshold` | what makes an audit fail |

pub mod args;
pub mod color;
mod evidence;
pub mod expect;
mod input;
pub mod live;
pub mod snapshot_files;
pub mod source;
pub mod source_args;
mod threshold;

use std::io::{self, Write as _};
use std::mem;
use std::process::ExitCode;

use args::{AuditArgs, Format};
use audit_core::snapshot::Cluster;
use audit_core::text::quote;
use audit_report::Presentation;
use live::Wish;
use source::{AuditInput, SourceArgs, SourceError};

/// The report reaches the threshold.
const REACHED: u8 = 1;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is nothing to audit.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The report could not be written.
    #[error("the report could not be written: {0}")]
    Output(#[source] io::Error),
}

/// Audits once; the exit code tells whether the threshold is reached.
///
/// # Errors
/// When there is no report; the exit code is then 2.
pub fn run(args: &AuditArgs) -> Result<ExitCode, AuditError> {
    let AuditInput {
        snapshot,
        config,
        places,
        resources,
        now,
    } = look(args)?;
    let mut report = audit_core::audit(&snapshot, &config, now);
    for binding in &mut report.bindings {
        binding.point_at(&resources);
    }
    // What is outside of a namespace that was looked at alone is not known.
    let namespace = args.namespace.as_deref().or(snapshot.cluster.only_namespace());
    if let Some(namespace) = namespace {
        report
            .bindings
            .retain(|binding| binding.key.namespace == namespace);
    }
    // The process ends with this: to free each of a hundred thousand pods by itself would take as long as to audit them.
    mem::forget(snapshot);
    let presentation = Presentation {
        report: &report,
        places: &places,
        fail_at: args.fail_on.least(),
    };
    let text = rendered(&presentation, args);
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The exit code tells it to whoever has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(AuditError::Output(error)),
        _ => {}
    }
    Ok(if presentation.is_failed() {
        ExitCode::from(REACHED)
    } else {
        ExitCode::SUCCESS
    })
}

fn rendered(presentation: &Presentation<'_>, args: &AuditArgs) -> String {
    match args.output {
        Format::Table => audit_report::table::render(presentation, args.color.terminal()),
        Format::Wide => audit_report::wide::render(presentation, args.color.terminal()),
        Format::Json => audit_report::json::render(presentation),
        Format::Yaml => audit_report::yaml::render(presentation),
        Format::Sarif => audit_report::sarif::render(presentation),
        Format::Junit => audit_report::junit::render(presentation),
        Format::Markdown => audit_report::markdown::render(presentation),
        Format::Html => audit_report::html::render(presentation),
        Format::Dot => audit_report::dot::render(presentation),
    }
}

/// Whether anything is known of a namespace by the files.
fn has_objects(cluster: &Cluster, namespace: &str) -> bool {
    cluster.in_namespace(namespace).next().is_some() || cluster.namespace_labels(namespace).is_some()
}

/// What there is to audit, with what the command line expects besides.
fn look(args: &AuditArgs) -> Result<AuditInput, SourceError> {
    let source = &SourceArgs {
        paths: args.paths.clone(),
        ..args.source.clone()
    };
    let namespace = args.namespace.as_deref();
    if source.is_offline() {
        let mut evidence = source::read(source, namespace)?;
        if let Some(namespace) = namespace.filter(|name| !has_objects(&evidence.snapshot.cluster, name)) {
            eprintln!(
                "irsa-audit: warning: the given files hold no object in namespace `{}`",
                quote(namespace)
            );
        }
        expect::add(
            &mut evidence.snapshot.cluster,
            &source.annotation_prefix,
            &args.expect,
        );
        return Ok(evidence);
    }
    let wish = Wish {
        namespace,
        heeds_policies: true,
        expect: &|cluster| expect::add(cluster, &source.annotation_prefix, &args.expect),
    };
    Ok(live::look(source, &wish)?)
}
