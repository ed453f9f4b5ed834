use proptest::prelude::*;

use crate::compare::sample::{compared, exchange, found, replayed};

const XML: &[(&str, &str)] = &[("Content-Type", "application/xml")];

fn differences(expected: &[u8], actual: &[u8]) -> Vec<String> {
    let (expected, actual) = (
        exchange("/", 200, XML, expected),
        exchange("/", 200, XML, actual),
    );
    found(&compared(&expected, &replayed(actual, 0)))
}

#[test]
fn what_says_nothing_is_no_difference() {
    for (expected, actual) in [
        (
            "<a x='1' y=\"2\"/>",
            "<?xml version=\"1.0\"?>\n<a y=\"2\" x=\"1\"></a>\n",
        ),
        (
            "<a><b>1</b><c/></a>",
            "<a>\n  <b>1</b>\n  <!-- why --> <c></c>\n</a>",
        ),
        ("<a>x &amp; y &#233;</a>", "<a><![CDATA[x & y ]]>é</a>"),
        (
            "<s:a xmlns:s=\"urn:s\"><s:b/></s:a>",
            "<a xmlns=\"urn:s\"><b/></a>",
        ),
        (
            "<a xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>",
            "<a xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\"/>",
        ),
    ] {
        assert_eq!(
            differences(expected.as_bytes(), actual.as_bytes()),
            [""; 0],
            "{expected}"
        );
    }
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>";
    assert_eq!(differences(latin, "<a>é</a>".as_bytes()), [""; 0]);
    let utf16: Vec<u8> = "\u{feff}<a>é</a>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(differences(&utf16, "<a>é</a>".as_bytes()), [""; 0]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_place_that_differs_is_named() {
    for (expected, actual, found) in [
        ("<a>1</a>", "<a>2</a>", vec!["/a Value 1|2"]),
        ("<a>1</a>", "<a>1 </a>", vec!["/a Value 1|1 "]),
        ("<a/>", "<b/>", vec!["/a Missing |-", "/b Extra -|"]),
        ("<a><b>1</b></a>", "<a/>", vec!["/a/b Missing 1|-"]),
        ("<a x=\"1\"/>", "<a x=\"2\"/>", vec!["/a/@x Value 1|2"]),
        ("<a>t</a>", "<a x=\"2\">t</a>", vec!["/a/@x Extra -|2"]),
        (
            "<a>t</a>",
            "<a x=\"2\"/>",
            vec!["/a/text() Missing t|-", "/a/@x Extra -|2"],
        ),
        (
            "<r><o><p>1</p></o><o><p>2</p></o></r>",
            "<r><o><p>1</p></o><o><p>3</p></o></r>",
            vec!["/r/o[2]/p Value 2|3"],
        ),
        // A row that is missing in the middle, found by the child that names it; one that is left is as good as a list.
        (
            "<r><o><id>1</id></o><o><id>2</id></o><o><id>3</id></o></r>",
            "<r><o><id>1</id></o><o><id>3</id></o></r>",
            vec!["/r/o[2] Missing {\"id\":\"2\"}|-"],
        ),
        (
            "<r><o>1</o><o>2</o></r>",
            "<r><o>2</o></r>",
            vec!["/r/o[1] Missing 1|-"],
        ),
        (
            "<r><o>1</o></r>",
            "<r><o>1</o><o>1</o></r>",
            vec!["/r/o[2] Extra -|1"],
        ),
        (
            "<r><o>1</o><o>2</o></r>",
            "<r><o>2</o><o>1</o></r>",
            vec!["/r/o Order [\"1\",\"2\"]|[\"2\",\"1\"]"],
        ),
        // Children of different names in another order, and where a text stands between them.
        (
            "<a><b/><c/></a>",
            "<a><c/><b/></a>",
            vec!["/a Order b c|c b"],
        ),
        (
            "<a><b/><c/><b/></a>",
            "<a><b/><b/><c/></a>",
            vec!["/a Order b c b|b c"],
        ),
        (
            "<p>a<b/></p>",
            "<p><b/>a</p>",
            vec!["/p Order #text b|b #text"],
        ),
        (
            "<p>a<b/>c</p>",
            "<p>a<b/>d</p>",
            vec!["/p/text()[2] Value c|d"],
        ),
        (
            "<d><t/><v/><t/><v/></d>",
            "<d><t/><v/></d>",
            vec!["/d/t[2] Missing |-", "/d/v[2] Missing |-"],
        ),
        (
            "<a xmlns=\"urn:1\"/>",
            "<a xmlns=\"urn:2\"/>",
            vec!["/a/@xmlns Value urn:1|urn:2"],
        ),
        ("<?x 1?><a/>", "<?x 2?><a/>", vec!["/?x Value 1|2"]),
        ("<a>1</a>", "oops", vec![" Type <a>1</a>|oops"]),
        // What is not read by structure is text.
        (
            "<!DOCTYPE a [<!ENTITY e \"1\">]>\n<a>&e;</a>",
            "<!DOCTYPE a [<!ENTITY e \"2\">]>\n<a>&e;</a>",
            vec!["line 1 Value <!DOCTYPE a [<!ENTITY e \"1\">]>|<!DOCTYPE a [<!ENTITY e \"2\">]>"],
        ),
        (
            "<a>\n<b></a>",
            "<a>\n<c></a>",
            vec!["line 2 Value <b></a>|<c></a>"],
        ),
    ] {
        let found: Vec<String> = found.iter().map(|found| format!("body {found}")).collect();
        assert_eq!(
            differences(expected.as_bytes(), actual.as_bytes()),
            found,
            "{expected} {actual}"
        );
    }
}

