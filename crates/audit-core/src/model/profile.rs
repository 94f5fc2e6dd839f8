//! What a profile of the AWS config files says of a container's credentials.

use super::consumer::NextRole;

/// Where a profile leads, as far as the files that it is in were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// To a role, by a token in a file.
    WebIdentity(WebIdentityProfile),
    /// To credentials that have nothing to do with the ServiceAccount's token, or that do not show: in words that follow "the profile".
    Elsewhere(String),
    /// Nowhere: it says nothing of credentials.
    Nowhere,
    /// The files have no profile of this name.
    Absent(String),
}

/// A role that is assumed with a token in a file, and those that are assumed with its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIdentityProfile {
    /// `role_arn` of the profile at which the chain begins.
    pub role: String,
    /// `web_identity_token_file`.
    pub token_file: String,
    /// The roles of the profiles that have it as their `source_profile`, in the order in which they are assumed.
    pub then: Vec<NextRole>,
}
