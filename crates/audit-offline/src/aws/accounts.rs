//! Which account each output tells of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{Account, IssuerUrl};
use audit_core::text::{quote, quote_list};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::account::{Described, Told};
use super::listed::{Listed, OddElement};
use super::pieces::Pieces;
use super::shape::{self, DETAILS, Details, Output, RoleDetail};
use super::whole::{Doubt, LAST_IS_MISSING};
use crate::Options;
use crate::problem::{InputProblem, Place, Weight};

/// What outputs say, by account.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) told: BTreeMap<String, Told>,
    /// The accounts that the outputs in a directory name.
    folders: BTreeMap<Arc<str>, BTreeSet<String>>,
    /// All outputs are in one directory.
    is_one_folder: bool,
    /// Outputs on one role or one policy.
    pieces: Pieces,
    /// Pages after which another follows, of no known account.
    stray_pages: Vec<Place>,
}

/// The account of an output that names none.
#[derive(Debug)]
enum Home {
    Account(String),
    /// Nothing says which.
    Unknown,
    /// The flag `--account` names one account, and the directory's other outputs are of another.
    Disputed {
        by_flag: String,
        by_folder: String,
    },
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
    /// Nothing but that the account goes on in another page.
    Page,
    /// The last page, or only others than roles: of no account, as policies of AWS are.
    Others,
    /// Nothing but that there are no providers.
    NoProviders,
    Provider(shape::ProviderOutput),
    Summary(shape::Summary),
    /// The names of the clusters of a region.
    Clusters(shape::ListedClusters),
}

