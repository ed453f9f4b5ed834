//! Which form two bodies are compared in.

use schema::Response;

use super::Bodies;

/// A form of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON (RFC 8259).
    Json,
    /// A JSON value in each line.
    JsonLines,
    /// XML.
    Xml,
    /// Fields of a form, `a=1&b=2`.
    Fields,
    /// HTML.
    Html,
    /// Messages of gRPC.
    Grpc,
    /// Any other text.
    Text,
    /// Anything.
    Octets,
}

impl Form {
    /// Whether different bytes may mean the same.
    pub(super) const fn has_structure(self) -> bool {
        !matches!(self, Self::Text | Self::Octets | Self::Grpc)
    }
}

/// The form of both bodies. Where they have two, JSON is tried if one of them is JSON, and text otherwise, if both may be.
pub(super) fn form_of((expected_answer, expected, actual_answer, actual): Bodies<'_>) -> Form {
    let forms = (
        of_one(expected_answer, expected),
        of_one(actual_answer, actual),
    );
    match forms {
        (left, right) if left == right => left,
        (Form::Json, _) => Form::Json,
        (Form::Xml, _) => Form::Xml,
        (Form::Octets | Form::Grpc, _) | (_, Form::Octets | Form::Grpc) => Form::Octets,
        _ => Form::Text,
    }
}

fn of_one(response: &Response, body: &[u8]) -> Form {
    let content_type = response.headers.get("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    // gRPC over HTTP/2 and gRPC-Web; the text form of the latter is base64.
    let is_grpc = subtype == "grpc"
        || subtype.starts_with("grpc+")
        || (subtype.starts_with("grpc-web") && !subtype.starts_with("grpc-web-text"));
    let begins = body.trim_ascii_start();
    match subtype {
        _ if is_grpc => Form::Grpc,
        "x-ndjson" | "ndjson" | "jsonl" | "jsonlines" | "x-jsonlines" => Form::JsonLines,
        // RFC 8259 section 11, RFC 6838 section 4.2.8.
        "json" if !begins.is_empty() => Form::Json,
        _ if subtype.ends_with("+json") && !begins.is_empty() => Form::Json,
        _ if begins.starts_with(b"{") || begins.starts_with(b"[") => Form::Json,
        "html" => Form::Html,
        "xml" => Form::Xml,
        _ if subtype.ends_with("+xml") || begins.starts_with(b"<?xml") => Form::Xml,
        "x-www-form-urlencoded" => Form::Fields,
        _ if kind == "text" || matches!(subtype, "javascript" | "x-javascript" | "yaml") => {
            Form::Text
        }
        // Whoever says nothing, or nothing that helps.
        "" | "octet-stream" if is_printable(body) => Form::Text,
        _ => Form::Octets,
    }
}

/// Whether the beginning of a body is text for readers; the rest shows when it is decoded.
fn is_printable(body: &[u8]) -> bool {
    let beginning = &body[..body.len().min(512)];
    let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c);
    !beginning.iter().any(is_control)
}
