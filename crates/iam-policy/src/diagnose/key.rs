//! What a condition key stands for, seen from one issuer.
//!
//! Source: IAM User Guide, keys of web identity federation: the issuer without its scheme, then `:sub`, `:aud`, `:amr`,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>.

use crate::request::WebIdentity;

/// A claim of a token that STS makes a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    Subject,
    Audience,
    /// `amr`, `azp`, `oaud`: keys that a Kubernetes token never fills.
    Other,
}

impl Claim {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "sub" => Some(Self::Subject),
            "aud" => Some(Self::Audience),
            "amr" | "azp" | "oaud" => Some(Self::Other),
            _ => None,
        }
    }

    /// The suffix of the key.
    pub(crate) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Subject => Some("sub"),
            Self::Audience => Some("aud"),
            Self::Other => None,
        }
    }
}

/// What is wrong with a key that was meant for a token's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// Nothing but white space.
    Empty,
    /// `https://` stands before the host.
    Scheme,
    /// White space within or around.
    Whitespace,
    /// The provider's ARN stands before the issuer.
    ArnPrefix,
    /// The issuer ends in a slash.
    TrailingSlash,
    /// A port follows the host.
    Port,
    /// There is no issuer before the claim.
    NoIssuer,
    /// Neither `:sub` nor `:aud` ends it.
    NoClaim,
    /// The parts of the host are there, in another order.
    HostOrder,
    /// The host is EKS's, and what follows is not `/id/` and an id.
    Path,
}

/// A condition key, from the point of view of one issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyClass {
    /// This issuer's.
    Ours(Claim),
    /// Meant for a token's claim, and no key of any issuer.
    Malformed(KeyFault, Option<Claim>),
    /// Another issuer's.
    OtherIssuer(Claim),
    /// A key of AWS: `aws:`, `sts:`, or another service's.
    Aws,
}

/// Web identity providers that AWS knows by itself, with claims of their own.
const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

pub(crate) fn classify(key: &str, identity: &WebIdentity) -> KeyClass {
    let key = key.to_lowercase();
    let issuer = identity.issuer.to_lowercase();
    let claim_of = |key: &str| {
        key.rsplit_once(':')
            .and_then(|(_, claim)| Claim::parse(claim.trim()))
    };
    if let Some(claim) = key.strip_prefix(&issuer).and_then(|rest| rest.strip_prefix(':')) {
        return match Claim::parse(claim) {
            Some(claim) => KeyClass::Ours(claim),
            None => malformed_claim(claim),
        };
    }
    let claim = claim_of(&key);
    let malformed = |fault| KeyClass::Malformed(fault, claim);
    if key.trim().is_empty() {
        return malformed(KeyFault::Empty);
    }
    if key.contains("://") {
        return malformed(KeyFault::Scheme);
    }
    if key.starts_with("arn:") {
        return malformed(KeyFault::ArnPrefix);
    }
    if key.contains(char::is_whitespace) {
        return malformed(KeyFault::Whitespace);
    }
    let Some((before, last)) = key.rsplit_once(':') else {
        return match Claim::parse(&key) {
            Some(claim) => KeyClass::Malformed(KeyFault::NoIssuer, Some(claim)),
            None => malformed(KeyFault::NoClaim),
        };
    };
    if before.is_empty() {
        return malformed(KeyFault::NoIssuer);
    }
    if BUILT_IN.contains(&before) {
        return KeyClass::OtherIssuer(claim.unwrap_or(Claim::Other));
    }
    // `aws:SourceIp`, `saml:aud`, `s3:prefix`: a service's prefix is one word, an issuer has a host with dots.
    if !before.contains(['.', '/']) {
        let is_claim = matches!(claim, Some(Claim::Subject | Claim::Audience)) && before != "saml";
        return if is_claim {
            malformed(KeyFault::NoIssuer)
        } else {
            KeyClass::Aws
        };
    }
    if before.ends_with('/') {
        return malformed(KeyFault::TrailingSlash);
    }
    let (host, path) = before.split_once('/').unwrap_or((before, ""));
    if host.contains(':') {
        return malformed(KeyFault::Port);
    }
    let Some(claim) = claim else {
        return if last.contains(['.', '/']) {
            malformed(KeyFault::NoClaim)
        } else {
            malformed_claim(last)
        };
    };
    if is_shuffled(host, &issuer) {
        return malformed(KeyFault::HostOrder);
    }
    if eks_region(host).is_some() && !is_eks_path(path) {
        return malformed(KeyFault::Path);
    }
    KeyClass::OtherIssuer(claim)
}

/// A claim that is no key: misspelt, with a slash before it, or one that STS does not look at.
fn malformed_claim(claim: &str) -> KeyClass {
    let trimmed = claim.trim();
    let meant = Claim::parse(trimmed).or(match trimmed {
        "subject" => Some(Claim::Subject),
        "audience" => Some(Claim::Audience),
        _ => None,
    });
    let fault = if trimmed == claim {
        KeyFault::NoClaim
    } else {
        KeyFault::Whitespace
    };
    KeyClass::Malformed(fault, meant)
}

