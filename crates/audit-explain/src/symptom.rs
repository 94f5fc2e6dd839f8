//! What an error means, and how it is recognized.

/// Fragments of a text, in lower case, that must all occur.
pub type Sign = &'static [&'static str];

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
    /// Not said where a symptom is recognized whose id begins with one of these: that one says more.
    pub hidden_by: &'static [&'static str],
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
        hidden_by: &[],
    };

    /// Whether a text in lower case has it.
    #[must_use]
    pub fn is_in(&self, folded: &str) -> bool {
        let has = |fragment: &&str| folded.contains(*fragment);
        self.signs.iter().any(|sign| sign.iter().all(has))
            && (self.and_any.is_empty() || self.and_any.iter().any(has))
    }
}
