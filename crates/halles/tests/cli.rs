//! The program as people meet it: each test is a command line and its whole output.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use halles::config::{json_schema, markdown};
use support::halles;
use tempfile::TempDir;

/// Compares with a file of this crate; `UPDATE_EXPECT=1 cargo test` writes it.
fn assert_checked_in(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, actual).expect("the file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{name} is out of date: run the tests with UPDATE_EXPECT=1\n{actual}");
}

#[test]
fn every_help_is_as_checked_in() {
    let folder = TempDir::new().expect("a folder");
    let mut all = String::new();
    let commands = [
        "",
        "serve ",
        "config ",
        "check ",
        "retail ",
        "retail import ",
        "offers ",
        "offers import ",
        "offers evaluate ",
        "offers simulate ",
        "offers decisions ",
        "city ",
        "city import ",
        "city fetch ",
        "city report ",
        "city quality ",
        "completions ",
    ];
    for command in commands {
        let output = halles(folder.path(), &[], &format!("{command}--help"));
        assert!(output.starts_with("exit code: 0\n") && output.contains("Examples:\n"), "{output}");
        let help =
            output.split("----- stdout -----\n").nth(1).and_then(|rest| rest.split("----- stderr").next());
        writeln!(all, "$ halles {command}--help\n{}", help.unwrap_or_default()).expect("a String");
    }
    assert_checked_in("cli-help.txt", &all);
}

