//! The bundled service's answers: a request in, an answer out, nothing remembered in between.
//!
//! Every answer is a function of the request and the [`Build`] alone, so that a faithful build answers a recording
//! exactly as it did on the day, in whatever order and however often it is asked.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Number, Value, json};

use super::catalogue::{self, Title};
use super::price::{self, QuoteRequest, Rounding};

/// Which build of the service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Build {
    /// Answers as the one that was recorded.
    Faithful,
    /// Rounds the tax of a quote to even: the planted regression.
    Regressed,
}

impl Build {
    /// The word of the command line; also the name of the demo's run.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Faithful => "faithful",
            Self::Regressed => "regressed",
        }
    }
}

/// A request, as much of it as the service looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Value of If-None-Match.
    pub(crate) if_none_match: Option<&'a str>,
    /// Whether Accept-Encoding names gzip.
    pub(crate) gzip: bool,
    pub(crate) body: &'a [u8],
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Sent in pieces, its length not said in advance.
    pub(crate) chunked: bool,
}

/// The answer of `build` to `ask`.
pub(crate) fn answer(ask: Ask<'_>, build: Build) -> Answer {
    let parts: Vec<&str> = ask.path.trim_start_matches('/').split('/').collect();
    match (ask.method, parts.as_slice()) {
        ("GET" | "HEAD", ["v1", "titles", id]) => title(ask, id),
        ("GET" | "HEAD", ["v1", "titles", id, "poster"]) => poster(ask, id),
        ("GET", ["v1", "search"]) => search(ask),
        ("GET", ["v1", "viewers", id]) => viewer(id),
        ("PUT", ["v1", "viewers", viewer, "ratings", id]) => rate(ask, viewer, id),
        ("POST", ["v1", "quotes"]) => quote(ask, build),
        ("POST", ["v1", "playbacks"]) => start_playback(ask),
        ("POST", ["v1", "playbacks", id, "progress"]) => progress(ask, id),
        ("GET", ["watch", id]) => watch(id),
        _ => problem(404, "no such page"),
    }
}

fn title(ask: Ask<'_>, id: &str) -> Answer {
    let Some(title) = find_title(id) else {
        return problem(404, "no such title");
    };
    let body = json!({
        "id": title.id,
        "title": title.name,
        "year": title.year,
        "minutes": title.minutes,
        "genre": title.genre,
        "prices": [
            {"offer": "rent", "currency": "EUR", "net": euros(title.rent_cents)},
            {"offer": "buy", "currency": "EUR", "net": euros(title.buy_cents)},
        ],
        "rating": {"average": average(title.stars, title.ratings), "count": title.ratings},
    });
    cached(
        ask,
        &format!("\"t{id}-{}\"", title.ratings),
        json_answer(200, &body),
    )
}

fn poster(ask: Ask<'_>, id: &str) -> Answer {
    let Some(title) = find_title(id) else {
        return problem(404, "no such title");
    };
    let hue = title.id * 47 % 360;
    let body = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 200 300\">\
         <rect width=\"200\" height=\"300\" fill=\"hsl({hue} 45% 32%)\"/>\
         <text x=\"100\" y=\"150\" fill=\"#fff\" text-anchor=\"middle\">{}</text></svg>\n",
        title.name
    );
    let answer = Answer {
        status: 200,
        headers: vec![("content-type", "image/svg+xml".to_owned())],
        body: body.into_bytes(),
        chunked: false,
    };
    cached(ask, &format!("\"p{id}\""), answer)
}

fn search(ask: Ask<'_>) -> Answer {
    let text = parameter(ask.query, "q").unwrap_or_default();
    let page = parameter(ask.query, "page").map_or(Ok(1), |page| page.parse::<usize>());
    let (Ok(page @ 1..), per_page) = (page, 4) else {
        return problem(400, "page must be a number from 1");
    };
    let found = catalogue::search(&text);
    let pages = found.len().div_ceil(per_page);
    let items: Vec<Value> = found
        .iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .map(|title| {
            json!({
                "id": title.id,
                "title": title.name,
                "year": title.year,
                "genre": title.genre,
                "from": euros(title.rent_cents),
                "poster": format!("/v1/titles/{}/poster", title.id),
            })
        })
        .collect();
    let body =
        json!({"query": text, "page": page, "pages": pages, "found": found.len(), "items": items});
    let mut answer = json_answer(200, &body);
    answer.headers.push(("vary", "accept-encoding".to_owned()));
    answer.chunked = true;
    if ask.gzip {
        answer.headers.push(("content-encoding", "gzip".to_owned()));
        answer.body = gzip(&answer.body);
    }
    answer
}

fn viewer(id: &str) -> Answer {
    let Some(viewer) = id.parse().ok().and_then(catalogue::viewer) else {
        return problem(404, "no such viewer");
    };
    let watchlist: Vec<Value> = viewer
        .watchlist
        .iter()
        .filter_map(|id| catalogue::title(*id))
        .map(|title| json!({"id": title.id, "title": title.name}))
        .collect();
    let body = json!({
        "id": viewer.id,
        "name": viewer.name,
        "country": viewer.country,
        "language": viewer.language,
        "watchlist": watchlist,
    });
    let mut answer = json_answer(200, &body);
    answer
        .headers
        .push(("cache-control", "private, no-store".to_owned()));
    answer
}

