//! Decimal numbers of any size, compared without rounding.
//!
//! Source: IAM User Guide, numeric condition operators,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Numeric>.

use std::cmp::Ordering;

/// A decimal number as written.
pub(crate) struct Decimal<'t> {
    negative: bool,
    /// Digits before and after the point, the first without leading zeros.
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

impl<'t> Decimal<'t> {
    /// Reads an optional sign, digits with an optional fraction, and an optional exponent.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, integer_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        is_digits(whole).then(|| Self {
            negative,
            whole: whole.trim_start_matches('0'),
            fraction,
            exponent,
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole
            .bytes()
            .chain(self.fraction.bytes())
            .skip_while(|digit| *digit == b'0')
    }

    /// The power of ten of the first digit that is not zero; `None` for zero.
    fn magnitude(&self) -> Option<i64> {
        let zeros = self.fraction.bytes().take_while(|digit| *digit == b'0').count();
        let places = match (self.whole.len(), zeros) {
            (0, zeros) if zeros == self.fraction.len() => return None,
            (0, zeros) => -i64::try_from(zeros).ok()?,
            (digits, _) => i64::try_from(digits).ok()?,
        };
        Some(places.saturating_add(self.exponent))
    }

    pub(crate) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let (a, b) = (self.magnitude(), other.magnitude());
        let sign = |magnitude: Option<i64>, negative: bool| match (magnitude, negative) {
            (None, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let (sign_a, sign_b) = (sign(a, self.negative), sign(b, other.negative));
        if sign_a != sign_b || sign_a == 0 {
            return sign_a.cmp(&sign_b);
        }
        let absolute = a.cmp(&b).then_with(|| {
            let count = self.digits().count().max(other.digits().count());
            let padded = |number: &Decimal<'_>| -> Vec<u8> {
                number
                    .digits()
                    .chain(std::iter::repeat(b'0'))
                    .take(count)
                    .collect()
            };
            padded(self).cmp(&padded(other))
        });
        if self.negative {
            absolute.reverse()
        } else {
            absolute
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn integer_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !is_digits(digits) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(a: &str, b: &str) -> Option<Ordering> {
        Some(Decimal::parse(a)?.compare(&Decimal::parse(b)?))
    }

    #[test]
    fn compares_exactly() {
        for (a, b, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("0", "-0.00", Ordering::Equal),
            ("10", "9", Ordering::Greater),
            ("-10", "-9", Ordering::Less),
            ("-1", "1", Ordering::Less),
            ("0.1", "0.09", Ordering::Greater),
            ("1e3", "1000", Ordering::Equal),
            ("1.5E-2", "0.015", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("00012", "12", Ordering::Equal),
            ("1.10", "1.1", Ordering::Equal),
            ("1.01", "1.1", Ordering::Less),
            ("+5", "5", Ordering::Equal),
            ("1e999999999999", "1", Ordering::Greater),
        ] {
            assert_eq!(compare(a, b), Some(expected), "{a} {b}");
            assert_eq!(compare(b, a), Some(expected.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            " 1",
            "1 ",
            "١",
            "NaN",
            "1.2.3",
            "1e99999999999999999999",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }
}
