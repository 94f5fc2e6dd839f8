//! Config and credentials files of the AWS SDKs in ConfigMaps: which role the profile of a container leads to.
//!
//! Of values, only names of roles, profiles and files are kept; of anything else, whether it is there.
//!
//! Source: [Shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html),
//! [assume role settings](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html).

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{Configured, NextRole, WebIdentityProfile};

/// The profile that counts where none is named.
pub(super) const DEFAULT: &str = "default";

/// The profiles of a file, or of several.
#[derive(Debug, Default, Clone)]
pub(super) struct Profiles(BTreeMap<String, BTreeMap<String, String>>);

/// The most `source_profile`s that are followed, one from the other. People write two or three; whoever can write a ConfigMap can
/// write as many as fit into a mebibyte.
const MOST_SOURCES: usize = 16;

/// The settings whose values are read. Of all others, it counts that they are there.
const READ: [&str; 5] = [
    "role_arn",
    "web_identity_token_file",
    "source_profile",
    "credential_source",
    "external_id",
];

impl Profiles {
    /// Reads a file. A config file writes `[profile NAME]`, a credentials file `[NAME]`.
    pub(super) fn read(text: &str, is_config: bool) -> Self {
        let mut profiles = Self::default();
        let mut current = None;
        for line in text.lines() {
            let is_nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                current = profile_name(header.0, is_config);
                if let Some(name) = &current {
                    profiles.0.entry(name.clone()).or_default();
                }
                continue;
            }
            let (Some(name), Some((key, value))) = (&current, line.split_once('=')) else {
                continue;
            };
            if is_nested {
                continue;
            }
            let key = key.trim().to_ascii_lowercase();
            // A comment after a value starts with a space.
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default().trim();
            let value = if READ.contains(&key.as_str()) { value } else { "" };
            if let Some(profile) = profiles.0.get_mut(name) {
                profile.insert(key, value.to_owned());
            }
        }
        profiles
    }

    /// Puts a credentials file over a config file, whose settings it precedes.
    pub(super) fn under(mut self, credentials: Self) -> Self {
        for (name, settings) in credentials.0 {
            self.0.entry(name).or_default().extend(settings);
        }
        self
    }

    /// Where a profile leads: along its `source_profile`s to the credentials at their end, then back with the roles that are assumed
    /// with these.
    pub(super) fn resolve(&self, name: &str) -> Configured {
        let mut next = Vec::new();
        let mut seen = BTreeSet::new();
        let mut name = name;
        loop {
            let step = match self.0.get(name) {
                Some(profile) => step(profile),
                None if name == DEFAULT => Step::End(Configured::Nowhere),
                None => Step::End(Configured::Absent(name.to_owned())),
            };
            match step {
                Step::End(Configured::WebIdentity(mut first)) => {
                    next.reverse();
                    first.then = next;
                    return Configured::WebIdentity(first);
                }
                Step::End(Configured::Nowhere) if !next.is_empty() => {
                    return elsewhere("has a `source_profile` without credentials");
                }
                Step::End(end) => return end,
                Step::Source { source, has_keys, .. }
                    if !seen.insert(name) || (source == name && has_keys) =>
                {
                    return elsewhere("is its own `source_profile`");
                }
                Step::Source { .. } if next.len() == MOST_SOURCES => {
                    return elsewhere("has too many source profiles to be followed");
                }
                Step::Source { source, role, .. } => {
                    next.push(role);
                    name = source;
                }
            }
        }
    }
}

/// What one profile says of credentials.
enum Step<'p> {
    /// All there is.
    End(Configured),
    /// A role that is assumed with the credentials of another profile.
    Source {
        /// The name of that profile.
        source: &'p str,
        /// It has static keys of its own, too.
        has_keys: bool,
        /// The role.
        role: NextRole,
    },
}

fn elsewhere(how: &str) -> Configured {
    Configured::Elsewhere(how.to_owned())
}

