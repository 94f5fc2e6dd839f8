//! Bytes as a source of choices: the same bytes, the same case; fewer bytes, a smaller case.

pub struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `end`; 0 when the bytes are used up.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % end
    }

    /// True in `percent` of 100 cases; false when the bytes are used up.
    pub fn chance(&mut self, percent: usize) -> bool {
        let byte = usize::from(self.bytes.next().copied().unwrap_or(255));
        byte * 100 < percent * 256
    }

    pub fn one_of<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}
