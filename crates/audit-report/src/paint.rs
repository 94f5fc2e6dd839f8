//! Colours for terminals. Without colour, text is the same without its escape sequences.

use anstyle::{AnsiColor, Style};
use audit_core::{Severity, Verdict};

/// What is known of the terminal that shows a report. By default there is none: no colour, and lines of any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terminal {
    /// Whether it shows colours.
    pub has_colors: bool,
    /// Its width in columns.
    pub width: Option<usize>,
}

impl Terminal {
    /// Text in a style, where the terminal shows it.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.has_colors && !style.is_plain() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The style of headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// The style of a verdict.
pub(crate) fn verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Working => AnsiColor::Green.on_default(),
        Verdict::AtRisk => severity(Severity::Risk),
        Verdict::Unknown => severity(Severity::Unknown),
        Verdict::Broken => severity(Severity::Broken),
    }
}

/// The style of a severity.
pub(crate) fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Notice => AnsiColor::Cyan.on_default(),
        Severity::Risk => AnsiColor::Yellow.on_default(),
        Severity::Unknown => AnsiColor::Magenta.on_default(),
        Severity::Broken => AnsiColor::Red.on_default().bold(),
    }
}

/// The style of a line of a diff.
pub(crate) fn diff_line(line: &str) -> Style {
    match line.chars().next() {
        Some('+') => AnsiColor::Green.on_default(),
        Some('-') => AnsiColor::Red.on_default(),
        _ => Style::new(),
    }
}
