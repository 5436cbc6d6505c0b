//! Imports over HTTP: sent, named, followed.

use std::path::{Component, Path as FilePath, PathBuf};

use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use kernel::{Page, Problem, kinds};
use serde::Deserialize;
use store::idempotency::{self, Claim, Key};
use store::{CallError, Failure, Unavailable};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;
use uuid::Uuid;
use web::{BodyLimit, Change, ChangePieces, Json, Paging, Path, Query, Rejection, Reply, Routes, body_limit};

use super::ask::{missing_type, type_of};
use crate::archive::imports::{self, Import, New, Origin};
use crate::fetch::public_name;
use crate::import::jobs::{Job, Place, SubmitError};
use crate::spool::{Spool, Upload};
use crate::{City, MetricType};

/// The source that stands for the configured portal.
const PORTAL: &str = "portail";

/// What an upload without a name is called.
const UNNAMED: &str = "upload";

/// So long a body is that only names a source.
const NAMED_LENGTH: usize = 16 << 10;

/// Longer names are cut: they are for people.
const NAME_LENGTH: usize = 200;

pub(super) fn routes(upload_limit: usize) -> Routes<City> {
    Routes::new()
        .routes(routes!(list_imports))
        .routes(routes!(start_import).layer(body_limit(upload_limit)))
        .routes(routes!(show_import))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadParams {
    /// The type of the data, when the body is the file itself.
    #[serde(rename = "type")]
    #[param(rename = "type", value_type = Option<MetricType>, example = "bikes")]
    kind: Option<String>,
    /// What the file is called, for people.
    #[serde(rename = "nom")]
    #[param(rename = "nom", example = "comptage-velo.csv.gz")]
    name: Option<String>,
}

/// The file itself, for the document: the handler takes it piece by piece.
#[derive(ToSchema)]
#[schema(as = FichierDonneesOuvertes, value_type = String, format = Binary)]
#[expect(dead_code, reason = "only described")]
struct FileBody(Vec<u8>);

/// A file that the server itself can get at.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = SourceDonnees, example = json!({"type": "bikes", "source": "2024/velos.csv.gz"}))]
struct NamedSource {
    /// The type of the data.
    #[serde(rename = "type")]
    kind: String,
    /// `portail` for the portal that is configured for this type, or a file or folder by its path in the folder
    /// `city.inbox`. Nothing else can be named.
    source: String,
}

/// Import open data
///
/// With `type` in the query the body is the file, as the portals publish it, also packed (gzip, zip), whatever its
/// `Content-Type`. Without it the body is JSON that names a source: `{"type": "bikes", "source": "portail"}`. The answer
/// comes when the file is there; it is then read to its end, and only when nothing in it is damaged its days are
/// published one after the other. `GET` on the `Location` tells how far it is, how many rows were kept and rejected, and
/// why. The same file again changes nothing; a corrected one replaces the hours that it has.
#[utoipa::path(post, path = "/metrics/imports", tag = "ville", params(UploadParams),
    request_body(content((NamedSource = "application/json"), (String = "text/csv"), (FileBody = "application/octet-stream")),
        description = "A source by name, or the file itself"),
    responses((status = 202, description = "It will be imported; `Location` tells how far it is", body = Import,
               headers(("Location" = String))),
              (status = 400, description = "No such type of metrics"),
              (status = 415, description = "A form: send the file itself as the body"),
              (status = 422, description = "The body is empty, the source cannot be named, or no portal is configured"),
              (status = 503, description = "As many imports wait as may")))]
async fn start_import(
    State(city): State<City>,
    Query(params): Query<UploadParams>,
    request: Request,
) -> Result<Response, Rejection> {
    match &params.kind {
        Some(kind) => upload(&city, type_of(kind)?, params.name.as_deref(), request).await,
        None => named(&city, request).await,
    }
}

