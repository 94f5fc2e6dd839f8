//! How the Lease object is read and written.
//!
//! Reading takes whatever is there: the object can be written by other programs and by hand. So it is read as
//! plain JSON, of which only three values matter.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject};
use serde_json::{Value, json};

use super::config::LeaseConfig;
use super::state::{Change, Record, Version};

/// The resource that [`Lease`] objects are kept under.
pub(super) fn resource() -> ApiResource {
    ApiResource::erase::<Lease>(&())
}

/// What the election needs to know. Nothing if the object carries no resourceVersion, so that it cannot be
/// replaced safely.
pub(super) fn record(lease: &DynamicObject) -> Option<Record> {
    let holder = match spec(lease, "holderIdentity") {
        None | Some(Value::Null) => None,
        Some(Value::String(holder)) => Some(holder.clone()).filter(|holder| !holder.is_empty()),
        // Nothing that we could have written: somebody else, whose lease runs out like any other.
        Some(other) => Some(other.to_string()),
    };
    Some(Record {
        version: version(lease)?,
        holder,
        duration_seconds: spec(lease, "leaseDurationSeconds").and_then(Value::as_i64),
    })
}

/// The version of a Lease that the API server answered with.
pub(super) fn version(lease: &DynamicObject) -> Option<Version> {
    Version::new(lease.metadata.resource_version.as_deref()?)
}

/// A new Lease, held by us from `now` on.
pub(super) fn created(config: &LeaseConfig, now: Timestamp) -> DynamicObject {
    let spec = held(config, &time(now), now, 0);
    DynamicObject::new(&config.name, &resource())
        .within(&config.namespace)
        .data(json!({ "spec": spec }))
}

/// The Lease after `change`, to replace it at exactly `version`. Labels, annotations and owners stay. Its uid
/// stays too, by which the API server refuses the write if the Lease was deleted meanwhile.
pub(super) fn changed(
    current: &DynamicObject,
    version: &Version,
    change: Change,
    config: &LeaseConfig,
    now: Timestamp,
) -> DynamicObject {
    let transitions = spec(current, "leaseTransitions")
        .and_then(Value::as_i64)
        .map_or(0, |transitions| {
            i32::try_from(transitions.max(0)).unwrap_or(i32::MAX)
        });
    let acquired = spec(current, "acquireTime")
        .and_then(Value::as_str)
        .map_or_else(|| time(now), str::to_owned);
    let spec = match change {
        Change::Acquire => held(config, &time(now), now, transitions.saturating_add(1)),
        Change::Renew => held(config, &acquired, now, transitions),
        Change::Release => json!({
            "leaseDurationSeconds": config.timing.duration().as_secs(),
            "acquireTime": acquired,
            "renewTime": time(now),
            "leaseTransitions": transitions,
        }),
    };
    let mut lease = current.clone();
    lease.metadata.resource_version = Some(version.as_str().to_owned());
    lease.metadata.managed_fields = None;
    lease.data = json!({ "spec": spec });
    lease
}

fn held(config: &LeaseConfig, acquired: &str, renewed: Timestamp, transitions: i32) -> Value {
    json!({
        "holderIdentity": config.identity,
        "leaseDurationSeconds": config.timing.duration().as_secs(),
        "acquireTime": acquired,
        "renewTime": time(renewed),
        // As client-go counts: how often the holder changed, the first one not counted.
        "leaseTransitions": transitions,
    })
}

/// As the API server wants a `MicroTime`: RFC 3339 with exactly six digits of a second.
fn time(now: Timestamp) -> String {
    format!("{now:.6}")
}

