//! Which account each output tells of.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{Account, IssuerUrl};
use audit_core::text::{quote, quote_list};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::account::Told;
use super::shape::{self, Details, Output, RoleDetail};
use crate::Options;
use crate::problem::{Place, Problem};

/// What outputs say, by account.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    told: BTreeMap<String, Told>,
}

/// An output that names no account.
#[derive(Debug)]
enum Nameless {
    /// Nothing but that there are no roles.
    NoRoles,
    /// Nothing but that there are no providers.
    NoProviders,
    Provider(shape::Provider),
}

impl Accounts {
    /// Takes in all outputs: first those that name their account, then the others.
    pub(super) fn take(
        &mut self,
        outputs: Vec<(Place, Output)>,
        options: &Options,
        problems: &mut Vec<Problem>,
    ) {
        let mut nameless = Vec::new();
        for (place, output) in outputs {
            match self.take_named(&place, output) {
                Ok(None) => {}
                Ok(Some(output)) => nameless.push((place, output)),
                Err(problem) => problems.push(problem),
            }
        }
        let only = match (&options.account, self.told.len()) {
            (Some(account), _) => Some(account.clone()),
            (None, 1) => self.told.keys().next().cloned(),
            _ => None,
        };
        let mut providers = Vec::new();
        for (place, output) in nameless {
            match (&only, output) {
                (_, Nameless::Provider(provider)) => providers.push((place, provider)),
                (Some(account), Nameless::NoRoles) => self.account(account).has_all_roles = true,
                (Some(account), Nameless::NoProviders) => {
                    self.account(account).providers.get_or_insert_default();
                }
                (None, _) => problems.push(self.whose(place)),
            }
        }
        self.join(providers, only.as_deref(), options.account.is_some(), problems);
    }

    /// Takes in an output that names its account; gives back another.
    fn take_named(&mut self, place: &Place, output: Output) -> Result<Option<Nameless>, Problem> {
        match output {
            Output::Details(details) => return self.details(place, details),
            Output::Roles(roles) => {
                self.roles(place, roles)?;
            }
            Output::Providers(arns) => {
                let Some(account) = one_account(place, arns.iter().map(String::as_str))? else {
                    return Ok(Some(Nameless::NoProviders));
                };
                self.account(&account)
                    .providers
                    .get_or_insert_default()
                    .extend(arns);
            }
            Output::Provider(provider) => return Ok(Some(Nameless::Provider(provider))),
            Output::Cluster(cluster) => {
                if !cluster.arn.is_empty() {
                    self.account(&account_of(place, &cluster.arn)?);
                }
            }
            Output::Caller(account) => {
                if !is_account(&account) {
                    return Err(Problem::error(
                        place.clone(),
                        format!("`{}` is no AWS account", quote(&account)),
                    ));
                }
                self.account(&account);
            }
            Output::Discovery(_) | Output::Unused => {}
        }
        Ok(None)
    }

    fn account(&mut self, id: &str) -> &mut Told {
        self.told.entry(id.to_owned()).or_default()
    }

    fn details(&mut self, place: &Place, details: Details) -> Result<Option<Nameless>, Problem> {
        let (is_last, is_of_others) = (details.is_last(), details.is_of_others());
        let others = details
            .users
            .iter()
            .chain(&details.groups)
            .map(|named| named.arn.as_str());
        let roles = details.roles.iter().map(|role| role.arn.as_str());
        let Some(account) = one_account(place, roles.chain(others))? else {
            return Ok(is_last.then_some(Nameless::NoRoles));
        };
        self.roles(place, details.roles)?;
        // Pages do not tell which they follow: that the last one is there is all that can be seen.
        self.account(&account).has_all_roles |= is_last && !is_of_others;
        Ok(None)
    }

    fn roles(&mut self, place: &Place, roles: Vec<RoleDetail>) -> Result<(), Problem> {
        for detail in roles {
            let arn = RoleArn::parse(&detail.arn).map_err(|_| {
                let message = format!("`{}` is no ARN of a role", quote(&detail.arn));
                Problem::error(place.clone(), message)
            })?;
            let account = arn.account().to_owned();
            self.account(&account).role(place, arn, detail)?;
        }
        Ok(())
    }

