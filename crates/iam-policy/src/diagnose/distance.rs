//! Edit distance, to tell a near miss from a far one.

/// Longer texts are compared by their beginnings only: they are no names of anything.
const COMPARED: usize = 512;

/// The least number of characters to insert, delete or replace to make `a` of `b` (Levenshtein).
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    strsim::levenshtein(beginning(a), beginning(b))
}

fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(COMPARED).map(|(at, _)| at);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn counts_edits() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(a, b), expected);
            assert_eq!(distance(b, a), expected);
        }
    }
}
