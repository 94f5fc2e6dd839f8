//! JSON as a stream: a document, or an element of a list of a large one, is read and taken before the next one.

use audit_core::decode_error::plain;
use audit_core::text::quote;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::Found;
use super::intake::{Fields, Intake, ListOf, Lists};
use super::text::{Text, TextError, WINDOW};

/// How deep documents are taken apart that are larger than a window: lists in lists, in one of documents.
const MAX_DEPTH: usize = 10;

/// Why JSON cannot be read on.
#[derive(Debug)]
pub(super) enum JsonError {
    Text(TextError),
    /// It ends in the middle of a document.
    CutOff {
        line: u64,
    },
    /// It is not JSON.
    Malformed {
        line: u64,
        /// What is wrong, and where; safe to show.
        why: String,
    },
}

impl From<TextError> for JsonError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

/// Documents of a text, one after the other.
pub(super) struct Json<'t, I> {
    pub(super) text: &'t mut Text,
    pub(super) intake: &'t mut I,
}

impl<I: Intake> Json<'_, I> {
    /// The next document; the elements of a list are documents of their own. Marks where it begins.
    pub(super) fn next(&mut self) -> Result<Option<Found<I::Item>>, JsonError> {
        let next = self.next_byte();
        self.text.mark();
        let line = self.text.line();
        Ok(match next? {
            None => None,
            Some(b'[') => {
                let items = self.list("", &Map::new(), MAX_DEPTH)?;
                Some(Found { line, items })
            }
            // `null`, or something that is not JSON.
            Some(b'n') => {
                let value: Value = self.value()?;
                let is_null = value.is_null();
                let item = (!is_null).then(|| self.intake.document(value));
                let items = item.into_iter().collect();
                Some(Found { line, items })
            }
            Some(_) => {
                let items = vec![self.item(None, MAX_DEPTH)?];
                Some(Found { line, items })
            }
        })
    }

    /// A document, or an element of a list.
    fn item(&mut self, of: Option<ListOf<'_>>, depth: usize) -> Result<I::Item, JsonError> {
        loop {
            let rest = self.text.rest();
            let read = self.intake.read(rest, of.as_ref());
            match self.settled(read)? {
                Some(item) => return Ok(item),
                None if depth > 0 && rest_is_large_object(self.text.rest()) => {
                    return self.object(depth - 1);
                }
                None => {
                    self.text.more()?;
                }
            }
        }
    }

    /// A value of which nothing is taken apart.
    fn value<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, JsonError> {
        loop {
            let mut values = serde_json::Deserializer::from_str(self.text.rest()).into_iter::<T>();
            let read = values.next().transpose();
            let used = values.byte_offset();
            // Nothing but white space would be no value and no error.
            let read = read.and_then(|value| match value {
                Some(value) => Ok((value, used)),
                None => {
                    T::deserialize(&mut serde_json::Deserializer::from_str("")).map(|value| (value, used))
                }
            });
            match self.settled(read)? {
                Some(value) => return Ok(value),
                None => {
                    self.text.more()?;
                }
            }
        }
    }

    /// What was read of the rest, which is consumed; none where more of the text may change it.
    fn settled<T>(&mut self, read: serde_json::Result<(T, usize)>) -> Result<Option<T>, JsonError> {
        let is_ended = self.text.is_ended();
        match read {
            Ok((_, used)) if !is_ended && used == self.text.rest().len() => Ok(None),
            Ok((value, used)) => {
                self.text.advance(used);
                Ok(Some(value))
            }
            Err(error) if error.is_eof() && !is_ended => Ok(None),
            Err(error) => Err(self.explained(&error, 0)),
        }
    }

    /// An object, field by field.
    fn object(&mut self, depth: usize) -> Result<I::Item, JsonError> {
        let mut fields = Fields::new();
        let mut lists = Lists::new();
        let mut before = "{";
        self.text.advance(1);
        loop {
            match self.next_byte()? {
                Some(b'}') if before != "{\"\":0," => break,
                Some(b'"') if before != "{\"\":0" => {}
                Some(b',') if before == "{\"\":0" => {
                    self.text.advance(1);
                    before = "{\"\":0,";
                    continue;
                }
                _ => return Err(self.malformed(before)),
            }
            let name: String = self.value()?;
            if self.next_byte()? != Some(b':') {
                return Err(self.malformed("{\"\""));
            }
            self.text.advance(1);
            // Of several fields of one name, the last counts.
            lists.remove(&name);
            let value = if self.next_byte()? == Some(b'[') && self.intake.is_list(&name) {
                let items = self.list(&name, &fields, depth)?;
                lists.insert(name.clone(), items);
                Value::Array(Vec::new())
            } else {
                self.value()?
            };
            fields.insert(name, value);
            before = "{\"\":0";
        }
        self.text.advance(1);
        Ok(self.intake.large(fields, lists))
    }

    /// A list, element by element: of documents where it has no name.
    fn list(&mut self, name: &str, fields: &Fields, depth: usize) -> Result<Vec<I::Item>, JsonError> {
        let of = (!name.is_empty()).then_some(ListOf {
            field: name,
            before: fields,
        });
        let mut items = Vec::new();
        let mut before = "[";
        self.text.advance(1);
        loop {
            match self.next_byte()? {
                Some(b']') if before != "[0," => break,
                Some(b',') if before == "[0" => {
                    self.text.advance(1);
                    before = "[0,";
                }
                Some(byte) if before != "[0" && byte != b']' => {
                    items.push(self.item(of, depth)?);
                    before = "[0";
                }
                _ => return Err(self.malformed(before)),
            }
        }
        self.text.advance(1);
        Ok(items)
    }

    /// The next byte that is not white space, without consuming it.
    fn next_byte(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            let rest = self.text.rest().as_bytes();
            let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let spaces = rest.iter().take_while(|byte| is_space(byte)).count();
            let next = rest.get(spaces).copied();
            self.text.advance(spaces);
            if next.is_some() || !self.text.more()? {
                return Ok(next);
            }
        }
    }

    /// What is wrong with the rest after what stands before it.
    fn malformed(&self, before: &str) -> JsonError {
        let text = format!("{before}{}", self.text.rest());
        match serde_json::from_str::<Value>(&text) {
            Err(error) => self.explained(&error, before.len()),
            Ok(_) => JsonError::Malformed {
                line: self.text.line(),
                why: String::new(),
            },
        }
    }

    /// An error in the rest, before which so many bytes were read that are not in it.
    fn explained(&self, error: &serde_json::Error, before: usize) -> JsonError {
        let line = self.text.line() + (error.line() as u64).saturating_sub(1);
        if error.classify() == Category::Eof {
            return JsonError::CutOff { line };
        }
        let column = if error.line() == 1 {
            self.text.column() + error.column().saturating_sub(before)
        } else {
            error.column()
        };
        let told = error.to_string();
        let what = told
            .strip_suffix(&format!(" at line {} column {}", error.line(), error.column()))
            .unwrap_or(&told);
        JsonError::Malformed {
            line,
            why: quote(&format!("{} at line {line} column {column}", plain(what))),
        }
    }
}

fn rest_is_large_object(rest: &str) -> bool {
    rest.len() >= WINDOW && rest.starts_with('{')
}
