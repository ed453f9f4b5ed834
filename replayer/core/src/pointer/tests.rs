use super::*;

#[test]
fn pointers_name_places() {
    let path = [Step::Name("data"), Step::Index(2), Step::Name("id")];
    for (text, expected) in [
        ("/data/2/id", true),
        ("/data/*/id", true),
        ("/**/id", true),
        ("/**", true),
        ("/data/**/2/**/id", true),
        ("/data/id", false),
        ("/data/2", false),
        ("/data/2/id/x", false),
    ] {
        let parts = pointer(text).unwrap();
        assert_eq!(names(&parts, &path), expected, "{text}");
    }
}
