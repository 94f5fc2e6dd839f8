//! Whether IAM's policy simulator confirms an answer of ours.
//!
//! It reads the same policies, and besides the SCPs of the account's organization, as far as they do not hang on what it does
//! not know of a request. It reads no trust policy, no RCP, and no policy of a resource.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use iam_policy::{RoleArn, is_pattern};
use jiff::{SignedDuration, Timestamp};

pub use super::expected::Confirmation;
use super::policies::{PolicyAnswer, PolicySet};
use super::question::ExpectedRequest;
use super::resource::{self, NO_RESOURCE};
use super::session::principal;
use super::simulation_context;
use crate::chain::{Chain, RoleChain};
use crate::model::{
    AwsExpectation, EksIssuer, Inquiry, Observed, Role, Simulated, SimulatedAnswer, SimulatedDecision,
    Simulation,
};
use crate::text::is_hidden;

/// IAM takes a while to act on a change everywhere: what it said once, and contradicts what was read, it has to say again after
/// this time.
pub const CONSISTENCY: Duration = Duration::from_secs(10);

/// The most regions that are asked about for one expectation.
const MAX_REGIONS: usize = 8;

/// The longest name of an action, and the longest ARN, that the simulator takes.
const MAX_ACTION: usize = 128;
const MAX_ARN: usize = 2048;

/// Tells apart, within one process, what a role's policies say: answers of the simulator count only for the policies that were
/// read when it was asked.
#[must_use]
pub fn state(role: &Role, policies: &PolicySet<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    role.id.hash(&mut hasher);
    for policy in policies.identity.iter().chain(&policies.boundary) {
        policy.source.hash(&mut hasher);
        policy.text.hash(&mut hasher);
    }
    role.boundary.hash(&mut hasher);
    hasher.finish()
}

/// The region of the cluster, if it is one of the role's partition.
pub(super) fn home(chain: &Chain<'_>, role: &RoleArn) -> Option<String> {
    let issuer = EksIssuer::parse(chain.issuer?.url.host_path())?;
    issuer.is_in(role.partition()).then(|| issuer.region().to_owned())
}

/// What of an expectation the simulator can be asked: actions and ARNs without wildcards, not on what is another account's, for
/// which that account's policies decide as well. Who wants something that is in a region asks that region for it, and whoever wants
/// anything else asks the region of the cluster, `home`, which the webhook gives to the pods: many SCPs hang on that alone.
pub(super) fn inquiries(role: &RoleArn, home: Option<&str>, expectation: &AwsExpectation) -> Vec<Inquiry> {
    let actions = distinct(expectation.actions.iter().filter(|action| is_action(action)));
    if actions.is_empty() {
        return Vec::new();
    }
    let mut by_region: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arn in &expectation.resources {
        if let Some(region) = own_region(role, arn) {
            by_region.entry(region).or_default().insert(arn);
        }
    }
    let has_none = expectation.resources.is_empty()
        || expectation.resources.iter().any(|arn| arn == NO_RESOURCE)
        || actions.iter().any(|action| resource::has_none(action));
    let without = has_none.then_some(("", BTreeSet::new()));
    // Each has the whole context of its own.
    let sets = without.into_iter().chain(by_region).take(MAX_REGIONS);
    sets.filter_map(|(region, resources)| {
        let region = Some(region).filter(|region| !region.is_empty()).or(home);
        let region = region.map(|region| ("aws:RequestedRegion", region.to_owned()));
        let known = principal(role).into_iter().chain(region);
        let known = known.map(|(key, value)| (key.to_owned(), value));
        let said = expectation.context.iter();
        let said = said.map(|(key, value)| (key.clone(), value.clone()));
        Some(Inquiry {
            actions: actions.clone(),
            resources: distinct(resources.into_iter()),
            context: simulation_context::entries(known.chain(said))?,
        })
    })
    .collect()
}

fn distinct<T: AsRef<str>>(words: impl Iterator<Item = T>) -> Vec<String> {
    let words: BTreeSet<String> = words.map(|word| word.as_ref().to_owned()).collect();
    words.into_iter().collect()
}

