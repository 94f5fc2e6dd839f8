//! Who may write next: so many at once, and namespaces in turn, so that one whose thousand statuses change keeps no other waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use turns::{AskedFor, Turns};

/// How many turns are free, and who waits for one.
#[derive(Debug)]
struct Places {
    free: usize,
    is_closed: bool,
    waiting: Turns<oneshot::Sender<()>>,
}

/// A line, shared by those who stand in it.
#[derive(Debug, Clone)]
pub struct Line(Arc<Mutex<Places>>);

/// Its holder may go on; the next one may when it is dropped.
#[derive(Debug)]
pub struct Turn(Line);

impl Line {
    /// A line in which so many have their turn at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Places {
            free: at_once,
            is_closed: false,
            waiting: Turns::default(),
        })))
    }

    /// Waits for a turn; nothing once the line is closed.
    pub async fn enter(&self, asked_for: AskedFor) -> Option<Turn> {
        let called = {
            let mut line = self.lock();
            if line.is_closed {
                return None;
            }
            if line.free > 0 {
                line.free -= 1;
                return Some(Turn(self.clone()));
            }
            let (call, called) = oneshot::channel();
            line.waiting.push(asked_for, call);
            called
        };
        called.await.ok().map(|()| Turn(self.clone()))
    }

    /// Gives nobody a turn any more.
    pub fn close(&self) {
        let mut line = self.lock();
        line.is_closed = true;
        line.waiting = Turns::default();
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.0.lock();
        while let Some(next) = line.waiting.pop() {
            if next.send(()).is_ok() {
                return;
            }
        }
        line.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn of(namespace: &str) -> AskedFor {
        AskedFor {
            namespace: namespace.to_owned(),
            is_urgent: true,
        }
    }

    #[tokio::test]
    async fn a_namespace_with_much_to_write_keeps_no_other_waiting() {
        let line = Line::new(1);
        let first = line.enter(of("greedy")).await.unwrap();
        let (sender, mut order) = mpsc::unbounded_channel();
        for namespace in ["greedy", "greedy", "greedy", "greedy", "shop"] {
            let (line, sender) = (line.clone(), sender.clone());
            tokio::spawn(async move {
                let _turn = line.enter(of(namespace)).await.unwrap();
                sender.send(namespace).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop((first, sender));
        let mut seen = Vec::new();
        while let Some(namespace) = order.recv().await {
            seen.push(namespace);
        }
        assert_eq!(seen.len(), 5);
        assert!(
            seen.iter().position(|namespace| *namespace == "shop") <= Some(1),
            "{seen:?}"
        );
    }

    #[tokio::test]
    async fn a_closed_line_lets_nobody_in() {
        let line = Line::new(1);
        let turn = line.enter(of("shop")).await.unwrap();
        let waiting = tokio::spawn({
            let line = line.clone();
            async move { line.enter(of("shop")).await.is_none() }
        });
        tokio::task::yield_now().await;
        line.close();
        assert!(waiting.await.unwrap());
        drop(turn);
        assert!(line.enter(of("shop")).await.is_none());
    }
}
