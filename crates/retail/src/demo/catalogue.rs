//! The invented products: 8 categories of 25, with their prices in minor units (cents).

/// A category and its products, each with its price in minor units.
pub(super) type Category = (&'static str, [(&'static str, i64); 25]);

/// The whole range. The three calls that the manual begins with rest on products 1, 2 and 4: the first two are bought
/// together, of the second fewer than 999 are left, and ten of the fourth cost more than the payment simulator lets
/// through.
pub(super) const CATEGORIES: [Category; 8] = [
    (
        "electronics",
        [
            ("Casque audio sans fil", 7990),
            ("Chargeur USB-C 30 W", 2490),
            ("Enceinte portable", 5990),
            ("Tablette 10 pouces", 22900),
            ("Souris ergonomique", 3490),
            ("Clavier mécanique", 8900),
            ("Écran 24 pouces", 14900),
            ("Disque externe 2 To", 7490),
            ("Clé USB 128 Go", 1690),
            ("Webcam HD", 4490),
            ("Batterie nomade 10 000 mAh", 2790),
            ("Montre connectée", 12900),
            ("Lampe LED connectée", 1990),
            ("Multiprise à interrupteur", 1490),
            ("Câble HDMI 2 m", 990),
            ("Radio-réveil", 2990),
            ("Liseuse 6 pouces", 11900),
            ("Adaptateur réseau USB", 1890),
            ("Micro de bureau", 4990),
            ("Support d'ordinateur", 3290),
            ("Casque filaire", 2290),
            ("Thermomètre connecté", 2590),
            ("Carte mémoire 64 Go", 1290),
            ("Mini-projecteur", 13900),
            ("Station d'accueil USB-C", 6990),
        ],
    ),
    (
        "fashion",
        [
            ("T-shirt coton biologique", 1990),
            ("Jean droit", 5990),
            ("Chemise en lin", 4990),
            ("Pull en laine", 6990),
            ("Robe d'été", 5490),
            ("Veste légère", 8900),
            ("Manteau d'hiver", 15900),
            ("Écharpe tricotée", 2490),
            ("Bonnet côtelé", 1790),
            ("Gants tactiles", 2190),
            ("Ceinture en cuir", 3490),
            ("Chaussettes, lot de 5", 1490),
            ("Baskets en toile", 6490),
            ("Bottines", 9900),
            ("Sandales", 4490),
            ("Sac à dos urbain", 7490),
            ("Sac cabas", 2990),
            ("Portefeuille", 3990),
            ("Casquette", 1890),
            ("Pyjama", 3690),
            ("Short en coton", 2790),
            ("Jupe plissée", 4290),
            ("Cravate", 2690),
            ("Parapluie pliant", 2290),
            ("Lunettes de soleil", 4790),
        ],
    ),
    (
        "food",
        [
            ("Café en grains 1 kg", 1590),
            ("Thé vert, 50 sachets", 690),
            ("Chocolat noir 70 %", 320),
            ("Miel de fleurs 500 g", 850),
            ("Confiture de fraises", 430),
            ("Huile d'olive 75 cl", 980),
            ("Vinaigre balsamique", 560),
            ("Pâtes complètes 500 g", 190),
            ("Riz basmati 1 kg", 340),
            ("Lentilles vertes 500 g", 270),
            ("Farine de blé 1 kg", 160),
            ("Sucre de canne 1 kg", 290),
            ("Sel de mer 250 g", 210),
            ("Poivre noir en grains", 490),
            ("Moutarde à l'ancienne", 280),
            ("Sardines à l'huile", 360),
            ("Sauce tomate basilic", 260),
            ("Biscuits au beurre", 330),
            ("Granola aux noix", 520),
            ("Jus de pomme 1 l", 310),
            ("Eau pétillante, pack de 6", 390),
            ("Limonade artisanale", 290),
            ("Soupe de légumes 1 l", 370),
            ("Noix de cajou 200 g", 460),
            ("Fruits secs 250 g", 420),
        ],
    ),
    (
        "sports",
        [
            ("Tapis de yoga", 2990),
            ("Haltères 2 × 3 kg", 2490),
            ("Corde à sauter", 990),
            ("Gourde isotherme", 2290),
            ("Ballon de football", 1990),
            ("Ballon de basket", 2490),
            ("Raquette de tennis", 7900),
            ("Balles de tennis, tube de 4", 790),
            ("Raquettes de badminton", 3490),
            ("Chaussures de course", 10900),
            ("Maillot respirant", 2790),
            ("Short de sport", 2490),
            ("Serviette microfibre", 1290),
            ("Lunettes de natation", 1690),
            ("Bonnet de bain", 690),
            ("Casque de vélo", 4990),
            ("Antivol en U", 3990),
            ("Éclairage de vélo", 2190),
            ("Pompe à pied", 1890),
            ("Bande élastique", 890),
            ("Rouleau de massage", 1990),
            ("Sac de sport", 3690),
            ("Bâtons de marche", 4490),
            ("Lampe frontale", 2990),
            ("Boules de pétanque", 5990),
        ],
    ),
    (
        "home",
        [
            ("Poêle 28 cm", 3490),
            ("Casserole inox", 2990),
            ("Couteau de cuisine", 2790),
            ("Planche à découper", 1790),
            ("Saladier en verre", 1490),
            ("Verres, lot de 6", 1890),
            ("Assiettes, lot de 6", 3290),
            ("Cafetière à piston", 2690),
            ("Bouilloire", 3990),
            ("Grille-pain", 4490),
            ("Torchons, lot de 3", 1190),
            ("Nappe en coton", 2490),
            ("Coussin", 1990),
            ("Plaid", 3690),
            ("Housse de couette", 5990),
            ("Draps de bain, lot de 2", 2890),
            ("Tapis de salon", 8900),
            ("Lampe de chevet", 3490),
            ("Bougie parfumée", 1490),
            ("Vase en céramique", 2290),
            ("Cadre photo", 1290),
            ("Horloge murale", 2790),
            ("Boîtes de rangement", 1690),
            ("Étendoir pliant", 3190),
            ("Boîte à outils", 4990),
        ],
    ),
    (
        "beauty",
        [
            ("Savon de Marseille", 490),
            ("Gel douche 500 ml", 540),
            ("Shampooing solide", 890),
            ("Après-shampooing", 790),
            ("Crème hydratante", 1490),
            ("Crème pour les mains", 650),
            ("Baume à lèvres", 390),
            ("Huile pour le corps", 1690),
            ("Lait solaire SPF 50", 1790),
            ("Eau micellaire", 820),
            ("Masque à l'argile", 990),
            ("Gommage doux", 1190),
            ("Déodorant", 590),
            ("Dentifrice", 340),
            ("Brosse à dents bambou", 390),
            ("Rasoir de sûreté", 2990),
            ("Mousse à raser", 620),
            ("Coton lavable, lot de 10", 1290),
            ("Brosse à cheveux", 1390),
            ("Vernis à ongles", 750),
            ("Mascara", 1290),
            ("Rouge à lèvres", 1590),
            ("Parfum 50 ml", 4990),
            ("Trousse de toilette", 2190),
            ("Sels de bain", 950),
        ],
    ),
    (
        "books",
        [
            ("Roman : Les Heures du canal", 2100),
            ("Roman : Le Quai des ombres", 1950),
            ("Roman : La Rue sans fin", 840),
            ("Policier : L'Affaire du pont", 2000),
            ("Policier : Minuit à la gare", 920),
            ("Nouvelles : Treize escaliers", 790),
            ("Poésie : Matins de brume", 1200),
            ("Théâtre : La Porte bleue", 680),
            ("Bande dessinée : Capitaine Lune 1", 1450),
            ("Bande dessinée : Capitaine Lune 2", 1450),
            ("Manga : Le Jardin d'acier 1", 720),
            ("Album : L'Ours et la Pluie", 1390),
            ("Album : Dix petits bateaux", 1250),
            ("Cuisine : Tout au four", 2490),
            ("Cuisine : Pains et levains", 2700),
            ("Jardin : Le Balcon fertile", 1890),
            ("Voyage : Le Nord à vélo", 2250),
            ("Guide : Promenades parisiennes", 1690),
            ("Histoire : Une ville et ses ponts", 2500),
            ("Sciences : Le Ciel à l'œil nu", 2350),
            ("Essai : Le Temps des marchés", 1800),
            ("Dictionnaire de poche", 990),
            ("Carnet ligné", 690),
            ("Agenda de l'année", 1350),
            ("Cahier de coloriages", 890),
        ],
    ),
    (
        "auto parts",
        [
            ("Huile moteur 5W-30, 5 l", 3890),
            ("Filtre à huile", 990),
            ("Filtre à air", 1490),
            ("Filtre d'habitacle", 1790),
            ("Bougies d'allumage, lot de 4", 2490),
            ("Plaquettes de frein avant", 3990),
            ("Disques de frein, la paire", 8490),
            ("Balais d'essuie-glace", 2290),
            ("Lave-glace 5 l", 790),
            ("Liquide de refroidissement 5 l", 1690),
            ("Liquide de frein 1 l", 1190),
            ("Batterie 60 Ah", 8900),
            ("Chargeur de batterie", 5490),
            ("Ampoules H7, lot de 2", 1590),
            ("Courroie d'accessoires", 2690),
            ("Kit de distribution", 14900),
            ("Pompe à eau", 6490),
            ("Amortisseurs, la paire", 11900),
            ("Rotule de direction", 2890),
            ("Joint de culasse", 4590),
            ("Thermostat", 2390),
            ("Capteur d'oxygène", 5890),
            ("Tapis de sol", 3290),
            ("Câbles de démarrage", 2790),
            ("Compresseur portatif", 4490),
        ],
    ),
];

