//! A headless Chromium, driven by the [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/) over its pipe:
//! messages in JSON, each ended by a zero byte.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::debian::{MissingProgram, Program};

/// How long a command or an event may take; much longer than it does, because the machine may be busy.
const WITHIN: Duration = Duration::from_mins(1);

/// Chromium reads commands from its file 3 and writes to its file 4.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#;

/// Why the browser does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is none.
    #[error(transparent)]
    Missing(#[from] MissingProgram),
    /// Its pipe is closed, or it does not start.
    #[error("Chromium did not start, or ended: {0}")]
    Io(#[from] std::io::Error),
    /// It wrote what is no message.
    #[error("Chromium wrote no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It did not answer in time.
    #[error("Chromium did not answer `{0}` in time")]
    Silent(String),
    /// It refused a command, or a script threw an error.
    #[error("Chromium refused `{method}`: {answer}")]
    Refused {
        /// The command.
        method: String,
        /// What it said.
        answer: Value,
    },
}

/// A browser with one page. Gone when dropped.
pub struct Browser {
    _process: Child,
    _profile: TempDir,
    commands: ChildStdin,
    messages: BufReader<ChildStdout>,
    commands_sent: u64,
    session: Option<String>,
    /// The URLs of all requests of the page so far, and the texts of what its console said.
    seen: Seen,
}

/// What the page did by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The URLs that it asked for, its own first.
    pub requests: Vec<String>,
    /// What its console said, such as what its content security policy refused.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Starts one with an empty page.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn start() -> Result<Self, BrowserError> {
        static FOUND: OnceCell<Program> = OnceCell::const_new();
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let find = || Program::find(&names, &["--version"], "chromium", "usr/lib/chromium/chromium");
        let program = FOUND.get_or_try_init(find).await?;
        let profile = tempfile::tempdir()?;
        let command = program.command();
        let command = command.as_std();
        let mut shell = tokio::process::Command::new("/bin/sh");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        let mut process = shell
            .arg("-c")
            .arg(PIPES)
            .arg(command.get_program())
            // The only page is ours, and root, as in containers, has no sandbox.
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let closed = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let mut browser = Self {
            commands: process.stdin.take().ok_or_else(closed)?,
            messages: BufReader::new(process.stdout.take().ok_or_else(closed)?),
            _process: process,
            _profile: profile,
            commands_sent: 0,
            session: None,
            seen: Seen::default(),
        };
        let target = browser
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await?;
        let target = target.get("targetId").cloned().unwrap_or_default();
        let attached = json!({"targetId": target, "flatten": true});
        let attached = browser.call("Target.attachToTarget", attached).await?;
        browser.session = attached
            .get("sessionId")
            .and_then(Value::as_str)
            .map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(browser)
    }

    /// Opens a file, and awaits that it is loaded.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn open(&mut self, file: &Path) -> Result<(), BrowserError> {
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({"url": url})).await?;
        self.until("Page.loadEventFired", |message| {
            message.get("method").and_then(Value::as_str) == Some("Page.loadEventFired")
        })
        .await?;
        Ok(())
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// [`BrowserError::Refused`] if it throws.
    pub async fn evaluate(&mut self, expression: &str) -> Result<Value, BrowserError> {
        let arguments = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", arguments).await?;
        if answer.get("exceptionDetails").is_some() {
            return Err(BrowserError::Refused {
                method: expression.to_owned(),
                answer,
            });
        }
        Ok(answer.pointer("/result/value").cloned().unwrap_or_default())
    }

    /// Clicks into the middle of the first element that a selector finds, as a mouse does.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn click(&mut self, selector: &str) -> Result<(), BrowserError> {
        let middle = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let middle = self.evaluate(&middle).await?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": middle.get(0), "y": middle.get(1), "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Types a text where the focus is.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn write(&mut self, text: &str) -> Result<(), BrowserError> {
        self.call("Input.insertText", json!({"text": text})).await?;
        Ok(())
    }

    /// Has the page shown on another medium (`screen`, `print`), in another scheme of colours (`light`, `dark`).
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn emulate(&mut self, medium: &str, scheme: &str) -> Result<(), BrowserError> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let media = json!({"media": medium, "features": features});
        self.call("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// The page as PDF, as it is printed; base64.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn print(&mut self) -> Result<String, BrowserError> {
        let answer = self.call("Page.printToPDF", json!({})).await?;
        Ok(answer
            .get("data")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    /// What the page did by itself so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Sends a command and gives its result.
    async fn call(&mut self, method: &str, parameters: Value) -> Result<Value, BrowserError> {
        self.commands_sent += 1;
        let id = self.commands_sent;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let (Some(session), Some(fields)) = (&self.session, command.as_object_mut()) {
            fields.insert("sessionId".to_owned(), json!(session));
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).await?;
        let mut answer = self
            .until(method, |message| {
                message.get("id").and_then(Value::as_u64) == Some(id)
            })
            .await?;
        match answer.get_mut("result").map(Value::take) {
            Some(result) => Ok(result),
            None => Err(BrowserError::Refused {
                method: method.to_owned(),
                answer,
            }),
        }
    }

    /// Reads messages up to the one that is awaited.
    async fn until(&mut self, awaited: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value, BrowserError> {
        let read = async {
            loop {
                let mut bytes = Vec::new();
                if self.messages.read_until(0, &mut bytes).await? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
                bytes.pop();
                let message: Value = serde_json::from_slice(&bytes)?;
                self.seen.take(&message);
                if is_it(&message) {
                    return Ok(message);
                }
            }
        };
        timeout(WITHIN, read)
            .await
            .unwrap_or_else(|_| Err(BrowserError::Silent(awaited.to_owned())))
    }
}

impl Seen {
    fn take(&mut self, message: &Value) {
        let text = |pointer: &str| {
            message
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        match message.get("method").and_then(Value::as_str) {
            Some("Network.requestWillBeSent") => self.requests.extend(text("/params/request/url")),
            Some("Log.entryAdded") => self.complaints.extend(text("/params/entry/text")),
            Some("Runtime.exceptionThrown") => self.complaints.extend(text("/params/exceptionDetails/text")),
            _ => {}
        }
    }
}
