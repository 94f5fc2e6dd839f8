//! The EKS issuers that roles trust, and of which of them nothing is left.
//!
//! An issuer is dead where neither a provider for it nor a cluster with it exists. Nobody sees all accounts of the world: it is
//! dead as far as the accounts go that can be looked into, and a message has to say which these are.

use std::collections::{BTreeMap, BTreeSet};

use iam_policy::{Document, Effect, PrincipalKind, RoleArn, Statement};
use jiff::Timestamp;

use crate::model::{Access, Account, EksIssuer, IssuerUrl, TrustedIssuer, TrustingRoles};
use crate::snapshot::{Origin, Snapshot};
use crate::subjects::allows_web_identity;

/// What has to be asked to know which issuers are dead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum IssuerQuestion {
    /// Which providers an account has.
    Providers {
        /// The account.
        account: String,
    },
    /// Which EKS clusters an account has in a region.
    Clusters {
        /// The account.
        account: String,
        /// The region.
        region: String,
    },
}

/// A dead issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead<'a> {
    /// The issuer.
    pub issuer: &'a EksIssuer,
    /// The accounts whose roles trust it, and these roles.
    pub trusting: Vec<(&'a str, &'a TrustingRoles)>,
    /// The accounts that have no cluster with it.
    pub looked_into: Vec<&'a str>,
    /// Accounts whose clusters could not be listed, and which may have one.
    pub unseen: Vec<&'a str>,
}

/// Whether a trust policy may name the provider of another EKS issuer than this cluster's. Never wrong when it says no, apart from
/// escapes that nobody writes into a URL.
#[must_use]
pub fn may_name_another(document: &str, own: Option<&IssuerUrl>) -> bool {
    let mut providers = document.split("oidc-provider").skip(1);
    providers.any(|rest| {
        let rest = rest.trim_start_matches(['\\', '/']);
        let of_own = own.and_then(|own| rest.strip_prefix(own.host_path()));
        let is_own = of_own.is_some_and(|after| after.starts_with('"'));
        let host = rest.get(..9).unwrap_or_default();
        !is_own
            && ["oidc.eks.", "oidc-eks."]
                .iter()
                .any(|prefix| host.eq_ignore_ascii_case(prefix))
    })
}

/// Counts a role for each other EKS issuer than this cluster's that it trusts by the provider in its own account.
pub fn gather(
    found: &mut BTreeMap<EksIssuer, TrustingRoles>,
    role: &RoleArn,
    trust: &Document,
    own: Option<&IssuerUrl>,
) {
    if trust.is_refused() {
        return;
    }
    let own = own.and_then(|own| EksIssuer::parse(own.host_path()));
    let prefix = format!("arn:{}:iam::{}:oidc-provider/", role.partition(), role.account());
    let mut issuers: BTreeMap<EksIssuer, &str> = BTreeMap::new();
    let mut trusts_others = false;
    let allowing = trust
        .statements()
        .iter()
        .filter(|statement| statement.effect() == Effect::Allow);
    for statement in allowing {
        trusts_others |= statement.is_for_everyone() || statement.is_not_principal();
        if statement.is_not_principal() {
            continue;
        }
        for (kind, name) in statement.principals() {
            match eks_issuer(statement, kind, name.strip_prefix(&prefix), role.partition()) {
                Some((issuer, host_path)) => drop(issuers.insert(issuer, host_path)),
                None => trusts_others = true,
            }
        }
    }
    let trusts_others = trusts_others || issuers.len() > 1;
    for (issuer, host_path) in issuers {
        if Some(&issuer) != own.as_ref() {
            let roles = found
                .entry(issuer)
                .or_insert_with(|| TrustingRoles::new(host_path));
            roles.add(role.name(), !trusts_others);
        }
    }
}

