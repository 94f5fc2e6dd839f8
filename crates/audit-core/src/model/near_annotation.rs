//! Annotations that somebody took for the one that names the role.

use iam_policy::{RoleArn, edit_distance};

use super::service_account::KIAM;
use super::{Pod, ServiceAccount, Workload};

/// An annotation that names a role where the webhook does not look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// The role, where the value is the ARN of one.
    pub role: Option<RoleArn>,
    /// The workload whose pods have it, where it is not the ServiceAccount.
    pub on_pods_of: Option<&'a Workload>,
}

impl ServiceAccount {
    /// The annotation that comes nearest to the webhook's `<prefix>/role-arn`, and is not it.
    #[must_use]
    pub fn misplaced(&self, prefix: &str) -> Option<Misplaced<'_>> {
        let annotations = self
            .annotations
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        nearest(annotations, prefix)
    }

    /// The annotation of kiam, if it is there.
    #[must_use]
    pub fn kiam_role(&self) -> Option<&str> {
        self.annotations
            .get(KIAM)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl Pod {
    /// The webhook's `<prefix>/role-arn`, which it looks for at the ServiceAccount alone.
    #[must_use]
    pub fn misplaced(&self, prefix: &str) -> Option<Misplaced<'_>> {
        let wanted = format!("{prefix}/role-arn");
        let (key, value) = self.annotations.iter().find(|(key, _)| **key == wanted)?;
        (!value.is_empty()).then(|| Misplaced {
            key,
            value,
            role: RoleArn::parse(value).ok(),
            on_pods_of: Some(&self.workload),
        })
    }
}

/// Of annotations, the one that comes nearest to the webhook's, and is not it.
pub fn nearest<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    prefix: &str,
) -> Option<Misplaced<'a>> {
    let wanted = format!("{prefix}/role-arn");
    let misplaced = annotations.filter(|(key, value)| *key != wanted && *key != KIAM && !value.is_empty());
    misplaced
        .filter_map(|(key, value)| {
            let role = RoleArn::parse(value).ok();
            is_near(key, role.is_some(), prefix).then_some(Misplaced {
                key,
                value,
                role,
                on_pods_of: None,
            })
        })
        .min_by_key(|near| (near.role.is_none(), edit_distance(near.key, &wanted)))
}

/// Whether a key was meant to be the webhook's. Its name has to say that it is the ARN of a role, and its prefix that it is
/// for AWS; where the value is such an ARN, half of it is enough.
fn is_near(key: &str, names_a_role: bool, prefix: &str) -> bool {
    let (domain, name) = key.rsplit_once('/').unwrap_or(("", key));
    let name = squeezed(name);
    let says_role_arn = edit_distance(&name, "rolearn") <= 1;
    let may_say_it = says_role_arn
        || ["role", "rolename", "iamrole", "iamrolearn", "arn", "irsarole"].contains(&name.as_str());
    let domain = domain.to_ascii_lowercase();
    let is_ours = edit_distance(&domain, prefix) <= 2 || domain.contains("amazon") || domain.contains("aws");
    match (says_role_arn, may_say_it, is_ours) {
        (true, _, true) => true,
        // Another tool's prefix, or none; or a name that says less.
        (true, ..) | (_, true, true) => names_a_role,
        _ => false,
    }
}

/// A name without case and punctuation.
fn squeezed(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PREFIX, ROLE};

    fn found<'a>(annotations: &[(&'a str, &'a str)], prefix: &str) -> Option<(&'a str, bool)> {
        nearest(annotations.iter().copied(), prefix).map(|near| (near.key, near.role.is_some()))
    }

    #[test]
    fn slips_of_the_key_are_near() {
        for key in [
            "eks.amazon.com/role-arn",
            "eks.amazonaws.com/role_arn",
            "eks.amazonaws.com/rolearn",
            "eks.amazonaws.com/roleArn",
            "eks.amazonaws.com/ROLE-ARN",
            "eks.amazonaws.com/role-arns",
            "eks.amazonaws.com/role",
            "eks.amazonaws.com/iam-role-arn",
            "iam.amazonaws.com/role-arn",
            "ek.amazonaws.com/role-arn",
            "irsa.example.com/role-arn",
            "role-arn",
            "role_arn",
        ] {
            assert_eq!(found(&[(key, ROLE)], PREFIX), Some((key, true)), "{key}");
        }
        assert_eq!(
            found(&[("eks.amazonaws.com/role-arn", ROLE)], "irsa.example.com"),
            Some(("eks.amazonaws.com/role-arn", true))
        );
        let bare = "eks.amazonaws.com/role_arn";
        assert_eq!(found(&[(bare, "cart")], PREFIX), Some((bare, false)));
    }

    #[test]
    fn other_annotations_are_not() {
        for (key, value) in [
            ("eks.amazonaws.com/role-arn", ROLE),
            ("eks.amazonaws.com/role_arn", ""),
            ("eks.amazonaws.com/audience", ROLE),
            ("eks.amazonaws.com/sts-regional-endpoints", "true"),
            ("eks.amazonaws.com/token-expiration", "3600"),
            ("eks.amazonaws.com/role", "cart"),
            ("iam.amazonaws.com/role", ROLE),
            ("role_arn", "cart"),
            ("vault.example.com/role", ROLE),
            ("rbac.example.com/role-arn", "cart"),
        ] {
            assert_eq!(found(&[(key, value)], PREFIX), None, "{key}: {value}");
        }
    }

    #[test]
    fn the_one_that_names_a_role_comes_before_the_nearer_key() {
        let both = [
            ("eks.amazonaws.com/role_arn", "cart"),
            ("eks.amazon.com/role-arn", ROLE),
        ];
        assert_eq!(found(&both, PREFIX), Some(("eks.amazon.com/role-arn", true)));
    }
}
