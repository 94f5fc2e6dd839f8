//! What objects of other projects may explain that were not seen: where one may, its absence proves nothing.

use crate::chain::Chain;
use crate::fix::Fix;
use crate::model::{ConsumerObject, UnseenKind};
use crate::paths;
use crate::snapshot::Origin;
use crate::text::{quote, quote_list};

/// The most kinds that a message lists.
const SHOWN: usize = 3;

/// Objects that were not seen and may explain what is missing.
pub(super) struct MayExplain {
    /// The end of a message, from the semicolon on.
    pub(super) note: String,
    /// What makes them visible.
    pub(super) fix: Fix,
}

impl MayExplain {
    fn by_kinds(kinds: &[&UnseenKind], how: &str) -> Option<Self> {
        kinds.first()?;
        Some(Self {
            note: format!(
                "; irsa-audit could not list {}, and such an object {how}",
                kinds_shown(kinds)
            ),
            fix: Fix::manual(format!(
                "allow irsa-audit to list {} (see IRSA915): whether a repair is needed depends on these objects",
                resources(kinds)
            )),
        })
    }

    fn by_objects<'o>(mut objects: impl Iterator<Item = &'o ConsumerObject>, how: &str) -> Option<Self> {
        let object = objects.next()?;
        let object = format!("{} `{}`", quote(&object.kind), quote(&object.name));
        Some(Self {
            note: format!(
                "; irsa-audit does not read all of {object}, which is too large, alone or with others of its namespace, and {how}"
            ),
            fix: Fix::manual(format!(
                "split {object} into smaller objects, or delete large ones that are not needed, and then change it, so that it is read again"
            )),
        })
    }
}

/// Objects for which a controller may request the token of the ServiceAccount, so that its pods need no credentials.
pub(super) fn of_missing_credentials(chain: &Chain<'_>) -> Option<MayExplain> {
    let cluster = &chain.snapshot.cluster;
    let kinds = cluster.unseen_requesters(chain.key);
    // Files know of such kinds where the manifest of a snapshot lists them.
    if !kinds.is_empty() {
        return MayExplain::by_kinds(&kinds, "may request the token of this ServiceAccount instead");
    }
    let cut = MayExplain::by_objects(
        cluster.cut_requesters(chain.key),
        "may have the token of this ServiceAccount requested",
    );
    if cut.is_some() {
        return cut;
    }
    if chain.snapshot.origin == Origin::Live {
        return None;
    }
    let classes: Vec<String> = cluster.unseen_classes(chain.key).into_iter().collect();
    classes.first()?;
    let shown = quote_list(&classes, SHOWN);
    Some(MayExplain {
        note: format!(
            "; its pods mount SecretProviderClass {shown}, which was not given: if its provider is `aws`, the driver requests the token \
             instead"
        ),
        fix: Fix::manual(format!(
            "give the manifest of SecretProviderClass {shown} as well"
        )),
    })
}

/// Objects that may name the role of the ServiceAccount, so that it needs no annotation.
pub(super) fn of_missing_annotation(chain: &Chain<'_>) -> Option<MayExplain> {
    let kinds = chain.snapshot.cluster.unseen_role_givers();
    let how = "may name the role of this ServiceAccount itself";
    let cut = chain.snapshot.cluster.cut_requesters(chain.key);
    MayExplain::by_kinds(&kinds, how).or_else(|| MayExplain::by_objects(cut, how))
}

/// Objects for which a controller may read an annotation that the webhook does not read.
pub(super) fn of_misplaced_annotation(chain: &Chain<'_>) -> Option<MayExplain> {
    let misplaced = chain.misplaced.as_ref()?;
    let is_read_by_controllers =
        misplaced.on_pods_of.is_none() && misplaced.key == format!("{}/role-arn", paths::REQUESTERS_PREFIX);
    if !is_read_by_controllers {
        return of_missing_annotation(chain);
    }
    let kinds = chain.snapshot.cluster.unseen_requesters(chain.key);
    let how = "may be why this annotation is there";
    let cut = chain.snapshot.cluster.cut_requesters(chain.key);
    MayExplain::by_kinds(&kinds, how).or_else(|| MayExplain::by_objects(cut, how))
}

/// Kinds as a message names them: "objects of kind `A`, `B`".
pub(super) fn kinds_shown(kinds: &[&UnseenKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.kind.as_str()).collect();
    format!("objects of kind {}", quote_list(&names, SHOWN))
}

/// Kinds as rights and the chart's values name them: "`plural.group`, `plural.group`".
pub(super) fn resources(kinds: &[&UnseenKind]) -> String {
    let names: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{}.{}", kind.resource, kind.group))
        .collect();
    quote_list(&names, SHOWN)
}
