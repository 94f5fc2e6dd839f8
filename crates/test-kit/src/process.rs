//! A child process that never outlives its owner.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// See the comments in the script. A shell, because it is everywhere and because the parent-death signal of Linux
/// would need `unsafe` and follows the spawning thread rather than the process.
const SUPERVISOR: &str = include_str!("supervisor.sh");

/// How many lines of a log an error shows.
const TAIL_LINES: usize = 20;

/// How often a log is looked at while a line is awaited.
const LOG_POLL: Duration = Duration::from_millis(50);

/// The exit code of a process whose supervisor somebody killed.
const UNKNOWN_EXIT: i32 = -1;

/// Why a process could not be started or did not do what was awaited.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The process could not be started at all.
    #[error("could not start `{name}`: {source}")]
    Start {
        /// The name given to [`Launch::new`].
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process had ended before what was awaited happened.
    #[error("`{name}` ended with exit code {code}; the end of its log:\n{tail}")]
    Ended {
        /// The name given to [`Launch::new`].
        name: String,
        /// As in [`Process::wait`].
        code: i32,
        /// The last lines of its log.
        tail: String,
    },
    /// What was awaited did not happen in time.
    #[error("`{name}`: {awaited} did not happen within {within:?}; the end of its log:\n{tail}")]
    Deadline {
        /// The name given to [`Launch::new`].
        name: String,
        /// What was awaited.
        awaited: String,
        /// For how long.
        within: Duration,
        /// The last lines of its log.
        tail: String,
    },
    /// A signal could not be sent.
    #[error("could not signal `{name}`: {source}")]
    Signal {
        /// The name given to [`Launch::new`].
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A signal for [`Process::signal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: please end.
    Term,
    /// `SIGINT`: Ctrl-C on a terminal.
    Interrupt,
    /// `SIGKILL`: end now, without a last word.
    Kill,
    /// `SIGSTOP`: freeze, as a long pause of the machine would.
    Stop,
    /// `SIGCONT`: go on after [`Signal::Stop`].
    Cont,
}

/// A process about to be started. It inherits the environment and the working directory of this process, except
/// for what is changed here and for `TMPDIR`, which is its own folder; it reads nothing from stdin.
#[derive(Debug)]
pub struct Launch {
    name: String,
    folder: TempDir,
    command: Command,
}

impl Launch {
    /// Prepares to run `program` (a path, or a name to be found in `PATH`). `name` is for messages and for the log
    /// file; a temporary folder for the process is created at once, see [`Launch::folder`].
    ///
    /// # Errors
    /// [`ProcessError::Start`] when the folder cannot be created.
    pub fn new(name: &str, program: impl AsRef<OsStr>) -> Result<Self, ProcessError> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("irsa-audit-{name}-"))
            .tempdir()
            .map_err(|source| ProcessError::Start {
                name: name.to_owned(),
                source,
            })?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SUPERVISOR, name])
            .arg(folder.path())
            .arg(program);
        // What it leaves there when it is killed, as compilers do, must go as well.
        command.env("TMPDIR", folder.path());
        // A group of its own, so that Ctrl-C in a terminal reaches only the owner.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Ok(Self {
            name: name.to_owned(),
            folder,
            command,
        })
    }

    /// The process's own folder, removed when the process is dropped or its owner dies: for data, sockets, keys.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Keeps an environment variable of this process from being inherited.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Limits the memory that it may write to, in bytes, to whole KiB: what goes beyond is not allocated. The kernel counts what is mapped,
    /// so this is at least as strict as a container's limit, which counts what is used, and it needs no rights. Linux counts the whole
    /// (`RLIMIT_DATA` in getrlimit(2)), other systems a part of it.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        self.env("TEST_KIT_MEMORY_LIMIT", (bytes / 1024).to_string())
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Starts the process. A program that does not exist shows as one that ended with exit code 127.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(self) -> Result<Process, ProcessError> {
        let name = self.name;
        launch(&name, self.folder, self.command).map_err(|source| ProcessError::Start { name, source })
    }
}

fn launch(name: &str, folder: TempDir, mut command: Command) -> io::Result<Process> {
    let log = folder.path().join(format!("{name}.log"));
    let mut supervisor = command.stderr(File::create(&log)?).spawn()?;
    // The supervisor removes the folder from here on: it must go even if this process is killed.
    let folder = folder.keep();
    let (sender, exit) = watch::channel(None);
    let Some(stdout) = supervisor.stdout.take() else {
        return Err(io::Error::other("its supervisor has no output"));
    };
    let mut lines = BufReader::new(stdout).lines();
    let pid =
        number(lines.next()).ok_or_else(|| io::Error::other("its supervisor did not report a process id"))?;
    std::thread::spawn(move || {
        // A supervisor that says nothing was told to end, by the drop of the process, or was killed by somebody.
        sender.send_replace(Some(number(lines.next()).unwrap_or(UNKNOWN_EXIT)));
    });
    Ok(Process {
        name: name.to_owned(),
        pid,
        folder,
        log,
        exit,
        supervisor,
    })
}

fn number(line: Option<io::Result<String>>) -> Option<i32> {
    line?.ok()?.parse().ok()
}

/// A running process. Dropping it kills it and whatever it started, and removes its folder; both happen as well
/// when the process that holds it ends in any way, by a panic, Ctrl-C or `SIGKILL`.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: i32,
    folder: PathBuf,
    log: PathBuf,
    exit: watch::Receiver<Option<i32>>,
    supervisor: Child,
}

impl Process {
    /// The process id, for `/proc` and the like.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The process's own folder, see [`Launch::folder`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything it has written to stdout and stderr so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The exit code if it has ended, as in [`Process::wait`].
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        *self.exit.borrow()
    }

    /// Sends a signal. To a process that has ended it does nothing.
    ///
    /// # Errors
    /// [`ProcessError::Signal`].
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        use rustix::process::{Pid, Signal as Raw, kill_process};
        let raw = match signal {
            Signal::Term => Raw::TERM,
            Signal::Interrupt => Raw::INT,
            Signal::Kill => Raw::KILL,
            Signal::Stop => Raw::STOP,
            Signal::Cont => Raw::CONT,
        };
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.exit_code().is_none()) else {
            return Ok(());
        };
        match kill_process(pid, raw) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(source) => Err(ProcessError::Signal {
                name: self.name.clone(),
                source: source.into(),
            }),
        }
    }

    /// Awaits the end of the process, and gives its exit code: 128 plus the signal's number where a signal ended
    /// it, as shells count; -1 where it is not known.
    ///
    /// # Errors
    /// [`ProcessError::Deadline`].
    pub async fn wait(&self, within: Duration) -> Result<i32, ProcessError> {
        timeout(within, self.end())
            .await
            .map_err(|_| self.deadline("its end", within))
    }

    pub(crate) async fn end(&self) -> i32 {
        let mut exit = self.exit.clone();
        let code = exit.wait_for(Option::is_some).await;
        code.ok().and_then(|code| *code).unwrap_or(UNKNOWN_EXIT)
    }

    /// Awaits a line of the log that contains `text`, from the log's beginning, and gives that line.
    ///
    /// # Errors
    /// [`ProcessError::Deadline`], or [`ProcessError::Ended`] when it ends without such a line.
    pub async fn wait_for_line(&self, text: &str, within: Duration) -> Result<String, ProcessError> {
        let poll = async {
            loop {
                // Asked first: what it wrote before its end must still be found.
                let ended = self.exit_code();
                if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                    return Ok(line.to_owned());
                }
                if ended.is_some() {
                    return Err(self.ended());
                }
                sleep(LOG_POLL).await;
            }
        };
        match timeout(within, poll).await {
            Ok(found) => found,
            Err(_) => Err(self.deadline(&format!("a line with `{text}`"), within)),
        }
    }

    pub(crate) fn deadline(&self, awaited: &str, within: Duration) -> ProcessError {
        let (name, awaited) = (self.name.clone(), awaited.to_owned());
        ProcessError::Deadline {
            name,
            awaited,
            within,
            tail: self.tail(),
        }
    }

    /// The error for a process that has ended and should not have, or not like this.
    pub(crate) fn ended(&self) -> ProcessError {
        let code = self.exit_code().unwrap_or(UNKNOWN_EXIT);
        ProcessError::Ended {
            name: self.name.clone(),
            code,
            tail: self.tail(),
        }
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines
            .get(lines.len().saturating_sub(TAIL_LINES)..)
            .unwrap_or_default()
            .join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Lets go of the lifeline. An error means that the supervisor is gone already.
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
