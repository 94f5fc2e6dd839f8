//! The file of a part while it is written: JSON, element by element, so that no list is in memory whole.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::SnapshotError;
use crate::digest::Digest;

/// How many bytes are written at once.
const BUFFER: usize = 1 << 16;

/// A file that is not whole yet. Where it is dropped, it goes.
#[derive(Debug)]
pub struct PartWriter {
    file: BufWriter<File>,
    partial: PathBuf,
    digest: Digest,
    count: u64,
    /// Elements of the list that is open.
    in_list: Option<u64>,
    is_finished: bool,
}

/// A file that is whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// How many elements its lists have.
    pub count: u64,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

impl PartWriter {
    /// Writes to a new file.
    pub(super) fn new(file: File, partial: PathBuf) -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER, file),
            partial,
            digest: Digest::default(),
            count: 0,
            in_list: None,
            is_finished: false,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        // It never fails.
        let _ = self.digest.write_all(bytes);
        self.file
            .write_all(bytes)
            .map_err(SnapshotError::write(&self.partial))
    }

    /// Begins a list of Kubernetes objects of one kind, as the API server sends it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin_objects(&mut self, api_version: &str, kind: &str) -> Result<(), SnapshotError> {
        let (version, kind) = (json!(api_version), json!(format!("{kind}List")));
        self.write(format!("{{\"apiVersion\":{version},\"kind\":{kind},\"items\":[").as_bytes())?;
        self.in_list = Some(0);
        Ok(())
    }

    /// Begins a list of an output of the AWS CLI; the first of its fields, or the next.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin_list(&mut self, field: &str) -> Result<(), SnapshotError> {
        let before = if self.in_list.is_some() { "\n],\n" } else { "{" };
        self.write(format!("{before}{}:[", json!(field)).as_bytes())?;
        self.in_list = Some(0);
        Ok(())
    }

    /// Writes an element of the open list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn element(&mut self, value: &Value) -> Result<(), SnapshotError> {
        let before = if self.in_list == Some(0) { "\n" } else { ",\n" };
        self.write(format!("{before}{value}").as_bytes())?;
        self.count += 1;
        self.in_list = self.in_list.map(|elements| elements + 1);
        Ok(())
    }

    /// Ends the open list, and the document with it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end_list(&mut self) -> Result<(), SnapshotError> {
        self.in_list = None;
        self.write(b"\n]}\n")
    }

    /// Writes a document, which counts as so many elements.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn document(&mut self, value: &Value, count: u64) -> Result<(), SnapshotError> {
        self.count += count;
        self.write(format!("{value}\n").as_bytes())
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self, path: &Path) -> Result<Written, SnapshotError> {
        let written = SnapshotError::write(&self.partial);
        let mut end = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.partial, path)
        };
        end().map_err(written)?;
        self.is_finished = true;
        let (bytes, sha256) = std::mem::take(&mut self.digest).finish();
        Ok(Written {
            count: self.count,
            bytes,
            sha256,
        })
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What was begun is of no use. The next run removes it, if this fails.
            let _ = fs::remove_file(&self.partial);
        }
    }
}
