//! What files do not hold, in words.

use crate::chain::Chain;
use crate::snapshot::GapKind;

/// The most reasons that a message lists.
const SHOWN: usize = 3;

/// Why objects of a kind may be missing, as main clauses; `None` where nothing shows that they may.
pub(super) fn reasons(chain: &Chain<'_>, kind: GapKind) -> Option<String> {
    let all = chain.snapshot.cluster.gap(kind)?;
    let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Some(format!("{}{more}", shown.join("; ")))
}
