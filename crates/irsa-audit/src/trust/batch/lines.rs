//! Lines of any length from a stream, in bounded memory.

use std::io::{self, Read};

/// The longest line that is read, in bytes without its newline. A policy takes at most 256 KiB of it.
pub const MAX_LINE: usize = 1024 * 1024;

/// How much is asked of the input at once.
const CHUNK: usize = 128 * 1024;

/// What stands between two newlines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'b> {
    /// The bytes without the newline.
    Bytes(&'b [u8]),
    /// More than [`MAX_LINE`] bytes, which were passed over.
    TooLong,
}

/// Reads lines; the buffer grows with the longest line, up to [`MAX_LINE`] and a chunk.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no newline.
    searched: usize,
    /// How much of the buffer is filled.
    end: usize,
    /// Within a line that is too long.
    skipping: bool,
    at_end: bool,
}

/// What a search of the buffered bytes gave.
enum Found {
    Line { from: usize, to: usize },
    TooLong,
    Nothing,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CHUNK],
            start: 0,
            searched: 0,
            end: 0,
            skipping: false,
            at_end: false,
        }
    }

    /// The next line among what has been read already.
    pub(super) fn buffered(&mut self) -> Option<Line<'_>> {
        match self.find() {
            Found::Line { from, to } => self.buffer.get(from..to).map(Line::Bytes),
            Found::TooLong => Some(Line::TooLong),
            Found::Nothing => None,
        }
    }

    fn find(&mut self) -> Found {
        let unsearched = self.buffer.get(self.searched..self.end).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.end;
            return self.unfinished();
        };
        let (from, to) = (self.start, self.searched + length);
        self.start = to + 1;
        self.searched = self.start;
        if std::mem::take(&mut self.skipping) || to - from > MAX_LINE {
            Found::TooLong
        } else {
            Found::Line { from, to }
        }
    }

    /// The rest of the buffer has no newline: it is a line only where the input has ended.
    fn unfinished(&mut self) -> Found {
        let (from, to) = (self.start, self.end);
        if to - from > MAX_LINE {
            self.skipping = true;
        }
        if self.skipping || self.at_end {
            self.start = to;
        }
        if !self.at_end {
            return Found::Nothing;
        }
        match std::mem::take(&mut self.skipping) {
            true => Found::TooLong,
            false if from < to => Found::Line { from, to },
            false => Found::Nothing,
        }
    }

    /// Reads on, waiting until there is something; false at the end of the input.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + CHUNK / 2 {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let length = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += length;
        self.at_end = length == 0;
        // An unfinished last line is still to be had.
        Ok(!self.at_end || self.start < self.end || self.skipping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of this size.
    struct Slow<'b>(&'b [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(into.len()).min(self.0.len());
            let (now, later) = self.0.split_at(length);
            into[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    /// The lengths of all lines; `None` for those that are too long.
    fn lengths(input: &[u8], step: usize) -> Vec<Option<usize>> {
        let mut lines = Lines::new(Slow(input, step));
        let mut lengths = Vec::new();
        loop {
            while let Some(line) = lines.buffered() {
                lengths.push(match line {
                    Line::Bytes(bytes) => Some(bytes.len()),
                    Line::TooLong => None,
                });
            }
            if !lines.read().unwrap() {
                assert!(lines.buffer.len() <= MAX_LINE + 3 * CHUNK);
                return lengths;
            }
        }
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let input = b"one\n\nthree\r\nfour";
        for step in [1, 2, 3, 5, 100] {
            assert_eq!(
                lengths(input, step),
                [Some(3), Some(0), Some(6), Some(4)],
                "{step}"
            );
        }
        assert_eq!(lengths(b"one\n", 100), [Some(3)]);
        assert_eq!(lengths(b"", 100), []);
    }

    #[test]
    fn longer_lines_are_passed_over() {
        let line = |length: usize| vec![b'x'; length];
        for step in [7_777, usize::MAX] {
            let input = [line(MAX_LINE), line(MAX_LINE + 1), line(5 * MAX_LINE), line(2)].join(&b'\n');
            assert_eq!(lengths(&input, step), [Some(MAX_LINE), None, None, Some(2)]);
            assert_eq!(lengths(&line(3 * MAX_LINE), step), [None]);
        }
    }
}
