//! The thread that keeps the plan up to date.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kernel::Clock;

use super::{HANDS, Index, Work};

/// How long what was learned waits at most for the next refresh.
const EVERY: Duration = Duration::from_millis(50);
/// The share of a core that refreshing may take.
const SHARE: f64 = 0.15;
/// However long a refresh took, the next one does not wait longer than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(80);
/// All hands are dealt anew within so many refreshes, while there is time.
const ROUND: usize = 16;
/// Of how many offers at least what was learned is taken in by each refresh.
const LEAST_OFFERS: usize = 64;

/// Wakes the refresher.
#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default, Clone, Copy)]
struct State {
    urgent: bool,
    stopping: bool,
}

impl Bell {
    /// Asks for a refresh soon.
    pub(super) fn ring(&self) {
        self.set(|state| state.urgent = true);
    }

    fn stop(&self) {
        self.set(|state| state.stopping = true);
    }

    fn set(&self, f: impl FnOnce(&mut State)) {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_all();
    }

    /// Waits at least so long, then until somebody rings, or so long at most. Says whether to go on.
    fn wait(&self, least: Duration, most: Duration) -> bool {
        let started = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let until = if state.urgent { least } else { most };
            let left = until.saturating_sub(started.elapsed());
            if state.stopping || left.is_zero() {
                state.urgent = false;
                return !state.stopping;
            }
            state = self.rung.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Refreshes an index until it is dropped.
pub struct Refresher {
    index: Arc<Index>,
    thread: Option<JoinHandle<()>>,
}

impl Refresher {
    /// Starts the thread.
    pub fn start(index: Arc<Index>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let mine = Arc::clone(&index);
        let thread = std::thread::Builder::new()
            .name("offers-refresh".to_owned())
            .spawn(move || run(&mine, clock.as_ref()))?;
        Ok(Self { index, thread: Some(thread) })
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.index.bell.stop();
        if let Some(thread) = self.thread.take() {
            // Its end is all that is waited for; a panic of it has been told.
            let _ = thread.join();
        }
    }
}

fn run(index: &Index, clock: &dyn Clock) {
    let mut pace = Pace::default();
    loop {
        let started = Instant::now();
        let now = clock.now();
        // Hands are dealt anew only while somebody looks at them.
        let asked = index.asked.swap(false, Ordering::Relaxed);
        if asked || index.is_behind(now) {
            let done = index.refresh(now, pace.work(index.draws_per_hand(), asked));
            pace.learn(started.elapsed(), done.draws);
            index.metrics().refreshed(done, started.elapsed(), index.sizes());
        }
        let (least, most) = pause(started.elapsed());
        if !index.bell.wait(least, most) {
            return;
        }
    }
}

/// What a draw costs, the lists that follow from it included.
struct Pace {
    nanos: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { nanos: 200.0 }
    }
}

impl Pace {
    /// The work that fits into a refresh: half of it for hands dealt anew, half for what was learned.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    fn work(&self, draws_per_hand: usize, asked: bool) -> Work {
        let draws = (EVERY.as_nanos() as f64 * SHARE / 2.0 / self.nanos) as usize;
        let hands = (draws / draws_per_hand.max(1)).clamp(1, HANDS / ROUND);
        Work { hands: if asked { hands } else { 0 }, offers: (draws / HANDS).max(LEAST_OFFERS) }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn learn(&mut self, took: Duration, draws: usize) {
        if draws >= HANDS * LEAST_OFFERS {
            let nanos = took.as_nanos() as f64 / draws as f64;
            self.nanos = (0.9 * self.nanos + 0.1 * nanos).clamp(10.0, 100_000.0);
        }
    }
}

/// How long to wait after a refresh that took so long, at least and at most.
fn pause(took: Duration) -> (Duration, Duration) {
    let least = took.mul_f64(1.0 / SHARE - 1.0).min(LONGEST_PAUSE);
    (least, least.max(EVERY.saturating_sub(took)))
}
