//! The formats, as they are published.

use super::super::Reason;
use super::*;
use crate::hours::{Reading, State};
use crate::sensor::{Node, Point};

fn flows(hours: &Hours) -> Vec<(usize, Option<i32>)> {
    hours.iter().map(|(slot, reading)| (slot, reading.flow)).collect()
}

#[test]
fn bikes_are_read() {
    let rows = [
        bike("b", "2024-03-25T01:00:00+01:00", "3"),
        bike("a", "2024-03-25T01:00:00+01:00", "7"),
        bike("a", "2024-03-24T23:00:00Z", "12"),
        bike("", "2024-03-25T01:00:00+01:00", "9"),
        bike("a", "2024-03-25T02:00:00+01:00", ""),
        bike("a", "2024-03-25", "1"),
        bike("a", "2024-03-25T03:00:00+01:00", "many"),
        "a;too;few\n".to_owned(),
        "\r\n".to_owned(),
    ];
    let read = read_one(MetricType::Bikes, format!("\u{feff}{BIKES}{}", rows.concat())).unwrap();
    let found = hours(&read);
    let day = |id: &str| ("2024-03-25".to_owned(), id.to_owned());
    assert_eq!(found.len(), 2);
    assert_eq!(flows(&found[&day("a")]), [(0, Some(12_000)), (1, Some(7_000))]);
    assert_eq!(flows(&found[&day("b")]), [(1, Some(3_000))]);

    let tally = &read.tally;
    assert_eq!((tally.read, tally.kept, tally.rejected_rows(), tally.duplicates), (8, 3, 5, 0));
    assert_eq!(tally.disorder, 1, "the second row of a is an hour before the first");
    let lines: Vec<_> =
        tally.rejected.iter().map(|(reason, rejected)| (*reason, rejected.first[0].line)).collect();
    let expected = [
        (Reason::MissingId, 5),
        (Reason::BadDate, 7),
        (Reason::BadNumber, 8),
        (Reason::MissingNumber, 6),
        (Reason::FieldCount, 9),
    ];
    assert_eq!(lines, expected);

    let (slot, about) = &said(&read)[&day("a")];
    assert_eq!((about.name.as_str(), *slot), ("Quai a", 1));
    assert_eq!(about.point, Some(Point { lon: 2.25, lat: 48.5 }));
}

#[test]
fn roads_are_read() {
    let rows = [
        road("4264", "2024-10-27T02:00:00+02:00", "1034.5", "", "Inconnu"),
        road("4264", "2024-10-27T02:00:00+01:00", "", "99.99", "Bloqué"),
        road("4264", "2024-10-27T23:00:00+01:00", "", "", "Pré-saturé"),
    ];
    let read = read_one(MetricType::Roads, format!("{ROADS}{}", rows.concat())).unwrap();
    let found = hours(&read);
    let hours = &found[&("2024-10-27".to_owned(), "4264".to_owned())];
    let of = |flow, occupancy, state| Some(Reading { flow, occupancy, state });
    assert_eq!(hours.get(2), of(Some(1_034_500), None, State::Unknown));
    assert_eq!(hours.get(3), of(None, Some(9_999_000), State::Blocked));
    assert_eq!(hours.get(24), of(None, None, State::Dense));
    assert_eq!(hours.len(), 3);
    let about = about(&read);
    assert_eq!(about.line, [Point { lon: 2.25, lat: 48.5 }, Point { lon: 2.5, lat: 48.75 }]);
    let node = |id: &str, name: &str| Some(Node { id: id.to_owned(), name: name.to_owned() });
    assert_eq!((&about.upstream, &about.downstream), (&node("1", "Rue-Nord"), &node("2", "Rue-Sud")));
}

#[test]
fn the_api_says_the_same_as_the_export() {
    let page = r#"{"total_count": 2, "results": [
        {"id_compteur": "a", "nom_compteur": "Quai a", "id": "1", "sum_counts": 7,
         "date": "2024-03-25T00:00:00+00:00", "coordinates": {"lon": 2.25, "lat": 48.5}},
        {"id_compteur": null, "sum_counts": 1, "date": "2024-03-25T00:00:00+00:00"},
        {"id_compteur": "a", "sum_counts": [], "date": "2024-03-25T00:00:00+00:00"},
        7]}"#;
    let api = read_one(MetricType::Bikes, page).unwrap();
    let row = bike("a", "2024-03-25T01:00:00+01:00", "7");
    let export = read_one(MetricType::Bikes, format!("{BIKES}{row}")).unwrap();
    assert_eq!((hours(&api), said(&api)), (hours(&export), said(&export)));
    let reasons: Vec<_> =
        api.tally.rejected.iter().map(|(reason, rejected)| (*reason, rejected.first[0].line)).collect();
    assert_eq!(reasons, [(Reason::MissingId, 2), (Reason::BadNumber, 3), (Reason::BadRecord, 4)]);

    let page = r#"[{"iu_ac": "4264", "libelle": "Rue_4264", "t_1h": "2024-10-27T01:00:00+00:00", "q": 1034.5, "k": 5e-05,
        "etat_trafic": "Pr\u00e9-satur\u00e9", "iu_nd_amont": "1", "libelle_nd_amont": "Rue-Nord", "iu_nd_aval": "2",
        "libelle_nd_aval": "Rue-Sud", "geo_point_2d": {"lon": 2.25, "lat": 48.5}, "geo_shape": {"type": "Feature",
        "geometry": {"coordinates": [[2.25, 48.5], [2.5, 48.75]], "type": "LineString"}, "properties": {}}}]"#;
    let api = read_one(MetricType::Roads, page).unwrap();
    let row = road("4264", "2024-10-27T02:00:00+01:00", "1034.5", "0.00005", "Pré-saturé");
    let export = read_one(MetricType::Roads, format!("{ROADS}{row}")).unwrap();
    assert_eq!((hours(&api), said(&api)), (hours(&export), said(&export)));
}

