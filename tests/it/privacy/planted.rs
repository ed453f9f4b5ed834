//! A capture with marked values in every place.

use tests::PacketScript;

pub(super) const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
/// A document with marks, one of them behind an escape.
const DOCUMENT: &[u8] =
    br#"{"a":[{"person":"mark3d-1"}],"login":{"newPassword":"mark3d\u002d2"},"kept":"kept"}"#;

/// Marked values in every place, over plain, chunked, encoded, pipelined, truncated and gapped traffic.
pub(super) fn planted() -> PacketScript {
    torn(pipelined(
        unreadable(encoded(plain(PacketScript::new().connect()))).close(),
    ))
}

/// In heads, URLs, cookies, forms, JSON and trailers.
fn plain(script: PacketScript) -> PacketScript {
    let heads = "Authorization: Bearer mark3d-3\r\nCookie: theme=mark3d-4; sid=mark3d-5\r\nX-Person: mark3d-6\r\n\
                 X-Api-Key: mark3d-7\r\nReferer: http://mark3d-8:x@shop.example/people/mark3d-9/x?token=mark3d-10#person=mark3d-11\r\n";
    script
        .client(post("/people/mark3d-20/orders?person=mark3d-21&kept=kept", &format!("{heads}{FORM}"), b"person=mark3d-22&kept=kept&user%5Bpassword%5D=mark3d-23"))
        .server_in(7, ok(&answer_heads(), DOCUMENT))
        // Chunked both ways, with marks in the trailers.
        .client(chunked(
            "POST http://mark3d-24@shop.example/people/mark3d-25?token=mark3d-26 HTTP/1.1\r\nHost: shop.example",
            &[r#"{"person":["mark"#, r#"3d-27"]}"#],
            "X-Person: mark3d-28",
        ))
        .server(chunked(
            "HTTP/1.1 200 OK",
            &[r#"{"x":{"sec"#, r#"ret":"mark3d-29"}}"#],
            "Authorization: mark3d-30",
        ))
}

fn answer_heads() -> String {
    format!(
        "{JSON}Set-Cookie: sid=mark3d-5; Path=/\r\nLocation: /people/mark3d-12/x;jsessionid=mark3d-13?person=mark3d-14\r\n\
         Link: </people/mark3d-15>; rel=next\r\nRefresh: 1; url=/?access_token=mark3d-16\r\n"
    )
}

fn encoded(script: PacketScript) -> PacketScript {
    let codings = ["gzip", "deflate", "br", "zstd", "gzip, zstd"];
    codings.iter().fold(script, |script, coding| {
        let body = schema::encode_content(coding, DOCUMENT).unwrap();
        let fields = format!("{JSON}Content-Encoding: {coding}\r\n");
        script
            .client(post("/coded", &fields, &body))
            .server(ok(&fields, &body))
    })
}

/// Malformed, in another charset, in parts, with a coding that it does not have, of other types.
fn unreadable(mut script: PacketScript) -> PacketScript {
    let utf16: Vec<u8> =
        r#"{"person":"mark3d-31"}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let parts =
        "--x\r\nContent-Disposition: form-data; name=\"person\"\r\n\r\nmark3d-32\r\n--x--\r\n";
    for (fields, body) in [
        (
            JSON.to_owned(),
            br#"{"person":"mark3d-33","x":}"#.as_slice(),
        ),
        (
            "Content-Type: application/json; charset=utf-16\r\n".to_owned(),
            &utf16,
        ),
        (
            "Content-Type: multipart/form-data; boundary=x\r\n".to_owned(),
            parts.as_bytes(),
        ),
        (
            format!("{JSON}Content-Encoding: gzip\r\n"),
            br#"{"person":"mark3d-34"}"#,
        ),
        (
            "Content-Type: text/xml\r\n".to_owned(),
            b"<person>mark3d-35</person>",
        ),
        (
            "Content-Type: text/plain\r\n".to_owned(),
            br#"{"person":"mark3d-36"}"#,
        ),
    ] {
        script = script
            .client(post("/odd", &fields, body))
            .server(ok(&fields, body));
    }
    script
}

/// Two requests in one packet, on a connection of their own; and a body that is longer than the limit.
fn pipelined(script: PacketScript) -> PacketScript {
    let two = [
        post("/a?token=mark3d-40", JSON, br#"{"person":"mark3d-41"}"#),
        post("/b", FORM, b"person=mark3d-42"),
    ];
    let answers = [ok(JSON, DOCUMENT), ok(&answer_heads(), DOCUMENT)].concat();
    let long = format!(r#"{{"x":"{}","person":"mark3d-43"}}"#, "x".repeat(3_000));
    script
        .between("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client(two.concat())
        .server(answers)
        .client(post("/long", JSON, long.as_bytes()))
        .server(ok(JSON, long.as_bytes()))
        .close()
}

/// A body with a hole, and one whose end is not captured.
fn torn(script: PacketScript) -> PacketScript {
    let form = format!("a={}&person=mark3d-44mark3d-45", "x".repeat(2_900));
    let gapped = post("/gap", FORM, form.as_bytes());
    script
        .between("10.0.0.1:40002", "10.0.0.2:80")
        .connect()
        .client(&gapped[..1_448])
        .client(&gapped[1_448..2_896])
        .lose(1)
        .client(&gapped[2_896..])
        .server(ok(JSON, DOCUMENT))
        .close()
        .between("10.0.0.1:40003", "10.0.0.2:80")
        .connect()
        .client(post("/cut", FORM, b"person=mark3d-46&kept=kept"))
        .server(format!(
            "HTTP/1.1 200 OK\r\n{JSON}Content-Length: 500\r\n\r\n{{\"person\":\"mark3d-47"
        ))
}

/// A request with a body.
pub(super) fn post(target: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// An answer with a body.
pub(super) fn ok(fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A message with a JSON body in these chunks, and a trailer field.
fn chunked(start: &str, chunks: &[&str], trailer: &str) -> String {
    let chunk = |chunk: &&str| format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let chunks: String = chunks.iter().map(chunk).collect();
    format!("{start}\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n{trailer}\r\n\r\n")
}
