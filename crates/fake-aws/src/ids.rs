//! Identifiers, each given out once.

/// Gives out identifiers, each once.
#[derive(Debug, Default)]
pub(crate) struct Ids(u64);

impl Ids {
    /// A number that was not given out before.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// An IAM unique id with its prefix, as `AROA`.
    pub(crate) fn unique(&mut self, prefix: &str) -> String {
        format!("{prefix}FAKE{:013}", self.number())
    }

    /// A request id.
    pub(crate) fn request(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.number())
    }
}
