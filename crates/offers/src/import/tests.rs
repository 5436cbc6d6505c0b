//! Files as people write them, good and bad.
#![expect(clippy::unwrap_used, reason = "tests")]

use kernel::{Currency, Timestamp};
use store::testing::Scratch;
use store::{DbError, Failure, Tx, Unavailable};

use super::*;
use crate::inventory::{ProductLevel, ProductStock};
use crate::offer::commands::{delete, put_all};
use crate::offer::{Amount, DiscountType, Status};
use crate::user::{Imported as ImportedUsers, Interner, Profile, USER_IMPORTED};

const OFFER: &str = "offer_id,offer_name,category,discount_type,discount_value,priority,inventory_count\n";

fn parsed(text: &str) -> Result<Records, Vec<String>> {
    parse(text.as_bytes(), None, Currency::EUR, |_| {})
        .map_err(|report| report.faults.iter().map(ToString::to_string).collect())
}

fn faults(text: &str) -> Vec<String> {
    parsed(text).unwrap_err()
}

fn offers(text: &str) -> Vec<OfferRecord> {
    match parsed(text).unwrap() {
        Records::Offers(records) => records,
        Records::Users(_) => panic!("users"),
    }
}

fn users(text: &str) -> Vec<UserRecord> {
    match parsed(text).unwrap() {
        Records::Users(records) => records,
        Records::Offers(_) => panic!("offers"),
    }
}

#[test]
fn csv_json_and_json_lines_say_the_same() {
    let csv =
        format!("\u{feff}{OFFER}\nOFF001, Premium Laptop Deal ,Electronics,PERCENTAGE,\"12,5\",95,50\n");
    let semicolons = csv.replace(',', ";").replace("12;5", "12,5");
    let tabs = csv.replace("\"12,5\"", "12.5").replace(',', "\t");
    let object = r#"{"offer_id": "OFF001", "offer_name": "Premium Laptop Deal", "category": "electronics",
        "discount_type": "PERCENTAGE", "discount_value": 12.5, "priority": 95, "inventory_count": 50,
        "expires_at": null, "target_segments": []}"#;
    let line = object.replace('\n', " ");
    let all = [csv, semicolons, tabs, format!("[{object}]"), object.to_owned(), format!("\n{line}\n\n")];
    let read: Vec<Vec<OfferRecord>> = all.iter().map(|text| offers(text)).collect();
    for (text, records) in all.iter().zip(&read) {
        assert_eq!(records.len(), 1, "{text}");
        assert_eq!((&records[0].id, &records[0].details), (&read[0][0].id, &read[0][0].details), "{text}");
    }
    let details = &read[0][0].details;
    assert_eq!((details.name.as_ref(), details.category.as_str()), ("Premium Laptop Deal", "electronics"));
    assert_eq!(details.discount_value, "12.5".parse::<Amount>().unwrap());
    assert_eq!(read.iter().map(|records| records[0].line).collect::<Vec<_>>(), [3, 3, 3, 1, 1, 2]);
}

#[test]
fn every_field_is_read() {
    let json = r#"[{"offer_id": "A", "offer_name": "a", "category": "food", "discount_type": "FIXED_AMOUNT",
        "discount_value": "15", "priority": 1, "inventory_count": 0, "expires_at": "2026-12-31T23:00:00Z",
        "min_purchase_amount": 60, "max_discount_cap": 15.5, "target_segments": ["Premium", "vip"],
        "margin_percent": 12, "produit_id": 58, "status": "PAUSED"}]"#;
    let csv = "offer_id;offer_name;category;discount_type;discount_value;priority;inventory_count;expires_at;\
        min_purchase_amount;max_discount_cap;target_segments;margin_percent;produit_id;status\n\
        A;a;food;FIXED_AMOUNT;15;1;0;2026-12-31T23:00:00Z;60;15,5;premium | vip;12;58;PAUSED\n";
    let (json, csv) = (&offers(json)[0].details, &offers(csv)[0].details);
    assert_eq!(json, csv);
    assert_eq!((json.discount_type, json.status), (DiscountType::FixedAmount, Some(Status::Paused)));
    assert_eq!(json.expires_at.map(|at| at.to_string()).as_deref(), Some("2026-12-31T23:00:00Z"));
    assert_eq!(json.target_segments.len(), 2);
    assert_eq!(json.product.map(|product| product.0), Some(58));
    assert!(json.min_purchase.is_some() && json.max_discount.is_some() && json.margin_percent.is_some());
}

