//! What a text means, all together.

use audit_core::finding::Entry;

use crate::advice::{self, Advice};
use crate::mentioned::{Mentioned, finding_named};
use crate::next::{self, NextCommand};
use crate::pasted::Pasted;
use crate::sdk::{self, OldSdk};
use crate::symptom::Symptom;
use crate::symptoms;

/// What a text means.
#[derive(Debug)]
pub struct Explanation {
    /// The names in it.
    pub mentioned: Mentioned,
    /// The errors in it, what stops a pod first before the rest.
    pub symptoms: Vec<&'static Symptom>,
    /// Versions of SDKs in it that are older than the minimum.
    pub old_sdks: Vec<OldSdk>,
    /// Advice that is often given for it, or that the text itself gives, and that does not help.
    pub advice: Vec<&'static Advice>,
    /// The commands to run next.
    pub next: Vec<NextCommand>,
    /// Whether the text was longer than what was read.
    pub is_cut: bool,
}

impl Explanation {
    /// Whether anything was recognized that is worth saying.
    #[must_use]
    pub fn is_recognized(&self) -> bool {
        !self.symptoms.is_empty() || !self.advice.is_empty() || !self.mentioned.is_empty()
    }

    /// The findings that can be behind it, the likeliest first, each once.
    #[must_use]
    pub fn findings(&self) -> Vec<&'static Entry> {
        let mut entries: Vec<&'static Entry> = self.mentioned.findings.clone();
        let codes = self.symptoms.iter().flat_map(|symptom| symptom.codes);
        for entry in codes.filter_map(|code| finding_named(code)) {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        entries
    }
}

/// Explains a text. `program` is how this command line is called, `irsa-audit` or `kubectl irsa-audit`, for the commands to run next.
#[must_use]
pub fn explain(text: &str, program: &'static str) -> Explanation {
    let pasted = Pasted::read(text);
    let mentioned = Mentioned::read(&pasted);
    let old_sdks = sdk::old_in(&pasted.folded);
    let symptoms = symptoms::recognize(&pasted, &mentioned, &old_sdks);
    let mut ids = advice::given_in(&pasted.folded);
    ids.extend(symptoms.iter().flat_map(|symptom| symptom.advice));
    let next = next::commands(&mentioned, &symptoms, program);
    Explanation {
        advice: advice::all().filter(|advice| ids.contains(&advice.id)).collect(),
        mentioned,
        symptoms,
        old_sdks,
        next,
        is_cut: pasted.is_cut,
    }
}