#[test]
fn the_schema_is_as_checked_in() {
    let schema = serde_json::to_string_pretty(&json_schema()).expect("json");
    assert_checked_in("config.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_page_of_all_keys_is_as_checked_in() {
    assert_checked_in("configuration.md", &markdown());
}

#[test]
fn config_prints_every_value_and_its_origin() {
    let folder = TempDir::new().expect("a folder");
    let file = "[payments]\nprovider = \"stripe\"\n\n[payments.stripe]\nsecret_key = \"sk_live_1\"\n";
    fs::write(folder.path().join("halles.toml"), file).expect("a file");
    let variables = [("DB_HOST", "db"), ("DB_PASSWORD", "s3cret"), ("HALLES_ENV", "staging")];
    let output = halles(folder.path(), &variables, "config --demo --only retail --log-format json");
    insta::assert_snapshot!(output, @r#"
    exit code: 0
    ----- stdout -----
    listen = "127.0.0.1:8000"                            # default
    data = "./data"                                      # default
    database = "postgres://halles:***@db:5432/halles"    # env DB_HOST, DB_PASSWORD
    demo = true                                          # flag --demo
    only = ["retail"]                                    # flag --only
    allow_open = false                                   # default
    environment = "staging"                              # env HALLES_ENV
    log.format = "json"                                  # flag --log-format
    log.filter = "info"                                  # default
    cors.origins = []                                    # default
    currency = "EUR"                                     # default
    http.body_limit = 2097152                            # default
    http.request_timeout_seconds = 30                    # default
    http.drain_seconds = 10                              # default
    store.queue = 8192                                   # default
    store.batch_max = 512                                # default
    events.retention_days = 30                           # default
    orders.reservation_seconds = 900                     # default
    payments.provider = "stripe"                         # halles.toml:2
    payments.timeout_seconds = 10                        # default
    payments.simulated.limit = "500.00"                  # default
    payments.stripe.base_url = "https://api.stripe.com"  # default
    payments.stripe.secret_key = "***"                   # halles.toml:5
    payments.stripe.webhook_secret = ""                  # default
    payments.stripe.payment_method = "pm_card_visa"      # default
    offers.policy = "adaptive-thompson"                  # default
    offers.epsilon = 0.1                                 # default
    offers.seed = 0                                      # default
    offers.rewards.click = 1.0                           # default
    offers.rewards.add_to_cart = 0.0                     # default
    offers.rewards.redemption = 0.0                      # default
    offers.decisions.retention_days = 30                 # default
    city.threads = 0                                     # default
    city.memory = 100663296                              # default
    city.incoming = ""                                   # default
    city.inbox = ""                                      # default
    city.upload_limit = 1073741824                       # default
    city.fetch.schedule = ""                             # default
    city.fetch.days = 8                                  # default
    city.fetch.timeout_seconds = 60                      # default
    city.fetch.max_bytes = 1073741824                    # default
    city.fetch.bikes = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B&where=date%3E%3Ddate%27{du}%27"  # default
    city.fetch.comptages = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptages-routiers-permanents/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B&where=t_1h%3E%3Ddate%27{du}%27"  # default
    city.fetch.traffic = "https://prim.iledefrance-mobilites.fr/marketplace/disruptions_bulk/disruptions/v2"  # default
    city.fetch.traffic_key = ""                          # default
    city.fetch.weather = "https://api.open-meteo.com/v1/forecast?latitude=48.8566&longitude=2.3522&hourly=temperature_2m,precipitation,wind_speed_10m&timezone=Europe%2FParis&past_days=8&forecast_days=1"  # default
    city.fetch.chantiers = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/chantiers-perturbants/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B"  # default
    city.fetch.referentiel = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/referentiel-comptages-routiers/exports/csv?lang=fr&timezone=Europe%2FParis&use_labels=true&delimiter=%3B"  # default
    ----- stderr -----
    "#);
}

#[test]
fn config_prints_json() {
    let folder = TempDir::new().expect("a folder");
    let output = halles(folder.path(), &[("HALLES_LISTEN", "[::1]:0")], "config --format json");
    let json = output.split("----- stdout -----\n").nth(1).and_then(|rest| rest.split("----- stderr").next());
    let json: serde_json::Value = serde_json::from_str(json.unwrap_or_default()).expect("json");
    assert_eq!(json["listen"], serde_json::json!({"value": "[::1]:0", "source": "env HALLES_LISTEN"}));
    assert_eq!(json["store.queue"], serde_json::json!({"value": 8192, "source": "default"}));
}

#[test]
fn mistakes_are_told_all_at_once() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("shop.toml"), "\n[http]\nbody_limt = 4096\n").expect("a file");
    let variables = [("HALLES_CONFIG", "shop.toml"), ("HALLES_STORE_QUEUE", "many")];
    insta::assert_snapshot!(halles(folder.path(), &variables, "config --listen everywhere"), @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the configuration has 3 mistakes
      shop.toml:3: unknown key http.body_limt; the nearest known key is http.body_limit
      env HALLES_STORE_QUEUE: store.queue is "many"; expected a whole number from 1 to 1000000
      flag --listen: listen is "everywhere"; expected an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000
    "#);
    insta::assert_snapshot!(halles(folder.path(), &[], "config --config missing.toml"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing.toml: the configuration file cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn a_wrong_command_line_is_explained() {
    let folder = TempDir::new().expect("a folder");
    insta::assert_snapshot!(halles(folder.path(), &[], "serv"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: unrecognized subcommand 'serv'

      tip: a similar subcommand exists: 'serve'

    Usage: halles [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(halles(folder.path(), &[], "retail import produits x.csv"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'produits' for '<KIND>'
      [possible values: products, stock]

      tip: a similar value exists: 'products'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(halles(folder.path(), &[], "--version"), @r"
    exit code: 0
    ----- stdout -----
    halles 0.1.0
    ----- stderr -----
    ");
}

#[test]
fn completions_name_the_commands_and_flags() {
    let folder = TempDir::new().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let output = halles(folder.path(), &[], &format!("completions {shell}"));
        assert!(output.starts_with("exit code: 0\n"), "{output}");
        for word in ["serve", "retail", "offers", "simulate", "allow-open", "log-filter"] {
            assert!(output.contains(word), "{shell}: {word}");
        }
    }
}
