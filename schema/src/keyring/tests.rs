mod files;

use super::*;

fn key(name: &str, fill: u8) -> Key {
    Key::from_base64(name, &STANDARD.encode([fill; 32])).unwrap()
}

#[test]
fn a_key_is_base64_of_32_bytes() {
    for (bytes, expected) in [
        (32, Ok(32)),
        (16, Err(ParseKeyError::Length(16))),
        (0, Err(ParseKeyError::Length(0))),
        (24, Err(ParseKeyError::Length(24))),
        (33, Err(ParseKeyError::Length(33))),
    ] {
        let text = format!("\n{}\n", STANDARD.encode(vec![7; bytes]));
        let key = Key::from_base64("k", &text).map(|key| key.secret.len());
        assert_eq!(key, expected, "{bytes} bytes");
    }
    let wrong = [
        ("k", "not a key!", ParseKeyError::NotBase64),
        ("", "", ParseKeyError::Name),
    ];
    for (name, text, expected) in wrong {
        assert_eq!(Key::from_base64(name, text).unwrap_err(), expected);
    }
    let shown = format!("{:?}", key("production", 7));
    assert!(
        !shown.contains("BwcH") && !shown.contains("7, 7"),
        "{shown}"
    );
}

#[test]
fn a_document_opens_at_its_path_and_one_of_before_anywhere() {
    let ring = Keyring::new(vec![key("k", 1)]);
    let document = b"{\"verdict\": \"pass\"}";
    let sealed: Bytes = ring
        .seal_document(document.to_vec(), "runs/a/run.json")
        .into();
    let opened = ring.open_document(sealed.clone(), "runs/a/run.json");
    assert_eq!(opened.unwrap(), document[..]);
    assert!(
        ring.open_document(sealed.clone(), "runs/b/run.json")
            .is_err()
    );
    assert!(ring.open_document(sealed.clone(), "").is_err());
    let locked = Keyring::default().open_document(sealed, "runs/a/run.json");
    assert!(matches!(locked, Err(Error::Locked(_))));
    let before: Bytes = ring.seal(document.to_vec(), b"").into();
    assert_eq!(
        ring.open_document(before, "runs/b/run.json").unwrap(),
        document[..]
    );
}

#[test]
fn what_is_sealed_opens_with_its_key_in_its_context_alone() {
    let content = b"session=secret".to_vec();
    let old = Keyring::new(vec![key("old", 1)]);
    let sealed: Bytes = old.seal(content.clone(), b"frame 1").into();
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    assert_ne!(
        old.seal(content.clone(), b"frame 1"),
        sealed,
        "no salt is used twice"
    );

    let rotated = Keyring::new(vec![key("new", 2), key("renamed", 1)]);
    assert_eq!(rotated.open(sealed.clone(), b"frame 1").unwrap(), content);
    let error = rotated.open(sealed.clone(), b"frame 2").unwrap_err();
    assert!(matches!(error, Error::Damaged(_)), "{error}");

    let error = Keyring::new(vec![key("new", 2)]).open(sealed.clone(), b"frame 1");
    let Err(Error::Locked(locked)) = error else {
        panic!("{error:?}")
    };
    assert_eq!((locked.name.as_str(), locked.given), ("old", 1));
    let error = Keyring::default().open(sealed, b"frame 1").unwrap_err();
    assert!(error.to_string().contains("no key was given"), "{error}");
}

#[test]
fn without_a_key_nothing_changes() {
    let none = Keyring::default();
    assert_eq!(none.seal(b"{}".to_vec(), b""), b"{}");
    assert_eq!(none.open(Bytes::from_static(b"{}"), b"").unwrap(), "{}");
}

#[test]
fn every_byte_is_vouched_for() {
    let ring = Keyring::new(vec![key("k", 1)]);
    let sealed = ring.seal(b"content".to_vec(), b"");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        // In the magic, what comes out is not what was sealed either; elsewhere nothing comes out.
        match ring.open(changed.into(), b"") {
            Ok(opened) => assert!(at < MAGIC.len() && opened != "content"),
            Err(Error::Damaged(_) | Error::Locked(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let cut = Bytes::copy_from_slice(&sealed[..at]);
        assert!(at < MAGIC.len() || ring.open(cut, b"").is_err(), "{at}");
    }
}
