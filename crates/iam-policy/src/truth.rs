//! Three-valued logic after Kleene.

use std::ops::{BitAnd, BitOr, Not};

/// True, false, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It hangs on something that is not known.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl BitAnd for Truth {
    type Output = Self;

    /// False wins over unknown: what cannot hold, cannot hold whatever the rest turns out to be.
    fn bitand(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }
}

impl BitOr for Truth {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        !(!self & !other)
    }
}

/// The conjunction of all; true of none. Stops at the first false.
pub(crate) fn all(items: impl IntoIterator<Item = Truth>) -> Truth {
    let mut result = Truth::True;
    for item in items {
        result = result & item;
        if result == Truth::False {
            break;
        }
    }
    result
}

/// The disjunction of all; false of none. Stops at the first true.
pub(crate) fn any(items: impl IntoIterator<Item = Truth>) -> Truth {
    let mut result = Truth::False;
    for item in items {
        result = result | item;
        if result == Truth::True {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};

    #[test]
    fn kleene_tables() {
        for (a, b, and, or) in [
            (True, True, True, True),
            (True, False, False, True),
            (False, False, False, False),
            (Unknown, True, Unknown, True),
            (Unknown, False, False, Unknown),
            (Unknown, Unknown, Unknown, Unknown),
        ] {
            assert_eq!((a & b, b & a), (and, and));
            assert_eq!((a | b, b | a), (or, or));
        }
        assert_eq!(!Unknown, Unknown);
        assert_eq!((super::all([]), super::any([])), (True, False));
    }
}
