//! The cluster's OIDC issuer: the URL in the `iss` claim of every ServiceAccount token.

use std::fmt;

/// An issuer URL that IAM can register as a provider: `https`, a host, an optional path; no port, query,
/// fragment or user. Kept to the letter, because IAM and STS compare it case-sensitively and a trailing slash counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerUrl(String);

/// Why a text is no issuer URL that IAM could register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Another scheme, or none.
    #[error(
        "issuer `{0}` does not start with `https://`: give the URL in the `iss` claim of the cluster's tokens"
    )]
    NotHttps(String),
    /// Nothing between the scheme and the path.
    #[error("issuer `{0}` has no host: give the URL in the `iss` claim of the cluster's tokens")]
    NoHost(String),
    /// A port, query, fragment or user, none of which IAM accepts in a provider's URL.
    #[error("issuer `{0}` has a port, query, fragment or user, which IAM accepts in no provider URL")]
    NotRegistrable(String),
    /// White space or control characters.
    #[error("issuer `{0}` has white space or control characters in it")]
    BadCharacter(String),
}

impl IssuerUrl {
    /// Reads an issuer URL.
    ///
    /// # Errors
    /// When IAM could not register the URL as a provider; the message names the input.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let shown = || crate::text::quote(text);
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
        {
            return Err(IssuerError::BadCharacter(shown()));
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return Err(IssuerError::NotHttps(shown()));
        };
        let host = rest.split('/').next().unwrap_or_default();
        if rest.contains(['?', '#', '@', '\\', '"', '\'', '`']) || host.contains(':') {
            return Err(IssuerError::NotRegistrable(shown()));
        }
        if host.is_empty() {
            return Err(IssuerError::NoHost(shown()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL with its scheme, as in the `iss` claim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether EKS issues it, by its host: `oidc.eks.<region>.…`, or `oidc-eks.<region>.…` for both IPv4 and IPv6.
    #[must_use]
    pub fn is_of_eks(&self) -> bool {
        ["oidc.eks.", "oidc-eks."]
            .iter()
            .any(|host| self.host_path().starts_with(host))
    }

    /// The URL without its scheme: the prefix of the condition keys `…:sub` and `…:aud`, and the resource part of
    /// the provider's ARN.
    #[must_use]
    pub fn host_path(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or(&self.0)
    }

    /// The ARN that a provider for this issuer has in an account.
    #[must_use]
    pub fn provider_arn(&self, partition: &str, account: &str) -> String {
        let host_path = self.host_path();
        ["arn:", partition, ":iam::", account, ":oidc-provider/", host_path].concat()
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the issuer was found out, most trustworthy first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerSource {
    /// Given by a flag or an environment variable.
    Flag,
    /// The `iss` claim of a token that this cluster issued to the operator.
    Token,
    /// The API server's `/.well-known/openid-configuration`.
    Discovery,
    /// EKS `DescribeCluster`.
    Eks,
}

impl IssuerSource {
    /// The name used in `ClusterIrsaAudit`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "Flag",
            Self::Token => "Token",
            Self::Discovery => "Discovery",
            Self::Eks => "EksDescribeCluster",
        }
    }

    /// The source of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Flag, Self::Token, Self::Discovery, Self::Eks];
        all.into_iter().find(|source| source.as_str() == name)
    }
}

/// The issuer and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterIssuer {
    /// The issuer.
    pub url: IssuerUrl,
    /// How it was found out.
    pub source: IssuerSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eks_issuer_gives_keys_and_arns() {
        let issuer = IssuerUrl::parse("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC").unwrap();
        assert_eq!(issuer.host_path(), "oidc.eks.eu-west-1.amazonaws.com/id/ABC");
        assert_eq!(
            issuer.provider_arn("aws-cn", "111122223333"),
            "arn:aws-cn:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
        );
    }

    #[test]
    fn eks_issues_under_hosts_of_its_own() {
        for (url, is_of_eks) in [
            ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC", true),
            ("https://oidc-eks.eu-west-1.api.aws/id/ABC", true),
            ("https://oidc.k8s.example.com/eks", false),
            ("https://s3.amazonaws.com/oidc.eks.eu-west-1.amazonaws.com", false),
        ] {
            assert_eq!(IssuerUrl::parse(url).unwrap().is_of_eks(), is_of_eks, "{url}");
        }
    }

    #[test]
    fn what_iam_cannot_register_is_refused_by_name() {
        for (text, expected) in [
            ("http://a", "NotHttps"),
            ("oidc.eks.x", "NotHttps"),
            ("https://", "NoHost"),
            ("https:///id/A", "NoHost"),
            ("https://a:8443/id", "NotRegistrable"),
            ("https://a/?q", "NotRegistrable"),
            ("https://u@a/", "NotRegistrable"),
            ("https://a/ b", "BadCharacter"),
            ("https://a/\u{1b}[31m", "BadCharacter"),
        ] {
            let error = IssuerUrl::parse(text).unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_trailing_slash_is_kept_because_iam_compares_it() {
        assert_eq!(IssuerUrl::parse("https://a/b/").unwrap().host_path(), "a/b/");
    }
}
