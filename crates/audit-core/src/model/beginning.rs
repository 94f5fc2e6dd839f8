//! What is kept of a text that is too long.

/// The beginning of a text, of at most so many bytes.
#[must_use]
pub fn beginning(text: &str, most: usize) -> &str {
    text.split_at(text.floor_char_boundary(most)).0
}

/// A text, or its beginning where it is longer than so many bytes. That is a copy: into what a long text leaves free where it is cut short in
/// place, the next long one does not fit.
#[must_use]
pub fn cut_short(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    beginning(&text, most).to_owned()
}
