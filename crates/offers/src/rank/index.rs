//! The index: fed by the log, asked by everybody.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use kernel::{ProductId, Timestamp};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use serde::de::DeserializeOwned;
use store::StoredEvent;
use tokio::sync::Notify;

use super::catalog::Catalog;
use super::deal::{Dealer, Done, Work};
use super::load::{Fresh, Since};
use super::metrics::RankMetrics;
use super::names::Names;
use super::people::People;
use super::plan::{Plan, PolicyPlan};
use super::products::Products;
use super::refresh::Bell;
use super::wire::Unpivoted;
use crate::engagement::{ENGAGEMENT, Engagement, Numbers, Rewards, Tracked};
use crate::experiment::Running;
use crate::experiment::commands::{ARM_STOPPED, STARTED, STOPPED};
use crate::inventory::{Counted, OFFER_STOCK, ProductLevel};
use crate::learn::{PolicyName, PolicySettings, name_hash};
use crate::offer::Offer;
use crate::offer::commands::{OFFER_CHANGED, OFFER_CREATED, OFFER_DELETED, OFFER_EXPIRED};
use crate::pivot::{OFFER_NO_PIVOT, OFFER_PIVOTED, OFFER_UNPIVOTED, Pivoted};
use crate::user::{Imported, NEW_SEGMENT, Profile, USER_IMPORTED};

/// How offers are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    /// The policy that decides for everybody who is in no experiment.
    pub policy: PolicyName,
    /// What can be chosen about policies.
    pub policies: PolicySettings,
    /// What counts as a success.
    pub rewards: Rewards,
    /// Makes all chance repeatable; without it the machine's source is asked.
    pub seed: Option<u64>,
}

/// All offers and all people in memory, ready to answer.
pub struct Index {
    pub(super) catalog: Mutex<Catalog>,
    pub(super) categories: Names,
    pub(super) segments: Names,
    pub(super) people: People,
    pub(super) plan: ArcSwap<Plan>,
    pub(super) default_policy: PolicyName,
    /// The state of the generator that picks hands.
    pub(super) draws: AtomicU64,
    /// Whether anybody has been answered since hands were last dealt.
    pub(super) asked: AtomicBool,
    pub(super) bell: Bell,
    /// Rings when levels of products have to be read.
    pub(super) wanted: Arc<Notify>,
    pub(super) experiment: ArcSwap<Running>,
    /// Up to where in the log the start has read: what is told later than it could be read is not taken in again.
    pub(super) replayed: AtomicI64,
    /// Events wait here while tables are read.
    inbox: Mutex<Option<Vec<StoredEvent>>>,
    dealer: Mutex<Dealer>,
    /// The policies that experiments use from the next refresh on, when they are others than before.
    others: Mutex<Option<Vec<PolicyName>>>,
    rewards: Rewards,
    metrics: RankMetrics,
}

impl Index {
    /// An index that knows nothing yet.
    pub fn new(settings: &Settings) -> Self {
        let dealer = Dealer::new(settings.policy, settings.policies, settings.seed);
        let draws = settings.seed.unwrap_or_else(|| SmallRng::from_os_rng().random());
        Self {
            catalog: Mutex::default(),
            categories: Names::default(),
            segments: Names::default(),
            people: People::default(),
            plan: ArcSwap::from_pointee(Plan::empty(PolicyPlan::blank(settings.policy))),
            default_policy: settings.policy,
            draws: AtomicU64::new(draws),
            asked: AtomicBool::new(false),
            bell: Bell::default(),
            wanted: Arc::default(),
            experiment: ArcSwap::default(),
            replayed: AtomicI64::new(0),
            inbox: Mutex::default(),
            dealer: Mutex::new(dealer),
            others: Mutex::default(),
            rewards: settings.rewards,
            metrics: RankMetrics::default(),
        }
    }

    /// Takes in events of the log, each once and in order; events of no concern are passed over.
    pub fn apply(&self, events: &[StoredEvent]) {
        let mut urgent = false;
        for event in events {
            urgent |= self.take_in(event, None);
        }
        if self.catalog().products.wants() {
            self.wanted.notify_one();
        }
        if urgent {
            self.bell.ring();
        }
    }

    /// Brings hands and lists up to date with what was applied, and deals some hands anew.
    pub fn refresh(&self, now: Timestamp, work: Work) -> Done {
        let mut dealer = self.dealer();
        if let Some(others) = self.others.lock().unwrap_or_else(PoisonError::into_inner).take() {
            dealer.want(others);
        }
        let news = self.catalog().news(&self.categories);
        let (next, done) = dealer.deal(&self.plan.load(), news, now, work);
        if let Some(next) = next {
            self.plan.store(Arc::new(next));
        }
        done
    }

    /// Whether a refresh would change anything even if no hand were dealt anew.
    pub(super) fn is_behind(&self, now: Timestamp) -> bool {
        let has_news =
            self.catalog().has_news() || self.others.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        has_news || self.plan.load().is_aged(now) || self.dealer().has_work()
    }

    /// What it takes to deal one hand of every policy.
    pub(super) fn draws_per_hand(&self) -> usize {
        let plan = self.plan.load();
        plan.fixed.len() * plan.policies().count()
    }

    /// What is counted; to be shown it has to be registered.
    pub fn metrics(&self) -> &RankMetrics {
        &self.metrics
    }

    /// How many offers there are, and how many people are known.
    pub fn sizes(&self) -> (usize, usize) {
        // One after the other: whoever changes a person holds them while asking for the catalog.
        let offers = self.catalog().len();
        (offers, self.people.len())
    }

