//! One end that speaks HTTP/2: what it writes, byte for byte. The core's own tests read this file too.

/// The client's connection preface (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS without any.
pub const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
/// The acknowledgement of SETTINGS.
pub const SETTINGS_ACK: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";
/// A PING.
pub const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Type of a frame: DATA.
pub const DATA: u8 = 0;
/// Type of a frame: HEADERS.
pub const HEADERS: u8 = 1;
/// Type of a frame: RST_STREAM.
pub const RST_STREAM: u8 = 3;
/// Type of a frame: PUSH_PROMISE.
pub const PUSH_PROMISE: u8 = 5;
/// Type of a frame: GOAWAY.
pub const GO_AWAY: u8 = 7;
/// Type of a frame: CONTINUATION.
pub const CONTINUATION: u8 = 9;

/// Flag: the stream's last frame from this end.
pub const END_STREAM: u8 = 1;
/// Flag: the header block's last frame.
pub const END_HEADERS: u8 = 4;
/// Flag: the payload begins with the length of the padding at its end.
pub const PADDED: u8 = 8;
/// Flag: a priority is before the header block.
pub const PRIORITY: u8 = 32;

/// Entries of RFC 7541 appendix A that these tests use, with their indexes.
const STATIC: [(u8, &str, &str); 9] = [
    (1, ":authority", ""),
    (2, ":method", "GET"),
    (3, ":method", "POST"),
    (4, ":path", "/"),
    (6, ":scheme", "http"),
    (8, ":status", "200"),
    (13, ":status", "404"),
    (28, "content-length", ""),
    (31, "content-type", ""),
];

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let header = [&len[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [header, payload.to_vec()].concat()
}

/// An encoder that remembers every field, and refers to it from then on.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Newest first.
    table: Vec<(String, String)>,
}

impl Peer {
    /// A header block.
    pub fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for &(name, value) in fields {
            if let Some(index) = self.index(|field| *field == (name, value)) {
                integer(&mut block, 0x80, 7, index);
                continue;
            }
            match self.index(|field| field.0 == name) {
                Some(index) => integer(&mut block, 0x40, 6, index),
                None => {
                    block.push(0x40);
                    string(&mut block, name);
                }
            }
            string(&mut block, value);
            self.remember(name, value);
        }
        block
    }

    /// A whole HEADERS frame; `flags` beside END_HEADERS.
    pub fn headers(&mut self, flags: u8, stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
        let block = self.block(fields);
        frame(HEADERS, flags | END_HEADERS, stream, &block)
    }

    /// A request without a body.
    pub fn get(&mut self, stream: u32, path: &str) -> Vec<u8> {
        let fields = request("GET", path);
        self.headers(END_STREAM, stream, &fields)
    }

    /// A request with a body in one frame.
    pub fn post(&mut self, stream: u32, path: &str, body: &str) -> Vec<u8> {
        let fields = request("POST", path);
        let head = self.headers(0, stream, &fields);
        [head, frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
    }

    /// A response with a body in one frame.
    pub fn ok(&mut self, stream: u32, body: &str) -> Vec<u8> {
        let head = self.headers(0, stream, &[(":status", "200"), ("server", "s")]);
        [head, frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
    }

    /// The index of the first entry, static ones first.
    fn index(&self, is: impl Fn(&(&str, &str)) -> bool) -> Option<u32> {
        let fixed = STATIC.iter().find(|(_, name, value)| is(&(name, value)));
        let told = || {
            self.table
                .iter()
                .position(|(name, value)| is(&(name, value)))
        };
        fixed
            .map(|(index, ..)| u32::from(*index))
            .or_else(|| told().map(|place| 62 + place as u32))
    }

    fn remember(&mut self, name: &str, value: &str) {
        self.table.insert(0, (name.to_owned(), value.to_owned()));
        let size = |(name, value): &(String, String)| name.len() + value.len() + 32;
        while self.table.iter().map(size).sum::<usize>() > 4_096 {
            self.table.pop();
        }
    }
}

fn request<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 5] {
    [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a.example"),
        ("user-agent", "u"),
    ]
}

/// RFC 7541 section 5.1.
fn integer(block: &mut Vec<u8>, pattern: u8, bits: u32, number: u32) {
    let prefix = (1_u32 << bits) - 1;
    let byte = |number: u32| (number & 0xff) as u8;
    if number < prefix {
        return block.push(pattern | byte(number));
    }
    block.push(pattern | byte(prefix));
    let mut rest = number - prefix;
    while rest >= 128 {
        block.push(byte(rest % 128) | 128);
        rest /= 128;
    }
    block.push(byte(rest));
}

fn string(block: &mut Vec<u8>, text: &str) {
    integer(block, 0, 7, text.len() as u32);
    block.extend_from_slice(text.as_bytes());
}
