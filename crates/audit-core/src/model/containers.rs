//! The containers of a pod.

use std::ops::{Deref, DerefMut};
use std::slice::{Iter, IterMut};
use std::sync::Arc;

use super::container::Container;

/// The containers of a pod, in memory once for the pods that share them: those of one template have the same. Whoever changes
/// those of one pod changes no other's.
#[derive(Debug, Clone, Default, Eq)]
pub struct Containers(Arc<Vec<Container>>);

impl Containers {
    /// Whether both are the same in memory, so that they need not be compared.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Containers {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.0 == other.0
    }
}

impl Deref for Containers {
    type Target = Vec<Container>;

    fn deref(&self) -> &Vec<Container> {
        &self.0
    }
}

impl DerefMut for Containers {
    fn deref_mut(&mut self) -> &mut Vec<Container> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Container>> for Containers {
    fn from(mut containers: Vec<Container>) -> Self {
        containers.shrink_to_fit();
        Self(Arc::new(containers))
    }
}

impl FromIterator<Container> for Containers {
    fn from_iter<I: IntoIterator<Item = Container>>(containers: I) -> Self {
        Vec::from_iter(containers).into()
    }
}

impl<'a> IntoIterator for &'a Containers {
    type Item = &'a Container;
    type IntoIter = Iter<'a, Container>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Containers {
    type Item = &'a mut Container;
    type IntoIter = IterMut<'a, Container>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bare;

    #[test]
    fn a_change_of_one_pods_containers_is_no_others() {
        let shared: Containers = vec![bare("app")].into();
        let mut own = shared.clone();
        assert!(own.is_shared_with(&shared));
        own.push(bare("side"));
        assert_eq!((shared.len(), own.len()), (1, 2));
        own.pop();
        assert!(own == shared && !own.is_shared_with(&shared));
    }
}
