//! The first version of each SDK that supports IRSA, and versions in a text that are older.
//!
//! Source: Amazon EKS User Guide, "Use IRSA with the AWS SDK". The SDK for Rust and that for Go v2 support it in every version. For Java 1 the list
//! names 1.12.782 today; it named 1.11.704 before, which is the first that knows web identity, so that what is older cannot work.

use std::fmt;

use crate::mentioned::run;

/// An SDK.
#[derive(Debug, PartialEq, Eq)]
pub struct Sdk {
    /// As people call it.
    pub name: &'static str,
    /// What stands before its version in a User-Agent or a list of packages, in lower case.
    marks: &'static [&'static str],
    /// Its major version, where several are told apart by it.
    major: Option<u32>,
    /// The first version on the list.
    pub minimum: Version,
}

/// A version: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A version in a text that is below the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldSdk {
    /// Whose.
    pub sdk: &'static Sdk,
    /// The version in the text.
    pub version: Version,
}

/// The list of EKS.
pub const MINIMUM: &[Sdk] = &[
    Sdk {
        name: "Java 2",
        marks: &["aws-sdk-java/", "software.amazon.awssdk:sts:"],
        major: Some(2),
        minimum: Version(2, 10, 11),
    },
    Sdk {
        name: "Java 1",
        marks: &["aws-sdk-java/", "aws-java-sdk-core:", "aws-java-sdk-core-"],
        major: Some(1),
        minimum: Version(1, 11, 704),
    },
    Sdk {
        name: "Go 1",
        marks: &["aws-sdk-go/", "github.com/aws/aws-sdk-go v", "aws-sdk-go@v"],
        major: Some(1),
        minimum: Version(1, 23, 13),
    },
    Sdk {
        name: "Python (boto3)",
        marks: &["boto3/", "boto3==", "boto3-"],
        major: None,
        minimum: Version(1, 9, 220),
    },
    Sdk {
        name: "Python (botocore)",
        marks: &["botocore/", "botocore==", "botocore-"],
        major: None,
        minimum: Version(1, 12, 200),
    },
    Sdk {
        name: "AWS CLI",
        marks: &["aws-cli/"],
        major: None,
        minimum: Version(1, 16, 232),
    },
    Sdk {
        name: "JavaScript 2",
        marks: &["aws-sdk-nodejs/", "aws-sdk@", "aws-sdk-js/"],
        major: Some(2),
        minimum: Version(2, 525, 0),
    },
    Sdk {
        name: "JavaScript 3",
        marks: &[
            "aws-sdk-js/",
            "@aws-sdk/client-sts@",
            "@aws-sdk/credential-provider-node@",
        ],
        major: Some(3),
        minimum: Version(3, 27, 0),
    },
    Sdk {
        name: "Ruby",
        marks: &["aws-sdk-ruby3/", "aws-sdk-core (", "aws-sdk-core-"],
        major: None,
        minimum: Version(3, 58, 0),
    },
    Sdk {
        name: "C++",
        marks: &["aws-sdk-cpp/"],
        major: None,
        minimum: Version(1, 7, 174),
    },
    Sdk {
        name: ".NET",
        marks: &["aws-sdk-dotnet-coreclr/", "aws-sdk-dotnet-45/", "aws-sdk-dotnet/"],
        major: None,
        minimum: Version(3, 3, 659),
    },
    Sdk {
        name: "PHP",
        marks: &["aws-sdk-php/"],
        major: None,
        minimum: Version(3, 110, 7),
    },
];

/// The versions in a text in lower case that are below the minimum, each once. .NET counts each of its packages by itself, so that only the
/// first two numbers are compared there.
pub(crate) fn old_in(folded: &str) -> Vec<OldSdk> {
    let mut found: Vec<OldSdk> = Vec::new();
    for sdk in MINIMUM {
        for mark in sdk.marks {
            for (at, _) in folded.match_indices(mark) {
                let rest = folded.get(at + mark.len()..).unwrap_or_default();
                let Some(version) = version(rest) else { continue };
                let old = OldSdk { sdk, version };
                let is_old = match sdk.name {
                    ".NET" => (version.0, version.1) < (sdk.minimum.0, sdk.minimum.1),
                    _ => version < sdk.minimum,
                };
                if is_old && sdk.major.is_none_or(|major| version.0 == major) && !found.contains(&old) {
                    found.push(old);
                }
            }
        }
    }
    found
}

fn version(text: &str) -> Option<Version> {
    let digits = run(text, |c| c.is_ascii_digit() || c == '.');
    let mut parts = digits.split('.').map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    let minor = parts.next()?.ok()?;
    // Without a patch, it may be any.
    let patch = parts.next().map_or(Some(u32::MAX), Result::ok)?;
    Some(Version(major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_below_the_minimum_is_old() {
        for (text, expected) in [
            ("boto3/1.9.100 python/3.7", &["Python (boto3)"][..]),
            ("boto3/1.34.0 python/3.11 botocore/1.34.0", &[]),
            ("aws-sdk-go/1.15.11 (go1.11; linux; amd64)", &["Go 1"]),
            ("github.com/aws/aws-sdk-go v1.44.0", &[]),
            ("aws-sdk-go-v2/1.2.0", &[]),
            ("aws-sdk-java/1.11.500 linux", &["Java 1"]),
            ("aws-sdk-java/2.5.0 linux", &["Java 2"]),
            ("aws-sdk-java/2.20.0", &[]),
            ("aws-cli/1.16.100 python/2.7", &["AWS CLI"]),
            ("aws-cli/2.1.0", &[]),
            ("aws-sdk-nodejs/2.400.0", &["JavaScript 2"]),
            ("aws-sdk-js/3.0.0", &["JavaScript 3"]),
            ("aws-sdk-dotnet-coreclr/3.7.1.2", &[]),
            ("aws-sdk-dotnet-coreclr/3.1.0.0", &[".NET"]),
            ("boto3/99999999999999999999.1.1", &[]),
        ] {
            let names: Vec<&str> = old_in(text).iter().map(|old| old.sdk.name).collect();
            assert_eq!(names, expected, "{text}");
        }
    }
}
