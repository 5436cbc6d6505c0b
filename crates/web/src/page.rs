//! The first page: what this is, where to click, what to call. No script, nothing from elsewhere.

use std::fmt::Write as _;

use kernel::Locale;

/// A call that the first page shows, ready to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleCall {
    /// What it does, in English.
    pub en: &'static str,
    /// What it does, in French.
    pub fr: &'static str,
    /// The method, such as `POST`.
    pub method: &'static str,
    /// The path, such as `/saga/commande/`.
    pub path: &'static str,
    /// The JSON body, empty for none.
    pub body: &'static str,
}

impl ExampleCall {
    /// The call as a command for a POSIX shell.
    fn command(&self, host: &str) -> String {
        let Self { method, path, body, .. } = self;
        let verb = if *method == "GET" { String::new() } else { format!("-X {method} ") };
        let call = format!("curl {verb}http://{host}{path}");
        if body.is_empty() {
            return call;
        }
        format!("{call} \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'", body.replace('\'', r"'\''"))
    }
}

struct Words {
    tagline: &'static str,
    look: &'static str,
    docs: &'static str,
    health: &'static str,
    metrics: &'static str,
    document: &'static str,
    call: &'static str,
}

const EN: Words = Words {
    tagline: "A chain of shops under one roof.",
    look: "Look around",
    docs: "every operation, to read and to try",
    health: "how the server is",
    metrics: "metrics, for Prometheus",
    document: "the OpenAPI 3.1 document",
    call: "Call it",
};

const FR: Words = Words {
    tagline: "Une chaîne de magasins sous un même toit.",
    look: "Visiter",
    docs: "toutes les opérations, à lire et à essayer",
    health: "l'état du serveur",
    metrics: "les mesures, pour Prometheus",
    document: "le document OpenAPI 3.1",
    call: "Appeler",
};

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
     color:#1b1b1b;background:#fff}a{color:#0b57a4}pre{background:#f3f3f0;padding:.8rem;overflow-x:auto}\
     footer{color:#595959;margin-top:2rem}\
     @media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}a{color:#8fc1ff}\
     pre{background:#262626}footer{color:#b0b0b0}}";

/// The first page; `host` is what the visitor called the server.
pub(crate) fn home(locale: Locale, host: &str, version: &str, examples: &[ExampleCall]) -> String {
    let words = match locale {
        Locale::En => &EN,
        Locale::Fr => &FR,
    };
    let mut calls = String::new();
    for example in examples {
        let title = match locale {
            Locale::En => example.en,
            Locale::Fr => example.fr,
        };
        // Writing to a String cannot fail.
        let _ = write!(
            calls,
            "<h3>{}</h3>\n<pre tabindex=\"0\"><code>{}</code></pre>\n",
            escape(title),
            escape(&example.command(host))
        );
    }
    let call = if calls.is_empty() { String::new() } else { format!("<h2>{}</h2>\n{calls}", words.call) };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Halles</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Halles</h1>\n<p>{tagline}</p>\n<h2>{look}</h2>\n<ul>\n\
         <li><a href=\"/docs\">/docs</a>: {docs}</li>\n\
         <li><a href=\"/health\">/health</a>: {health}</li>\n\
         <li><a href=\"/metrics\">/metrics</a>: {metrics}</li>\n\
         <li><a href=\"/openapi.json\">/openapi.json</a>: {document}</li>\n\
         </ul>\n{call}</main>\n<footer>Halles {version}</footer>\n</body>\n</html>\n",
        lang = locale.tag(),
        tagline = words.tagline,
        look = words.look,
        docs = words.docs,
        health = words.health,
        metrics = words.metrics,
        document = words.document,
        version = escape(version),
    )
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: ExampleCall = ExampleCall {
        en: "Buy <two>",
        fr: "Acheter",
        method: "POST",
        path: "/saga/commande/",
        body: r#"{"note":"l'eau"}"#,
    };

    #[test]
    fn the_page_speaks_both_languages_and_escapes() {
        let en = home(Locale::En, "localhost:8000", "0.1.0", &[ORDER]);
        assert!(en.contains("<html lang=\"en\">") && en.contains("Buy &lt;two&gt;"), "{en}");
        assert!(en.contains("curl -X POST http://localhost:8000/saga/commande/"), "{en}");
        let fr = home(Locale::Fr, "\"><script>", "0.1.0", &[ORDER]);
        assert!(fr.contains("Acheter") && !fr.contains("<script>"), "{fr}");
    }

    #[test]
    fn a_command_can_be_pasted_in_a_shell() {
        let command = ORDER.command("h");
        assert!(command.ends_with(r#"-d '{"note":"l'\''eau"}'"#), "{command}");
    }
}
