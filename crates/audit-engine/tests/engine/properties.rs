//! Whatever happens, in whatever order.

use audit_api::status::{Difference, difference, duplicate_status, status, with_remediation};
use audit_core::Disclosure;
use audit_core::audit::Bound;
use audit_core::audit_binding;
use audit_core::chain::default_audience;
use audit_core::rbac::Reviews;
use proptest::prelude::*;

use super::*;
use crate::look::PlanInputs;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Event {
    Annotate(usize, Option<usize>),
    NoServiceAccount(usize),
    Pod(usize, Option<usize>, bool),
    NoPod(usize),
    Declare(usize, usize),
    Suspend(usize, bool),
    DeleteAudit(usize),
    Scribble(usize),
    Reaudit(usize, u8),
    Trust(usize, usize),
    NoRole(usize),
    Provider(bool),
    Answers(bool, u8),
    Expect(usize, bool),
    Grant(bool),
    Rules(u8),
    Exclude(bool),
    Allow(bool),
    Lead(bool),
    Fails(bool),
    Refuses(bool),
    Lags(bool),
    /// The watch of a kind starts anew; with `true`, after a listing that broke off.
    Relist(usize, bool),
    /// Another process takes over.
    Replace,
    /// The clock is set, by so many seconds: less in all than what passes at the end.
    Clock(i16),
    /// What somebody deletes, another makes again under the same name.
    Recreate(usize, usize),
    Forge(usize, u8),
    Turn,
    Settle,
    Pass(u16),
    /// Carries out what earlier turns said, and nobody has carried out yet.
    CarryOut,
}

fn event() -> impl Strategy<Value = Event> {
    let n = || 0..NAMES.len();
    prop_oneof![
        4 => (n(), proptest::option::of(n())).prop_map(|(a, b)| Event::Annotate(a, b)),
        1 => n().prop_map(Event::NoServiceAccount),
        2 => (n(), proptest::option::of(n()), any::<bool>()).prop_map(|(a, b, c)| Event::Pod(a, b, c)),
        1 => n().prop_map(Event::NoPod),
        2 => (n(), n()).prop_map(|(a, b)| Event::Declare(a, b)),
        1 => (n(), any::<bool>()).prop_map(|(a, b)| Event::Suspend(a, b)),
        1 => n().prop_map(Event::DeleteAudit),
        1 => n().prop_map(Event::Scribble),
        1 => (n(), any::<u8>()).prop_map(|(a, b)| Event::Reaudit(a, b)),
        3 => (n(), n()).prop_map(|(a, b)| Event::Trust(a, b)),
        1 => n().prop_map(Event::NoRole),
        1 => any::<bool>().prop_map(Event::Provider),
        2 => (any::<bool>(), 0..4u8).prop_map(|(a, b)| Event::Answers(a, b)),
        2 => (n(), any::<bool>()).prop_map(|(a, b)| Event::Expect(a, b)),
        1 => any::<bool>().prop_map(Event::Grant),
        2 => (0..5u8).prop_map(Event::Rules),
        1 => any::<bool>().prop_map(Event::Exclude),
        1 => any::<bool>().prop_map(Event::Allow),
        1 => any::<bool>().prop_map(Event::Lead),
        1 => any::<bool>().prop_map(Event::Fails),
        1 => any::<bool>().prop_map(Event::Refuses),
        1 => any::<bool>().prop_map(Event::Lags),
        2 => (0..=shown::KINDS.len(), any::<bool>()).prop_map(|(a, b)| Event::Relist(a, b)),
        1 => Just(Event::Replace),
        1 => (-900..900i16).prop_map(Event::Clock),
        1 => (n(), n()).prop_map(|(a, b)| Event::Recreate(a, b)),
        1 => (n(), any::<u8>()).prop_map(|(a, b)| Event::Forge(a, b)),
        4 => Just(Event::Turn),
        3 => Just(Event::Settle),
        4 => (0..4000u16).prop_map(Event::Pass),
        2 => Just(Event::CarryOut),
    ]
}

/// A laboratory with what is under way in it.
struct World {
    lab: Lab,
    under_way: Vec<Action>,
    leads: bool,
}

