use super::*;

#[test]
fn fields_of_a_page_by_name() {
    let page = r#"<!doctype html><p>a < b</p><meta name="csrf-token" content="m1" /><form>
        <input type=hidden name=_token value=t1><INPUT VALUE='q&quot;&#x2B;&amp;&#61;' NAME='odd'/>
        <input name="_token"
               value="t2"><input name="empty"><input value="nameless"><br/><a href="/x">y</a></form><input name="cut" value="x"#;
    let found = named_values(page);
    assert_eq!(found["csrf-token"], ["m1"]);
    assert_eq!(found["_token"], ["t1", "t2"]);
    assert_eq!(found["odd"], ["q\"+&="]);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn random_words_by_what_is_before_them() {
    let page = "var token = '9f86d081884c7d659a2feaa0c55ad015'; var name = 'chair'; id=3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let found = random_words(page);
    assert_eq!(
        found[&b"var token = '"[..]],
        ["9f86d081884c7d659a2feaa0c55ad015"]
    );
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn any_text_comes_to_an_end() {
    for text in [
        "<",
        "<a",
        "<a =",
        "<a ==>",
        "<a b='",
        "<<<>>>",
        "<\u{e9} a=b>",
        "<a \u{e9}=\u{e9}>",
        "<a / / b",
        "&#xffffffff;<a name=&#; value=&>",
    ] {
        let _found = named_values(text);
        let _words = random_words(text);
    }
}
