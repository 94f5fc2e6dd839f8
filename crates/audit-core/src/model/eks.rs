//! EKS clusters and their issuers.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// The most roles of an account that are named for an issuer.
const NAMED: usize = 5;

/// The issuer of an EKS cluster. Its URL comes in several forms, with a host for IPv6 among them; this is what they have in
/// common, so that one cluster is never taken for two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EksIssuer {
    region: String,
    id: String,
}

impl EksIssuer {
    /// Reads a URL without its scheme; `None` where it is no issuer of EKS.
    #[must_use]
    pub fn parse(host_path: &str) -> Option<Self> {
        let (host, path) = host_path.split_once('/')?;
        let host = host.to_ascii_lowercase();
        let suffixed = |prefix: &str, suffixes: [&str; 2]| {
            let rest = host.strip_prefix(prefix)?;
            let mut regions = suffixes.iter().filter_map(|suffix| rest.strip_suffix(suffix));
            regions.next().map(str::to_owned)
        };
        let region = suffixed("oidc.eks.", [".amazonaws.com", ".amazonaws.com.cn"])
            .or_else(|| suffixed("oidc-eks.", [".api.aws", ".api.amazonwebservices.com.cn"]))?;
        let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let id = path.strip_prefix("id/")?.trim_end_matches('/');
        let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
        (!region.is_empty() && region.chars().all(is_region) && is_id).then(|| Self {
            region,
            id: id.to_ascii_uppercase(),
        })
    }

    /// The region of its cluster.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether its region is one of a partition.
    #[must_use]
    pub fn is_in(&self, partition: &str) -> bool {
        let own = match self.region.split('-').collect::<Vec<_>>().as_slice() {
            ["cn", ..] => "aws-cn",
            ["us", "gov", ..] => "aws-us-gov",
            _ => "aws",
        };
        own == partition
    }
}

/// The roles of an account that trust an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustingRoles {
    /// The issuer as a role writes it, without the scheme.
    pub host_path: String,
    /// How many there are.
    pub total: usize,
    /// How many of them trust nobody else.
    pub alone: usize,
    /// The names of a few, and whether each trusts nobody else; the same few of the same roles.
    pub named: Vec<(String, bool)>,
}

impl TrustingRoles {
    /// No role yet.
    #[must_use]
    pub fn new(host_path: &str) -> Self {
        Self {
            host_path: host_path.to_owned(),
            total: 0,
            alone: 0,
            named: Vec::new(),
        }
    }

    /// Counts one more role.
    pub fn add(&mut self, name: &str, trusts_nobody_else: bool) {
        self.total += 1;
        self.alone += usize::from(trusts_nobody_else);
        let at = self.named.partition_point(|(other, _)| other.as_str() < name);
        if at < NAMED {
            self.named.insert(at, (name.to_owned(), trusts_nobody_else));
            self.named.truncate(NAMED);
        }
    }
}

/// An issuer that roles of an account trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// The roles.
    pub roles: TrustingRoles,
    /// When the first listing of an unbroken row of them had ended that showed it: what is not there since then is no thing that
    /// was only just made.
    pub since: Timestamp,
}

/// The EKS clusters of an account in a region.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clusters {
    /// Their issuers.
    pub issuers: BTreeSet<EksIssuer>,
    /// There are no others.
    pub is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_an_issuer_are_one() {
        let issuer = |text| EksIssuer::parse(text);
        let one = issuer("oidc.eks.eu-west-1.amazonaws.com/id/0123ABCD").unwrap();
        assert_eq!(one.region(), "eu-west-1");
        for same in [
            "oidc-eks.eu-west-1.api.aws/id/0123ABCD",
            "oidc.eks.EU-west-1.amazonaws.com/id/0123abcd",
            "oidc.eks.eu-west-1.amazonaws.com/id/0123ABCD/",
        ] {
            assert_eq!(issuer(same).as_ref(), Some(&one), "{same}");
        }
        for other in [
            "oidc.eks.eu-west-2.amazonaws.com/id/0123ABCD",
            "oidc.eks.eu-west-1.amazonaws.com/id/0123ABCE",
            "oidc.eks.eu-west-1.amazonaws.com.cn/id/0123ABCD/x",
            "oidc.eks.eu-west-1.amazonaws.com/0123ABCD",
            "oidc.eks..amazonaws.com/id/0123ABCD",
            "oidc.eks.eu-west-1.amazonaws.com.example.org/id/0123ABCD",
            "token.actions.githubusercontent.com",
            "oidc.eks.eu-west-1.amazonaws.com/id/*",
        ] {
            assert_ne!(issuer(other).as_ref(), Some(&one), "{other}");
        }
    }

    #[test]
    fn a_region_lies_in_one_partition() {
        for (host_path, partition) in [
            ("oidc.eks.eu-west-1.amazonaws.com/id/A", "aws"),
            ("oidc.eks.cn-north-1.amazonaws.com.cn/id/A", "aws-cn"),
            ("oidc-eks.us-gov-west-1.api.aws/id/A", "aws-us-gov"),
        ] {
            let issuer = EksIssuer::parse(host_path).unwrap();
            let partitions = ["aws", "aws-cn", "aws-us-gov"];
            assert!(
                partitions.iter().all(|p| issuer.is_in(p) == (*p == partition)),
                "{host_path}"
            );
        }
    }

    #[test]
    fn many_roles_are_counted_and_the_same_few_are_named() {
        let names: Vec<String> = (0..20).map(|n| format!("role-{n:02}")).collect();
        let gather = |names: &mut dyn Iterator<Item = &String>| {
            let mut roles = TrustingRoles::new("x");
            for name in names {
                roles.add(name, name.ends_with('3'));
            }
            roles
        };
        let (forth, back) = (gather(&mut names.iter()), gather(&mut names.iter().rev()));
        assert_eq!(forth, back);
        assert_eq!((forth.total, forth.alone, forth.named.len()), (20, 2, NAMED));
        assert_eq!(forth.named[3], ("role-03".to_owned(), true));
    }
}
