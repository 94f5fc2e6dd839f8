//! Condition operators: a test, possibly `IfExists`, possibly over a set of values.
//!
//! Source: IAM User Guide, condition operators,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.

use std::fmt;

/// How an operator treats a key with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantifier {
    /// No prefix: the key has one value. A key with several does not match.
    Single,
    /// `ForAllValues:`: every value of the request passes; true of a missing or empty key.
    ForAllValues,
    /// `ForAnyValue:`: some value of the request passes; false of a missing key, even with `IfExists`.
    ForAnyValue,
}

/// What kind of value a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Text,
    TextIgnoringCase,
    Pattern,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

/// How the request's value must stand to the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(crate) fn holds(self, got_to_wanted: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => got_to_wanted.is_eq(),
            Self::Less => got_to_wanted.is_lt(),
            Self::LessOrEqual => got_to_wanted.is_le(),
            Self::Greater => got_to_wanted.is_gt(),
            Self::GreaterOrEqual => got_to_wanted.is_ge(),
        }
    }
}

macro_rules! tests {
    ($($name:ident $negated:literal $family:expr;)*) => {
        /// What an operator tests, without prefix and suffix. The names are those of the IAM User Guide,
        /// "Condition operators".
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // The variants are the operators themselves; AWS documents each.
        pub enum Test { $($name),* }

        impl Test {
            /// Every test there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in a policy.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// Reads a name. IAM compares them case-sensitively (`Invalid Condition type : stringEquals`).
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }

            /// Whether it is the complement of another test: none of several values may match, and a missing
            /// key passes.
            #[must_use]
            pub fn is_negated(self) -> bool {
                match self { $(Self::$name => $negated),* }
            }

            pub(crate) fn family(self) -> Family {
                match self { $(Self::$name => $family),* }
            }
        }
    };
}

tests! {
    StringEquals false Family::Text;
    StringNotEquals true Family::Text;
    StringEqualsIgnoreCase false Family::TextIgnoringCase;
    StringNotEqualsIgnoreCase true Family::TextIgnoringCase;
    StringLike false Family::Pattern;
    StringNotLike true Family::Pattern;
    NumericEquals false Family::Number(Order::Equal);
    NumericNotEquals true Family::Number(Order::Equal);
    NumericLessThan false Family::Number(Order::Less);
    NumericLessThanEquals false Family::Number(Order::LessOrEqual);
    NumericGreaterThan false Family::Number(Order::Greater);
    NumericGreaterThanEquals false Family::Number(Order::GreaterOrEqual);
    DateEquals false Family::Date(Order::Equal);
    DateNotEquals true Family::Date(Order::Equal);
    DateLessThan false Family::Date(Order::Less);
    DateLessThanEquals false Family::Date(Order::LessOrEqual);
    DateGreaterThan false Family::Date(Order::Greater);
    DateGreaterThanEquals false Family::Date(Order::GreaterOrEqual);
    Bool false Family::Bool;
    BinaryEquals false Family::Binary;
    IpAddress false Family::Address;
    NotIpAddress true Family::Address;
    ArnEquals false Family::Arn;
    ArnLike false Family::Arn;
    ArnNotEquals true Family::Arn;
    ArnNotLike true Family::Arn;
    Null false Family::Null;
}

/// A condition operator as it stands in a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operator {
    /// The prefix.
    pub quantifier: Quantifier,
    /// The test.
    pub test: Test,
    /// Whether a missing key passes. Never with [`Test::Null`].
    pub if_exists: bool,
}

impl Operator {
    /// Reads an operator; `None` if IAM has none of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = text.strip_prefix("ForAllValues:") {
            (Quantifier::ForAllValues, rest)
        } else if let Some(rest) = text.strip_prefix("ForAnyValue:") {
            (Quantifier::ForAnyValue, rest)
        } else {
            (Quantifier::Single, text)
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = Test::parse(name)?;
        // The User Guide: IfExists goes with every operator except Null.
        (!(if_exists && test == Test::Null)).then_some(Self {
            quantifier,
            test,
            if_exists,
        })
    }

    /// Whether the operator compares text and passes only what one of its values names.
    #[must_use]
    pub fn is_positive_text(self) -> bool {
        !self.test.is_negated()
            && matches!(
                self.test.family(),
                Family::Text | Family::TextIgnoringCase | Family::Pattern
            )
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::Single => "",
            Quantifier::ForAllValues => "ForAllValues:",
            Quantifier::ForAnyValue => "ForAnyValue:",
        })?;
        f.write_str(self.test.name())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_prints_back() {
        for test in Test::ALL {
            for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
                for suffix in ["", "IfExists"] {
                    let text = format!("{prefix}{}{suffix}", test.name());
                    match Operator::parse(&text) {
                        Some(operator) => assert_eq!(operator.to_string(), text),
                        None => assert_eq!((*test, suffix), (Test::Null, "IfExists")),
                    }
                }
            }
        }
    }

    #[test]
    fn other_names_and_other_case_are_no_operators() {
        for text in [
            "stringEquals",
            "StringEqual",
            "ForAnyValues:StringEquals",
            "",
            "IfExists",
            "StringEqualsifexists",
        ] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
    }
}
