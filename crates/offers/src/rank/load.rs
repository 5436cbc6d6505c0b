//! Starting: from the tables, and from there on from the log.
//!
//! While tables are read, what is committed waits in an inbox. People are read page by key, each page in a snapshot of
//! its own, since a snapshot may not live long; so every page notes how far the fold had come when it was read, and of
//! the log that follows each person gets only what is later than that.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use kernel::ProductId;
use store::{DbError, Store, StoredEvent, Tx, Unavailable, log};

use super::{Index, Work};
use crate::engagement::fold::{self, OfferState, Restore};
use crate::experiment::{self, Running};
use crate::inventory::{ProductLevel, ProductStock};
use crate::learn::Shared;
use crate::names::OfferId;
use crate::offer::{self, Offer};
use crate::pivot;
use crate::user::StoredProfile;

/// Rows of one snapshot of people.
const PEOPLE: i64 = 20_000;
/// Rows of other lists that are read at a time.
const PAGE: i64 = 1_000;

/// Up to where in the log each part of the index already is.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// Offers, pivots, experiments.
    offers: i64,
    /// What was learned.
    learned: i64,
    /// People: for each page its last id, ascending, and its position; nothing after the last page was known then.
    people: Vec<(String, i64)>,
    /// The position of the last page.
    nobody: i64,
}

/// What of an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fresh {
    pub(super) person: bool,
    pub(super) offer: bool,
}

impl Fresh {
    /// Everything.
    pub(super) const ALL: Self = Self { person: true, offer: true };
}

impl Since {
    /// The first position that may hold anything new.
    fn start(&self) -> i64 {
        let people = self.people.iter().map(|(_, position)| *position).chain([self.nobody]);
        people.chain([self.offers, self.learned]).min().unwrap_or(0)
    }

    /// Whether an event about offers themselves is new.
    pub(super) fn is_new(&self, position: i64) -> bool {
        position > self.offers
    }

    /// What is new of something that somebody did.
    pub(super) fn of(&self, person: &str, position: i64) -> Fresh {
        let page = self.people.partition_point(|(last, _)| last.as_str() < person);
        let known = self.people.get(page).map_or(self.nobody, |(_, known)| *known);
        Fresh { person: position > known, offer: position > self.learned }
    }
}

/// Offers and what is known of them, as of one instant.
struct Shop {
    head: i64,
    folded: i64,
    offers: Vec<Offer>,
    pivots: Vec<(OfferId, OfferId)>,
    running: Running,
    products: Vec<ProductId>,
    levels: Vec<ProductLevel>,
    states: Vec<(String, OfferState)>,
    shared: Shared,
}

impl Index {
    /// Fills the index from the store, and from then on follows its log: nobody who has been answered by this process
    /// is shown an older state. Returns when the index is complete.
    pub async fn open(
        self: &Arc<Self>,
        store: &Store,
        stock: Arc<dyn ProductStock>,
    ) -> Result<(), Unavailable> {
        store.opened().await;
        self.hold();
        let listener = Arc::clone(self);
        store.subscribe(move |events| listener.hear(events));
        let mut since = Since::default();
        self.load_people(store, &mut since).await?;
        self.load_shop(store, Arc::clone(&stock), &mut since).await?;
        let position = self.replay(store, &since).await?;
        self.release(position);
        self.refresh(store.now(), Work::ALL);
        tokio::spawn(follow_products(Arc::downgrade(self), store.clone(), stock));
        Ok(())
    }

