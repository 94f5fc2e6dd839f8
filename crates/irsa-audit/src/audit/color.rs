//! The terminal that shows a report: its width, and whether it gets colors.

use std::io;

use anstream::{AutoStream, ColorChoice};
use audit_report::Terminal;
use clap::ValueEnum;

/// When a report has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal that shows them
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorWhen {
    /// Standard output, if it is a terminal. A file gets no colors unless they are asked for, and lines of any width.
    #[must_use]
    pub fn terminal(self) -> Terminal {
        let stdout = io::stdout();
        let has_colors = match self {
            // Knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM.
            Self::Auto => AutoStream::choice(&stdout) != ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        };
        let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
        Terminal {
            has_colors,
            // A terminal of which the width is not known says 0.
            width: width.filter(|width| *width > 0),
        }
    }
}
