//! Lists that come page by page.

use jiff::Timestamp;

use crate::failure::{Failure, Miss};

/// One page of a list.
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// Whether AWS says that there is another page.
    pub(crate) truncated: bool,
    /// Where the other page begins.
    pub(crate) marker: Option<String>,
}

impl<T> Page<T> {
    /// A page of a service whose last page is the one without a token, such as EKS.
    pub(crate) fn with_token(items: Vec<T>, token: Option<String>) -> Self {
        Self {
            items,
            truncated: token.as_ref().is_some_and(|next| !next.is_empty()),
            marker: token,
        }
    }
}

/// All items of a list, and when the first page was asked for.
///
/// A list of a thing that is not there fails: only the call that asks for the thing itself proves its absence.
pub(crate) async fn all<T, F>(fetch: impl Fn(Option<String>) -> F) -> (Timestamp, Result<Vec<T>, Failure>)
where
    F: Future<Output = (Timestamp, Result<Page<T>, Miss>)>,
{
    let (mut items, mut marker, mut began) = (Vec::new(), None, None);
    loop {
        let (at, answer) = fetch(marker.clone()).await;
        let began = *began.get_or_insert(at);
        let page = match answer {
            Ok(page) => page,
            Err(miss) => return (began, Err(miss.into_failure())),
        };
        items.extend(page.items);
        match next_marker(page.truncated, page.marker, marker.as_deref()) {
            Ok(None) => return (began, Ok(items)),
            Ok(next) => marker = next,
            Err(failure) => return (began, Err(failure)),
        }
    }
}

/// Where the next page begins, if there is one: from what a page says of itself, and where it began.
pub(crate) fn next_marker(
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
