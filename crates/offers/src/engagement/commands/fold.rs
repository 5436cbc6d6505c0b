//! The durable fold: what people did, taken into the tables from which the ranking index starts.
//!
//! A consumer of the log. Each step reads the rows that its events touch, takes the events in one after the other
//! ([`Touched::apply`]), and writes each row once, in the transaction that moves its cursor: however the log is
//! cut into steps, and whatever crashes between them, the tables come out the same.

use std::collections::{BTreeSet, HashMap};

use kernel::Timestamp;
use store::{Consumer, DbError, Lane, RowRef, StoredEvent, Tx, log, params};

use crate::engagement::{Counts, ENGAGEMENT, Engagement, EventType, Numbers, Rewards, Touched, Tracked};
use crate::experiment;
use crate::learn::{Arm, Shared, name_hash};
use crate::trending::{StoredWindows, Windows};
use crate::user::{Imported, ImportedUser, Interner, NEW_SEGMENT, Profile, StoredProfile, USER_IMPORTED};

/// The name of the cursor.
pub const NAME: &str = "offers.fold";
/// Its own lane: nothing else writes these tables.
pub const LANE: Lane = Lane("offers.fold");

/// The consumer, which counts successes by `rewards`.
pub fn consumer(
    rewards: Rewards,
) -> Consumer<impl Fn(&mut Tx<'_>, Timestamp, &[StoredEvent]) -> Result<(), DbError> + Clone + Send + 'static>
{
    Consumer {
        name: NAME,
        lane: LANE,
        kinds: &[ENGAGEMENT, USER_IMPORTED],
        effect: move |tx: &mut Tx<'_>, _, events: &[StoredEvent]| fold(tx, events, &rewards),
    }
}

/// Takes some events of the log into the tables, in order.
pub fn fold(tx: &mut Tx<'_>, events: &[StoredEvent], rewards: &Rewards) -> Result<(), DbError> {
    let told = events.iter().map(Told::read).collect::<Result<Vec<_>, _>>()?;
    let mut known = Known::read(tx, &told)?;
    for told in &told {
        known.apply(told, rewards);
    }
    known.write(tx)?;
    told.iter().try_for_each(|told| experiment::fold(tx, told.at, told.tracked()))
}

/// What a log event of interest tells.
struct Told<'a> {
    at: Timestamp,
    what: What<'a>,
}

enum What<'a> {
    Engagement(Vec<Tracked<'a>>),
    Imported(Vec<ImportedUser<'a>>),
}

impl<'a> Told<'a> {
    fn read(event: &'a StoredEvent) -> Result<Self, DbError> {
        let what = if event.kind == USER_IMPORTED {
            What::Imported(Imported::read(event)?.users)
        } else {
            What::Engagement(Engagement::read(event)?.events)
        };
        Ok(Self { at: event.time, what })
    }

    fn tracked(&self) -> &[Tracked<'a>] {
        match &self.what {
            What::Engagement(events) => events,
            What::Imported(_) => &[],
        }
    }

    fn people(&self) -> impl Iterator<Item = &str> {
        let imported: &[ImportedUser<'_>] = match &self.what {
            What::Imported(users) => users,
            What::Engagement(_) => &[],
        };
        let engaged = self.tracked().iter().map(|event| &*event.user_id);
        engaged.chain(imported.iter().map(|user| &*user.user_id))
    }
}

/// The rows that a step touches, by name.
struct Known<'a> {
    people: Rows<'a, Profile>,
    offers: Rows<'a, OfferState>,
    shared: Shared,
    /// Whether anything was done, so that the learner has changed.
    engaged: bool,
    categories: Interner,
    segments: Interner,
}

/// Values by name, in the names' order: the one order in which rows are read and written.
struct Rows<'a, T> {
    names: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    values: Vec<T>,
}

impl<'a, T: Clone> Rows<'a, T> {
    fn new(names: impl Iterator<Item = &'a str>, default: &T) -> Self {
        let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
        let places = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        Self { values: vec![default.clone(); names.len()], places, names }
    }

