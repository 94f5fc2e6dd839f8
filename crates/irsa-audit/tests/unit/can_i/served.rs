use serde_json::json;

use super::*;

fn lists(freshness: &str) -> [APIGroupDiscoveryList; 1] {
    let resource = |plural: &str, scope: &str, short: &[&str], subresources: &[&str]| {
        let subresources: Vec<_> = subresources
            .iter()
            .map(|name| json!({ "subresource": name, "verbs": ["get"] }))
            .collect();
        json!({ "resource": plural, "scope": scope, "singularResource": plural.trim_end_matches('s'), "shortNames": short,
            "verbs": ["get"], "subresources": subresources })
    };
    let versions = json!([
        { "version": "v1", "freshness": freshness, "resources": [resource("widgets", "Namespaced", &["wi"], &["scale"])] },
        { "version": "v1beta1", "freshness": "Current", "resources": [
            resource("widgets", "Namespaced", &[], &[]), resource("gadgets", "Cluster", &[], &[])
        ]}
    ]);
    let list = json!({ "items": [{ "metadata": { "name": "example.com" }, "versions": versions }] });
    [serde_json::from_value(list).unwrap()]
}

#[test]
fn each_resource_is_known_once_in_the_version_that_is_preferred() {
    let kinds = read(&lists("Current"));
    let shown: Vec<_> = kinds
        .kinds
        .iter()
        .map(|kind| (&*kind.plural, kind.is_namespaced, kind.short_names.len()))
        .collect();
    assert_eq!(shown, [("widgets", true, 1), ("gadgets", false, 0)]);
    assert_eq!(kinds.kinds[0].subresources, ["scale"]);
    assert!(kinds.are_all);
}

#[test]
fn an_api_that_does_not_answer_may_have_more() {
    assert!(!read(&lists("Stale")).are_all);
}