    /// Joins descriptions of providers to the accounts that list a provider of that URL; to the only account where none does.
    fn join(
        &mut self,
        described: Vec<(Place, shape::Provider)>,
        only: Option<&str>,
        is_chosen: bool,
        problems: &mut Vec<Problem>,
    ) {
        let mut by_url: BTreeMap<String, Vec<(Place, shape::Provider)>> = BTreeMap::new();
        for (place, provider) in described {
            by_url
                .entry(provider.host_path().to_owned())
                .or_default()
                .push((place, provider));
        }
        for (url, described) in by_url {
            let Some((place, provider)) = described.first() else {
                continue;
            };
            let same = described.iter().all(|(_, other)| other == provider);
            let owners = self.owners(&url, only, is_chosen);
            // Where several accounts have it, whose is whose is plain only if there is one for each, and all say the same.
            if owners.is_empty() || (owners.len() > 1 && !(same && described.len() >= owners.len())) {
                problems.push(self.whose(place.clone()));
            } else if same {
                for account in owners {
                    self.account(&account).details.push(provider.clone());
                }
            } else {
                let message = format!(
                    "provider `{}` is described twice, differently: give the younger",
                    quote(&url)
                );
                problems.push(Problem::error(place.clone(), message));
            }
        }
    }

    /// The accounts that have a provider of this URL: those that list it, of several the chosen one; where none does, the only
    /// account, unless its own list says otherwise.
    fn owners(&self, url: &str, only: Option<&str>, is_chosen: bool) -> Vec<String> {
        let suffix = format!(":oidc-provider/{url}");
        let lists = |told: &Told| told.providers.iter().flatten().any(|arn| arn.ends_with(&suffix));
        let listing: Vec<String> = self
            .told
            .iter()
            .filter(|(_, told)| lists(told))
            .map(|(id, _)| id.clone())
            .collect();
        let only = only.map(str::to_owned);
        match (listing.as_slice(), only) {
            ([], Some(only)) => {
                let has_list = self.told.get(&only).is_some_and(|told| told.providers.is_some());
                if has_list { Vec::new() } else { vec![only] }
            }
            ([_, _, ..], Some(only)) if is_chosen && listing.contains(&only) => vec![only],
            _ => listing,
        }
    }

    /// That nobody can tell which account an output is of.
    fn whose(&self, place: Place) -> Problem {
        let accounts: Vec<&String> = self.told.keys().collect();
        let given = if accounts.is_empty() {
            "nor does anything else".to_owned()
        } else {
            format!(
                "and which of {} is not plain from the others",
                quote_list(&accounts, 5)
            )
        };
        Problem::error(
            place,
            format!("does not tell its account, {given}: say with --account ID"),
        )
    }

    /// The accounts, as of `now`.
    pub(super) fn finish(self, issuer: Option<&IssuerUrl>, now: Timestamp) -> BTreeMap<String, Account> {
        let finish = |(id, told): (String, Told)| {
            let account = told.finish(&id, issuer, now);
            (id, account)
        };
        self.told.into_iter().map(finish).collect()
    }
}

/// The account of ARNs that must all be of one; none where there is no ARN.
fn one_account<'a>(place: &Place, arns: impl Iterator<Item = &'a str>) -> Result<Option<String>, Problem> {
    let accounts = arns
        .map(|arn| account_of(place, arn))
        .collect::<Result<BTreeSet<String>, Problem>>()?;
    if accounts.len() > 1 {
        let accounts: Vec<&String> = accounts.iter().collect();
        let message = format!(
            "mixes the accounts {}: give each an output of its own",
            quote_list(&accounts, 5)
        );
        return Err(Problem::error(place.clone(), message));
    }
    Ok(accounts.into_iter().next())
}

/// The account in an ARN.
fn account_of(place: &Place, arn: &str) -> Result<String, Problem> {
    let mut parts = arn.split(':');
    let account = parts
        .by_ref()
        .nth(4)
        .filter(|account| arn.starts_with("arn:") && is_account(account));
    account.map(str::to_owned).ok_or_else(|| {
        Problem::error(
            place.clone(),
            format!("`{}` is no ARN with an account in it", quote(arn)),
        )
    })
}

/// Whether a text is the id of an account.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
