//! By which names a ServiceAccount is known to the authorizer.

use crate::objects::{ObjectId, Subject, Text};

/// The group of everybody whom the API server knows.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of all ServiceAccounts; with `:<namespace>`, of those of a namespace.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// One ServiceAccount, and the subjects of bindings that mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    account: ObjectId,
    subjects: Vec<Subject>,
}

impl Identity {
    /// The ServiceAccount of that namespace and name, as its token makes it known.
    #[must_use]
    pub fn of(namespace: &str, name: &str) -> Self {
        let account = ObjectId::new(namespace, name);
        Self {
            subjects: vec![
                Subject::ServiceAccount(account.clone()),
                Subject::User(format!("system:serviceaccount:{namespace}:{name}").into()),
                Subject::Group(format!("{SERVICE_ACCOUNTS}:{namespace}").into()),
                Subject::Group(Text::from(SERVICE_ACCOUNTS)),
                Subject::Group(Text::from(AUTHENTICATED)),
            ],
            account,
        }
    }

    /// Namespace and name of the ServiceAccount.
    #[must_use]
    pub fn account(&self) -> &ObjectId {
        &self.account
    }

    /// The name of the user that it is, `system:serviceaccount:<namespace>:<name>`.
    #[must_use]
    pub fn user(&self) -> &str {
        self.subjects
            .iter()
            .find_map(|subject| match subject {
                Subject::User(name) => Some(&**name),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The groups that an access review has to name besides the user.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.subjects.iter().filter_map(|subject| match subject {
            Subject::Group(name) => Some(&**name),
            _ => None,
        })
    }

    /// All subjects, from the ServiceAccount itself to everybody.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Whether a subject means the caller.
    #[must_use]
    pub fn is_meant_by(&self, subject: &Subject) -> bool {
        self.subjects.contains(subject)
    }

    /// Whether a subject means the caller, and not everybody: by its name, or as one of its namespace.
    #[must_use]
    pub fn is_singled_out_by(&self, subject: &Subject) -> bool {
        self.subjects.iter().take(3).any(|own| own == subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_a_user_of_three_groups() {
        let identity = Identity::of("shop", "cart");
        assert_eq!(
            identity.groups().collect::<Vec<_>>(),
            [
                "system:serviceaccounts:shop",
                "system:serviceaccounts",
                "system:authenticated"
            ]
        );
        for (subject, meant) in [
            (Subject::ServiceAccount(ObjectId::new("shop", "cart")), true),
            (Subject::ServiceAccount(ObjectId::new("", "cart")), false),
            (Subject::User("system:serviceaccount:shop:cart".into()), true),
            (Subject::User("cart".into()), false),
            (Subject::Group("system:unauthenticated".into()), false),
            (Subject::Group("system:serviceaccounts:sho".into()), false),
        ] {
            assert_eq!(identity.is_meant_by(&subject), meant, "{subject:?}");
        }
    }
}