    fn get(&mut self, name: &str) -> Option<&mut T> {
        self.places.get(name).map(|place| &mut self.values[*place])
    }

    fn iter(&self) -> impl Iterator<Item = (&'a str, &T)> {
        self.names.iter().copied().zip(&self.values)
    }
}

/// What is known of what was done with one offer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OfferState {
    /// How often each thing was done.
    pub counts: Counts,
    /// What was learned.
    pub arm: Arm,
    /// What was done of late.
    pub windows: Windows,
}

impl<'a> Known<'a> {
    fn read(tx: &mut Tx<'_>, told: &'a [Told<'a>]) -> Result<Self, DbError> {
        let (mut categories, mut segments) = (Interner::default(), Interner::default());
        let stranger = Profile::new(segments.number(NEW_SEGMENT));
        let mut people = Rows::new(told.iter().flat_map(Told::people), &stranger);
        let mut offers = Rows::new(
            told.iter().flat_map(Told::tracked).map(|event| &*event.offer_id),
            &OfferState::default(),
        );
        let values = &mut people.values;
        tx.query_each(
            "SELECT segment, state FROM offer_user WHERE id = $1",
            people.names.iter().map(|id| params![*id]),
            |place, row| {
                let (segment, state) = (row.get::<String>(0)?, row.get::<String>(1)?);
                values[place] =
                    parse::<StoredProfile<'_>>(&state)?.profile(segments.number(&segment), &mut categories);
                Ok(())
            },
        )?;
        let values = &mut offers.values;
        tx.query_each(
            "SELECT views, clicks, carts, redemptions, dismissals, state, activity FROM offer_arm WHERE offer_id = $1",
            offers.names.iter().map(|id| params![*id]),
            |place, row| {
                values[place] = OfferState::read(row, 0)?;
                Ok(())
            },
        )?;
        let engaged = !offers.names.is_empty();
        let shared = if engaged { read_shared(tx)? } else { Shared::default() };
        Ok(Self { people, offers, shared, engaged, categories, segments })
    }

    fn apply(&mut self, told: &Told<'_>, rewards: &Rewards) {
        match &told.what {
            What::Engagement(events) => events.iter().for_each(|event| self.engage(event, told.at, rewards)),
            What::Imported(users) => users.iter().for_each(|user| {
                if let Some(person) = self.people.get(&user.user_id) {
                    user.apply(person, told.at, &mut self.segments, &mut self.categories);
                }
            }),
        }
    }

    fn engage(&mut self, event: &Tracked<'_>, at: Timestamp, rewards: &Rewards) {
        let (Some(person), Some(offer)) = (self.people.get(&event.user_id), self.offers.get(&event.offer_id))
        else {
            return;
        };
        let numbers = Numbers {
            category: self.categories.number(&event.category),
            category_hash: name_hash(&event.category),
            segment_hash: name_hash(self.segments.name(person.segment())),
        };
        let OfferState { counts, arm, windows } = offer;
        let mut touched = Touched { person, counts, windows, arm, shared: &mut self.shared };
        touched.apply(event, at, numbers, rewards);
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        let people = self.people.iter().map(|(id, profile)| {
            let state = written(&StoredProfile::of(profile, &self.categories))?;
            Ok((id, self.segments.name(profile.segment()), state))
        });
        let people = people.collect::<Result<Vec<_>, DbError>>()?;
        tx.execute_each(
            "INSERT INTO offer_user (id, segment, state) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET segment = excluded.segment, state = excluded.state",
            people.iter().map(|(id, segment, state)| params![*id, *segment, state]),
        )?;
        let offers = self.offers.iter().map(|(id, offer)| {
            Ok((
                id,
                offer.counts.0.map(i64::from),
                written(&offer.arm)?,
                written(&offer.windows.to_stored())?,
            ))
        });
        let offers = offers.collect::<Result<Vec<_>, DbError>>()?;
        tx.execute_each(
            "INSERT INTO offer_arm (offer_id, views, clicks, carts, redemptions, dismissals, state, activity)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (offer_id) DO UPDATE SET views = excluded.views, clicks = excluded.clicks, carts = excluded.carts,
               redemptions = excluded.redemptions, dismissals = excluded.dismissals, state = excluded.state,
               activity = excluded.activity",
            offers.iter().map(|(id, [views, clicks, carts, redemptions, dismissals], state, activity)| {
                params![*id, *views, *clicks, *carts, *redemptions, *dismissals, state, activity]
            }),
        )?;
        if self.engaged {
            let state = written(&self.shared)?;
            tx.execute(
                "INSERT INTO offer_learner (id, state) VALUES (1, $1)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                &params![&state],
            )?;
        }
        Ok(())
    }
}

impl OfferState {
    /// Reads five counts, the arm and the activity from a column on.
    fn read(row: RowRef<'_>, from: usize) -> Result<Self, DbError> {
        let mut counts = Counts::default();
        for what in EventType::ALL {
            let count: i64 = row.get(from + what.index())?;
            counts.0[what.index()] = u32::try_from(count).unwrap_or(u32::MAX);
        }
        let (arm, activity) = (row.get::<String>(from + 5)?, row.get::<String>(from + 6)?);
        Ok(Self { counts, arm: parse(&arm)?, windows: Windows::from(&parse::<StoredWindows>(&activity)?) })
    }
}

fn read_shared(tx: &mut Tx<'_>) -> Result<Shared, DbError> {
    let state =
        tx.query_opt("SELECT state FROM offer_learner WHERE id = 1", &[], |row| row.get::<String>(0))?;
    state.map_or(Ok(Shared::default()), |state| parse(&state))
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode(error.to_string()))
}

