//! A repair, in its first form.

use std::borrow::Cow;

use crate::alternative::{Alternative, Form};
use crate::command::Command;
use crate::repaired::Repaired;
use crate::shell;
use crate::text::reveal;

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

    /// What is said before a step that follows another one.
    #[must_use]
    pub fn then(self) -> &'static str {
        match self {
            Self::AwsCli => "then, with the AWS CLI",
            Self::Kubectl => "then, with kubectl",
            Self::Manual => "then, by hand",
        }
    }
}

/// One thing to do, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it is pasted.
    pub kind: FixKind,
    /// The command, or what to do.
    pub text: String,
    /// The command, where it is one.
    command: Option<Command>,
    /// The same step in other forms, in the order of [`Form`](crate::Form).
    pub alternatives: Vec<Alternative>,
    /// What it does, as far as the audit can go on from there.
    pub repairs: Vec<Repaired>,
}

impl Step {
    /// The text for the comment of a script.
    fn within_comment(&self) -> Cow<'_, str> {
        match &self.command {
            Some(command) => Cow::Owned(command.within_comment()),
            None => Cow::Borrowed(&self.text),
        }
    }
}

/// A fix: one step, or several in the order in which they are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The first step. What the fix is by kind, it is by this one.
    pub first: Step,
    /// What must follow before the repair shows: pods that exist keep what they were created with.
    pub then: Vec<Step>,
    /// What it does, in words, for where the command is too long.
    pub brief: Option<String>,
    /// What has to be asked of someone before it is carried out.
    pub asks: Option<String>,
}

impl Fix {
    fn new(kind: FixKind, text: String, command: Option<Command>) -> Self {
        Self {
            first: Step {
                kind,
                text,
                command,
                alternatives: Vec::new(),
                repairs: Vec::new(),
            },
            then: Vec::new(),
            brief: None,
            asks: None,
        }
    }

    /// A step for a person.
    #[must_use]
    pub fn manual(text: impl Into<String>) -> Self {
        Self::new(FixKind::Manual, text.into(), None)
    }

    /// A command line with the AWS CLI; a step for a person where a value cannot be pasted.
    #[must_use]
    pub fn aws(command: Command) -> Self {
        Self::of(FixKind::AwsCli, command)
    }

    /// A command line with kubectl; a step for a person where a value cannot be pasted.
    #[must_use]
    pub fn kubectl(command: Command) -> Self {
        Self::of(FixKind::Kubectl, command)
    }

    fn of(kind: FixKind, command: Command) -> Self {
        match command.line() {
            Some(line) => Self::new(kind, line, Some(command)),
            None => Self::manual(command.why_not()),
        }
    }

