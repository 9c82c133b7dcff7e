//! The sub-commands. Each has a file with its name, which has its settings and `run`.

pub(crate) mod aggregate;
pub(crate) mod anonymize;
pub(crate) mod canonical;
pub(crate) mod check;
pub(crate) mod classify;
pub(crate) mod completions;
pub(crate) mod count;
pub(crate) mod dedupe;
pub(crate) mod diff;
pub(crate) mod exclude;
pub(crate) mod filter;
pub(crate) mod free;
pub(crate) mod hosts;
pub(crate) mod info;
pub(crate) mod intersect;
pub(crate) mod label;
pub(crate) mod man;
pub(crate) mod overlaps;
pub(crate) mod random;
pub(crate) mod range;
pub(crate) mod sort;
pub(crate) mod split;
pub(crate) mod subtract;
pub(crate) mod supernet;
