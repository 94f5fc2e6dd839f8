//! The ARN of an IAM role, as people write it into annotations.
//!
//! Source: IAM User Guide, IAM identifiers: paths and friendly names,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::text::quoted;

/// A well-formed ARN of an IAM role. Cheap to clone: clones share the text. Ordered by partition, account, path and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn {
    /// `arn:<partition>:iam::<account>:role<path><name>`
    text: Arc<str>,
    /// Where the account begins, in bytes.
    account: usize,
    /// Where the name begins, in bytes.
    name: usize,
}

/// What begins every ARN.
const SCHEME: &str = "arn:";
/// What is between partition and account: the service, and no region.
const SERVICE: &str = ":iam::";
/// What is between account and path.
const RESOURCE: &str = ":role";
/// The length of an account's id.
const ACCOUNT_DIGITS: usize = 12;

/// Why a text is not the ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleArnError {
    /// Nothing was given.
    #[error("the role ARN is empty; write `arn:aws:iam::<account>:role/<name>`")]
    Empty,
    /// Only a name, which some webhooks complete into an ARN by themselves: it proves nothing.
    #[error("{0} is a bare role name, not an ARN; write `arn:aws:iam::<account>:role/<name>`")]
    BareName(String),
    /// White space or a control character, often at the end of a pasted line.
    #[error("{0} contains white space or a control character; remove it")]
    Whitespace(String),
    /// Quotation marks that became part of the value.
    #[error("{0} contains quotation marks; remove them")]
    Quotes(String),
    /// Something else than an ARN.
    #[error("{0} is not an ARN; write `arn:aws:iam::<account>:role/<name>`")]
    NotAnArn(String),
    /// A partition that AWS does not have.
    #[error("{0} is not an AWS partition; use `aws`, `aws-cn` or `aws-us-gov`")]
    UnknownPartition(String),
    /// The ARN of a session: `sts` with `assumed-role/`.
    #[error("{0} names a session of an assumed role; use the ARN of the role itself, with `iam` and `role/`")]
    AssumedRole(String),
    /// An ARN of another service.
    #[error("{0} is not an IAM ARN; use the ARN of the role, `arn:aws:iam::<account>:role/<name>`")]
    OtherService(String),
    /// IAM is global: the fourth part of its ARNs is empty.
    #[error("{0} stands where an IAM ARN has no region; leave that part empty")]
    RegionGiven(String),
    /// The account is not made of 12 digits.
    #[error("{0} is not an account number of 12 digits; leading zeros count")]
    AccountNotTwelveDigits(String),
    /// An IAM resource that is not a role: `instance-profile`, `user`, `policy`, ...
    #[error("{0} is not a role; use the ARN with `role/`")]
    NotARole(String),
    /// The path has characters that IAM does not allow, or is too long.
    #[error("{0} is not a role path; it starts and ends with `/`")]
    BadPath(String),
    /// The name is empty, longer than 64 characters, or has characters that IAM does not allow.
    #[error("{0} is not a role name; it has 1 to 64 letters, digits and `+=,.@_-`")]
    BadName(String),
}

/// Partitions of AWS, from its SDKs' endpoint tables: commercial, China, GovCloud, the isolated ones and the
/// European sovereign cloud.
const PARTITIONS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
];

/// Whether AWS has a partition of this name.
#[must_use]
pub(crate) fn is_partition(text: &str) -> bool {
    PARTITIONS.contains(&text)
}

/// Whether quotation marks became part of an ARN. In a role's path IAM allows the straight ones (`[!-~]`, IAM API Reference, "`CreateRole`").
fn has_quotes_outside_its_path(text: &str) -> bool {
    let straight = ['"', '\'', '`'];
    let (before, after) = match (text.find(":role/"), text.rfind('/')) {
        (Some(start), Some(end)) => (text.get(..start), text.get(end..)),
        _ => (Some(text), None),
    };
    let outside = [before, after];
    let mut outside = outside.into_iter().flatten();
    outside.any(|part| part.contains(straight))
        || text.contains(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'])
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

impl RoleArn {
    /// Reads a role ARN, exactly as written: nothing is trimmed or corrected, for STS does not either.
    ///
    /// # Errors
    /// The first thing that is wrong, from the outside in.
    pub fn parse(text: &str) -> Result<Self, RoleArnError> {
        if text.is_empty() {
            return Err(RoleArnError::Empty);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(RoleArnError::Whitespace(quoted(text)));
        }
        if has_quotes_outside_its_path(text) {
            return Err(RoleArnError::Quotes(quoted(text)));
        }
        let mut parts = text.splitn(6, ':');
        let [first, partition, service, region, account, resource] = std::array::from_fn(|_| parts.next());
        let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
            (first, partition, service, region, account, resource)
        else {
            // A path may stand before a bare name; the webhook puts `role/` before either.
            return Err(
                if text.chars().all(|c| is_name_character(c) || c == '/') && text != "arn" {
                    RoleArnError::BareName(quoted(text))
                } else {
                    RoleArnError::NotAnArn(quoted(text))
                },
            );
        };
        if !is_partition(partition) {
            return Err(RoleArnError::UnknownPartition(quoted(partition)));
        }
        if service == "sts" && resource.starts_with("assumed-role/") {
            return Err(RoleArnError::AssumedRole(quoted(text)));
        }
        if service != "iam" {
            return Err(RoleArnError::OtherService(quoted(service)));
        }
        if !region.is_empty() {
            return Err(RoleArnError::RegionGiven(quoted(region)));
        }
        if account.len() != ACCOUNT_DIGITS || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RoleArnError::AccountNotTwelveDigits(quoted(account)));
        }
        let Some(full_name) = resource.strip_prefix("role/") else {
            return Err(RoleArnError::NotARole(quoted(resource)));
        };
        let name = full_name.rsplit('/').next().unwrap_or_default();
        let arn = Self {
            text: text.into(),
            account: SCHEME.len() + partition.len() + SERVICE.len(),
            name: text.len() - name.len(),
        };
        let path = arn.path();
        // IAM's own pattern for paths: printable ASCII, at most 512 characters.
        if path.len() > 512 || !path.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(RoleArnError::BadPath(quoted(path)));
        }
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name_character) {
            return Err(RoleArnError::BadName(quoted(name)));
        }
        Ok(arn)
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn parts(&self) -> [&str; 4] {
        [self.partition(), self.account(), self.path(), self.name()]
    }

    fn part(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// The partition, such as `aws` or `aws-cn`.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.part(SCHEME.len()..self.account - SERVICE.len())
    }

    /// The account: 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.part(self.account..self.account + ACCOUNT_DIGITS)
    }

    /// The path: `/`, or `/a/b/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.part(self.account + ACCOUNT_DIGITS + RESOURCE.len()..self.name)
    }

    /// The name, without the path: what `GetRole` takes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.part(self.name..self.text.len())
    }
}