async fn upload(
    city: &City,
    kind: MetricType,
    name: Option<&str>,
    request: Request,
) -> Result<Response, Rejection> {
    if content_type(&request).starts_with("multipart/") {
        let told = "send the file itself as the body, not a form: with curl, --data-binary @FILE or -T FILE";
        return Err(Problem::new(&kinds::MEDIA_TYPE, told).into());
    }
    // Before the file is taken: whoever will be sent away is told so at once, and no more files lie here than may wait.
    let place = city.jobs().reserve().map_err(|error| busy(&error))?;
    let folder = &city.settings().folder;
    let mut body = ChangePieces::from_request(request, &()).await?;
    let mut spool = Spool::begin(folder).map_err(|error| unwritable(&error))?;
    let mut is_empty = true;
    while let Some(piece) = body.next().await? {
        is_empty &= piece.is_empty();
        spool.write(piece).await.map_err(|error| unwritable(&error))?;
    }
    if is_empty {
        return Err(
            Problem::invalid("", "the body is empty: send the file, with curl --data-binary @FILE").into()
        );
    }
    let file = spool.finish().await.map_err(|error| unwritable(&error))?;
    let name = name.map(readable).filter(|name| !name.is_empty()).unwrap_or_else(|| UNNAMED.to_owned());
    let new = place.entry(kind, &name, Origin::Upload);
    let upload = Upload::name(file, folder, new.id).map_err(|error| unwritable(&error))?;
    accept(city, place, new, Some(upload), body.key()?).await
}

/// A name as it may stand in a log: nothing that moves the cursor, and not too long.
fn readable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(NAME_LENGTH).collect()
}

fn content_type(request: &Request) -> &str {
    request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn named(city: &City, mut request: Request) -> Result<Response, Rejection> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_long = length.is_some_and(|length: usize| length > NAMED_LENGTH);
    if is_long || !content_type(&request).is_empty() && !content_type(&request).contains("json") {
        // A file whose type was forgotten, or `typ=bikes`.
        return Err(missing_type().into());
    }
    request.extensions_mut().insert(BodyLimit(NAMED_LENGTH));
    let Change { body, key } = Change::<NamedSource>::from_request(request, &()).await?;
    let kind = type_of(&body.kind)?;
    let (source, origin) = if body.source == PORTAL {
        let portal = city.portal(kind).map_err(|error| Problem::invalid("source", error.to_string()))?;
        (public_name(&portal.address), Origin::Portal)
    } else {
        let path = in_inbox(city.settings().inbox.as_deref(), &body.source)?;
        (path.display().to_string(), Origin::Inbox(path))
    };
    let place = city.jobs().reserve().map_err(|error| busy(&error))?;
    let new = place.entry(kind, &source, origin);
    accept(city, place, new, None, key).await
}

/// A path in the folder whose files may be named. What leads out of it, by `..`, by a link or from the root, is told
/// like what is not there.
fn in_inbox(inbox: Option<&FilePath>, source: &str) -> Result<PathBuf, Problem> {
    let Some(inbox) = inbox else {
        let told = format!("must be {PORTAL}: no folder is configured whose files may be named (city.inbox)");
        return Err(Problem::invalid("source", told));
    };
    let missing = || Problem::invalid("source", "is no file of the folder city.inbox");
    let relative = FilePath::new(source);
    if source.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(missing());
    }
    let inbox = inbox.canonicalize().map_err(|_| missing())?;
    let path = inbox.join(relative).canonicalize().map_err(|_| missing())?;
    path.strip_prefix(&inbox).map(FilePath::to_owned).map_err(|_| missing())
}

