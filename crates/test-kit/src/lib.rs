//! Real servers for tests, for `cargo xtask demo` and for `cargo xtask bench`. Nothing has to be prepared, and
//! nothing is left behind.
//!
//! - [`ControlPlane`] is a real kube-apiserver with its etcd: RBAC, admission, `TokenRequest`, custom resources,
//!   watches. No controllers, no nodes.
//! - [`Proxy`] is what a client uses in place of the API server, with faults on demand.
//! - [`Moto`] is an AWS endpoint that other people wrote, with an AWS CLI to run against it.
//! - [`Ministack`] is another one, whose STS evaluates trust policies.
//! - [`Launch`] and [`Process`] run anything else, such as the operator itself.
//!
//! ```no_run
//! use std::time::Duration;
//! use test_kit::{ControlPlane, Launch, Moto, Signal};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let plane = ControlPlane::start().await?;
//! let client = plane.client().await?;
//! // … apply custom resources and roles with `client` …
//!
//! let aws = Moto::start().await?;
//! let mut operator = Launch::new("operator", "target/debug/irsa-audit")?.arg("operator");
//! operator = operator.env("KUBECONFIG", plane.kubeconfig_path());
//! for (name, value) in aws.aws_environment() {
//!     operator = operator.env(name, value);
//! }
//! let operator = operator.start()?;
//! operator.wait_for_line("ready", Duration::from_secs(30)).await?;
//! operator.signal(Signal::Term)?;
//! assert_eq!(operator.wait(Duration::from_secs(10)).await?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! Tests of one binary may share a control plane in a `static` [`tokio::sync::OnceCell`]; it is never dropped, and
//! gone with the test process all the same. A [`kube::Client`] belongs to the runtime that it was made on, so each
//! `#[tokio::test]` makes its own.
//!
//! # Where the programs come from
//! See [`Binaries::find`], [`Moto::start`] and [`Ministack::start`]. What has to be built or downloaded is kept in the folder
//! `irsa-audit` of the user's cache folder (`$XDG_CACHE_HOME`, else `~/.cache`), by version: a fresh clone does not
//! build it again. All of it may be removed at any time while no test runs. The Go modules and the Python
//! requirements that pin them are in this crate, in `control-plane`, `moto` and `ministack`.
#![cfg(unix)]

mod binaries;
mod cache;
mod control_plane;
mod credentials;
mod go;
mod ministack;
mod moto;
mod ports;
mod process;
mod progress;
mod proxy;
mod python;

pub use binaries::{Binaries, BinariesError};
pub use cache::CacheError;
pub use control_plane::{ControlPlane, ControlPlaneError, DEFAULT_ISSUER, Options};
pub use credentials::CredentialsError;
pub use go::GoError;
pub use ministack::Ministack;
pub use moto::Moto;
pub use process::{Launch, Process, ProcessError, Signal};
pub use proxy::{Calls, Proxy, ProxyError, ProxyFault, SeenCall};
pub use python::PythonError;