/// The EKS issuer that a statement lets in by this principal.
fn eks_issuer<'d>(
    statement: &Statement,
    kind: PrincipalKind,
    host_path: Option<&'d str>,
    partition: &str,
) -> Option<(EksIssuer, &'d str)> {
    let host_path =
        host_path.filter(|_| kind == PrincipalKind::Federated && allows_web_identity(statement))?;
    let issuer = EksIssuer::parse(host_path).filter(|issuer| issuer.is_in(partition))?;
    Some((issuer, host_path))
}

/// What has to be known of the accounts that are looked into to tell which issuers are dead, as far as that shows by now: more
/// accounts are asked only when the first ones do not have what is looked for.
#[must_use]
pub fn questions(snapshot: &Snapshot) -> BTreeSet<IssuerQuestion> {
    let (mut questions, provided) = (BTreeSet::new(), Provided::of(snapshot));
    for (issuer, trusting) in trusted(snapshot) {
        for (account, _) in &trusting {
            let account = (*account).to_owned();
            questions.insert(IssuerQuestion::Providers { account });
        }
        let all = |shows: &dyn Fn(&str, &Account, Timestamp) -> bool| {
            let mut trusting = trusting.iter();
            trusting.all(|(id, trusted)| {
                let account = snapshot.accounts.get(*id);
                account.is_some_and(|account| shows(id, account, trusted.since))
            })
        };
        let shows_no_provider =
            |id: &str, account: &Account, since| provided.shows_none(id, account, issuer, since);
        if provided.anywhere(issuer) || !all(&shows_no_provider) {
            continue;
        }
        let elsewhere = all(&|_, account, since| shows_no_cluster(account, issuer, since));
        let is_trusting = |id: &str| trusting.iter().any(|(other, _)| *other == id);
        for (id, _) in open(snapshot).filter(|(id, _)| elsewhere || is_trusting(id)) {
            let (account, region) = (id.to_owned(), issuer.region().to_owned());
            questions.insert(IssuerQuestion::Clusters { account, region });
        }
    }
    questions
}

/// The issuers that are dead: neither has an account a provider for them, nor one a cluster with them. The accounts whose roles
/// trust one must have been seen whole. What was seen before a role was first seen to trust an issuer proves nothing.
#[must_use]
pub fn dead(snapshot: &Snapshot) -> Vec<Dead<'_>> {
    let (issuers, provided) = (trusted(snapshot).into_iter(), Provided::of(snapshot));
    issuers
        .filter_map(|(issuer, trusting)| autopsy(snapshot, &provided, issuer, &trusting))
        .collect()
}

fn autopsy<'a>(
    snapshot: &'a Snapshot,
    provided: &Provided<'_>,
    issuer: &'a EksIssuer,
    trusting: &[(&'a str, &'a TrustedIssuer)],
) -> Option<Dead<'a>> {
    let since = trusting.iter().map(|(_, trusted)| trusted.since).max()?;
    if provided.anywhere(issuer) || has_cluster(snapshot, issuer) {
        return None;
    }
    let (mut looked_into, mut unseen) = (Vec::new(), Vec::new());
    for (id, account) in open(snapshot) {
        let is_trusting = trusting.iter().any(|(other, _)| *other == id);
        if is_trusting && !provided.shows_none(id, account, issuer, since) {
            return None;
        }
        let failed = account
            .clusters
            .get(issuer.region())
            .is_some_and(|seen| seen.failure.is_some());
        if shows_no_cluster(account, issuer, since) {
            looked_into.push(id);
        } else if is_trusting {
            return None;
        } else if failed {
            unseen.push(id);
        } else if snapshot.origin == Origin::Live {
            // The answer is on its way.
            return None;
        }
    }
    Some(Dead {
        issuer,
        trusting: trusting
            .iter()
            .map(|(id, trusted)| (*id, &trusted.roles))
            .collect(),
        looked_into,
        unseen,
    })
}

