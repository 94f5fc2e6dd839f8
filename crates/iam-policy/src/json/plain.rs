//! Where the plain part of a string ends.

/// How many bytes come before the first quotation mark, backslash or control character.
///
/// Eight bytes are looked at at once: strings are most of a policy's text.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (eights, _) = bytes.as_chunks::<8>();
    let mut length = 0;
    for eight in eights {
        let ends = ending_bytes(u64::from_le_bytes(*eight));
        if ends != 0 {
            return length + ends.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().position(|b| ends_plain(*b)).unwrap_or(rest.len())
}

fn ends_plain(b: u8) -> bool {
    b == b'"' || b == b'\\' || b < b' '
}

/// The highest bit of the first of eight bytes that [`ends_plain`], counted from the lowest. A byte above may be
/// marked wrongly, never one below.
fn ending_bytes(eight: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    // Of bytes below 0x80, subtracting borrows into the highest bit exactly where the byte is smaller.
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let is = |b: u8| below(eight ^ (ONES * u64::from(b)), 1);
    (below(eight, b' ') | is(b'"') | is(b'\\')) & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_looking_at_each_byte_ends_them() {
        for before in 0..20 {
            for byte in 0..=255 {
                for after in [&b""[..], b"\"", b"\0aaaaaaaaaa\"", b"\xff\x80\x1faaaaaaaaaa"] {
                    let bytes = [&vec![b'a'; before][..], &[byte], after].concat();
                    let expected = bytes.iter().position(|b| ends_plain(*b)).unwrap_or(bytes.len());
                    assert_eq!(plain_length(&bytes), expected, "{bytes:?}");
                }
            }
        }
    }
}
