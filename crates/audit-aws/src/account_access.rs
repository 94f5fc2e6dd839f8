//! The way into an account, as an administrator writes it.

use std::str::FromStr;

use audit_core::text::quote;
use iam_policy::{RoleArn, RoleArnError};

/// How to read an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAccess {
    /// The account's id: 12 digits.
    pub id: String,
    /// The role to assume there; absent where the operator's own credentials are good for the account.
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
}

/// Why a text is no way into an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountAccessError {
    /// The part before `=` is no account.
    #[error(
        "`{0}` is not an account number of 12 digits: write `<account>`, `<account>=<role ARN>` or \
         `<account>=<role ARN>,<external id>`"
    )]
    Account(String),
    /// The part behind `=` is no role ARN.
    #[error("account `{account}`: {error}")]
    RoleArn {
        /// The account.
        account: String,
        /// What is wrong with the ARN.
        error: RoleArnError,
    },
    /// The role is in another account.
    #[error("role `{role_arn}` is not in account `{account}`: name a role of the account that is to be read")]
    OtherAccount {
        /// The account.
        account: String,
        /// The role.
        role_arn: String,
    },
    /// Not what STS takes as an external id.
    #[error(
        "account `{account}`: `{external_id}` is not an external id: STS takes 2 to 1224 letters, digits and \
         `_+=,.@:/-`"
    )]
    ExternalId {
        /// The account.
        account: String,
        /// The external id.
        external_id: String,
    },
}

impl FromStr for AccountAccess {
    type Err = AccountAccessError;

    /// Reads `<account>`, `<account>=<role ARN>` or `<account>=<role ARN>,<external id>`.
    ///
    /// The first comma ends the ARN, so that a role with a comma in its name cannot be given.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, way) = text
            .split_once('=')
            .map_or((text, None), |(id, way)| (id, Some(way)));
        if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AccountAccessError::Account(quote(id)));
        }
        let id = id.to_owned();
        let Some(way) = way else {
            return Ok(Self {
                id,
                role_arn: None,
                external_id: None,
            });
        };
        let (role_arn, external_id) = way
            .split_once(',')
            .map_or((way, None), |(arn, id)| (arn, Some(id)));
        match RoleArn::parse(role_arn) {
            Err(error) => return Err(AccountAccessError::RoleArn { account: id, error }),
            Ok(arn) if arn.account() != id => {
                return Err(AccountAccessError::OtherAccount {
                    account: id,
                    role_arn: quote(role_arn),
                });
            }
            Ok(_) => {}
        }
        if let Some(external_id) = external_id.filter(|text| !is_external_id(text)) {
            return Err(AccountAccessError::ExternalId {
                account: id,
                external_id: quote(external_id),
            });
        }
        Ok(Self {
            id,
            role_arn: Some(role_arn.to_owned()),
            external_id: external_id.map(str::to_owned),
        })
    }
}

/// By STS's own pattern for `ExternalId`.
fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/reader";

    #[test]
    fn the_three_forms_are_read() {
        let access = |role: Option<&str>, external_id: Option<&str>| AccountAccess {
            id: "111122223333".into(),
            role_arn: role.map(str::to_owned),
            external_id: external_id.map(str::to_owned),
        };
        for (text, expected) in [
            ("111122223333".to_owned(), access(None, None)),
            (format!("111122223333={ROLE}"), access(Some(ROLE), None)),
            (
                format!("111122223333={ROLE},a=b,c"),
                access(Some(ROLE), Some("a=b,c")),
            ),
        ] {
            assert_eq!(text.parse::<AccountAccess>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        use AccountAccessError as E;
        let error = |text: &str| text.parse::<AccountAccess>().unwrap_err();
        assert_eq!(error(""), E::Account(String::new()));
        assert_eq!(error("11112222333"), E::Account("11112222333".into()));
        assert_eq!(error("11112222333x"), E::Account("11112222333x".into()));
        assert_eq!(error("\u{1b}[2J"), E::Account("\\u{1b}[2J".into()));
        assert_eq!(error(ROLE), E::Account(ROLE.into()));
        for arn in [
            "",
            "reader",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::1111:role/x",
        ] {
            assert!(
                matches!(error(&format!("111122223333={arn}")), E::RoleArn { .. }),
                "{arn}"
            );
        }
        assert!(matches!(
            error(&format!("999922223333={ROLE}")),
            E::OtherAccount { .. }
        ));
        for external_id in ["", "x", "a b", "a\n"] {
            let text = format!("111122223333={ROLE},{external_id}");
            assert!(matches!(error(&text), E::ExternalId { .. }), "{text}");
        }
    }
}