    async fn load_people(self: &Arc<Self>, store: &Store, since: &mut Since) -> Result<(), Unavailable> {
        let mut last = String::new();
        loop {
            let (after, mut into) =
                (last, Into { index: Arc::clone(self), states: Vec::new(), shared: Shared::default() });
            let read = move |tx: &mut Tx<'_>| {
                Ok::<_, Unavailable>(fold::people_after(tx, &after, PEOPLE, &mut into)?)
            };
            let (position, end) = store.scan(read).await?;
            since.nobody = position;
            let Some(end) = end else { return Ok(()) };
            since.people.push((end.clone(), position));
            last = end;
        }
    }

    async fn load_shop(
        self: &Arc<Self>,
        store: &Store,
        stock: Arc<dyn ProductStock>,
        since: &mut Since,
    ) -> Result<(), Unavailable> {
        let now = store.now();
        let index = Arc::clone(self);
        let shop = store.scan(move |tx| Ok::<_, Unavailable>(Shop::read(tx, index, &*stock)?)).await?;
        (since.offers, since.learned) = (shop.head, shop.folded);
        let mut catalog = self.catalog();
        shop.offers.iter().for_each(|offer| catalog.put(offer, now, &self.categories, &self.segments));
        shop.pivots.iter().for_each(|(from, to)| catalog.pivot(from, Some(to)));
        catalog.products.take_wanted();
        let concerned = catalog.products.learn(&shop.products, &shop.levels);
        catalog.restock_all(&concerned);
        shop.states.into_iter().for_each(|(id, state)| catalog.recall(&id, state));
        catalog.shared = shop.shared;
        drop(catalog);
        self.run_experiment(shop.running);
        Ok(())
    }

    /// Takes in the log from where the tables ended; returns the position that it came to.
    async fn replay(&self, store: &Store, since: &Since) -> Result<i64, Unavailable> {
        let mut position = since.start();
        loop {
            let page =
                store.scan(move |tx| Ok::<_, Unavailable>(log::after(tx, position, None, PAGE)?)).await?;
            let Some(last) = page.last() else { return Ok(position) };
            position = last.position;
            for event in &page {
                self.take_in(event, Some(since));
            }
        }
    }

    fn hear(&self, events: &[StoredEvent]) {
        let mut inbox = self.inbox();
        if let Some(waiting) = &mut *inbox {
            waiting.extend_from_slice(events);
        } else {
            drop(inbox);
            // A commit can be read in the log a moment before it is told.
            let replayed = self.replayed.load(Ordering::Acquire);
            let late = events.partition_point(|event| event.position <= replayed);
            self.apply(&events[late..]);
        }
    }

    /// Lets events wait.
    fn hold(&self) {
        *self.inbox() = Some(Vec::new());
    }

    /// Takes in what waited, as far as it is later than a position, and lets nothing wait any more.
    fn release(&self, position: i64) {
        let mut inbox = self.inbox();
        self.replayed.store(position, Ordering::Release);
        let waiting = inbox.take().unwrap_or_default();
        let late = waiting.partition_point(|event| event.position <= position);
        // Under the lock: what is heard meanwhile comes after it.
        self.apply(&waiting[late..]);
    }
}

/// Where the tables go.
struct Into {
    index: Arc<Index>,
    states: Vec<(String, OfferState)>,
    shared: Shared,
}

impl Restore for Into {
    fn person(&mut self, id: &str, segment: &str, profile: &StoredProfile<'_>) {
        let segment = self.index.segments.number(segment);
        let profile = self.index.categories.edit(|categories| profile.profile(segment, categories));
        self.index.people.change(id, || profile, |person| *person = profile);
    }

    fn offer(&mut self, id: &str, state: OfferState) {
        self.states.push((id.to_owned(), state));
    }

    fn shared(&mut self, shared: Shared) {
        self.shared = shared;
    }
}

impl Shop {
    fn read(tx: &mut Tx<'_>, index: Arc<Index>, stock: &dyn ProductStock) -> Result<Self, DbError> {
        let offers = all(|last: Option<&Offer>| {
            let filter =
                offer::queries::Filter { after: last.map(|offer| offer.id.clone()), ..Default::default() };
            offer::queries::page(tx, &filter, PAGE)
        })?;
        let pivots =
            all(|last: Option<&pivot::Pivot>| pivot::queries::page(tx, last.map(|pivot| &pivot.from), PAGE))?;
        let mut products: Vec<ProductId> = offers.iter().filter_map(|offer| offer.product).collect();
        products.sort_unstable();
        products.dedup();
        let mut into = Into { index, states: Vec::new(), shared: Shared::default() };
        let folded = fold::offers(tx, &mut into)?;
        Ok(Self {
            head: log::head(tx)?,
            folded,
            pivots: pivots.into_iter().filter_map(|pivot| Some((pivot.from, pivot.to?))).collect(),
            running: Running::new(experiment::queries::running(tx)?),
            levels: stock.levels(tx, &products)?,
            offers,
            products,
            states: into.states,
            shared: into.shared,
        })
    }
}

/// All pages of a list, each read with the last element of the one before.
fn all<T>(mut page: impl FnMut(Option<&T>) -> Result<Vec<T>, DbError>) -> Result<Vec<T>, DbError> {
    let mut all = Vec::new();
    loop {
        let more = page(all.last())?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// Reads the levels of products that offers have been tied to since the start, whenever there are any.
async fn follow_products(index: Weak<Index>, store: Store, stock: Arc<dyn ProductStock>) {
    /// How long to wait before what could not be read is asked for again.
    const RETRY_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
    while let Some(wanted) = index.upgrade().map(|index| index.wanted.clone()) {
        let Some(asked) = index.upgrade().map(|index| index.catalog().products.take_wanted()) else { return };
        if asked.is_empty() {
            wanted.notified().await;
            continue;
        }
        let (stock, products) = (Arc::clone(&stock), asked.clone());
        let read = store.scan(move |tx| Ok::<_, Unavailable>(stock.levels(tx, &products)?)).await;
        let Some(index) = index.upgrade() else { return };
        match read {
            Ok(levels) => index.learn_levels(&asked, &levels),
            Err(Unavailable::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "what the stores have of new products cannot be read now");
                index.catalog().products.want(&asked);
                drop(index);
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}
