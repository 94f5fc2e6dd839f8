//! Maps of a few entries.

use litemap::LiteMap;

/// A map that takes the memory of its entries and no more: a vector that grows has room for four at first, and there are a hundred
/// thousand maps of one.
#[must_use]
pub fn few<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> LiteMap<K, V> {
    let mut entries = LiteMap::from_iter(entries).into_tuple_vec();
    entries.shrink_to_fit();
    LiteMap::from_sorted_store_unchecked(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_entries_are_sorted_and_take_no_more_memory_than_they_need() {
        let map = few([("b", 1), ("a", 2), ("b", 3)].into_iter().filter(|_| true));
        assert!(map.iter().eq([(&"a", &2), (&"b", &3)]));
        let entries = map.into_tuple_vec();
        assert_eq!(entries.capacity(), entries.len());
    }
}
