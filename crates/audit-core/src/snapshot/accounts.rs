//! AWS accounts by ID, and which of them there is something to look for in. Anyone who can annotate a ServiceAccount names as many accounts
//! as they like; a binding must not look through all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::model::Account;

/// What an account may have that is looked for without knowing the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountTrait {
    /// Roles whose trust policies name subjects.
    NamesSubjects,
    /// Associations of EKS Pod Identity, or that there are none, was read.
    SawAssociations,
    /// It could be listed, and has not been.
    LacksListing,
}

impl AccountTrait {
    const ALL: [Self; 3] = [Self::NamesSubjects, Self::SawAssociations, Self::LacksListing];

    fn is_of(self, account: &Account) -> bool {
        match self {
            Self::NamesSubjects => !account.trusted_subjects.is_empty(),
            Self::SawAssociations => account.pod_identity.value.is_some(),
            Self::LacksListing => account.listing_is_missing(),
        }
    }
}

/// Accounts by ID. They read as a map. After a change by [`Accounts::insert`], [`Accounts::remove`], [`Accounts::slot`] or
/// [`Accounts::get_mut`] one account is looked at again; after any other, all are.
#[derive(Debug, Default)]
pub struct Accounts {
    all: BTreeMap<String, Account>,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// The accounts that may have other traits now.
    touched: BTreeSet<String>,
    /// Any may.
    all_touched: bool,
    /// Each trait with the accounts that have it.
    having: BTreeSet<(AccountTrait, String)>,
}

impl Index {
    fn catch_up(&mut self, all: &BTreeMap<String, Account>) {
        if std::mem::take(&mut self.all_touched) {
            self.having.clear();
            self.touched = all.keys().cloned().collect();
        }
        for id in std::mem::take(&mut self.touched) {
            counted::step();
            let account = all.get(&id);
            for one in AccountTrait::ALL {
                if account.is_some_and(|account| one.is_of(account)) {
                    self.having.insert((one, id.clone()));
                } else {
                    self.having.remove(&(one, id.clone()));
                }
            }
        }
    }
}

impl Accounts {
    /// Stores an account.
    pub fn insert(&mut self, id: String, account: Account) -> Option<Account> {
        self.touch(&id);
        self.all.insert(id, account)
    }

    /// Takes an account away.
    pub fn remove(&mut self, id: &str) -> Option<Account> {
        self.touch(id);
        self.all.remove(id)
    }

    /// An account, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Account> {
        self.touch(id);
        self.all.get_mut(id)
    }

    /// An account, to be changed; a new one where there is none.
    pub fn slot(&mut self, id: &str) -> &mut Account {
        self.touch(id);
        self.all.entry(id.to_owned()).or_default()
    }

    fn touch(&mut self, id: &str) {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !index.touched.contains(id) {
            index.touched.insert(id.to_owned());
        }
    }

    /// Whether any account has a trait.
    #[must_use]
    pub fn any_having(&self, one: AccountTrait) -> bool {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.catch_up(&self.all);
        let first = index.having.range((one, String::new())..).next();
        first.is_some_and(|(own, _)| *own == one)
    }

    /// The accounts that have a trait, sorted by ID.
    pub fn having(&self, one: AccountTrait) -> impl Iterator<Item = (&str, &Account)> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.catch_up(&self.all);
        let found = index.having.range((one, String::new())..);
        let found = counted::each(found.take_while(|(own, _)| *own == one));
        let found: Vec<(&str, &Account)> = found
            .filter_map(|(_, id)| self.all.get_key_value(id))
            .map(|(id, account)| (id.as_str(), account))
            .collect();
        found.into_iter()
    }
}

impl Clone for Accounts {
    fn clone(&self) -> Self {
        self.all.clone().into()
    }
}

impl Deref for Accounts {
    type Target = BTreeMap<String, Account>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl DerefMut for Accounts {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        index.all_touched = true;
        &mut self.all
    }
}

impl From<BTreeMap<String, Account>> for Accounts {
    fn from(all: BTreeMap<String, Account>) -> Self {
        let index = Index {
            all_touched: true,
            ..Index::default()
        };
        Self {
            all,
            index: Mutex::new(index),
        }
    }
}

impl<const N: usize> From<[(String, Account); N]> for Accounts {
    fn from(all: [(String, Account); N]) -> Self {
        BTreeMap::from(all).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Access, Observed};

    #[test]
    fn accounts_are_found_by_what_they_have_now() {
        let mut accounts = Accounts::default();
        let ids = |accounts: &Accounts| -> Vec<String> {
            let lacking = accounts.having(AccountTrait::LacksListing);
            lacking.map(|(id, _)| id.to_owned()).collect()
        };
        accounts.slot("1");
        accounts.insert("2".to_owned(), Account::default());
        assert_eq!(ids(&accounts), ["1", "2"]);
        accounts.slot("1").listing = Observed::known(7, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(ids(&accounts), ["2"]);
        accounts.get_mut("2").unwrap().access = Access::NotConfigured;
        assert!(!accounts.any_having(AccountTrait::LacksListing));
        accounts
            .values_mut()
            .for_each(|account| *account = Account::default());
        assert_eq!(ids(&accounts.clone()), ["1", "2"]);
        accounts.remove("1");
        assert_eq!(ids(&accounts), ["2"]);
        accounts.clear();
        assert!(!accounts.any_having(AccountTrait::LacksListing));
    }
}
