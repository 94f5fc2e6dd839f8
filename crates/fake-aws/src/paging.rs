//! Pages of a listing: `MaxItems`, `Marker`, `IsTruncated`.

use crate::error::ServiceError;
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::xml::Xml;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Position of an item in a listing: the rank of its kind, then its name. Listings come in this order.
pub(crate) type Key<'a> = (u8, &'a str);

/// One page, and the marker of the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// Writes `IsTruncated` and `Marker`.
    pub(crate) fn write_end(&self, xml: &mut Xml) {
        xml.leaf("IsTruncated", if self.next.is_some() { "true" } else { "false" });
        if let Some(marker) = &self.next {
            xml.leaf("Marker", marker);
        }
    }
}

/// The page of an IAM listing that the request asks for: 100 items unless told, at most 1,000.
pub(crate) fn page<'a, T>(
    settings: &Settings,
    parameters: &Parameters,
    items: impl Iterator<Item = (Key<'a>, T)>,
) -> Result<Page<T>, ServiceError> {
    let asked = parameters.integer("MaxItems", 1..=1000)?.unwrap_or(100);
    let invalid = || ServiceError::validation("Invalid Marker.");
    cut(settings, asked, parameters.get("Marker"), items).ok_or_else(invalid)
}

/// The page of `asked` items after `marker`; `None` if the marker is none of ours.
pub(crate) fn cut<'a, T>(
    settings: &Settings,
    asked: usize,
    marker: Option<&str>,
    items: impl Iterator<Item = (Key<'a>, T)>,
) -> Option<Page<T>> {
    let mut cursor = match marker {
        Some(marker) => Cursor::decode(marker)?,
        None => Cursor::default(),
    };
    let limit = limit(settings, asked, cursor.page);
    let mut rest = items.skip_while(|(key, _)| cursor.covers(*key)).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit
        && let Some((key, item)) = rest.next()
    {
        last = Some(key);
        page.push(item);
    }
    let more = rest.peek().is_some();
    drop(rest);
    if let Some((rank, name)) = last {
        cursor.after = Some((rank, name.to_owned()));
    }
    cursor.page += 1;
    Some(Page {
        items: page,
        next: more.then(|| cursor.encode()),
    })
}

/// How many items a page may hold. Short pages come in turns of none, one, and half of what was asked, so that
/// every listing still ends.
fn limit(settings: &Settings, asked: usize, page: usize) -> usize {
    let most = settings.page_size.unwrap_or(asked).clamp(1, asked);
    match page % 3 {
        _ if !settings.short_pages => most,
        0 => 0,
        1 => 1,
        _ => most.div_ceil(2),
    }
}

/// What a marker says: pages given so far, and the last item given. The page number makes the markers of two
/// consecutive empty-handed pages differ: SDKs take a repeated marker for an endless loop.
#[derive(Debug, Default)]
struct Cursor {
    page: usize,
    after: Option<(u8, String)>,
}

impl Cursor {
    fn covers(&self, key: Key<'_>) -> bool {
        self.after
            .as_ref()
            .is_some_and(|(rank, name)| key <= (*rank, name.as_str()))
    }

    fn encode(&self) -> String {
        BASE64.encode(match &self.after {
            Some((rank, name)) => format!("{}:{rank}:{name}", self.page),
            None => self.page.to_string(),
        })
    }

    fn decode(marker: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64.decode(marker).ok()?).ok()?;
        let mut parts = text.splitn(3, ':');
        let page = parts.next()?.parse().ok()?;
        let after = match (parts.next(), parts.next()) {
            (Some(rank), Some(name)) => Some((rank.parse().ok()?, name.to_owned())),
            (None, None) => None,
            _ => return None,
        };
        Some(Self { page, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["a", "b:1", "c", "d", "e", "f", "g"];

    fn walk(settings: &Settings, asked: usize) -> (Vec<&'static str>, Vec<usize>) {
        let (mut all, mut sizes, mut marker) = (Vec::new(), Vec::new(), None);
        loop {
            let items = NAMES.iter().map(|name| ((0, *name), *name));
            let page = cut(settings, asked, marker.as_deref(), items).unwrap();
            sizes.push(page.items.len());
            all.extend(page.items);
            if page.next.is_none() {
                return (all, sizes);
            }
            assert_ne!(page.next, marker);
            marker = page.next;
        }
    }

    #[test]
    fn pages_cover_the_listing_once() {
        assert_eq!(walk(&Settings::default(), 3), (NAMES.to_vec(), vec![3, 3, 1]));
        assert_eq!(walk(&Settings::default(), 7), (NAMES.to_vec(), vec![7]));
    }

    #[test]
    fn page_size_caps_what_is_asked() {
        let settings = Settings {
            page_size: Some(2),
            ..Settings::default()
        };
        assert_eq!(walk(&settings, 1000).1, [2, 2, 2, 1]);
        assert_eq!(walk(&settings, 1).1, [1; 7]);
    }

    #[test]
    fn short_pages_hold_less_and_still_end() {
        let settings = Settings {
            short_pages: true,
            ..Settings::default()
        };
        assert_eq!(walk(&settings, 4), (NAMES.to_vec(), vec![0, 1, 2, 0, 1, 2, 0, 1]));
    }

    #[test]
    fn foreign_markers_are_refused() {
        for marker in ["", "x", "!!", "MQ", "eDp5Onow", "MTox"] {
            let items = NAMES.iter().map(|name| ((0, *name), ()));
            assert!(
                cut(&Settings::default(), 1, Some(marker), items).is_none(),
                "{marker}"
            );
        }
    }

    #[test]
    fn an_empty_listing_is_one_page() {
        let settings = Settings {
            short_pages: true,
            ..Settings::default()
        };
        let page = cut(&settings, 5, None, std::iter::empty::<(Key<'_>, ())>()).unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }
}
