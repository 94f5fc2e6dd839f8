//! Which pods the API server shows to the webhook: those that one of its registrations selects.
//!
//! A registration selects by labels of the namespace and of the pod, and by conditions in CEL:
//! <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-objectselector>.
//! A pod that none selects gets nothing, however often it is recreated.

use std::sync::LazyLock;

use crate::model::pod::{MAX_LABELS, UNKEPT_LABELS};
use crate::model::webhook::NAMESPACE_NAME_LABEL;
use crate::model::{LabelRequirement, Pod, Registration};
use crate::snapshot::Cluster;

/// What is taken for registered where nobody looked: the registration of EKS.
static USUAL: LazyLock<[Registration; 1]> = LazyLock::new(|| [Registration::usual()]);

/// Whether the webhook sees a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// A registration selects it, or nobody knows of any.
    Selected,
    /// Every registration leaves it out; this is why the first does.
    LeftOut(LeftOut<'a>),
    /// It depends on something that was not seen.
    Unknown(SelectionDoubt<'a>),
}

/// Why a registration leaves a pod out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut<'a> {
    /// The registration.
    pub registration: &'a Registration,
    /// Whose label it looks at.
    pub of: LabelOf,
    /// What it wants.
    pub wanted: &'a LabelRequirement,
    /// The label's value; absent where the label is.
    pub got: Option<&'a str>,
}

/// Whose label a selector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelOf {
    /// The namespace's.
    Namespace,
    /// The pod's.
    Pod,
}

/// What it depends on whether a registration selects a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionDoubt<'a> {
    /// Its `matchConditions`.
    Conditions(&'a Registration),
    /// A label that was not seen.
    Label(&'a Registration, LabelOf, &'a LabelRequirement),
}

/// Whether the webhook would see a pod that is created now.
#[must_use]
pub fn of<'a>(cluster: &'a Cluster, pod: &'a Pod) -> Selection<'a> {
    let registrations: &'a [Registration] = match cluster.registrations() {
        Some(all) => all,
        None => &*USUAL,
    };
    let mut left_out = None;
    let mut doubt = None;
    for registration in registrations {
        match by(registration, cluster, pod) {
            Selection::Selected => return Selection::Selected,
            Selection::LeftOut(why) => drop(left_out.get_or_insert(why)),
            Selection::Unknown(why) => drop(doubt.get_or_insert(why)),
        }
    }
    match (doubt, left_out) {
        (Some(doubt), _) => Selection::Unknown(doubt),
        (None, Some(left_out)) => Selection::LeftOut(left_out),
        // That there is none is IRSA401's and IRSA409's to tell.
        (None, None) => Selection::Selected,
    }
}

