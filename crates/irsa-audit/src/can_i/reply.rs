//! Answers as text, with the exit code that says the same.

use std::fmt::Write as _;

use audit_core::Finding;
use audit_core::fix::{Fix, FixKind, Step, shell};
use audit_report::lines;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The exit code.
    pub code: u8,
    /// What is printed; ends with a newline.
    pub text: String,
}

impl Reply {
    pub fn yes(why: &str) -> Self {
        Self {
            code: 0,
            text: format!("yes: {why}\n"),
        }
    }

    /// With what would let it.
    pub fn no(why: &str, remedy: &str) -> Self {
        Self {
            code: 1,
            text: format!("no: {why}\n\n{remedy}"),
        }
    }

    pub fn unknown(why: &str) -> Self {
        Self {
            code: 3,
            text: format!("unknown: {why}\n"),
        }
    }

    /// No, or unknown, for what a finding says.
    pub fn of(finding: &Finding, is_no: bool) -> Self {
        let (code, word) = if is_no { (1, "no") } else { (3, "unknown") };
        let mut text = format!("{word}: {}\n", named(finding));
        if let Some(fix) = &finding.fix {
            write_fix(&mut text, fix);
        }
        Self { code, text }
    }

    /// The answer for several ways, each with who takes it; the first decides. Where answers differ, it depends on who asks AWS.
    pub fn of_several(mut replies: Vec<(String, Self)>) -> Self {
        let same = replies
            .windows(2)
            .all(|pair| matches!(pair, [(_, a), (_, b)] if a.code == b.code));
        if same {
            let others = replies.split_off(1.min(replies.len()));
            let mut first = replies
                .pop()
                .map_or_else(|| Self::unknown("nothing was evaluated"), |(_, reply)| reply);
            for (taker, other) in others {
                let said = other.text.lines().next().unwrap_or_default();
                let _ = writeln!(first.text, "note: {taker}: {said}");
            }
            return first;
        }
        let mut text = "unknown: it depends on the container, because the roles differ\n".to_owned();
        for (taker, reply) in replies {
            let _ = write!(text, "\n{taker}: {}", reply.text);
        }
        Self { code: 3, text }
    }

    /// With something that is worth knowing besides.
    pub fn note(mut self, finding: &Finding) -> Self {
        let _ = writeln!(self.text, "note: {}", named(finding));
        self
    }
}

/// A finding by its code, with what it says.
fn named(finding: &Finding) -> String {
    let entry = finding.entry;
    format!("{} {}: {}", entry.code, entry.reason, lines(&finding.message))
}

/// What a person does, as a comment on a line of its own.
pub(super) fn to_do(words: &str) -> String {
    format!("{}\n", shell::comment("To do", words))
}

/// A fix in every form, each so that it can be pasted: what a person does is a comment.
fn write_fix(out: &mut String, fix: &Fix) {
    for (index, step) in fix.steps().enumerate() {
        write_step(out, step, index == 0);
    }
}

fn write_step(out: &mut String, step: &Step, is_first: bool) {
    let text = lines(&step.text);
    let _ = match (step.kind, is_first) {
        (FixKind::AwsCli, true) => writeln!(
            out,
            "\n# What allows it, with the AWS CLI and credentials of the role's account:\n{text}"
        ),
        (FixKind::Kubectl, true) => writeln!(out, "\n# What allows it, with kubectl:\n{text}"),
        (FixKind::Manual, true) => write!(out, "\n{}", to_do(&step.text)),
        (kind @ FixKind::Manual, false) => writeln!(out, "\n{}", shell::comment(kind.then(), &step.text)),
        (kind, false) => writeln!(out, "\n# {}:\n{text}", kind.then()),
    };
    for alternative in &step.alternatives {
        let only_if = alternative
            .only_if
            .map(|only_if| format!(", only if {only_if}"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "\n# As {}{only_if}:\n{}",
            alternative.form.as_str(),
            lines(&alternative.text).trim_end()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_agree_are_one_answer_and_others_depend() {
        let of = |replies: Vec<Reply>| {
            let takers = ["container `a`", "container `b`"].map(str::to_owned);
            Reply::of_several(takers.into_iter().zip(replies).collect())
        };
        assert_eq!(of(vec![Reply::yes("x")]), Reply::yes("x"));
        let both = of(vec![Reply::yes("x"), Reply::yes("y")]);
        assert_eq!(
            (both.code, both.text.as_str()),
            (0, "yes: x\nnote: container `b`: yes: y\n")
        );
        let either = of(vec![Reply::no("x", "# To do: z\n"), Reply::yes("y")]);
        assert_eq!(either.code, 3);
        assert!(
            either.text.contains("container `a`: no: x\n\n# To do: z\n"),
            "{}",
            either.text
        );
        assert!(
            either.text.ends_with("container `b`: yes: y\n"),
            "{}",
            either.text
        );
    }
}
