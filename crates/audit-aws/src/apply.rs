//! Answers into a snapshot. Pure.

mod listing;

use audit_core::model::{Access, Account};
use audit_core::snapshot::Accounts;

use crate::concern::{Applied, Concern};
use crate::reading::Reading;

/// Puts a reading into the accounts of a snapshot, and says whom it concerns.
///
/// The latest answer counts, in the order in which the directory gives them. Only what a listing shows of a role is
/// weighed against single reads that were made while the listing went on: the younger stands.
pub fn apply(accounts: &mut Accounts, reading: Reading) -> Applied {
    let mut applied = match reading {
        Reading::HomeAccount { .. } | Reading::EksIssuer { .. } => Applied::default(),
        Reading::NotConfigured { account: id } => {
            let (_, changed) = open(accounts, &id, Access::NotConfigured);
            Applied {
                changed: Vec::from_iter(changed),
                confirmed: Vec::new(),
            }
        }
        Reading::Piece { account: id, answer } => {
            let (account, access) = open(accounts, &id, Access::Configured);
            let mut applied = answer.put(&id, account);
            applied.changed.extend(access);
            applied
        }
        Reading::Listing {
            account: id,
            at,
            started_at,
            result,
        } => {
            let (account, access) = open(accounts, &id, Access::Configured);
            let confirmed = result.is_ok().then(|| Concern::account(&id));
            let mut changed = listing::put(&id, account, result, started_at, at);
            changed.extend(access);
            Applied {
                changed,
                confirmed: Vec::from_iter(confirmed),
            }
        }
    };
    applied.changed.sort_unstable();
    applied.changed.dedup();
    applied
}

/// The account's entry, and whom it concerns if the way into the account is another one now.
fn open<'a>(accounts: &'a mut Accounts, id: &str, access: Access) -> (&'a mut Account, Option<Concern>) {
    let account = accounts.slot(id);
    let before = std::mem::replace(&mut account.access, access);
    (account, (before != access).then(|| Concern::account(id)))
}

#[cfg(test)]
#[path = "../tests/unit/apply_simulation.rs"]
mod simulation_tests;
#[cfg(test)]
#[path = "../tests/unit/apply.rs"]
mod tests;
