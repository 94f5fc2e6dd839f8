//! Policies that were read lately: batches ask the same policy about many identities.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use iam_policy::Parsed;

/// How many bytes of policy text are remembered at most. What was read of a text takes some ten times as much.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// How many policies are remembered as having been seen.
const SEEN: usize = 8192;

/// A policy is kept from the second time on that it comes up: of a batch in which none does, only hashes are.
pub(super) struct Cache {
    hasher: RandomState,
    /// By the hash of their text.
    kept: HashMap<u64, Kept, RandomState>,
    kept_text: usize,
    /// Hashes of texts that are not kept, each in the place that it says.
    seen: Vec<u64>,
    /// The last policy that is not kept.
    passing: Option<Parsed>,
}

struct Kept {
    text: Box<str>,
    parsed: Parsed,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            kept: HashMap::default(),
            kept_text: 0,
            seen: vec![0; SEEN],
            passing: None,
        }
    }

    /// The policy of a text.
    pub(super) fn policy(&mut self, text: &str) -> &Parsed {
        let hash = self.hasher.hash_one(text);
        if self.kept.get(&hash).is_none_or(|kept| *kept.text != *text) {
            let parsed = iam_policy::parse(text);
            if !self.is_seen(hash) {
                return self.passing.insert(parsed);
            }
            self.keep(
                hash,
                Kept {
                    text: text.into(),
                    parsed,
                },
            );
        }
        match self.kept.get(&hash) {
            Some(kept) => &kept.parsed,
            None => self.passing.insert(iam_policy::parse(text)),
        }
    }

    /// Whether the text of this hash has come up lately.
    fn is_seen(&mut self, hash: u64) -> bool {
        let place = usize::try_from(hash % SEEN as u64).unwrap_or_default();
        self.seen
            .get_mut(place)
            .is_some_and(|seen| std::mem::replace(seen, hash) == hash)
    }

    fn keep(&mut self, hash: u64, kept: Kept) {
        self.kept_text += kept.text.len();
        if self.kept_text > MAX_TEXT {
            self.kept.clear();
            self.kept_text = kept.text.len();
        }
        if let Some(replaced) = self.kept.insert(hash, kept) {
            self.kept_text -= replaced.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(number: usize) -> String {
        format!(r#"{{"Id":"{number}{}","Statement":[]}}"#, "x".repeat(10_000))
    }

    #[test]
    fn each_text_gets_its_own_policy_however_often_it_comes() {
        let mut cache = Cache::new();
        for number in [1, 2, 1, 1, 2, 1, 2, 2, 3, 1] {
            let text = policy(number);
            assert_eq!(cache.policy(&text).document.as_ref().unwrap().text(), text);
        }
        assert_eq!(cache.kept.len(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut cache = Cache::new();
        for number in 0..500 {
            for _ in 0..2 {
                cache.policy(&policy(number));
            }
            let kept: usize = cache.kept.values().map(|kept| kept.text.len()).sum();
            assert!(kept == cache.kept_text && kept <= MAX_TEXT && kept > 0);
        }
    }
}
