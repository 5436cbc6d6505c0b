//! The report for spreadsheets.
//!
//! Semicolons, UTF-8 with a byte order mark (without it, a French Excel takes the text for Windows-1252), lines ended
//! as RFC 4180 says. One block per section, each with a header row of its own and a first column that names the section;
//! an empty line is between two. Blocks without rows have their header all the same.
//!
//! Texts that a spreadsheet would take for a formula (OWASP, *CSV Injection*) get an apostrophe in front, since names of
//! streets and works come from outside. Numbers are left alone, also negative ones.

use serde::Serialize;
use serde_json::Value;

use super::Report;

const MARK: &str = "\u{feff}";
const END: &str = "\r\n";

/// The columns of a section: where they are in its JSON.
type Columns = &'static [&'static str];

const REPORT: Columns = &["date", "generated_at"];
const SUMMARY: Columns = &[
    "total_vehicules_paris",
    "temps_perdu_total_minutes",
    "nombre_troncons_satures",
    "taux_disponibilite_capteurs",
    "total_velos_paris",
    "nombre_perturbations_actives",
    "fiabilite_transports",
    "total_chantiers_actifs",
    "couverture_comptages.capteurs",
    "couverture_comptages.heures_mesurees",
    "couverture_comptages.heures_attendues",
    "couverture_comptages.couverture_pct",
    "couverture_velos.capteurs",
    "couverture_velos.heures_mesurees",
    "couverture_velos.heures_attendues",
    "couverture_velos.couverture_pct",
];
const ARCS: Columns = &[
    "identifiant_arc",
    "libelle",
    "debit_journalier_total",
    "debit_horaire_moyen",
    "debit_max",
    "heure_pic",
    "taux_occupation_moyen",
    "etat_trafic_dominant",
    "repartition_etats.Fluide",
    "repartition_etats.Pré-saturé",
    "repartition_etats.Saturé",
    "repartition_etats.Bloqué",
    "repartition_etats.Inconnu",
    "heures_par_etat.Fluide",
    "heures_par_etat.Pré-saturé",
    "heures_par_etat.Saturé",
    "heures_par_etat.Bloqué",
    "heures_par_etat.Inconnu",
    "longueur_metres",
    "vitesse_estimee_kmh",
    "temps_perdu_minutes",
    "temps_perdu_total_minutes",
    "arrondissement",
    "coordinates.lon",
    "coordinates.lat",
    "heures_presentes",
    "heures_avec_debit",
    "heures_avec_taux",
    "heures_attendues",
    "couverture_pct",
    "valeurs_ecartees",
    "defaillance",
];
const ZONES: Columns = &[
    "zone",
    "arrondissement",
    "numero",
    "temps_perdu_total_minutes",
    "total_vehicules",
    "taux_occupation_moyen",
    "nombre_troncons_satures",
    "nombre_troncons",
    "capteurs",
    "heures_mesurees",
    "heures_attendues",
    "couverture_pct",
];
const FAILING: Columns = &["type", "id_compteur", "identifiant_arc", "libelle", "raison", "valeur", "heures"];
const ALERTS: Columns = &[
    "identifiant_arc",
    "libelle",
    "arrondissement",
    "severite",
    "debut",
    "fin",
    "duree_heures",
    "taux_occupation_moyen",
    "taux_occupation_max",
    "temps_perdu_total_minutes",
];
const ANOMALIES: Columns =
    &["id_compteur", "nom_compteur", "total_jour", "mediane", "score", "jours_compares"];
const WORKS: Columns = &[
    "identifiant",
    "typologie",
    "impact",
    "arrondissement",
    "objet",
    "voies",
    "date_debut",
    "date_fin",
    "niveau_perturbation",
    "surface_m2",
    "coordinates.lon",
    "coordinates.lat",
];
const WEATHER: Columns = &[
    "date",
    "temp_moyenne",
    "temp_min",
    "temp_max",
    "precip_totale",
    "vent_moyen",
    "vent_est_un_maximum",
    "conditions",
    "impact_mobilite",
    "categories",
    "source",
    "heures_presentes",
    "coordinates.lon",
    "coordinates.lat",
];
const EVOLUTION: Columns = &[
    "indicateur",
    "date_comparee",
    "valeur",
    "semaine_precedente",
    "difference",
    "variation_pct",
    "capteurs",
    "capteurs_semaine_precedente",
];