#[test]
fn pages_with_gaps_and_numbers_as_texts_are_read() {
    let record = |hour: u32, rest: &str| {
        format!(
            r#"{{"iu_ac": "1", "t_1h": "2024-03-25T{hour:02}:00:00Z", "date_debut": "1996-10-10"{rest}}}"#
        )
    };
    let page = [record(1, r#", "k": 1.5"#), record(2, r#", "q": "4859.0", "k": "2.5""#)].join(",");
    let read = read_one(MetricType::Roads, format!("[{page}]")).unwrap();
    assert_eq!(flows(hours(&read).values().next().unwrap()), [(2, None), (3, Some(4_859_000))]);
    for (text, part) in [
        (format!("{page}\n").replace("},{", "}\n{"), "JSON lines"),
        (format!(r#"{{"nhits": 1, "records": [{{"fields": {}}}]}}"#, record(1, "")), "version 1"),
    ] {
        let error = read_one(MetricType::Roads, text).unwrap_err().to_string();
        assert!(error.starts_with("file: this is ") && error.contains(part), "{error}");
    }
}

#[test]
fn an_empty_page_and_a_file_of_only_a_header_have_nothing_to_say() {
    for data in [BIKES, BIKES.trim_end(), r#"{"total_count": 0, "results": []}"#, "[]"] {
        let read = read_one(MetricType::Bikes, data).unwrap();
        assert_eq!((hours(&read).len(), read.tally.read), (0, 0), "{data}");
    }
}

#[test]
fn columns_may_come_in_any_order_and_be_quoted() {
    let text = "Coordonnées géographiques,\"Date et heure de comptage\",Comptage horaire,x,Identifiant du compteur,\
                Nom du compteur\n\
                \"48.5,2.25\",\"2024-03-25T01:00:00+01:00\",\"7\",,\"a\",\"Quai \"\"b\"\",\nbas\"\r\n\
                \"48.5,2.25\",2024-03-25T02:00:00+01:00,x,,a,b\n";
    let read = read_one(MetricType::Bikes, text).unwrap();
    let found = hours(&read);
    assert_eq!(flows(found.values().next().unwrap()), [(1, Some(7_000))]);
    assert_eq!(about(&read).name, "Quai \"b\",\nbas");
    assert_eq!(read.tally.rejected[&Reason::BadNumber].first[0].line, 4, "a quoted line end is one too");
}

#[test]
fn without_columns_behind_the_numbers_rows_must_be_complete_too() {
    let text = "iu_ac;libelle;t_1h;q;k\n\
                1;Rue;2024-03-25T01:00:00Z;5;1.5\n1;Rue;2024-03-25T02:00:00Z;6;1.5\r\n\
                1;Rue;2024-03-25T03:00:00Z;7\n1;Rue;2024-03-25T04:00:00Z;8;1.5;\n1;Rue\n\n\
                1;\"Ru\ne\";2024-03-25T05:00:00Z;9;\n1;Rue;2024-03-25T06:00:00Z;?;\n";
    let read = read_one(MetricType::Roads, text).unwrap();
    assert_eq!((read.tally.read, read.tally.kept), (7, 3));
    let lines =
        |reason| -> Vec<u64> { read.tally.rejected[&reason].first.iter().map(|place| place.line).collect() };
    assert_eq!((lines(Reason::FieldCount), lines(Reason::BadNumber)), (vec![4, 5, 6], vec![10]));
    assert_eq!(about(&read).name, "Ru\ne");
}

#[test]
fn what_is_known_of_a_sensor_comes_from_the_latest_hour_of_each_day() {
    let row = |day: u32, hour: u32, name: &str| {
        let row = bike("a", &format!("2024-03-{day}T{hour:02}:00:00+01:00"), "1").replace("Quai a", name);
        if name.is_empty() { row.replace("48.5,2.25", "") } else { row }
    };
    let rows = [
        row(25, 3, "old"),
        row(26, 1, "next day"),
        row(25, 9, "new"),
        row(25, 9, "newer"),
        row(25, 5, "between"),
        row(25, 9, "new"),
        row(25, 12, ""),
        row(27, 12, ""),
    ];
    let read = read_one(MetricType::Bikes, format!("{BIKES}{}", rows.concat())).unwrap();
    let said = said(&read).into_iter().map(|((day, _), (slot, about))| (day, slot, about.name));
    let expected = [("2024-03-25", 9, "newer"), ("2024-03-26", 1, "next day")];
    assert_eq!(
        said.collect::<Vec<_>>(),
        expected.map(|(day, slot, name)| (day.to_owned(), slot, name.to_owned()))
    );
}

#[test]
fn a_rejected_row_makes_no_sensor() {
    let rows = bike("a", "2024-03-25T01:00:00+01:00", "x") + &bike("b", "2024-03-25T01:00:00+01:00", "1");
    let read = read_one(MetricType::Bikes, format!("{BIKES}{rows}")).unwrap();
    let Facts::Hours(days) = &read.facts else { panic!("these are records") };
    assert_eq!(days.sensors().map(|(id, texts)| (id, texts.len())).collect::<Vec<_>>(), [("b", 1)]);
}

#[test]
fn progress_ends_where_the_file_does() {
    let data = gzip(format!("{BIKES}{}", good_rows(500)).as_bytes());
    let bar = Bar::default();
    read(MetricType::Bikes, &[source("file.gz", data.clone())], &limits(), &bar).unwrap();
    assert_eq!((bar.begun(), bar.advanced()), (data.len() as u64, data.len() as u64));
}