#[test]
fn what_nests_too_deep_is_text() {
    let deep = |text: &str| format!("{}{text}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
    let found = differences(deep("1").as_bytes(), deep("2").as_bytes());
    assert!(
        found.len() == 1 && found[0].starts_with("body line 1 Value "),
        "{found:?}"
    );
}

#[test]
fn many_names_and_many_turns_take_no_square_of_time() {
    let names = |end: &str| {
        let rows: String = (0..60_000).map(|n| format!("<n{n}/><o/>")).collect();
        format!("<a>{rows}{end}</a>")
    };
    assert_eq!(
        differences(names("").as_bytes(), names("<z/>").as_bytes()),
        ["body /a/z Extra -|"]
    );
}

/// A document of a few names, so that siblings share them.
fn any_xml() -> impl Strategy<Value = String> {
    let leaf = "[a-c]".prop_map(|name| format!("<{name}/>"));
    leaf.prop_recursive(4, 24, 4, |inner| {
        (
            "[a-c]",
            "[ xy]{0,3}",
            proptest::collection::vec(inner, 0..4),
            proptest::option::of("[a-z]{1,3}"),
        )
            .prop_map(|(name, text, children, attribute)| {
                let attribute =
                    attribute.map_or_else(String::new, |value| format!(" k=\"{value}\""));
                format!("<{name}{attribute}>{text}{}</{name}>", children.concat())
            })
    })
}

/// The document with an attribute at one of its empty elements, and with another value of it.
fn planted(document: &str, at: usize) -> Option<(String, String)> {
    let places: Vec<usize> = document
        .match_indices("/>")
        .map(|(place, _)| place)
        .collect();
    let place = *places.get(at % places.len().max(1))?;
    let with = |text: &str| format!("{} v=\"{text}\"{}", &document[..place], &document[place..]);
    Some((with("1"), with("2")))
}

proptest! {
    #[test]
    fn a_document_is_itself_however_it_is_laid_out(document in any_xml()) {
        let commented = format!("<?xml version=\"1.0\"?>\n<!-- x -->{document}\n");
        prop_assert_eq!(differences(document.as_bytes(), commented.as_bytes()), Vec::<String>::new());
    }

    #[test]
    fn a_planted_change_is_found_at_its_place(document in any_xml(), at: usize) {
        let Some((old, new)) = planted(&document, at) else { return Ok(()) };
        let found = differences(old.as_bytes(), new.as_bytes());
        prop_assert!(!found.is_empty(), "{}", old);
        prop_assert!(found.iter().any(|found| found.contains("/@v Value 1|2") || found.contains("\"@v\"")), "{:?}", found);
    }
}
