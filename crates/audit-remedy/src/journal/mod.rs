//! The journal: what the writer has done and is doing, as plain data, and what follows from it.
//!
//! A record is created before its write, and by that alone it spends its approval and its hash. Single use, rate limits, recovery and
//! rollback read nothing else.
//!
//! | file | what is in it |
//! |---|---|
//! | `record` | one record, and which phases follow which |
//! | `history` | what all records together say about a role, a ServiceAccount, a policy |
//! | `breaker` | whether writes fail again and again |
//! | `retention` | which records no answer depends on any more |

mod breaker;
mod history;
mod record;
mod retention;

pub use breaker::{BreakerLimits, OpenBreaker, RoleBackoff, open_breaker, role_backoff};
pub use history::{CHANGE_LIMIT_SPAN, Journal};
pub use record::{ChangePhase, JournalRecord, record_name};
pub use retention::expired_records;