    /// All steps, in the order in which they are taken.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.first).chain(&self.then)
    }

    fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        std::iter::once(&mut self.first).chain(&mut self.then)
    }

    /// This fix, then another one. The other forms go: each of them is one half.
    #[must_use]
    pub fn and_then(mut self, next: Self) -> Self {
        self.brief = both(self.brief.as_deref(), next.brief.as_deref());
        self.then.push(next.first);
        self.then.extend(next.then);
        for step in self.steps_mut() {
            step.alternatives.clear();
        }
        self
    }

    /// What a person does comes last: for steps of which none waits for another, so that no command waits for a person.
    #[must_use]
    pub fn by_hand_last(mut self) -> Self {
        let is_command = |step: &Step| step.kind != FixKind::Manual;
        self.then.sort_by_key(|step| !is_command(step));
        let commands = self.then.partition_point(is_command);
        if !is_command(&self.first) && commands > 0 {
            let command = self.then.remove(0);
            let by_hand = std::mem::replace(&mut self.first, command);
            self.then.insert(commands - 1, by_hand);
        }
        self
    }

    /// With what has to be asked first.
    #[must_use]
    pub fn ask_first(mut self, question: String) -> Self {
        self.asks = Some(question);
        self
    }

    /// With something that its first step does.
    #[must_use]
    pub fn repairs(mut self, repaired: Repaired) -> Self {
        self.first.repairs.push(repaired);
        self
    }

    /// What all steps do.
    pub fn all_repairs(&self) -> impl Iterator<Item = &Repaired> {
        self.steps().flat_map(|step| &step.repairs)
    }

    /// Forgets what its steps do, which is of use to the audit only.
    pub fn forget_repairs(&mut self) {
        for step in self.steps_mut() {
            step.repairs.clear();
        }
    }

    /// With the same in words.
    #[must_use]
    pub fn brief(mut self, words: impl Into<String>) -> Self {
        self.brief = Some(words.into());
        self
    }

    /// With other forms of its first step.
    #[must_use]
    pub fn or_else(mut self, alternatives: impl IntoIterator<Item = Alternative>) -> Self {
        let own = &mut self.first.alternatives;
        own.extend(alternatives);
        own.sort_by_key(|alternative| alternative.form);
        self
    }

    /// Takes a form away, of every step.
    pub fn leave_out(&mut self, form: Form) {
        for step in self.steps_mut() {
            step.alternatives.retain(|alternative| alternative.form != form);
        }
    }

    /// Takes all other forms away.
    pub fn leave_out_all(&mut self) {
        for step in self.steps_mut() {
            step.alternatives.clear();
        }
    }

    /// With what must follow, where something must.
    #[must_use]
    pub fn then(mut self, next: Option<Self>) -> Self {
        if let Some(next) = next {
            self.then.push(next.first);
            self.then.extend(next.then);
        }
        self
    }

    /// What is done one after the other, each in one place: commands for the same program that follow each other are one.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for step in self.steps() {
            match parts.last_mut() {
                Some(last) if last.kind == step.kind && step.kind != FixKind::Manual => {
                    for (all, next) in [
                        (&mut last.text, step.text.as_str()),
                        (&mut last.within_comment, &step.within_comment()),
                    ] {
                        all.push_str(" && ");
                        all.push_str(next);
                    }
                }
                _ => parts.push(Part {
                    kind: step.kind,
                    text: step.text.clone(),
                    within_comment: step.within_comment().into_owned(),
                }),
            }
        }
        parts
    }

    /// The fix as one text: for a shell as [`Fix::script`], if it begins with a command; else in words.
    #[must_use]
    pub fn whole(&self) -> String {
        let parts = self.parts();
        if self.first.kind != FixKind::Manual {
            return script(&parts);
        }
        let words = parts.iter().enumerate().map(|(index, part)| match index {
            0 => reveal(&part.text),
            _ => format!("{}: {}", part.kind.then(), reveal(&part.text)),
        });
        words.collect::<Vec<_>>().join("\n")
    }

    /// The fix as one text that a shell may be given as it is: what a person does is in comments, and so is every command that must wait
    /// for it.
    #[must_use]
    pub fn script(&self) -> String {
        script(&self.parts())
    }

    /// The longest beginning of [`Fix::script`] with at most so many bytes, and whether that is all; nothing where the first part is
    /// longer. No part is cut.
    #[must_use]
    pub fn script_within(&self, bytes: usize) -> Option<(String, bool)> {
        let steps: Vec<&Step> = self.steps().collect();
        (1..=steps.len()).rev().find_map(|count| {
            let beginning = Self {
                then: self.then.iter().take(count - 1).cloned().collect(),
                ..self.clone()
            };
            let text = beginning.script();
            (text.len() <= bytes).then_some((text, count == steps.len()))
        })
    }
}

/// What is done in one place before something is done in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is pasted.
    pub kind: FixKind,
    /// Commands, or what to do.
    pub text: String,
    /// The same for the comment of a script, out of which a person may copy it.
    within_comment: String,
}

