//! What planning, approving and writing read live: the subject, everyone who has to agree, and the role.
//!
//! Nothing is cached, no status of an `IrsaAudit` is read and nothing is watched. What cannot be read whole, or not be understood whole, is
//! an error, and whoever reads has to stop: an object that was not seen may be the one that forbids a write.
//!
//! | file | what is in it |
//! |---|---|
//! | `subject` | pure: the ServiceAccount and its `IrsaAudit` as the core's subject |
//! | `live` | the calls to the API server |
//! | `roles` | the ways into AWS accounts |
//! | `accounts` | the accounts of the operator and the writer, which may not approve |

pub mod accounts;
pub mod live;
pub mod roles;
pub mod subject;

pub use accounts::{OwnAccount, OwnAccounts};
pub use live::{LiveReader, ReadError};
pub use roles::RoleEditors;
