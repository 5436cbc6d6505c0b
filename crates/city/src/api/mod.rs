//! The city over HTTP. In a path the date is looked at first, then the type.

mod ask;
mod days;
mod imports;
mod reports;
mod schema;
mod stats;

use web::Routes;

use crate::City;

pub use ask::known_at;

/// All routes; uploads are bounded by so many bytes.
pub(crate) fn routes(upload_limit: usize) -> Routes<City> {
    Routes::new()
        .merge(stats::routes())
        .merge(imports::routes(upload_limit))
        .merge(reports::routes())
        .merge(days::routes())
}