/// Parts as one text for a shell.
fn script(parts: &[Part]) -> String {
    let mut text = String::new();
    let mut has_waited = false;
    for (index, part) in parts.iter().enumerate() {
        let is_manual = part.kind == FixKind::Manual;
        has_waited |= is_manual;
        let line = match index {
            0 if is_manual => shell::comment("to do", &part.within_comment),
            _ if has_waited => shell::comment(part.kind.then(), &part.within_comment),
            _ => part.text.clone(),
        };
        match index {
            0 => {}
            _ if has_waited => text.push('\n'),
            _ => text.push_str(" && "),
        }
        text.push_str(&line);
    }
    text
}

/// Two descriptions, as far as they are there.
fn both(first: Option<&str>, second: Option<&str>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(fix: &Fix) -> Vec<FixKind> {
        fix.steps().map(|step| step.kind).collect()
    }

    #[test]
    fn no_step_is_lost() {
        let two = || Fix::kubectl(Command::new("kubectl a")).then(Some(Fix::manual("b")));
        let all = two().then(Some(two()));
        let expected = [
            FixKind::Kubectl,
            FixKind::Manual,
            FixKind::Kubectl,
            FixKind::Manual,
        ];
        assert_eq!(kinds(&all), expected);
        assert_eq!(kinds(&two().and_then(two())), expected);
        let done = two().then(Some(two().repairs(Repaired::Pods)));
        assert_eq!(done.all_repairs().count(), 1);
    }

    #[test]
    fn no_command_waits_for_a_person_where_the_order_is_free() {
        let fix = Fix::manual("a")
            .then(Some(Fix::kubectl(Command::new("kubectl b"))))
            .then(Some(Fix::manual("c")))
            .then(Some(Fix::kubectl(Command::new("kubectl d"))));
        let sorted = fix.by_hand_last();
        let texts: Vec<&str> = sorted.steps().map(|step| step.text.as_str()).collect();
        assert_eq!(texts, ["kubectl b", "kubectl d", "a", "c"]);
    }

    #[test]
    fn a_form_that_is_left_out_is_nowhere() {
        let with = || {
            Fix::kubectl(Command::new("kubectl a"))
                .or_else([Form::Terraform, Form::Eksctl].map(|form| Alternative::new(form, String::new())))
        };
        let mut fix = with().then(Some(with()));
        fix.leave_out(Form::Eksctl);
        for step in fix.steps() {
            let forms: Vec<Form> = step.alternatives.iter().map(|one| one.form).collect();
            assert_eq!(forms, [Form::Terraform]);
        }
        fix.leave_out_all();
        assert!(fix.steps().all(|step| step.alternatives.is_empty()));
    }

    #[test]
    fn commands_are_one_line_and_words_are_comments() {
        let fix = Fix::kubectl(Command::new("kubectl a")).then(Some(Fix::kubectl(Command::new("kubectl b"))));
        assert_eq!(fix.script(), "kubectl a && kubectl b");
        let by_hand = Fix::kubectl(Command::new("kubectl a")).then(Some(Fix::manual("restart it")));
        assert_eq!(by_hand.script(), "kubectl a\n# then, by hand: restart it");
        assert_eq!(by_hand.whole(), by_hand.script());
        assert_eq!(Fix::manual("restart it").script(), "# to do: restart it");
        assert_eq!(Fix::manual("restart it").whole(), "restart it");
        let waits = by_hand.then(Some(Fix::kubectl(Command::new("kubectl c"))));
        assert_eq!(
            waits.script().lines().last(),
            Some("# then, with kubectl: kubectl c"),
            "it would be too early"
        );
        let of_two = Fix::aws(Command::new("aws a")).then(Some(Fix::kubectl(Command::new("kubectl b"))));
        assert_eq!((of_two.parts().len(), of_two.script().lines().count()), (2, 1));
    }

    #[test]
    fn a_text_with_little_room_begins_with_whole_steps() {
        let fix =
            Fix::kubectl(Command::new("kubectl a")).then(Some(Fix::kubectl(Command::new("kubectl bbbb"))));
        assert_eq!(fix.script_within(100), Some((fix.script(), true)));
        assert_eq!(fix.script_within(12), Some(("kubectl a".to_owned(), false)));
        assert_eq!(fix.script_within(8), None);
    }
}
