//! One role: whether it is there, and its trust policy.

use std::sync::Arc;

use audit_core::document::decode;
use audit_core::model::{self, Account, LastUsed, Observed, RoleLookup};
use audit_core::text::quote;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{RoleLastUsed, Tag};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::{Failure, Miss};

/// Asks for a role; where it exists, for the names of its permission policies as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// Its name, without its path.
    pub name: String,
    /// What its policies and its permissions boundary say is read as well.
    pub with_documents: bool,
}

impl EvidenceKind for Role {
    type Value = RoleLookup;

    const CALLS: &'static [&'static str] = &["iam:GetRole"];
    const OF_ROLE: bool = true;
    const IS_LISTED: bool = true;

    fn key(&self) -> &str {
        &self.name
    }

    async fn read(&self, account: &AccountClient) -> Read<RoleLookup> {
        let send = || account.iam.get_role().role_name(&self.name).send();
        let (at, answer) = account.caller.call("iam", "GetRole", send).await;
        let result = match answer {
            Ok(found) => match found.role {
                Some(role) => {
                    let document = role.assume_role_policy_document().unwrap_or_default();
                    let dates = Dates::new(Some(role.create_date()), role.role_last_used());
                    let boundary = role.permissions_boundary();
                    let boundary = boundary.and_then(|boundary| boundary.permissions_boundary_arn());
                    build(
                        &account.id,
                        role.arn(),
                        role.role_id(),
                        boundary,
                        role.tags(),
                        &decode(document),
                        dates,
                    )
                    .map(|role| RoleLookup::Found(Arc::new(role)))
                }
                None => Err(Failure::unavailable("IAM answered without a role")),
            },
            Err(Miss::NotFound(_)) => Ok(RoleLookup::Absent),
            Err(Miss::Failed(failure)) => Err(failure),
        };
        (at, result).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<RoleLookup>> {
        account.roles.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<RoleLookup> {
        account.roles.slot(key)
    }

    fn forget(account: &mut Account, key: &str) {
        account.roles.remove(key);
    }

    fn ask(key: &str, _: &Circumstances<'_>) -> Option<Self> {
        let asked = Self {
            name: key.to_owned(),
            with_documents: false,
        };
        Some(asked)
    }

    fn is_replaced(old: &RoleLookup, new: &RoleLookup) -> bool {
        match (old, new) {
            (RoleLookup::Found(old), RoleLookup::Found(new)) => old.id != new.id,
            (RoleLookup::Found(_), RoleLookup::Absent) => true,
            (RoleLookup::Absent, _) => false,
        }
    }

    fn changes(&self, account: &str, _: Option<&RoleLookup>, _: Option<&RoleLookup>) -> Vec<Concern> {
        vec![Concern::role(account, &self.name)]
    }
}

/// A role from IAM's description of it, with the decoded text of its trust policy.
///
/// A role of another account than the one that was meant is none: it must not become evidence, whatever became of
/// the credentials.
pub(crate) fn build(
    account: &str,
    arn: &str,
    id: &str,
    boundary: Option<&str>,
    tags: &[Tag],
    document: &str,
    dates: Dates,
) -> Result<model::Role, Failure> {
    let arn = RoleArn::parse(arn)
        .map_err(|_| Failure::unavailable(format!("IAM gave a role an ARN that is none: {}", quote(arn))))?;
    if arn.account() != account {
        return Err(Failure::unavailable(format!(
            "the credentials for the account lead to {}",
            arn.account()
        )));
    }
    Ok(model::Role {
        arn,
        id: id.to_owned(),
        boundary: boundary.map(Into::into),
        tags: Some(
            tags.iter()
                .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
                .collect(),
        ),
        trust_text: document.into(),
        created: dates.created,
        last_used: dates.last_used,
        told_after: None,
    })
}

/// When a role was created and last used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Dates {
    created: Option<Timestamp>,
    last_used: LastUsed,
}

impl Dates {
    /// From IAM's elements. It gives that of the last use without a date where it has seen none.
    pub(crate) fn new(created: Option<&DateTime>, last_used: Option<&RoleLastUsed>) -> Self {
        let time = |date: &DateTime| Timestamp::from_second(date.secs()).ok();
        Self {
            created: created.and_then(time),
            last_used: match last_used.map(RoleLastUsed::last_used_date) {
                None => LastUsed::Unseen,
                Some(None) => LastUsed::Never,
                Some(Some(date)) => time(date).map_or(LastUsed::Unseen, LastUsed::At),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_built_only_for_its_own_account() {
        let arn = "arn:aws:iam::111122223333:role/a/app";
        let role = build("111122223333", arn, "AROA1", None, &[], "{}", Dates::default()).unwrap();
        assert_eq!(
            (role.arn.to_string().as_str(), role.id.as_str(), &*role.trust_text),
            (arn, "AROA1", "{}")
        );
        assert!(build("444455556666", arn, "AROA1", None, &[], "{}", Dates::default()).is_err());
        assert!(
            build(
                "111122223333",
                "arn:aws:iam::1:role/x",
                "AROA1",
                None,
                &[],
                "{}",
                Dates::default()
            )
            .is_err()
        );
    }
}
