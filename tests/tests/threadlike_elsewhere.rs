//! Where no process can be threadlike, does a program hear why, and does it go on without?

use std::io::ErrorKind;
use std::sync::Arc;

use std_net::process;
use std_net_tests::both;

/// This binary does not link `std_net_interpose`, so the answer is the same on every platform.
#[test]
#[cfg_attr(
    feature = "interpose",
    ignore = "with this feature every binary links the crate"
)]
fn without_the_crate_it_is_an_error_that_names_the_crate() {
    both(|| {
        let held = Arc::new(());
        let captured = Arc::clone(&held);
        let error = process::Builder::new()
            .threadlike(true)
            .spawn(move || drop(captured))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("std_net_interpose"), "{error}");
        // The closure is dropped, and an ordinary process begins as before.
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(process::spawn(|| 5).join().unwrap(), 5);
    });
}
