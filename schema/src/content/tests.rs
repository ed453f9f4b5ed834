use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const TEXT: &[u8] = b"what the service said, what the service said";

fn gzip_of(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib_of(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn raw_of(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn brotli_of(text: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 20);
    encoder.write_all(text).unwrap();
    encoder.into_inner()
}

fn zstd_of(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).unwrap()
}

#[test]
fn every_coding_is_undone() {
    let cases = [
        ("gzip", gzip_of(TEXT)),
        ("x-gzip", gzip_of(TEXT)),
        ("GZip", gzip_of(TEXT)),
        ("deflate", zlib_of(TEXT)),
        ("deflate", raw_of(TEXT)),
        ("br", brotli_of(TEXT)),
        ("zstd", zstd_of(TEXT)),
        ("identity", TEXT.to_vec()),
        ("", TEXT.to_vec()),
        ("gzip, br", brotli_of(&gzip_of(TEXT))),
        (" br ,, identity,gzip ", gzip_of(&brotli_of(TEXT))),
        ("gzip", [gzip_of(&TEXT[..9]), gzip_of(&TEXT[9..])].concat()),
        ("gzip", [gzip_of(TEXT), vec![0; 100]].concat()),
        ("zstd", [zstd_of(&TEXT[..9]), zstd_of(&TEXT[9..])].concat()),
    ];
    for (coding, body) in cases {
        let decoded = decode_content(coding, &body, TEXT.len());
        assert_eq!(decoded.as_deref(), Ok(TEXT), "{coding}");
        // One byte less than the text has is too few, in every coding.
        let decoded = decode_content(coding, &body, TEXT.len() - 1);
        assert!(
            matches!(decoded, Err(ContentError::TooLarge)),
            "{coding}: {decoded:?}"
        );
    }
}

#[test]
fn nothing_is_nothing_in_every_coding() {
    for coding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, br"] {
        assert_eq!(decode_content(coding, b"", 0), Ok(Vec::new()), "{coding}");
    }
}

#[test]
fn what_does_not_decode_whole_is_left_alone() {
    let bodies: [(&str, Vec<u8>); 5] = [
        ("gzip", gzip_of(TEXT)),
        ("deflate", zlib_of(TEXT)),
        ("deflate", raw_of(TEXT)),
        ("br", brotli_of(TEXT)),
        ("zstd", zstd_of(TEXT)),
    ];
    for (coding, body) in &bodies {
        for len in 1..body.len() {
            let decoded = decode_content(coding, &body[..len], 1 << 20);
            assert_eq!(
                decoded,
                Err(ContentError::Malformed),
                "{coding} cut at {len}"
            );
        }
        let trailed = [body, b"trailing".as_slice()].concat();
        let decoded = decode_content(coding, &trailed, 1 << 20);
        assert_eq!(decoded, Err(ContentError::Malformed), "{coding} and more");
        let decoded = decode_content(coding, TEXT, 1 << 20);
        assert_eq!(decoded, Err(ContentError::Malformed), "no {coding} at all");
    }
    assert_eq!(
        decode_content("gzip", &[0; 20], 100),
        Err(ContentError::Malformed)
    );
    for unknown in ["compress", "gzip, rot13", "dcb"] {
        assert_eq!(
            decode_content(unknown, TEXT, 100),
            Err(ContentError::Unknown)
        );
    }
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    let limit = 1 << 20;
    for (coding, body) in [
        ("gzip", gzip_of(&zeros)),
        ("deflate", zlib_of(&zeros)),
        ("br", brotli_of(&zeros)),
        ("zstd", zstd_of(&zeros)),
        ("gzip, gzip", gzip_of(&gzip_of(&zeros))),
        ("gzip, gzip, gzip, gzip, gzip, gzip", gzip_of(TEXT)),
    ] {
        assert_eq!(
            decode_content(coding, &body, limit),
            Err(ContentError::TooLarge),
            "{coding}"
        );
    }
}
