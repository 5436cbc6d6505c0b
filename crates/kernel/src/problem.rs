//! What is told to a client when something cannot be done (RFC 9457).

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Locale;

/// One kind of problem: its stable name, its HTTP status and its titles.
///
/// Statuses are decided here and where a stall declares its own kinds, nowhere else.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name, kebab-case; on the wire `urn:halles:problem:NAME`.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The title in English.
    pub en: &'static str,
    /// The title in French.
    pub fr: &'static str,
}

impl Kind {
    /// Declares a kind.
    pub const fn new(name: &'static str, status: u16, en: &'static str, fr: &'static str) -> Self {
        Self { name, status, en, fr }
    }

    /// The title in a language.
    pub const fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.en,
            Locale::Fr => self.fr,
        }
    }
}

/// The kinds every stall shares.
pub mod kinds {
    use super::Kind;

    /// The body, path or query cannot be parsed.
    pub static MALFORMED: Kind =
        Kind::new("malformed", 400, "The request cannot be read", "La requête est illisible");
    /// The call has to come from elsewhere (a browser page of another origin, another host).
    pub static FORBIDDEN: Kind = Kind::new("forbidden", 403, "Not allowed", "Interdit");
    /// There is no such thing.
    pub static NOT_FOUND: Kind = Kind::new("not-found", 404, "Not found", "Introuvable");
    /// The path exists, the method does not.
    pub static METHOD: Kind =
        Kind::new("method-not-allowed", 405, "Method not allowed", "Méthode non permise");
    /// None of the offered representations is acceptable.
    pub static NOT_ACCEPTABLE: Kind = Kind::new("not-acceptable", 406, "Not acceptable", "Non acceptable");
    /// The request took too long to arrive.
    pub static REQUEST_TIMEOUT: Kind =
        Kind::new("request-timeout", 408, "The request took too long", "La requête a pris trop de temps");
    /// The state of things does not allow it.
    pub static CONFLICT: Kind = Kind::new("conflict", 409, "Conflict", "Conflit");
    /// It was there and has gone for good.
    pub static GONE: Kind = Kind::new("gone", 410, "No longer available", "Plus disponible");
    /// The condition of a conditional request does not hold.
    pub static PRECONDITION: Kind =
        Kind::new("precondition-failed", 412, "The precondition failed", "La précondition a échoué");
    /// The body is larger than the operation takes.
    pub static TOO_LARGE: Kind =
        Kind::new("too-large", 413, "The body is too large", "Le corps est trop grand");
    /// The body's type is not taken.
    pub static MEDIA_TYPE: Kind = Kind::new(
        "media-type",
        415,
        "The content type is not supported",
        "Le type de contenu n'est pas accepté",
    );
    /// Parsable, but a value is wrong.
    pub static INVALID: Kind =
        Kind::new("invalid", 422, "A value is not valid", "Une valeur n'est pas valide");
    /// The idempotency key was used with another request.
    pub static KEY_REUSED: Kind = Kind::new(
        "idempotency-key-reused",
        422,
        "The idempotency key was used for another request",
        "La clé d'idempotence a servi à une autre requête",
    );
    /// The first request with this idempotency key is not finished.
    pub static KEY_RUNNING: Kind = Kind::new(
        "idempotency-key-running",
        409,
        "The first request with this key is still running",
        "La première requête avec cette clé est encore en cours",
    );
    /// A fault of ours.
    pub static INTERNAL: Kind = Kind::new("internal", 500, "An error of ours", "Une erreur de notre part");
    /// Busy, starting, stopping, or the database is away.
    pub static UNAVAILABLE: Kind =
        Kind::new("unavailable", 503, "Not available for the moment", "Indisponible pour le moment");
    /// The connection broke while committing; nobody knows yet.
    pub static OUTCOME_UNKNOWN: Kind = Kind::new(
        "outcome-unknown",
        503,
        "It is not known whether this was done: ask before trying again",
        "On ne sait pas si cela a été fait : vérifiez avant de réessayer",
    );
    /// The disk is full.
    pub static STORAGE_FULL: Kind = Kind::new("storage-full", 503, "The disk is full", "Le disque est plein");
}

/// One wrong value of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where: a JSON path such as `produits[0].quantite`, or a parameter's name.
    #[serde(rename = "champ")]
    pub field: String,
    /// What is expected there.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is wrong with a body as a whole has no field.
        if self.field.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// A refusal as the client sees it: no internal detail ever goes in.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which kind.
    pub kind: &'static Kind,
    /// This occurrence, for a person.
    pub detail: String,
    /// Seconds after which trying again makes sense (`Retry-After`).
    pub retry_after: Option<u32>,
    /// Further members of the body, named by the kind's documentation.
    pub members: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind, with this occurrence's detail.
    pub fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None, members: Map::new() }
    }

    /// Nothing of this `what` has this `id`.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(&kinds::NOT_FOUND, format!("there is no {what} {id}"))
    }

    /// One value is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Several values are wrong; `erreurs` in the body names each.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have collected")]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self::new(&kinds::INVALID, detail).with("erreurs", &errors)
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with<T: Serialize>(mut self, name: &str, value: &T) -> Self {
        // Members are plain values of ours; their JSON form cannot fail.
        self.members.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The `application/problem+json` body.
    pub fn body(&self, locale: Locale) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:halles:problem:{}", self.kind.name).into());
        body.insert("title".into(), self.kind.title(locale).into());
        body.insert("status".into(), self.kind.status.into());
        if !self.detail.is_empty() {
            body.insert("detail".into(), self.detail.clone().into());
        }
        body.extend(self.members.clone());
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_that_of_rfc_9457() {
        let problem = Problem::invalid("produits[0].quantite", "must be at least 1");
        assert_eq!(
            problem.body(Locale::Fr),
            serde_json::json!({
                "type": "urn:halles:problem:invalid",
                "title": "Une valeur n'est pas valide",
                "status": 422,
                "detail": "produits[0].quantite: must be at least 1",
                "erreurs": [{"champ": "produits[0].quantite", "message": "must be at least 1"}],
            })
        );
    }
}
