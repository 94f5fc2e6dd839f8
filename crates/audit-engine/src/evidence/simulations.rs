//! What IAM's policy simulator is to confirm: asked when expectations or policies change, and at each refresh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_aws::evidence::Simulation;
use audit_aws::{PieceId, PieceKind};
use audit_core::model::{BindingKey, Inquiry, Name};
use audit_core::permissions::simulation::Wanted;
use iam_policy::RoleArn;

use super::EvidencePlan;

/// An account and a role in it, by their names.
pub type RoleName = (String, String);

/// What was asked: about a role with these policies, this.
type Question = (u64, BTreeSet<Arc<Inquiry>>);

/// One role of which somebody expects permissions.
#[derive(Debug)]
struct Simulated {
    arn: RoleArn,
    /// Which policies it is known to have.
    state: u64,
    /// What each binding wants to know.
    inquiries: BTreeMap<BindingKey, BTreeSet<Arc<Inquiry>>>,
    /// Who wants to know each of that.
    counts: BTreeMap<Arc<Inquiry>, Askers>,
    /// How many inquiries there are for the sake of each namespace.
    of_namespaces: BTreeMap<Name, usize>,
    asked: Option<Question>,
    /// In how many inquiries what is wanted and what was asked differ.
    differences: usize,
    is_answered: bool,
    /// To be asked at the next look, because all evidence is read anew.
    is_due: bool,
}

/// The most inquiries about one role for the sake of one namespace. Each is a call, and other reads of the account wait for all of them.
const MOST_OF_NAMESPACE: usize = 64;

/// Who wants to know something.
#[derive(Debug)]
struct Askers {
    /// How many bindings.
    bindings: usize,
    /// The namespace of the first.
    namespace: Name,
}

impl Simulated {
    fn question(&self) -> Question {
        (self.state, self.counts.keys().cloned().collect())
    }

    fn is_wanted(&self) -> bool {
        let asked = self.asked.as_ref().map(|(state, _)| *state);
        self.is_due || self.differences > 0 || asked != Some(self.state)
    }

    /// Takes note of what a binding wants to know, in place of what it wanted.
    fn want(&mut self, key: &BindingKey, inquiries: BTreeSet<Arc<Inquiry>>) {
        self.forget(key);
        let taken = inquiries.into_iter().filter(|inquiry| self.take(key, inquiry));
        let taken = taken.collect();
        self.inquiries.insert(key.clone(), taken);
    }

    /// Takes note that a binding wants to know something, unless that is too much for its namespace.
    fn take(&mut self, key: &BindingKey, inquiry: &Arc<Inquiry>) -> bool {
        counted::step();
        if let Some(askers) = self.counts.get_mut(inquiry) {
            askers.bindings += 1;
            return true;
        }
        let of_namespace = self.of_namespaces.entry(key.namespace.clone()).or_default();
        if *of_namespace >= MOST_OF_NAMESPACE {
            return false;
        }
        *of_namespace += 1;
        let askers = Askers {
            bindings: 1,
            namespace: key.namespace.clone(),
        };
        self.counts.insert(Arc::clone(inquiry), askers);
        self.note(inquiry, true);
        true
    }

    fn forget(&mut self, key: &BindingKey) {
        for inquiry in self.inquiries.remove(key).unwrap_or_default() {
            counted::step();
            let Some(askers) = self.counts.get_mut(&inquiry) else {
                continue;
            };
            askers.bindings -= 1;
            if askers.bindings == 0 {
                let namespace = askers.namespace.clone();
                self.counts.remove(&inquiry);
                self.note(&inquiry, false);
                if let Some(of_namespace) = self.of_namespaces.get_mut(&namespace) {
                    *of_namespace -= 1;
                    if *of_namespace == 0 {
                        self.of_namespaces.remove(&namespace);
                    }
                }
            }
        }
    }

    /// Takes note that an inquiry is wanted now, or is not any more.
    fn note(&mut self, inquiry: &Inquiry, is_wanted: bool) {
        let was_asked = self
            .asked
            .as_ref()
            .is_some_and(|(_, asked)| asked.contains(inquiry));
        if was_asked == is_wanted {
            self.differences -= 1;
        } else {
            self.differences += 1;
        }
    }
}

/// The roles, and what was asked about them. Whoever expects nothing of AWS leaves no trace here.
#[derive(Debug, Default)]
pub struct Simulations {
    roles: BTreeMap<RoleName, Simulated>,
    of: BTreeMap<BindingKey, RoleName>,
    /// Bindings for which the latest answer is to be asked for once more.
    doubted: BTreeSet<BindingKey>,
}

