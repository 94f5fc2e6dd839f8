//! How the provider that a statement names differs from the one that a token comes from.
//!
//! Source: IAM User Guide, OIDC providers: one is in the account of the roles that trust it,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>.

use super::distance::distance;
use super::key::eks_region;
use crate::arn::components;
use crate::document::{PrincipalElement, PrincipalKind};

/// One way in which a named principal is not the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderDifference {
    /// The right principal, excluded by `NotPrincipal`.
    Excluded,
    /// Only case, white space, a scheme, a port or a trailing slash.
    Spelling,
    /// Another partition: `aws` in place of `aws-cn`, ...
    Partition,
    /// Another account than the role's. STS takes only providers of the role's own account.
    Account,
    /// Another region's EKS.
    Region,
    /// Another EKS cluster of whichever region: dead or alive, this document does not know.
    Cluster,
    /// An OpenID Connect provider of another kind.
    Issuer,
    /// A SAML provider.
    Saml,
    /// No identity provider: an account, role, service, or something unreadable.
    NotAProvider,
    /// Nobody is named.
    Nobody,
}

/// The principal that comes nearest to the provider, and what sets it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMismatch {
    /// What the statement names; empty if it names nobody.
    pub found: String,
    /// Every difference, in the order of [`ProviderDifference`]; never empty.
    pub differences: Vec<ProviderDifference>,
}

/// Compares the principals of a statement that does not match with the provider.
pub(super) fn compare(element: &PrincipalElement, wanted: &str) -> ProviderMismatch {
    if element.negated {
        return ProviderMismatch {
            found: wanted.to_owned(),
            differences: vec![ProviderDifference::Excluded],
        };
    }
    let nearest = element.named.iter().min_by_key(|named| {
        (
            named.kind != PrincipalKind::Federated,
            distance(&named.value, wanted),
        )
    });
    let Some(named) = nearest else {
        return ProviderMismatch {
            found: String::new(),
            differences: vec![ProviderDifference::Nobody],
        };
    };
    let differences = match named.kind {
        PrincipalKind::Federated => differences(&named.value, wanted),
        _ => vec![ProviderDifference::NotAProvider],
    };
    ProviderMismatch {
        found: named.value.to_string(),
        differences,
    }
}

fn differences(found: &str, wanted: &str) -> Vec<ProviderDifference> {
    use ProviderDifference as D;
    let Some([_, partition, "iam", _, account, resource]) = components(found.trim()) else {
        return vec![D::NotAProvider];
    };
    if resource.starts_with("saml-provider/") {
        return vec![D::Saml];
    }
    let Some(found_issuer) = resource.strip_prefix("oidc-provider/") else {
        return vec![D::NotAProvider];
    };
    let wanted = components(wanted).unwrap_or_default();
    let [_, wanted_partition, _, _, wanted_account, wanted_resource] = wanted;
    let wanted_issuer = wanted_resource
        .strip_prefix("oidc-provider/")
        .unwrap_or(wanted_resource);
    let mut found_differences = Vec::new();
    if partition != wanted_partition {
        found_differences.push(D::Partition);
    }
    if account != wanted_account {
        found_differences.push(D::Account);
    }
    if plain(found_issuer) != plain(wanted_issuer) {
        let found_host = plain(found_issuer);
        let wanted_host = plain(wanted_issuer);
        let host = |issuer: &str| issuer.split('/').next().unwrap_or_default().to_owned();
        let (found_host, wanted_host) = (host(&found_host), host(&wanted_host));
        let id = |issuer: &str| plain(issuer).rsplit('/').next().map(str::to_owned);
        match (eks_region(&found_host), eks_region(&wanted_host)) {
            (Some(a), Some(b)) => {
                if a != b {
                    found_differences.push(D::Region);
                }
                if id(found_issuer) != id(wanted_issuer) {
                    found_differences.push(D::Cluster);
                }
                if found_differences.is_empty() {
                    found_differences.push(D::Issuer);
                }
            }
            _ => found_differences.push(D::Issuer),
        }
    }
    if found_differences.is_empty() {
        found_differences.push(D::Spelling);
    }
    found_differences
}

/// An issuer without what people get wrong in writing it.
fn plain(issuer: &str) -> String {
    let lower = issuer.trim().to_lowercase();
    let bare = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    bare.replacen(":443", "", 1)
}

#[cfg(test)]
mod tests {
    use super::ProviderDifference as D;
    use super::*;

    #[test]
    fn says_what_sets_providers_apart() {
        let issuer = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
        let other = "oidc.eks.us-west-2.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF";
        let arn = |partition: &str, account: &str, issuer: &str| {
            format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}")
        };
        let wanted = arn("aws", "111122223333", issuer);
        for (found, expected) in [
            (arn("aws", "111122223333", other), vec![D::Cluster]),
            (
                arn("aws", "111122223333", &issuer.replace("us-west-2", "eu-west-1")),
                vec![D::Region],
            ),
            (
                arn("aws", "111122223333", &other.replace("us-west-2", "eu-west-1")),
                vec![D::Region, D::Cluster],
            ),
            (arn("aws", "999999999999", issuer), vec![D::Account]),
            (arn("aws-cn", "111122223333", issuer), vec![D::Partition]),
            (
                arn("aws", "111122223333", &format!("{issuer}/")),
                vec![D::Spelling],
            ),
            (
                arn("aws", "111122223333", &format!("https://{issuer}")),
                vec![D::Spelling],
            ),
            (
                arn("aws", "111122223333", &issuer.to_lowercase()),
                vec![D::Spelling],
            ),
            (
                arn("aws", "111122223333", "token.actions.githubusercontent.com"),
                vec![D::Issuer],
            ),
            (
                "arn:aws:iam::111122223333:saml-provider/corp".to_owned(),
                vec![D::Saml],
            ),
            ("cognito-identity.amazonaws.com".to_owned(), vec![D::NotAProvider]),
            (
                "arn:aws:iam::111122223333:role/x".to_owned(),
                vec![D::NotAProvider],
            ),
        ] {
            assert_eq!(differences(&found, &wanted), expected, "{found}");
        }
    }
}