/// Writes an import down and puts it into the queue; under the same key that happens once. An upload stays when its import
/// has been written down.
async fn accept(
    city: &City,
    place: Place<'_>,
    new: New,
    upload: Option<Upload>,
    key: Option<Key>,
) -> Result<Response, Rejection> {
    let New { id, kind, source, origin, .. } = new.clone();
    let call = imports::call("city.import.begin").lock_key(key.as_ref());
    let begun = city.store().run(call, move |tx, now| {
        let claim = key.as_ref().map_or(Ok(Claim::New), |key| idempotency::claim(tx, now, key))?;
        if claim != Claim::New {
            return Ok::<_, Failure<Problem>>(Err(claim));
        }
        imports::begin(tx, now, &new)?;
        let import =
            imports::get(tx, id)?.ok_or_else(|| Failure::Refused(Problem::not_found("import", id)))?;
        let reply = Reply::json(StatusCode::ACCEPTED, &import).at(format!("/metrics/imports/{id}"));
        if let Some(key) = &key {
            idempotency::complete(tx, key, reply.answer())?;
        }
        Ok(Ok(reply))
    });
    match begun.await {
        Ok(Ok(reply)) => {
            if let Some(Err(error)) = upload.map(Upload::keep) {
                return Err(unwritable(&error).into());
            }
            if let Some(origin) = origin {
                place.fill(Job { id, kind, source, origin });
            }
            Ok(axum::response::IntoResponse::into_response(reply))
        }
        Ok(Err(claim)) => {
            let settled = web::idempotency::settled(claim)?;
            settled.ok_or_else(|| Problem::new(&kinds::INTERNAL, "").into())
        }
        Err(CallError::Refused(problem)) => Err(problem.into()),
        Err(CallError::Unavailable(error)) => Err(error.into()),
    }
}

fn busy(error: &SubmitError) -> Problem {
    Problem::new(&kinds::UNAVAILABLE, error.to_string()).retry_after(30)
}

/// That the disk is full is told; what else it says is not the caller's business.
fn unwritable(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "an upload cannot be written");
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Problem::new(&kinds::STORAGE_FULL, "there is no room for the file");
    }
    Problem::new(&kinds::UNAVAILABLE, "the file cannot be kept for the moment").retry_after(30)
}

/// List imports
///
/// The latest first.
#[utoipa::path(get, path = "/metrics/imports", operation_id = "list_city_imports", tag = "ville", params(Paging),
    responses((status = 200, description = "A page of imports", body = Page<Import>)))]
async fn list_imports(State(city): State<City>, paging: Paging) -> Result<Json<Page<Import>>, Rejection> {
    let after = paging.cursor.as_ref().map(imports::after).transpose();
    let after = after.map_err(|error| Problem::invalid("curseur", error.to_string()))?;
    let limit = paging.limit;
    let page = city.store().read(move |tx| Ok::<_, Unavailable>(imports::list(tx, limit, after)?)).await?;
    Ok(Json(page))
}

/// Show how far an import is
///
/// `bilan` counts the rows that were read, kept and rejected, by reason and with the first lines of each; `constats` are
/// findings about the source as a whole. `jours_modifies` says on how many days something changed.
#[utoipa::path(get, path = "/metrics/imports/{id}", operation_id = "show_city_import", tag = "ville",
    params(("id" = Uuid, Path, description = "The import")),
    responses((status = 200, body = Import), (status = 404, description = "No such import")))]
async fn show_import(State(city): State<City>, Path(id): Path<Uuid>) -> Result<Json<Import>, Rejection> {
    let import = city.imported(id).await?;
    Ok(Json(import.ok_or_else(|| Problem::not_found("import", id))?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_lies_in_the_inbox_can_be_named() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let inbox = folder.path().join("inbox");
        fs::create_dir_all(inbox.join("2024"))?;
        fs::write(inbox.join("2024/a.csv"), "a")?;
        fs::write(folder.path().join("secret.csv"), "s")?;
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), inbox.join("link.csv"))?;
        let named = |source: &str| in_inbox(Some(&inbox), source);
        for good in ["2024/a.csv", "2024"] {
            assert_eq!(named(good).ok(), Some(PathBuf::from(good)));
        }
        for bad in
            ["", "/etc/passwd", "../secret.csv", "2024/../../secret.csv", "link.csv", "missing.csv", "a\0b"]
        {
            assert_eq!(named(bad).err().map(|problem| problem.kind.status), Some(422), "{bad}");
        }
        assert_eq!(in_inbox(None, "2024/a.csv").err().map(|problem| problem.kind.status), Some(422));
        Ok(())
    }
}
