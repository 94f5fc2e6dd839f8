//! Lists that nearly always have one element.

use std::ops::Deref;

/// A list that takes no memory of its own for one element.
#[derive(Debug, Clone)]
pub(crate) enum Few<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, next: T) {
        *self = match std::mem::take(self) {
            Self::One(first) => Self::Many(vec![first, next]),
            Self::Many(many) if many.is_empty() => Self::One(next),
            Self::Many(mut many) => {
                many.push(next);
                Self::Many(many)
            }
        };
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        match (items.next(), items.next()) {
            (None, _) => Self::default(),
            (Some(one), None) => Self::One(one),
            (Some(first), Some(second)) => {
                let mut many = Vec::with_capacity(2 + items.size_hint().0);
                many.extend([first, second]);
                many.extend(items);
                Self::Many(many)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_any_number_in_order() {
        for count in 0..5 {
            let mut pushed = Few::default();
            (0..count).for_each(|item| pushed.push(item));
            let collected: Few<usize> = (0..count).collect();
            let expected: Vec<usize> = (0..count).collect();
            assert_eq!((&*pushed, &*collected), (&*expected, &*expected));
            assert_eq!(matches!(pushed, Few::One(_)), count == 1);
        }
    }
}
