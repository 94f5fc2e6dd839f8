//! The operating system that a pod asks for.

use audit_core::model::Os;

use super::raw::RawSpec;

/// The label of nodes.
const OS: &str = "kubernetes.io/os";
/// Its older name, which the webhook knows as well.
const OLD_OS: &str = "beta.kubernetes.io/os";
/// A label that only Windows nodes have.
const WINDOWS_BUILD: &str = "node.kubernetes.io/windows-build";
/// The value of the first two.
const WINDOWS: &str = "windows";

/// Where a pod says that it is for Windows. Of the places where it may, the webhook reads `nodeSelector` alone. A toleration says nothing: a
/// `DaemonSet` for all nodes tolerates the taints of Windows nodes and runs on Linux as well.
pub(super) fn of(spec: &RawSpec) -> Os {
    let selects = |key: &str| spec.node_selector.get(key).is_some_and(|os| os == WINDOWS);
    if selects(OS) || selects(OLD_OS) {
        return Os::SelectedWindows;
    }
    let selected = spec.node_selector.contains_key(OS) || spec.node_selector.contains_key(OLD_OS);
    match spec.os.name.as_str() {
        WINDOWS => Os::OtherwiseWindows,
        "" if !selected && is_by_affinity(spec) => Os::OtherwiseWindows,
        _ => Os::Unset,
    }
}

/// Whether all nodes that its affinity lets it run on are Windows nodes.
fn is_by_affinity(spec: &RawSpec) -> bool {
    let terms = &spec.affinity.node_affinity.required.node_selector_terms;
    let is_windows = |key: &str, operator: &str, values: &[String]| match key {
        OS | OLD_OS => operator == "In" && values.iter().all(|value| value == WINDOWS) && !values.is_empty(),
        WINDOWS_BUILD => operator == "In" || operator == "Exists",
        _ => false,
    };
    !terms.is_empty()
        && terms.iter().all(|term| {
            let mut expressions = term.match_expressions.iter();
            expressions.any(|one| is_windows(&one.key, &one.operator, &one.values))
        })
}

/// Takes out what is not read of where a pod may run.
pub(super) fn reduce(spec: &mut RawSpec) {
    let is_os = |key: &str| key == OS || key == OLD_OS;
    spec.node_selector.retain(|key, _| is_os(key));
    for term in &mut spec.affinity.node_affinity.required.node_selector_terms {
        term.match_expressions
            .retain(|one| is_os(&one.key) || one.key == WINDOWS_BUILD);
    }
}