/// The sections of a report in their order: name, columns, rows.
fn sections(report: &Report) -> [(&'static str, Columns, Vec<Value>); 10] {
    [
        ("rapport", REPORT, vec![json(report)]),
        ("summary", SUMMARY, vec![json(&report.summary)]),
        ("top_10_troncons_frequentes", ARCS, rows(&report.top_arcs)),
        ("top_10_zones_congestionnees", ZONES, rows(&report.top_zones)),
        ("capteurs_defaillants", FAILING, rows(&report.failing)),
        ("alertes_congestion", ALERTS, rows(&report.alerts)),
        ("anomalies_velos", ANOMALIES, rows(&report.anomalies)),
        ("chantiers_actifs", WORKS, rows(&report.works)),
        ("meteo_impact", WEATHER, report.weather.iter().map(json).collect()),
        ("evolution_vs_semaine_precedente", EVOLUTION, evolution(report)),
    ]
}

/// The report as CSV.
pub fn to_csv(report: &Report) -> Vec<u8> {
    let blocks: Vec<String> =
        sections(report).iter().map(|(name, columns, rows)| block(name, columns, rows)).collect();
    format!("{MARK}{}", blocks.join(END)).into_bytes()
}

fn block(name: &str, columns: Columns, rows: &[Value]) -> String {
    let header = columns.iter().map(|path| field(&path.replace('.', "_")));
    let mut text = line(std::iter::once("section".to_owned()).chain(header));
    for row in rows {
        let cells = columns.iter().map(|path| cell(row.pointer(&format!("/{}", path.replace('.', "/")))));
        text.push_str(&line(std::iter::once(name.to_owned()).chain(cells)));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(";") + END
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null | Value::Object(_)) => String::new(),
        Some(Value::Bool(is)) => is.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => field(&harmless(text)),
        Some(Value::Array(list)) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            field(&harmless(&texts.join(", ")))
        }
    }
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

/// A text between quotes, when it needs them.
fn field(text: &str) -> String {
    let needs_quotes = text.contains([';', '"', '\r', '\n']);
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn rows(list: &[impl Serialize]) -> Vec<Value> {
    list.iter().map(json).collect()
}

fn evolution(report: &Report) -> Vec<Value> {
    let known = report.evolution.all().into_iter().filter_map(|(name, change)| Some((name, change?)));
    known
        .map(|(name, change)| {
            let mut row = json(&change);
            row["indicateur"] = Value::from(name);
            row["date_comparee"] = Value::from(report.evolution.date.to_string());
            row
        })
        .collect()
}

/// Our own plain types cannot fail to be written as JSON.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The columns that a value has, by the paths of its leaves.
    fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    leaves(value, &format!("{path}{}{name}", if path.is_empty() { "" } else { "." }), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                found.push(path.to_owned());
            }
        }
    }

    /// Every field of a report's rows has its column, and every column its field.
    pub(in crate::report) fn assert_columns_are_complete(full: &Report) {
        for (name, columns, rows) in sections(full).into_iter().skip(1) {
            assert!(!rows.is_empty(), "the sample has no rows in {name}");
            for row in &rows {
                let mut found = Vec::new();
                leaves(row, "", &mut found);
                for path in &found {
                    assert!(columns.contains(&path.as_str()), "{name}: {path} has no column");
                }
            }
            for column in columns {
                let pointer = format!("/{}", column.replace('.', "/"));
                assert!(
                    rows.iter().any(|row| row.pointer(&pointer).is_some()),
                    "{name}: {column} is no field"
                );
            }
        }
    }

    #[test]
    fn formulas_are_made_harmless_and_numbers_left_alone() {
        for text in ["=HYPERLINK(1)", "+33", "-cmd", "@SUM", "\tx", "\rx", "\nx", "＝1"] {
            let cell = cell(Some(&Value::from(text)));
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell}");
        }
        assert_eq!(cell(Some(&Value::from(-14.25))), "-14.25");
        assert_eq!(cell(Some(&Value::from("Rue A - B"))), "Rue A - B");
        assert_eq!((cell(None), cell(Some(&Value::Null))), (String::new(), String::new()));
    }

    #[test]
    fn texts_with_separators_are_quoted() {
        assert_eq!(field("a;b"), "\"a;b\"");
        assert_eq!(field("the \"new\" road\r\nphase 2"), "\"the \"\"new\"\" road\r\nphase 2\"");
        assert_eq!(field("Paris 8e"), "Paris 8e");
    }
}
