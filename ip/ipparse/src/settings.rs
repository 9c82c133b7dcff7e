//! What the verbs are told: plain values, without a word about the command line. `cli` makes them.

use std::ffi::OsString;

use crate::field::Field;
use crate::item::To;
use crate::read::Style;

/// What is read, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Text, names of files, or `-`; nothing is standard input.
    pub(crate) input: Vec<OsString>,
    /// What lines and words mean, and where items are looked for.
    pub(crate) style: Style,
    /// The first invalid line ends it.
    pub(crate) strict: bool,
    /// Invalid lines, empty lines and comments are passed on.
    pub(crate) keep: bool,
    /// Invalid lines are not reported.
    pub(crate) quiet: bool,
    /// 0: as many as there are cores.
    pub(crate) threads: usize,
}

/// What is written of each item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Showing {
    pub(crate) to: To,
    pub(crate) json: bool,
    /// Empty: what the verb writes by default.
    pub(crate) columns: Vec<Field>,
}

/// Items that are read and written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    pub(crate) reading: Reading,
    pub(crate) showing: Showing,
}

/// The set that `--in` gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Text, several with commas, names of registered blocks, or names of files.
    pub(crate) values: Vec<OsString>,
    /// What lines of it mean.
    pub(crate) style: Style,
    /// What is wrong with it is reported, and the rest of it is taken for all.
    pub(crate) lenient: bool,
}

/// How a set is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SetForm {
    /// Ranges instead of networks.
    pub(crate) ranges: bool,
    /// A network of one address is written without its length.
    pub(crate) bare: bool,
}
