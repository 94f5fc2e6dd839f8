//! Reports as text. Pure: the same report gives the same text, which ends with a newline.
//!
//! | module | what it renders |
//! |---|---|
//! | [`table`] | for a terminal: a line for each binding, then what is wrong with those that do not work, with the fix to paste |
//! | [`wide`] | for a terminal: the same with more columns and every finding |
//! | [`status`] | for a terminal: one binding as a whole, with its chain link by link |
//! | [`json`], [`yaml`] | everything, as [`view`] lays it out |
//! | [`sarif`] | SARIF 2.1.0: a result for each finding, for code scanning |
//! | [`junit`] | JUnit XML: a test case for each binding, for CI |
//! | [`markdown`] | a comment on a pull request |
//! | [`html`] | a page that can be filtered and searched, in one file |
//! | [`dot`] | the ServiceAccounts and roles as a graph for Graphviz |
//!
//! What they share: [`Presentation`] is what each is given, `repair` has the parts of a fix, `columns`, `paint` and `finding` are for terminals,
//! `markup` is for HTML and XML.
//!
//! Names and messages are untrusted text: no renderer lets a control or invisible character through. `text` and `markup` escape them.

mod columns;
pub mod dot;
mod finding;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod markup;
mod paint;
mod presentation;
mod repair;
pub mod sarif;
pub mod status;
pub mod table;
mod text;
pub mod view;
pub mod wide;
pub mod yaml;

pub use paint::Terminal;
pub use presentation::Presentation;
pub use text::lines;

#[cfg(test)]
#[path = "../tests/unit/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;