impl World {
    fn happens(&mut self, event: &Event) {
        let lab = &mut self.lab;
        match *event {
            Event::Annotate(name, role) => lab.annotated(NAMES[name], role.map(|role| NAMES[role])),
            Event::NoServiceAccount(name) => lab.no_service_account(NAMES[name]),
            Event::Pod(name, role, ready) => {
                lab.pod(
                    &format!("{}-1", NAMES[name]),
                    NAMES[name],
                    role.map(|role| NAMES[role]),
                    ready,
                );
            }
            Event::NoPod(name) => lab.no_pod(&format!("{}-1", NAMES[name])),
            Event::Declare(name, service_account) => {
                let declared = format!("mine-{}", NAMES[name]);
                if !lab.api.objects.contains_key(&object(&declared)) {
                    lab.declare(&declared, NAMES[service_account]);
                }
            }
            Event::Suspend(name, suspend) => {
                self.edit(name, |stored| stored["spec"]["suspend"] = json!(suspend));
            }
            Event::Scribble(name) => {
                self.edit(name, |stored| stored["status"] = json!({"verdict": "AtRisk"}));
            }
            Event::Reaudit(name, value) => self.edit(name, |stored| {
                stored["metadata"]["annotations"] = json!({audit_api::REAUDIT_ANNOTATION: value.to_string()});
            }),
            Event::DeleteAudit(name) => {
                if let Some(name) = self.audit(name) {
                    let observations = self.lab.api.delete(&name);
                    self.lab.show(observations);
                }
            }
            Event::Trust(role, name) => lab.trusts(NAMES[role], NAMES[name]),
            Event::NoRole(role) => drop(lab.aws.home().roles.remove(NAMES[role])),
            Event::Provider(there) => lab.aws.home().has_no_provider = !there,
            Event::Answers(listings, answers) => {
                let answers =
                    [Answers::Well, Answers::Denied, Answers::Down, Answers::Never][usize::from(answers)];
                if listings {
                    lab.aws.home().listings = answers;
                } else {
                    lab.aws.home().singles = answers;
                }
            }
            Event::Expect(name, on) => self.edit(name, |stored| {
                let expected = json!([{"verbs": ["get"], "resource": "pods", "namespace": NS}]);
                stored["spec"]["expect"] = json!({"kubernetes": if on { expected } else { json!([]) }});
            }),
            Event::Grant(on) => {
                let binding = permissions::role_binding_of(&NAMES);
                lab.see_all(vec![
                    permissions::role(if on { &["get"] } else { &["list"] }),
                    binding,
                ]);
            }
            Event::Rules(rules) => {
                let all = [
                    reviews::agrees,
                    reviews::allows,
                    reviews::denies,
                    reviews::refuses,
                    reviews::fails,
                ];
                lab.rules = all[usize::from(rules)];
            }
            Event::Exclude(on) => {
                lab.policy(&json!({"exclude": {"namespaces": if on { vec![NS] } else { vec![] }}}));
            }
            Event::Allow(on) => lab.policy(&json!({"allowedAccounts": if on { vec![HOME] } else { vec![] }})),
            Event::Lead(on) => {
                self.leads = on;
                lab.engine.set_leading(on);
            }
            Event::Turn => {
                let actions = lab.turn();
                let takes_back =
                    |action: &Action| matches!(action, Action::Read(DirectoryRequest::Release { .. }));
                assert!(
                    self.leads || actions.iter().all(takes_back),
                    "a follower acts: {actions:?}"
                );
                self.under_way.extend(actions);
            }
            Event::CarryOut => {
                let actions = std::mem::take(&mut self.under_way);
                lab.carry_out(actions);
            }
            Event::Settle => lab.settle(),
            Event::Pass(seconds) => lab.pass(u64::from(seconds)),
            _ => self.goes_wrong(event),
        }
    }

    /// What should not happen, and does.
    fn goes_wrong(&mut self, event: &Event) {
        let lab = &mut self.lab;
        match *event {
            Event::Fails(on) => lab.fails = on,
            Event::Refuses(on) => lab.refuses = on,
            Event::Relist(kind, breaks) => {
                let kind = shown::KINDS.get(kind).copied().unwrap_or(Kind::IrsaAudit);
                if breaks && kind != Kind::IrsaAudit {
                    lab.see_step(kind, true);
                    let half = lab.objects.listed(kind).into_iter().step_by(2).collect();
                    lab.see_all(half);
                }
                lab.relist(kind);
            }
            Event::Replace => self.replace(),
            Event::Clock(seconds) => {
                lab.now += jiff::SignedDuration::from_secs(i64::from(seconds));
                // As the operator does.
                lab.engine.set_leading(false);
                lab.engine.set_leading(self.leads);
            }
            Event::Recreate(nth, service_account) => {
                if let Some(name) = self.audit(nth) {
                    let deleted = self.lab.api.delete(&name);
                    self.lab.show(deleted);
                    self.lab.declare(&name.name, NAMES[service_account]);
                }
            }
            Event::Forge(nth, field) => self.edit(nth, |stored| {
                let status = &mut stored["status"];
                match field % 4 {
                    0 => status["message"] = json!("all is well"),
                    1 => status["lastAuditTime"] = json!("2200-01-01T00:00:00Z"),
                    2 => status["findings"] = json!([]),
                    _ => status["conditions"] = json!([]),
                }
            }),
            Event::Lags(on) => lab.lags = on,
            _ => unreachable!("{event:?} happens"),
        }
    }

    /// Another process takes over; what this one has begun is done or not.
    fn replace(&mut self) {
        let lab = std::mem::replace(&mut self.lab, Lab::new());
        let (rules, leads) = (lab.rules, self.leads);
        let mut lab = lab.replaced();
        lab.rules = rules;
        lab.engine.set_leading(leads);
        self.lab = lab;
        self.under_way.clear();
    }

