//! Lists in pages, walked by an opaque cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How many elements a page may hold: 1 to 200, 50 when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The largest page.
    pub const MAX: u16 = 200;

    /// A limit within 1 to [`Limit::MAX`], or `None`.
    pub fn new(limit: i64) -> Option<Self> {
        u16::try_from(limit).ok().filter(|limit| (1..=Self::MAX).contains(limit)).map(Self)
    }

    /// The number of elements.
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// One more than the page: asking the store for so many tells whether there is a next page.
    pub const fn probe(self) -> i64 {
        self.0 as i64 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// A cursor that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this list gave out")]
pub struct CursorError;

/// The key of the last element of a page, opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "WzUwXQ")]
pub struct Cursor(String);

impl Cursor {
    /// Wraps a sort key.
    pub fn new<K: Serialize>(key: &K) -> Self {
        // Keys are plain values of ours; their JSON form cannot fail.
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default()))
    }

    /// The sort key inside, when this is a cursor for keys of that type.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| CursorError)?;
        serde_json::from_slice(&bytes).map_err(|_| CursorError)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The elements, in the list's order.
    #[serde(rename = "elements")]
    pub items: Vec<T>,
    /// Give it as `curseur` to get the next page; absent on the last one.
    #[serde(rename = "curseur", skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts a page from up to [`Limit::probe`] elements; `key` gives an element's sort key.
    pub fn cut<K: Serialize>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let next = if more { items.last().map(|last| Cursor::new(&key(last))) } else { None };
        Self { items, next }
    }

    /// The same page with each element turned into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_another_follows() {
        let limit = Limit::new(2).expect("a limit");
        let page = Page::cut(vec![1, 2, 3], limit, |n| *n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next.expect("a cursor").key::<i64>(), Ok(2));
        assert_eq!(Page::cut(vec![1, 2], limit, |n| *n).next, None);
    }

    #[test]
    fn foreign_cursors_and_limits_are_refused() {
        assert_eq!(Cursor("%%".into()).key::<i64>(), Err(CursorError));
        assert_eq!(Cursor::new(&"text").key::<i64>(), Err(CursorError));
        assert_eq!([Limit::new(0), Limit::new(201), Limit::new(-1)], [None, None, None]);
    }
}
