//! The text of a source, of which only a part is in memory.

use std::io::{self, Read};
use std::mem;

use crate::encoding::Encoding;

/// How many bytes are read at a time, and about how many of a text are in memory.
pub(crate) const WINDOW: usize = 1 << 20;

/// Why a text cannot be read on.
#[derive(Debug)]
pub(crate) enum TextError {
    /// The file cannot be read.
    Io(io::Error),
    /// It is not UTF-8 at this line, counted from one.
    NotUtf8(u64),
    /// It begins like UTF-16, and is not.
    NotUtf16,
}

/// A text that is read from its beginning to its end. What was read, and is not consumed, is its *rest*; it grows on demand.
pub(crate) struct Text {
    source: Box<dyn Read>,
    /// Absent until the beginning is read, which tells it.
    encoding: Option<Encoding>,
    /// What was read and is in memory.
    window: String,
    /// How much of that is consumed.
    at: usize,
    /// The line there, counted from one.
    line: u64,
    /// How many bytes of that line are before it.
    column: usize,
    /// Where a document begins that may have to be read again.
    mark: Option<Mark>,
    /// Bytes of UTF-16 that do not make a character yet.
    raw: Vec<u8>,
    is_ended: bool,
}

/// A place to which a text can go back.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: usize,
    line: u64,
    column: usize,
}

impl Text {
    pub(crate) fn new(source: Box<dyn Read>) -> Self {
        Self {
            source,
            encoding: None,
            window: String::new(),
            at: 0,
            line: 1,
            column: 0,
            mark: None,
            raw: Vec::new(),
            is_ended: false,
        }
    }

    /// What was read, and is not consumed.
    pub(crate) fn rest(&self) -> &str {
        self.window.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing follows the rest.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The line at which the rest begins, counted from one.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes of that line are before the rest.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Consumes as many bytes of the rest.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let consumed = self.rest().as_bytes();
        let consumed = consumed.get(..bytes).unwrap_or(consumed);
        let (bytes, breaks) = (consumed.len(), line_breaks(consumed));
        self.column = match memchr::memrchr(b'\n', consumed) {
            Some(last) => bytes - last - 1,
            None => self.column + bytes,
        };
        self.line += breaks;
        self.at += bytes;
    }

    /// Remembers where the rest begins, for [`Text::go_back`].
    pub(crate) fn mark(&mut self) {
        self.mark = Some(Mark {
            at: self.at,
            line: self.line,
            column: self.column,
        });
    }

    /// Goes back to the mark. Returns whether the text from there is still in memory.
    pub(crate) fn go_back(&mut self) -> bool {
        let Some(Mark { at, line, column }) = self.mark.take() else {
            return false;
        };
        (self.at, self.line, self.column) = (at, line, column);
        true
    }

    /// Makes the rest longer, by as much as it is long where that is more than a window: whoever starts anew with each longer
    /// rest takes twice as long as with the last one. Returns whether there was more.
    ///
    /// # Errors
    /// [`TextError`]; what was read before it is the rest, and the text is at its end.
    pub(crate) fn more(&mut self) -> Result<bool, TextError> {
        if self.is_ended {
            return Ok(false);
        }
        self.forget();
        let most = self.rest().len().max(WINDOW);
        let read = match self.encoding {
            Some(Encoding::Utf8) => self.more_utf8(most),
            Some(Encoding::Utf16(of)) => self.more_utf16(most, of),
            None => self.first(most),
        };
        self.is_ended |= read.is_err();
        read
    }

    /// Lets go of what is consumed and not needed to go back.
    fn forget(&mut self) {
        self.mark = self.mark.filter(|mark| self.at - mark.at <= WINDOW);
        let unneeded = self.mark.map_or(self.at, |mark| mark.at);
        if let Some(mark) = &mut self.mark {
            mark.at = 0;
        }
        self.window.drain(..unneeded);
        self.at -= unneeded;
    }

    /// The beginning, which tells the encoding.
    fn first(&mut self, most: usize) -> Result<bool, TextError> {
        let mut bytes = Vec::new();
        self.fill(&mut bytes, most)?;
        let (encoding, of_mark) = Encoding::of(&bytes);
        bytes.drain(..of_mark);
        self.encoding = Some(encoding);
        match encoding {
            Encoding::Utf16(of) => {
                self.raw = bytes;
                self.decode_utf16(of)
            }
            Encoding::Utf8 => self.decode_utf8(bytes),
        }
    }

    fn more_utf8(&mut self, most: usize) -> Result<bool, TextError> {
        let mut bytes = mem::take(&mut self.window).into_bytes();
        bytes.append(&mut self.raw);
        let read = self.fill(&mut bytes, most);
        self.decode_utf8(bytes)?;
        read
    }

