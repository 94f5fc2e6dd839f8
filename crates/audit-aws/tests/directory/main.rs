//! The directory, and the writer's calls, against a small AWS on loopback, through the unmodified SDK.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod accounts;
mod capture;
mod editor;
mod extras;
mod flow;
mod home;
mod listing;
mod permissions;
mod permitted;
mod simulation;
mod single;
mod support;
mod trouble;
mod web_identity;
