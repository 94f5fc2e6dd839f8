//! Policies that were read lately: batches ask the same policy about many identities.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use iam_policy::Parsed;

use super::json_text;

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

    /// The policy of a JSON text: an object, or a string that holds the document's text.
    /// `None` for a string with an escape that stands for no character.
    pub(super) fn policy(&mut self, json: &str) -> Option<&Parsed> {
        let hash = self.hasher.hash_one(json);
        if self.kept.get(&hash).is_none_or(|kept| *kept.text != *json) {
            let parsed = parse(json)?;
            if !self.is_seen(hash) {
                return Some(self.passing.insert(parsed));
            }
            self.keep(
                hash,
                Kept {
                    text: json.into(),
                    parsed,
                },
            );
        }
        match self.kept.get(&hash) {
            Some(kept) => Some(&kept.parsed),
            None => Some(self.passing.insert(parse(json)?)),
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

fn parse(json: &str) -> Option<Parsed> {
    if json.starts_with('"') {
        json_text::text(json).map(|text| iam_policy::parse(&text))
    } else {
        Some(iam_policy::parse(json))
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
            assert_eq!(
                cache.policy(&text).unwrap().document.as_ref().unwrap().text(),
                text
            );
        }
        assert_eq!(cache.kept.len(), 2);
        let quoted = serde_json::to_string(&policy(1)).unwrap();
        assert_eq!(
            cache.policy(&quoted).unwrap().document.as_ref().unwrap().text(),
            policy(1)
        );
        assert!(cache.policy(r#""\ud800""#).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut cache = Cache::new();
        for number in 0..500 {
            for _ in 0..2 {
                cache.policy(&policy(number)).unwrap();
            }
            let kept: usize = cache.kept.values().map(|kept| kept.text.len()).sum();
            assert!(kept == cache.kept_text && kept <= MAX_TEXT && kept > 0);
        }
    }
}
