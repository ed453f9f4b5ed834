use super::*;
use crate::testing::{exchange, options, seal};
use crate::{SegmentBuilder, SegmentNumbers};

#[test]
fn a_footer_is_read_from_the_end() {
    let mut replaces = SegmentNumbers::default();
    replaces.insert("gw-1", 3, 5);
    let mut builder = SegmentBuilder::new(options()).replacing(replaces.clone());
    for number in 0..10 {
        builder.push(exchange(number, number)).unwrap();
    }
    let file = builder.seal(0).unwrap().unwrap().bytes;
    let FooterStep::NeedsTail(needed) =
        read_footer(&file.slice(file.len() - 20..), &Keyring::default()).unwrap()
    else {
        panic!("20 bytes are no footer");
    };
    let needed = usize::try_from(needed).unwrap();
    for tail in [file.slice(file.len() - needed..), file] {
        let FooterStep::Footer(footer) = read_footer(&tail, &Keyring::default()).unwrap() else {
            panic!("the footer is there");
        };
        assert_eq!((footer.rows, footer.format), (10, (1, 6)));
        assert_eq!(footer.spool.as_deref(), Some("spool-1"));
        assert_eq!(footer.replaces, replaces);
    }
}

#[test]
fn what_is_no_footer_is_an_error() {
    let file = seal([exchange(0, 0)]).bytes;
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"PAR1"),
        file.slice(..file.len() - 1),
    ] {
        assert!(read_footer(&bytes, &Keyring::default()).is_err());
    }
}
