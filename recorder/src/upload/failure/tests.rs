use super::*;

fn generic(text: &str) -> Error {
    Error::Generic {
        store: "S3",
        source: text.to_owned().into(),
    }
}

#[test]
fn time_mends_a_busy_server_and_not_a_refusal() {
    let mended = [
        "Server returned non-2xx status code: 503 Service Unavailable: SlowDown",
        "Server returned non-2xx status code: 500 Internal Server Error: ",
        "Server returned non-2xx status code: 429 Too Many Requests: ",
        "error sending request: connection refused",
    ];
    for text in mended {
        assert_eq!(permanent(&generic(text), StoreKind::S3), None, "{text}");
    }
    let refused = [
        (
            "Server returned non-2xx status code: 400 Bad Request: ExpiredToken",
            "refuses",
        ),
        (
            "Error performing PUT http://169.254.169.254/latest/api/token",
            "instance role",
        ),
        ("Received redirect without LOCATION", "AWS_REGION"),
    ];
    for (text, advice) in refused {
        let got = permanent(&generic(text), StoreKind::S3).unwrap();
        assert!(got.contains(advice), "{text}: {got}");
    }
}

#[test]
fn what_is_wrong_with_a_disk_is_named() {
    let cases = [
        (io::ErrorKind::StorageFull, "disk is full"),
        (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
        (io::ErrorKind::PermissionDenied, "owner and mode"),
        (io::ErrorKind::Other, "cannot be written"),
    ];
    for (kind, advice) in cases {
        let error = Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(io::Error::from(kind)),
        };
        let got = permanent(&error, StoreKind::Local).unwrap();
        assert!(got.contains(advice), "{kind}: {got}");
    }
}

#[test]
fn a_failure_is_told_in_a_few_words() {
    let xml = "status code: 403 Forbidden: <Error><Code>AccessDenied</Code><Message>No.</Message></Error>";
    assert_eq!(brief(&generic(xml)), "AccessDenied: No.");
    let full = Error::Generic {
        store: "LocalFileSystem",
        source: Box::new(io::Error::from(io::ErrorKind::StorageFull)),
    };
    assert_eq!(brief(&full), "no storage space");
}