    fn audit(&self, nth: usize) -> Option<NamespacedName> {
        self.lab.api.objects.keys().nth(nth).cloned()
    }

    fn edit(&mut self, nth: usize, change: impl FnOnce(&mut Value)) {
        if let Some(name) = self.audit(nth) {
            let observations = self.lab.api.edit(&name, change);
            self.lab.show(observations);
        }
    }

    /// All trouble ends, and time passes.
    fn comes_to_rest(&mut self) {
        for event in [
            Event::Fails(false),
            Event::Refuses(false),
            Event::Lags(false),
            Event::Answers(true, 0),
            Event::Answers(false, 0),
            Event::Rules(0),
            Event::CarryOut,
            Event::Lead(true),
        ] {
            self.happens(&event);
        }
        self.lab.catch_up();
        self.lab.pass(2 * 3600);
    }

    /// What stands in the cluster is what a fresh audit says.
    fn is_right(&self) {
        let Lab { engine, api, now, .. } = &self.lab;
        assert_eq!(
            engine.snapshot.reviews,
            Reviews::default(),
            "they agree on everything"
        );
        for name in NAMES {
            let key = Lab::key(name);
            let bound = engine.bound(&key, *now);
            let requests = engine
                .snapshot
                .cluster
                .binding(&key)
                .map_or(&[][..], |binding| binding.requests());
            let stored: Vec<_> = api
                .objects
                .values()
                .filter(|stored| stored["spec"]["serviceAccountName"] == name)
                .collect();
            assert_eq!(stored.len(), requests.len(), "{name}: {stored:?}");
            let automatic = requests.iter().filter(|request| !request.declared).count();
            let declared = requests.len() - automatic;
            let wanted = usize::from(declared == 0 && bound == Bound::Yes);
            // Where others have taken its names, it is told that it has none.
            let is_told = engine.snapshot.cluster.is_refused(&key);
            assert!(
                automatic == wanted || bound == Bound::CannotTell || (is_told && automatic == 0),
                "{name}: {bound:?} {requests:?}"
            );
            let Some((first, others)) = requests.split_first() else {
                continue;
            };
            if first.suspend || engine.in_force.config.excludes(&key) {
                continue;
            }
            let report = audit_binding(&engine.snapshot, &engine.in_force.config, &key, *now);
            let stands = self.lab.status(&first.name).unwrap();
            let plan = PlanInputs {
                key: &key,
                snapshot: &engine.snapshot,
                index: &engine.index,
                settings: &engine.settings.remediation,
                config: &engine.in_force.config,
                default_audience: default_audience(&engine.snapshot, &engine.in_force.config, NS),
                disclosure: Disclosure::default(),
                now: *now,
            };
            let plan = plan.view(engine.index.audit(NS, &first.name).unwrap(), &report);
            let fresh = status(&report, Some(&stands), stands.observed_generation.unwrap(), *now);
            let fresh = with_remediation(fresh, plan.status);
            assert_eq!(
                difference(&stands, &fresh),
                Difference::None,
                "{name}: {stands:#?} {fresh:#?}"
            );
            assert_eq!(
                self.lab.shown.bindings.get(&key).map(|s| s.reason),
                Some(report.reason)
            );
            let generation = api.objects[&object(&first.name)]["metadata"]["generation"].as_i64();
            assert_eq!(stands.observed_generation, generation);
            for other in others {
                let stands = self.lab.status(&other.name).unwrap();
                let generation = stands.observed_generation.unwrap();
                let fresh = duplicate_status(&first.name, Some(&stands), generation, *now);
                assert_eq!(difference(&stands, &fresh), Difference::None, "{}", other.name);
            }
        }
    }
}

proptest! {
    #[test]
    fn after_whatever_happened_the_cluster_says_what_a_fresh_audit_says(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut world = World { lab: Lab::leading(), under_way: Vec::new(), leads: true };
        for event in events {
            world.happens(&event);
        }
        world.comes_to_rest();
        world.is_right();
        world.lab.forget();
        world.lab.settle();
        prop_assert_eq!(world.lab.short_writes(), Vec::<String>::new());
        // Nor has another process, which has seen nothing but what is there, anything else to say; it may confirm what is hours old.
        let before = world.lab.statuses();
        world.replace();
        world.lab.settle();
        world.is_right();
        let after = world.lab.statuses();
        prop_assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (name, before) in &before {
            // Of one that is not looked into, a fresh process believes nothing.
            let spec = &world.lab.api.objects[&object(name)]["spec"];
            let key = BindingKey::new(NS, spec["serviceAccountName"].as_str().unwrap());
            if spec["suspend"] == json!(true) || world.lab.engine.in_force.config.excludes(&key) {
                continue;
            }
            prop_assert_eq!(difference(before, &after[name]), Difference::None, "{}", name);
        }
    }
}