    /// Takes over what the stores have of products that were asked for.
    pub(super) fn learn_levels(&self, asked: &[ProductId], levels: &[ProductLevel]) {
        let mut catalog = self.catalog();
        let concerned = catalog.products.learn(asked, levels);
        catalog.restock_all(&concerned);
        drop(catalog);
        self.bell.ring();
    }

    pub(super) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Option<Vec<StoredEvent>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the index is complete and can answer.
    pub fn is_ready(&self) -> bool {
        self.plan.load().at != Plan::NEVER
    }

    fn dealer(&self) -> MutexGuard<'_, Dealer> {
        self.dealer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in one event, or what is new of it; says whether the plan should follow at once.
    pub(super) fn take_in(&self, event: &StoredEvent, since: Option<&Since>) -> bool {
        match event.kind.as_str() {
            ENGAGEMENT => self.engage(event, since),
            USER_IMPORTED => self.import(event, since),
            _ if since.is_none_or(|since| since.is_new(event.position)) => return self.change(event),
            _ => {}
        }
        false
    }

    /// Takes in one event about offers themselves, or what they depend on; says whether it was one.
    fn change(&self, event: &StoredEvent) -> bool {
        match event.kind.as_str() {
            OFFER_CREATED | OFFER_CHANGED | OFFER_EXPIRED => self.with(event, |catalog, offer: &Offer| {
                catalog.put(offer, event.time, &self.categories, &self.segments);
            }),
            OFFER_DELETED => self.catalog().remove(&event.subject),
            OFFER_STOCK => self.with(event, |catalog, stock: &Counted| {
                catalog.set_own(stock.offer.as_str(), stock.inventory_own.get());
            }),
            OFFER_PIVOTED => {
                self.with(event, |catalog, pivot: &Pivoted| catalog.pivot(&pivot.from, Some(&pivot.to)));
            }
            OFFER_UNPIVOTED | OFFER_NO_PIVOT => {
                self.with(event, |catalog, pivot: &Unpivoted| catalog.pivot(&pivot.from, None));
            }
            "halles.stock.changed" => self.with_product(event, Products::change_levels),
            "halles.product.changed" | "halles.product.deactivated" => {
                self.with_product(event, Products::change_product);
            }
            "halles.shop.created" | "halles.shop.changed" => self.with_product(event, Products::change_place),
            STARTED | ARM_STOPPED | STOPPED => {
                let mut running = self.experiment.load().as_ref().clone();
                running.apply(event);
                self.run_experiment(running);
            }
            _ => return false,
        }
        true
    }

    fn with<T: DeserializeOwned>(&self, event: &StoredEvent, change: impl FnOnce(&mut Catalog, &T)) {
        if let Some(data) = read(event) {
            change(&mut self.catalog(), &data);
        }
    }

    /// Takes in an event that concerns products. While no offer is tied to any it need not be read, and there may be
    /// very many.
    fn with_product<T: DeserializeOwned>(
        &self,
        event: &StoredEvent,
        change: fn(&mut Products, &T) -> Vec<u32>,
    ) {
        if self.catalog().products.is_empty() {
            return;
        }
        self.with(event, |catalog, data| {
            let concerned = change(&mut catalog.products, data);
            catalog.restock_all(&concerned);
        });
    }

    /// Splits people by an experiment from now on, or by none.
    pub(super) fn run_experiment(&self, running: Running) {
        let others = running.policies().filter(|policy| *policy != self.default_policy).collect();
        self.experiment.store(Arc::new(running));
        // Not the dealer itself: whoever commits would wait for a refresh to end.
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = Some(others);
    }

    fn engage(&self, event: &StoredEvent, since: Option<&Since>) {
        match Engagement::read(event) {
            Ok(engagement) => {
                for tracked in &engagement.events {
                    let fresh = since.map_or(Fresh::ALL, |since| since.of(&tracked.user_id, event.position));
                    self.track(tracked, event.time, fresh);
                }
            }
            Err(error) => tracing::error!(%error, "engagement that cannot be read is not learned from"),
        }
    }

    fn track(&self, event: &Tracked<'_>, at: Timestamp, fresh: Fresh) {
        let category = self.categories.number(&event.category);
        let category_hash = name_hash(&event.category);
        self.people.change(
            &event.user_id,
            || self.stranger(),
            |person| {
                let segment_hash = self.segments.hash(person.segment());
                let numbers = Numbers { category, category_hash, segment_hash };
                let before = *person;
                if fresh.offer {
                    self.catalog().engage(person, event, at, numbers, &self.rewards);
                } else if fresh.person {
                    person.apply(category, event.event_type, at);
                }
                if !fresh.person {
                    *person = before;
                }
            },
        );
    }

    fn import(&self, event: &StoredEvent, since: Option<&Since>) {
        let imported = match Imported::read(event) {
            Ok(imported) => imported.users,
            Err(error) => return tracing::error!(%error, "people who cannot be read are not made known"),
        };
        for user in &imported {
            if since.is_some_and(|since| !since.of(&user.user_id, event.position).person) {
                continue;
            }
            self.people.change(
                &user.user_id,
                || self.stranger(),
                |person| {
                    self.segments.edit(|segments| {
                        self.categories
                            .edit(|categories| user.apply(person, event.time, segments, categories));
                    });
                },
            );
        }
    }

    /// Somebody of whom nothing is known.
    fn stranger(&self) -> Profile {
        Profile::new(self.segments.number(NEW_SEGMENT))
    }
}

/// The content of an event. One that cannot be read is left out: it is a fault of ours, and nothing can be done here.
fn read<T: DeserializeOwned>(event: &StoredEvent) -> Option<T> {
    serde_json::from_str(&event.data)
        .inspect_err(|error| tracing::error!(position = event.position, kind = event.kind, %error, "an event cannot be read"))
        .ok()
}