/// The issuers that roles trust, apart from the cluster's own, with the accounts of these roles. None where the cluster's own is
/// not known, which would be among them.
fn trusted(snapshot: &Snapshot) -> BTreeMap<&EksIssuer, Vec<(&str, &TrustedIssuer)>> {
    let mut all: BTreeMap<&EksIssuer, Vec<(&str, &TrustedIssuer)>> = BTreeMap::new();
    let Some(own) = &snapshot.issuer else { return all };
    let own = EksIssuer::parse(own.url.host_path());
    for (id, account) in open(snapshot) {
        for (issuer, trusted) in &account.trusted_issuers {
            if Some(issuer) != own.as_ref() {
                all.entry(issuer).or_default().push((id, trusted));
            }
        }
    }
    all
}

/// The accounts that can be looked into.
fn open(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &Account)> {
    let accounts = snapshot.accounts.iter();
    accounts
        .filter(|(_, account)| account.access == Access::Configured)
        .map(|(id, account)| (id.as_str(), account))
}

/// The EKS issuers for which there are providers, in whichever form, and the accounts that have these. The URLs are read once for all
/// questions.
struct Provided<'a>(BTreeMap<EksIssuer, BTreeSet<&'a str>>);

impl<'a> Provided<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let mut accounts: BTreeMap<EksIssuer, BTreeSet<&str>> = BTreeMap::new();
        for (id, account) in open(snapshot) {
            for url in counted::each(account.provider_urls.latest().into_iter().flatten()) {
                if let Some(issuer) = EksIssuer::parse(url) {
                    accounts.entry(issuer).or_default().insert(id);
                }
            }
        }
        Self(accounts)
    }

    /// Whether any account has a provider for an issuer.
    fn anywhere(&self, issuer: &EksIssuer) -> bool {
        self.0.contains_key(issuer)
    }

    /// Whether the providers of an account were listed since then, and none is for the issuer.
    fn shows_none(&self, id: &str, account: &Account, issuer: &EksIssuer, since: Timestamp) -> bool {
        let seen = account.provider_urls.value.as_ref();
        let is_here = self.0.get(issuer).is_some_and(|accounts| accounts.contains(id));
        seen.is_some_and(|(_, at)| *at >= since) && !is_here
    }
}

/// Whether any account has a cluster with an issuer.
fn has_cluster(snapshot: &Snapshot, issuer: &EksIssuer) -> bool {
    let mut clusters =
        open(snapshot).filter_map(|(_, account)| account.clusters.get(issuer.region())?.latest());
    clusters.any(|clusters| clusters.issuers.contains(issuer))
}