impl Simulations {
    /// Takes note of what a binding wants to know. Returns what to ask about because of that.
    pub fn want(&mut self, key: &BindingKey, wanted: Wanted) -> Option<PieceId> {
        let name = (wanted.role.account().to_owned(), wanted.role.name().to_owned());
        if wanted.is_doubted {
            self.doubted.insert(key.clone());
        } else {
            self.doubted.remove(key);
        }
        let simulated = self.roles.entry(name.clone()).or_insert_with(|| Simulated {
            arn: wanted.role.clone(),
            state: wanted.state,
            inquiries: BTreeMap::new(),
            counts: BTreeMap::new(),
            of_namespaces: BTreeMap::new(),
            asked: None,
            differences: 0,
            is_answered: false,
            is_due: false,
        });
        simulated.arn = wanted.role;
        simulated.state = wanted.state;
        simulated.want(key, wanted.inquiries);
        let target = simulated
            .is_wanted()
            .then(|| PieceId::new(&name.0, PieceKind::Simulation, &name.1));
        self.of.insert(key.clone(), name);
        target
    }

    /// Forgets a binding, unless it wants to know of this role. Returns the role that nobody wants to know of any more.
    pub fn forget(&mut self, key: &BindingKey, unless: Option<&RoleArn>) -> Option<RoleName> {
        let (account, name) = self.of.get(key)?;
        if unless.is_some_and(|arn| (arn.account(), arn.name()) == (account, name)) {
            return None;
        }
        let role = self.of.remove(key)?;
        self.doubted.remove(key);
        let simulated = self.roles.get_mut(&role)?;
        simulated.forget(key);
        if !simulated.inquiries.is_empty() {
            return None;
        }
        self.roles.remove(&role);
        Some(role)
    }

    /// What to ask about a role, which counts as asked from now on.
    pub fn request(&mut self, account: &str, name: &str) -> Option<Simulation> {
        let simulated = self.roles.get_mut(&(account.to_owned(), name.to_owned()))?;
        let question = simulated.question();
        let (state, inquiries) = question.clone();
        simulated.asked = Some(question);
        simulated.differences = 0;
        simulated.is_answered = false;
        simulated.is_due = false;
        Some(Simulation {
            role: name.to_owned(),
            role_arn: simulated.arn.to_string(),
            state,
            inquiries,
        })
    }

    /// Takes note of an answer about a role with these policies.
    pub fn answered(&mut self, account: &str, name: &str, state: u64) {
        let simulated = self.roles.get_mut(&(account.to_owned(), name.to_owned()));
        if let Some(simulated) =
            simulated.filter(|s| s.asked.as_ref().is_some_and(|(asked, _)| *asked == state))
        {
            simulated.is_answered = true;
        }
    }

    /// Whether anybody wants to know of a role.
    #[must_use]
    pub fn concerns(&self, account: &str, name: &str) -> bool {
        self.roles.contains_key(&(account.to_owned(), name.to_owned()))
    }

    /// What a binding wants to know.
    #[must_use]
    pub fn target(&self, key: &BindingKey) -> Option<PieceId> {
        let (account, name) = self.of.get(key)?;
        Some(PieceId::new(account, PieceKind::Simulation, name))
    }

    /// All evidence of an account is read anew: what it says is asked for at the next look, when that has been read.
    pub fn renew(&mut self, account: &str) {
        let roles = self.roles.range_mut((account.to_owned(), String::new())..);
        for (_, simulated) in roles.take_while(|((id, _), _)| id == account) {
            simulated.is_due = true;
        }
    }

    /// Whether an answer is on its way, or is to be asked for once more.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.doubted.is_empty() || self.roles.values().any(|s| s.is_wanted() || !s.is_answered)
    }
}

