//! Where things are: somewhere in each arrondissement.

/// Longitude and latitude in millionths of a degree.
pub(super) type Place = (i64, i64);

/// A place in each of the twenty arrondissements, in their order.
pub(super) const PLACES: [Place; 20] = [
    (2_336_300, 48_862_600),
    (2_344_100, 48_867_900),
    (2_359_300, 48_863_000),
    (2_357_300, 48_854_300),
    (2_349_700, 48_844_500),
    (2_332_700, 48_848_900),
    (2_312_200, 48_856_200),
    (2_312_600, 48_872_700),
    (2_337_900, 48_877_000),
    (2_361_200, 48_876_000),
    (2_380_100, 48_859_200),
    (2_389_000, 48_842_000),
    (2_362_500, 48_828_600),
    (2_327_000, 48_829_000),
    (2_293_000, 48_840_100),
    (2_270_000, 48_861_000),
    (2_307_000, 48_887_400),
    (2_348_500, 48_892_700),
    (2_384_700, 48_887_100),
    (2_401_000, 48_863_400),
];

/// Invented names, one for each of [`PLACES`].
pub(super) const STREETS: [&str; 20] = [
    "Rue des Tisserands",
    "Rue du Vieux Pressoir",
    "Rue des Trois Lanternes",
    "Quai des Bateliers",
    "Rue de l'Herboriste",
    "Rue du Libraire",
    "Avenue des Platanes",
    "Avenue du Grand Marché",
    "Rue des Orfèvres",
    "Boulevard du Canal",
    "Rue des Menuisiers",
    "Avenue des Vignerons",
    "Rue des Papetiers",
    "Rue du Moulin Bleu",
    "Boulevard des Verriers",
    "Avenue du Belvédère",
    "Rue des Imprimeurs",
    "Rue de la Butte Ronde",
    "Quai des Abattoirs",
    "Rue des Colombes",
];

/// A number of millionths as a decimal fraction.
pub(super) fn degrees(millionths: i64) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// A place as portals write points: latitude first.
pub(super) fn point((lon, lat): Place) -> String {
    format!("{}, {}", degrees(lat), degrees(lon))
}

/// Places as a JSON array of coordinates: longitude first.
pub(super) fn coordinates(places: &[Place]) -> String {
    let places: Vec<String> =
        places.iter().map(|(lon, lat)| format!("[{}, {}]", degrees(*lon), degrees(*lat))).collect();
    format!("[{}]", places.join(", "))
}

/// A JSON text as a field of a CSV file.
pub(super) fn quoted(json: &str) -> String {
    format!("\"{}\"", json.replace('"', "\"\""))
}