/// Whether the host has the labels of this issuer's, or of EKS's hosts, in another order.
fn is_shuffled(host: &str, issuer: &str) -> bool {
    let sorted = |host: &str| {
        let mut labels: Vec<String> = host.split('.').map(str::to_owned).collect();
        labels.sort_unstable();
        labels
    };
    let own_host = issuer.split('/').next().unwrap_or_default();
    if host != own_host && sorted(host) == sorted(own_host) {
        return true;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let is_eks_like = ["oidc", "eks", "amazonaws", "com"]
        .iter()
        .all(|part| labels.contains(part));
    is_eks_like && eks_region(host).is_none()
}

/// The region in the host of an EKS issuer, also of China's and of the dual-stack form.
pub(crate) fn eks_region(host: &str) -> Option<&str> {
    let region = if let Some(rest) = host.strip_prefix("oidc.eks.") {
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    } else {
        host.strip_prefix("oidc-eks.")
            .and_then(|rest| rest.strip_suffix(".api.aws"))
    };
    region.filter(|region| !region.is_empty() && !region.contains('.'))
}

/// Whether a path is that of an EKS issuer. Real ids are 32 hexadecimal digits; those of examples are not.
fn is_eks_path(path: &str) -> bool {
    path.strip_prefix("id/")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_keys_apart() {
        let id = "EXAMPLED539D4633E53DE1B716D3041E";
        let hex = "0123456789ABCDEF0123456789ABCDEF";
        let identity = WebIdentity {
            provider_arn: String::new(),
            issuer: format!("oidc.eks.us-west-2.amazonaws.com/id/{hex}"),
            subject: "system:serviceaccount:a:b".into(),
            audience: "sts.amazonaws.com".into(),
            called_at: None,
        };
        let own = &identity.issuer;
        let sub = Some(Claim::Subject);
        for (key, expected) in [
            (format!("{own}:sub"), KeyClass::Ours(Claim::Subject)),
            (
                format!("{}:AUD", own.to_uppercase()),
                KeyClass::Ours(Claim::Audience),
            ),
            (format!("{own}:amr"), KeyClass::Ours(Claim::Other)),
            (
                format!("{own}:namespace"),
                KeyClass::Malformed(KeyFault::NoClaim, None),
            ),
            (
                format!("{own}:subject"),
                KeyClass::Malformed(KeyFault::NoClaim, sub),
            ),
            (
                format!("{own}: sub"),
                KeyClass::Malformed(KeyFault::Whitespace, sub),
            ),
            (
                format!("https://{own}:sub"),
                KeyClass::Malformed(KeyFault::Scheme, sub),
            ),
            (
                format!("{own}/:sub"),
                KeyClass::Malformed(KeyFault::TrailingSlash, sub),
            ),
            (
                format!("arn:aws:iam::111122223333:oidc-provider/{own}:sub"),
                KeyClass::Malformed(KeyFault::ArnPrefix, sub),
            ),
            (own.clone(), KeyClass::Malformed(KeyFault::NoClaim, None)),
            ("sub".into(), KeyClass::Malformed(KeyFault::NoIssuer, sub)),
            (format!("{hex}:sub"), KeyClass::Malformed(KeyFault::NoIssuer, sub)),
            (":sub".into(), KeyClass::Malformed(KeyFault::NoIssuer, sub)),
            (" ".into(), KeyClass::Malformed(KeyFault::Empty, None)),
            (
                format!("oidc.us-west-2.eks.amazonaws.com/id/{hex}:sub"),
                KeyClass::Malformed(KeyFault::HostOrder, sub),
            ),
            (
                format!("eks.oidc.eu-west-1.amazonaws.com/id/{id}:sub"),
                KeyClass::Malformed(KeyFault::HostOrder, sub),
            ),
            (
                format!("oidc.eks.us-west-2.amazonaws.com/{hex}:sub"),
                KeyClass::Malformed(KeyFault::Path, sub),
            ),
            (
                format!("oidc.eks.us-west-2.amazonaws.com:443/id/{hex}:sub"),
                KeyClass::Malformed(KeyFault::Port, sub),
            ),
            (
                format!(
                    "oidc.eks.us-west-2.amazonaws.com/id/{}:sub",
                    hex.replace('F', "0")
                ),
                KeyClass::OtherIssuer(Claim::Subject),
            ),
            (
                format!("oidc.eks.eu-west-1.amazonaws.com/id/{hex}:aud"),
                KeyClass::OtherIssuer(Claim::Audience),
            ),
            (
                "token.actions.githubusercontent.com:sub".into(),
                KeyClass::OtherIssuer(Claim::Subject),
            ),
            (
                "accounts.google.com:aud".into(),
                KeyClass::OtherIssuer(Claim::Audience),
            ),
            (
                "graph.facebook.com:app_id".into(),
                KeyClass::OtherIssuer(Claim::Other),
            ),
            ("aws:SourceIp".into(), KeyClass::Aws),
            ("saml:aud".into(), KeyClass::Aws),
        ] {
            assert_eq!(classify(&key, &identity), expected, "{key}");
        }
    }
}
