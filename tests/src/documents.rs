//! The code of the documents, which is compiled and run as documentation tests, and code that must not compile.

/// The chapters of the guide, the README, and the page about soundness.
macro_rules! documents {
    ($($name:ident: $path:literal;)*) => {
        $(
            // The programs are whole, so that they can be copied from the page.
            #[allow(clippy::needless_doctest_main)]
            #[doc = include_str!(concat!("../../", $path))]
            pub mod $name {}
        )*

        /// The files above, for the test that no file is missing.
        pub const FILES: &[&str] = &[$($path),*];
    };
}

documents! {
    readme: "README.md";
    soundness: "docs/soundness.md";
    start: "docs/guide/src/start.md";
    coming_from_std: "docs/guide/src/coming-from-std.md";
    coming_from: "docs/guide/src/coming-from.md";
    compare: "docs/guide/src/compare.md";
    sockets: "docs/guide/src/sockets.md";
    deadlines: "docs/guide/src/deadlines.md";
    processes: "docs/guide/src/processes.md";
    channels: "docs/guide/src/channels.md";
    names: "docs/guide/src/names.md";
    unix: "docs/guide/src/unix.md";
    tls: "docs/guide/src/tls.md";
    production: "docs/guide/src/production.md";
    http: "docs/guide/src/http.md";
    existing_code: "docs/guide/src/existing-code.md";
    addresses: "docs/guide/src/addresses.md";
    ipparse: "docs/guide/src/ipparse.md";
    cookbook: "docs/guide/src/cookbook.md";
    tuning: "docs/guide/src/tuning.md";
}

/// A process may capture only values that may move to another thread.
///
/// ```compile_fail,E0277
/// let local = std::rc::Rc::new(1);
/// std_net::process::spawn(move || *local);
/// ```
///
/// Its result must also be such a value.
///
/// ```compile_fail,E0277
/// std_net::process::spawn(|| std::rc::Rc::new(1));
/// ```
///
/// It may not borrow. A scope is for that.
///
/// ```compile_fail,E0373
/// let text = String::new();
/// std_net::process::spawn(|| text.len());
/// ```
///
/// A scoped process may not borrow a value that ends before the scope.
///
/// ```compile_fail,E0597
/// std_net::process::scope(|s| {
///     let text = String::new();
///     s.spawn(|| text.len());
/// });
/// ```
///
/// It may not keep its scope after the end of the scope.
///
/// ```compile_fail
/// let mut kept = None;
/// std_net::process::scope(|s| kept = Some(s));
/// ```
///
/// A borrowed socket cannot be moved out of its stream.
///
/// ```compile_fail,E0507
/// fn take(stream: &std_net::socket::TcpStream) -> std_net::socket::Socket {
///     *stream.socket()
/// }
/// ```
pub mod must_not_compile {}
