//! What makes an audit fail.

use audit_core::Severity;
use clap::ValueEnum;

/// The least that makes an audit fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A binding that is proven not to work
    Broken,
    /// Also one of which something that decides could not be seen
    Unknown,
    /// Also one that is at risk
    Risk,
    /// Also anything that is worth knowing
    Notice,
    /// Nothing
    Never,
}

impl FailOn {
    /// The lowest severity that fails an audit; none where nothing does.
    #[must_use]
    pub fn least(self) -> Option<Severity> {
        match self {
            Self::Broken => Some(Severity::Broken),
            Self::Unknown => Some(Severity::Unknown),
            Self::Risk => Some(Severity::Risk),
            Self::Notice => Some(Severity::Notice),
            Self::Never => None,
        }
    }
}