fn is_action(action: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let parts = action.split_once(':');
    action.len() <= MAX_ACTION && parts.is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// The region of an ARN that the simulator can be asked about, empty where it has none.
fn own_region<'a>(role: &RoleArn, arn: &'a str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, _, region, account, rest] = parts[..] else {
        return None;
    };
    let is_own = partition == role.partition() && (account.is_empty() || account == role.account());
    let is_one =
        arn.len() <= MAX_ARN && !is_pattern(arn) && !arn.contains('$') && !arn.chars().any(is_hidden);
    (is_own && is_one && !rest.is_empty()).then_some(region)
}

/// What was last heard of the simulator about a role.
pub(super) fn seen<'a>(chain: &Chain<'a>, aws: &RoleChain<'a>) -> Option<&'a Observed<Simulation>> {
    let account = chain.snapshot.accounts.get(aws.arn.account())?;
    account.simulations.get(aws.arn.name())
}

/// The simulator's answers that count, and when they were heard: not where they are too old, or where the role had other policies.
fn current<'a>(chain: &Chain<'a>, aws: &RoleChain<'a>) -> Option<(&'a Simulation, Timestamp)> {
    let seen = seen(chain, aws)?;
    let simulation = chain.fresh(seen)?;
    let is_same = simulation.state == state(aws.found()?, aws.permissions.as_ref().ok()?);
    is_same.then_some((simulation, seen.observed_at()?))
}

/// What the simulator says of answers to what is expected of the annotation's role.
pub(super) fn confirm<'a>(
    chain: &Chain<'a>,
    aws: &RoleChain<'a>,
) -> impl Fn(&ExpectedRequest<'_>, &AwsExpectation, &PolicyAnswer<'_>) -> Confirmation<'a> {
    let current = current(chain, aws);
    let role = aws.arn.clone();
    let home = home(chain, &role);
    // Questions come in the order of their expectations, of which each has hundreds.
    let latest: RefCell<Option<(usize, Vec<&'a Simulated>)>> = RefCell::new(None);
    move |question, expectation, answer| {
        let Some((simulation, at)) = current else {
            return Confirmation::None;
        };
        let mut latest = latest.borrow_mut();
        let (_, heard) = match latest.take() {
            Some(known) if known.0 == question.expectation => latest.insert(known),
            _ => {
                let asked = inquiries(&role, home.as_deref(), expectation);
                let heard = asked.iter().filter_map(|inquiry| simulation.answers.get(inquiry));
                latest.insert((question.expectation, heard.collect()))
            }
        };
        let said = heard
            .iter()
            .flat_map(|simulated| simulated.answers.iter().map(|answer| (answer, simulated.since)));
        let mut own =
            said.filter(|(said, _)| said.action == question.action && said.resource == question.resource);
        match own.next() {
            Some((said, since)) => compare(answer, said, is_later(since, at)),
            None => Confirmation::None,
        }
    }
}

fn is_later(since: Timestamp, at: Timestamp) -> bool {
    let wait = SignedDuration::try_from(CONSISTENCY).unwrap_or(SignedDuration::MAX);
    at.duration_since(since) >= wait
}

fn compare<'a>(ours: &PolicyAnswer<'_>, said: &'a SimulatedAnswer, again: bool) -> Confirmation<'a> {
    let is_allowed = match ours {
        PolicyAnswer::Allowed(_) => true,
        PolicyAnswer::NotAllowed | PolicyAnswer::Denied(_) | PolicyAnswer::OutsideBoundary(_) => false,
        // The simulator reads no trust policies, and nothing can contradict what we do not know.
        PolicyAnswer::Trusted(_)
        | PolicyAnswer::Free
        | PolicyAnswer::Refused(_)
        | PolicyAnswer::Unlisted
        | PolicyAnswer::Undetermined(_) => {
            return Confirmation::None;
        }
    };
    if said.decision.is_allowed() == is_allowed {
        return Confirmation::Agrees(said);
    }
    // It takes a key that nobody gave for absent; what our own answer hangs on may be one that we know.
    let knows_less =
        !said.missing_keys.is_empty() && said.decision != SimulatedDecision::DeniedByOrganization;
    match (knows_less, again) {
        (true, _) => Confirmation::None,
        (false, false) => Confirmation::Doubts,
        (false, true) => Confirmation::Contradicts(said),
    }
}
