//! How soon a watch may begin again. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A watch that begins again within this time has ended too soon. One that ends without an error begins again at once.
const TOO_SOON: Duration = Duration::from_secs(2);

/// The first pause, which doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(2);

/// When the watches began, by path.
#[derive(Debug, Default)]
pub(super) struct WatchPace(BTreeMap<String, Begun>);

#[derive(Debug)]
struct Begun {
    at: Instant,
    too_soon: u32,
}

impl WatchPace {
    /// When a watch that is to begin now may begin.
    pub(super) fn begin(&mut self, path: &str, now: Instant) -> Instant {
        let Some(begun) = self.0.get_mut(path) else {
            self.0.insert(path.to_owned(), Begun { at: now, too_soon: 0 });
            return now;
        };
        if now.saturating_duration_since(begun.at) >= TOO_SOON {
            begun.too_soon = 0;
            begun.at = now;
            return now;
        }
        let pause = PAUSE
            .saturating_mul(2u32.saturating_pow(begun.too_soon))
            .min(MOST);
        begun.too_soon = begun.too_soon.saturating_add(1);
        begun.at = begun.at.max(now) + pause;
        begun.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_ends_at_once_again_and_again_begins_less_and_less_often() {
        let start = Instant::now();
        let mut pace = WatchPace::default();
        let mut now = start;
        for _ in 0..20 {
            now = pace.begin("/pods", now);
        }
        assert!(now - start > Duration::from_secs(20), "{:?}", now - start);
        assert_eq!(pace.begin("/nodes", now), now);
        let later = now + TOO_SOON;
        assert_eq!(pace.begin("/pods", later), later);
        assert_eq!(pace.begin("/pods", later), later + PAUSE);
    }
}
