//! The API server's audit log: who asked for what, and whether RBAC allowed it.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::Options;

/// A place for the log of one control plane.
#[derive(Debug)]
pub struct AuditLog {
    folder: TempDir,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// `list`, `patch`, …
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource with its subresource, as in `irsaaudits/status`; the path where there is none.
    pub resource: String,
    /// The namespace; empty for all.
    pub namespace: String,
    /// The object's name; empty for none.
    pub name: String,
    /// Whether RBAC allowed it.
    pub allowed: bool,
}

impl AuditLog {
    /// An empty log.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn new() -> io::Result<Self> {
        let log = Self {
            folder: tempfile::tempdir()?,
        };
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
                {"level": "None"},
            ],
        });
        fs::write(log.policy(), policy.to_string())?;
        Ok(log)
    }

    /// A control plane that writes to it.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            api_server_flags: vec![
                format!("--audit-policy-file={}", self.policy().display()),
                format!("--audit-log-path={}", self.path().display()),
                "--audit-log-mode=blocking".to_owned(),
            ],
            ..Options::default()
        }
    }

    /// What a ServiceAccount has asked for until now, each once.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self, namespace: &str, service_account: &str) -> io::Result<Vec<Request>> {
        let user = format!("system:serviceaccount:{namespace}:{service_account}");
        let text = fs::read_to_string(self.path())?;
        // The last line may be half written.
        let events = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_user =
            events.filter(|event| event.pointer("/user/username").and_then(Value::as_str) == Some(&user));
        let mut requests: Vec<Request> = of_user.map(|event| request(&event)).collect();
        requests.sort();
        requests.dedup();
        Ok(requests)
    }

    fn policy(&self) -> PathBuf {
        self.folder.path().join("policy.json")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }
}

fn request(event: &Value) -> Request {
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut resource = text("/objectRef/resource");
    let subresource = text("/objectRef/subresource");
    if resource.is_empty() {
        resource = text("/requestURI");
    } else if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Request {
        verb: text("/verb"),
        group: text("/objectRef/apiGroup"),
        resource,
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        allowed: text("/annotations/authorization.k8s.io~1decision") == "allow",
    }
}
