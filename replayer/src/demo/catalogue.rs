//! What the bundled service knows: a small film library and its viewers. All of it is invented.

/// One film.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) year: u32,
    pub(crate) minutes: u32,
    pub(crate) genre: &'static str,
    /// Price of a rental without tax, cents.
    pub(crate) rent_cents: u32,
    /// Price of a purchase without tax, cents.
    pub(crate) buy_cents: u32,
    /// How many viewers have rated it.
    pub(crate) ratings: u32,
    /// The sum of their stars.
    pub(crate) stars: u32,
}

/// One viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) country: &'static str,
    pub(crate) language: &'static str,
    /// Titles that the viewer put aside.
    pub(crate) watchlist: &'static [u32],
}

/// The title of that id.
pub(crate) fn title(id: u32) -> Option<&'static Title> {
    TITLES.iter().find(|title| title.id == id)
}

/// The viewer of that id.
pub(crate) fn viewer(id: u32) -> Option<&'static Viewer> {
    VIEWERS.iter().find(|viewer| viewer.id == id)
}

/// The titles whose name or genre has `text` in it, whatever its case, in order of id.
pub(crate) fn search(text: &str) -> Vec<&'static Title> {
    let text = text.to_lowercase();
    TITLES
        .iter()
        .filter(|title| title.name.to_lowercase().contains(&text) || title.genre.contains(&text))
        .collect()
}

const fn film(
    id: u32,
    name: &'static str,
    (year, minutes): (u32, u32),
    genre: &'static str,
    (rent_cents, buy_cents): (u32, u32),
    (ratings, stars): (u32, u32),
) -> Title {
    Title {
        id,
        name,
        year,
        minutes,
        genre,
        rent_cents,
        buy_cents,
        ratings,
        stars,
    }
}

const TITLES: &[Title] = &[
    film(
        1001,
        "The Lighthouse Ledger",
        (2019, 112),
        "drama",
        (399, 1199),
        (1204, 4973),
    ),
    film(
        1002,
        "Low Tide Express",
        (2021, 97),
        "thriller",
        (350, 999),
        (861, 3250),
    ),
    film(
        1003,
        "A Field Guide to Rain",
        (2017, 88),
        "documentary",
        (250, 750),
        (412, 1811),
    ),
    film(
        1004,
        "Nobody's Orchard",
        (2022, 121),
        "drama",
        (450, 1350),
        (2210, 8902),
    ),
    film(
        1005,
        "The Second Cartographer",
        (2015, 134),
        "adventure",
        (299, 899),
        (3120, 12_731),
    ),
    film(
        1006,
        "Paper Moons of Ceres",
        (2024, 109),
        "science fiction",
        (499, 1499),
        (5511, 23_024),
    ),
    film(
        1007,
        "Harbour Lights, Winter",
        (2012, 102),
        "romance",
        (250, 799),
        (970, 3608),
    ),
    film(
        1008,
        "The Quiet Switchboard",
        (2023, 95),
        "thriller",
        (550, 1250),
        (1788, 7331),
    ),
    film(
        1009,
        "Stone Soup Republic",
        (2020, 84),
        "comedy",
        (399, 1099),
        (655, 2391),
    ),
    film(
        1010,
        "Eleven Bridges",
        (2018, 127),
        "adventure",
        (299, 850),
        (1432, 5685),
    ),
    film(
        1011,
        "The Clockmaker's Debt",
        (2016, 118),
        "drama",
        (350, 1050),
        (2011, 8286),
    ),
    film(
        1012,
        "Salt and Copper",
        (2025, 106),
        "documentary",
        (450, 1150),
        (308, 1322),
    ),
    film(
        1013,
        "Orbit of Small Things",
        (2023, 141),
        "science fiction",
        (599, 1599),
        (4466, 18_177),
    ),
    film(
        1014,
        "Last Bus to Marigold",
        (2014, 91),
        "comedy",
        (199, 650),
        (1543, 5941),
    ),
    film(
        1015,
        "The Winter Ferry",
        (2021, 99),
        "romance",
        (350, 950),
        (722, 2909),
    ),
    film(
        1016,
        "Inventory of Ghosts",
        (2022, 113),
        "thriller",
        (499, 1450),
        (2674, 10_428),
    ),
];

const VIEWERS: &[Viewer] = &[
    Viewer {
        id: 71,
        name: "Amelie Kraus",
        country: "DE",
        language: "de",
        watchlist: &[1002, 1011],
    },
    Viewer {
        id: 72,
        name: "Joost de Wit",
        country: "NL",
        language: "nl",
        watchlist: &[1005],
    },
    Viewer {
        id: 73,
        name: "Zofia Lis",
        country: "PL",
        language: "pl",
        watchlist: &[1006, 1013, 1016],
    },
    Viewer {
        id: 74,
        name: "Íñigo Sáez",
        country: "ES",
        language: "es",
        watchlist: &[],
    },
    Viewer {
        id: 75,
        name: "Reto Bäumli",
        country: "CH",
        language: "de",
        watchlist: &[1003, 1012],
    },
    Viewer {
        id: 76,
        name: "Leonie Pichler",
        country: "AT",
        language: "de",
        watchlist: &[1009, 1014],
    },
];
