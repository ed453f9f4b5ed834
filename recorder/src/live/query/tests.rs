use schema::live::Position;

use super::*;

#[test]
fn everything_from_now_on_is_the_default() {
    for text in [None, Some(""), Some("from=now")] {
        let query = Query::parse(text).unwrap();
        assert_eq!(query.start, Start::Now);
        assert_eq!(query.columns, Columns::default());
        assert!(query.filter.paths.is_empty() && query.filter.sample.is_none());
    }
}

#[test]
fn parameters_are_the_replayers_filters() {
    let text = "columns=path,status&method=GET&method=post&host=*.shop&path=/api/**&exclude-path=%2Fapi%2Fhealth\
                &status=5xx&header=user-agent%3D*bot*&sample=10%25&sample-by=cookie:sid&after=00000000000000ab-3-17";
    let query = Query::parse(Some(text)).unwrap();
    let filter = query.filter;
    assert_eq!(filter.methods, ["GET", "post"]);
    assert!(filter.hosts[0].matches("A.shop") && filter.paths[0].matches("/api/x/y"));
    assert!(filter.excluded_paths[0].matches("/api/health"));
    assert!(filter.statuses[0].contains(503));
    assert_eq!(filter.headers[0].to_string(), "user-agent=*bot*");
    assert_eq!(filter.sample.unwrap().to_string(), "0.1 by cookie:sid");
    let position = Position {
        spool: 0xab,
        generation: 3,
        row: 17,
    };
    assert_eq!(query.start, Start::After(position));
    assert_eq!(query.columns, "path,status".parse().unwrap());
}

#[test]
fn a_mistake_is_named() {
    let table = [
        ("colour=red", "colour: there are columns"),
        ("columns=path,colour", "columns: `colour` is no column"),
        ("status=40x", "status: `40x` is not a status"),
        ("path=%2F%5B", "path: `/[` is not a glob"),
        ("header=x", "header: `x` is not NAME=GLOB"),
        ("after=now", "after: `now` is no position"),
        ("from=yesterday", "from: it is `now` or `oldest`"),
        ("from=now&after=1-2-3", "from: give it or `after`"),
        ("sample=2", "sample: "),
    ];
    for (text, message) in table {
        let error = Query::parse(Some(text)).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}