fn written(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(error.to_string()))
}

/// Whoever starts from the tables.
pub trait Restore {
    /// Takes a person: id, segment, and the rest of the profile.
    fn person(&mut self, id: &str, segment: &str, profile: &StoredProfile<'_>);
    /// Takes an offer's state.
    fn offer(&mut self, id: &str, state: OfferState);
    /// Takes what was learned of all offers.
    fn shared(&mut self, shared: Shared);
}

/// Hands over everything that the fold has come to, and returns the position in the log up to which that is so: with
/// the events after it taken in the same way, the state is that of the log's end.
pub fn snapshot(tx: &mut Tx<'_>, into: &mut impl Restore) -> Result<i64, DbError> {
    people_after(tx, "", i64::MAX, into)?;
    offers(tx, into)
}

/// Hands over up to `limit` people after one of them, by id. Returns the position in the log up to which that is so, and
/// the last id when there was any: who has too many people for one snapshot reads them page by page, each with a
/// position of its own.
pub fn people_after(
    tx: &mut Tx<'_>,
    after: &str,
    limit: i64,
    into: &mut impl Restore,
) -> Result<(i64, Option<String>), DbError> {
    let mut last = None;
    tx.query(
        "SELECT id, segment, state FROM offer_user WHERE id > $1 ORDER BY id LIMIT $2",
        &params![after, limit],
        |row| {
            let (id, segment, state): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            into.person(&id, &segment, &parse(&state)?);
            last = Some(id);
            Ok(())
        },
    )?;
    Ok((position(tx)?, last))
}

/// Hands over what was learned of offers. Returns the position in the log up to which that is so.
pub fn offers(tx: &mut Tx<'_>, into: &mut impl Restore) -> Result<i64, DbError> {
    tx.query(
        "SELECT offer_id, views, clicks, carts, redemptions, dismissals, state, activity FROM offer_arm",
        &[],
        |row| {
            into.offer(&row.get::<String>(0)?, OfferState::read(row, 1)?);
            Ok(())
        },
    )?;
    into.shared(read_shared(tx)?);
    position(tx)
}

fn position(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    Ok(log::cursor(tx, NAME)?.unwrap_or(0))
}
