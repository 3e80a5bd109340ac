//! What somebody may have meant by a name that is not known.

/// The candidate that `given` is most like: one that it begins, if there is any (the shortest), since who writes `user`
/// means `username` and not `url`; else the one with the fewest typing errors between them.
pub(super) fn nearest(given: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates.min_by_key(|candidate| {
        let is_begun = candidate.starts_with(given);
        (!is_begun, strsim::damerau_levenshtein(given, candidate))
    })
}
