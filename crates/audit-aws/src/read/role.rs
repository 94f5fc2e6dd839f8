//! One role, and its permission policies.

use std::sync::Arc;

use audit_core::document::decode;
use audit_core::model::{LastUsed, Role, RoleLookup, RolePolicies};
use audit_core::text::quote;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::RoleLastUsed;
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::next_marker;
use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// Reads the role of this name, or learns that there is none.
pub(crate) async fn role(account: &AccountClient, name: &str) -> (Timestamp, Result<RoleLookup, Failure>) {
    let send = || account.iam.get_role().role_name(name).send();
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
    (at, result)
}

/// A role from IAM's description of it, with the decoded text of its trust policy.
///
/// A role of another account than the one that was meant is none: it must not become evidence, whatever became of
/// the credentials.
pub(super) fn build(
    account: &str,
    arn: &str,
    id: &str,
    boundary: Option<&str>,
    document: &str,
    dates: Dates,
) -> Result<Role, Failure> {
    let arn = RoleArn::parse(arn)
        .map_err(|_| Failure::unavailable(format!("IAM gave a role an ARN that is none: {}", quote(arn))))?;
    if arn.account() != account {
        return Err(Failure::unavailable(format!(
            "the credentials for the account lead to {}",
            arn.account()
        )));
    }
    Ok(Role {
        arn,
        id: id.to_owned(),
        boundary: boundary.map(Into::into),
        trust_text: document.into(),
        created: dates.created,
        last_used: dates.last_used,
        told_after: None,
    })
}

/// When a role was created and last used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dates {
    created: Option<Timestamp>,
    last_used: LastUsed,
}

impl Dates {
    /// From IAM's elements. It gives that of the last use without a date where it has seen none.
    pub(super) fn new(created: Option<&DateTime>, last_used: Option<&RoleLastUsed>) -> Self {
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

/// Reads the names of the permission policies of a role that exists.
pub(crate) async fn policies(
    account: &AccountClient,
    name: &str,
) -> (Timestamp, Result<RolePolicies, Failure>) {
    let (at, attached) = pages(|marker| async move {
        let send = || {
            account
                .iam
                .list_attached_role_policies()
                .role_name(name)
                .set_marker(marker.clone())
                .send()
        };
        let (at, answer) = account.caller.call("iam", "ListAttachedRolePolicies", send).await;
        let page = answer.map(|page| Page {
            items: page
                .attached_policies
                .unwrap_or_default()
                .into_iter()
                .filter_map(|p| p.policy_arn)
                .collect(),
            truncated: page.is_truncated,
            marker: page.marker,
        });
        (at, page)
    })
    .await;
    let attached = match attached {
        Ok(attached) => attached,
        Err(failure) => return (at, Err(failure)),
    };
    let (_, inline) = pages(|marker| async move {
        let send = || {
            account
                .iam
                .list_role_policies()
                .role_name(name)
                .set_marker(marker.clone())
                .send()
        };
        let (at, answer) = account.caller.call("iam", "ListRolePolicies", send).await;
        let page = answer.map(|page| Page {
            items: page.policy_names,
            truncated: page.is_truncated,
            marker: page.marker,
        });
        (at, page)
    })
    .await;
    (at, inline.map(|inline| RolePolicies { attached, inline }))
}

/// One page of names.
struct Page {
    items: Vec<String>,
    truncated: bool,
    marker: Option<String>,
}

/// All pages of a list of names, sorted, and when the first was asked for.
///
/// A role that is gone by now makes a failure here: it is for the next `GetRole` to say that it is not there.
async fn pages<F>(fetch: impl Fn(Option<String>) -> F) -> (Timestamp, Result<Vec<String>, Failure>)
where
    F: Future<Output = (Timestamp, Result<Page, Miss>)>,
{
    let (mut names, mut marker, mut began) = (Vec::new(), None, None);
    loop {
        let (at, answer) = fetch(marker.clone()).await;
        let began = *began.get_or_insert(at);
        let page = match answer {
            Ok(page) => page,
            Err(miss) => return (began, Err(miss.into_failure())),
        };
        names.extend(page.items);
        match next_marker(page.truncated, page.marker, marker.as_deref()) {
            Ok(None) => {
                names.sort_unstable();
                return (began, Ok(names));
            }
            Ok(next) => marker = next,
            Err(failure) => return (began, Err(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_built_only_for_its_own_account() {
        let arn = "arn:aws:iam::111122223333:role/a/app";
        let role = build("111122223333", arn, "AROA1", None, "{}", Dates::default()).unwrap();
        assert_eq!(
            (role.arn.to_string().as_str(), role.id.as_str(), &*role.trust_text),
            (arn, "AROA1", "{}")
        );
        assert!(build("444455556666", arn, "AROA1", None, "{}", Dates::default()).is_err());
        assert!(
            build(
                "111122223333",
                "arn:aws:iam::1:role/x",
                "AROA1",
                None,
                "{}",
                Dates::default()
            )
            .is_err()
        );
    }
}
