//! Wildcard patterns: `*` for any run of characters, `?` for one.
//!
//! A pattern is cut at its stars. The first piece is anchored at the start of the text, the last at its end, and
//! each one between is sought from where the one before ended; taking the first place is always right, since a
//! star swallows whatever is skipped. So no text is looked at twice for the sake of an earlier choice: the cost is
//! linear, whatever the number of stars.

/// One element of a pattern before it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// This character.
    Char(char),
    /// `?`
    One,
    /// `*`
    Star,
}

/// The tokens of a pattern in which every `*` and `?` is a wildcard.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    text.chars().map(|c| match c {
        '*' => Token::Star,
        '?' => Token::One,
        c => Token::Char(c),
    })
}

/// What stands between two stars.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    /// With `?`, which are `None`.
    Holes(Box<[Option<char>]>),
}

/// A compiled wildcard pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    first: Piece,
    /// One for each star; empty if the pattern has none.
    rest: Vec<Piece>,
}

impl Pattern {
    /// Compiles a text in which every `*` and `?` is a wildcard.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::from_tokens(tokens(text))
    }

    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut pieces = Vec::new();
        let mut piece: Vec<Option<char>> = Vec::new();
        for token in tokens {
            match token {
                Token::Char(c) => piece.push(Some(c)),
                Token::One => piece.push(None),
                Token::Star => pieces.push(Piece::new(std::mem::take(&mut piece))),
            }
        }
        let last = Piece::new(piece);
        let mut pieces = pieces.into_iter().chain([last]);
        let first = pieces.next().unwrap_or(Piece::Literal("".into()));
        Self {
            first,
            rest: pieces.collect(),
        }
    }

    /// Whether the pattern matches the whole of `text`, by characters and case-sensitively.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some(mut text) = self.first.strip_from_start(text) else {
            return false;
        };
        let Some((last, middle)) = self.rest.split_last() else {
            return text.is_empty();
        };
        for piece in middle {
            match piece.skip_past(text) {
                Some(after) => text = after,
                None => return false,
            }
        }
        last.ends(text)
    }
}

impl Piece {
    fn new(characters: Vec<Option<char>>) -> Self {
        match characters.iter().copied().collect::<Option<String>>() {
            Some(literal) => Self::Literal(literal.into()),
            None => Self::Holes(characters.into()),
        }
    }

    fn strip_from_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => text.strip_prefix(&**literal),
            Self::Holes(holes) => {
                let mut rest = text.chars();
                holes
                    .iter()
                    .all(|hole| rest.next().is_some_and(|c| fits(*hole, c)))
                    .then_some(rest.as_str())
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => text.ends_with(&**literal),
            Self::Holes(holes) => {
                let mut rest = text.chars();
                holes
                    .iter()
                    .rev()
                    .all(|hole| rest.next_back().is_some_and(|c| fits(*hole, c)))
            }
        }
    }

    /// The text after the first place where the piece stands.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => {
                let at = text.find(&**literal)?;
                text.get(at + literal.len()..)
            }
            Self::Holes(holes) => skip_past_holes(holes, text),
        }
    }
}

fn fits(hole: Option<char>, c: char) -> bool {
    hole.is_none_or(|wanted| wanted == c)
}

/// The shift-and search: bit `i` of the state says that the first `i + 1` characters of the piece end here. One
/// step a character of text for pieces of up to 64 characters, one more for each further 64.
fn skip_past_holes<'t>(holes: &[Option<char>], text: &'t str) -> Option<&'t str> {
    let words = holes.len().div_ceil(64);
    let goal = 1_u64 << ((holes.len() + 63) % 64);
    let mut any = vec![0_u64; words];
    let mut masks: std::collections::HashMap<char, Vec<u64>> = std::collections::HashMap::new();
    for (at, hole) in holes.iter().enumerate() {
        let mask = match hole {
            Some(c) => masks.entry(*c).or_insert_with(|| vec![0; words]),
            None => &mut any,
        };
        if let Some(word) = mask.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
    let nothing = vec![0_u64; words];
    let mut state = vec![0_u64; words];
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let mask = masks.get(&c).unwrap_or(&nothing);
        let mut carry = 1;
        for ((word, mask), any) in state.iter_mut().zip(mask).zip(&any) {
            let shifted = (*word << 1) | carry;
            carry = *word >> 63;
            *word = shifted & (mask | any);
        }
        if state.last().is_some_and(|word| word & goal != 0) {
            return Some(rest.as_str());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_texts_by_character() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("?", "é", true),
            ("?", "", false),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("ab*ba", "aba", false),
            ("a?c", "abc", true),
            ("*a?c*", "xxabcxx", true),
            ("*a?c*", "xxabxx", false),
            ("*?*?*", "x", false),
            ("*?*?*", "xy", true),
            ("*ab?ab*x", "abaabcabx", true),
            ("a**b", "ab", true),
            ("A", "a", false),
            ("system:serviceaccount:*:app", "system:serviceaccount:x:app", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn long_pieces_with_holes_cross_word_boundaries() {
        for length in [63, 64, 65, 127, 128, 129, 200] {
            let piece = format!("{}?b", "a".repeat(length - 2));
            let pattern = Pattern::new(&format!("*{piece}*"));
            let hit = format!("xaa{}cbyy", "a".repeat(length - 2));
            let miss = format!("x{}cbyy", "a".repeat(length - 3));
            assert!(pattern.matches(&hit), "{length}");
            assert!(!pattern.matches(&miss), "{length}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let pattern = Pattern::new(&format!("{}b", "*a".repeat(2_000)));
        assert!(!pattern.matches(&"a".repeat(200_000)));
        let holes = Pattern::new(&format!("{}b", "*a?".repeat(500)));
        assert!(!holes.matches(&"a".repeat(20_000)));
    }
}
