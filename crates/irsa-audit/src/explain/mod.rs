//! `irsa-audit explain`: what a code or a pasted error means; with a cluster or files at hand, what is wrong with the ServiceAccount in it.
//!
//! Without a cluster, nothing but the text is read and no client is made, so that it answers at once.

pub mod args;
mod diagnosis;

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use audit_core::finding::Entry;
use audit_explain::{Explanation, MAX_BYTES, json, page, text};

use args::{ExplainArgs, ExplainError, ExplainOutput};

/// The exit code of a text in which nothing is known.
const NOT_RECOGNIZED: u8 = 3;

/// Explains. `program` is how this command line was called.
///
/// # Errors
/// When there is no explanation; the exit code is then 2.
pub fn run(args: &ExplainArgs, program: &'static str) -> Result<ExitCode, ExplainError> {
    let text = pasted(&args.words)?;
    if let Some(entries) = findings(&text)? {
        print(&pages(&entries, args.output))?;
        return Ok(ExitCode::SUCCESS);
    }
    let explanation = audit_explain::explain(&text, program);
    let diagnoses = if args.is_live() || args.source.is_offline() {
        diagnosis::of(&args.source, &explanation)?
    } else {
        Vec::new()
    };
    let out = match args.output {
        ExplainOutput::Text => {
            let mut out = text::render(&explanation);
            for diagnosis in &diagnoses {
                let _ = write!(out, "\n{}", diagnosis.text);
            }
            out
        }
        ExplainOutput::Json => as_json(&explanation, &diagnoses),
    };
    print(&out)?;
    Ok(if explanation.is_recognized() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_RECOGNIZED)
    })
}

/// The findings that a text names, if each of its words names one, by its code or its reason.
fn findings(text: &str) -> Result<Option<Vec<&'static Entry>>, ExplainError> {
    let mut words = text.split_whitespace();
    let found: Option<Vec<&Entry>> = words.clone().map(page::named).collect();
    if let Some(entries) = found.filter(|entries| !entries.is_empty()) {
        return Ok(Some(entries));
    }
    match (words.next().and_then(page::unknown), words.next()) {
        (Some(unknown), None) => Err(ExplainError::UnknownCode(unknown)),
        _ => Ok(None),
    }
}

/// The pages of findings.
fn pages(entries: &[&Entry], output: ExplainOutput) -> String {
    match output {
        ExplainOutput::Text => {
            let pages: Vec<&str> = entries.iter().map(|entry| page::of(entry)).collect();
            pages.join("\n")
        }
        ExplainOutput::Json => {
            let values = entries.iter().map(|entry| {
                serde_json::json!({
                    "code": entry.code,
                    "reason": entry.reason,
                    "severity": entry.severity.as_str(),
                    "link": entry.link.as_str(),
                    "title": entry.title,
                    "page": page::of(entry),
                })
            });
            let value = serde_json::Value::Array(values.collect());
            format!("{value:#}\n")
        }
    }
}

/// The words as one text, or standard input for `-`. Of that, a little more is read than is looked at, so that it shows that it was cut.
fn pasted(words: &[String]) -> Result<String, ExplainError> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(4);
    io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(ExplainError::Input)?;
    Ok(decoded(&bytes))
}

/// The text of bytes. A terminal or editor of Windows saves UTF-16.
fn decoded(bytes: &[u8]) -> String {
    let units = |order: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).skip(1);
        let units: Vec<u16> = pairs.filter_map(|pair| pair.try_into().ok().map(order)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn as_json(explanation: &Explanation, diagnoses: &[diagnosis::Diagnosis]) -> String {
    let mut value = json::value(explanation);
    if let Some(fields) = value.as_object_mut() {
        let reports = diagnoses.iter().map(|diagnosis| diagnosis.report.clone());
        fields.insert("diagnoses".to_owned(), reports.collect());
    }
    format!("{value:#}\n")
}

fn print(text: &str) -> Result<(), ExplainError> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ExplainError::Output(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_read() {
        let text = "IRSA301 é";
        let le: Vec<u8> = [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let be: Vec<u8> = [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!([decoded(&le), decoded(&be), decoded(text.as_bytes())], [text; 3]);
    }
}
