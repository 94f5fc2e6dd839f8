use serde_json::json;

use super::*;
use crate::prune;

/// An audit with a status of about 90 KB that packing does not make shorter.
fn audit(namespace: &str, number: u64) -> Box<AuditObject> {
    let mut seed = number;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{seed:016x}")
    };
    let message: String = (0..8_000).map(|_| random()).collect();
    let object = json!({ "metadata": { "namespace": namespace, "name": format!("a-{number}"), "uid": "1" },
        "spec": { "serviceAccountName": "cart", "suspend": true }, "status": { "message": message } });
    prune::audit(object).unwrap()
}

#[test]
fn the_large_statuses_of_one_namespace_have_a_limit_together() {
    let (mut index, mut cluster) = (Index::default(), Cluster::default());
    let mut put = |namespace: &str, number| {
        index.apply(
            &mut cluster,
            Observation::Audit(WatchChange::Applied(audit(namespace, number))),
        );
        let kept = index.audit(namespace, &format!("a-{number}"));
        kept.unwrap().status.is_some()
    };
    let kept = (0..200).filter(|number| put("shop", *number)).count();
    assert!((60..150).contains(&kept), "{kept}");
    assert!(put("web", 0) && put("shop", 0) && !put("shop", 199));
    let deleted = WatchChange::Deleted {
        namespace: "shop".into(),
        name: "a-0".into(),
    };
    index.apply(&mut cluster, Observation::Audit(deleted));
    let mut put = |number| {
        index.apply(
            &mut cluster,
            Observation::Audit(WatchChange::Applied(audit("shop", number))),
        );
        index
            .audit("shop", &format!("a-{number}"))
            .unwrap()
            .status
            .is_some()
    };
    assert!(put(199), "one has made room");
    assert!(!put(198));
}
