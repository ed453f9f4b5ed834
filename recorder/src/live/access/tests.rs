use super::*;

const SECRET: &str = "0123456789abcdef0123";

#[test]
fn only_the_token_itself_lets_in() {
    let token = Token::new(&format!(" {SECRET}\n")).unwrap();
    let table = [
        (format!("Bearer {SECRET}"), true),
        (format!("bearer  {SECRET} "), true),
        (SECRET.to_owned(), false),
        (format!("Basic {SECRET}"), false),
        (format!("Bearer {}", &SECRET[1..]), false),
        (format!("Bearer {SECRET}0"), false),
        ("Bearer ".to_owned(), false),
        (String::new(), false),
    ];
    for (header, lets_in) in table {
        assert_eq!(token.is_presented(header.as_bytes()), lets_in, "{header}");
    }
    assert_eq!(format!("{token:?}"), "Token", "it is not shown");
}

#[test]
fn a_weak_token_is_refused() {
    assert_eq!(Token::new("secret").unwrap_err(), TokenError::Short);
    let two = format!("{SECRET}\n{SECRET}");
    assert_eq!(Token::new(&two).unwrap_err(), TokenError::NotVisible);
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.pem");
    std::fs::write(&path, "no certificate").unwrap();
    let error = format!("{:#}", server_tls(&path, &path).unwrap_err());
    assert!(error.contains("server.pem"), "{error}");
    let error = format!("{:#}", token_file(&folder.path().join("none")).unwrap_err());
    assert!(error.contains("none"), "{error}");
}
