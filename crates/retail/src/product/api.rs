//! The catalogue over HTTP.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use kernel::{Ean13, Kind, Line, Money, Page, Problem, ProductId, Text, kinds};
use serde::Deserialize;
use store::{Call, Failure};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;
use web::{
    Change, ChangeBytes, ChangeOnly, Conditional, Json, Paging, Path, Query, Rejection, Reply, Routes,
    body_limit, change, idempotency,
};

use super::import::{self, ImportError, Imported, MAX_BYTES, parse_products};
use super::queries::{self, Filter};
use super::{Details, Product, ProductError, Shown, checked_price, commands};
use crate::{CATALOGUE, Retail};

/// Another product has the article number; `produit_id` says which.
pub static EAN13_TAKEN: Kind =
    Kind::new("ean13-taken", 409, "The article number is taken", "Le code EAN-13 est déjà pris");

impl From<ProductError> for Problem {
    fn from(error: ProductError) -> Self {
        match &error {
            ProductError::Unknown(id) => Self::not_found("product", id),
            ProductError::Ean13Taken { holder, .. } => {
                Self::new(&EAN13_TAKEN, error.to_string()).with("produit_id", holder)
            }
            ProductError::Ean13Announced(_) => Self::new(&EAN13_TAKEN, error.to_string()),
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new()
        .routes(routes!(list_products, create_product))
        .routes(routes!(import_products).layer(body_limit(MAX_BYTES)))
        .routes(routes!(show_product, replace_product, deactivate_product))
}

/// A product's details.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = DetailsProduit, example = json!({
    "nom": "Cafetière à piston", "description": "Verre et inox, 1 litre", "categorie": "Maison",
    "prix": {"montant": "35.00", "devise": "EUR"}, "ean13": "3017620422003"}))]
struct ProductRequest {
    /// Its name.
    #[serde(rename = "nom")]
    name: Line,
    /// What it is.
    #[serde(default)]
    description: Text,
    /// The category it is listed under.
    #[serde(rename = "categorie")]
    category: Line,
    /// The price of one unit, from zero to ten million, in the chain's currency.
    #[serde(rename = "prix")]
    price: Money,
    /// Its article number; no two products share one.
    ean13: Option<Ean13>,
    /// Whether it is sold. When not said: a new product is, another stays as it was.
    #[serde(rename = "actif")]
    active: Option<bool>,
}

impl ProductRequest {
    fn checked(self, retail: &Retail) -> Result<(Details, Option<bool>), Problem> {
        let price = retail.checked_amount("prix", self.price)?;
        let price =
            checked_price(price).map_err(|error| Problem::invalid("prix.montant", error.to_string()))?;
        let Self { name, description, category, ean13, active, .. } = self;
        Ok((Details { name, description, category, price, ean13 }, active))
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `true`: products that are sold (the default); `false`: those no longer sold; `tous`: both.
    #[serde(rename = "actif", default)]
    #[param(rename = "actif", inline)]
    shown: Shown,
    /// Only this category.
    #[serde(rename = "categorie")]
    #[param(rename = "categorie", example = "Maison")]
    category: Option<String>,
    /// Only products whose name holds this text, whatever its accents and case.
    #[serde(rename = "q")]
    #[param(rename = "q", example = "cafetiere")]
    name: Option<String>,
}

/// List the products
#[utoipa::path(get, path = "/produits", tag = "produits", params(ListParams, Paging),
    responses((status = 200, description = "A page of products by id", body = Page<Product>)))]
async fn list_products(
    State(retail): State<Retail>,
    Query(params): Query<ListParams>,
    paging: Paging,
) -> Result<Json<Page<Product>>, Rejection> {
    let ListParams { shown, category, name } = params;
    let filter = Filter { shown, category, name, after: paging.after()? };
    let (currency, limit) = (retail.settings().currency, paging.limit);
    let products =
        retail.store().scan(move |tx| Ok::<_, Problem>(queries::page(tx, currency, &filter, limit)?)).await?;
    Ok(Json(Page::cut(products, limit, |product| product.id)))
}

/// Add a product
///
/// A price of zero is allowed: samples and gifts are products too.
#[utoipa::path(post, path = "/produits", tag = "produits", request_body = ProductRequest,
    responses((status = 201, description = "The product, with its id", body = Product),
              (status = 409, description = "The article number is taken; `produit_id` says by which product")))]
async fn create_product(
    State(retail): State<Retail>,
    Change { body, key }: Change<ProductRequest>,
) -> Result<Response, Rejection> {
    let (details, active) = body.checked(&retail)?;
    let call = lock_ean13(Call::new("retail.product.create", CATALOGUE).lock("product.ids", 0), &details);
    change(retail.store(), key, call, move |tx, now| {
        let product = commands::create(tx, now, &details, active.unwrap_or(true))?;
        Ok::<_, Failure<ProductError>>(Reply::created(format!("/produits/{}", product.id), &product))
    })
    .await
}

/// Show a product
///
/// One that is no longer sold is shown too, with `actif: false`: sales and orders refer to it.
#[utoipa::path(get, path = "/produits/{id}", tag = "produits", params(("id" = ProductId, Path, description = "The product")),
    responses((status = 200, body = Product, headers(("ETag" = String, description = "Changes with the product"))),
              (status = 404, description = "No such product")))]
