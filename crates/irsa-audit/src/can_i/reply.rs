//! Answers as text, with the exit code that says the same.

use std::fmt::Write as _;

use audit_core::Finding;
use audit_core::fix::{Fix, FixKind, Step, shell};
use audit_report::lines;

use super::afterwards::Afterwards;

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

    /// No, for what a finding says, with the repairs of this and of what follows it.
    pub fn refused(finding: &Finding, after: &Afterwards) -> Self {
        let mut text = format!("no: {}\n", named(finding));
        for next in &after.findings {
            let _ = writeln!(text, "then: {}", named(next));
        }
        let fixes = std::iter::once(finding)
            .chain(&after.findings)
            .filter_map(|finding| finding.fix.as_ref());
        let begin = match after.open {
            None => "What allows it",
            Some(_) => "First",
        };
        write_steps(&mut text, fixes.flat_map(Fix::steps), begin);
        if let Some(open) = &after.open {
            let _ = writeln!(text, "\n{}", shell::comment("Then", open));
        }
        Self { code: 1, text }
    }

    /// Unknown, for what a finding says.
    pub fn unseen(finding: &Finding) -> Self {
        let mut text = format!("unknown: {}\n", named(finding));
        if let Some(fix) = &finding.fix {
            write_steps(&mut text, fix.steps(), "First");
        }
        Self { code: 3, text }
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

/// Steps in every form, each so that it can be pasted: what a person does is a comment. `begin` says what they lead to.
fn write_steps<'a>(out: &mut String, steps: impl Iterator<Item = &'a Step>, begin: &str) {
    for (index, step) in steps.enumerate() {
        write_step(out, step, (index == 0).then_some(begin));
    }
}

fn write_step(out: &mut String, step: &Step, begin: Option<&str>) {
    let text = lines(&step.text);
    let _ = match (step.kind, begin) {
        (FixKind::AwsCli, Some(begin)) => writeln!(
            out,
            "\n# {begin}, with the AWS CLI and credentials of the role's account:\n{text}"
        ),
        (FixKind::Kubectl, Some(begin)) => writeln!(out, "\n# {begin}, with kubectl:\n{text}"),
        (FixKind::Manual, Some(_)) => write!(out, "\n{}", to_do(&step.text)),
        (kind @ FixKind::Manual, None) => writeln!(out, "\n{}", shell::comment(kind.then(), &step.text)),
        (kind, None) => writeln!(out, "\n# {}:\n{text}", kind.then()),
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
