//! Who calls AWS: roles, their sessions, and IAM users.

use iam_policy::RoleArn;

use super::run;
use crate::pasted::Pasted;

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its ARN.
    pub arn: String,
    /// Its account, 12 digits.
    pub account: String,
    /// Who it is.
    pub kind: PrincipalKind,
}

/// Who a caller is. A session's name shows who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A node: the name of the session is the id of an EC2 instance.
    Node {
        /// The name of the node's role, without its path.
        role: String,
    },
    /// A pod by EKS Pod Identity: `eks-CLUSTER-POD-UUID`.
    PodIdentity {
        /// The name of the role.
        role: String,
    },
    /// A person by IAM Identity Center: `AWSReservedSSO_…`.
    Person {
        /// The name of the role.
        role: String,
    },
    /// Another session of a role, as a pod has by IRSA. An SDK or the application names it.
    Session {
        /// The name of the role.
        role: String,
    },
    /// An IAM user: long-term access keys.
    User,
    /// The account's root user.
    Root,
}

impl Principal {
    /// The name of the role whose session it is, without its path.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::Node { role }
            | PrincipalKind::PodIdentity { role }
            | PrincipalKind::Person { role }
            | PrincipalKind::Session { role } => Some(role),
            PrincipalKind::User | PrincipalKind::Root => None,
        }
    }
}

/// IAM roles.
pub(super) fn roles(pasted: &Pasted) -> impl Iterator<Item = RoleArn> + '_ {
    arns(pasted).filter_map(|arn| RoleArn::parse(arn).ok())
}

/// Callers.
pub(super) fn principals(pasted: &Pasted) -> impl Iterator<Item = Principal> + '_ {
    arns(pasted).filter_map(principal)
}

/// Texts that begin as ARNs do, without the punctuation of the sentence around them.
fn arns(pasted: &Pasted) -> impl Iterator<Item = &str> {
    pasted.folded.match_indices("arn:").filter_map(|(at, _)| {
        let arn = run(pasted.from(at), |c| {
            c.is_ascii_alphanumeric() || "+=,.@-_:/".contains(c)
        });
        Some(arn.trim_end_matches(['.', ',', ':', '/'])).filter(|arn| arn.len() <= 2048)
    })
}

fn principal(arn: &str) -> Option<Principal> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, "", account, resource] = parts.as_slice() else {
        return None;
    };
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    if !is_account || !partition.starts_with("aws") {
        return None;
    }
    let kind = match *service {
        "sts" => {
            let (role, session) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
            if !is_name(role) || !is_name(session) {
                return None;
            }
            let role = role.to_owned();
            if is_instance(session) {
                PrincipalKind::Node { role }
            } else if is_pod_identity(session) {
                PrincipalKind::PodIdentity { role }
            } else if role.starts_with("AWSReservedSSO_") {
                PrincipalKind::Person { role }
            } else {
                PrincipalKind::Session { role }
            }
        }
        "iam" if *resource == "root" => PrincipalKind::Root,
        "iam" if resource.starts_with("user/") => PrincipalKind::User,
        _ => return None,
    };
    Some(Principal {
        arn: arn.to_owned(),
        account: (*account).to_owned(),
        kind,
    })
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c))
}

/// `i-` and 8 or 17 hexadecimal digits.
fn is_instance(session: &str) -> bool {
    session
        .strip_prefix("i-")
        .is_some_and(|id| matches!(id.len(), 8 | 17) && is_hex(id))
}

/// `eks-`, cluster and pod, and a UUID at the end.
fn is_pod_identity(session: &str) -> bool {
    let Some(rest) = session.strip_prefix("eks-") else {
        return false;
    };
    let mut groups = rest.rsplitn(6, '-');
    [12, 4, 4, 4, 8].into_iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == length && is_hex(group))
    }) && groups.next().is_some()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_session_shows_who_made_it() {
        let kind = |session: &str| {
            principal(&format!("arn:aws:sts::111122223333:assumed-role/{session}")).map(|found| found.kind)
        };
        let role = || "cart".to_owned();
        assert_eq!(
            kind("cart/i-0123456789abcdef0"),
            Some(PrincipalKind::Node { role: role() })
        );
        assert_eq!(
            kind("cart/i-am-a-session"),
            Some(PrincipalKind::Session { role: role() })
        );
        assert_eq!(
            kind("cart/eks-prod-cart-5d9b-12345678-1234-1234-1234-123456789012"),
            Some(PrincipalKind::PodIdentity { role: role() })
        );
        assert_eq!(
            kind("cart/eks-batch"),
            Some(PrincipalKind::Session { role: role() })
        );
        assert!(matches!(
            kind("AWSReservedSSO_Admin_0123/jane@example.com"),
            Some(PrincipalKind::Person { .. })
        ));
        assert_eq!(kind("cart"), None);
        assert_eq!(
            principal("arn:aws:iam::111122223333:user/ci").map(|found| found.kind),
            Some(PrincipalKind::User)
        );
        assert_eq!(principal("arn:aws:iam::1:root"), None);
    }
}
