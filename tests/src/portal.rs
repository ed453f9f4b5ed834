//! A service that lets in who has logged in, with tokens that are good once: what a replay without correlation cannot get through.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use crate::{Answer, Arrival, Target};

/// Starts the service. Its tokens and ids depend on `seed`, and what one seed makes no other accepts.
///
/// 1. `GET /login`: a page with a form token, good for one login with the cookie `pre` that comes with it.
/// 2. `POST /login` (form): a session cookie `sid`, and the way to `/enter?ticket=…`, which is good once.
/// 3. `GET /enter?ticket=…`: a page with a token in a `meta` element. From here on, each answer to a POST has the next token in
///    `X-CSRF-Token`, and the one before is good no longer.
/// 4. `POST /token`: a bearer token and one to refresh it, as JSON. `POST /refresh` (JSON): the next of both.
/// 5. `POST /orders` (bearer, form token): `Location: /orders/<number>`, and a UUID and a version in JSON.
/// 6. `GET /orders/<number>`, `GET /lookup?id=<uuid>`, `PUT /orders/<number>` (JSON with both, `If-Match`).
///
/// What lacks something is answered with 401, 403, 404, 409 or 412.
#[must_use]
pub fn portal(seed: u64) -> Target {
    started(State::new(seed))
}

/// The same with a change deep in a session: who changes an order is told another price.
#[must_use]
pub fn changed_portal(seed: u64) -> Target {
    let price = "10.5";
    started(State {
        price,
        ..State::new(seed)
    })
}

fn started(state: State) -> Target {
    let state = Mutex::new(state);
    Target::start(move |arrival| {
        let mut state = state.lock().expect("no holder of the lock panics");
        state.answer(arrival).unwrap_or_else(|refusal| refusal)
    })
}

#[derive(Debug, Default)]
struct State {
    seed: u64,
    price: &'static str,
    made: u64,
    /// Form token of each `pre` cookie.
    pre: HashMap<String, String>,
    tickets: HashSet<String>,
    /// The next token of each session.
    sessions: HashMap<String, String>,
    bearers: HashSet<String>,
    refreshes: HashSet<String>,
    orders: HashMap<u64, Order>,
}

#[derive(Clone, Debug)]
struct Order {
    uuid: String,
    etag: String,
}

type Reply = Result<Answer, Answer>;

