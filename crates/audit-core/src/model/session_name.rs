//! The name of a session in STS.
//!
//! Source: STS API reference, `RoleSessionName` of `AssumeRoleWithWebIdentity`,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.

use std::ops::RangeInclusive;

/// How many characters a name may have.
pub const SESSION_NAME_LENGTH: RangeInclusive<usize> = 2..=64;

/// Whether STS accepts a name: 2 to 64 characters of `[\w+=,.@-]`.
#[must_use]
pub fn is_session_name(name: &str) -> bool {
    SESSION_NAME_LENGTH.contains(&name.len()) && name.chars().all(is_of_session_name)
}

/// Whether a character may be in a name.
#[must_use]
pub fn is_of_session_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_as_sts_does() {
        let long = "x".repeat(64);
        for name in ["ab", "cart", "cart_1", "A+b=c,d.e@f-g", &long] {
            assert!(is_session_name(name), "{name}");
        }
        let longer = "x".repeat(65);
        for name in [
            "",
            "a",
            "cart api",
            "shop/cart",
            "cart:1",
            "cart\n",
            " cart",
            "kärt",
            &longer,
        ] {
            assert!(!is_session_name(name), "{name}");
        }
    }
}
