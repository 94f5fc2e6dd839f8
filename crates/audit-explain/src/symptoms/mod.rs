//! The errors that are known, one table for each area, and how they are recognized.

mod credentials;
mod iam;
mod identity;
mod kubernetes;
mod permissions;
mod registry;
mod sts;

use crate::mentioned::{AwsRequest, Mentioned};
use crate::pasted::Pasted;
use crate::sdk::OldSdk;
use crate::symptom::Symptom;

/// Each area's table. The order is that of the output: what stops a pod first comes first.
const TABLES: [&[Symptom]; 7] = [
    sts::TABLE,
    identity::TABLE,
    credentials::TABLE,
    permissions::TABLE,
    kubernetes::TABLE,
    registry::TABLE,
    iam::TABLE,
];

/// Every symptom.
pub(crate) fn all() -> impl Iterator<Item = &'static Symptom> {
    TABLES.into_iter().flatten()
}

/// What a text says.
pub(crate) fn recognize(
    pasted: &Pasted,
    mentioned: &Mentioned,
    old_sdks: &[OldSdk],
) -> Vec<&'static Symptom> {
    let mut ids = identity::of(pasted, mentioned);
    ids.extend(kubernetes::of(mentioned));
    if !old_sdks.is_empty() {
        ids.push(credentials::OLD_SDK);
    }
    if pasted
        .records
        .iter()
        .any(|record| record.is_web_identity() && record.code.is_empty())
    {
        ids.push(sts::ASSUMED);
    }
    let certain: Vec<&Symptom> = all()
        .filter(|symptom| ids.contains(&symptom.id) || symptom.is_in(&pasted.folded))
        .collect();
    let found: Vec<&Symptom> = all()
        .filter(|symptom| certain.contains(symptom) || symptom.may_be_in(&pasted.folded, &certain))
        .collect();
    // What else AWS refused is not the kubelet's.
    let only_pulls = mentioned.aws.iter().all(AwsRequest::is_pull);
    let is_hidden = |symptom: &Symptom| {
        found.iter().any(|other| {
            other.id != symptom.id
                && (only_pulls || other.id != registry::IMAGE_PULL)
                && symptom
                    .hidden_by
                    .iter()
                    .any(|prefix| other.id.starts_with(prefix))
        })
    };
    found
        .iter()
        .filter(|symptom| !is_hidden(symptom))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{advice, mentioned};

    #[test]
    fn no_two_symptoms_hide_each_other() {
        let hides = |a: &Symptom, b: &Symptom| b.hidden_by.iter().any(|prefix| a.id.starts_with(prefix));
        for a in all() {
            for b in all().filter(|b| b.id != a.id) {
                assert!(!(hides(a, b) && hides(b, a)), "{} and {}", a.id, b.id);
            }
        }
    }

    #[test]
    fn the_tables_name_findings_and_advice_that_exist() {
        let mut ids = BTreeSet::new();
        for symptom in all() {
            assert!(ids.insert(symptom.id), "{} is there twice", symptom.id);
            assert!(
                !symptom.title.is_empty() && !symptom.means.is_empty(),
                "{}",
                symptom.id
            );
            for code in symptom.codes {
                assert!(mentioned::finding_named(code).is_some(), "{}: {code}", symptom.id);
            }
            for id in symptom.advice {
                assert!(
                    advice::all().any(|advice| advice.id == *id),
                    "{}: {id}",
                    symptom.id
                );
            }
            for prefix in symptom.hidden_by.iter().chain(symptom.weak.unless) {
                assert!(
                    all().any(|other| other.id.starts_with(prefix)),
                    "{}: {prefix}",
                    symptom.id
                );
            }
            let signs = symptom.signs.iter().chain(symptom.weak.signs).copied().flatten();
            let others = [symptom.and_any, symptom.weak.and_any, symptom.ignoring];
            for fragment in signs.chain(others.into_iter().flatten()) {
                assert_eq!(**fragment, fragment.to_lowercase(), "{}", symptom.id);
            }
        }
    }
}