/// Whether the clusters of an account in the issuer's region were listed since then, and none has the issuer.
fn shows_no_cluster(account: &Account, issuer: &EksIssuer, since: Timestamp) -> bool {
    let seen = account
        .clusters
        .get(issuer.region())
        .and_then(|seen| seen.value.as_ref());
    let seen = seen.filter(|(clusters, at)| clusters.is_whole && *at >= since);
    seen.is_some_and(|(clusters, _)| !clusters.issuers.contains(issuer))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{ClusterIssuer, Clusters, FailureKind, IssuerSource, Observed};
    use crate::testing::{
        ACCOUNT, HOST_PATH, ISSUER, OTHER_ACCOUNT, OTHER_HOST_PATH, provider_arn, statement,
    };

    const REGION: &str = "eu-west-1";

    /// Whether the first answer to a question is not there yet.
    fn is_unanswered(snapshot: &Snapshot, question: &IssuerQuestion) -> bool {
        match question {
            IssuerQuestion::Providers { account } => snapshot
                .accounts
                .get(account)
                .is_some_and(|account| account.provider_urls.is_pending()),
            IssuerQuestion::Clusters { account, region } => snapshot
                .accounts
                .get(account)
                .is_some_and(|account| account.clusters.get(region).is_none_or(Observed::is_pending)),
        }
    }

    fn gathered(statements: &Value) -> BTreeMap<EksIssuer, TrustingRoles> {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let own = IssuerUrl::parse(ISSUER).unwrap();
        let mut found = BTreeMap::new();
        let role = RoleArn::parse(&format!("arn:aws:iam::{ACCOUNT}:role/a")).unwrap();
        let document = iam_policy::parse(&text).document.unwrap();
        gather(&mut found, &role, &document, Some(&own));
        assert!(found.is_empty() || may_name_another(&text, Some(&own)), "{text}");
        found
    }

    fn trusting(principal: &Value) -> Value {
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity" })
    }

    #[test]
    fn the_issuers_that_a_policy_trusts_are_those_of_providers_in_its_own_account() {
        let other = provider_arn(OTHER_HOST_PATH);
        for (statements, roles) in [
            (json!(trusting(&json!({ "Federated": other }))), vec![(1, 1)]),
            (
                json!([trusting(&json!({ "Federated": other })), statement(&json!({}))]),
                vec![(1, 0)],
            ),
            (
                json!([trusting(&json!({ "Federated": other, "AWS": "*" }))]),
                vec![(1, 0)],
            ),
            (
                json!([trusting(&json!({ "Federated": other })), trusting(&json!("*"))]),
                vec![(1, 0)],
            ),
            (
                json!([trusting(
                    &json!({ "Federated": [other, provider_arn("oidc.eks.us-east-1.amazonaws.com/id/A")] })
                )]),
                vec![(1, 0), (1, 0)],
            ),
            (json!(statement(&json!({}))), vec![]),
            (
                json!(trusting(
                    &json!({ "Federated": other.replace(ACCOUNT, OTHER_ACCOUNT) })
                )),
                vec![],
            ),
            (
                json!(trusting(
                    &json!({ "Federated": other.replace("arn:aws:", "arn:aws-cn:") })
                )),
                vec![],
            ),
            (
                json!(trusting(
                    &json!({ "Federated": provider_arn("token.actions.githubusercontent.com") })
                )),
                vec![],
            ),
            (
                json!({ "Effect": "Deny", "Principal": { "Federated": other }, "Action": "*" }),
                vec![],
            ),
            (
                json!({ "Effect": "Allow", "Principal": { "Federated": other }, "Action": "sts:TagSession" }),
                vec![],
            ),
            (
                json!({ "Effect": "Allow", "NotPrincipal": { "Federated": other }, "Action": "*" }),
                vec![],
            ),
        ] {
            let found = gathered(&statements);
            let counts: Vec<_> = found.values().map(|roles| (roles.total, roles.alone)).collect();
            assert_eq!(counts, roles, "{statements}");
        }
    }

    #[test]
    fn most_policies_need_not_be_read_to_see_that_they_name_no_other() {
        let own = IssuerUrl::parse(ISSUER).unwrap();
        let names =
            |principal: &str| may_name_another(&format!(r#"{{"Federated":"{principal}"}}"#), Some(&own));
        assert!(!names(&provider_arn(HOST_PATH)) && !names("*"));
        assert!(names(&provider_arn(OTHER_HOST_PATH)) && names(&provider_arn(&format!("{HOST_PATH}/"))));
        assert!(names(&provider_arn(OTHER_HOST_PATH).replace('/', "\\/")));
        assert!(names(&provider_arn("OIDC.eks.eu-west-1.amazonaws.com/id/A")));
        assert!(may_name_another(&provider_arn(HOST_PATH), None));
    }

    /// Two accounts, of which the first has a role that trusts another issuer than the cluster's.
    struct Lab {
        snapshot: Snapshot,
        now: Timestamp,
    }

    impl Lab {
        fn new() -> Self {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let mut snapshot = Snapshot {
                issuer: Some(ClusterIssuer {
                    url: IssuerUrl::parse(ISSUER).unwrap(),
                    source: IssuerSource::Flag,
                }),
                ..Snapshot::default()
            };
            let mut roles = TrustingRoles::new(OTHER_HOST_PATH);
            roles.add("a", true);
            let account = Account {
                trusted_issuers: [(other(), TrustedIssuer { roles, since: now })].into(),
                ..Account::default()
            };
            snapshot.accounts = [
                (ACCOUNT.to_owned(), account),
                (OTHER_ACCOUNT.to_owned(), Account::default()),
            ]
            .into();
            Self { snapshot, now }
        }

        fn account(&mut self, id: &str) -> &mut Account {
            self.snapshot.accounts.get_mut(id).unwrap()
        }

        fn providers(mut self, account: &str, urls: &[&str]) -> Self {
            let (now, urls) = (self.now, urls.iter().map(|url| (*url).to_owned()).collect());
            self.account(account).provider_urls = Observed::known(urls, now);
            self
        }

        fn clusters(mut self, account: &str, urls: &[&str]) -> Self {
            let clusters = Clusters {
                issuers: urls.iter().map(|url| EksIssuer::parse(url).unwrap()).collect(),
                is_whole: true,
            };
            let now = self.now;
            self.account(account)
                .clusters
                .insert(REGION.to_owned(), Observed::known(clusters, now));
            self
        }

        fn clusters_fail(mut self, account: &str) -> Self {
            let now = self.now;
            let seen = self
                .account(account)
                .clusters
                .entry(REGION.to_owned())
                .or_default();
            seen.fail(FailureKind::Unavailable, "no".to_owned(), now);
            self
        }

        /// Everything was looked into, and nothing is left of the issuer.
        fn gone() -> Self {
            Self::new()
                .providers(ACCOUNT, &[HOST_PATH])
                .clusters(ACCOUNT, &[HOST_PATH])
                .clusters(OTHER_ACCOUNT, &[])
        }

        fn later(mut self) -> Self {
            self.now = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
            self
        }

        fn is_dead(&self) -> bool {
            !dead(&self.snapshot).is_empty()
        }

        fn asks(&self) -> Vec<String> {
            let shown = |question: IssuerQuestion| match question {
                IssuerQuestion::Providers { account } => format!("providers {account}"),
                IssuerQuestion::Clusters { account, region } => format!("clusters {account} {region}"),
            };
            let unanswered = questions(&self.snapshot)
                .into_iter()
                .filter(|q| is_unanswered(&self.snapshot, q));
            unanswered.map(shown).collect()
        }
    }

    fn other() -> EksIssuer {
        EksIssuer::parse(OTHER_HOST_PATH).unwrap()
    }

    #[test]
    fn an_issuer_is_dead_where_everything_was_looked_into_and_nothing_is_left() {
        let lab = Lab::gone();
        let dead = dead(&lab.snapshot);
        assert_eq!(
            (dead.len(), &*dead[0].looked_into, dead[0].unseen.len()),
            (1, &[ACCOUNT, OTHER_ACCOUNT][..], 0)
        );
        assert_eq!((dead[0].issuer, dead[0].trusting[0].0), (&other(), ACCOUNT));
    }

    #[test]
    fn a_provider_or_a_cluster_anywhere_keeps_it_alive() {
        let dual_stack = OTHER_HOST_PATH
            .replace("oidc.eks.", "oidc-eks.")
            .replace(".amazonaws.com", ".api.aws");
        for alive in [
            Lab::gone().providers(ACCOUNT, &[OTHER_HOST_PATH]),
            Lab::gone().providers(OTHER_ACCOUNT, &[OTHER_HOST_PATH]),
            Lab::gone().clusters(ACCOUNT, &[OTHER_HOST_PATH]),
            Lab::gone().clusters(OTHER_ACCOUNT, &[OTHER_HOST_PATH]),
            Lab::gone().clusters(OTHER_ACCOUNT, &[&dual_stack]),
        ] {
            assert!(!alive.is_dead());
        }
    }

    #[test]
    fn this_clusters_own_issuer_is_never_dead() {
        let mut lab = Lab::gone();
        lab.snapshot.issuer.as_mut().unwrap().url =
            IssuerUrl::parse(&format!("https://{OTHER_HOST_PATH}")).unwrap();
        assert!(!lab.is_dead() && questions(&lab.snapshot).is_empty());
        lab.snapshot.issuer = None;
        assert!(!lab.is_dead());
    }

    #[test]
    fn what_was_not_seen_in_the_roles_own_account_proves_nothing() {
        let unlisted = |mut lab: Lab| {
            lab.account(ACCOUNT).provider_urls = Observed::default();
            lab
        };
        let partly = |mut lab: Lab| {
            let seen = lab.account(ACCOUNT).clusters.get_mut(REGION).unwrap();
            seen.value.as_mut().unwrap().0.is_whole = false;
            lab
        };
        let unseen = |mut lab: Lab| {
            lab.account(ACCOUNT).clusters.clear();
            lab
        };
        for lab in [
            unlisted(Lab::gone()),
            partly(Lab::gone()),
            unseen(Lab::gone()),
            unseen(Lab::gone()).clusters_fail(ACCOUNT),
        ] {
            assert!(!lab.is_dead());
        }
    }

    #[test]
    fn what_was_seen_before_the_trust_proves_nothing() {
        let made_later = |mut lab: Lab| {
            let now = lab.now;
            lab.account(ACCOUNT)
                .trusted_issuers
                .get_mut(&other())
                .unwrap()
                .since = now;
            lab
        };
        assert!(!made_later(Lab::gone().later()).is_dead());
        let providers = made_later(Lab::gone().later()).providers(ACCOUNT, &[]);
        assert!(!providers.is_dead());
        let own = providers.clusters(ACCOUNT, &[]);
        assert!(!own.is_dead());
        assert!(own.clusters(OTHER_ACCOUNT, &[]).is_dead());
    }

    #[test]
    fn another_account_that_cannot_be_seen_is_named() {
        let mut lab = Lab::gone();
        lab.account(OTHER_ACCOUNT).clusters.clear();
        assert!(!lab.is_dead(), "the answer is on its way");
        let failed = lab.clusters_fail(OTHER_ACCOUNT);
        let dead = dead(&failed.snapshot);
        assert_eq!(
            (&*dead[0].looked_into, &*dead[0].unseen),
            (&[ACCOUNT][..], &[OTHER_ACCOUNT][..])
        );
        let mut files = Lab::gone();
        files.account(OTHER_ACCOUNT).clusters.clear();
        files.snapshot.origin = Origin::Files;
        assert!(files.is_dead(), "no answer will ever come");
    }

    #[test]
    fn as_little_is_asked_as_tells() {
        let lab = Lab::new();
        assert_eq!(lab.asks(), [format!("providers {ACCOUNT}")]);
        assert_eq!(Lab::new().providers(ACCOUNT, &[OTHER_HOST_PATH]).asks(), [""; 0]);
        let lab = lab.providers(ACCOUNT, &[]);
        assert_eq!(lab.asks(), [format!("clusters {ACCOUNT} {REGION}")]);
        assert_eq!(
            Lab::new()
                .providers(ACCOUNT, &[])
                .clusters(ACCOUNT, &[OTHER_HOST_PATH])
                .asks(),
            [""; 0]
        );
        let mut lab = lab.clusters(ACCOUNT, &[HOST_PATH]);
        assert_eq!(lab.asks(), [format!("clusters {OTHER_ACCOUNT} {REGION}")]);
        lab.account(OTHER_ACCOUNT).access = Access::NotConfigured;
        assert_eq!((lab.asks(), lab.is_dead()), (vec![], true));
        lab.account(ACCOUNT).trusted_issuers.clear();
        assert!(questions(&lab.snapshot).is_empty());
    }
}
