//! Inputs that could break an operation.

use product_tests::http::Request;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::document::Operation;

/// Bodies made by changing the example at random.
const RANDOM_BODIES: usize = 40;
/// Above every limit of a body.
const HUGE: usize = 3 << 20;
/// Deeper than a stack should be trusted with.
const DEEP: usize = 20_000;

/// Values of path and query parameters, percent-encoded where HTTP wants it.
const PARAMETERS: [&str; 25] = [
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e9",
    "1.5",
    "0x10",
    "%31",
    "abc",
    "null",
    "%00",
    "a%00b",
    "%FF%FE",
    "%F0%9F%92%A5",
    "%E2%80%AE",
    "'%20OR%201=1--",
    "%22%3E%3Cscript%3E",
    "..%2F..%2Fetc%2Fpasswd",
    "%24%7Bjndi:ldap:%2F%2Fx%7D",
    "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04",
    "00000000-0000-0000-0000-000000000000",
    "2026-02-30",
    "9999-99-99T99:99:99Z",
    "%20",
];

/// Bodies that no operation takes, or whose content is nonsense.
fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "true",
        "123",
        "\"texte\"",
        "[]",
        "{}",
        "{",
        "}",
        "[1,",
        "{\"a\":}",
        "{'a': 1}",
        "{\"a\":1}}",
        "NaN",
        "{\"produits\":1e400}",
        "{\"\\u0000\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "\u{feff}{}",
        "{\"produits\":[],\"produits\":[]}",
        "a,b;c\n\"",
        "nom,prix\n\"\n",
        "<xml/>",
        "produit_id=1&quantite=1",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.push(b"{\"nom\":\"\xff\xfe\"}".to_vec());
    bodies.push(b"\x00".to_vec());
    bodies.push("[".repeat(DEEP).into_bytes());
    bodies.push(["{\"a\":".repeat(DEEP), "1".to_owned(), "}".repeat(DEEP)].concat().into_bytes());
    bodies.push([b"{\"nom\":\"".to_vec(), vec![b'x'; HUGE], b"\"}".to_vec()].concat());
    bodies
}

/// Values that take the place of others in a body.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1_000_001),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("1"),
        json!("x".repeat(10_000)),
        json!("a\u{0}b"),
        json!("\u{202e}💥\u{301}"),
        json!("'; DROP TABLE product; --"),
        json!({"montant": "-1.00", "devise": "EUR"}),
        json!({"montant": "99999999999999999999.99", "devise": "EUR"}),
        json!({"montant": "1.00", "devise": "XTS"}),
        json!({"montant": "0.001", "devise": "EUR"}),
        json!({"montant": 1, "devise": "eur"}),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({"a": {"b": {"c": null}}}),
    ]
}

/// Every input for an operation, the same for the same seed.
pub(super) fn requests(operation: &Operation, seed: u64) -> Vec<Request> {
    let mut requests = vec![valid(operation)];
    requests.extend(path_parameters(operation));
    requests.extend(query_strings(operation));
    requests.extend(headers(operation));
    if operation.method != "GET" {
        requests.extend(bodies().into_iter().map(|body| with_body(operation, body)));
        requests.extend(media_types(operation));
        requests.extend(changed_examples(operation, seed));
    }
    requests
}

