//! The accounts, each in a folder of its own.

use std::collections::BTreeSet;

use audit_aws::capture::{CapturedAccount, DetailsPage};
use audit_aws::{DirectorySettings, Failure, Rate};
use audit_core::model::{FailureKind, IssuerUrl};
use audit_offline::snapshot_manifest::{CALLER, PartReason};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::SnapshotArgs;
use super::directory::SnapshotDirectory;
use super::error::SnapshotError;
use super::known::Known;
use crate::console::Progress;

/// How often a call is attempted that is throttled or not answered.
const ATTEMPTS: u32 = 6;

/// The name of a part of an account.
fn part(account: &CapturedAccount, what: &str) -> String {
    format!("aws/{}/{what}", account.id())
}

/// The way into the accounts; none where AWS does not say who the caller is, which is noted in the manifest.
///
/// # Errors
/// When the manifest cannot be written.
pub async fn accounts(
    args: &SnapshotArgs,
    directory: &mut SnapshotDirectory,
) -> Result<Vec<CapturedAccount>, SnapshotError> {
    let settings = DirectorySettings {
        accounts: args.accounts.clone(),
        rate: Rate {
            per_second: f64::from(args.rate),
            burst: u32::from(args.rate),
        },
        attempts: ATTEMPTS,
        ..DirectorySettings::new(audit_aws::load_home().await)
    };
    match audit_aws::capture::accounts(settings).await {
        Ok(accounts) => {
            let home = accounts.first().map(|account| account.id().to_owned());
            directory.manifest.account = home;
            directory.note(CALLER, accounts.len() as u64)?;
            Ok(accounts)
        }
        Err(failure) => {
            miss(directory, CALLER, failure)?;
            Ok(Vec::new())
        }
    }
}

/// Takes away the parts of accounts that are not looked into any more.
///
/// # Errors
/// When the manifest cannot be written.
pub fn leave_out_others(
    accounts: &[CapturedAccount],
    directory: &mut SnapshotDirectory,
) -> Result<(), SnapshotError> {
    let is_others = |name: &str| {
        let id = name.strip_prefix("aws/").and_then(|rest| rest.split_once('/'));
        id.is_some_and(|(id, _)| accounts.iter().all(|account| account.id() != id))
    };
    let others = directory.manifest.parts.keys().filter(|name| is_others(name));
    for name in others.cloned().collect::<Vec<_>>() {
        directory.remove(&name)?;
    }
    Ok(())
}

/// Reads what an audit reads of an account without a name to ask for.
///
/// # Errors
/// When something cannot be written. What AWS refuses is noted in the manifest.
pub async fn account(
    account: &CapturedAccount,
    issuer: Option<&IssuerUrl>,
    directory: &mut SnapshotDirectory,
    progress: &Progress,
) -> Result<(), SnapshotError> {
    let id = account.id();
    let parts = ["account", "details", "summary", "providers", "provider"];
    directory.plan(parts.iter().map(|what| part(account, what)))?;
    // It tells the account of outputs that name none.
    let own = json!({ "UserId": "", "Account": id });
    documents(directory, &part(account, "account"), Ok((vec![own], 1)), None)?;
    if !directory.keeps(&part(account, "details")) {
        progress.now(&format!("reading the roles of account {id}"));
        details(account, directory, progress).await?;
    }
    progress.now(&format!("reading the providers of account {id}"));
    if !directory.keeps(&part(account, "summary")) {
        let taken = account.summary().await.map(|summary| (vec![summary], 1));
        documents(directory, &part(account, "summary"), taken, None)?;
    }
    if !directory.keeps(&part(account, "providers")) {
        let taken = account.providers().await.map(|list| {
            let count = list
                .get("OpenIDConnectProviderList")
                .and_then(Value::as_array)
                .map_or(0, |arns| arns.len() as u64);
            (vec![list], count)
        });
        documents(directory, &part(account, "providers"), taken, None)?;
    }
    // Which provider it is depends on the issuer, which may be a different one now.
    let name = part(account, "provider");
    match issuer {
        None => directory.miss(
            &name,
            PartReason::Unavailable,
            "the cluster's issuer is not known".to_owned(),
        ),
        Some(issuer) => match account.provider(&account.provider_arn(issuer)).await {
            Ok(None) => directory.note(&name, 0),
            taken => documents(
                directory,
                &name,
                taken.map(|found| (found.into_iter().collect(), 1)),
                None,
            ),
        },
    }
}

