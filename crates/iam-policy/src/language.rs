//! Patterns as sets of texts: whether one holds another, and whether two have a text in common.

use crate::pattern::Token;

/// The same pattern with each run of wildcards in one order, `?` before a single `*`.
pub(crate) fn canonical(tokens: impl IntoIterator<Item = Token>) -> Vec<Token> {
    let mut result = Vec::new();
    let mut star = false;
    for token in tokens {
        match token {
            Token::Star => star = true,
            Token::One => result.push(token),
            Token::Char(_) => {
                if std::mem::take(&mut star) {
                    result.push(Token::Star);
                }
                result.push(token);
            }
        }
    }
    if star {
        result.push(Token::Star);
    }
    result
}

/// Whether the canonical pattern `wide` matches all that the canonical pattern `narrow` matches.
///
/// `narrow` is read as if it were a text over an alphabet with two more letters: its `?` is a character that no
/// literal equals, its `*` a run of them that only a `*` can swallow. Since there is always a character that
/// `wide` does not name, nothing less will do. Never wrong when it says yes; it may miss that a `?` beside a `*` of `wide`
/// is met by what stands beside a `*` of `narrow`, as in `?*` and `*a`.
pub(crate) fn covers(mut wide: &[Token], mut narrow: &[Token]) -> bool {
    // What stands before the first star and behind the last one meets one letter each: long names take no time but their own length.
    while let (Some((token, others)), Some((letter, rest))) = (wide.split_first(), narrow.split_first()) {
        if *token == Token::Star {
            break;
        }
        if !meets(*token, *letter) {
            return false;
        }
        (wide, narrow) = (others, rest);
    }
    while let (Some((token, others)), Some((letter, rest))) = (wide.split_last(), narrow.split_last()) {
        if *token == Token::Star {
            break;
        }
        if !meets(*token, *letter) {
            return false;
        }
        (wide, narrow) = (others, rest);
    }
    // reached[i]: the first i tokens of `wide` have matched what was read of `narrow`.
    let mut reached = vec![false; wide.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    spread(wide, &mut reached);
    for letter in narrow {
        let mut next = vec![false; wide.len() + 1];
        for (at, token) in wide.iter().enumerate() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            let to = match (token, letter) {
                (Token::Star, _) => at,
                (token, letter) if meets(*token, *letter) => at + 1,
                _ => continue,
            };
            if let Some(cell) = next.get_mut(to) {
                *cell = true;
            }
        }
        spread(wide, &mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Whether a token that is no star matches a letter.
fn meets(token: Token, letter: Token) -> bool {
    match (token, letter) {
        (Token::One, Token::One | Token::Char(_)) => true,
        (Token::Char(a), Token::Char(b)) => a == b,
        _ => false,
    }
}

/// A star may match nothing.
fn spread(tokens: &[Token], reached: &mut [bool]) {
    let mut before = false;
    for (at, cell) in reached.iter_mut().enumerate() {
        let star_before = at.checked_sub(1).and_then(|at| tokens.get(at)) == Some(&Token::Star);
        *cell |= before && star_before;
        before = *cell;
    }
}

/// Whether any text is matched by both patterns.
pub(crate) fn intersect(a: &[Token], b: &[Token]) -> bool {
    // reached[j]: some text is matched by the tokens of `a` so far and by the first j of `b`.
    let mut reached: Vec<bool> = Vec::with_capacity(b.len() + 1);
    reached.push(true);
    for token in b {
        let before = reached.last() == Some(&true);
        reached.push(before && *token == Token::Star);
    }
    for ours in a {
        let mut next = vec![false; b.len() + 1];
        let is_star = *ours == Token::Star;
        if let Some(first) = next.first_mut() {
            *first = is_star && reached.first() == Some(&true);
        }
        for (at, theirs) in b.iter().enumerate() {
            let above = reached.get(at + 1) == Some(&true);
            let beside = next.get(at) == Some(&true);
            let diagonal = reached.get(at) == Some(&true);
            let both = match (ours, theirs) {
                (Token::Star, _) | (_, Token::Star) => above || beside,
                (Token::Char(x), Token::Char(y)) => diagonal && x == y,
                (Token::One, _) | (_, Token::One) => diagonal,
            };
            if let Some(cell) = next.get_mut(at + 1) {
                *cell = both;
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::{Pattern, tokens};

    fn language(text: &str) -> Vec<Token> {
        canonical(tokens(text))
    }

    #[test]
    fn patterns_intersect_where_a_text_fits_both() {
        for (a, b, expected) in [
            ("", "", true),
            ("", "*", true),
            ("", "?", false),
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("a?c", "ab*", true),
            ("a?", "a", false),
            ("*a*", "b", false),
            ("*a*", "b*b", true),
            ("s3:Get*", "s3:*Acl", true),
            ("s3:Get*", "s3:Put*", false),
            ("*?", "", false),
        ] {
            assert_eq!(intersect(&language(a), &language(b)), expected, "{a} {b}");
            assert_eq!(intersect(&language(b), &language(a)), expected, "{b} {a}");
        }
    }

    /// Every text of up to four letters over an alphabet with a letter that no pattern names.
    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..5 {
            last = last
                .iter()
                .flat_map(|text| ['a', 'b', 'z'].map(|c| format!("{text}{c}")))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    proptest! {
        #[test]
        fn sets_are_compared_as_their_texts_are(a in "[ab*?]{0,3}", b in "[ab*?]{0,3}") {
            let (x, y) = (Pattern::new(&a), Pattern::new(&b));
            let (ours, theirs) = (language(&a), language(&b));
            let texts = texts();
            let both = texts.iter().any(|text| x.matches(text) && y.matches(text));
            prop_assert_eq!(intersect(&ours, &theirs), both, "{} {}", a, b);
            let within = texts.iter().all(|text| !y.matches(text) || x.matches(text));
            prop_assert!(within || !covers(&ours, &theirs), "{} {}", a, b);
            prop_assert!(a.contains('?') || covers(&ours, &theirs) == within, "{} {}", a, b);
        }
    }
}
