//! A repair, in its first form.

use crate::alternative::{Alternative, Form};
use crate::repaired::Repaired;
use crate::shell;
use crate::text::quote;

/// Where a fix is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixKind {
    /// A shell with the AWS CLI (and `jq`), with credentials of the role's account.
    AwsCli,
    /// A shell with `kubectl`.
    Kubectl,
    /// Nowhere: a step for a person to take.
    Manual,
}

impl FixKind {
    /// The word used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsCli => "aws",
            Self::Kubectl => "kubectl",
            Self::Manual => "manual",
        }
    }
}

/// A fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Where it is pasted.
    pub kind: FixKind,
    /// The command, or what to do.
    pub text: String,
    /// The same in words, for where the command is too long.
    pub brief: Option<String>,
    /// The same repair in other forms, in the order of [`Form`](crate::Form).
    pub alternatives: Vec<Alternative>,
    /// What must follow before the repair shows: pods that exist keep what they were created with.
    pub then: Option<Box<Fix>>,
    /// What has to be asked of someone before it is carried out.
    pub asks: Option<String>,
    /// What it does, as far as the audit can go on from there.
    pub repairs: Vec<Repaired>,
}

impl Fix {
    pub(crate) fn new(kind: FixKind, text: String) -> Self {
        Self {
            kind,
            text,
            brief: None,
            alternatives: Vec::new(),
            then: None,
            asks: None,
            repairs: Vec::new(),
        }
    }

    /// A step for a person.
    #[must_use]
    pub fn manual(text: impl Into<String>) -> Self {
        Self::new(FixKind::Manual, text.into())
    }

    /// A command line for the AWS CLI; a step for a person where a word holds characters that a terminal hides.
    #[must_use]
    pub fn aws(words: &[&str]) -> Self {
        Self::command(FixKind::AwsCli, "aws", words)
    }

    /// A command line for kubectl; a step for a person where a word holds characters that a terminal hides.
    #[must_use]
    pub fn kubectl(words: &[&str]) -> Self {
        Self::command(FixKind::Kubectl, "kubectl", words)
    }

    fn command(kind: FixKind, program: &str, words: &[&str]) -> Self {
        if words.iter().all(|word| shell::is_pasteable(word)) {
            return Self::new(kind, shell::line(program, words));
        }
        let shown: Vec<String> = words.iter().map(|word| quote(word)).collect();
        Self::manual(format!(
            "a value holds characters that cannot be pasted safely: put it right first. The command would be: {program} {}",
            shown.join(" ")
        ))
    }

    /// Both, one after the other; a command only if both are commands for the same shell. The other forms go: each of them
    /// is one half.
    #[must_use]
    pub fn and(self, next: &Self) -> Self {
        let kind = if self.kind == next.kind {
            self.kind
        } else {
            FixKind::Manual
        };
        Self {
            kind,
            text: joined(&self, next),
            alternatives: Vec::new(),
            brief: both(self.brief.as_deref(), next.brief.as_deref()),
            then: next.then.clone(),
            repairs: [self.repairs, next.repairs.clone()].concat(),
            ..self
        }
    }

    /// With what has to be asked first.
    #[must_use]
    pub fn ask_first(mut self, question: String) -> Self {
        self.asks = Some(question);
        self
    }

    /// With something that it does.
    #[must_use]
    pub fn repairs(mut self, repaired: Repaired) -> Self {
        self.repairs.push(repaired);
        self
    }

    /// This fix, then another one; each with what must follow it.
    #[must_use]
    pub fn and_then(self, next: Self) -> Self {
        let Some(mut own) = self.then.clone() else {
            return self.and(&next);
        };
        own = Box::new(own.and_then(next));
        Self {
            then: Some(own),
            ..self
        }
    }

    /// With the same in words.
    #[must_use]
    pub fn brief(mut self, words: impl Into<String>) -> Self {
        self.brief = Some(words.into());
        self
    }

    /// With other forms of the same repair.
    #[must_use]
    pub fn or_else(mut self, alternatives: impl IntoIterator<Item = Alternative>) -> Self {
        self.alternatives.extend(alternatives);
        self.alternatives.sort_by_key(|alternative| alternative.form);
        self
    }

    /// Takes a form away, here and in what must follow.
    pub fn leave_out(&mut self, form: Form) {
        self.alternatives.retain(|alternative| alternative.form != form);
        if let Some(next) = &mut self.then {
            next.leave_out(form);
        }
    }

    /// With what must follow, where something must.
    #[must_use]
    pub fn then(mut self, next: Option<Self>) -> Self {
        self.then = next.map(Box::new);
        self
    }

    /// The fix and what must follow it, as one text.
    #[must_use]
    pub fn whole(&self) -> String {
        match &self.then {
            Some(next) => joined(self, next),
            None => self.text.clone(),
        }
    }
}

/// Two descriptions, as far as they are there.
fn both(first: Option<&str>, second: Option<&str>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second).map(str::to_owned),
    }
}

/// One after the other.
fn joined(first: &Fix, next: &Fix) -> String {
    let separator = match (first.kind, next.kind) {
        (FixKind::Manual, _) | (_, FixKind::Manual) => "; then: ",
        _ => " && ",
    };
    format!("{}{separator}{}", first.text, next.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fixes_are_a_command_only_if_both_are() {
        let command = || Fix::kubectl(&["a"]);
        assert_eq!(command().and(&command()).kind, FixKind::Kubectl);
        assert_eq!(command().and(&command()).text, "kubectl a && kubectl a");
        assert_eq!(command().and(&Fix::manual("b")).kind, FixKind::Manual);
    }

    #[test]
    fn a_form_that_is_left_out_is_nowhere() {
        let with = || {
            Fix::kubectl(&["a"])
                .or_else([Form::Terraform, Form::Eksctl].map(|form| Alternative::new(form, String::new())))
        };
        let mut fix = with().then(Some(with()));
        fix.leave_out(Form::Eksctl);
        for fix in [&fix, fix.then.as_deref().unwrap()] {
            assert_eq!(
                fix.alternatives.iter().map(|one| one.form).collect::<Vec<_>>(),
                [Form::Terraform]
            );
        }
    }

    #[test]
    fn what_must_follow_is_told_with_it() {
        let fix = Fix::kubectl(&["a"]).then(Some(Fix::kubectl(&["b"])));
        assert_eq!(
            (fix.text.as_str(), fix.whole().as_str()),
            ("kubectl a", "kubectl a && kubectl b")
        );
        let by_hand = Fix::kubectl(&["a"]).then(Some(Fix::manual("restart it")));
        assert_eq!(by_hand.whole(), "kubectl a; then: restart it");
        assert_eq!(Fix::kubectl(&["a"]).then(None).whole(), "kubectl a");
    }
}
