//! A dozen disruptions of the metro, as Navitia tells them.

use kernel::Day;
use serde_json::{Value, json};

use super::DAYS;

/// Line, days before the last, hour of the beginning, minutes, priority and what it is.
const DISRUPTIONS: [(u8, i32, u32, u32, i64, &str); 12] = [
    (1, 0, 8, 25, 18, "Colis suspect"),
    (4, 0, 17, 190, 55, "Panne de signalisation"),
    (6, 0, 7, 40, 32, "Panne d'un train"),
    (13, 0, 18, 35, 20, "Affluence"),
    (13, 1, 8, 150, 34, "Panne d'un train"),
    (9, 2, 6, 20, 12, "Régulation du trafic"),
    (2, 3, 9, 75, 40, "Malaise d'un voyageur"),
    (7, 4, 22, 300, 52, "Travaux"),
    (14, 6, 10, 15, 8, "Régulation du trafic"),
    (8, 9, 16, 130, 30, "Panne électrique"),
    (5, 15, 8, 45, 16, "Colis suspect"),
    (12, 24, 19, 60, 28, "Affluence"),
];

/// All disruptions in one answer, with works on a line of trams that last all the time: so there is no day of which
/// nothing is known, and on most of them the metro runs.
pub(super) fn disruptions(last: Day) -> String {
    let of_metro = (1_u64..).zip(DISRUPTIONS).map(|(number, told)| disruption(last, number, told));
    let all: Vec<Value> = of_metro.chain([works(last)]).collect();
    let context = json!({"current_datetime": instant(last, 23 * 60), "timezone": "Europe/Paris"});
    json!({"comment": "inventé", "context": context, "disruptions": all}).to_string()
}

fn works(last: Day) -> Value {
    json!({
        "id": "invente-travaux", "disruption_id": "invente-travaux", "cause": "Travaux",
        "application_periods": [{"begin": instant(last.plus(1 - DAYS), 0), "end": instant(last, 23 * 60 + 59)}],
        "severity": {"name": "perturbée", "effect": "REDUCED_SERVICE", "priority": 20, "color": ""},
        "messages": [{"text": "Tramway T3z : travaux (inventé)"}],
        "impacted_objects": [{"pt_object": {"id": "line:inventee:T3z", "embedded_type": "line", "line": {
            "id": "line:inventee:T3z", "code": "T3z", "name": "T3z",
            "commercial_mode": {"id": "commercial_mode:Tramway", "name": "Tramway"},
        }}}],
    })
}

fn disruption(last: Day, number: u64, told: (u8, i32, u32, u32, i64, &str)) -> Value {
    let (line, back, hour, minutes, priority, cause) = told;
    let day = last.plus(-back);
    let (begin, end) = (hour * 60, hour * 60 + minutes);
    let over_midnight = end >= 24 * 60;
    let id = format!("invente-{number:04}");
    json!({
        "id": id, "disruption_id": id, "impact_id": id, "uri": id, "status": "past", "cause": cause,
        "application_periods": [{
            "begin": instant(day, begin),
            "end": instant(if over_midnight { day.plus(1) } else { day }, end % (24 * 60)),
        }],
        "severity": {"name": "perturbée", "effect": effect(priority), "priority": priority, "color": ""},
        "messages": [{"text": format!("Métro {line} : {cause} (inventé)")}],
        "updated_at": instant(day, begin),
        "impacted_objects": [{"pt_object": {
            "id": format!("line:inventee:M{line}"), "embedded_type": "line", "name": format!("Métro {line}"),
            "quality": 0,
            "line": {
                "id": format!("line:inventee:M{line}"), "code": line.to_string(), "name": format!("Métro {line}"),
                "commercial_mode": {"id": "commercial_mode:Metro", "name": "Métro"},
                "physical_modes": [{"id": "physical_mode:Metro", "name": "Métro"}],
            },
        }}],
    })
}

fn effect(priority: i64) -> &'static str {
    if priority >= 50 { "NO_SERVICE" } else { "SIGNIFICANT_DELAYS" }
}

/// A time of a day as Navitia writes it, such as `20240408T071300`.
fn instant(day: Day, minutes: u32) -> String {
    format!("{}T{:02}{:02}00", day.to_string().replace('-', ""), minutes / 60, minutes % 60)
}
