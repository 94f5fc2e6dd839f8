//! What becomes of documents while they are read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The fields of a document that were read before one of its lists.
pub(crate) type Fields = Map<String, Value>;

/// What was taken from lists of a document, by field.
pub(crate) type Lists<I> = BTreeMap<String, Vec<I>>;

/// Takes what an audit needs from documents, one at a time, so that no text and no value is held whole.
pub(crate) trait Intake {
    /// What is kept of a document, or of an element of one of its lists.
    type Item;

    /// Whether the elements of the list in this field are taken one by one, where a document is large.
    fn is_list(&self, field: &str) -> bool;

    /// Takes a document.
    fn document(&mut self, value: Value) -> Self::Item;

    /// Takes a document of which lists were taken already. Its fields have these as empty lists.
    fn large(&mut self, fields: Fields, lists: Lists<Self::Item>) -> Self::Item;

    /// Reads what a text begins with: a document, or an element of the list `of`. Returns how long it is as well.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    fn read(&mut self, text: &str, of: Option<&ListOf<'_>>) -> serde_json::Result<(Self::Item, usize)>;
}

/// The list to which an element belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListOf<'a> {
    /// The field of the document.
    pub(crate) field: &'a str,
    /// The fields before it.
    pub(crate) before: &'a Fields,
}
