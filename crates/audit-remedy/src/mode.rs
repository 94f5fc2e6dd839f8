//! How far remediation goes.

/// How far remediation goes. Each includes what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemediationMode {
    /// Nothing is planned.
    Off,
    /// A plan is shown; nothing is written.
    Propose,
    /// A plan is carried out once an `IrsaApproval` names its hash.
    RequireApproval,
    /// A plan is carried out as soon as nothing blocks it.
    Automatic,
}

impl RemediationMode {
    /// Its name in the custom resources.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Propose => "Propose",
            Self::RequireApproval => "RequireApproval",
            Self::Automatic => "Automatic",
        }
    }
}
