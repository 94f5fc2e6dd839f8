//! Who asks, told by one text: the ARN of an identity provider, or of another principal.

use iam_policy::Principal;

/// Web identity providers that IAM knows without an ARN: they are principals by their host names (IAM User Guide,
/// "AWS JSON policy elements: Principal").
const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

/// Somebody who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asking<'t> {
    pub(super) kind: Kind,
    pub(super) name: &'t str,
    /// For a web identity provider what stands before the claims in condition keys, `host/path`.
    pub(super) issuer: Option<&'t str>,
}

/// What kind of principal a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Federated,
    Aws,
    Service,
}

/// The text names nobody who could ask.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no principal that can ask; write the provider's ARN, `arn:aws:iam::<account>:oidc-provider/<issuer without https://>`"
)]
pub(super) struct NoPrincipal;

impl<'t> Asking<'t> {
    /// Reads a principal. An account alone never asks: a user, a role or a session of it does.
    pub(super) fn parse(name: &'t str) -> Result<Self, NoPrincipal> {
        let of = |kind, issuer| Ok(Self { kind, name, issuer });
        if BUILT_IN.contains(&name) {
            return of(Kind::Federated, Some(name));
        }
        let mut parts = name.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (scheme, partition, service, _region, account, resource) =
            (part(), part(), part(), part(), part(), part());
        if scheme != "arn" {
            let is_service = [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| {
                name.strip_suffix(end).is_some_and(|host| {
                    !host.is_empty()
                        && host
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                })
            });
            return if is_service {
                of(Kind::Service, None)
            } else {
                Err(NoPrincipal)
            };
        }
        if partition.is_empty() || account.is_empty() {
            return Err(NoPrincipal);
        }
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        match (service, kind) {
            ("iam", "root") if rest.is_empty() => of(Kind::Aws, None),
            (_, _) if rest.is_empty() => Err(NoPrincipal),
            ("iam", "oidc-provider") => of(Kind::Federated, Some(rest)),
            ("iam", "saml-provider") => of(Kind::Federated, None),
            ("iam", "user" | "role") | ("sts", "assumed-role" | "federated-user") => of(Kind::Aws, None),
            _ => Err(NoPrincipal),
        }
    }

    /// The same as the evaluation takes it.
    pub(super) fn to_principal(&self) -> Principal {
        match self.kind {
            Kind::Federated => Principal::Federated(self.name.to_owned()),
            Kind::Aws => Principal::Aws(self.name.to_owned()),
            Kind::Service => Principal::Service(self.name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_told_apart() {
        for (name, kind, issuer) in [
            (
                "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A:b",
                Kind::Federated,
                Some("oidc.example.com/id/A:b"),
            ),
            (
                "arn:aws-cn:iam::111122223333:oidc-provider/h",
                Kind::Federated,
                Some("h"),
            ),
            (
                "arn:aws:iam::111122223333:saml-provider/corp",
                Kind::Federated,
                None,
            ),
            (
                "accounts.google.com",
                Kind::Federated,
                Some("accounts.google.com"),
            ),
            ("arn:aws:iam::111122223333:root", Kind::Aws, None),
            ("arn:aws:iam::111122223333:role/a/b", Kind::Aws, None),
            (
                "arn:aws:sts::111122223333:assumed-role/a/session",
                Kind::Aws,
                None,
            ),
            ("pods.eks.amazonaws.com", Kind::Service, None),
            ("ec2.amazonaws.com.cn", Kind::Service, None),
        ] {
            assert_eq!(Asking::parse(name), Ok(Asking { kind, name, issuer }), "{name}");
        }
    }

    #[test]
    fn other_texts_are_nobody() {
        for name in [
            "",
            "*",
            "arn",
            "111122223333",
            "https://oidc.example.com",
            "oidc.example.com/id/A",
            ".amazonaws.com",
            "a b.amazonaws.com",
            "arn:aws:iam::111122223333:oidc-provider/",
            "arn:aws:iam::111122223333:oidc-provider",
            "arn:aws:iam::111122223333:policy/x",
            "arn:aws:iam:::role/x",
            "arn::iam::111122223333:role/x",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(Asking::parse(name), Err(NoPrincipal), "{name}");
        }
    }
}
