//! Counts the steps of loops over many objects, so that a test can hold how work grows with the number of objects. Seconds differ
//! from machine to machine; steps do not.
//!
//! Only debug builds count. A release build has neither the counter nor a cost.

use std::cell::Cell;

thread_local! {
    /// The steps of this thread since it began.
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts one step.
#[inline]
pub fn step() {
    if cfg!(debug_assertions) {
        STEPS.set(STEPS.get().wrapping_add(1));
    }
}

/// How many steps this thread has counted since it began; 0 in release builds.
#[must_use]
pub fn steps() -> u64 {
    STEPS.get()
}

/// The items of a loop, each of which counts as one step when it is taken.
#[inline]
pub fn each<I: IntoIterator>(items: I) -> impl Iterator<Item = I::Item> {
    items.into_iter().inspect(|_| step())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_that_is_taken_is_a_step() {
        let before = steps();
        assert_eq!(each([1, 2, 3]).find(|item| *item == 2), Some(2));
        let counted = if cfg!(debug_assertions) { 2 } else { 0 };
        assert_eq!(steps() - before, counted);
    }
}
