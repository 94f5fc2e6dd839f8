//! The services that are spoken, and how they differ on the wire.

/// The one operation that is not signed.
pub(crate) const WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// A service by its name in the credential scope of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// AWS Query protocol.
    Iam,
    /// AWS Query protocol.
    Sts,
    /// REST with JSON.
    Eks,
    /// Not spoken here: every operation is unknown.
    Other,
}

impl Service {
    /// The service with this signing name.
    pub(crate) fn from_signing_name(name: &str) -> Self {
        match name {
            "iam" => Self::Iam,
            "sts" => Self::Sts,
            "eks" => Self::Eks,
            _ => Self::Other,
        }
    }

    /// XML namespace of the answers of Query services.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Eks | Self::Other => "",
        }
    }

    /// The one of two spellings of an error code that this service's protocol uses.
    pub(crate) fn pick(self, query: &'static str, rest: &'static str) -> &'static str {
        match self {
            Self::Eks => rest,
            Self::Iam | Self::Sts | Self::Other => query,
        }
    }
}
