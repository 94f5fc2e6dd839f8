//! What to say, and to do, where no registration of the webhook selects a pod.

use super::pods::workloads;
use crate::fix::{self, Fix};
use crate::model::webhook::OPT_OUT_LABEL;
use crate::model::{LabelRequirement, Pod, Registration, RequirementOperator};
use crate::text::{quote, quote_list};
use crate::webhook::{LabelOf, LeftOut, SelectionDoubt};

/// Why a registration leaves pods of a namespace out: what it wants of which label, and what that is.
#[must_use]
pub fn reason(why: &LeftOut<'_>, namespace: &str) -> String {
    let (selector, whose) = match why.of {
        LabelOf::Namespace => (
            "namespaceSelector",
            format!("namespace `{}` has", quote(namespace)),
        ),
        LabelOf::Pod => ("objectSelector", "the pods have".to_owned()),
    };
    let got = match why.got {
        Some(value) => format!("`{}`", quote(value)),
        None => "no such label".to_owned(),
    };
    format!(
        "the pod identity webhook does not select the pods: the {selector} of {} requires {}, but {whose} {got}",
        named(why.registration),
        wanted(why.wanted)
    )
}

/// What has to be known to say whether a registration selects pods of a namespace.
#[must_use]
pub fn doubt(doubt: &SelectionDoubt<'_>, namespace: &str) -> String {
    match doubt {
        SelectionDoubt::Conditions(registration) => format!(
            "{} selects pods by `matchConditions`, which irsa-audit does not evaluate",
            named(registration)
        ),
        SelectionDoubt::Label(registration, LabelOf::Namespace, wanted) => format!(
            "{} selects namespaces by the label `{}`, but irsa-audit did not see the labels of namespace `{}`",
            named(registration),
            quote(&wanted.key),
            quote(namespace)
        ),
        SelectionDoubt::Label(registration, LabelOf::Pod, wanted) => format!(
            "{} selects pods by the label `{}`, which irsa-audit does not read",
            named(registration),
            quote(&wanted.key)
        ),
    }
}

/// The command that edits the templates of pods so that new ones are selected. A restart alone does nothing.
#[must_use]
pub fn command(why: &LeftOut<'_>, namespace: &str, pods: &[&Pod]) -> Option<Fix> {
    let (owners, _) = workloads(pods);
    let key = why.wanted.key.as_str();
    match (why.of, why.wanted.operator, why.wanted.values.as_slice()) {
        (LabelOf::Pod, RequirementOperator::DoesNotExist, _) if key == OPT_OUT_LABEL => {
            fix::drop_metadata(namespace, &owners, "labels", key)
        }
        (LabelOf::Pod, RequirementOperator::In, [value]) if why.got.is_none() => {
            fix::add_label(namespace, &owners, key, value)
        }
        _ => None,
    }
}

/// What a person changes so that new pods of workloads are selected.
#[must_use]
pub fn by_hand(why: &LeftOut<'_>, namespace: &str, names: &str) -> String {
    let key = quote(&why.wanted.key);
    let registration = named(why.registration);
    match (why.of, why.wanted.operator) {
        (LabelOf::Pod, RequirementOperator::DoesNotExist) => {
            format!("remove the label `{key}` from the pod templates of {names}")
        }
        (LabelOf::Pod, _) => format!(
            "add a label `{key}` that {registration} selects ({}) to the pod templates of {names}, or have the objectSelector of the \
             webhook changed",
            wanted(why.wanted)
        ),
        (LabelOf::Namespace, _) => format!(
            "recreating the pods does not help. Ask the owner of {registration} whether namespace `{}` is excluded on \
             purpose. If it is not, change the namespaceSelector of the webhook, or the namespace's label `{key}`, and then recreate \
             the pods",
            quote(namespace)
        ),
    }
}

/// A registration by its names.
fn named(registration: &Registration) -> String {
    format!(
        "webhook `{}` in MutatingWebhookConfiguration `{}`",
        quote(&registration.name),
        quote(&registration.configuration)
    )
}

/// A requirement in words.
fn wanted(requirement: &LabelRequirement) -> String {
    let (key, values) = (quote(&requirement.key), quote_list(&requirement.values, 3));
    match requirement.operator {
        RequirementOperator::In if requirement.values.len() == 1 => format!("label `{key}` to be {values}"),
        RequirementOperator::In => format!("label `{key}` to be one of {values}"),
        RequirementOperator::NotIn => format!("label `{key}` to be none of {values}"),
        RequirementOperator::Exists => format!("label `{key}` to be present"),
        RequirementOperator::DoesNotExist => format!("label `{key}` to be absent"),
    }
}
