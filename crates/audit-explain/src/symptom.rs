//! What an error means, and how it is recognized.

use std::borrow::Cow;

/// Fragments of a text, in lower case, that must all occur.
pub type Sign = &'static [&'static str];

/// Signs that errors of another kind have as well.
#[derive(Debug, PartialEq, Eq)]
pub struct WeakSigns {
    /// Any of these, each of which must occur in whole.
    pub signs: &'static [Sign],
    /// Of these fragments at least one must occur as well; empty for no such demand.
    pub and_any: &'static [&'static str],
    /// They do not count where a symptom is recognized by its own signs whose id begins with one of these.
    pub unless: &'static [&'static str],
}

/// One kind of error.
#[derive(Debug, PartialEq, Eq)]
pub struct Symptom {
    /// Stable and lower case with hyphens, `sts-audience`; the part before the first hyphen is the area.
    pub id: &'static str,
    /// What the error says, in one line.
    pub title: &'static str,
    /// What happened, and why.
    pub means: &'static str,
    /// The findings that can be behind it, the most frequent first.
    pub codes: &'static [&'static str],
    /// What to check where no finding explains it.
    pub checks: &'static [&'static str],
    /// The ids of [`crate::advice`] that people give for it and that does not help.
    pub advice: &'static [&'static str],
    /// It is recognized by any of these.
    pub signs: &'static [Sign],
    /// Of these fragments at least one must occur as well; empty for no such demand.
    pub and_any: &'static [&'static str],
    /// Phrases of other errors in which these fragments occur: they are taken out of the text before it is looked at.
    pub ignoring: &'static [&'static str],
    /// Signs that count only where nothing else explains them.
    pub weak: WeakSigns,
    /// Not said where a symptom is recognized whose id begins with one of these: that one says more.
    pub hidden_by: &'static [&'static str],
}

impl WeakSigns {
    /// None.
    pub(crate) const NONE: Self = Self {
        signs: &[],
        and_any: &[],
        unless: &[],
    };
}

impl Symptom {
    /// A symptom that says nothing: the base of the tables.
    pub(crate) const NONE: Self = Self {
        id: "",
        title: "",
        means: "",
        codes: &[],
        checks: &[],
        advice: &[],
        signs: &[],
        and_any: &[],
        ignoring: &[],
        weak: WeakSigns::NONE,
        hidden_by: &[],
    };

    /// Whether a text in lower case has it, by its own signs.
    #[must_use]
    pub fn is_in(&self, folded: &str) -> bool {
        occurs(self.signs, self.and_any, &self.without_ignored(folded))
    }

    /// Whether a text in lower case has one of its weak signs, of which `others` explain none.
    pub(crate) fn may_be_in(&self, folded: &str, others: &[&Self]) -> bool {
        let explains = |other: &&Self| {
            let is_one = |prefix: &&str| other.id.starts_with(*prefix);
            other.id != self.id && self.weak.unless.iter().any(is_one)
        };
        !others.iter().any(explains)
            && occurs(self.weak.signs, self.weak.and_any, &self.without_ignored(folded))
    }

    fn without_ignored<'a>(&self, folded: &'a str) -> Cow<'a, str> {
        let phrases = self.ignoring.iter().filter(|phrase| folded.contains(**phrase));
        phrases.fold(Cow::Borrowed(folded), |text, phrase| {
            Cow::Owned(text.replace(phrase, " "))
        })
    }
}

/// Whether one of the signs occurs, and one of the fragments that must be beside it.
fn occurs(signs: &[Sign], and_any: &[&str], folded: &str) -> bool {
    let has = |fragment: &&str| folded.contains(*fragment);
    signs.iter().any(|sign| sign.iter().all(has)) && (and_any.is_empty() || and_any.iter().any(has))
}
