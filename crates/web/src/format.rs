//! Reports as JSON for programs, or as CSV for spreadsheets.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a report is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FormatRapport)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `text/csv`.
    Csv,
}

impl Format {
    /// What the parameter says, else what the `Accept` header prefers, else JSON.
    pub fn chosen(asked: Option<Self>, headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
        asked.unwrap_or_else(|| Self::preferred(accept))
    }

    fn preferred(accept: &str) -> Self {
        let quality = |wanted: &[&str]| {
            let of_range = |range: &str| {
                let mut parts = range.split(';').map(str::trim);
                let named =
                    parts.next().is_some_and(|name| wanted.contains(&name.to_ascii_lowercase().as_str()));
                let quality =
                    parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
                if named { quality.unwrap_or(0.0) } else { 0.0_f32 }
            };
            accept.split(',').map(of_range).fold(0.0, f32::max)
        };
        let csv = quality(&["text/csv"]);
        if csv > 0.0 && csv >= quality(&["application/json"]) { Self::Csv } else { Self::Json }
    }

    /// Says to caches that an answer depends on what the caller accepts.
    pub fn varied(mut response: Response) -> Response {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// A CSV text in UTF-8, to be saved as a file of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFile {
    /// The file's name, of ASCII letters, digits, `-` and `.`.
    pub name: String,
    /// Its content.
    pub text: Vec<u8>,
}

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        let disposition = format!("attachment; filename=\"{}\"", self.name);
        let headers =
            [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, &disposition)];
        (headers, self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_those_who_ask_for_it() {
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Json),
            ("text/csv", Format::Csv),
            ("Text/CSV; q=0.5, */*;q=0.1", Format::Csv),
            ("application/json, text/csv;q=0.9", Format::Json),
            ("application/json;q=0.8, text/csv;q=0.9", Format::Csv),
            ("text/csv;q=0", Format::Json),
            ("text/csv;q=x", Format::Json),
        ] {
            assert_eq!(Format::preferred(accept), format, "{accept}");
        }
    }
}
