#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use serde_json::json;

use super::*;

fn parsed(document: &Value) -> (Vec<(Record, Disruption)>, Tally) {
    let mut tally = Tally::default();
    let records = parse("perturbations.json", document.to_string().as_bytes(), &mut tally).unwrap();
    let disruptions = records.list.into_iter().map(|record| {
        let disruption = Disruption::deserialize(&record.body).unwrap();
        (record, disruption)
    });
    (disruptions.collect(), tally)
}

fn days(record: &Record) -> (String, String) {
    (record.from.to_string(), record.to.day().unwrap().to_string())
}

#[test]
fn navitia_tells_periods_priority_and_lines() {
    let (found, tally) = parsed(&json!({"disruptions": [{
        "id": "i-1", "disruption_id": "d-1", "cause": "travaux", "status": "past",
        "application_periods": [
            {"begin": "20240408T230000", "end": "20240409T000000"},
            {"begin": "20240410T050000", "end": "20240410T040000"},
        ],
        "severity": {"name": "trip delayed", "effect": "SIGNIFICANT_DELAYS", "priority": 42},
        "messages": [{"text": " Saturation "}],
        "impacted_objects": [
            {"pt_object": {"embedded_type": "line", "id": "line:X:4", "line": {
                "id": "line:X:4", "code": "4", "physical_modes": [{"id": "physical_mode:Metro", "name": "Métro"}]}}},
            {"pt_object": {"embedded_type": "route", "route": {"line": {"id": "line:X:B", "code": "B",
                "commercial_mode": {"id": "commercial_mode:rer", "name": "RER"}}}}},
            {"pt_object": {"embedded_type": "trip", "trip": {"id": "t"}}},
        ],
    }]}));
    let (record, disruption) = &found[0];
    assert_eq!(
        (record.id.as_str(), days(record)),
        ("d-1/i-1", ("2024-04-08".to_owned(), "2024-04-08".to_owned()))
    );
    assert_eq!(
        (disruption.id.as_str(), disruption.priority, disruption.title.as_str()),
        ("i-1", 42, "Saturation")
    );
    assert_eq!(disruption.periods.len(), 1, "a period that ends before it begins is none");
    assert_eq!(disruption.periods[0].begin.to_string(), "2024-04-08T21:00:00Z");
    let names: Vec<(&str, Option<u8>)> =
        disruption.lines.iter().map(|line| (line.name.as_str(), line.metro)).collect();
    assert_eq!(names, [("4", Some(4)), ("RER B", None)]);
    assert_eq!((tally.read, tally.rejected_rows()), (1, 0));
}

#[test]
fn line_reports_point_to_disruptions() {
    let link = |id: &str| json!([{"internal": true, "type": "disruption", "rel": "disruptions", "id": id}]);
    let (found, _) = parsed(&json!({
        "disruptions": [
            {"id": "a", "application_periods": [{"begin": "20240408T050000", "end": "20240408T060000"}]},
            {"id": "b", "application_periods": [{"begin": "20240408T050000", "end": "20240408T060000"}]},
        ],
        "line_reports": [{
            "line": {"id": "line:IDFM:C01373", "code": "3", "links": link("a")},
            "pt_objects": [{"embedded_type": "stop_area", "stop_area": {"id": "s", "links": link("b")}}],
        }],
    }));
    for (_, disruption) in &found {
        assert_eq!(disruption.lines[0].metro, Some(3));
    }
}

