//! The forms of lists. A strict text has the same meaning whatever forms are allowed. An entry that was
//! read can be written, and its text can be read strictly. The rest of a row is the end of its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std_net_ip::forms::{self, Entry, Forms};
use std_net_ip::{net, range, reverse};

fuzz_target!(|bytes: &[u8]| {
    let strict = net::parse(bytes).map(Entry::Net).ok();
    let strict = strict.or(std_net_ip::parse(bytes).map(Entry::Addr).ok());
    let strict = strict.or(range::parse(bytes).map(Entry::Range).ok());
    assert_eq!(forms::parse(bytes, Forms::STRICT).ok(), strict);
    let each = Forms::names().map(|(_, form)| form);
    for forms in each.chain([Forms::LISTS, Forms::LISTS | Forms::NUMBERS]) {
        match forms::parse(bytes, forms) {
            Ok(entry) => {
                assert!(strict.is_none_or(|strict| strict == entry));
                assert_eq!(forms::parse(entry.to_string(), Forms::STRICT), Ok(entry));
            }
            Err(error) => assert!(strict.is_none() && error.position() <= bytes.len()),
        }
        if let Ok(row) = forms::parse_row(bytes, forms) {
            assert!(bytes.ends_with(row.rest));
        }
    }
    if let Ok(addr) = reverse::parse(bytes) {
        assert_eq!(reverse::parse_net(bytes), Ok(net::single(addr)));
    }
    let _ = (forms::refang(bytes), reverse::parse_net(bytes));
});
