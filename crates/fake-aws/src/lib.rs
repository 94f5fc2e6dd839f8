//! A small AWS for tests and the demo. It speaks, on loopback, the wire protocol of what the operator calls, so
//! that the unmodified AWS SDK talks to it: IAM and STS in the AWS Query protocol, EKS in REST with JSON. It is
//! as awkward as AWS is documented to be (percent-encoded documents, short pages, throttling, eventual
//! consistency), and counts every call.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use fake_aws::{FakeAws, Fault, Role};
//!
//! let aws = FakeAws::start().await?;
//! aws.account("111122223333")
//!     .provider("https://oidc.eks.eu-west-1.amazonaws.com/id/0123", ["sts.amazonaws.com"])
//!     .role(Role::named("app").tag("team", "a"));
//! aws.fault(Fault::on("GetRole").throttle().times(2)).page_size(10);
//! let (access_key_id, secret) = aws.credentials("111122223333");
//! // Point a client at `aws.endpoint()` with these credentials, then:
//! assert_eq!(aws.count("GetRole"), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Credentials choose the account, the signature's credential scope the service; signatures are not checked.
//! Nothing is evaluated but the trust that `AssumeRole` needs, and what `SimulatePrincipalPolicy` is asked: every key may do everything
//! in its account, except what [`FakeAws::deny`] names. `AssumeRoleWithWebIdentity` looks at the role, the provider and the audience,
//! and not at the trust policy.

mod account;
mod authorization;
mod calls;
mod denial;
mod document;
mod eks;
mod eks_route;
mod error;
mod fake;
mod fault;
mod iam;
mod ids;
mod incoming;
mod keyring;
mod paging;
mod parameters;
mod perform;
mod policy;
mod reply;
mod role;
mod server;
mod service;
mod settings;
mod sts;
mod tables;
mod timeline;
mod world;
mod xml;

pub use account::Account;
pub use calls::{Call, Outcome};
pub use fake::FakeAws;
pub use fault::{Fault, Target};
pub use role::Role;