/// Lists the roles of an account with their policies.
async fn details(
    account: &CapturedAccount,
    directory: &mut SnapshotDirectory,
    progress: &Progress,
) -> Result<(), SnapshotError> {
    let name = part(account, "details");
    let taken_at = Timestamp::now();
    let mut writer = directory.begin(&name)?;
    writer.begin_list("RoleDetailList")?;
    let mut pages = account.details();
    let (mut roles, mut has_policies) = (0_usize, false);
    let failure = loop {
        match pages.next().await {
            Ok(Some(DetailsPage::Roles(page))) => {
                for role in &page {
                    writer.element(role)?;
                }
                roles += page.len();
                progress.reached(format!("reading the roles of account {}: {roles}", account.id()));
            }
            Ok(Some(DetailsPage::Policies(page))) => {
                if !std::mem::replace(&mut has_policies, true) {
                    writer.begin_list("Policies")?;
                }
                for policy in &page {
                    writer.element(policy)?;
                }
            }
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    match failure {
        None => {
            // By them it shows that nothing was filtered.
            writer.begin_list("UserDetailList")?;
            writer.begin_list("GroupDetailList")?;
            writer.end_list()?;
            directory.end(&name, writer, taken_at, None)
        }
        Some(failure) => {
            drop(writer);
            miss(directory, &name, failure)
        }
    }
}

/// Reads what has to be asked for by name: roles of accounts that cannot be listed, clusters, and associations.
///
/// # Errors
/// When something cannot be written. What AWS refuses is noted in the manifest.
pub async fn by_name(
    accounts: &[CapturedAccount],
    cluster_name: Option<&str>,
    known: &mut Known,
    directory: &mut SnapshotDirectory,
    progress: &Progress,
) -> Result<(), SnapshotError> {
    let mut wanted = known.roles();
    for account in accounts {
        let names = wanted.remove(account.id()).unwrap_or_default();
        directory.remove(&part(account, "roles"))?;
        if !directory.manifest.has_whole(&part(account, "details")) && !names.is_empty() {
            progress.now(&format!(
                "reading {} roles of account {}",
                names.len(),
                account.id()
            ));
            roles(account, &names, directory).await?;
        }
    }
    while let Some((id, region)) = known.next_region() {
        let Some(account) = accounts.iter().find(|account| account.id() == id) else {
            known.put_clusters(&id, &region, None);
            continue;
        };
        progress.now(&format!("reading the EKS clusters of account {id} in {region}"));
        let name = part(account, &format!("clusters-{region}"));
        match account.clusters(&region).await {
            Ok(clusters) => {
                let count = (clusters.outputs.len() as u64).saturating_sub(1);
                documents(directory, &name, Ok((clusters.outputs, count)), None)?;
                known.put_clusters(&id, &region, Some(clusters.issuers));
            }
            Err(failure) => {
                miss(directory, &name, failure)?;
                known.put_clusters(&id, &region, None);
            }
        }
    }
    if let (Some(cluster), Some(home)) = (cluster_name, accounts.iter().find(|account| account.is_home())) {
        progress.now("reading the Pod Identity associations");
        let name = part(home, "associations");
        match home.associations(cluster, &known.service_accounts()).await {
            Ok(found) => {
                let count = found.outputs.first().and_then(|list| {
                    let associations = list.get("associations")?.as_array()?;
                    Some(associations.len() as u64)
                });
                let taken = Ok((found.outputs, count.unwrap_or_default()));
                documents(directory, &name, taken, found.failure)?;
            }
            Err(failure) => miss(directory, &name, failure)?,
        }
    }
    Ok(())
}

/// Reads roles one by one.
async fn roles(
    account: &CapturedAccount,
    names: &BTreeSet<String>,
    directory: &mut SnapshotDirectory,
) -> Result<(), SnapshotError> {
    let found = account.roles(names).await;
    let count = found.roles.len() as u64;
    let mut outputs = found.roles;
    if !found.policies.is_empty() {
        outputs.push(json!({
            "RoleDetailList": [], "UserDetailList": [], "GroupDetailList": [], "Policies": found.policies,
        }));
    }
    directory
        .manifest
        .absent_roles
        .insert(account.id().to_owned(), found.absent);
    documents(
        directory,
        &part(account, "roles"),
        Ok((outputs, count)),
        found.failure,
    )
}

/// Writes documents as a part, or notes why there are none. With a `trouble`, they are not all.
fn documents(
    directory: &mut SnapshotDirectory,
    name: &str,
    taken: Result<(Vec<Value>, u64), Failure>,
    trouble: Option<Failure>,
) -> Result<(), SnapshotError> {
    let (outputs, count) = match taken {
        Ok(taken) => taken,
        Err(failure) => return miss(directory, name, failure),
    };
    if outputs.is_empty() {
        return match trouble {
            Some(failure) => miss(directory, name, failure),
            None => directory.note(name, 0),
        };
    }
    let taken_at = Timestamp::now();
    let mut writer = directory.begin(name)?;
    for (at, output) in outputs.iter().enumerate() {
        writer.document(output, if at == 0 { count } else { 0 })?;
    }
    let trouble = trouble.map(|failure| (reason(&failure), failure.message));
    directory.end(name, writer, taken_at, trouble)
}

fn miss(directory: &mut SnapshotDirectory, name: &str, failure: Failure) -> Result<(), SnapshotError> {
    directory.miss(name, reason(&failure), failure.message)
}

fn reason(failure: &Failure) -> PartReason {
    match failure.kind {
        FailureKind::AccessDenied { .. } => PartReason::Forbidden,
        FailureKind::Throttled => PartReason::Throttled,
        FailureKind::Unavailable => PartReason::Unavailable,
    }
}