fn step(profile: &BTreeMap<String, String>) -> Step<'_> {
    let setting = |key: &str| {
        profile
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let has_keys = profile.contains_key("aws_access_key_id");
    let Some(role) = setting("role_arn") else {
        return Step::End(if has_keys {
            elsewhere("has static keys")
        } else if profile.contains_key("credential_process") {
            elsewhere("runs a `credential_process`")
        } else if profile.contains_key("sso_session") || profile.contains_key("sso_start_url") {
            elsewhere("uses IAM Identity Center")
        } else {
            Configured::Nowhere
        });
    };
    if let Some(file) = setting("web_identity_token_file") {
        return Step::End(Configured::WebIdentity(WebIdentityProfile {
            role: role.to_owned(),
            token_file: file.to_owned(),
            then: Vec::new(),
        }));
    }
    match (setting("source_profile"), setting("credential_source")) {
        (Some(source), _) => Step::Source {
            source,
            has_keys,
            role: NextRole {
                external_id: setting("external_id").map(str::to_owned),
                ..NextRole::new(role)
            },
        },
        (None, Some(_)) => Step::End(elsewhere("takes its first credentials from `credential_source`")),
        (None, None) => Step::End(elsewhere(
            "names a `role_arn`, and neither a token file nor a source of credentials",
        )),
    }
}

/// The name of the profile that a section is for, if it is for one.
fn profile_name(header: &str, is_config: bool) -> Option<String> {
    let header = header.trim();
    let named = header
        .strip_prefix("profile")
        .filter(|rest| rest.starts_with([' ', '\t']));
    match named {
        Some(name) => Some(name.trim().trim_matches('"').to_owned()),
        None if !is_config || header == DEFAULT => Some(header.to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const FILE: &str = "\
# what EKS's documentation shows
[profile account_b_role]
source_profile = account_a_role
ROLE_ARN=arn:aws:iam::444455556666:role/b
external_id = x
[profile account_a_role]
role_arn = arn:aws:iam::111122223333:role/a   # a comment
web_identity_token_file = /var/run/token
s3 =
  role_arn = nested
[default]
region = eu-west-1
[profile keys]
aws_access_key_id = AKIA
[profile loop]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = loop
[services x]
role_arn = no
";

    fn resolved(name: &str) -> Configured {
        Profiles::read(FILE, true).resolve(name)
    }

    #[test]
    fn a_chain_begins_at_the_token() {
        let Configured::WebIdentity(profile) = resolved("account_b_role") else {
            panic!("{:?}", resolved("account_b_role"))
        };
        assert_eq!(profile.role, "arn:aws:iam::111122223333:role/a");
        assert_eq!(profile.token_file, "/var/run/token");
        let next = NextRole {
            external_id: Some("x".to_owned()),
            ..NextRole::new("arn:aws:iam::444455556666:role/b")
        };
        assert_eq!(profile.then, [next]);
    }

    #[test]
    fn other_credentials_are_told_and_not_kept() {
        assert_eq!(resolved("default"), Configured::Nowhere);
        assert_eq!(resolved("nobody"), Configured::Absent("nobody".to_owned()));
        assert_eq!(
            resolved("keys"),
            Configured::Elsewhere("has static keys".to_owned())
        );
        assert!(matches!(resolved("loop"), Configured::Elsewhere(_)));
        assert!(!format!("{:?}", Profiles::read(FILE, true)).contains("AKIA"));
    }

    /// A chain of as many profiles, of which the last names a token file.
    fn chain(sources: usize) -> Profiles {
        let mut text = String::new();
        for n in 0..sources {
            let _ = writeln!(
                text,
                "[profile p{n}]\nrole_arn = r{n}\nsource_profile = p{}",
                n + 1
            );
        }
        let _ = writeln!(
            text,
            "[profile p{sources}]\nrole_arn = r{sources}\nweb_identity_token_file = /t"
        );
        Profiles::read(&text, true)
    }

    #[test]
    fn source_profiles_are_followed_as_far_as_anyone_means_them() {
        let Configured::WebIdentity(profile) = chain(MOST_SOURCES).resolve("p0") else {
            panic!("{:?}", chain(MOST_SOURCES).resolve("p0"))
        };
        assert_eq!((profile.role.as_str(), profile.then.len()), ("r16", MOST_SOURCES));
        assert_eq!(profile.then.first().map(|next| next.role.as_str()), Some("r15"));
        for sources in [MOST_SOURCES + 1, 100_000] {
            assert!(
                matches!(chain(sources).resolve("p0"), Configured::Elsewhere(_)),
                "{sources}"
            );
        }
    }

    #[test]
    fn a_credentials_file_names_profiles_without_the_word() {
        let credentials = Profiles::read("[x]\nrole_arn = r\nweb_identity_token_file = /t\n", false);
        let both = Profiles::read("[profile x]\nregion = eu-west-1\n", true).under(credentials);
        assert!(matches!(both.resolve("x"), Configured::WebIdentity(_)));
    }
}
