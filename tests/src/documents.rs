//! The code of the documents, compiled and run as documentation tests; and what must not compile.

/// The guide's chapters, the README, the page on soundness.
macro_rules! documents {
    ($($name:ident: $path:literal;)*) => {
        $(
            #[doc = include_str!(concat!("../../", $path))]
            pub mod $name {}
        )*

        /// The files above, for the test that none is forgotten.
        pub const FILES: &[&str] = &[$($path),*];
    };
}

documents! {
    readme: "README.md";
    soundness: "docs/soundness.md";
    start: "docs/guide/src/start.md";
    coming_from_std: "docs/guide/src/coming-from-std.md";
    sockets: "docs/guide/src/sockets.md";
    deadlines: "docs/guide/src/deadlines.md";
    processes: "docs/guide/src/processes.md";
    channels: "docs/guide/src/channels.md";
    names: "docs/guide/src/names.md";
    unix: "docs/guide/src/unix.md";
    tls: "docs/guide/src/tls.md";
    production: "docs/guide/src/production.md";
    existing_code: "docs/guide/src/existing-code.md";
    addresses: "docs/guide/src/addresses.md";
    ipparse: "docs/guide/src/ipparse.md";
    tuning: "docs/guide/src/tuning.md";
}

/// A process may only take what may go to another thread.
///
/// ```compile_fail,E0277
/// let local = std::rc::Rc::new(1);
/// std_net::process::spawn(move || *local);
/// ```
///
/// And only return such.
///
/// ```compile_fail,E0277
/// std_net::process::spawn(|| std::rc::Rc::new(1));
/// ```
///
/// It may not borrow; a scope is for that.
///
/// ```compile_fail,E0373
/// let text = String::new();
/// std_net::process::spawn(|| text.len());
/// ```
///
/// A scoped process may not borrow what does not outlive the scope.
///
/// ```compile_fail,E0597
/// std_net::process::scope(|s| {
///     let text = String::new();
///     s.spawn(|| text.len());
/// });
/// ```
///
/// Nor keep its scope for longer.
///
/// ```compile_fail
/// let mut kept = None;
/// std_net::process::scope(|s| kept = Some(s));
/// ```
///
/// A lent socket cannot be taken out of its stream.
///
/// ```compile_fail,E0507
/// fn take(stream: &std_net::socket::TcpStream) -> std_net::socket::Socket {
///     *stream.socket()
/// }
/// ```
pub mod must_not_compile {}
