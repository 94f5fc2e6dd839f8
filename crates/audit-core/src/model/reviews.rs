//! What the API server itself says of expected permissions.

use std::collections::BTreeMap;

use ::rbac::Reviewed;

use super::binding::BindingKey;

/// By binding, the answers that make a difference. Where they confirm the evaluation there is nothing to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reviews(BTreeMap<BindingKey, Vec<Reviewed>>);

impl Reviews {
    /// Those of a binding.
    #[must_use]
    pub fn of(&self, key: &BindingKey) -> &[Reviewed] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Puts others in the place of a binding's. Returns whether that changes anything.
    pub fn put(&mut self, key: &BindingKey, reviews: Vec<Reviewed>) -> bool {
        if self.of(key) == reviews {
            return false;
        }
        if reviews.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key.clone(), reviews);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use ::rbac::{Evaluated, OwnedRequest, ReviewQuestion, Ruling};

    use super::*;

    #[test]
    fn nothing_is_kept_of_a_binding_without_reviews() {
        let key = BindingKey::new("shop", "cart");
        let mut reviews = Reviews::default();
        let reviewed = Reviewed {
            question: ReviewQuestion {
                request: OwnedRequest {
                    namespace: Some("shop".to_owned()),
                    api_group: String::new(),
                    resource: "pods".to_owned(),
                    subresource: String::new(),
                    name: String::new(),
                    verb: "get".to_owned(),
                },
                evaluated: Evaluated::Denied,
            },
            ruling: Ruling::Allowed,
        };
        assert!(!reviews.put(&key, Vec::new()));
        assert!(reviews.put(&key, vec![reviewed.clone()]));
        assert!(!reviews.put(&key, vec![reviewed]));
        assert!(reviews.put(&key, Vec::new()));
        assert_eq!(reviews, Reviews::default());
    }
}
