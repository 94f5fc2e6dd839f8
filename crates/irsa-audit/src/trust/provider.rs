//! The ARN of the provider that a token comes through, where only the issuer is given.

use std::collections::BTreeSet;

use audit_core::model::IssuerUrl;
use audit_core::text::quote_list;
use iam_policy::{PrincipalKind, Statement};

/// Stands for an account of which nothing hangs on its number.
const ANY_ACCOUNT: &str = "000000000000";

/// Where the account in a provider's ARN was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccountSource {
    /// It was given.
    Given,
    /// The policy names a provider in it.
    Policy,
    /// The policy names no provider: whichever account it is, the answer is the same.
    Any,
}

/// A provider's ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) arn: String,
    pub(super) source: AccountSource,
}

/// The policy names providers of several accounts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the policy names providers in the accounts {}; say by --account in which of them the role is",
    quote_list(&.0.iter().collect::<Vec<_>>(), 5)
)]
pub struct SeveralAccounts(BTreeSet<String>);

/// A provider that a policy names: partition, account and issuer.
type Named<'d> = (&'d str, &'d str, &'d str);

impl Provider {
    /// The provider of an issuer in the role's account, which is the account given, or else that of the providers
    /// that the policy names: STS takes no others.
    pub(super) fn find(
        issuer: &IssuerUrl,
        account: Option<&str>,
        statements: &[Statement],
    ) -> Result<Self, SeveralAccounts> {
        let named: Vec<Named<'_>> = statements
            .iter()
            .flat_map(Statement::principals)
            .filter(|(kind, _)| *kind == PrincipalKind::Federated)
            .filter_map(|(_, arn)| parts(arn))
            .collect();
        let of_issuer: Vec<Named<'_>> = named
            .iter()
            .copied()
            .filter(|(_, _, named)| *named == issuer.host_path())
            .collect();
        let (account, source) = match account {
            Some(account) => (account, AccountSource::Given),
            None => match (only(&of_issuer, |named| named.1), only(&named, |named| named.1)) {
                (Some(account), _) | (None, Some(account)) => (account, AccountSource::Policy),
                (None, None) if named.is_empty() => (ANY_ACCOUNT, AccountSource::Any),
                (None, None) => {
                    return Err(SeveralAccounts(
                        named.iter().map(|named| named.1.to_owned()).collect(),
                    ));
                }
            },
        };
        let partition = partition(issuer.host_path())
            .or_else(|| only(&named, |named| named.0))
            .unwrap_or("aws");
        Ok(Self {
            arn: issuer.provider_arn(partition, account),
            source,
        })
    }
}

/// What all have in common, if there are any and they have it.
fn only<'d>(named: &[Named<'d>], of: impl Fn(&Named<'d>) -> &'d str) -> Option<&'d str> {
    let first = of(named.first()?);
    named.iter().all(|named| of(named) == first).then_some(first)
}

/// The parts of a provider's ARN.
fn parts(arn: &str) -> Option<Named<'_>> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(":iam::")?;
    let (account, issuer) = rest.split_once(":oidc-provider/")?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        .then_some((partition, account, issuer))
}

/// The partition that a host of AWS belongs to, told by its region; `None` for other hosts.
fn partition(host_path: &str) -> Option<&'static str> {
    let host = host_path.split('/').next()?.to_ascii_lowercase();
    let of_aws = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".api.aws",
        ".amazonwebservices.com.cn",
        ".amazonaws.eu",
    ];
    if !of_aws.iter().any(|end| host.ends_with(end)) {
        return None;
    }
    let partitions = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
    ];
    let by_region = partitions
        .iter()
        .find(|(region, _)| host.split('.').any(|label| label.starts_with(region)))
        .map(|(_, partition)| *partition);
    Some(by_region.unwrap_or(if host.rsplit('.').next() == Some("cn") {
        "aws-cn"
    } else {
        "aws"
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EKS: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/A";

    fn find(issuer: &str, account: Option<&str>, principals: &[&str]) -> Result<Provider, SeveralAccounts> {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "sts:*", "Principal": {"Federated": principals}}
        });
        let document = iam_policy::parse(&policy.to_string()).document.unwrap();
        Provider::find(&IssuerUrl::parse(issuer).unwrap(), account, document.statements())
    }

    #[test]
    fn the_account_is_the_one_that_the_policy_names() {
        let ours = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A";
        let neighbour = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/B";
        let stranger = "arn:aws:iam::444455556666:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/C";
        for named in [&[ours][..], &[neighbour], &[ours, neighbour], &[stranger, ours]] {
            let found = find(EKS, None, named).unwrap();
            assert_eq!(
                (found.arn.as_str(), found.source),
                (ours, AccountSource::Policy),
                "{named:?}"
            );
        }
        assert_eq!(
            find(EKS, Some("444455556666"), &[ours]).unwrap().source,
            AccountSource::Given
        );
        assert!(find(EKS, None, &[neighbour, stranger]).is_err());
        for nobody in [
            &[][..],
            &["*"],
            &["accounts.google.com"],
            &["arn:aws:iam::1:oidc-provider/x"],
        ] {
            assert_eq!(
                find(EKS, None, nobody).unwrap().source,
                AccountSource::Any,
                "{nobody:?}"
            );
        }
    }

    #[test]
    fn the_partition_follows_the_host_then_the_policy() {
        let china = "arn:aws-cn:iam::111122223333:oidc-provider/x";
        for (issuer, principals, expected) in [
            (EKS, &[china][..], "aws"),
            ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A", &[], "aws-cn"),
            (
                "https://oidc-eks.cn-north-1.api.amazonwebservices.com.cn/id/A",
                &[],
                "aws-cn",
            ),
            (
                "https://oidc.eks.us-gov-west-1.amazonaws.com/id/A",
                &[],
                "aws-us-gov",
            ),
            ("https://oidc-eks.us-gov-east-1.api.aws/id/A", &[], "aws-us-gov"),
            ("https://oidc-eks.eu-west-1.api.aws/id/A", &[], "aws"),
            ("https://oidc.example.com", &[], "aws"),
            ("https://oidc.example.com", &[china], "aws-cn"),
            ("https://cn-north-1.example.com", &[], "aws"),
        ] {
            let arn = find(issuer, Some("111122223333"), principals).unwrap().arn;
            assert_eq!(arn.split(':').nth(1), Some(expected), "{issuer}");
        }
    }
}
