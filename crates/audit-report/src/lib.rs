//! Reports as text. Pure: the same report gives the same text, which ends with a newline.
//!
//! | module | what it renders |
//! |---|---|
//! | [`table`] | a line for each binding, and what is wrong with those that are not well, with the fix to paste |
//! | [`wide`] | the same with more columns and every finding |
//! | [`status`] | one binding as a whole, with its chain link by link |
//! | [`json`], [`yaml`] | everything, as [`view`] lays it out |
//!
//! Names and messages come from people who may wish the reader ill: no renderer lets a control or invisible character
//! through. `text` sees to that.

pub mod json;
pub mod status;
pub mod table;
mod text;
pub mod view;
pub mod wide;
pub mod yaml;

pub use text::lines;

#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;