    /// Takes bytes for the window; a character that is cut off waits for its other half.
    fn decode_utf8(&mut self, bytes: Vec<u8>) -> Result<bool, TextError> {
        let error = match String::from_utf8(bytes) {
            Ok(window) => {
                self.window = window;
                return Ok(!self.window.is_empty());
            }
            Err(error) => error,
        };
        let (valid, is_cut) = (
            error.utf8_error().valid_up_to(),
            error.utf8_error().error_len().is_none(),
        );
        let mut bytes = error.into_bytes();
        let others = bytes.split_off(valid);
        self.window = String::from_utf8(bytes).unwrap_or_default();
        if is_cut && !self.is_ended {
            self.raw = others;
            return Ok(true);
        }
        Err(TextError::NotUtf8(
            self.line + line_breaks(self.rest().as_bytes()),
        ))
    }

    fn more_utf16(&mut self, most: usize, of: fn([u8; 2]) -> u16) -> Result<bool, TextError> {
        let mut raw = mem::take(&mut self.raw);
        let read = self.fill(&mut raw, most);
        self.raw = raw;
        self.decode_utf16(of)?;
        read
    }

    /// Takes the bytes that were read for the window; half a character waits for the other half.
    fn decode_utf16(&mut self, of: fn([u8; 2]) -> u16) -> Result<bool, TextError> {
        let raw = mem::take(&mut self.raw);
        let (pairs, odd) = raw.as_chunks();
        let mut units: Vec<u16> = pairs.iter().map(|pair| of(*pair)).collect();
        let mut kept = odd.to_vec();
        if !self.is_ended && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
            kept.splice(0..0, pairs.last().into_iter().flatten().copied());
        }
        self.raw = kept;
        let decoded: Result<String, _> = char::decode_utf16(units).collect();
        let decoded = decoded.map_err(|_| TextError::NotUtf16)?;
        self.window.push_str(&decoded);
        Ok(true)
    }

    /// Reads at most so many bytes behind others. Returns whether there were any; notes where there will be no more.
    fn fill(&mut self, bytes: &mut Vec<u8>, most: usize) -> Result<bool, TextError> {
        bytes.reserve(most);
        let read = (&mut self.source)
            .take(most as u64)
            .read_to_end(bytes)
            .map_err(TextError::Io)?;
        self.is_ended = read < most;
        Ok(read > 0)
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn text(bytes: &[u8]) -> Text {
        Text::new(Box::new(Cursor::new(bytes.to_vec())))
    }

    /// All of it, read on until its end.
    fn whole(bytes: &[u8]) -> Result<String, TextError> {
        let mut text = text(bytes);
        let mut whole = String::new();
        while text.more()? {
            whole.push_str(text.rest());
            text.advance(usize::MAX);
        }
        Ok(whole)
    }

    #[test]
    fn a_text_is_utf_8_or_utf_16() {
        for (bytes, expected) in [
            (&b"a: \xc3\xa9"[..], Some("a: é")),
            (b"\xef\xbb\xbfa", Some("a")),
            (b"\xff\xfea\0\xe9\0", Some("aé")),
            (b"\xfe\xff\0a", Some("a")),
            (b"a\0:\0", Some("a:")),
            (b"\0a\0:", Some("a:")),
            (b"\xff\xfe\0\xd8", None),
            (b"a\n\xff", None),
            (b"a\xc3", None),
            (b"", Some("")),
        ] {
            assert_eq!(whole(bytes).ok().as_deref(), expected, "{bytes:?}");
        }
        assert!(matches!(whole(b"a\n\xff"), Err(TextError::NotUtf8(2))));
    }

    #[test]
    fn characters_may_be_cut_by_the_end_of_a_window() {
        for before in 0..4 {
            let expected = format!("{}\n{}", "x".repeat(before), "é\u{1f600}\n".repeat(WINDOW / 4));
            assert_eq!(whole(expected.as_bytes()).unwrap(), expected);
            let units = expected.encode_utf16().flat_map(u16::to_le_bytes);
            let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(units).collect();
            assert_eq!(whole(&bytes).unwrap(), expected);
        }
        let mut late = "\n".repeat(WINDOW + 9).into_bytes();
        late.push(0xff);
        assert!(matches!(whole(&late), Err(TextError::NotUtf8(line)) if line == WINDOW as u64 + 10));
    }

    #[test]
    fn a_place_is_known_and_one_can_go_back_to_it() {
        let mut text = text(format!("a\nbc{}", "d".repeat(4 * WINDOW)).as_bytes());
        assert!(text.more().unwrap());
        text.advance(3);
        assert_eq!((text.line(), text.column()), (2, 1));
        text.mark();
        text.advance(10);
        assert!(text.more().unwrap() && text.go_back());
        assert_eq!((text.line(), text.column()), (2, 1));
        assert!(text.rest().starts_with("cd"));
        text.mark();
        while text.more().unwrap() {
            text.advance(usize::MAX);
        }
        assert!(!text.go_back(), "nobody keeps so much");
    }
}
