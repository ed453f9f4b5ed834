use super::*;

/// The empty input's hash, as the specification of XXH3 gives it: the digest is part of the format.
#[test]
fn the_digest_is_the_hash_that_the_specification_says() {
    let empty = BodyDigest::of(b"");
    assert_eq!(empty.to_string(), "99aa06d3014798d86001c324468d497f");
    assert_eq!(empty.to_string().parse(), Ok(empty));
    for wrong in [
        "",
        "99aa",
        "99aa06d3014798d86001c324468d497g",
        "+9aa06d3014798d86001c324468d497f",
    ] {
        assert!(wrong.parse::<BodyDigest>().is_err(), "{wrong}");
    }
}

#[test]
fn a_body_in_pieces_has_the_digest_of_the_whole() {
    let body: Vec<u8> = (0..5_000_u32).flat_map(u32::to_le_bytes).collect();
    for cut in [0, 1, 240, 241, 1_024, 19_999, body.len()] {
        let mut hasher = BodyHasher::new(&body[..cut]);
        for piece in body[cut..].chunks(777) {
            hasher.update(piece);
        }
        assert_eq!(hasher.digest(), BodyDigest::of(&body), "{cut}");
    }
}
