//! `irsa-audit status`: one ServiceAccount as a whole.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `hint` | what somebody may have meant by a name that no ServiceAccount has |
//! | [`view`] | one ServiceAccount of a snapshot as text |
//! | `watch` | the same again and again |

pub mod args;
mod hint;
pub mod view;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_core::model::BindingKey;

use crate::audit::live::{self, Wish};
use crate::audit::source::{self, AuditInput, SourceArgs, SourceError};
use args::{StatusArgs, StatusError, StatusOutput};
use view::{Answer, Subject};

/// Prints the status; the exit code is that of the verdict.
///
/// # Errors
/// When there is no answer; the exit code is then 2.
pub fn run(args: &StatusArgs) -> Result<ExitCode, StatusError> {
    let key = args.subject.key()?;
    if let Some(every) = args.watch {
        return watch::run(every, || answer(args, &key));
    }
    let answer = answer(args, &key)?;
    print(&answer.text)?;
    Ok(ExitCode::from(answer.code))
}

fn answer(args: &StatusArgs, key: &BindingKey) -> Result<Answer, StatusError> {
    let source = &args.source;
    let evidence = look(source, Some(&key.namespace), args.subject.namespace.as_deref())?;
    let subject = Subject::find(&evidence, &source.config(), key);
    Ok(match args.output {
        StatusOutput::Text => subject.text(source.is_offline()),
        StatusOutput::Json => subject.json(),
    })
}

/// What files say, or what a cluster and AWS do, of a namespace or of all. `files` is the namespace of objects in files that name none.
///
/// # Errors
/// [`SourceError`].
pub fn look(
    source: &SourceArgs,
    namespace: Option<&str>,
    files: Option<&str>,
) -> Result<AuditInput, SourceError> {
    if source.is_offline() {
        return source::read(source, files);
    }
    let wish = Wish {
        namespace,
        heeds_policies: true,
        expect: &|_| {},
    };
    Ok(live::look(source, &wish)?)
}

/// Writes to standard output. A reader that has closed it still has the exit code.
fn print(text: &str) -> Result<(), StatusError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StatusError::Output(error)),
        _ => Ok(()),
    }
}
