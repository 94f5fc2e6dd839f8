//! What many objects share, each kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use crate::objects::{PolicyRule, Text};

/// So many bytes that nothing needs any more are not worth a look at everything.
const SLACK: usize = 1 << 20;

/// What can be shared.
pub(crate) trait Shared: Eq + Hash {
    /// About how many bytes it takes, without what it shares itself.
    fn bytes(&self) -> usize;
}

impl Shared for str {
    fn bytes(&self) -> usize {
        64 + self.len()
    }
}

impl Shared for [PolicyRule] {
    fn bytes(&self) -> usize {
        let of_rule = |rule: &PolicyRule| 64 + 16 * rule.words();
        64 + self.iter().map(of_rule).sum::<usize>()
    }
}

/// Values that are each kept once, as long as somebody else has them, and some time longer.
#[derive(Debug)]
pub(crate) struct Pool<T: Shared + ?Sized> {
    values: HashSet<Arc<T>>,
    bytes: usize,
    /// How many bytes were left after the last sweep.
    swept: usize,
}

// A derived one would ask that the values are.
impl<T: Shared + ?Sized> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            values: self.values.clone(),
            ..*self
        }
    }
}

impl<T: Shared + ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            bytes: 0,
            swept: 0,
        }
    }
}

impl<T: Shared + ?Sized> Pool<T> {
    /// The value as it is kept.
    pub(crate) fn get(&self, value: &T) -> Option<Arc<T>> {
        self.values.get(value).cloned()
    }

    /// Keeps a value that was not there.
    pub(crate) fn insert(&mut self, value: Arc<T>) -> Arc<T> {
        if self.values.insert(Arc::clone(&value)) {
            self.bytes += value.bytes();
        }
        value
    }

    /// Whether there may be as many bytes of values that nothing needs any more as of others: whoever changes one object again and again makes
    /// these, of any length.
    pub(crate) fn is_due(&self) -> bool {
        self.bytes > 2 * self.swept + SLACK
    }

    /// Lets go of values that nothing needs any more.
    pub(crate) fn sweep(&mut self) {
        let mut left = 0;
        self.values.retain(|value| {
            counted::step();
            let is_needed = Arc::strong_count(value) > 1;
            left += if is_needed { value.bytes() } else { 0 };
            is_needed
        });
        (self.bytes, self.swept) = (left, left);
    }
}

impl Pool<str> {
    /// A text as it is kept.
    pub(crate) fn text(&mut self, text: &str) -> Text {
        self.get(text).unwrap_or_else(|| self.insert(text.into()))
    }
}
