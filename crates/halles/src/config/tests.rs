//! Tests of reading and resolving; files are real ones in temporary folders.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use kernel::{Currency, Money};
use offers::learn::PolicyName;
use tempfile::TempDir;

use super::*;

/// A configuration from a file's text, variables and flags.
fn load(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, String> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("halles.toml");
    fs::write(&path, file).expect("a file");
    load_path(&path, variables, flags)
}

fn load_path(
    path: &Path,
    variables: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Config, String> {
    let path = path.to_str().expect("UTF-8");
    let flags: Flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    // Messages name the file by its whole path: only its name is compared.
    Config::load(&flags, variables, Some(path))
        .map_err(|mistakes| mistakes.to_string().replace(path, "halles.toml"))
}

fn mistakes(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
    load(file, variables, flags).expect_err("a mistake")
}

fn origin(config: &Config, key: &str) -> String {
    let found = config.resolved.iter().find(|found| found.key.name == key).expect("a key");
    let text = found.origin.to_string();
    text.rsplit('/').next().unwrap_or_default().to_owned()
}

#[test]
fn the_defaults_are_valid_and_typed() {
    let config = load("", &[], &[]).expect("the defaults");
    let settings = config.settings;
    assert_eq!(settings.listen, ([127, 0, 0, 1], 8000).into());
    assert_eq!(settings.data, Path::new("./data"));
    assert!(settings.database.is_none() && !settings.demo && !settings.allow_open);
    assert!(settings.runs(Stall::Retail) && settings.runs(Stall::Offers));
    assert_eq!(settings.environment, "local");
    assert_eq!(settings.http.drain, Duration::from_secs(10));
    assert_eq!((settings.store.queue, settings.store.batch_max), (8192, 512));
    assert_eq!(settings.events.retention_days, 30);
    assert_eq!(settings.orders.reservation, Duration::from_mins(15));
    assert_eq!(settings.payments.provider, PaymentProvider::Simulated);
    assert_eq!(settings.payments.simulated.limit, Money::from_minor(50_000, Currency::EUR));
    assert_eq!(settings.payments.timeout, Duration::from_secs(10));
    assert!(settings.payments.stripe.webhook_secret.is_none());
    let offers = settings.offers;
    assert_eq!((offers.policy, offers.seed), (PolicyName::default(), None));
    let policies = offers::learn::PolicySettings::default();
    assert!((offers.epsilon - policies.epsilon).abs() < f64::EPSILON);
    let (Rewards { click, add_to_cart, redemption }, known) =
        (offers.rewards, offers::engagement::Rewards::default());
    let told = offers::engagement::Rewards { click, add_to_cart, redemption };
    assert_eq!(told, known);
    assert_eq!(offers.decisions.retention_days, 30);
    let city = settings.city;
    assert!(city.incoming.is_none() && city.inbox.is_none() && city.fetch.schedule.is_none());
    assert!(city.fetch.bikes.contains(city::fetch::FIRST_DAY) && city.fetch.traffic_key.is_none());
    assert!(config.resolved.iter().all(|found| found.origin == Origin::Default));
}

#[test]
fn the_table_is_regular() {
    let mut seen = BTreeSet::new();
    for key in KEYS {
        let rule = format!("HALLES_{}", key.name.replace('.', "_").to_uppercase());
        let variable = if key.name == "environment" { "HALLES_ENV" } else { &rule };
        assert_eq!(key.env, variable);
        assert!(!key.doc.is_empty() && !key.doc.ends_with('.'), "{}", key.name);
        assert!(!key.secret || key.default.is_empty(), "{}", key.name);
        assert!(seen.insert(key.name), "{} twice", key.name);
    }
}

#[test]
fn flags_are_stronger_than_variables_than_the_file_than_defaults() {
    let file =
        "# the shop\nlisten = \"127.0.0.1:1\"\ndata = \"/file\"\ndemo = true\n\n[http]\nbody_limit = 4096\n";
    let variables =
        [("HALLES_LISTEN", "127.0.0.1:2"), ("HALLES_DATA", "/variable"), ("HALLES_ENV", "staging")];
    let config = load(file, &variables, &[("listen", "localhost:3")]).expect("a configuration");
    assert_eq!(config.settings.listen.port(), 3);
    assert_eq!(origin(&config, "listen"), "flag --listen");
    assert_eq!(config.settings.data, Path::new("/variable"));
    assert_eq!(origin(&config, "data"), "env HALLES_DATA");
    assert!(config.settings.demo);
    assert_eq!(origin(&config, "demo"), "halles.toml:4");
    assert_eq!(config.settings.http.body_limit, 4096);
    assert_eq!(origin(&config, "http.body_limit"), "halles.toml:7");
    assert_eq!(config.settings.environment, "staging");
    assert_eq!(origin(&config, "currency"), "default");
}

#[test]
fn lists_are_arrays_in_the_file_and_commas_elsewhere() {
    let origins = |config: Config| config.settings.cors.origins;
    let file = "cors.origins = [\"https://a.example\", \"http://localhost:5173/\"]";
    let expected = ["https://a.example", "http://localhost:5173"];
    assert_eq!(origins(load(file, &[], &[]).expect("a file")), expected);
    let variables = [("HALLES_CORS_ORIGINS", "https://a.example, http://localhost:5173/,")];
    assert_eq!(origins(load("", &variables, &[]).expect("variables")), expected);
    let config = load("", &[], &[("only", "retail")]).expect("a flag");
    assert_eq!(config.settings.only, [Stall::Retail]);
    assert!(!config.settings.runs(Stall::Offers));
    let config = load("only = [\"offers\", \"retail\"]", &[], &[]).expect("a file");
    assert_eq!(config.settings.only, [Stall::Offers, Stall::Retail]);
}

#[test]
fn unknown_names_are_errors_that_name_the_nearest_known_one() {
    let file = "listn = \"127.0.0.1:1\"\nbody_limit = 1\n\n[htp]\nbody_limit = 4096\n[payments.strype]\n";
    insta::assert_snapshot!(mistakes(file, &[("HALLES_LISTN", "x"), ("HALLES_CONFG", "y")], &[]), @r"
    the configuration has 6 mistakes
      halles.toml:1: unknown key listn; the nearest known key is listen
      halles.toml:2: unknown key body_limit; the nearest known key is http.body_limit
      halles.toml:5: unknown key htp.body_limit; the nearest known key is http.body_limit
      halles.toml:6: unknown key payments.strype; the nearest known key is payments.provider
      env HALLES_CONFG: unknown variable; the nearest known one is HALLES_CONFIG
      env HALLES_LISTN: unknown variable; the nearest known one is HALLES_LISTEN
    ");
}

#[test]
fn wrong_values_are_named_with_their_place_and_what_is_expected() {
    let file = "\
listen = 8000
demo = \"yes\"
only = [\"retail\", \"prices\"]
currency = \"euro\"
http = 5
log.format = \"xml\"
cors.origins = [\"https://a.example/page\"]

[store]
queue = \"8192\"
batch_max = 0

[payments]
simulated.limit = 500.0
stripe.base_url = \"ftp://stripe\"
";
    let variables = [("HALLES_DATA", ""), ("HALLES_LOG_FILTER", "a=b=c"), ("HALLES_ENV", "a b")];
    insta::assert_snapshot!(mistakes(file, &variables, &[("listen", "everywhere")]), @r#"
    the configuration has 14 mistakes
      halles.toml:1: listen is 8000; expected an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000
      halles.toml:2: demo is "yes"; expected true or false
      halles.toml:3: only is ["retail", "prices"]; expected a list, each item one of: retail, offers, city
      halles.toml:4: currency is "euro"; expected three capital letters of ISO 4217, such as EUR
      halles.toml:5: http is a group of keys and has no value of its own; write [http] above its keys
      halles.toml:6: log.format is "xml"; expected one of: text, json
      halles.toml:7: cors.origins is ["https://a.example/page"]; expected a list, each item the origin of a web page, such as https://shop.example
      halles.toml:10: store.queue is "8192"; expected a whole number from 1 to 1000000
      halles.toml:11: store.batch_max is 0; expected a whole number from 1 to 100000
      halles.toml:14: payments.simulated.limit is 500.0; expected an amount as a text, such as "500.00"
      halles.toml:15: payments.stripe.base_url is "ftp://stripe"; expected an address such as https://api.stripe.com
      env HALLES_ENV: environment is "a b"; expected a short name of letters, digits, '-', '_' and '.', such as staging
      env HALLES_LOG_FILTER: log.filter is "a=b=c"; expected levels by target, such as info or info,store=debug,access=off
      flag --listen: listen is "everywhere"; expected an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000
    "#);
}

#[test]
fn offers_have_a_policy_and_numbers_from_0_to_1() {
    let file = "\
[offers]
policy = \"epsilon-greedy\"
epsilon = 1
seed = 7
rewards.click = 0.25
rewards.redemption = 1.0
decisions.retention_days = 90
";
    let offers =
        load(file, &[("HALLES_OFFERS_REWARDS_ADD_TO_CART", "0.5")], &[]).expect("a file").settings.offers;
    assert_eq!((offers.policy, offers.seed), (PolicyName::EpsilonGreedy, Some(7)));
    let Rewards { click, add_to_cart, redemption } = offers.rewards;
    let told = offers::engagement::Rewards { click, add_to_cart, redemption };
    assert_eq!(told, offers::engagement::Rewards { click: 0.25, add_to_cart: 0.5, redemption: 1.0 });
    assert!((offers.epsilon - 1.0).abs() < f64::EPSILON);
    assert_eq!(offers.decisions.retention_days, 90);
    let file = "offers.policy = \"thomson\"\noffers.epsilon = 1.5\noffers.rewards.click = \"1\"\n";
    let variables = [("HALLES_OFFERS_REWARDS_REDEMPTION", "-0.1"), ("HALLES_OFFERS_SEED", "-1")];
    insta::assert_snapshot!(mistakes(file, &variables, &[]), @r#"
    the configuration has 5 mistakes
      halles.toml:1: offers.policy is "thomson"; expected one of: static, uniform, epsilon-greedy, ucb1, plain-thompson, thompson, adaptive-thompson, linear-thompson
      halles.toml:2: offers.epsilon is 1.5; expected a number from 0 to 1
      halles.toml:3: offers.rewards.click is "1"; expected a number from 0 to 1
      env HALLES_OFFERS_REWARDS_REDEMPTION: offers.rewards.redemption is "-0.1"; expected a number from 0 to 1
      env HALLES_OFFERS_SEED: offers.seed is "-1"; expected a whole number from 0 to 4294967295
    "#);
}

#[test]
fn the_city_is_fetched_when_and_from_where_it_is_said() {
    let file = "\
[city]
inbox = \"/srv/inbox\"
[city.fetch]
schedule = \"120m\"
bikes = \"http://127.0.0.1:9/export?since={du}\"
weather = \"\"
traffic_key = \"TOPSECRET\"
";
    let config = load(file, &[("HALLES_CITY_FETCH_DAYS", "3")], &[]).expect("a file");
    let city = &config.settings.city;
    assert_eq!(city.inbox.as_deref(), Some(Path::new("/srv/inbox")));
    assert_eq!(city.fetch.schedule, Some("2h".parse().expect("a schedule")));
    assert_eq!((city.fetch.days, city.fetch.weather.as_str()), (3, ""));
    assert!(city.fetch.bikes.ends_with("{du}"));
    assert_eq!(city.fetch.traffic_key.as_ref().map(|key| key.expose().as_str()), Some("TOPSECRET"));
    assert!(!config.to_string().contains("TOPSECRET"));
    let file =
        "city.fetch.schedule = \"daily\"\ncity.fetch.bikes = \"file:///etc/passwd\"\ncity.memory = 1\n";
    insta::assert_snapshot!(mistakes(file, &[("HALLES_CITY_FETCH_CHANTIERS", "https://u:p@portal/")], &[]), @r#"
    the configuration has 4 mistakes
      halles.toml:1: city.fetch.schedule is "daily"; expected an interval such as 30m or 6h, a time of the day such as 04:30, or nothing
      halles.toml:2: city.fetch.bikes is not valid; expected an address such as https://portal.example/export?since={du} without a password in it, or nothing
      halles.toml:3: city.memory is 1; expected a whole number from 16777216 to 1099511627776
      env HALLES_CITY_FETCH_CHANTIERS: city.fetch.chantiers is not valid; expected an address such as https://portal.example/export?since={du} without a password in it, or nothing
    "#);
}

#[test]
fn an_amount_fits_the_currency() {
    let file = "currency = \"JPY\"\n[payments.simulated]\nlimit = \"500.50\"";
    insta::assert_snapshot!(mistakes(file, &[], &[]), @r#"halles.toml:3: payments.simulated.limit is "500.50"; expected an amount of JPY: the amount has more decimals than its currency"#);
    let config = load("currency = \"TND\"\n[payments.simulated]\nlimit = \"1.234\"", &[], &[]);
    assert_eq!(config.expect("a configuration").settings.payments.simulated.limit.to_string(), "1.234 TND");
}

#[test]
fn stripe_needs_its_key() {
    let file = "payments.provider = \"stripe\"";
    insta::assert_snapshot!(mistakes(file, &[], &[]), @r"payments.stripe.secret_key is missing, and needed because payments.provider is stripe; set it in the file or as HALLES_PAYMENTS_STRIPE_SECRET_KEY");
    let config = load(file, &[("HALLES_PAYMENTS_STRIPE_SECRET_KEY", "sk_test_1")], &[]).expect("with a key");
    assert_eq!(config.settings.payments.stripe.secret_key.expose(), "sk_test_1");
}

#[test]
fn a_broken_or_missing_file_is_an_error_unless_nobody_asked_for_it() {
    insta::assert_snapshot!(mistakes("data = \"/srv\"\n[payments.stripe]\nsecret_key = \"sk_live_1\n", &[], &[]), @r#"halles.toml:3: not valid TOML: invalid basic string, expected `"`"#);
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("halles.toml");
    let error = load_path(&missing, &[], &[]).expect_err("a mistake");
    insta::assert_snapshot!(error, @r"halles.toml: the configuration file cannot be read: No such file or directory (os error 2)");
    let variables = [(OsString::from("HALLES_CONFIG"), missing.into_os_string())];
    let error = Config::load(&Flags::new(), variables, None).expect_err("a mistake");
    assert!(matches!(error.0.as_slice(), [Mistake::Unreadable { .. }]), "{error}");
}

#[test]
fn the_usual_database_variables_make_a_url() {
    let variables = [
        ("DB_TYPE", "postgresql"),
        ("DB_HOST", "db"),
        ("DB_PORT", "5433"),
        ("DB_NAME", "shop"),
        ("DB_USER", "me"),
        ("DB_PASSWORD", "s3/cret"),
    ];
    let config = load("database = \"postgres://file/x\"", &variables, &[]).expect("a configuration");
    let database = config.settings.database.as_ref().expect("PostgreSQL");
    assert_eq!(database.expose(), "postgres://me:s3%2Fcret@db:5433/shop");
    assert_eq!(origin(&config, "database"), "env DB_TYPE, DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD");

    let config = load("", &[("DB_HOST", "db")], &[]).expect("a configuration");
    assert_eq!(config.settings.database.expect("PostgreSQL").expose(), "postgres://halles@db:5432/halles");
    let stronger = [("HALLES_DATABASE", "postgres://strong/x"), ("DB_HOST", "db")];
    let config = load("", &stronger, &[]).expect("a configuration");
    assert_eq!(origin(&config, "database"), "env HALLES_DATABASE");
    let config = load("", &[("DB_PORT", "1"), ("DB_PASSWORD", "x")], &[]).expect("a configuration");
    assert!(config.settings.database.is_none(), "without DB_HOST they belong to somebody else");

    insta::assert_snapshot!(mistakes("", &[("DB_HOST", "db"), ("DB_TYPE", "mysql")], &[]), @r#"env DB_TYPE: DB_TYPE is "mysql"; expected postgresql, or no DB_HOST at all for SQLite"#);
    insta::assert_snapshot!(mistakes("", &[("DB_HOST", "db"), ("DB_PORT", "http")], &[]), @"env DB_PORT: DB_PORT is not a port; expected a number from 1 to 65535");
    insta::assert_snapshot!(mistakes("", &[("DB_HOST", "a host")], &[]), @"env DB_HOST: DB_HOST is not valid; expected the name or address of a machine");
}

#[test]
fn secrets_are_never_shown() {
    let file = "\
database = \"postgres://me:TOPSECRET@db/shop\"
[payments.stripe]
secret_key = \"TOPSECRET\"
webhook_secret = \"TOPSECRET\"
";
    let config = load(file, &[], &[]).expect("a configuration");
    let json = serde_json::to_string(&config).expect("json");
    for shown in [config.to_string(), json, format!("{:?}", config.settings)] {
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
    for wrong in [
        "database = \"mysql://me:TOPSECRET@db/shop\"",
        "[payments.stripe]\nsecret_key = [\"TOPSECRET\"]",
        "[payments.stripe]\nsecret_key = \"TOPSECRET\u{7f}\"",
        "[payments.stripe]\nsecret_key = \"TOPSECRET",
    ] {
        let message = mistakes(wrong, &[], &[]);
        assert!(!message.contains("TOPSECRET"), "{message}");
    }
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let file =
        "cors.origins = [\"https://a.example\"]\nenvironment = \"staging\"\n[http]\nbody_limit = 4096\n";
    let first = load(file, &[], &[]).expect("a configuration");
    let second = load(&first.to_string(), &[], &[]).expect("the printed configuration");
    let values =
        |config: &Config| -> Vec<Value> { config.resolved.iter().map(|found| found.value.clone()).collect() };
    assert_eq!(values(&first), values(&second));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let variables = [(OsString::from("HALLES_DATA"), OsString::from_vec(vec![0xff]))];
    let error = Config::load(&Flags::new(), variables, None).expect_err("a mistake");
    assert_eq!(error.to_string(), "env HALLES_DATA: the value is not UTF-8 text");
}