/// Whether one registration selects a pod. What it certainly leaves out is left out, whatever else was not seen.
fn by<'a>(registration: &'a Registration, cluster: &'a Cluster, pod: &'a Pod) -> Selection<'a> {
    let mut doubt = None;
    let labels = cluster.namespace_labels(&pod.namespace);
    for wanted in &registration.namespaces.0 {
        let label = match labels {
            _ if wanted.key == NAMESPACE_NAME_LABEL => Some(Some(pod.namespace.as_str())),
            Some(labels) => Some(labels.get(&wanted.key).map(String::as_str)),
            None => None,
        };
        match label {
            Some(got) if !wanted.admits(got) => {
                return Selection::LeftOut(LeftOut {
                    registration,
                    of: LabelOf::Namespace,
                    wanted,
                    got,
                });
            }
            Some(_) => {}
            None => {
                doubt.get_or_insert(SelectionDoubt::Label(registration, LabelOf::Namespace, wanted));
            }
        }
    }
    for wanted in &registration.pods.0 {
        if UNKEPT_LABELS.contains(&wanted.key.as_str()) {
            doubt.get_or_insert(SelectionDoubt::Label(registration, LabelOf::Pod, wanted));
            continue;
        }
        let got = pod.labels.get(&wanted.key).map(String::as_str);
        if got.is_none() && pod.labels.len() >= MAX_LABELS {
            doubt.get_or_insert(SelectionDoubt::Label(registration, LabelOf::Pod, wanted));
            continue;
        }
        if !wanted.admits(got) {
            return Selection::LeftOut(LeftOut {
                registration,
                of: LabelOf::Pod,
                wanted,
                got,
            });
        }
    }
    if registration.has_conditions {
        doubt.get_or_insert(SelectionDoubt::Conditions(registration));
    }
    doubt.map_or(Selection::Selected, Selection::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKey, LabelSelector, RequirementOperator};
    use crate::testing::{bare, opted_out, pod as testing_pod};

    fn pod() -> Pod {
        testing_pod(&BindingKey::new("shop", "cart"), "cart", bare("app"))
    }

    fn requirement(key: &str, operator: RequirementOperator, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        LabelSelector(vec![LabelRequirement {
            key: key.to_owned(),
            operator,
            values,
        }])
    }

    fn registered(registrations: Vec<Registration>) -> Cluster {
        let mut cluster = Cluster::default();
        cluster.set_registrations(Some(registrations));
        cluster
    }

    fn by_namespace(key: &str, operator: RequirementOperator, values: &[&str]) -> Registration {
        Registration {
            namespaces: requirement(key, operator, values),
            ..Registration::usual()
        }
    }

    #[test]
    fn the_opt_out_label_acts_by_the_registration() {
        let mut labelled = pod();
        opted_out(&mut labelled);
        let left_out = |cluster: &Cluster| matches!(of(cluster, &labelled), Selection::LeftOut(_));
        assert!(left_out(&registered(vec![Registration::usual()])));
        assert!(left_out(&Cluster::default()), "nobody looked: as on EKS");
        let kops = requirement("kops.k8s.io/managed-by", RequirementOperator::NotIn, &["kops"]);
        let kops = || Registration {
            pods: kops.clone(),
            ..Registration::default()
        };
        assert!(
            !left_out(&registered(vec![kops()])),
            "kOps' registration does not look at the label"
        );
        assert!(
            !left_out(&registered(vec![Registration::usual(), kops()])),
            "one that selects is enough"
        );
        assert_eq!(
            of(&registered(vec![Registration::usual()]), &pod()),
            Selection::Selected
        );
    }

    #[test]
    fn namespaces_are_selected_by_labels_that_were_seen() {
        let pod = pod();
        let not_shop = by_namespace(NAMESPACE_NAME_LABEL, RequirementOperator::NotIn, &["shop"]);
        let cluster = registered(vec![not_shop]);
        let Selection::LeftOut(why) = of(&cluster, &pod) else {
            panic!()
        };
        assert_eq!(
            (why.of, why.got),
            (LabelOf::Namespace, Some("shop")),
            "every namespace has its name as a label"
        );
        let enabled = by_namespace("irsa", RequirementOperator::In, &["enabled"]);
        let mut cluster = registered(vec![enabled]);
        assert!(matches!(
            of(&cluster, &pod),
            Selection::Unknown(SelectionDoubt::Label(_, LabelOf::Namespace, _))
        ));
        cluster.put_namespace("shop".to_owned(), [].into());
        let Selection::LeftOut(why) = of(&cluster, &pod) else {
            panic!()
        };
        assert_eq!(why.got, None);
        cluster.put_namespace(
            "shop".to_owned(),
            [("irsa".to_owned(), "enabled".to_owned())].into(),
        );
        assert_eq!(of(&cluster, &pod), Selection::Selected);
    }

    #[test]
    fn conditions_in_cel_are_not_guessed() {
        let conditional = || Registration {
            has_conditions: true,
            ..Registration::usual()
        };
        assert!(matches!(
            of(&registered(vec![conditional()]), &pod()),
            Selection::Unknown(SelectionDoubt::Conditions(_))
        ));
        let mut labelled = pod();
        opted_out(&mut labelled);
        let cluster = registered(vec![conditional()]);
        assert!(
            matches!(of(&cluster, &labelled), Selection::LeftOut(_)),
            "the selector alone decides"
        );
    }
}
