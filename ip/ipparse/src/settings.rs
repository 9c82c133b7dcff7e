//! The settings of the verbs, as plain values without any knowledge of the command line. `cli` makes
//! them.

use std::ffi::OsString;

use crate::field::Field;
use crate::item::To;
use crate::read::Style;

/// What to read, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Texts, names of files, or `-`. If it is empty, standard input is read.
    pub(crate) input: Vec<OsString>,
    /// How lines and words are read, and where items are looked for.
    pub(crate) style: Style,
    /// The first invalid line ends the work.
    pub(crate) strict: bool,
    /// Invalid lines, empty lines and comments are passed on.
    pub(crate) keep: bool,
    /// Invalid lines are not reported.
    pub(crate) quiet: bool,
    /// How many threads work. With 0 there are as many as there are cores.
    pub(crate) threads: usize,
}

/// What is written of each item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Showing {
    pub(crate) to: To,
    pub(crate) json: bool,
    /// If this is empty, the default columns of the verb are written.
    pub(crate) columns: Vec<Field>,
}

/// The settings for items that are read and written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    pub(crate) reading: Reading,
    pub(crate) showing: Showing,
}

/// The set that `--in` gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Texts with commas between the items, names of registered blocks, or names of files.
    pub(crate) values: Vec<OsString>,
    /// How its lines are read.
    pub(crate) style: Style,
    /// A wrong part of the set is reported, and the rest is used as if it were all.
    pub(crate) lenient: bool,
}

/// How a set is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SetForm {
    /// Write ranges instead of networks.
    pub(crate) ranges: bool,
    /// Write a network of one address without its prefix length.
    pub(crate) bare: bool,
}