async fn show_product(
    State(retail): State<Retail>,
    Path(id): Path<ProductId>,
) -> Result<Conditional<Product>, Rejection> {
    let currency = retail.settings().currency;
    let found = retail.store().read(move |tx| Ok::<_, Problem>(queries::product(tx, currency, id)?)).await?;
    Ok(Conditional(found.ok_or_else(|| Problem::not_found("product", id))?))
}

/// Replace a product's details
#[utoipa::path(put, path = "/produits/{id}", tag = "produits", request_body = ProductRequest,
    params(("id" = ProductId, Path, description = "The product")),
    responses((status = 200, body = Product), (status = 404, description = "No such product"),
              (status = 409, description = "The article number is taken; `produit_id` says by which product")))]
async fn replace_product(
    State(retail): State<Retail>,
    Path(id): Path<ProductId>,
    Change { body, key }: Change<ProductRequest>,
) -> Result<Response, Rejection> {
    let (details, active) = body.checked(&retail)?;
    let call = lock_ean13(Call::new("retail.product.replace", CATALOGUE).lock("product", id), &details);
    change(retail.store(), key, call, move |tx, now| {
        let product = commands::replace(tx, now, id, &details, active)?;
        Ok::<_, Failure<ProductError>>(Reply::ok(&product))
    })
    .await
}

/// Take a product out of sale
///
/// It stays readable, and `PUT` with `actif: true` brings it back. Doing it again changes nothing.
#[utoipa::path(delete, path = "/produits/{id}", tag = "produits", params(("id" = ProductId, Path, description = "The product")),
    responses((status = 204, description = "No longer sold"), (status = 404, description = "No such product")))]
async fn deactivate_product(
    State(retail): State<Retail>,
    Path(id): Path<ProductId>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    let currency = retail.settings().currency;
    let call = Call::new("retail.product.deactivate", CATALOGUE).lock("product", id);
    change(retail.store(), key, call, move |tx, now| {
        commands::deactivate(tx, now, currency, id)?;
        Ok::<_, Failure<ProductError>>(Reply::no_content())
    })
    .await
}

/// Declares the article number that a product is to have.
fn lock_ean13(call: Call, details: &Details) -> Call {
    match &details.ean13 {
        Some(ean13) => call.lock("product.ean13", ean13.as_ref()),
        None => call,
    }
}

/// Import products
///
/// A CSV file in UTF-8, with `;` or `,` between values and a header line that names the columns: `nom`, `categorie`
/// and `prix`, and if wanted `description`, `devise`, `ean13` and `id`. A line with an `id` replaces that product's
/// details, one without adds a product. All lines are imported, or none: then each error is told with its line. At
/// most 10 MiB and 100,000 lines.
#[utoipa::path(post, path = "/produits/import", tag = "produits",
    request_body(content = String, content_type = "text/csv",
        example = "nom;categorie;prix;ean13\nCafetière à piston;Maison;35,00;3017620422003\n"),
    responses((status = 200, description = "All lines were imported", body = Imported),
              (status = 422, description = "Nothing was imported; `erreurs` names each line, column and reason")))]
async fn import_products(
    State(retail): State<Retail>,
    headers: HeaderMap,
    ChangeBytes { body, key }: ChangeBytes,
) -> Result<Response, Rejection> {
    check_csv(&headers)?;
    let currency = retail.settings().currency;
    let parsing = tokio::task::spawn_blocking(move || parse_products(&body, currency, |_| {}));
    let lines = parsing.await.map_err(|_| Problem::new(&kinds::INTERNAL, ""))??;
    // A caller who leaves does not stop it half way.
    let work =
        async move { import::import_products(retail.store(), retail.new_id(), key, lines, |_| {}).await };
    let done = tokio::spawn(work).await.map_err(|_| Problem::new(&kinds::INTERNAL, ""))?;
    match done {
        Ok(imported) => Ok(Reply::ok(&imported).into_response()),
        Err(ImportError::Claimed(claim)) => {
            let settled = idempotency::settled(claim)?;
            Ok(settled.unwrap_or_else(|| Reply::no_content().into_response()))
        }
        Err(error) => Err(Problem::from(error).into()),
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Refused(report) => report.into(),
            ImportError::Claimed(_) => Self::new(&kinds::KEY_RUNNING, "the key was used before"),
            ImportError::Lost => {
                Self::new(&kinds::UNAVAILABLE, "the import took too long; nothing was imported")
                    .retry_after(5)
            }
            ImportError::Unfinished(_) => {
                let told = "the import counts, and is finished as soon as the database answers again";
                Self::new(&kinds::OUTCOME_UNKNOWN, told).retry_after(30)
            }
            ImportError::Unavailable(error) => error.into(),
        }
    }
}

/// Refuses a body that says it is something else than text. Tools that send files often do not say what they hold.
fn check_csv(headers: &HeaderMap) -> Result<(), Problem> {
    const TAKEN: [&str; 5] = [
        "text/csv",
        "text/plain",
        "application/csv",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ];
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let named = value.to_str().unwrap_or("?").to_ascii_lowercase();
    let (kind, parameters) = named.split_once(';').unwrap_or((&named, ""));
    let charset = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("charset="));
    let utf8 =
        charset.is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"));
    if TAKEN.contains(&kind.trim()) && utf8 {
        return Ok(());
    }
    Err(Problem::new(&kinds::MEDIA_TYPE, "send text/csv in UTF-8"))
}