/// The path with every parameter replaced.
fn path(operation: &Operation, parameter: &str) -> String {
    let parts = operation.path.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { parameter } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn bare(operation: &Operation, path: &str) -> Request {
    Request::new(&operation.method, path)
}

fn with_body(operation: &Operation, body: impl Into<Vec<u8>>) -> Request {
    bare(operation, &path(operation, "1")).header("content-type", &operation.media_type).body(body)
}

/// What the document itself shows.
fn valid(operation: &Operation) -> Request {
    match &operation.body {
        None => bare(operation, &path(operation, "1")),
        Some(Value::String(text)) => with_body(operation, text.as_str()),
        Some(body) => with_body(operation, body.to_string()),
    }
}

fn path_parameters(operation: &Operation) -> Vec<Request> {
    if !operation.path.contains('{') {
        return Vec::new();
    }
    let long = "9".repeat(3_000);
    let parameters = PARAMETERS.into_iter().chain([long.as_str()]);
    let body = operation.body.as_ref().map(Value::to_string).unwrap_or_default();
    parameters
        .map(|parameter| {
            let request = bare(operation, &path(operation, parameter));
            if operation.body.is_some() {
                request.header("content-type", &operation.media_type).body(body.clone())
            } else {
                request
            }
        })
        .collect()
}

fn query_strings(operation: &Operation) -> Vec<Request> {
    let path = path(operation, "1");
    let mut queries: Vec<String> =
        ["?", "?&&=", "?=1", "?a", "?%FF=1", "?x=%zz", "?limite=1&limite=2"].map(str::to_owned).into();
    for name in &operation.query {
        queries.extend(PARAMETERS.iter().map(|value| format!("?{name}={value}")));
        queries.push(format!("?{name}="));
        queries.push(format!("?{name}"));
        queries.push(format!("?{name}=1&{name}=2"));
        queries.push(format!("?{name}[]=1&{name}[a]=2"));
    }
    queries.iter().map(|query| bare(operation, &format!("{path}{query}"))).collect()
}

fn headers(operation: &Operation) -> Vec<Request> {
    let long = "k".repeat(300);
    [
        ("idempotency-key", ""),
        ("idempotency-key", long.as_str()),
        ("idempotency-key", "with spaces"),
        ("idempotency-key", "clé"),
        ("accept", "image/png"),
        ("accept", ";;;"),
        ("accept-language", "xx-@@;q=9"),
        ("accept-encoding", "br;q=zz, gzip;q=-1"),
        ("last-event-id", "abc"),
        ("last-event-id", "-9223372036854775808"),
        ("last-event-id", "99999999999999999999"),
        ("prefer", "respond-async;;;,wait=-1"),
        ("range", "bytes=5-1,-0"),
        ("if-none-match", "W/\"\", *"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("authorization", "Basic %%%"),
        ("x-request-id", "a b\tc"),
        ("expect", "200-maybe"),
    ]
    .into_iter()
    .map(|(name, value)| valid(operation).header(name, value))
    .collect()
}

/// The example under types that it is not, and garbage that says it is compressed.
fn media_types(operation: &Operation) -> Vec<Request> {
    let body = operation.body.as_ref().map(Value::to_string).unwrap_or_default();
    let types = [
        "text/html",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/octet-stream",
        "json",
        "",
        "/;=",
    ];
    let path = path(operation, "1");
    let mislabelled =
        types.map(|media_type| bare(operation, &path).header("content-type", media_type).body(body.clone()));
    let encoded = ["gzip", "br", "unheard-of"]
        .map(|encoding| with_body(operation, "garbage").header("content-encoding", encoding));
    let keyed = with_body(operation, "{").header("idempotency-key", "k-1");
    mislabelled.into_iter().chain(encoded).chain([keyed]).collect()
}

/// The example with each value replaced, removed or doubled in turn, then with several at random.
fn changed_examples(operation: &Operation, seed: u64) -> Vec<Request> {
    let Some(example) = operation.body.as_ref().filter(|body| body.is_object()) else { return Vec::new() };
    let mut bodies = Vec::new();
    for pointer in pointers(example) {
        bodies.extend(values().into_iter().map(|value| replaced(example, &pointer, value)));
        bodies.push(removed(example, &pointer));
    }
    let mut surprised = example.clone();
    surprised["inattendu"] = json!(1);
    bodies.push(surprised);
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..RANDOM_BODIES {
        let mut body = example.clone();
        for _ in 0..rng.random_range(1..5) {
            let places = pointers(&body);
            if places.is_empty() {
                break;
            }
            let place = &places[rng.random_range(0..places.len())];
            let mut choices = values();
            body = replaced(&body, place, choices.swap_remove(rng.random_range(0..choices.len())));
        }
        bodies.push(body);
    }
    bodies.iter().map(|body| with_body(operation, body.to_string())).collect()
}

/// Where each value within a value is.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, child)| (name.clone(), child)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let deeper = children.into_iter().flat_map(|(name, child)| {
        let here = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let below = pointers(child).into_iter().map(|pointer| format!("{here}{pointer}")).collect::<Vec<_>>();
        std::iter::once(here).chain(below)
    });
    deeper.collect()
}

fn replaced(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    }
    body
}

fn removed(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    if let Some((parent, name)) = pointer.rsplit_once('/') {
        match body.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(name)),
            Some(Value::Array(items)) => items.clear(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
        }
    }
    body
}
