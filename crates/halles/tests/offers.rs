//! `halles offers` as people meet it: each test is a command line and its whole output.

mod support;

use std::fs;

use halles::database::SCHEMAS;
use store::{Durability, Engine, Options, Store};
use support::halles;
use tempfile::TempDir;

const OFFERS: &str = "\
offer_id,offer_name,category,discount_type,discount_value,priority,inventory_count,target_segments
OFF001,Premium Laptop Deal,electronics,PERCENTAGE,25,95,50,
OFF002,Fashion Flash Sale,fashion,PERCENTAGE,40,88,200,premium|vip
";

const USERS: &str = "\
{\"user_id\": \"USER001\", \"segment\": \"premium\", \"affinities\": {\"electronics\": 30}}
{\"user_id\": \"USER002\", \"segment\": \"standard\"}
";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

#[test]
fn what_is_imported_twice_is_there_once() {
    let folder = folder(&[("in/a.csv", OFFERS), ("in/b.JSONL", USERS), ("in/readme.txt", "not for import")]);
    insta::assert_snapshot!(halles(folder.path(), &[], "offers import in --dry-run"), @r"
    exit code: 0
    ----- stdout -----
    2 offers, 2 users, 2 files read, all good; nothing imported (--dry-run)
    ----- stderr -----
    ");
    assert!(!folder.path().join("data").exists(), "a dry run makes no data");
    insta::assert_snapshot!(halles(folder.path(), &[], "offers import in"), @r"
    exit code: 0
    ----- stdout -----
    2 offers, 2 users, 2 files imported (2 offers new, 0 replaced or as they were)
    ----- stderr -----
    ");
    insta::assert_snapshot!(halles(folder.path(), &[], "offers import in/a.csv"), @r"
    exit code: 0
    ----- stdout -----
    2 offers, 1 file imported (0 offers new, 2 replaced or as they were)
    ----- stderr -----
    ");
    insta::assert_snapshot!(halles(folder.path(), &[], "check --settled"), @r"
    exit code: 0
    ----- stdout -----
    0 violations, 0 unfinished orders
    ----- stderr -----
    ");
}

#[test]
fn one_bad_line_and_nothing_is_imported() {
    let broken = "[{\"user_id\": \"a b\",\n  \"segment\": \"\"}]";
    let folder = folder(&[
        ("good.csv", OFFERS),
        ("bad.csv", &OFFERS.replace("PERCENTAGE", "PERCENT").replace(",200,", ",many,")),
        ("users.json", broken),
        ("else.csv", "name;price\na;1\n"),
    ]);
    insta::assert_snapshot!(halles(folder.path(), &[], "offers import good.csv bad.csv users.json else.csv"), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: nothing imported
    bad.csv: 3 errors
      line 2: discount_type: "PERCENT": must be one of PERCENTAGE FIXED_AMOUNT BOGO
      line 3: discount_type: "PERCENT": must be one of PERCENTAGE FIXED_AMOUNT BOGO
      line 3: inventory_count: "many": must be a whole number
    users.json: 2 errors
      line 1: user_id: "a b": must be 1 to 64 visible characters without spaces
      line 2: segment: "": must be one line of 1 to 40 characters
    else.csv: 1 error
      line 1: neither offers (offer_id, offer_name …) nor users (user_id, segment …): name the columns, or say --kind
    "#);
    assert!(!folder.path().join("data").exists());
    insta::assert_snapshot!(halles(folder.path(), &[], "offers import missing.csv"), @r"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: cannot read missing.csv: No such file or directory (os error 2)
    ");
}

#[test]
fn beside_a_server_an_import_says_whom_to_call() {
    let folder = folder(&[("offers.csv", OFFERS)]);
    let engine = Engine::Sqlite { folder: folder.path().join("data"), durability: Durability::Relaxed };
    let store = Store::open(Options::new(engine, SCHEMAS.to_vec())).expect("a store");
    store.announce("127.0.0.1:8123");
    let output = halles(folder.path(), &[], "offers import offers.csv");
    assert!(output.starts_with("exit code: 1\n"), "{output}");
    for part in
        [&format!("process {}", std::process::id()), "http://127.0.0.1:8123", "PUT /offers/{offer_id}"]
    {
        assert!(output.contains(part), "{part}: {output}");
    }
    // What only reads works beside it.
    insta::assert_snapshot!(halles(folder.path(), &[], "offers decisions --output log.jsonl"), @r"
    exit code: 0
    ----- stdout -----
    ----- stderr -----
    0 decisions with 0 events
    ");
    assert_eq!(fs::read_to_string(folder.path().join("log.jsonl")).expect("a file"), "");
    store.close();
}

#[test]
fn decisions_want_data_and_a_time_that_is_one() {
    let folder = folder(&[]);
    let output = halles(folder.path(), &[], "offers decisions");
    assert!(output.starts_with("exit code: 1\n") && output.contains("data"), "{output}");
    insta::assert_snapshot!(halles(folder.path(), &[], "offers decisions --from yesterday"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'yesterday' for '--from <WHEN>': write a day, 2026-11-01, or an instant, 2026-11-01T08:00:00Z

    For more information, try '--help'.
    ");
}

/// A log of a uniform policy over two offers, of which one is clicked on half of the times.
fn log() -> String {
    let line = |number: usize| {
        let (offer, clicked) =
            if number.is_multiple_of(2) { ("A", number.is_multiple_of(4)) } else { ("B", false) };
        let rewards = if clicked {
            r#", "rewards": [{"event_type": "CLICK", "at": "2026-11-01T08:00:01Z"}]"#
        } else {
            ""
        };
        format!(
            r#"{{"decision_id": "019a3c5e-7b1a-7c3e-8f00-{number:012x}", "at": "2026-11-01T08:00:00Z", "user_id": "u{number}",
            "segment": "new_user", "policy": "uniform",
            "slots": [{{"offer_id": "{offer}", "category": "food", "propensity": 0.5{rewards}}}]}}"#
        )
    };
    (0..400).map(|number| line(number).replace('\n', "") + "\n").collect()
}

#[test]
fn a_log_tells_what_another_policy_would_have_brought() {
    let folder = folder(&[("log.jsonl", &log())]);
    let output = halles(folder.path(), &[], "offers evaluate --log log.jsonl --policy logged");
    assert!(output.starts_with("exit code: 0\n") && output.contains("0.2500000000"), "{output}");
    let json = halles(folder.path(), &[], "offers evaluate --log log.jsonl --policy greedy --json");
    let json = json.split("----- stdout -----\n").nth(1).and_then(|rest| rest.split("----- stderr").next());
    let json: serde_json::Value = serde_json::from_str(json.unwrap_or_default()).expect("json");
    let values: Vec<f64> =
        json["estimates"].as_array().expect("rows").iter().filter_map(|row| row["value"].as_f64()).collect();
    assert_eq!(values.len(), 3);
    assert!(
        values.iter().all(|value| (0.4..0.6).contains(value)),
        "always offer A: half of the times: {values:?}"
    );
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let folder = folder(&[("log.jsonl", "{}\n"), ("obd.csv", "timestamp,item_id\n")]);
    let output = halles(folder.path(), &[], "offers evaluate --log log.jsonl --policy logged");
    assert!(
        output.contains("error: log.jsonl: line 1, character 2: not a decision: missing field"),
        "{output}"
    );
    let output = halles(folder.path(), &[], "offers evaluate --log obd.csv --policy logged");
    assert!(output.contains("an Open Bandit log is read with the format `obd`"), "{output}");
    let output = halles(folder.path(), &[], "offers evaluate --log log.jsonl --policy best");
    assert!(
        output.starts_with("exit code: 2\n") && output.contains("no policy is called `best`"),
        "{output}"
    );
    insta::assert_snapshot!(
        halles(folder.path(), &[], "offers evaluate --log log.jsonl --policy logged --reward CLICK=2"),
        @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value 'CLICK=2' for '--reward <RULE>': 2 is not a number from 0 to 1

    For more information, try '--help'.
    "
    );
}

#[test]
fn a_simulation_prints_a_table_and_writes_its_curves() {
    let world = "small:\n  alpha:\n    - 10\n    - 50\n    - 20\n    - 5\n  beta:\n    - 90\n    - 50\n    - 80\n    - 95\n";
    let folder = folder(&[("world.yaml", world)]);
    let line = "offers simulate --world world.yaml --campaign small --policies static,thompson --slots 2 --seeds 2 \
                --impressions 4000 --csv curves.csv --svg curves.svg";
    let output = halles(folder.path(), &[], line);
    assert!(output.starts_with("exit code: 0\n"), "{output}");
    for part in ["campaign small, 4 arms", "\nstatic ", "\nthompson ", "best fixed slate 0.35"] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert_eq!(halles(folder.path(), &[], line), output, "the same flags give the same report");
    let csv = fs::read_to_string(folder.path().join("curves.csv")).expect("a file");
    assert!(csv.starts_with("policy,impressions,relative,") && csv.lines().count() == 201, "{csv}");
    let svg = fs::read_to_string(folder.path().join("curves.svg")).expect("a file");
    assert!(svg.starts_with("<svg") && svg.contains("thompson"), "{svg}");

    let output = halles(folder.path(), &[], "offers simulate --world world.yaml --campaign large");
    assert!(output.contains("error: world.yaml: no campaign is called `large`; there are small"), "{output}");
}
