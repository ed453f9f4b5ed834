//! An answer as lines, the same that the script's own functions make of it.

/// Longest body that is looked at line by line.
const BYTES_MAX: usize = 4 << 20;

/// Lines of JSON, `$.items[2].price = 10.50`, strings as they are written; `None` if it is none or too long. As `json_lines`.
pub(super) fn json_lines(body: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(body).ok()?;
    let begins = text.trim_start().starts_with(['{', '[', '"']);
    if text.len() > BYTES_MAX || !begins || text.contains('\u{1}') {
        return None;
    }
    let _json = crate::compare::parse_json(body, 128).ok()?;
    Some(Flattening::of(text))
}

/// Lines of text, markup by elements; `None` if it is none or too long. As `text_lines`.
pub(super) fn text_lines(body: &[u8]) -> Option<Vec<String>> {
    let is_odd = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
    if body.len() > BYTES_MAX || body.iter().any(is_odd) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?.replace('\r', "");
    let lines = text.split(['\n', '<', '>', '&']);
    let lines = lines.map(|line| line.trim_matches([' ', '\t']));
    Some(
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// CRC and length, as `cksum` prints them (POSIX.1-2017, cksum).
pub(super) fn checksum(body: &[u8]) -> String {
    let length = (body.len() as u64).to_le_bytes();
    let octets = length
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    let crc = body
        .iter()
        .chain(&length[..octets])
        .fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
                (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
            })
        });
    format!("{} {}", !crc, body.len())
}

/// Where in a JSON text the flattening is.
struct Flattening {
    lines: Vec<String>,
    /// Place of the value at each depth; the last is that of the value to come.
    paths: Vec<String>,
    /// What is open: its sign, its elements so far, and whether it is empty.
    open: Vec<(u8, usize, bool)>,
}

impl Flattening {
    fn of(text: &str) -> Vec<String> {
        let mut this = Self {
            lines: Vec::new(),
            paths: vec!["$".to_owned()],
            open: Vec::new(),
        };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = match bytes[at] {
                b'{' | b'[' => this.enter(bytes[at], at),
                b'}' | b']' => this.leave(bytes[at], at),
                b',' => this.next(at),
                b'"' => this.string(text, at),
                b' ' | b'\t' | b'\r' | b'\n' | b':' => at + 1,
                _ => {
                    let ends = |byte: &&u8| !b" \t\r\n,]}".contains(byte);
                    let end = at + bytes[at..].iter().take_while(ends).count();
                    this.put(&text[at..end]);
                    end
                }
            };
        }
        this.lines
    }

    fn put(&mut self, value: &str) {
        let path = self.paths.last().map_or("", String::as_str);
        self.lines.push(format!("{path} = {value}"));
        self.mark();
    }

    /// What is open has something in it.
    fn mark(&mut self) {
        if let Some((_, _, empty)) = self.open.last_mut() {
            *empty = false;
        }
    }

    fn enter(&mut self, sign: u8, at: usize) -> usize {
        self.mark();
        let path = self.paths.last().cloned().unwrap_or_default();
        let below = if sign == b'[' { path + "[0]" } else { path };
        self.paths.push(below);
        self.open.push((sign, 0, true));
        at + 1
    }

    fn leave(&mut self, sign: u8, at: usize) -> usize {
        if let Some((opened, _, empty)) = self.open.pop() {
            self.paths.pop();
            if empty {
                self.put(&format!("{}{}", char::from(opened), char::from(sign)));
            }
        }
        at + 1
    }

    fn next(&mut self, at: usize) -> usize {
        if let Some((b'[', count, _)) = self.open.last_mut() {
            *count += 1;
            let step = format!("[{count}]");
            self.step(&step);
        }
        at + 1
    }

    /// The place of the next value: a step below what is open.
    fn step(&mut self, step: &str) {
        let depth = self.paths.len() - 1;
        self.paths[depth] = format!("{}{step}", self.paths[depth - 1]);
    }

    fn string(&mut self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        let mut end = start + 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += 1 + usize::from(bytes[end] == b'\\');
        }
        let end = (end + 1).min(bytes.len());
        let behind = text[end..].trim_start_matches([' ', '\t', '\r', '\n']);
        let is_name = matches!(self.open.last(), Some((b'{', ..))) && behind.starts_with(':');
        if !is_name {
            self.put(&text[start..end]);
            return end;
        }
        let name = &text[start + 1..end - 1];
        let is_plain = name.bytes().enumerate().all(|(place, byte)| {
            byte.is_ascii_alphabetic() || byte == b'_' || (place > 0 && byte.is_ascii_digit())
        });
        let is_plain = is_plain && !name.is_empty();
        self.step(&if is_plain {
            format!(".{name}")
        } else {
            format!("['{name}']")
        });
        self.mark();
        text.len() - behind.len() + 1
    }
}

#[cfg(test)]
mod tests;
