//! Who may write next: so many at once, fewer of them for one namespace, and namespaces in turn, so that one whose thousand statuses change keeps no
//! other waiting: neither here nor in the API server, to which its writes go beside those of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use turns::{AskedFor, Turns};

/// How many turns are free, who has one, and who waits for one.
#[derive(Debug)]
struct Places {
    free: usize,
    of_one: usize,
    /// Turns of each namespace that has any.
    taken: HashMap<String, usize>,
    is_closed: bool,
    waiting: Turns<Call>,
}

/// Calls one that waits.
#[derive(Debug)]
struct Call {
    namespace: String,
    sender: oneshot::Sender<()>,
}

impl Places {
    fn has_room_for(&self, namespace: &str) -> bool {
        let taken = self.taken.get(namespace).copied().unwrap_or_default();
        self.free > 0 && taken < self.of_one
    }

    fn take(&mut self, namespace: &str) {
        self.free -= 1;
        *self.taken.entry(namespace.to_owned()).or_default() += 1;
    }

    fn give_back(&mut self, namespace: &str) {
        self.free += 1;
        if let Some(taken) = self.taken.get_mut(namespace) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(namespace);
            }
        }
    }

    /// The next one that may go on. Few namespaces are passed over: those that have all turns that one may have.
    fn next(&mut self) -> Option<Call> {
        if self.free == 0 {
            // No namespace has room: all that wait, which may be thousands, would be asked.
            return None;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let next = waiting.pop_where(|namespace| self.has_room_for(namespace));
        self.waiting = waiting;
        next
    }
}

/// A line, shared by those who stand in it.
#[derive(Debug, Clone)]
pub struct Line(Arc<Mutex<Places>>);

/// Its holder may go on; the next one may when it is dropped.
#[derive(Debug)]
pub struct Turn {
    line: Line,
    namespace: String,
}

impl Line {
    /// A line in which so many have their turn at once, and so many of one namespace.
    #[must_use]
    pub fn new(at_once: usize, of_one: usize) -> Self {
        Self(Arc::new(Mutex::new(Places {
            free: at_once,
            of_one,
            taken: HashMap::new(),
            is_closed: false,
            waiting: Turns::default(),
        })))
    }

    /// Waits for a turn; nothing once the line is closed.
    pub async fn enter(&self, asked_for: AskedFor) -> Option<Turn> {
        let namespace = asked_for.namespace.clone();
        let called = {
            let mut line = self.lock();
            if line.is_closed {
                return None;
            }
            if line.has_room_for(&namespace) {
                line.take(&namespace);
                None
            } else {
                let (sender, called) = oneshot::channel();
                let namespace = namespace.clone();
                line.waiting.push(asked_for, Call { namespace, sender });
                Some(called)
            }
        };
        if let Some(called) = called {
            called.await.ok()?;
        }
        let line = self.clone();
        Some(Turn { line, namespace })
    }

    /// How many of a namespace wait for a turn.
    #[must_use]
    pub fn waiting(&self, namespace: &str) -> usize {
        self.lock().waiting.of(namespace)
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
        let mut line = self.line.lock();
        line.give_back(&self.namespace);
        while let Some(Call { namespace, sender }) = line.next() {
            if sender.send(()).is_ok() {
                line.take(&namespace);
            }
        }
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
        let line = Line::new(1, 1);
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
    async fn one_namespace_has_not_all_turns() {
        let line = Line::new(4, 2);
        let mut greedy = vec![line.enter(of("greedy")).await, line.enter(of("greedy")).await];
        let third = tokio::spawn({
            let line = line.clone();
            async move { line.enter(of("greedy")).await }
        });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        let others = [line.enter(of("shop")).await, line.enter(of("web")).await];
        assert!(others.iter().all(Option::is_some));
        greedy.pop();
        assert!(third.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn those_who_wait_are_counted_by_namespace() {
        let line = Line::new(1, 1);
        let turn = line.enter(of("shop")).await.unwrap();
        let waiting: Vec<_> = ["shop", "shop", "web"]
            .map(|namespace| {
                let line = line.clone();
                tokio::spawn(async move { drop(line.enter(of(namespace)).await) })
            })
            .into();
        tokio::task::yield_now().await;
        assert_eq!(["shop", "web", "other"].map(|name| line.waiting(name)), [2, 1, 0]);
        drop(turn);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(line.waiting("shop"), 0);
    }

    #[tokio::test]
    async fn a_closed_line_lets_nobody_in() {
        let line = Line::new(1, 1);
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
