//! Completes the OpenAPI document with what all operations share, so that handlers document only their own.

use kernel::{FieldError, Kind, Locale, Problem, kinds};
use serde_json::json;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{
    Components, ContentBuilder, KnownFormat, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Refusals that come from here, not from a handler.
static SHARED: [&Kind; 9] = [
    &kinds::MALFORMED,
    &kinds::FORBIDDEN,
    &kinds::REQUEST_TIMEOUT,
    &kinds::KEY_RUNNING,
    &kinds::TOO_LARGE,
    &kinds::MEDIA_TYPE,
    &kinds::INVALID,
    &kinds::INTERNAL,
    &kinds::UNAVAILABLE,
];

/// The document with schemas, shared refusals and headers filled in.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations_mut(item) {
            complete_operation(method, operation);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Problem".to_owned(), problem_schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    for kind in SHARED {
        components.responses.insert(kind.name.to_owned(), RefOr::T(problem_response(kind)));
    }
    components.parameters.insert("Idempotency-Key".to_owned(), RefOr::T(idempotency_key()));
    components.parameters.insert("If-None-Match".to_owned(), RefOr::T(if_none_match()));
    document
}

fn complete_operation(method: &str, operation: &mut Operation) {
    let changes = !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
    let has_body = operation.request_body.is_some();
    let reads_input = has_body || changes || operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
    fill_problems(operation);
    if changes {
        add_parameter(operation, "Idempotency-Key");
    }
    if has_etag(operation) {
        add_parameter(operation, "If-None-Match");
        add_response(operation, "304", RefOr::T(Response::new("The client has this answer already")));
    }
    for (needed, kind) in [
        (reads_input, &kinds::MALFORMED),
        (changes, &kinds::FORBIDDEN),
        (has_body, &kinds::REQUEST_TIMEOUT),
        (changes, &kinds::KEY_RUNNING),
        (changes, &kinds::TOO_LARGE),
        (has_body, &kinds::MEDIA_TYPE),
        (reads_input, &kinds::INVALID),
        (true, &kinds::INTERNAL),
        (true, &kinds::UNAVAILABLE),
    ] {
        if needed {
            let shared = RefOr::Ref(Ref::from_response_name(kind.name));
            add_response(operation, &kind.status.to_string(), shared);
        }
    }
}

/// Gives a handler's own refusals, documented by status and description only, their body.
fn fill_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let refusal = status.starts_with(['4', '5']);
        if refusal && response.content.is_empty() {
            response.content.insert(
                "application/problem+json".to_owned(),
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build().into(),
            );
        }
    }
}

fn add_response(operation: &mut Operation, status: &str, response: RefOr<Response>) {
    operation.responses.responses.entry(status.to_owned()).or_insert(response);
}

fn add_parameter(operation: &mut Operation, name: &str) {
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::Ref(Ref::new(format!("#/components/parameters/{name}"))));
}

fn has_etag(operation: &Operation) -> bool {
    operation.responses.responses.values().any(|response| match response {
        RefOr::T(response) => response.headers.keys().any(|name| name.eq_ignore_ascii_case("etag")),
        RefOr::Ref(_) => false,
    })
}

fn idempotency_key() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name of yours for this change, kept for 24 hours. Sent again with the same body, it brings the first answer \
             (`Idempotency-Replayed: true`) and changes nothing; with another body, 422; while the first is \
             still running, 409.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))))
        .example(Some(json!("9f1c2a44-order-17")))
        .build()
}

fn if_none_match() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of the answer that you have: 304 when it is still the same."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// An example of each refusal, as a client would get it.
fn problem_response(kind: &'static Kind) -> Response {
    let problem = match kind.status {
        400 => Problem::new(kind, "expected `,` or `}`, at line 3, column 5")
            .with("ligne", &3)
            .with("colonne", &5),
        422 => Problem::invalid("produits[0].quantite", "must be a whole number from 1 to 1000000"),
        _ => Problem::new(kind, ""),
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(problem.body(Locale::En)))
        .build();
    let response = ResponseBuilder::new().description(kind.en).content("application/problem+json", content);
    if matches!(kind.status, 409 | 503) {
        let seconds: RefOr<Schema> = ObjectBuilder::new().schema_type(Type::Integer).build().into();
        let mut header = Header::new(seconds);
        header.description = Some("Seconds after which trying again makes sense".to_owned());
        return response.header("Retry-After", header).build();
    }
    response.build()
}

fn problem_schema() -> RefOr<Schema> {
    let text = |description: &str, example: &str| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .examples([json!(example)])
    };
    let number = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .description(Some(description))
    };
    ObjectBuilder::new()
        .description(Some("Why a request was refused (RFC 9457); further members depend on the type."))
        .property("type", text("The kind of problem, stable", "urn:halles:problem:invalid"))
        .required("type")
        .property("title", text("The kind, in the caller's language", "A value is not valid"))
        .required("title")
        .property("status", number("The HTTP status"))
        .required("status")
        .property("detail", text("This occurrence", "produits[0].quantite: must be at least 1"))
        .property("instance", text("The request", "urn:halles:request:5b1e9c20ff-17"))
        .property(
            "erreurs",
            ArrayBuilder::new()
                .items(Ref::from_schema_name(FieldError::name()))
                .description(Some("The values that are wrong")),
        )
        .property("ligne", number("The line of the body that cannot be read"))
        .property("colonne", number("The column in that line"))
        .into()
}

/// Every operation of a document, with its method and path.
pub(crate) fn operations(document: &OpenApi) -> impl Iterator<Item = (&'static str, &str, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        methods(item)
            .into_iter()
            .filter_map(move |(method, operation)| Some((method, path.as_str(), operation?)))
    })
}

fn methods(item: &PathItem) -> [(&'static str, Option<&Operation>); 8] {
    [
        ("GET", item.get.as_ref()),
        ("HEAD", item.head.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("DELETE", item.delete.as_ref()),
        ("OPTIONS", item.options.as_ref()),
        ("TRACE", item.trace.as_ref()),
    ]
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("HEAD", &mut item.head),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
        ("OPTIONS", &mut item.options),
        ("TRACE", &mut item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