impl EvidencePlan {
    /// Takes note of what a binding wants IAM's policy simulator to confirm: nothing where it expects nothing. Returns the role of
    /// which nobody wants to know that any more.
    pub fn simulate(&mut self, key: &BindingKey, wanted: Option<Wanted>) -> Option<RoleName> {
        let forgotten = self
            .simulations
            .forget(key, wanted.as_ref().map(|wanted| &wanted.role));
        let target = wanted.and_then(|wanted| self.simulations.want(key, wanted));
        self.forced.extend(target);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn key(name: &str) -> BindingKey {
        BindingKey::new("shop", name)
    }

    fn wanted(role: &str, state: u64, actions: &[&str]) -> Wanted {
        let inquiry = |action: &&str| Inquiry {
            actions: vec![(*action).to_owned()],
            resources: Vec::new(),
            context: Vec::new(),
        };
        Wanted {
            role: RoleArn::parse(&format!("arn:aws:iam::{ACCOUNT}:role/{role}")).unwrap(),
            state,
            inquiries: actions.iter().map(inquiry).map(Arc::new).collect(),
            is_doubted: false,
        }
    }

    /// Wants it, and asks where that calls for it. Returns for how many inquiries.
    fn ask(simulations: &mut Simulations, name: &str, wanted: Wanted) -> Option<usize> {
        let role = wanted.role.name().to_owned();
        simulations.want(&key(name), wanted)?;
        let Some(Simulation { state, inquiries, .. }) = simulations.request(ACCOUNT, &role) else {
            panic!("nothing to ask");
        };
        simulations.answered(ACCOUNT, &role, state);
        Some(inquiries.len())
    }

    /// Each inquiry is a call, and all of a role are one job.
    #[test]
    fn a_namespace_asks_so_much_of_a_role_and_keeps_no_other_from_asking() {
        let mut simulations = Simulations::default();
        for at in 0..100 {
            let wanted = wanted("app", 1, &[&format!("a:A{at}")]);
            simulations.want(&key(&format!("x-{at}")), wanted);
        }
        let other = BindingKey::new("another", "app");
        simulations.want(&other, wanted("app", 1, &["b:B", "a:A0"]));
        let asked = |simulations: &mut Simulations| simulations.request(ACCOUNT, "app").unwrap().inquiries;
        let all = asked(&mut simulations);
        assert_eq!(all.len(), MOST_OF_NAMESPACE + 1);
        assert!(all.iter().any(|inquiry| inquiry.actions == ["b:B"]));
        // What goes makes room.
        for at in 0..100 {
            let role = simulations.forget(&key(&format!("x-{at}")), None);
            assert_eq!(role, None);
        }
        assert_eq!(asked(&mut simulations).len(), 2);
        simulations.want(&key("late"), wanted("app", 1, &["c:C"]));
        assert_eq!(asked(&mut simulations).len(), 3);
        assert_eq!(simulations.roles.values().map(|s| s.differences).max(), Some(0));
    }

    #[test]
    fn a_question_is_asked_once_until_it_is_another_one_or_all_is_read_anew() {
        let mut simulations = Simulations::default();
        assert_eq!(ask(&mut simulations, "x", wanted("app", 1, &["a:A"])), Some(1));
        assert_eq!(ask(&mut simulations, "x", wanted("app", 1, &["a:A"])), None);
        assert_eq!(
            ask(&mut simulations, "x", wanted("app", 2, &["a:A"])),
            Some(1),
            "other policies"
        );
        assert_eq!(
            ask(&mut simulations, "y", wanted("app", 2, &["a:A", "b:B"])),
            Some(2),
            "for both"
        );
        assert_eq!(
            ask(&mut simulations, "x", wanted("app", 2, &["b:B"])),
            None,
            "that was asked"
        );
        simulations.renew("444455556666");
        assert_eq!(ask(&mut simulations, "x", wanted("app", 2, &["b:B"])), None);
        simulations.renew(ACCOUNT);
        assert_eq!(ask(&mut simulations, "x", wanted("app", 2, &["b:B"])), Some(2));
        assert_eq!(
            ask(&mut simulations, "y", wanted("app", 2, &["a:A", "b:B"])),
            None
        );
        assert!(!simulations.is_waiting());
    }

    #[test]
    fn a_role_is_forgotten_with_the_last_that_wants_to_know_of_it() {
        let mut simulations = Simulations::default();
        for (name, role) in [("x", "app"), ("y", "app"), ("z", "other")] {
            ask(&mut simulations, name, wanted(role, 1, &["a:A"]));
        }
        let role = |name: &str| (ACCOUNT.to_owned(), name.to_owned());
        let app = wanted("app", 1, &[]).role;
        assert_eq!(simulations.forget(&key("x"), Some(&app)), None);
        assert_eq!(
            simulations.target(&key("x")),
            Some(PieceId::new(ACCOUNT, PieceKind::Simulation, "app"))
        );
        assert_eq!(simulations.forget(&key("x"), None), None);
        assert!(simulations.concerns(ACCOUNT, "app") && simulations.target(&key("x")).is_none());
        assert_eq!(simulations.forget(&key("y"), None), Some(role("app")));
        assert_eq!(simulations.forget(&key("z"), Some(&app)), Some(role("other")));
        assert!(simulations.roles.is_empty() && simulations.of.is_empty());
    }

    #[test]
    fn an_answer_to_an_older_question_is_none() {
        let mut simulations = Simulations::default();
        simulations.want(&key("x"), wanted("app", 1, &["a:A"]));
        simulations.request(ACCOUNT, "app");
        simulations.want(&key("x"), wanted("app", 2, &["a:A"]));
        simulations.request(ACCOUNT, "app");
        simulations.answered(ACCOUNT, "app", 1);
        assert!(simulations.is_waiting());
        simulations.answered(ACCOUNT, "app", 2);
        assert!(!simulations.is_waiting());
    }
}
