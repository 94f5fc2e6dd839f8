//! Which files declare bindings.

use audit_core::model::{BindingKey, ManifestPlaces};

use crate::problem::Place;

/// Where each binding is declared, by objects of several kinds: an object of a later kind is preferred. Of several objects of one kind,
/// the first counts, by path and line.
pub(super) fn declared(kinds: [Vec<(BindingKey, &Place)>; 3]) -> ManifestPlaces {
    let mut places = ManifestPlaces::new();
    for kind in kinds {
        let mut of_kind = ManifestPlaces::new();
        for (key, place) in kind {
            let Some(place) = place.in_file() else { continue };
            let first = of_kind.entry(key).or_insert_with(|| place.clone());
            if (&place.path, place.line) < (&first.path, first.line) {
                *first = place;
            }
        }
        places.extend(of_kind);
    }
    places
}

#[cfg(test)]
mod tests {
    use crate::testing::{load_texts, options};
    use crate::{Source, load};

    const ACCOUNT: &str = "
# Source: shop/templates/sa.yaml
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
";
    const WORKLOADS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {serviceAccountName: web, containers: [{name: app}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec: {template: {spec: {serviceAccountName: worker, containers: [{name: app}]}}}
---
apiVersion: irsa-audit.dev/v1alpha1
kind: IrsaAudit
metadata: {name: next}
spec: {serviceAccountName: next}
";

    #[test]
    fn a_binding_is_where_its_service_account_is_or_what_refers_to_it() {
        let loaded = load_texts(&[ACCOUNT, WORKLOADS], &[], &options());
        let places = loaded.places.iter();
        let places = places.map(|(key, place)| (key.service_account.as_str(), &*place.path, place.line));
        let expected = [
            ("cart", "k0", 3),
            ("next", "k1", 12),
            ("web", "k0", 7),
            ("worker", "k1", 7),
        ];
        assert_eq!(places.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn standard_input_is_no_file_and_a_name_is_kept_as_it_is() {
        let places = |name: &str| load([Source::new(name, ACCOUNT)], [], &options()).places;
        assert!(places("-").is_empty());
        let odd = "a\u{1b}`b/".repeat(80);
        assert!(places(&odd).values().all(|place| *place.path == *odd));
        assert_eq!(places(&odd).len(), 2);
    }
}
