use super::*;

#[test]
fn fields_keep_order_case_and_duplicates() {
    let fields = [
        ("Host", "a"),
        ("X-Empty", ""),
        ("cookie", "b"),
        ("Cookie", "c"),
        ("", "d"),
    ];
    let headers: Headers = fields.into_iter().collect();
    assert_eq!(headers.iter().collect::<Vec<_>>(), fields);
    assert_eq!((headers.len(), headers.is_empty()), (5, false));
    assert_eq!(headers.get("HOST"), Some("a"));
    assert_eq!(headers.get("x-empty"), Some(""));
    assert_eq!(headers.get("accept"), None);
    assert_eq!(headers.get_all("COOKIE").collect::<Vec<_>>(), ["b", "c"]);
}
