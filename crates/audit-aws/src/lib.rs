//! The directory of AWS accounts: what an audit needs to know of IAM and EKS, read on request.
//!
//! [`Directory::request`] asks, the answers come as [`Reading`]s over a channel, and [`apply()`] puts them into the
//! accounts of a snapshot and says whom they concern. Nothing is read that nobody asked for, except who
//! the caller is; nothing is ever written to AWS.
//!
//! | module | what is in it |
//! |---|---|
//! | `settings`, `account_access` | which accounts, by which way, how fast |
//! | `evidence` | the kinds of evidence, one file each: how it is read, where it is kept, whom it concerns |
//! | `listing` | all roles of an account at once, which brings many pieces of evidence |
//! | `issuer` | the issuer of an EKS cluster, which is kept by the asker |
//! | `request`, `reading`, `concern` | the questions, the answers, and what comes of them |
//! | `apply` | pure: answers into a snapshot |
//! | `directory`, `lane`, `queue` | who waits for what: one lane for each account, in which namespaces take turns |
//! | `pace`, `caller`, `failure`, `pages` | one call: rate limit, retries, what an error means, further pages |
//! | [`capture`] | accounts to be written down, as the AWS CLI prints them |
//! | `permitted` | whether AWS lets the caller make these calls |
//! | `editor` | the writer's calls: one role, read and written |
//! | `web_identity` | one exchange of a token at STS, to learn what STS says of it |
//! | `account`, `home`, `clients` | the ways into accounts, and which of them is the operator's own |

mod account;
mod account_access;
mod apply;
mod caller;
pub mod capture;
mod clients;
mod concern;
mod directory;
mod editor;
pub mod evidence;
mod failing;
mod failure;
mod home;
mod issuer;
mod lane;
mod listing;
mod observer;
mod pace;
mod pages;
mod permitted;
mod queue;
mod reading;
mod request;
mod settings;
mod web_identity;

pub use account_access::{AccountAccess, AccountAccessError};
pub use apply::apply;
pub use concern::{Applied, Concern};
pub use directory::Directory;
pub use editor::RoleEditor;
pub use evidence::{Piece, PieceAnswer, PieceId, PieceKind};
pub use failure::Failure;
pub use observer::{CallOutcome, RequestObserver};
pub use permitted::{ActionPermitted, Permitted, permitted};
pub use reading::{Listed, ListedRole, Reading};
pub use request::DirectoryRequest;
pub use settings::{DirectorySettings, Rate, load_home};
pub use turns::AskedFor;
pub use web_identity::{StsAnswer, StsError, WebIdentityCall, assume_with_token};
