//! Which column holds what: found by the names in the header, in whatever order.

use super::Fields;
use super::split::{field_end, separator, unquoted};
use crate::MetricType;
use crate::input::{Refusal, detect};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Role {
    /// The sensor's id.
    Id,
    /// The hour.
    Date,
    /// How many passed.
    Flow,
    /// How much of the time something was on the sensor.
    Occupancy,
    /// The state that the source tells.
    State,
    /// What people call the sensor.
    Name,
    /// Its place.
    Point,
    /// An arc's line.
    Line,
    /// Ids and names of an arc's ends.
    UpstreamId,
    UpstreamName,
    DownstreamId,
    DownstreamName,
    /// Anything else.
    Other,
}

/// How many roles there are.
pub(super) const ROLES: usize = Role::Other as usize + 1;

impl Role {
    /// Whether it is about the sensor, not about the hour.
    const fn is_about(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::Point
                | Self::Line
                | Self::UpstreamId
                | Self::UpstreamName
                | Self::DownstreamId
                | Self::DownstreamName
        )
    }
}

/// A column: its name in the exports, its name in the API, and whether there must be one.
type Column = (Role, [&'static str; 2], bool);

const BIKES: [Column; 5] = [
    (Role::Id, ["Identifiant du compteur", "id_compteur"], true),
    (Role::Name, ["Nom du compteur", "nom_compteur"], false),
    (Role::Flow, ["Comptage horaire", "sum_counts"], true),
    (Role::Date, ["Date et heure de comptage", "date"], true),
    (Role::Point, ["Coordonnées géographiques", "coordinates"], false),
];

const ROADS: [Column; 12] = [
    (Role::Id, ["Identifiant arc", "iu_ac"], true),
    (Role::Name, ["Libelle", "libelle"], false),
    (Role::Date, ["Date et heure de comptage", "t_1h"], true),
    (Role::Flow, ["Débit horaire", "q"], true),
    (Role::Occupancy, ["Taux d'occupation", "k"], true),
    (Role::State, ["Etat trafic", "etat_trafic"], false),
    (Role::UpstreamId, ["Identifiant noeud amont", "iu_nd_amont"], false),
    (Role::UpstreamName, ["Libelle noeud amont", "libelle_nd_amont"], false),
    (Role::DownstreamId, ["Identifiant noeud aval", "iu_nd_aval"], false),
    (Role::DownstreamName, ["Libelle noeud aval", "libelle_nd_aval"], false),
    (Role::Point, ["geo_point_2d", "geo_point_2d"], false),
    (Role::Line, ["geo_shape", "geo_shape"], false),
];

/// Where a file has its columns. Those of the lead and of the tail say the same in all rows of a sensor, or in nearly
/// all; between them is what differs from hour to hour.
#[derive(Debug)]
pub(in crate::input) struct Layout {
    /// The number of the file: rows are recognised within a file only.
    pub(super) file: u32,
    pub(in crate::input) separator: u8,
    /// Columns before the first that says something of the hour; none, when the sensor's id is not among them.
    pub(super) lead: Vec<Role>,
    /// Columns up to the last that says something of the hour.
    pub(super) middle: Vec<Role>,
    /// Columns behind.
    pub(super) tail: Vec<Role>,
    /// Columns of the middle that are about the sensor.
    pub(super) about: Vec<Role>,
    /// Whether a row without a flow says nothing.
    pub(super) needs_flow: bool,
}

impl Layout {
    /// Reads a header, with its line end.
    ///
    /// # Errors
    /// When this is data of another type, or a column is missing that must be there.
    pub(in crate::input) fn of(header: &[u8], wanted: MetricType, file: u32) -> Result<Self, Refusal> {
        let separator = separator(header);
        let names = names(header, separator);
        if let Some(found) = detect::by_columns(&names).filter(|found| *found != wanted) {
            return Err(Refusal::WrongType { found, wanted });
        }
        let columns: &[Column] = if wanted == MetricType::Bikes { &BIKES } else { &ROADS };
        let mut roles = vec![Role::Other; names.len()];
        let mut missing = Vec::new();
        for (role, known, needed) in columns {
            match names.iter().position(|name| known.contains(&name.as_str())) {
                Some(column) => roles[column] = *role,
                None if *needed => missing.push(known[0]),
                None => {}
            }
        }
        if !missing.is_empty() {
            let missing = format!("column “{}”", missing.join("”, “"));
            return Err(Refusal::Unknown { wanted, missing, begins: detect::beginning(header) });
        }
        let needed = |role: &Role| !role.is_about() && *role != Role::Other;
        let tail = roles.split_off(roles.iter().rposition(needed).map_or(0, |last| last + 1));
        let first = roles.iter().position(|role| needed(role) && *role != Role::Id).unwrap_or(0);
        let lead = if roles[..first].contains(&Role::Id) { first } else { 0 };
        let middle = roles.split_off(lead);
        let about = middle.iter().copied().filter(|role| role.is_about()).collect();
        Ok(Self {
            file,
            separator,
            lead: roles,
            middle,
            tail,
            about,
            needs_flow: wanted == MetricType::Bikes,
        })
    }

    /// How many columns a row has.
    pub(super) const fn columns(&self) -> usize {
        self.lead.len() + self.middle.len() + self.tail.len()
    }

    /// What the middle of a row says of its sensor.
    pub(super) fn said(&self, fields: &Fields<'_>) -> Vec<u8> {
        self.about.iter().flat_map(|role| [fields[*role as usize], b"\n"]).flatten().copied().collect()
    }

    /// Whether the middle of a row says this of its sensor.
    pub(super) fn says(&self, fields: &Fields<'_>, said: &[u8]) -> bool {
        let mut rest = said;
        for role in &self.about {
            match rest.strip_prefix(fields[*role as usize]).and_then(|rest| rest.strip_prefix(b"\n")) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// The names in a header; typographic apostrophes are as good as others.
fn names(header: &[u8], separator: u8) -> Vec<String> {
    let mut names = Vec::new();
    let mut start = 0;
    while let Ok(end) = field_end(header, start, separator) {
        let name = unquoted(&header[start..end.at]);
        names.push(String::from_utf8_lossy(&name).trim().replace('’', "'"));
        start = end.at + 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_any_order() -> Result<(), Refusal> {
        let header = "\"Nom du compteur\",autre,Comptage horaire,Identifiant du compteur,\
                      Date et heure de comptage,Coordonnées géographiques\r\n";
        let layout = Layout::of(header.as_bytes(), MetricType::Bikes, 0)?;
        assert_eq!(layout.separator, b',');
        assert_eq!(layout.middle, [Role::Name, Role::Other, Role::Flow, Role::Id, Role::Date]);
        assert_eq!((layout.lead, layout.tail, layout.about), (vec![], vec![Role::Point], vec![Role::Name]));
        let header = "iu_ac;libelle;t_1h;q;k;etat_trafic\n";
        let layout = Layout::of(header.as_bytes(), MetricType::Roads, 0)?;
        assert_eq!(layout.lead, [Role::Id, Role::Name]);
        assert_eq!(layout.middle, [Role::Date, Role::Flow, Role::Occupancy, Role::State]);
        assert_eq!((layout.tail.len(), layout.columns(), layout.needs_flow), (0, 6, false));
        Ok(())
    }

    #[test]
    fn another_type_and_a_missing_column_are_named() {
        let roads = "Identifiant arc;Date et heure de comptage;Débit horaire;Taux d’occupation\n";
        assert!(Layout::of(roads.as_bytes(), MetricType::Roads, 0).is_ok());
        let (found, wanted) = (MetricType::Roads, MetricType::Bikes);
        let why = Layout::of(roads.as_bytes(), wanted, 0).err();
        assert_eq!(why, Some(Refusal::WrongType { found, wanted }));
        let why = Layout::of("Identifiant du compteur;Comptage horaire\n".as_bytes(), wanted, 0).err();
        let Some(Refusal::Unknown { missing, .. }) = why else { panic!("{why:?}") };
        assert_eq!(missing, "column “Date et heure de comptage”");
    }
}
