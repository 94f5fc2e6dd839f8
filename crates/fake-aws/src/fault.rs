//! Faults: what goes wrong, for which calls, and how often.

use crate::calls::Call;
use std::time::Duration;

/// Which calls a fault meets. Made by [`Fault::on`]; becomes a [`Fault`] by saying what happens to them.
#[derive(Clone, Debug)]
#[must_use]
pub struct Target {
    operation: Option<String>,
    account: Option<String>,
    /// A parameter's name, and its value unless any will do.
    parameter: Option<(String, Option<String>)>,
}

/// Something that goes wrong, always unless told otherwise. Of several that meet a call, latencies add up and the
/// first other one decides.
///
/// ```
/// use fake_aws::Fault;
/// let throttled_twice = Fault::on("GetRole").account("111122223333").throttle().times(2);
/// let flaky = Fault::on_any().drop_connection().probability(0.1, 42);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    target: Target,
    kind: Kind,
    skip: u32,
    remaining: Option<u32>,
    chance: Option<(f64, fastrand::Rng)>,
}

/// A delay before what happens, or something that happens.
#[derive(Clone, Debug)]
enum Kind {
    Latency(Duration),
    Effect(Effect),
}

/// What happens to a call in the place of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Throttle,
    AccessDenied,
    ExpiredToken,
    Error {
        status: u16,
        code: String,
        message: String,
    },
    Hang,
    DropConnection,
    GarbageBody,
}

impl Target {
    /// Only calls with credentials of this account.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only calls with this parameter, as `RoleName` with the value `app`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameter = Some((name.into(), Some(value.into())));
        self
    }

    /// Only calls with this parameter, whatever its value, as `Marker`: the pages of a listing after its first one.
    pub fn any_parameter(mut self, name: impl Into<String>) -> Self {
        self.parameter = Some((name.into(), None));
        self
    }

    /// `Rate exceeded`: 400 `Throttling`, of EKS 400 `ThrottlingException`.
    pub fn throttle(self) -> Fault {
        self.fault(Kind::Effect(Effect::Throttle))
    }

    /// 403 with the text AWS uses when no policy of the caller allows the action.
    pub fn access_denied(self) -> Fault {
        self.fault(Kind::Effect(Effect::AccessDenied))
    }

    /// 403 as for temporary credentials that are over.
    pub fn expired_token(self) -> Fault {
        self.fault(Kind::Effect(Effect::ExpiredToken))
    }

    /// Any error in the service's own shape.
    pub fn error(self, status: u16, code: impl Into<String>, message: impl Into<String>) -> Fault {
        self.fault(Kind::Effect(Effect::Error {
            status,
            code: code.into(),
            message: message.into(),
        }))
    }

    /// The answer comes late, with the state of that later moment.
    pub fn latency(self, delay: Duration) -> Fault {
        self.fault(Kind::Latency(delay))
    }

    /// No answer, and the connection stays open until the fake stops.
    pub fn hang(self) -> Fault {
        self.fault(Kind::Effect(Effect::Hang))
    }

    /// The connection is closed without an answer.
    pub fn drop_connection(self) -> Fault {
        self.fault(Kind::Effect(Effect::DropConnection))
    }

    /// Status 200, and a body that no parser of AWS answers reads.
    pub fn garbage_body(self) -> Fault {
        self.fault(Kind::Effect(Effect::GarbageBody))
    }

    fn fault(self, kind: Kind) -> Fault {
        Fault {
            target: self,
            kind,
            skip: 0,
            remaining: None,
            chance: None,
        }
    }

    fn meets(&self, call: &Call) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|operation| *operation == call.operation)
            && self
                .account
                .as_ref()
                .is_none_or(|account| *account == call.account)
            && self.parameter.as_ref().is_none_or(|(name, value)| {
                let given = call.parameters.get(name);
                given.is_some_and(|given| value.as_ref().is_none_or(|value| value == given))
            })
    }
}

impl Fault {
    /// Meets calls of one operation, as `GetRole`.
    pub fn on(operation: impl Into<String>) -> Target {
        Target {
            operation: Some(operation.into()),
            account: None,
            parameter: None,
        }
    }

    /// Meets every call.
    pub fn on_any() -> Target {
        Target {
            operation: None,
            account: None,
            parameter: None,
        }
    }

