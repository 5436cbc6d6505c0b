use std::fmt::Write as _;

use kernel::{IdSource as _, SystemIds};
use retail::product::import::{self, ImportError, Progress, parse_products, parse_stock};
use serde_json::{Value, json};
use web::testing::TestResponse;

use crate::chain::{Chain, answer};
use crate::common::{EUR, Ground, open};
use crate::products::http_method;

crate::on_both_engines!(
    a_file_is_imported_whole,
    a_file_with_bad_lines_is_not_imported,
    what_is_no_file_of_products_is_refused,
    a_key_imports_once,
    stock_opens_where_it_is_said,
);

async fn send(chain: &Chain, text: impl Into<String>, key: Option<&str>) -> TestResponse {
    let request =
        chain.app.request(http_method("POST"), "/produits/import").header("content-type", "text/csv");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    request.body(text.into()).send().await
}

async fn count(chain: &Chain) -> usize {
    let page: Value = chain.app.get("/produits?limite=200&actif=tous").await.json();
    page["elements"].as_array().map_or(0, Vec::len)
}

async fn a_file_is_imported_whole(ground: Ground) {
    let chain = Chain::new(&ground);
    let mut text = String::from("\u{feff}Nom;Catégorie;Prix\n");
    for number in 1..=600 {
        writeln!(text, "Produit {number};Maison;{number},50").unwrap();
    }
    let imported = send(&chain, text, None).await;
    assert_eq!(answer(&imported), (200, json!({"importes": 600, "lignes_lues": 600, "erreurs": []})));
    let last: Value = chain.app.get("/produits/600").await.json();
    assert_eq!((&last["nom"], &last["prix"]["montant"]), (&json!("Produit 600"), &json!("600.50")));
    assert_eq!(chain.events().await.len(), 601);

    let changed = send(&chain, "id;nom;categorie;prix\n600;Dernier;Maison;1\n;Neuf;Maison;2\n", None).await;
    assert_eq!(answer(&changed).1["importes"], 2);
    assert_eq!(chain.app.get("/produits/600").await.json::<Value>()["nom"], "Dernier");
    assert_eq!(chain.app.get("/produits/601").await.json::<Value>()["nom"], "Neuf");
}

async fn a_file_with_bad_lines_is_not_imported(ground: Ground) {
    let chain = Chain::new(&ground);
    let refused = send(&chain, "nom;categorie;prix\nA;B;1\nC;D;x\n;F;-1\n", None).await.problem();
    let expected = json!([
        {"ligne": 3, "champ": "prix", "message": "an amount is a decimal number in a string, such as \"35.00\""},
        {"ligne": 4, "champ": "nom", "message": "must not be empty"},
        {"ligne": 4, "champ": "prix", "message": "must not be below zero"},
    ]);
    assert_eq!((&refused["status"], &refused["erreurs"]), (&json!(422), &expected));
    assert_eq!((&refused["importes"], &refused["lignes_lues"]), (&json!(0), &json!(3)));

    // Good by itself, but not against what is stored, in the second chunk.
    let numbered = "nom;categorie;prix;ean13\nA;B;1;3017620422003\n";
    assert_eq!(send(&chain, numbered, None).await.status, 200);
    let mut text = String::from("nom;categorie;prix;ean13\n");
    for number in 1..=300 {
        writeln!(text, "P{number};B;1;{}", if number == 299 { "3017620422003" } else { "" }).unwrap();
    }
    let refused = send(&chain, text.clone(), None).await.problem();
    assert_eq!(refused["erreurs"], json!([{"ligne": 300, "champ": "ean13", "message": "product 1 has it"}]));
    assert_eq!(count(&chain).await, 1);
    // Nothing of it is left in the way.
    let mended = text.replace("3017620422003", "4006381333931");
    assert_eq!(send(&chain, mended, None).await.status, 200);
}

async fn what_is_no_file_of_products_is_refused(ground: Ground) {
    let chain = Chain::new(&ground);
    for (text, line) in [("", 1), ("nom\n", 1), ("{\"a\": 1}", 1), ("nom;categorie;prix\n\"A;B;1\nC;D", 2)] {
        let refused = send(&chain, text, None).await.problem();
        assert_eq!(
            (&refused["status"], &refused["erreurs"][0]["ligne"]),
            (&json!(422), &json!(line)),
            "{refused}"
        );
    }
    let request = |kind: &str| {
        chain.app.request(http_method("POST"), "/produits/import").header("content-type", kind).body("nom")
    };
    for kind in ["application/json", "text/csv; charset=iso-8859-1", "multipart/form-data; boundary=x"] {
        assert_eq!(request(kind).send().await.problem()["status"], 415, "{kind}");
    }
    let large = request("text/csv").body(vec![b'x'; import::MAX_BYTES + 1]).send().await;
    assert_eq!(large.status, 413);
    let binary = request("text/csv").body(vec![0xff; 100]).send().await;
    assert_eq!(binary.status, 422);
    assert_eq!(chain.events().await, [""; 0]);
}

async fn a_key_imports_once(ground: Ground) {
    let chain = Chain::new(&ground);
    let text = "nom;categorie;prix\nA;B;1\n";
    let first = send(&chain, text, Some("f-1")).await;
    let again = send(&chain, text, Some("f-1")).await;
    assert_eq!(answer(&first), answer(&again));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(send(&chain, "nom;categorie;prix\nA;B;2\n", Some("f-1")).await.status, 422);
    assert_eq!(count(&chain).await, 1);
}

async fn stock_opens_where_it_is_said(ground: Ground) {
    let store = open(&ground);
    let id = || SystemIds.next(store.now());
    let lines = parse_products(b"nom,categorie,prix,ean13\nA,B,1,3017620422003\n", EUR, |_| {}).unwrap();
    import::import_products(&store, id(), None, lines, |_| {}).await.unwrap();
    let opening = b"emplacement_id,ean13,quantite\n0,3017620422003,40\n";
    let mut told = Vec::new();
    let lines = parse_stock(opening, |_| {}).unwrap();
    let imported =
        import::import_stock(&store, id(), None, lines.clone(), |progress| told.push(progress)).await;
    assert_eq!(imported.unwrap().imported, 1);
    assert_eq!(told, [Progress::Checked(1), Progress::Imported(1)]);
    assert_eq!(crate::common::level(&store, 1).await, (40, 0));
    let again = import::import_stock(&store, id(), None, lines, |_| {}).await;
    let Err(ImportError::Refused(report)) = again else { panic!("{again:?}") };
    assert_eq!((report.read, report.errors[0].line), (1, 2));
    crate::common::assert_sound(&store).await;
    assert_eq!(import::resume(&store, true).await, Ok(0));
}