fn refuse(status: u16, why: &str) -> Answer {
    Answer::new(status, &[("Content-Type", "text/plain")], why)
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            price: "10.50",
            ..Self::default()
        }
    }

    /// 32 hexadecimal digits that no other seed and no other call gives.
    fn token(&mut self) -> String {
        self.made += 1;
        let half = |salt: u64| {
            let mut x = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.made << 8) ^ salt;
            for _ in 0..3 {
                x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                x ^= x >> 31;
            }
            x
        };
        format!("{:016x}{:016x}", half(1), half(2))
    }

    fn answer(&mut self, arrival: &Arrival) -> Reply {
        let body = String::from_utf8_lossy(&arrival.body).into_owned();
        match (&*arrival.method, arrival.path()) {
            ("GET", "/login") => Ok(self.login_page()),
            ("POST", "/login") => self.login(arrival, &body),
            ("GET", "/enter") => self.enter(arrival),
            ("POST", "/token") => self.with_csrf(arrival, |state| Ok((200, state.tokens()))),
            ("POST", "/refresh") => self.with_csrf(arrival, |state| {
                let old = json_text(&body, "refresh_token");
                if state.refreshes.remove(&old) {
                    Ok((200, state.tokens()))
                } else {
                    Err(refuse(401, "refresh"))
                }
            }),
            ("POST", "/orders") => self.order(arrival, &body),
            ("GET", "/lookup") => {
                self.bearer(arrival)?;
                let uuid = parameter(&arrival.target, "id");
                let known = self.orders.values().any(|order| order.uuid == uuid);
                let found = known.then(|| Answer::json(r#"{"found":true}"#));
                found.ok_or_else(|| refuse(404, "uuid"))
            }
            (method, path) => {
                let number = path.strip_prefix("/orders/").and_then(|id| id.parse().ok());
                let number = number.ok_or_else(|| refuse(404, "path"))?;
                self.one_order(method, arrival, number, &body)
            }
        }
    }

    fn login_page(&mut self) -> Answer {
        let (pre, token) = (self.token(), self.token());
        let page = format!(
            "<html><form method=post><input type=\"hidden\" name=\"csrf\" value=\"{token}\"><input name=\"user\"></form></html>"
        );
        let cookie = format!("pre={pre}; Path=/; HttpOnly");
        self.pre.insert(pre, token);
        Answer::new(
            200,
            &[("Content-Type", "text/html"), ("Set-Cookie", &cookie)],
            page,
        )
    }

    fn login(&mut self, arrival: &Arrival, body: &str) -> Reply {
        let pre = cookie(arrival, "pre").ok_or_else(|| refuse(403, "no pre"))?;
        let token = self.pre.remove(&pre).ok_or_else(|| refuse(403, "pre"))?;
        if parameter(&format!("?{body}"), "csrf") != token {
            return Err(refuse(403, "csrf"));
        }
        let (sid, ticket, next) = (self.token(), self.token(), self.token());
        self.sessions.insert(sid.clone(), next);
        self.tickets.insert(ticket.clone());
        let location = format!("/enter?ticket={ticket}&from=login");
        let cookie = format!("sid={sid}; Path=/; HttpOnly; SameSite=Lax");
        Ok(Answer::new(
            302,
            &[("Location", &location), ("Set-Cookie", &cookie)],
            "",
        ))
    }

    fn enter(&mut self, arrival: &Arrival) -> Reply {
        let next = self.session(arrival)?.clone();
        if !self.tickets.remove(&parameter(&arrival.target, "ticket")) {
            return Err(refuse(403, "ticket"));
        }
        let page =
            format!("<html><head><meta name=\"csrf-token\" content=\"{next}\"/></head></html>");
        Ok(Answer::new(200, &[("Content-Type", "text/html")], page))
    }

    fn session(&mut self, arrival: &Arrival) -> Result<&mut String, Answer> {
        let sid = cookie(arrival, "sid").ok_or_else(|| refuse(401, "no sid"))?;
        self.sessions
            .get_mut(&sid)
            .ok_or_else(|| refuse(401, "sid"))
    }

    fn bearer(&self, arrival: &Arrival) -> Result<(), Answer> {
        let field = arrival.header("Authorization").unwrap_or_default();
        let token = field.strip_prefix("Bearer ").unwrap_or_default();
        let known = self.bearers.contains(token);
        known.then_some(()).ok_or_else(|| refuse(401, "bearer"))
    }

    /// Does something for who has the session's next token, and gives the one after it.
    fn with_csrf(
        &mut self,
        arrival: &Arrival,
        act: impl FnOnce(&mut Self) -> Result<(u16, String), Answer>,
    ) -> Reply {
        let after = self.token();
        let next = self.session(arrival)?;
        if arrival.header("X-CSRF-Token") != Some(&**next) {
            return Err(refuse(403, "csrf"));
        }
        next.clone_from(&after);
        let (status, body) = act(self)?;
        let mut answer = Answer::json(body);
        answer.status = status;
        answer.headers.push(("X-CSRF-Token".to_owned(), after));
        Ok(answer)
    }

    fn tokens(&mut self) -> String {
        let (payload, signature, refresh) = (self.token(), self.token(), self.token());
        let bearer = format!("eyJhbGciOiJIUzI1NiJ9.{payload}.{signature}");
        self.bearers.insert(bearer.clone());
        self.refreshes.insert(refresh.clone());
        format!(r#"{{"access_token":"{bearer}","refresh_token":"{refresh}","expires_in":60}}"#)
    }

    fn order(&mut self, arrival: &Arrival, body: &str) -> Reply {
        self.bearer(arrival)?;
        let number = self.seed * 1_000 + self.orders.len() as u64;
        let (hex, etag) = (self.token(), self.token());
        let uuid = format!(
            "{}-{}-4{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        );
        let order = Order {
            uuid: uuid.clone(),
            etag: etag.clone(),
        };
        let item = json_text(body, "item");
        let mut answer = self.with_csrf(arrival, |state| {
            state.orders.insert(number, order);
            Ok((
                201,
                format!(r#"{{"number":{number},"uuid":"{uuid}","item":"{item}"}}"#),
            ))
        })?;
        answer
            .headers
            .push(("Location".to_owned(), format!("/orders/{number}")));
        answer
            .headers
            .push(("ETag".to_owned(), format!("\"{etag}\"")));
        Ok(answer)
    }

    fn one_order(&mut self, method: &str, arrival: &Arrival, number: u64, body: &str) -> Reply {
        self.bearer(arrival)?;
        let order = self
            .orders
            .get(&number)
            .cloned()
            .ok_or_else(|| refuse(404, "order"))?;
        if method == "GET" {
            return Ok(Answer::json(format!(r#"{{"number":{number}}}"#)));
        }
        if arrival.header("If-Match") != Some(&*format!("\"{}\"", order.etag)) {
            return Err(refuse(412, "etag"));
        }
        let named = (json_text(body, "number"), json_text(body, "uuid"));
        if named != (number.to_string(), order.uuid) {
            return Err(refuse(409, "order"));
        }
        self.with_csrf(arrival, |state| {
            let price = state.price;
            Ok((
                200,
                format!(r#"{{"ok":true,"lines":[{{"price":{price}}}]}}"#),
            ))
        })
    }
}

fn cookie(arrival: &Arrival, name: &str) -> Option<String> {
    let pairs = arrival.header("Cookie")?.split("; ");
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn parameter(target: &str, name: &str) -> String {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let found = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name);
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}

/// A member of a JSON object, as text.
fn json_text(body: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    match &value[name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A client of the portal, over one connection or many, as a browser would do it: it keeps cookies and tokens and nothing else.
#[derive(Debug)]
pub struct Visitor {
    /// Where each request goes over a connection of its own.
    apart: Option<String>,
    output: TcpStream,
    input: BufReader<TcpStream>,
    cookies: Vec<(String, String)>,
    /// Status of each answer.
    pub statuses: Vec<u16>,
}

/// An answer as the visitor reads it.
struct Seen {
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> String {
        let mut fields = self.headers.iter();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map_or_else(String::new, |(_, value)| value.clone())
    }
}

impl Visitor {
    /// Connects to `address`.
    ///
    /// # Panics
    /// If nobody listens there.
    #[must_use]
    pub fn connect(address: &str) -> Self {
        let output = TcpStream::connect(address).expect("the portal listens");
        let input = BufReader::new(output.try_clone().expect("a socket can be cloned"));
        Self {
            apart: None,
            output,
            input,
            cookies: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// Connects to `address` anew for each request but the first.
    ///
    /// # Panics
    /// If nobody listens there.
    #[must_use]
    pub fn apart(address: &str) -> Self {
        Self {
            apart: Some(address.to_owned()),
            ..Self::connect(address)
        }
    }

    /// Logs in, orders `item`, looks at the order, changes it and looks again.
    ///
    /// # Panics
    /// If the portal hangs up.
    pub fn shop(&mut self, item: &str) {
        let page = self.ask("GET", "/login", &[], "");
        let form = [(
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let csrf = between(&page.body, "name=\"csrf\" value=\"", "\"");
        let page = self.ask(
            "POST",
            "/login",
            &form,
            &format!("user=jane&csrf={csrf}&password=x"),
        );
        let page = self.ask("GET", &page.header("Location"), &[], "");
        let token = |csrf: String| ("X-CSRF-Token", csrf);
        let csrf = between(&page.body, "content=\"", "\"");
        let tokens = self.ask("POST", "/token", &[token(csrf)], "");
        let refresh = json_text(&tokens.body, "refresh_token");
        let json = ("Content-Type", "application/json".to_owned());
        let body = format!(r#"{{"refresh_token": "{refresh}"}}"#);
        let tokens = self.ask(
            "POST",
            "/refresh",
            &[json.clone(), token(tokens.header("X-CSRF-Token"))],
            &body,
        );
        let bearer = (
            "Authorization",
            format!("Bearer {}", json_text(&tokens.body, "access_token")),
        );
        let body = format!(r#"{{"item":"{item}"}}"#);
        let csrf = token(tokens.header("X-CSRF-Token"));
        let order = self.ask(
            "POST",
            "/orders",
            &[json.clone(), bearer.clone(), csrf],
            &body,
        );
        let (number, uuid) = (
            json_text(&order.body, "number"),
            json_text(&order.body, "uuid"),
        );
        let path = order.header("Location");
        self.ask("GET", &path, std::slice::from_ref(&bearer), "");
        self.ask(
            "GET",
            &format!("/lookup?id={uuid}&x=1"),
            std::slice::from_ref(&bearer),
            "",
        );
        let body = format!("{{\"number\":{number},\n \"uuid\":\"{uuid}\"}}");
        let fields = [
            json,
            bearer,
            ("If-Match", order.header("ETag")),
            token(order.header("X-CSRF-Token")),
        ];
        self.ask("PUT", &path, &fields, &body);
    }

    fn ask(&mut self, method: &str, target: &str, fields: &[(&str, String)], body: &str) -> Seen {
        if let Some(address) = self.apart.clone().filter(|_| !self.statuses.is_empty()) {
            let new = Self::connect(&address);
            (self.output, self.input) = (new.output, new.input);
        }
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: portal.test\r\n");
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !pairs.is_empty() {
            head += &format!("Cookie: {}\r\n", pairs.join("; "));
        }
        if method != "GET" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let request = format!("{head}\r\n{body}");
        self.output
            .write_all(request.as_bytes())
            .expect("the portal reads");
        self.read()
    }

    fn read(&mut self) -> Seen {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.input.read_line(&mut line).expect("the portal answers");
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines[0]
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok());
        self.statuses.push(status.expect("an answer has a status"));
        let fields = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers: Vec<(String, String)> = fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut seen = Seen {
            headers,
            body: String::new(),
        };
        let length = seen.header("Content-Length").parse().unwrap_or(0);
        let mut body = vec![0; length];
        self.input
            .read_exact(&mut body)
            .expect("a body has the length that its head says");
        seen.body = String::from_utf8(body).expect("the portal speaks UTF-8");
        let cookie = seen.header("Set-Cookie");
        if let Some((name, value)) = cookie
            .split(';')
            .next()
            .and_then(|pair| pair.split_once('='))
        {
            self.cookies.retain(|(other, _)| other != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        seen
    }
}

fn between(text: &str, left: &str, right: &str) -> String {
    let rest = text.split_once(left).map_or("", |(_, rest)| rest);
    rest.split(right).next().unwrap_or_default().to_owned()
}
