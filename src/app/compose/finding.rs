//! Where a text occurs in a line.
//!
//! Used by `sheet`. A place that is given must always begin a character.

/// The places of a text in a line, without regard to case.
pub(super) fn hits(line: &str, wanted: &str) -> Vec<usize> {
    if line.is_ascii() {
        let lower = line.to_ascii_lowercase();
        return lower.match_indices(wanted).map(|(at, _)| at).collect();
    }
    let starts = line.char_indices().map(|(at, _)| at);
    let is_hit = |at: &usize| {
        let rest = line.get(*at..).unwrap_or_default();
        let mut here = rest.chars().flat_map(char::to_lowercase);
        wanted.chars().all(|c| here.next() == Some(c))
    };
    starts.filter(is_hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_places_begin_characters() {
        assert_eq!(hits("Plan, plan", "plan"), [0, 6]);
        assert_eq!(hits("ÜBER über", "über"), [0, 6]);
        assert_eq!(hits("日本日本", "本日"), [3]);
        assert!(hits("", "x").is_empty());
    }
}
