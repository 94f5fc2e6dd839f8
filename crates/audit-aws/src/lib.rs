//! The directory of AWS accounts: what an audit needs to know of IAM and EKS, read on request.
//!
//! [`Directory::request`] asks, the answers come as [`Reading`]s over a channel, and [`apply()`] puts them into the
//! accounts of a snapshot and says what they changed in meaning. Nothing is read that nobody asked for, except who
//! the caller is; nothing is ever written to AWS.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings`, `account_access` | which accounts, by which way, how fast |
//! | `request`, `reading` | the questions and the answers |
//! | `apply` | pure: answers into a snapshot |
//! | `directory`, `lane`, `queue` | who waits for what: one lane for each account |
//! | `pace`, `caller`, `failure` | one call: rate limit, retries, what an error means |
//! | `account`, `home` | the ways into accounts, and which of them is the operator's own |
//! | `read` | what is called for each kind of request |

mod account;
mod account_access;
mod apply;
mod caller;
mod directory;
mod failure;
mod home;
mod lane;
mod observer;
mod pace;
mod queue;
mod read;
mod reading;
mod request;
mod settings;

pub use account_access::{AccountAccess, AccountAccessError};
pub use apply::{Change, apply};
pub use directory::Directory;
pub use observer::{Outcome, RequestObserver};
pub use reading::{Failure, Listed, ListedRole, Reading};
pub use request::Request;
pub use settings::{Rate, Settings, load_home};