#[test]
fn prim_tells_severity_as_a_word_and_lines_apart() {
    let one = |id: &str, severity: &str| {
        json!({
            "id": id, "severity": severity, "title": "Bus 165 : Travaux", "cause": "TRAVAUX",
            "applicationPeriods": [{"begin": "20260218T080000", "end": "20260218T180000"}],
            "impactedSections": [{"lineId": "line:IDFM:C01187"}],
        })
    };
    let words = ["BLOQUANTE", "PERTURBEE", "INFORMATION", "AUTRE"];
    let (found, _) = parsed(&json!({
        "disruptions": words.iter().map(|word| one(word, word)).collect::<Vec<_>>(),
        "lines": [
            {"id": "line:IDFM:C01187", "name": "165", "shortName": "165", "mode": "Bus", "impactedObjects": []},
            {"id": "line:IDFM:C01384", "name": "14", "shortName": "14", "mode": "Metro",
             "impactedObjects": [{"type": "line", "id": "line:IDFM:C01384", "disruptionIds": ["BLOQUANTE"]}]},
        ],
        "lastUpdatedDate": "2026-02-18T09:00:00.000Z",
    }));
    let priorities: Vec<i64> = found.iter().map(|(_, disruption)| disruption.priority).collect();
    assert_eq!(priorities, [50, 30, 0, 15]);
    let names: Vec<&str> = found[0].1.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Bus 165", "14"]);
    let (alone, _) = parsed(&one("alone", "BLOQUANTE"));
    assert_eq!(alone[0].1.lines[0].name, "line:IDFM:C01187");
}

#[test]
fn what_has_no_end_lasts_until_it_was_last_told() {
    let open = |end: Value| {
        json!({"disruptions": [{"id": "a", "updated_at": "20240412T080000",
            "application_periods": [{"begin": "20240408T050000", "end": end}]}]})
    };
    for end in [Value::Null, json!("20380119T041407")] {
        let (found, _) = parsed(&open(end));
        assert_eq!(days(&found[0].0), ("2024-04-08".to_owned(), "2024-04-12".to_owned()));
        assert!(matches!(found[0].0.to, Last::Told(_)));
        assert_eq!(found[0].1.periods[0].end, None);
    }
}

#[test]
fn a_document_covers_the_day_on_which_it_was_asked_for() {
    let covered = |document: Value| {
        let found = parse("p.json", document.to_string().as_bytes(), &mut Tally::default()).unwrap();
        found.covered.iter().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>()
    };
    let context = json!({"current_datetime": "20240408T233000", "timezone": "Europe/Paris"});
    assert_eq!(covered(json!({"disruptions": [], "context": context})), ["2024-04-08 2024-04-08"]);
    let prim = json!({"disruptions": [], "lastUpdatedDate": "2026-02-18T23:30:00.000Z"});
    assert_eq!(covered(prim), ["2026-02-19 2026-02-19"], "a day of Paris");
    let one = json!({"id": "a", "lastUpdate": "20260218T080512",
        "applicationPeriods": [{"begin": "20260218T080000", "end": "20260218T180000"}]});
    assert_eq!(covered(one), [""; 0], "when it was changed last says nothing of others");
}

#[test]
fn disruptions_without_an_id_or_a_time_are_rejected_by_their_place() {
    let periods = json!([{"begin": "20240408T050000", "end": "20240408T060000"}]);
    let (found, tally) = parsed(&json!({"disruptions": [
        {"application_periods": periods},
        {"id": "b", "application_periods": []},
        {"id": "c", "application_periods": [{"begin": "soon", "end": "20240408T060000"}]},
        7,
        {"id": "e", "application_periods": periods},
    ]}));
    assert_eq!((found.len(), tally.read), (1, 5));
    assert_eq!(tally.rejected[&Reason::MissingId].first[0].line, 1);
    assert_eq!(tally.rejected[&Reason::BadDate].count, 2);
    assert_eq!(tally.rejected[&Reason::BadRecord].first[0].line, 4);
}

#[test]
fn other_and_damaged_documents_are_refused() {
    let error = |text: &str| parse("p.json", text.as_bytes(), &mut Tally::default()).unwrap_err().to_string();
    assert!(
        error("{\"disruptions\": [\n{\"id\":").starts_with("p.json, line 2: this is not well-formed JSON")
    );
    assert!(error("{\"hourly\": {}}").contains("looks like data of type weather, not traffic"));
    assert!(error("{\"error\": \"no key\"}").contains("no list of `disruptions`"));
    assert!(error("<html>").contains("HTML page"));
    assert!(error("Identifiant arc;Débit horaire\n").contains("looks like data of type comptages"));
    let (none, tally) = parsed(&json!({"disruptions": []}));
    assert_eq!((none.len(), tally.read), (0, 0));
}
