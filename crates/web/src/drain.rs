//! The signal that the server is stopping.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells everybody who works for long, such as event streams, that the server is stopping. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Drain(Arc<watch::Sender<bool>>);

impl Drain {
    /// A server that is not stopping.
    pub fn new() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }

    /// Starts stopping; there is no way back.
    pub fn start(&self) {
        self.0.send_replace(true);
    }

    /// Whether the server is stopping.
    pub fn is_started(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server is stopping.
    pub async fn started(&self) {
        // The sender is alive as long as this is, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|started| *started).await;
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}