impl Ord for RoleArn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for RoleArn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_and_pathed_arns_and_prints_them_back() {
        for (text, path, name) in [
            ("arn:aws:iam::111122223333:role/app", "/", "app"),
            ("arn:aws-cn:iam::111122223333:role/a/b/app", "/a/b/", "app"),
            (
                "arn:aws-us-gov:iam::000000000001:role/a.b+c=d,e@f_g-h",
                "/",
                "a.b+c=d,e@f_g-h",
            ),
            ("arn:aws:iam::111122223333:role/o'b\"r`n/app", "/o'b\"r`n/", "app"),
        ] {
            let arn = RoleArn::parse(text).unwrap();
            assert_eq!((arn.path(), arn.name()), (path, name));
            assert_eq!(arn.to_string(), text);
        }
        let arn = RoleArn::parse("arn:aws-cn:iam::111122223333:role/x").unwrap();
        assert_eq!((arn.partition(), arn.account()), ("aws-cn", "111122223333"));
    }

    #[test]
    fn tells_the_mistakes_apart() {
        use RoleArnError as E;
        let kind = |text: &str| std::mem::discriminant(&RoleArn::parse(text).unwrap_err());
        let s = String::new;
        for (text, expected) in [
            ("", E::Empty),
            ("my-role", E::BareName(s())),
            ("path/my-role", E::BareName(s())),
            ("arn:aws:iam::111122223333:role/app\n", E::Whitespace(s())),
            (" arn:aws:iam::111122223333:role/app", E::Whitespace(s())),
            ("\"arn:aws:iam::111122223333:role/app\"", E::Quotes(s())),
            ("arn:aws:iam::111122223333:role/a/app'", E::Quotes(s())),
            ("'arn:aws:iam::111122223333:role/a/app", E::Quotes(s())),
            ("arn:aws:iam::111122223333:role/\u{201c}a/app", E::Quotes(s())),
            ("arn", E::NotAnArn(s())),
            ("arn:aws:iam", E::NotAnArn(s())),
            ("https://x", E::NotAnArn(s())),
            ("arn:amazon:iam::111122223333:role/app", E::UnknownPartition(s())),
            (
                "arn:aws:sts::111122223333:assumed-role/app/session",
                E::AssumedRole(s()),
            ),
            ("arn:aws:s3:::bucket", E::OtherService(s())),
            ("arn:aws:iam:us-east-1:111122223333:role/app", E::RegionGiven(s())),
            (
                "arn:aws:iam::11112222333:role/app",
                E::AccountNotTwelveDigits(s()),
            ),
            (
                "arn:aws:iam::1111222233334:role/app",
                E::AccountNotTwelveDigits(s()),
            ),
            ("arn:aws:iam::<account>:role/app", E::AccountNotTwelveDigits(s())),
            ("arn:aws:iam::111122223333:instance-profile/app", E::NotARole(s())),
            ("arn:aws:iam::111122223333:user/app", E::NotARole(s())),
            ("arn:aws:iam::111122223333:role", E::NotARole(s())),
            ("arn:aws:iam::111122223333:role/\u{e9}/app", E::BadPath(s())),
            ("arn:aws:iam::111122223333:role/", E::BadName(s())),
            ("arn:aws:iam::111122223333:role/a:b", E::BadName(s())),
            ("arn:aws:iam::111122223333:role/*", E::BadName(s())),
        ] {
            assert_eq!(kind(text), std::mem::discriminant(&expected), "{text:?}");
        }
    }
}
