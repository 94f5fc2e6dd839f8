//! YAML, one document at a time: a line that begins with `---` begins the next one, whatever is before it.

use std::num::NonZeroUsize;

use audit_core::decode_error::plain;
use audit_core::text::quote;
use serde_json::Value;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Spanned};

use super::text::{Text, TextError};

/// How deep YAML may nest: twice as deep as the schemas of large custom resources, and shallow enough for a thread's stack.
const MAX_DEPTH: usize = 64;

/// The most bytes of one document, which is in memory as a whole. A list of a hundred thousand pods, as kubectl prints it, has about as
/// many.
const MAX_BYTES: usize = 1 << 30;

/// The most values that the aliases of all documents of a text may stand for; as many as the parser allows one document.
const MAX_ALIASED: usize = 1_000_000;

/// The most bytes of text that the aliases of a document may stand for.
const MAX_ALIASED_BYTES: usize = 64 << 20;

/// Why YAML cannot be read on.
#[derive(Debug)]
pub(super) enum YamlError {
    Text(TextError),
    /// It is not YAML.
    Malformed {
        /// Absent where it does not show.
        line: Option<u64>,
        /// What is wrong, and where; safe to show.
        why: String,
    },
    /// One document is larger than [`MAX_BYTES`].
    TooLarge,
}

impl From<TextError> for YamlError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

/// Documents of a text, one after the other.
pub(super) struct Yaml<'t> {
    text: &'t mut Text,
    /// How many values aliases have stood for so far.
    aliased: usize,
    /// Some line is a comment, or begins a document.
    pub(super) has_marks: bool,
    /// How what was read last ends; absent where it is in braces, which have to be closed.
    pub(super) ending: Option<Ending>,
    /// What the text holds that manifests do not.
    pub(super) hints: Hints,
}

/// How YAML ends that may lack its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a line break.
    Line,
    /// In a line.
    Open,
}

impl Ending {
    fn of(text: &str) -> Self {
        if text.ends_with(['\n', '\r']) {
            Self::Line
        } else {
            Self::Open
        }
    }
}

/// Signs that something else was given in place of a manifest.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Hints {
    is_template: bool,
    has_conflict: bool,
}

impl Hints {
    /// Takes note of a part of the text.
    pub(super) fn take(&mut self, part: &str) {
        self.is_template |= part.contains("{{");
        self.has_conflict |= part.contains("<<<<<<<");
    }

    /// What helps, where it is plain what was given.
    pub(super) fn text(self) -> &'static str {
        if self.is_template {
            "; a chart's templates are no manifests yet: give the output of `helm template`"
        } else if self.has_conflict {
            "; it holds marks of a merge conflict"
        } else {
            ""
        }
    }
}

impl<'t> Yaml<'t> {
    pub(super) fn new(text: &'t mut Text) -> Self {
        Self {
            text,
            aliased: 0,
            has_marks: false,
            ending: None,
            hints: Hints::default(),
        }
    }