#[test]
fn every_fault_is_told_with_line_and_column() {
    let text = format!(
        "{OFFER}OFF 1,a,food,PERCENTAGE,10,101,1\nB,,food,HALF,ten,1,-1\nC,c,food,PERCENTAGE,120,1,1\n\
         D,d,food,FIXED_AMOUNT,1.555,1,1.5\nC,c,food,BOGO,0,1,1\nE,e\n"
    );
    assert_eq!(
        faults(&text),
        [
            "line 2: offer_id: \"OFF 1\": must be 1 to 32 letters, digits, `-` or `_`",
            "line 2: priority: 101: must be a whole number from 1 to 100",
            "line 3: offer_name: is missing",
            "line 3: discount_type: \"HALF\": must be one of PERCENTAGE FIXED_AMOUNT BOGO",
            "line 3: discount_value: \"ten\": must be a plain decimal number, such as 12.5",
            "line 3: inventory_count: -1: must be a whole number from 0 to 1000000000",
            "line 4: discount_value: must be above 0 and at most 100 percent",
            "line 5: inventory_count: \"1.5\": must be a whole number",
            "line 6: offer_id: the same as on line 4: keep one of the two",
            "line 7: 2 values where the header has 7",
        ]
    );
}

#[test]
fn the_lines_of_json_are_those_of_the_file() {
    let text = "[\n  {\"offer_id\": \"A\",\n   \"offer_name\": \"a\",\n   \"category\": \"food\", \"priority\": 0,\n\
                \"discount_type\": \"BOGO\", \"discount_value\": 0, \"inventory_count\": 1},\n  {\"offer_id\": \"B\",\n\
                \"stock\": 3}\n]";
    assert_eq!(
        faults(text),
        [
            "line 4: priority: 0: must be a whole number from 1 to 100",
            "line 7: stock: not a column of this file; known: offer_id, offer_name, category, discount_type, \
             discount_value, priority, inventory_count, expires_at, min_purchase_amount, max_discount_cap, \
             target_segments, margin_percent, produit_id, status",
            "line 6: offer_name: is missing",
            "line 6: category: is missing",
            "line 6: discount_type: is missing",
            "line 6: discount_value: is missing",
            "line 6: priority: is missing",
            "line 6: inventory_count: is missing",
        ]
    );
}

#[test]
fn what_is_not_a_file_of_records_says_what_it_is() {
    for (text, told) in [
        ("", "line 1: the file is empty"),
        ("  \n ", "line 1: the file is empty"),
        ("[]", "there are no records in it"),
        (OFFER, "there are no records in it"),
        ("[1]", "line 1: not JSON: '{' expected, '1' found"),
        ("{\"user_id\": \"a\",\n \"segment\": }", "line 2: not JSON: a value expected: expected value"),
        ("{\"user_id\": \"a\"", "line 1: not JSON: ',' expected, the end of the file found"),
        ("[{\"user_id\": \"a\", \"segment\": \"b\"}\n{}]", "line 2: not JSON: ',' expected, '{' found"),
        ("[{\"user_id\": \"a\", \"segment\": \"b\"}] x", "line 1: not JSON: 'x' after the end of the array"),
        ("{\"user_id\": \"a\", \"segment\": \"b\",\n\"user_id\": \"c\"}", "line 2: user_id is there twice"),
        (
            "name,price\na,1\nb,2\n",
            "line 1: neither offers (offer_id, offer_name …) nor users (user_id, segment …): name the columns, or say \
             --kind",
        ),
        (
            "[{\"name\": \"a\"}, {\"name\": \"b\"}]",
            "line 1: neither offers (offer_id, offer_name …) nor users (user_id, segment …): name the columns, or say \
             --kind",
        ),
    ] {
        assert_eq!(faults(text), [told], "{text}");
    }
    let report = parse(b"user_id,segment\na,\xff\n", None, Currency::EUR, |_| {}).unwrap_err();
    assert_eq!(report.faults[0].to_string(), "line 2: not UTF-8: save the file with that encoding");
    let text = "offer_id,segment\nA,b\n";
    let report = parse(text.as_bytes(), Some(Kind::Users), Currency::EUR, |_| {}).unwrap_err();
    assert_eq!(report.faults[0].column, "offer_id", "the kind that was said counts");
}

#[test]
fn a_wrong_header_is_told_once_and_alone() {
    let text = "user_id,segment,Points,segment\na b,,1,\nc d,,1,\n";
    assert_eq!(
        faults(text),
        [
            "line 1: points: not a column of this file; known: user_id, segment, affinities",
            "line 1: segment: is there twice",
        ]
    );
    assert_eq!(faults("user_id\na b\n"), ["line 1: segment: is missing"]);
    // What the first line leaves empty is still seen from the header.
    let text = "user_id,segment\n,premium\nU,premium\n";
    assert_eq!(faults(text), ["line 2: user_id: is missing"]);
}

