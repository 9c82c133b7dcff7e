//! The bytes of a file that a range means.

use std::io;
use std::ops::{Bound, RangeBounds};

/// The first offset of a range and its length in bytes. A range without an end goes to the end of the file.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) if the range begins above 2^63 - 1, the largest offset of the kernel.
pub fn file_range(range: impl RangeBounds<u64>) -> io::Result<(u64, u64)> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    if i64::try_from(start).is_err() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an offset beyond every file",
        ));
    }
    Ok((start, end.saturating_sub(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_every_kind() {
        assert_eq!(file_range(2..5).unwrap(), (2, 3));
        assert_eq!(file_range(2..=5).unwrap(), (2, 4));
        assert_eq!(file_range(..).unwrap(), (0, u64::MAX));
        assert_eq!(
            file_range((Bound::Excluded(2), Bound::Excluded(5))).unwrap(),
            (3, 2)
        );
        #[allow(clippy::reversed_empty_ranges, reason = "it is the test")]
        let reversed = file_range(5..2).unwrap();
        assert_eq!(reversed, (5, 0));
        let last = i64::MAX as u64;
        assert_eq!(file_range(last..).unwrap().0, last);
        for start in [last + 1, u64::MAX] {
            let error = file_range(start..).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
