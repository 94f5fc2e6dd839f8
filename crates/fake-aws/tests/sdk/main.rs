//! The fake as the unmodified AWS SDK for Rust sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod accounts;
mod calls;
mod clients;
mod consistency;
mod details;
mod documents;
mod eks;
mod faults;
mod paging;
mod policies;
mod providers;
mod refusals;
mod roles;
mod simulation;
mod volume;