#[test]
fn users_have_a_segment_and_bounded_points() {
    let csv = "user_id,segment,affinities\nUSER001,Premium,electronics:30|Food:2.5\nUSER002,standard,\n";
    let json = r#"{"user_id": "USER001", "segment": "premium", "affinities": {"electronics": 30, "food": 2.5, "home": 0}}
        {"user_id": "USER002", "segment": "standard"}"#;
    assert_eq!(users(csv), users(json));
    let points = |text: &str| users(text)[0].affinities.values().copied().collect::<Vec<_>>();
    assert_eq!(points(csv), [30.0, 2.5]);
    assert_eq!(points("user_id,segment,affinities\na,b,food:1e9\n"), [MAX_STARTING_POINTS]);
    let nine = (1..=9).map(|number| format!("c{number}:1")).collect::<Vec<_>>().join("|");
    for (affinities, told) in [
        ("food:-1", "food: points are not below 0"),
        ("food", "must be numbers by name: {\"food\": 12.5} in JSON, food:12.5|home:3 in CSV"),
        ("food:x", "must be numbers by name: {\"food\": 12.5} in JSON, food:12.5|home:3 in CSV"),
        ("food:1|FOOD:2", "food is there twice"),
        (nine.as_str(), "name at most 8 categories: no more are kept"),
    ] {
        let text = format!("user_id,segment,affinities\na,b,{affinities}\n");
        assert_eq!(faults(&text), [format!("line 2: affinities: {told}")]);
    }
}

#[test]
fn faults_beyond_the_first_thousand_are_counted() {
    let text = format!("{OFFER}{}", "x y,a,food,BOGO,0,1,1\n".repeat(MAX_FAULTS + 5));
    let report = parse(text.as_bytes(), None, Currency::EUR, |_| {}).unwrap_err();
    assert_eq!(
        (report.read, report.total, report.faults.len()),
        (MAX_FAULTS + 5, MAX_FAULTS + 5, MAX_FAULTS)
    );
}

struct Nothing;

impl ProductStock for Nothing {
    fn levels(&self, _: &mut Tx<'_>, _: &[kernel::ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        Ok(Vec::new())
    }
}

#[test]
fn offers_imported_twice_are_as_imported_once() {
    let mut scratch = Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
    let text = format!("{OFFER}A,a,food,BOGO,0,1,7\nB,b,food,BOGO,0,2,8\n");
    let pairs: Vec<_> = offers(&text).into_iter().map(OfferRecord::into_pair).collect();
    let put = |scratch: &mut Scratch| {
        scratch
            .run(|tx, now| put_all(tx, now, &Nothing, &pairs).map_err(Failure::<Unavailable>::Db))
            .unwrap();
        scratch.events().unwrap().len()
    };
    assert_eq!([put(&mut scratch), put(&mut scratch)], [2, 2], "what is the same already is not told again");
}

#[test]
fn the_id_of_a_deleted_offer_is_found_before_anything_is_changed() {
    let mut scratch = Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1_000_000)).unwrap();
    let text = format!("{OFFER}A,a,food,BOGO,0,1,7\nB,b,food,BOGO,0,2,8\n");
    let records = offers(&text);
    let pairs: Vec<_> = records.iter().cloned().map(OfferRecord::into_pair).collect();
    scratch.run(|tx, now| put_all(tx, now, &Nothing, &pairs).map_err(Failure::<Unavailable>::Db)).unwrap();
    scratch.run(|tx, now| delete(tx, now, &Nothing, &records[1].id)).unwrap();
    let ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(scratch.read(|tx| run::deleted(tx, &ids)).unwrap(), [ids[1].clone()]);
}

#[test]
fn what_was_learned_of_people_stays_unless_it_is_to_be_replaced() {
    let mut scratch = Scratch::new(&[crate::SCHEMA], Timestamp::from_micros(1_700_000_000_000_000)).unwrap();
    let records = users("user_id,segment,affinities\nU,premium,food:30|home:12\n");
    for replace in [false, true] {
        scratch
            .run(|tx, _| {
                tell_users(tx, &records, replace);
                Ok::<_, Failure<Unavailable>>(())
            })
            .unwrap();
    }
    let (mut segments, mut categories) = (Interner::default(), Interner::default());
    let (food, home) = (categories.number("food"), categories.number("home"));
    let now = scratch.now();
    let mut profile = Profile::new(segments.number("new_user"));
    profile.set_affinity(food, 3.0, now);
    let mut seen = Vec::new();
    for event in scratch.events().unwrap() {
        assert_eq!(event.kind, USER_IMPORTED);
        for user in ImportedUsers::read(&event).unwrap().users {
            user.apply(&mut profile, now, &mut segments, &mut categories);
        }
        seen.push((profile.points(food, now), profile.points(home, now)));
    }
    assert_eq!(seen, [(3.0, 12.0), (30.0, 12.0)]);
    assert_eq!(segments.name(profile.segment()), "premium");
}
