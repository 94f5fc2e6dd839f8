//! Which account each output tells of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{Account, IssuerUrl};
use audit_core::text::{quote, quote_list};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::account::{Described, Told};
use super::pieces::Pieces;
use super::shape::{self, Details, Output, RoleDetail};
use crate::Options;
use crate::problem::{Place, Problem, Weight};

/// What outputs say, by account.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    told: BTreeMap<String, Told>,
    /// The accounts that the outputs in a directory name.
    folders: BTreeMap<Arc<str>, BTreeSet<String>>,
    /// Outputs on one role or one policy.
    pieces: Pieces,
}

/// What came of an output.
#[derive(Debug)]
enum Taken {
    /// It says nothing of an account.
    Nothing,
    /// It names its accounts, and was taken in.
    Named(BTreeSet<String>),
    /// It names no account.
    Nameless(Nameless),
}

/// An output that names no account.
#[derive(Debug)]
enum Nameless {
    /// Nothing but that there are no roles.
    NoRoles,
    /// Nothing but that there are no providers.
    NoProviders,
    Provider(shape::Provider),
    Quota(usize),
    /// The names of the clusters of a region.
    Clusters(Vec<String>),
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
            problems.extend(of_node(&place, &output));
            match self.take_named(&place, output) {
                Ok(Taken::Nothing) => {}
                Ok(Taken::Named(accounts)) => {
                    self.folders
                        .entry(place.folder.clone())
                        .or_default()
                        .extend(accounts);
                }
                Ok(Taken::Nameless(output)) => nameless.push((place, output)),
                Err(problem) => problems.push(problem),
            }
        }
        let mut providers = Vec::new();
        for (place, output) in nameless {
            match (self.home(&place, options), output) {
                (home, Nameless::Provider(provider)) => providers.push(Described {
                    place,
                    home,
                    provider,
                }),
                (Some(account), Nameless::NoRoles) => self.account(&account).has_all_roles = true,
                (Some(account), Nameless::NoProviders) => {
                    self.account(&account).providers.get_or_insert_default();
                }
                (Some(account), Nameless::Quota(quota)) => self.account(&account).trust_quota = Some(quota),
                (Some(account), Nameless::Clusters(names)) => {
                    self.account(&account).cluster_lists.push(names);
                }
                // No verdict hangs on it.
                (None, Nameless::Quota(_) | Nameless::Clusters(_)) => {
                    problems.push(Problem {
                        weight: Weight::Warning,
                        ..self.whose(place)
                    });
                }
                (None, _) => problems.push(self.whose(place)),
            }
        }
        self.join(providers, problems);
        let pieces = std::mem::take(&mut self.pieces);
        pieces.join(&mut self.told, problems);
    }

    /// The account of an output that names none: the one that somebody said; else the only one that its directory tells of;
    /// else the only one that there is.
    fn home(&self, place: &Place, options: &Options) -> Option<String> {
        let only = |mut accounts: Vec<&String>| {
            if accounts.len() == 1 {
                accounts.pop().cloned()
            } else {
                None
            }
        };
        let of_folder = || only(self.folders.get(&place.folder).into_iter().flatten().collect());
        options
            .account
            .clone()
            .or_else(of_folder)
            .or_else(|| only(self.told.keys().collect()))
    }

    /// Takes in an output that names its account; gives back another.
    fn take_named(&mut self, place: &Place, output: Output) -> Result<Taken, Problem> {
        match output {
            Output::Details(details) => self.details(place, details),
            Output::Roles(roles) => {
                for role in &roles {
                    self.pieces.role(place, role);
                }
                self.roles(place, roles).map(Taken::Named)
            }
            Output::RolePolicy(policy) => {
                self.pieces.role_policy(place, policy);
                Ok(Taken::Nothing)
            }
            Output::InlineNames(names) => {
                self.pieces.inline_names(place, names);
                Ok(Taken::Nothing)
            }
            Output::Attached(arns) => {
                self.pieces.attached(place, arns);
                Ok(Taken::Nothing)
            }
            Output::Policy(policy) => {
                self.pieces.policy(place, policy);
                Ok(Taken::Nothing)
            }
            Output::PolicyVersion(version) => {
                self.pieces.version(place, version);
                Ok(Taken::Nothing)
            }
            Output::Providers(arns) => {
                let Some(account) = one_account(place, arns.iter().map(String::as_str))? else {
                    return Ok(Taken::Nameless(Nameless::NoProviders));
                };
                self.account(&account)
                    .providers
                    .get_or_insert_default()
                    .extend(arns);
                Ok(Taken::Named([account].into()))
            }
            Output::Provider(provider) => Ok(Taken::Nameless(Nameless::Provider(provider))),
            Output::Cluster(cluster) if !cluster.arn.is_empty() => {
                let account = account_of(place, &cluster.arn)?;
                self.account(&account).clusters.push(cluster);
                Ok(Taken::Named([account].into()))
            }
            Output::Caller(caller) if is_account(&caller.account) => {
                self.account(&caller.account);
                Ok(Taken::Named([caller.account].into()))
            }
            Output::Caller(caller) => Err(Problem::error(
                place.clone(),
                format!("`{}` is no AWS account", quote(&caller.account)),
            )),
            Output::Associations(associations) => {
                let mut accounts = BTreeSet::new();
                for association in associations {
                    let account = account_of(place, &association.arn)?;
                    self.account(&account).associations.push(association);
                    accounts.insert(account);
                }
                Ok(Taken::Named(accounts))
            }
            Output::ClusterNames(names) => Ok(Taken::Nameless(Nameless::Clusters(names))),
            Output::Quota(quota) => Ok(Taken::Nameless(Nameless::Quota(quota))),
            Output::Cluster(_)
            | Output::Discovery(_)
            | Output::ControlPolicy(_)
            | Output::ControlTargets(_)
            | Output::Unused => Ok(Taken::Nothing),
        }
    }

    fn account(&mut self, id: &str) -> &mut Told {
        self.told.entry(id.to_owned()).or_default()
    }

    fn details(&mut self, place: &Place, details: Details) -> Result<Taken, Problem> {
        let (is_last, is_of_others) = (details.is_last(), details.is_of_others());
        let others = details
            .users
            .iter()
            .chain(&details.groups)
            .map(|named| named.arn.as_str());
        // Policies of AWS belong to no account.
        let policies = details.policies.iter().map(|policy| policy.arn.as_str());
        let policies = policies.filter(|arn| !arn.contains(":iam::aws:"));
        let roles = details.roles.iter().map(|role| role.arn.as_str());
        let Some(account) = one_account(place, roles.chain(others).chain(policies))? else {
            return Ok(if is_last && !is_of_others {
                Taken::Nameless(Nameless::NoRoles)
            } else {
                Taken::Nothing
            });
        };
        self.roles(place, details.roles)?;
        for policy in details.policies {
            let arn = policy.arn.clone();
            if let Some(document) = policy.into_document() {
                self.account(&account).managed.insert(arn, document.into());
            }
        }
        // Pages do not tell which they follow: that the last one is there is all that can be seen.
        self.account(&account).has_all_roles |= is_last && !is_of_others;
        Ok(Taken::Named([account].into()))
    }

    fn roles(&mut self, place: &Place, roles: Vec<RoleDetail>) -> Result<BTreeSet<String>, Problem> {
        let mut accounts = BTreeSet::new();
        let told_after = shape::told_after(&roles);
        for detail in roles {
            let arn = RoleArn::parse(&detail.arn).map_err(|_| {
                let message = format!("`{}` is no ARN of a role", quote(&detail.arn));
                Problem::error(place.clone(), message)
            })?;
            let account = arn.account().to_owned();
            self.account(&account).role(place, arn, detail, told_after)?;
            accounts.insert(account);
        }
        Ok(accounts)
    }

    /// Joins descriptions of providers to the accounts that list a provider of that URL.
    fn join(&mut self, described: Vec<Described>, problems: &mut Vec<Problem>) {
        let mut by_url: BTreeMap<String, Vec<Described>> = BTreeMap::new();
        for description in described {
            by_url
                .entry(description.provider.host_path().to_owned())
                .or_default()
                .push(description);
        }
        for (url, described) in by_url {
            let same = |a: &Described, b: &Described| a.provider == b.provider;
            let all_same = described
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if same(a, b)));
            for description in &described {
                let owners = self.owners(&url, description.home.as_deref());
                // Where several accounts have it, whose is whose is plain only if there is one for each, and all say the same.
                let is_plain = owners.len() == 1 || (all_same && described.len() >= owners.len());
                if owners.is_empty() || !is_plain {
                    problems.push(self.whose(description.place.clone()));
                    break;
                }
                for account in owners {
                    if let Err(problem) = self.account(&account).provider(description) {
                        problems.push(problem);
                    }
                }
            }
        }
    }

    /// The accounts that have a provider of this URL: the one that is likely for another reason, if it lists it, or if nobody
    /// does and it has no list that says otherwise; else those that list it.
    fn owners(&self, url: &str, home: Option<&str>) -> Vec<String> {
        let suffix = format!(":oidc-provider/{url}");
        let lists = |told: &Told| told.providers.iter().flatten().any(|arn| arn.ends_with(&suffix));
        let listing: Vec<String> = self
            .told
            .iter()
            .filter(|(_, told)| lists(told))
            .map(|(id, _)| id.clone())
            .collect();
        let Some(home) = home else { return listing };
        let is_likely = if listing.is_empty() {
            self.told.get(home).is_none_or(|told| told.providers.is_none())
        } else {
            listing.iter().any(|account| account == home)
        };
        if is_likely { vec![home.to_owned()] } else { listing }
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
        let message = format!(
            "does not tell its account, {given}: say with --account ID, or keep the outputs of each account in a directory of \
             its own"
        );
        Problem::error(place, message)
    }

    /// The accounts, as of `now`; `cluster` is the name of the cluster that the objects are from, where that is known.
    pub(super) fn finish(
        self,
        issuer: Option<&IssuerUrl>,
        cluster: Option<&str>,
        now: Timestamp,
    ) -> BTreeMap<String, Account> {
        let names: BTreeSet<&str> = self
            .told
            .values()
            .flat_map(|told| &told.associations)
            .map(|a| a.cluster_name.as_str())
            .collect();
        let only = names
            .first()
            .filter(|_| names.len() == 1)
            .map(|name| (*name).to_owned());
        let cluster = cluster.map(str::to_owned).or(only);
        let finish = |(id, told): (String, Told)| {
            let account = told.finish(&id, issuer, cluster.as_deref(), now);
            (id, account)
        };
        self.told.into_iter().map(finish).collect()
    }
}

/// That somebody asked STS with a node's credentials: a pod that did so has none of its own.
fn of_node(place: &Place, output: &Output) -> Option<Problem> {
    let Output::Caller(caller) = output else {
        return None;
    };
    let (role, instance) = caller.node()?;
    let message = format!(
        "was printed with credentials of the node's role `{}` (instance `{}`): if a pod printed it, its SDK did not use web identity, \
         but what the instance metadata service gives to every pod of the node",
        quote(role),
        quote(instance)
    );
    Some(Problem::warning(place.clone(), message))
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
