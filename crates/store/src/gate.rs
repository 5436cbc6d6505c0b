//! What lets snapshots and batches in, and holds them back for a moment when the WAL has to start again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Many may be inside; whoever closes the gate waits, within a bound, until all have left.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    closed: bool,
}

/// The right to be inside, until dropped.
pub(crate) struct Pass<'g>(&'g Gate);

impl Gate {
    /// Enters, waiting while the gate is closed.
    pub(crate) fn enter(&self) -> Pass<'_> {
        let state = self.lock();
        let mut state =
            self.changed.wait_while(state, |state| state.closed).unwrap_or_else(PoisonError::into_inner);
        state.inside += 1;
        Pass(self)
    }

    /// Runs `f` while nobody is inside and nobody can enter; `None` if some had not left within `limit`.
    pub(crate) fn while_closed<T>(&self, limit: Duration, f: impl FnOnce() -> T) -> Option<T> {
        let until = Instant::now() + limit;
        let mut state = self.lock();
        state.closed = true;
        while state.inside > 0 {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let all_left = state.inside == 0;
        drop(state);
        let result = all_left.then(f);
        self.lock().closed = false;
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.inside -= 1;
        if state.closed {
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_visitor_keeps_it_from_closing_and_nobody_waits_for_ever() {
        let gate = Gate::default();
        let pass = gate.enter();
        assert_eq!(gate.while_closed(Duration::from_millis(1), || ()), None);
        let second = gate.enter();
        drop((pass, second));
        assert_eq!(gate.while_closed(Duration::from_millis(1), || 7), Some(7));
    }

    #[test]
    fn whoever_comes_while_it_is_closed_enters_afterwards() {
        let gate = Gate::default();
        std::thread::scope(|scope| {
            let inside = gate.while_closed(Duration::from_secs(10), || {
                let visitor = scope.spawn(|| drop(gate.enter()));
                std::thread::yield_now();
                assert_eq!(gate.lock().inside, 0);
                visitor
            });
            assert!(inside.expect("nobody was inside").join().is_ok());
        });
    }
}
