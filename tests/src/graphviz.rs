//! Graphviz's `dot`.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::OnceCell;

use crate::debian::{MissingProgram, Program};

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum DotError {
    /// There is no `dot`.
    #[error(transparent)]
    Missing(#[from] MissingProgram),
    /// It did not run.
    #[error("`dot` did not run: {0}")]
    Io(#[from] std::io::Error),
    /// It refused the graph, or warned of it.
    #[error("`dot` refused the graph: {0}")]
    Refused(String),
}

/// A graph as SVG.
///
/// # Errors
/// [`DotError`]; a warning is an error as well.
pub async fn svg(graph: &str) -> Result<String, DotError> {
    static FOUND: OnceCell<Program> = OnceCell::const_new();
    let find = || async {
        let program = Program::find(&["dot"], &["-V"], "graphviz", "usr/bin/dot").await?;
        if program.root.is_some() {
            // The package does this when it is installed: which plugin draws what.
            run(&program, &["-c"], "").await?;
        }
        Ok::<_, DotError>(program)
    };
    let program = FOUND.get_or_try_init(find).await?;
    run(program, &["-Tsvg"], graph).await
}

async fn run(program: &Program, arguments: &[&str], input: &str) -> Result<String, DotError> {
    let mut command = program.command();
    if let Some(root) = &program.root {
        // Plugins are looked for where the package would be installed.
        let libraries = std::fs::read_dir(root.join("usr/lib"))?.flatten();
        let plugins = libraries.map(|entry| entry.path().join("graphviz"));
        if let Some(plugins) = plugins.into_iter().find(|path| path.is_dir()) {
            command.env("GVBINDIR", plugins);
        }
    }
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdin = child.stdin.take();
    let write = async {
        match stdin {
            Some(mut stdin) => stdin.write_all(input.as_bytes()).await,
            None => Ok(()),
        }
    };
    let (written, output) = tokio::join!(write, child.wait_with_output());
    let output = output?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    // A machine without fonts is none of the graph's business.
    let complaint: Vec<&str> = complaint
        .lines()
        .filter(|line| !line.to_lowercase().contains("font"))
        .collect();
    if !output.status.success() || !complaint.is_empty() {
        return Err(DotError::Refused(complaint.join("\n")));
    }
    written?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