impl Accounts {
    /// Takes in all outputs: first those that name their account, then the others.
    pub(super) fn take(
        &mut self,
        outputs: Vec<(Place, Output)>,
        options: &Options,
        problems: &mut Vec<InputProblem>,
    ) {
        let folders: BTreeSet<&Arc<str>> = outputs.iter().map(|(place, _)| &place.folder).collect();
        self.is_one_folder = folders.len() == 1;
        let mut nameless = Vec::new();
        for (place, output) in outputs {
            problems.extend(of_node(&place, &output));
            match self.take_named(&place, output, problems) {
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
            let home = self.home(&place, options);
            match (home, output) {
                (Home::Account(account), Nameless::Provider(provider)) => providers.push(Described {
                    place,
                    home: Some(account),
                    provider,
                }),
                // The lists of providers may say it.
                (Home::Unknown, Nameless::Provider(provider)) => providers.push(Described {
                    place,
                    home: None,
                    provider,
                }),
                (Home::Account(account), Nameless::NoRoles) => self.account(&account).whole.last(),
                (Home::Account(account), Nameless::Page) => self.account(&account).whole.goes_on(&place),
                (Home::Account(account), Nameless::Others) => self.account(&account).whole.last_of_others(),
                (_, Nameless::Page) => {
                    problems.push(InputProblem::warning(place.clone(), LAST_IS_MISSING));
                    self.stray_pages.push(place);
                }
                // It may as well have been printed with `--filter`.
                (_, Nameless::Others) => {}
                (Home::Account(account), Nameless::NoProviders) => {
                    self.account(&account).providers.get_or_insert_default();
                }
                (Home::Account(account), Nameless::Summary(summary)) => {
                    let account = self.account(&account);
                    account.trust_quota = summary.quota.or(account.trust_quota);
                    account.whole.counted = summary.roles.or(account.whole.counted);
                }
                (Home::Account(account), Nameless::Clusters(names)) => {
                    self.account(&account).cluster_lists.push(names);
                }
                (home, output) => {
                    let problem = match home {
                        Home::Disputed { by_flag, by_folder } => disputed(place, &by_flag, &by_folder),
                        Home::Account(_) | Home::Unknown => self.whose(place),
                    };
                    // No verdict depends on these.
                    let is_minor = matches!(output, Nameless::Summary(_) | Nameless::Clusters(_));
                    let weight = if is_minor { Weight::Warning } else { problem.weight };
                    problems.push(InputProblem { weight, ..problem });
                }
            }
        }
        self.join(providers, problems);
        let pieces = std::mem::take(&mut self.pieces);
        pieces.join(&mut self.told, problems);
    }

    /// The account of an output that names none: the one that the other outputs of its directory are of; else the one of the
    /// flag; else the one of the nearest directory above; else the only one that there is.
    ///
    /// The flag is about outputs that nothing else places. Where a directory that is not its own, or the only directory that
    /// was given, says otherwise, neither is certain.
    fn home(&self, place: &Place, options: &Options) -> Home {
        let own = self.account_of_folder(&place.folder);
        let above = || {
            let mut parents = std::iter::successors(parent(&place.folder), |folder| parent(folder));
            parents.find_map(|folder| self.account_of_folder(folder))
        };
        let by_folder = own.or_else(above);
        let is_certain = own.is_some() && !self.is_one_folder;
        match (&options.account, by_folder) {
            (Some(by_flag), Some(by_folder)) if by_flag != by_folder && !is_certain => Home::Disputed {
                by_flag: by_flag.clone(),
                by_folder: by_folder.to_owned(),
            },
            (_, Some(account)) => Home::Account(account.to_owned()),
            (Some(account), None) => Home::Account(account.clone()),
            (None, None) => {
                let only = only(self.told.keys());
                only.map_or(Home::Unknown, |account| Home::Account(account.clone()))
            }
        }
    }

    /// The account that the outputs of a directory name, where they name one alone.
    fn account_of_folder(&self, folder: &str) -> Option<&str> {
        only(self.folders.get(folder)?.iter()).map(String::as_str)
    }

    /// Takes in an output that names its account; gives back another.
    fn take_named(
        &mut self,
        place: &Place,
        output: Output,
        problems: &mut Vec<InputProblem>,
    ) -> Result<Taken, InputProblem> {
        match output {
            Output::Details(details) => self.details(place, details, problems),
            Output::Roles(roles) => {
                for role in &roles.found {
                    self.pieces.role(place, role);
                }
                Ok(Taken::Named(self.roles(place, roles, problems).accounts))
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
            Output::ProviderOutput(provider) => Ok(Taken::Nameless(Nameless::Provider(provider))),
            Output::Cluster(cluster) if !cluster.arn.is_empty() => {
                let account = account_of(place, &cluster.arn)?;
                self.account(&account).clusters.push(cluster);
                Ok(Taken::Named([account].into()))
            }
            Output::Caller(caller) if is_account(&caller.account) => {
                self.account(&caller.account);
                Ok(Taken::Named([caller.account].into()))
            }
            Output::Caller(caller) => Err(InputProblem::error(
                place.clone(),
                format!("`{}` is not the ID of an AWS account", quote(&caller.account)),
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
            Output::Summary(summary) => Ok(Taken::Nameless(Nameless::Summary(summary))),
            Output::Cluster(_)
            | Output::Discovery(_)
            | Output::ControlPolicy(_)
            | Output::ControlTargets(_)
            | Output::ControlList(_)
            | Output::Unused(_) => Ok(Taken::Nothing),
        }
    }

    pub(super) fn account(&mut self, id: &str) -> &mut Told {
        self.told.entry(id.to_owned()).or_default()
    }

    fn details(
        &mut self,
        place: &Place,
        details: Details,
        problems: &mut Vec<InputProblem>,
    ) -> Result<Taken, InputProblem> {
        let is_of_others = details.is_of_others();
        let Details {
            roles,
            users,
            groups,
            policies,
            goes_on,
            is_chosen,
        } = details;
        for (odd, list) in [
            (&users.odd, "a user"),
            (&groups.odd, "a group"),
            (&policies.odd, "a policy"),
        ] {
            problems.extend(odd.iter().map(|odd| odd_element(place, odd, list)));
        }
        let others = users.found.iter().chain(&groups.found);
        let others = others.map(|named| named.arn.as_str());
        // Policies of AWS belong to no account.
        let own = policies.found.iter().map(|policy| policy.arn.as_str());
        let own = own.filter(|arn| !arn.contains(":iam::aws:"));
        let of_roles = roles.found.iter().map(|role| role.arn.as_str());
        let odd = roles.odd.iter().filter_map(|odd| odd.arn.as_deref());
        let arns = of_roles.chain(odd).chain(others).chain(own);
        let Some(account) = one_account(place, arns.filter(|arn| has_account(arn)))? else {
            if !roles.is_empty() {
                return Ok(Taken::Named(self.roles(place, roles, problems).accounts));
            }
            return Ok(if goes_on {
                Taken::Nameless(Nameless::Page)
            } else if is_of_others {
                Taken::Nameless(Nameless::Others)
            } else if is_chosen {
                Taken::Nothing
            } else {
                Taken::Nameless(Nameless::NoRoles)
            });
        };
        let taken = self.roles(place, roles, problems);
        let told = self.account(&account);
        for policy in policies.found {
            let arn = policy.arn.clone();
            if let Some(policy) = policy.into_model() {
                told.managed.insert(arn, policy);
            }
        }
        if is_of_others {
            if goes_on {
                told.whole.goes_on(place);
            } else {
                told.whole.last_of_others();
            }
            return Ok(Taken::Named([account].into()));
        }
        if is_chosen {
            told.whole.doubt(place, Doubt::Chosen);
        } else if taken.has_nameless {
            told.whole.doubt(place, Doubt::Nameless);
        }
        if goes_on {
            told.whole.goes_on(place);
        } else {
            told.whole.last();
        }
        Ok(Taken::Named([account].into()))
    }

    /// Takes in roles. One that cannot be read does not end the audit of the others: what is known of it is its name at most.
    fn roles(
        &mut self,
        place: &Place,
        roles: Listed<RoleDetail>,
        problems: &mut Vec<InputProblem>,
    ) -> TakenRoles {
        let mut taken = TakenRoles::default();
        let told_after = shape::told_after(&roles.found);
        for odd in roles.odd {
            problems.push(odd_element(place, &odd, "a role"));
            match odd.arn.as_deref().map(RoleArn::parse) {
                Some(Ok(arn)) => {
                    taken.accounts.insert(arn.account().to_owned());
                    self.account(arn.account()).unread_role(arn.name());
                }
                _ => taken.has_nameless = true,
            }
        }
        for detail in roles.found {
            let Ok(arn) = RoleArn::parse(&detail.arn) else {
                let message = format!(
                    "`{}` is not the ARN of a role: this role is left out, and is unknown",
                    quote(&detail.arn)
                );
                problems.push(InputProblem::warning(place.clone(), message));
                taken.has_nameless = true;
                continue;
            };
            let account = arn.account().to_owned();
            problems.extend(self.account(&account).role(place, arn, detail, told_after).err());
            taken.accounts.insert(account);
        }
        taken
    }

    /// Joins descriptions of providers to the accounts that list a provider of that URL.
    fn join(&mut self, described: Vec<Described>, problems: &mut Vec<InputProblem>) {
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
                    let place = description.place.clone();
                    let unlisted = self.unlisted(&place, &url, description.home.as_deref());
                    problems.push(
                        unlisted
                            .filter(|_| owners.is_empty())
                            .unwrap_or_else(|| self.whose(place)),
                    );
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

    /// That the lists of providers deny the provider that an output describes; nothing where an account has no list.
    fn unlisted(&self, place: &Place, url: &str, home: Option<&str>) -> Option<InputProblem> {
        let is_listed = |id: &&String| self.told.get(*id).is_some_and(|told| told.providers.is_some());
        let accounts: Vec<&String> = match home {
            Some(home) => self.told.keys().filter(|id| *id == home).collect(),
            None => self.told.keys().collect(),
        };
        if accounts.is_empty() || !accounts.iter().all(is_listed) {
            return None;
        }
        let message = format!(
            "describes OIDC provider `{}`, but the list of OIDC providers of {} does not have it: one of the two files is older, or of a different \
             account. Run `aws iam list-open-id-connect-providers` and `aws iam get-open-id-connect-provider` again, or say with --account ID which \
             account it is of",
            quote(url),
            quote_list(&accounts, 5)
        );
        Some(InputProblem::error(place.clone(), message))
    }

    /// That nobody can tell which account an output is of.
    fn whose(&self, place: Place) -> InputProblem {
        let accounts: Vec<&String> = self.told.keys().collect();
        let given = if accounts.is_empty() {
            "and no other output does".to_owned()
        } else {
            format!("and the other outputs are of {}", quote_list(&accounts, 5))
        };
        let message = format!(
            "does not say which account it is of, {given}: say with --account ID, or keep the outputs of each account in a directory of \
             its own"
        );
        InputProblem::error(place, message)
    }

    /// The pages of accounts after which another one is missing, as nouns that are safe to show.
    pub(super) fn missing_pages(&self) -> Vec<String> {
        let of_accounts = self.told.values().filter_map(Told::missing_page);
        let places = of_accounts.chain(&self.stray_pages);
        places
            .map(|place| format!("a page that follows `{DETAILS}` in `{}`", place.whole()))
            .collect()
    }

    /// The accounts, as of `now`; `cluster` is the name of the cluster that the objects are from, where that is known.
    pub(super) fn finish(
        self,
        issuer: Option<&IssuerUrl>,
        cluster: Option<&str>,
        now: Timestamp,
        problems: &mut Vec<InputProblem>,
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
            let account = told.finish(&id, issuer, cluster.as_deref(), now, problems);
            (id, account)
        };
        self.told.into_iter().map(finish).collect()
    }
}

/// What came of roles.
#[derive(Debug, Default)]
struct TakenRoles {
    accounts: BTreeSet<String>,
    /// Of some role not even the name can be read: it may be any.
    has_nameless: bool,
}

/// That an element of a list cannot be read, and is left out.
fn odd_element(place: &Place, odd: &OddElement, what: &str) -> InputProblem {
    let name = odd
        .arn
        .as_deref()
        .map_or_else(|| what.to_owned(), |arn| format!("{what}, `{}`,", quote(arn)));
    let message = format!(
        "{name} cannot be read, and is unknown: {}; print it again",
        quote(&odd.why)
    );
    InputProblem::warning(place.clone(), message)
}

/// The element of a collection of one.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The directory that a directory is in.
fn parent(folder: &str) -> Option<&str> {
    folder.rsplit_once(['/', '\\']).map(|(parent, _)| parent)
}

/// That `--account` and the directory disagree about an output that names no account.
fn disputed(place: Place, by_flag: &str, by_folder: &str) -> InputProblem {
    let message = format!(
        "does not say which account it is of: `--account` says {}, and the other outputs in its directory are of {}. Keep the outputs of \
         each account in a directory of its own",
        quote(by_flag),
        quote(by_folder)
    );
    InputProblem::error(place, message)
}

/// That somebody asked STS with a node's credentials: a pod that did so has none of its own.
fn of_node(place: &Place, output: &Output) -> Option<InputProblem> {
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
    Some(InputProblem::warning(place.clone(), message))
}

/// Whether an ARN has an account in it.
fn has_account(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(4).is_some_and(is_account)
}

/// The account of ARNs that must all be of one; none where there is no ARN.
fn one_account<'a>(
    place: &Place,
    arns: impl Iterator<Item = &'a str>,
) -> Result<Option<String>, InputProblem> {
    let accounts = arns
        .map(|arn| account_of(place, arn))
        .collect::<Result<BTreeSet<String>, InputProblem>>()?;
    if accounts.len() > 1 {
        let accounts: Vec<&String> = accounts.iter().collect();
        let message = format!(
            "mixes the accounts {}: give each an output of its own",
            quote_list(&accounts, 5)
        );
        return Err(InputProblem::error(place.clone(), message));
    }
    Ok(accounts.into_iter().next())
}

/// The account in an ARN.
fn account_of(place: &Place, arn: &str) -> Result<String, InputProblem> {
    let mut parts = arn.split(':');
    let account = parts
        .by_ref()
        .nth(4)
        .filter(|account| arn.starts_with("arn:") && is_account(account));
    account.map(str::to_owned).ok_or_else(|| {
        InputProblem::error(
            place.clone(),
            format!("`{}` is not an ARN with an account in it", quote(arn)),
        )
    })
}

/// Whether a text is the id of an account.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
