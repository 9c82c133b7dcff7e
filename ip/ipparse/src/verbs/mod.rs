//! What each sub-command does: a file for each, named as it is, with its settings and `run`.

pub(crate) mod aggregate;
pub(crate) mod canonical;
pub(crate) mod check;
pub(crate) mod classify;
pub(crate) mod completions;
pub(crate) mod dedupe;
pub(crate) mod exclude;
pub(crate) mod filter;
pub(crate) mod hosts;
pub(crate) mod info;
pub(crate) mod intersect;
pub(crate) mod man;
pub(crate) mod range;
pub(crate) mod sort;
pub(crate) mod split;
pub(crate) mod subtract;
