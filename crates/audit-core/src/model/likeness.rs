//! How much a workload's names say that it belongs to a ServiceAccount.

use super::Pod;

/// What people put around the name of a workload to get that of its ServiceAccount.
const ENDINGS: [&str; 5] = ["-serviceaccount", "-service-account", "-irsa", "-sa", "-role"];
const BEGINNINGS: [&str; 2] = ["sa-", "irsa-"];

/// How well names fit. Anything less than the least of these, such as a common beginning, says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// A usual label of the pod has the ServiceAccount's name, or the workload's name is that name without an affix such as
    /// `-sa`.
    Likely,
    /// The workload has the ServiceAccount's name.
    SameName,
}

/// How well the names of a pod fit a ServiceAccount's, if they do.
#[must_use]
pub fn likeness(service_account: &str, pod: &Pod) -> Option<Likeness> {
    let workload = pod.workload.name.as_str();
    if workload == service_account {
        Some(Likeness::SameName)
    } else if pod.also_named.iter().any(|name| name == service_account)
        || (workload.len() > 1 && without_affix(service_account) == Some(workload))
    {
        Some(Likeness::Likely)
    } else {
        None
    }
}

/// The names of workloads that fit a ServiceAccount's: all that [`likeness`] accepts, labels aside.
pub fn workload_names(service_account: &str) -> impl Iterator<Item = &str> {
    [Some(service_account), without_affix(service_account)]
        .into_iter()
        .flatten()
}

/// The names of ServiceAccounts that the names of a pod may fit, and no others. [`likeness`] has the last word.
pub fn account_names(pod: &Pod) -> impl Iterator<Item = String> {
    let workload = pod.workload.name.as_str();
    let ended = ENDINGS.iter().map(move |ending| format!("{workload}{ending}"));
    let begun = BEGINNINGS
        .iter()
        .map(move |beginning| format!("{beginning}{workload}"));
    let labels = pod.also_named.iter().cloned();
    std::iter::once(workload.to_owned())
        .chain(labels)
        .chain(ended)
        .chain(begun)
}

fn without_affix(name: &str) -> Option<&str> {
    let mut ends = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending));
    let mut begins = BEGINNINGS
        .iter()
        .filter_map(|beginning| name.strip_prefix(beginning));
    ends.next().or_else(|| begins.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BindingKey;
    use crate::testing::{bare, pod};

    #[test]
    fn names_fit_wholly_or_not_at_all() {
        let like = |account: &str, workload: &str, labels: &[&str]| {
            let mut pod = pod(&BindingKey::new("shop", "default"), workload, bare("app"));
            pod.also_named = labels.iter().map(|label| (*label).to_owned()).collect();
            likeness(account, &pod)
        };
        assert_eq!(like("cart", "cart", &[]), Some(Likeness::SameName));
        for (account, workload, labels) in [
            ("cart", "release-cart", &["release", "cart"][..]),
            ("cart-sa", "cart", &[]),
            ("sa-cart", "cart", &[]),
            ("cart-service-account", "cart", &[]),
        ] {
            assert_eq!(
                like(account, workload, labels),
                Some(Likeness::Likely),
                "{account}"
            );
        }
        for (account, workload) in [
            ("cart", "cart-worker"),
            ("cart", "car"),
            ("cart-sa", "c"),
            ("-sa", ""),
            ("cart-sa", "orders"),
        ] {
            assert_eq!(like(account, workload, &[]), None, "{account} {workload}");
        }
    }
}