    /// The next documents that are not empty, with the lines at which they begin; none at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<Vec<(u64, Value)>>, YamlError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let length = length.get();
        let before = self.text.line() - 1;
        let part = self.text.rest().get(..length).unwrap_or_default();
        self.has_marks |= part
            .lines()
            .any(|line| line.starts_with('#') || line.starts_with("---"));
        self.hints.take(part);
        let found = parsed(part).or_else(|_| {
            // Line numbers are a part of what the parser says.
            let breaks = usize::try_from(before).unwrap_or_default();
            parsed(&format!("{}{part}", "\n".repeat(breaks)))
        })?;
        if part.contains('*') {
            let values: usize = found.iter().map(|document| count(&document.value)).sum();
            // A value takes a byte at least; what is beyond that came from aliases.
            self.aliased += values.saturating_sub(length);
            if self.aliased > MAX_ALIASED {
                return Err(YamlError::Malformed {
                    line: Some(before + 1),
                    why: ALIASES.to_owned(),
                });
            }
        }
        // What is a comment alone ends nothing.
        if !found.is_empty() {
            self.ending = (!is_in_braces(part)).then(|| Ending::of(part));
        }
        let found = found.into_iter();
        let found = found.map(|document| (before + document.referenced.line(), document.value));
        let found = found.collect();
        self.text.advance(length);
        Ok(Some(found))
    }

    /// How many bytes there are before the next line that begins a document.
    fn length(&mut self) -> Result<Option<NonZeroUsize>, TextOrSize> {
        let (mut scanned, mut has_content) = (0, false);
        loop {
            let rest = self.text.rest();
            let is_ended = self.text.is_ended();
            for line in rest.get(scanned..).unwrap_or_default().split_inclusive('\n') {
                if !is_ended && !line.ends_with('\n') {
                    break;
                }
                if has_content && begins_document(line) {
                    return Ok(NonZeroUsize::new(scanned));
                }
                has_content |= !is_before_document(line);
                scanned += line.len();
            }
            if rest.len() > MAX_BYTES {
                return Err(TextOrSize::TooLarge);
            }
            if is_ended {
                return Ok(NonZeroUsize::new(rest.len()));
            }
            self.text.more().map_err(TextOrSize::Text)?;
        }
    }
}

/// Why the end of a document is not found.
enum TextOrSize {
    Text(TextError),
    TooLarge,
}

impl From<TextOrSize> for YamlError {
    fn from(error: TextOrSize) -> Self {
        match error {
            TextOrSize::Text(error) => Self::Text(error),
            TextOrSize::TooLarge => Self::TooLarge,
        }
    }
}

/// Whether a line begins a document, also in the middle of a scalar (YAML 1.2, "Document Markers").
fn begins_document(line: &str) -> bool {
    let rest = line.strip_prefix("---");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a document is in braces, which have to be closed.
fn is_in_braces(part: &str) -> bool {
    let lines = part.lines().filter(|line| !is_before_document(line));
    let mut texts = lines.map(|line| line.strip_prefix("---").unwrap_or(line).trim_start());
    let first = texts.find(|text| !text.is_empty());
    first.is_some_and(|first| first.starts_with(['{', '[']))
}

/// Whether a line may stand before the one that begins a document, and belong to it: a directive, a comment, nothing.
fn is_before_document(line: &str) -> bool {
    let text = line.trim_start();
    text.is_empty() || text.starts_with('#') || line.starts_with('%')
}

/// The documents of a part of a text.
fn parsed(text: &str) -> Result<Vec<Spanned<Value>>, YamlError> {
    // Everything that is counted takes a byte at least, but for what aliases stand for: the text's own size bounds the rest.
    let most = text.len().saturating_add(64);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: most,
            max_events: most.saturating_add(MAX_ALIASED).saturating_mul(4),
            max_nodes: most.saturating_add(MAX_ALIASED),
            max_total_scalar_bytes: most.saturating_add(MAX_ALIASED_BYTES),
            max_aliases: most,
            max_anchors: most,
            max_merge_keys: most,
            max_recorded_anchor_events: most.saturating_mul(4),
            max_recorded_anchor_bytes: most.saturating_mul(4),
            // One anchor may be used a thousand times: the limit is on what aliases stand for, not on how many there are.
            enforce_alias_anchor_ratio: false,
        },
        // As kubectl does.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let message = error.render();
        YamlError::Malformed {
            line: error.location().map(|location| location.line()),
            why: match limit(&error) {
                Some(limit) => limit.to_owned(),
                None => quote(&plain(message.lines().next().unwrap_or_default())),
            },
        }
    })
}

/// Which limit a document exceeds, if that is what is wrong.
fn limit(error: &Error) -> Option<&'static str> {
    match error {
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => Some("it nests more than 64 levels deep"),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Some(ALIASES),
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => limit(error),
        _ => None,
    }
}

/// That aliases would fill the memory.
const ALIASES: &str = "its aliases stand for more than a million values";

/// How many values there are in a value, with itself.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}