fn spec<'a>(lease: &'a DynamicObject, field: &str) -> Option<&'a Value> {
    lease.data.get("spec")?.get(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 120_000_000);

    fn config() -> LeaseConfig {
        LeaseConfig {
            namespace: "irsa-audit".to_owned(),
            name: "leader".to_owned(),
            identity: "us".to_owned(),
            timing: super::super::Timing::default(),
        }
    }

    fn lease(spec: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": "leader",
                "namespace": "irsa-audit",
                "uid": "0-1-2",
                "resourceVersion": "7",
                "labels": { "kept": "yes" },
            },
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn reads_whatever_is_there() {
        let cases = [
            (json!(null), None, None),
            (json!([1]), None, None),
            (json!({}), None, None),
            (json!({ "holderIdentity": null }), None, None),
            (json!({ "holderIdentity": "" }), None, None),
            (
                json!({ "holderIdentity": "a", "leaseDurationSeconds": 40 }),
                Some("a"),
                Some(40),
            ),
            (
                json!({ "holderIdentity": "a", "leaseDurationSeconds": -1 }),
                Some("a"),
                Some(-1),
            ),
            (
                json!({ "holderIdentity": "a", "leaseDurationSeconds": 1e300 }),
                Some("a"),
                None,
            ),
            (
                json!({ "holderIdentity": "a", "leaseDurationSeconds": "15" }),
                Some("a"),
                None,
            ),
            (
                json!({ "holderIdentity": 5, "renewTime": "yesterday" }),
                Some("5"),
                None,
            ),
        ];
        for (spec, holder, duration_seconds) in cases {
            let expected = Record {
                version: Version::new("7").unwrap(),
                holder: holder.map(str::to_owned),
                duration_seconds,
            };
            assert_eq!(record(&lease(&spec)), Some(expected), "{spec}");
        }
    }

    #[test]
    fn a_lease_without_version_is_unusable() {
        for resource_version in [None, Some(String::new())] {
            let mut lease = lease(&json!({}));
            lease.metadata.resource_version = resource_version;
            assert_eq!(record(&lease), None);
        }
    }

    #[test]
    fn created_is_a_lease_without_transitions() {
        let lease: Lease = created(&config(), NOW).try_parse().unwrap();
        assert_eq!(lease.metadata.name.as_deref(), Some("leader"));
        assert_eq!(lease.metadata.namespace.as_deref(), Some("irsa-audit"));
        assert_eq!(lease.metadata.resource_version, None);
        let spec = lease.spec.unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("us"));
        assert_eq!(spec.lease_duration_seconds, Some(15));
        assert_eq!(spec.lease_transitions, Some(0));
        assert_eq!(spec.acquire_time.unwrap().0, NOW);
        assert_eq!(spec.renew_time.unwrap().0, NOW);
    }

    #[test]
    fn changes_keep_what_is_not_ours() {
        let before = "2020-01-02T03:04:05.000006Z";
        let now = "2023-11-14T22:13:20.120000Z";
        let current = lease(&json!({
            "holderIdentity": "them",
            "leaseDurationSeconds": 40,
            "acquireTime": before,
            "renewTime": before,
            "leaseTransitions": 3,
        }));
        let cases = [
            (Change::Acquire, Some("us"), now, 4),
            (Change::Renew, Some("us"), before, 3),
            (Change::Release, None, before, 3),
        ];
        for (change, holder, acquired, transitions) in cases {
            let lease = changed(&current, &Version::new("8").unwrap(), change, &config(), NOW);
            assert_eq!(lease.metadata.resource_version.as_deref(), Some("8"));
            assert_eq!(lease.metadata.uid.as_deref(), Some("0-1-2"));
            assert_eq!(lease.metadata.labels, current.metadata.labels);
            assert_eq!(
                spec(&lease, "holderIdentity").and_then(Value::as_str),
                holder,
                "{change:?}"
            );
            assert_eq!(spec(&lease, "acquireTime"), Some(&json!(acquired)), "{change:?}");
            assert_eq!(spec(&lease, "renewTime"), Some(&json!(now)), "{change:?}");
            assert_eq!(
                spec(&lease, "leaseTransitions"),
                Some(&json!(transitions)),
                "{change:?}"
            );
            assert_eq!(
                spec(&lease, "leaseDurationSeconds"),
                Some(&json!(15)),
                "{change:?}"
            );
        }
    }

    #[test]
    fn absurd_transitions_neither_overflow_nor_stay_negative() {
        let cases = [
            (json!(null), 1),
            (json!(-5), 1),
            (json!(i64::MAX), i32::MAX),
            (json!(i32::MAX), i32::MAX),
        ];
        for (transitions, expected) in cases {
            let current = lease(&json!({ "leaseTransitions": transitions }));
            let lease = changed(
                &current,
                &Version::new("7").unwrap(),
                Change::Acquire,
                &config(),
                NOW,
            );
            assert_eq!(
                spec(&lease, "leaseTransitions"),
                Some(&json!(expected)),
                "{transitions}"
            );
        }
    }
}
