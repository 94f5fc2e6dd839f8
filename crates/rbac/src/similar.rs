//! Words that are nearly the same.

use strsim::levenshtein;

/// The longest words that are compared letter by letter.
const LONGEST: usize = 64;

/// Whether somebody may have meant one word and written the other: another case, a plural, a slip or two.
pub(super) fn are_similar(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    // After two slips in a short word it is another one, as `pods` and `nodes` are.
    let most = if short < 6 { 1 } else { 2 };
    long <= LONGEST && long - short <= most && short > 1 && levenshtein(a, b) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_may_have_meant() {
        for (a, b, similar) in [
            ("Deployments", "deployments", true),
            ("pod", "pods", true),
            ("orders", "order", true),
            ("cart", "card", true),
            ("pods", "nodes", false),
            ("a", "b", false),
            ("secrets", "services", false),
        ] {
            assert_eq!(are_similar(a, b), similar, "{a} {b}");
        }
    }
}
