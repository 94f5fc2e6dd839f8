//! What the API server itself says of expected Kubernetes permissions: asked for, and believed where it says so again.
//!
//! What is granted is never waited for: it is published, and corrected once the API server has contradicted it twice, for the watch,
//! and each API server's own view of the roles, may lag behind by a moment. That a binding is broken is told only when the API
//! server has had that moment: another authorizer may allow what no role does.

mod plan;

use audit_core::audit::is_suspended;
use audit_core::model::{BindingKey, KubernetesExpectation};
use audit_core::rbac::{ReviewQuestion, answers, questions};
use jiff::Timestamp;

use super::Engine;
use super::action::{Action, Review, ReviewOutcome};
pub use plan::{MOST, ReviewPlan};

impl Engine {
    /// Takes in what came of a review.
    pub fn reviewed(&mut self, review: Review, outcome: ReviewOutcome, now: Timestamp) {
        let key = review.key.clone();
        let was_open = self.reviews.is_open(&key, now);
        let believed = self.reviews.reviewed(review, outcome, now);
        let closes = was_open && !self.reviews.is_open(&key, now);
        if believed.is_some_and(|believed| self.snapshot.reviews.put(&key, believed)) || closes {
            self.dirty.insert(key);
        }
    }

    /// Sees to it that the API server is asked for what is expected of a binding, at once where somebody asked for that, before others where
    /// a verdict is held back for the answer, and forgets what it said of anything else.
    pub(super) fn plan_review(
        &mut self,
        key: &BindingKey,
        questions: &[ReviewQuestion],
        is_forced: bool,
        is_held_back: bool,
        now: Timestamp,
    ) {
        if questions.is_empty() {
            self.reviews.forget(key);
        } else {
            self.reviews.want(key, questions, now);
            if is_forced {
                self.reviews.hasten(key, now);
            } else if is_held_back {
                self.reviews.put_first(key);
            }
        }
        let believed = self.snapshot.reviews.of(key).iter();
        let standing = believed.filter(|reviewed| questions.contains(&reviewed.question));
        let standing = standing.cloned().collect();
        self.snapshot.reviews.put(key, standing);
    }

    /// Asks what is due.
    pub(super) fn begin_reviews(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some(key) = self.reviews.take_due(now) {
            let questions = self.questions(&key);
            actions.push(Action::Review(self.reviews.begin(&key, questions, now)));
        }
    }

    /// What to ask of a binding when its turn comes, by the roles as they are then; nothing of one that nobody expects anything of, or that is not audited.
    fn questions(&self, key: &BindingKey) -> Vec<ReviewQuestion> {
        let expected = self.expected_of(key);
        if expected.is_empty() {
            return Vec::new();
        }
        questions(&answers(&self.snapshot, key, expected), MOST)
    }

    fn expected_of(&self, key: &BindingKey) -> &[KubernetesExpectation] {
        let Some(binding) = self.snapshot.cluster.binding(key) else {
            return &[];
        };
        if self.in_force.config.excludes(key) || is_suspended(binding) {
            return &[];
        }
        binding
            .requests()
            .first()
            .map_or(&[], |request| &request.kubernetes)
    }
}