fn rate(ask: Ask<'_>, viewer: &str, id: &str) -> Answer {
    let known = viewer.parse().ok().and_then(catalogue::viewer);
    let (Some(_), Some(title)) = (known, find_title(id)) else {
        return problem(404, "no such viewer or title");
    };
    let stars = body_number(ask.body, "stars");
    let Some(stars @ 1..=5) = stars else {
        return problem(422, "stars must be 1 to 5");
    };
    let ratings = title.ratings + 1;
    let body = json!({
        "title": title.id,
        "stars": stars,
        "average": average(title.stars + stars, ratings),
        "count": ratings,
    });
    json_answer(200, &body)
}

fn quote(ask: Ask<'_>, build: Build) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(ask.body) else {
        return problem(400, "the body is not JSON");
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let Some(title) = body_number(ask.body, "title").and_then(catalogue::title) else {
        return problem(404, "no such title");
    };
    let country = text("country").unwrap_or("DE");
    let Some(tax_rate) = price::tax_rate(country) else {
        return problem(422, "not sold in this country");
    };
    let discount_percent = match text("voucher") {
        None => 0,
        Some(code) => match price::voucher_percent(code) {
            Some(percent) => percent,
            None => return problem(422, "unknown voucher"),
        },
    };
    let offer = text("offer").unwrap_or("rent");
    let net_cents = if offer == "buy" {
        title.buy_cents
    } else {
        title.rent_cents
    };
    let rounding = match build {
        Build::Faithful => Rounding::HalfUp,
        Build::Regressed => Rounding::HalfEven,
    };
    let quote = price::quote(
        QuoteRequest {
            net_cents,
            discount_percent,
            tax_rate,
        },
        rounding,
    );
    let body = json!({
        "title": title.id,
        "offer": offer,
        "country": country,
        "currency": "EUR",
        "net": euros(quote.net_cents),
        "discount": euros(quote.discount_cents),
        "tax": euros(quote.tax_cents),
        "total": euros(quote.total_cents),
    });
    json_answer(200, &body)
}

fn start_playback(ask: Ask<'_>) -> Answer {
    let viewer = body_number(ask.body, "viewer").and_then(catalogue::viewer);
    let title = body_number(ask.body, "title").and_then(catalogue::title);
    let (Some(viewer), Some(title)) = (viewer, title) else {
        return problem(422, "viewer and title must be known");
    };
    let id = viewer.id * 100_000 + title.id;
    let body = json!({
        "playback": id,
        "manifest": format!("https://cdn.films.example/{}/{}.mpd", title.id, viewer.language),
        "resume_seconds": viewer.id * title.id % (title.minutes * 60),
        "subtitles": [viewer.language, "en"],
    });
    let mut answer = json_answer(201, &body);
    answer
        .headers
        .push(("location", format!("/v1/playbacks/{id}")));
    answer
}

fn progress(ask: Ask<'_>, id: &str) -> Answer {
    let form = String::from_utf8_lossy(ask.body);
    let seconds = parameter(&form, "seconds").and_then(|seconds| seconds.parse::<u32>().ok());
    if id.parse::<u32>().is_err() || seconds.is_none() {
        return problem(422, "seconds must be a number");
    }
    Answer {
        status: 204,
        headers: Vec::new(),
        body: Vec::new(),
        chunked: false,
    }
}

fn watch(id: &str) -> Answer {
    let Some(title) = find_title(id) else {
        return problem(404, "no such title");
    };
    Answer {
        status: 302,
        headers: vec![("location", format!("/v1/titles/{}", title.id))],
        body: Vec::new(),
        chunked: false,
    }
}

fn find_title(id: &str) -> Option<&'static Title> {
    id.parse().ok().and_then(catalogue::title)
}

/// `answer` with a validator; 304 where the client has it already.
fn cached(ask: Ask<'_>, etag: &str, mut answer: Answer) -> Answer {
    if ask.if_none_match == Some(etag) {
        answer = Answer {
            status: 304,
            headers: Vec::new(),
            body: Vec::new(),
            chunked: false,
        };
    }
    answer.headers.push(("etag", etag.to_owned()));
    answer
        .headers
        .push(("cache-control", "public, max-age=60".to_owned()));
    answer
}

fn problem(status: u16, message: &str) -> Answer {
    json_answer(status, &json!({"error": message}))
}

fn json_answer(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
        chunked: false,
    }
}

/// The number `name` of a JSON body.
fn body_number(body: &[u8], name: &str) -> Option<u32> {
    let body = serde_json::from_slice::<Value>(body).ok()?;
    u32::try_from(body.get(name)?.as_u64()?).ok()
}

/// The value of `name` in a query or form, `+` read as a space. The demo's traffic needs no other escapes.
fn parameter(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.replace('+', " "))
}

/// Cents as a JSON number with two decimals: `4.10`.
fn euros(cents: u32) -> Value {
    decimal(format!("{}.{:02}", cents / 100, cents % 100))
}

/// An average with one decimal.
fn average(sum: u32, count: u32) -> Value {
    let tenths = (sum * 10 + count / 2) / count;
    decimal(format!("{}.{}", tenths / 10, tenths % 10))
}

fn decimal(text: String) -> Value {
    text.parse::<Number>()
        .map_or(Value::String(text), Value::Number)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests;