    /// Lets the first `calls` that it meets pass.
    pub fn after(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes so often, then never again.
    pub fn times(mut self, times: u32) -> Self {
        self.remaining = Some(times);
        self
    }

    /// Strikes with this probability, 0 to 1, by a generator that gives the same sequence for the same seed.
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.chance = Some((probability, fastrand::Rng::with_seed(seed)));
        self
    }

    fn strikes(&mut self, call: &Call) -> bool {
        if self.remaining == Some(0) || !self.target.meets(call) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some((probability, rng)) = &mut self.chance
            && rng.f64() >= *probability
        {
            return false;
        }
        if let Some(remaining) = &mut self.remaining {
            *remaining -= 1;
        }
        true
    }
}

/// What the faults together do to a call: how long it is held back, and what else happens.
pub(crate) fn strike(faults: &mut [Fault], call: &Call) -> (Duration, Option<Effect>) {
    let (mut latency, mut decisive) = (Duration::ZERO, None);
    for fault in faults {
        // What was decided before does not use up a later fault.
        let idle = matches!(fault.kind, Kind::Effect(_)) && decisive.is_some();
        if idle || !fault.strikes(call) {
            continue;
        }
        match &fault.kind {
            Kind::Latency(delay) => latency += *delay,
            Kind::Effect(effect) => decisive = Some(effect.clone()),
        }
    }
    (latency, decisive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Outcome;
    use std::time::Instant;

    fn call(operation: &str, account: &str) -> Call {
        Call {
            account: account.to_owned(),
            service: "iam".to_owned(),
            operation: operation.to_owned(),
            parameters: [("RoleName".to_owned(), "app".to_owned())].into(),
            outcome: Outcome::Pending,
            at: Instant::now(),
        }
    }

    fn strikes(fault: Fault, calls: usize) -> Vec<bool> {
        let mut faults = [fault];
        (0..calls)
            .map(|_| strike(&mut faults, &call("GetRole", "1")).1.is_some())
            .collect()
    }

    #[test]
    fn a_fault_meets_only_its_target() {
        let meets = |target: Target, call: &Call| strike(&mut [target.hang()], call).1.is_some();
        let get = call("GetRole", "1");
        assert!(meets(Fault::on("GetRole"), &get));
        assert!(meets(Fault::on_any(), &get));
        assert!(meets(
            Fault::on("GetRole").account("1").parameter("RoleName", "app"),
            &get
        ));
        assert!(!meets(Fault::on("ListRoles"), &get));
        assert!(!meets(Fault::on("GetRole").account("2"), &get));
        assert!(!meets(Fault::on("GetRole").parameter("RoleName", "other"), &get));
        assert!(!meets(Fault::on("GetRole").parameter("Marker", "app"), &get));
        assert!(meets(Fault::on("GetRole").any_parameter("RoleName"), &get));
        assert!(!meets(Fault::on("GetRole").any_parameter("Marker"), &get));
    }

    #[test]
    fn after_and_times_bound_it() {
        let fault = Fault::on_any().throttle().after(1).times(2);
        assert_eq!(strikes(fault, 5), [false, true, true, false, false]);
        assert_eq!(strikes(Fault::on_any().throttle(), 3), [true; 3]);
    }

    #[test]
    fn chance_is_repeatable() {
        let fault = || Fault::on_any().throttle().probability(0.5, 7);
        let run = strikes(fault(), 64);
        assert_eq!(run, strikes(fault(), 64));
        assert!(run.contains(&true) && run.contains(&false));
        assert_eq!(
            strikes(Fault::on_any().throttle().probability(0.0, 7), 8),
            [false; 8]
        );
        assert_eq!(
            strikes(Fault::on_any().throttle().probability(1.0, 7), 8),
            [true; 8]
        );
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_decides() {
        let second = Duration::from_secs(1);
        let mut faults = [
            Fault::on_any().latency(second),
            Fault::on_any().throttle().times(1),
            Fault::on_any().hang().times(1),
            Fault::on_any().latency(second),
        ];
        let get = call("GetRole", "1");
        let (latency, effect) = strike(&mut faults, &get);
        assert_eq!(latency, 2 * second);
        assert!(matches!(effect, Some(Effect::Throttle)));
        assert!(matches!(strike(&mut faults, &get).1, Some(Effect::Hang)));
        assert!(strike(&mut faults, &get).1.is_none());
    }
}