/// An invented shop: name, district, address, latitude, longitude, and how busy it is in percent of the mean.
pub(super) type Shop = (&'static str, &'static str, &'static str, f64, f64, u64);

/// The shops.
pub(super) const SHOPS: [Shop; 6] = [
    ("Halles Châtelet (démo)", "Paris 1er", "12 rue de la Halle fictive, 75001 Paris", 48.8606, 2.3470, 130),
    ("Halles Bastille (démo)", "Paris 11e", "48 rue des Exemples, 75011 Paris", 48.8533, 2.3692, 115),
    ("Halles Montparnasse (démo)", "Paris 14e", "7 rue de l'Invention, 75014 Paris", 48.8421, 2.3219, 105),
    ("Halles Batignolles (démo)", "Paris 17e", "31 rue du Modèle, 75017 Paris", 48.8872, 2.3146, 90),
    (
        "Halles Belleville (démo)",
        "Paris 20e",
        "5 passage de la Démonstration, 75020 Paris",
        48.8721,
        2.3836,
        85,
    ),
    ("Halles Grenelle (démo)", "Paris 15e", "90 rue de l'Esquisse, 75015 Paris", 48.8484, 2.2966, 75),
];

/// Given names of invented clients.
pub(super) const GIVEN_NAMES: [&str; 10] =
    ["Camille", "Nadia", "Louis", "Inès", "Hugo", "Mariam", "Paul", "Chloé", "Samir", "Jeanne"];
/// The same without accents, for addresses.
pub(super) const GIVEN_ASCII: [&str; 10] =
    ["camille", "nadia", "louis", "ines", "hugo", "mariam", "paul", "chloe", "samir", "jeanne"];
/// Family names of invented clients.
pub(super) const FAMILY_NAMES: [&str; 4] = ["Exemple", "Fictif", "Modele", "Essai"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_and_the_manual_s_calls_have_their_prices() {
        let products: Vec<_> = CATEGORIES.iter().flat_map(|(_, products)| products).collect();
        let names: BTreeSet<_> = products.iter().map(|(name, _)| name).collect();
        assert_eq!((products.len(), names.len()), (200, 200));
        let limit = 50000;
        assert!(products[0].1 + products[1].1 <= limit);
        assert!(products[3].1 * 10 > limit);
    }
}
