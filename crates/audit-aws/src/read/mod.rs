//! What is called for each kind of request.

mod account;
mod clusters;
mod eks;
mod listing;
mod pod_identity;
mod policy;
mod provider;
mod role;
mod simulation;

pub(crate) use account::{provider_urls, trust_quota};
pub(crate) use clusters::clusters;
pub(crate) use eks::issuer;
pub(crate) use listing::{ListingProgress, PageRead, Scope};
pub(crate) use pod_identity::associations;
pub(crate) use policy::{inline, managed};
pub(crate) use provider::provider;
pub(crate) use role::{policies, role};
pub(crate) use simulation::simulate;

use crate::reading::Failure;

/// Where the next page begins, if there is one: from what a page says of itself, and where it began.
fn next_marker(
    truncated: bool,
    marker: Option<String>,
    before: Option<&str>,
) -> Result<Option<String>, Failure> {
    match marker {
        _ if !truncated => Ok(None),
        Some(marker) if !marker.is_empty() && before != Some(marker.as_str()) => Ok(Some(marker)),
        _ => Err(Failure::unavailable(
            "AWS says that there is another page, and not where",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_leads_nowhere_is_a_failure_and_no_end() {
        let next = |truncated, marker: Option<&str>, before| {
            next_marker(truncated, marker.map(str::to_owned), before)
        };
        assert_eq!(next(false, Some("b"), None), Ok(None));
        assert_eq!(next(true, Some("b"), Some("a")), Ok(Some("b".to_owned())));
        for (marker, before) in [(None, None), (Some(""), None), (Some("a"), Some("a"))] {
            assert!(next(true, marker, before).is_err(), "{marker:?}");
        }
    }
}
