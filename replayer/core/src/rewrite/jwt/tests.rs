use ring::signature::{
    ECDSA_P256_SHA256_FIXED, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

use super::*;

/// `{"alg":"RS512","kid":"7","typ":"JWT"}` and `{"sub":"42","iat":100,"exp":160,"n":1.0}` with some signature.
const TOKEN: &str = "eyJhbGciOiJSUzUxMiIsImtpZCI6IjciLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiI0MiIsImlhdCI6MTAwLCJleHAiOjE2MCwibiI6MS4wfQ.c2ln";
const RSA: &str = include_str!("testdata/rsa.pem");
const P256: &str = include_str!("testdata/p256.pem");

fn decoded(part: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// What is signed, and the signature, of the test token with another key.
fn resigned(key: &JwtKey) -> (String, Vec<u8>) {
    let token = key.resign(TOKEN, 1_000).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let expected = format!(r#"{{"alg":"{}","kid":"7","typ":"JWT"}}"#, key.algorithm());
    assert_eq!(decoded(head), expected);
    assert_eq!(
        decoded(payload),
        r#"{"sub":"42","iat":1100,"exp":1160,"n":1.0}"#
    );
    (
        signed.to_owned(),
        URL_SAFE_NO_PAD.decode(signature).unwrap(),
    )
}

#[test]
fn a_secret_signs() {
    let key = JwtKey::new(b" a secret for tests\n").unwrap();
    let (signed, signature) = resigned(&key);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret for tests");
    hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
}

#[test]
fn private_keys_sign() {
    let key = JwtKey::new(RSA.as_bytes()).unwrap();
    let (signed, signature) = resigned(&key);
    let Key::Rs256(pair) = &key.key else {
        panic!("{key:?}")
    };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let key = JwtKey::new(P256.as_bytes()).unwrap();
    let (signed, signature) = resigned(&key);
    let Key::Es256(pair) = &key.key else {
        panic!("{key:?}")
    };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
}

#[test]
fn what_is_no_key_says_so() {
    assert_eq!(
        JwtKey::new(b"short\n").unwrap_err(),
        JwtKeyError::TooShort(5)
    );
    for text in [
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END",
        "-----BEGIN",
    ] {
        assert_eq!(
            JwtKey::new(text.as_bytes()).unwrap_err(),
            JwtKeyError::UnknownKey,
            "{text}"
        );
    }
}

#[test]
fn tokens_are_found_and_others_left() {
    let text = format!(
        "Bearer {TOKEN}, x={TOKEN}; eyJ.a.b xeyJa.b.c eyJhbGciOiJub25lIn0.eyJhIjoxfQ. eyJa.b.c.d"
    );
    assert_eq!(tokens(&text), [TOKEN, TOKEN, "eyJ.a.b"]);
    let key = JwtKey::new(b"a secret for tests").unwrap();
    for token in [
        "eyJ.a.b",
        "",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",
        "eyJhIjoxfQ.eyJhIjoxfQ.c2ln",
    ] {
        assert_eq!(key.resign(token, 0), None, "{token}");
    }
}
