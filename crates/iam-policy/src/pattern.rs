//! Wildcard patterns: `*` for any run of characters, `?` for one.
//!
//! A pattern is cut at its stars. The first piece is anchored at the start of the text, the last at its end, and
//! each one between is sought from where the one before ended; taking the first place is always right, since a
//! star swallows whatever is skipped. So no text is looked at twice for the sake of an earlier choice: the cost is
//! linear, whatever the number of stars.
//!
//! Nothing is compiled: most patterns of most policies are never asked.
//!
//! Source: IAM User Guide, string condition operators: `StringLike` takes `*` and `?`,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String>.

/// One element of a pattern.
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

/// A wildcard pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    /// Where a `*` or `?` of the text is no wildcard, in order.
    literal: Box<[usize]>,
}

impl Pattern {
    /// A text in which every `*` and `?` is a wildcard.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            literal: Box::default(),
        }
    }

    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut text = String::new();
        let mut literal = Vec::new();
        for token in tokens {
            match token {
                Token::Char(c) => {
                    if matches!(c, '*' | '?') {
                        literal.push(text.len());
                    }
                    text.push(c);
                }
                Token::One => text.push('?'),
                Token::Star => text.push('*'),
            }
        }
        Self {
            text: text.into(),
            literal: literal.into(),
        }
    }

    /// Whether the pattern matches the whole of `text`, by characters and case-sensitively.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.glob().matches(text)
    }

    pub(crate) fn glob(&self) -> Glob<'_> {
        Glob {
            text: &self.text,
            start: 0,
            literal: &self.literal,
        }
    }
}

/// A pattern, or a part of one, that belongs to somebody else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glob<'p> {
    text: &'p str,
    /// Where the part begins in the whole.
    start: usize,
    /// As in [`Pattern`], for the whole.
    literal: &'p [usize],
}

impl<'p> Glob<'p> {
    /// A text in which every `*` and `?` is a wildcard.
    pub(crate) fn written(text: &'p str) -> Self {
        Self {
            text,
            start: 0,
            literal: &[],
        }
    }

    /// The part before the first `delimiter`, and what follows it. A wildcard is no delimiter.
    pub(crate) fn split_once(self, delimiter: char) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(delimiter)?;
        let rest = Self {
            text: after,
            start: self.start + before.len() + delimiter.len_utf8(),
            ..self
        };
        Some((Self { text: before, ..self }, rest))
    }

    /// The part before the first `delimiter`, or all of it.
    pub(crate) fn up_to(self, delimiter: char) -> Self {
        self.split_once(delimiter).map_or(self, |(before, _)| before)
    }

    /// Whether it is exactly this text, without wildcards.
    pub(crate) fn is(self, text: &str) -> bool {
        self.text == text && !self.has_wildcards()
    }

    pub(crate) fn has_wildcards(self) -> bool {
        let mut wildcards = self.text.match_indices(['*', '?']);
        wildcards.any(|(at, _)| self.is_wildcard(at))
    }

    /// Whether its last character is the wildcard `*`.
    pub(crate) fn ends_in_star(self) -> bool {
        self.text.ends_with('*') && self.is_wildcard(self.text.len() - 1)
    }

    /// Whether it matches the whole of `text`.
    pub(crate) fn matches(self, text: &str) -> bool {
        let (first, mut rest) = self.up_to_star();
        let Some(mut text) = first.strip_from_start(text) else {
            return false;
        };
        while let Some(after_star) = rest {
            let (piece, next) = after_star.up_to_star();
            if next.is_none() {
                return piece.ends(text);
            }
            match piece.skip_past(text) {
                Some(after) => text = after,
                None => return false,
            }
            rest = next;
        }
        text.is_empty()
    }

    /// The piece before the first star, and what follows that star.
    fn up_to_star(self) -> (Self, Option<Self>) {
        let mut stars = self.text.match_indices('*').map(|(at, _)| at);
        let Some(star) = stars.find(|at| self.is_wildcard(*at)) else {
            return (self, None);
        };
        let part = |text, start| Self { text, start, ..self };
        let (before, after) = (self.text.get(..star), self.text.get(star + 1..));
        (
            part(before.unwrap_or_default(), self.start),
            Some(part(after.unwrap_or_default(), self.start + star + 1)),
        )
    }

    /// Whether the `*` or `?` at this place of the part is one.
    fn is_wildcard(self, at: usize) -> bool {
        self.literal.is_empty() || self.literal.binary_search(&(self.start + at)).is_err()
    }

    fn has_holes(self) -> bool {
        self.text.contains('?')
    }

    /// The characters of a piece; `None` for each `?`.
    fn holes(self) -> impl DoubleEndedIterator<Item = Option<char>> + 'p {
        let characters = self.text.char_indices();
        characters.map(move |(at, c)| (c != '?' || !self.is_wildcard(at)).then_some(c))
    }

    fn strip_from_start(self, text: &str) -> Option<&str> {
        if !self.has_holes() {
            return text.strip_prefix(self.text);
        }
        let mut rest = text.chars();
        self.holes()
            .all(|hole| rest.next().is_some_and(|c| fits(hole, c)))
            .then_some(rest.as_str())
    }

    fn ends(self, text: &str) -> bool {
        if !self.has_holes() {
            return text.ends_with(self.text);
        }
        let mut rest = text.chars();
        let mut holes = self.holes().rev();
        holes.all(|hole| rest.next_back().is_some_and(|c| fits(hole, c)))
    }

    /// The text after the first place where the piece stands.
    fn skip_past(self, text: &str) -> Option<&str> {
        if self.has_holes() {
            return skip_past_holes(&self.holes().collect::<Vec<_>>(), text);
        }
        let at = text.find(self.text)?;
        text.get(at + self.text.len()..)
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
