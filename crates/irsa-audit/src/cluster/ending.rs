//! Work whose end must be told.

use tokio::sync::mpsc;

/// Tells what came of some work when it is dropped, however that comes about.
pub struct Ending<T, O> {
    told: Option<(T, O)>,
    done: mpsc::UnboundedSender<(T, O)>,
}

impl<T, O> Ending<T, O> {
    /// The work, and what came of it where nobody says otherwise.
    #[must_use]
    pub fn new(work: T, otherwise: O, done: mpsc::UnboundedSender<(T, O)>) -> Self {
        Self {
            told: Some((work, otherwise)),
            done,
        }
    }

    /// The work, and the place for what comes of it.
    pub fn get(&mut self) -> Option<(&T, &mut O)> {
        self.told.as_mut().map(|(work, outcome)| (&*work, outcome))
    }
}

impl<T, O> Drop for Ending<T, O> {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            // Nobody listens any more while the operator stops.
            drop(self.done.send(told));
        }
    }
}
