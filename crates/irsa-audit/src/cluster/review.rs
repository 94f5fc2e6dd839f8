//! Asks the API server what it would answer to ServiceAccounts, by `SubjectAccessReview`s, at a bounded rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_core::model::BindingKey;
use audit_core::rbac::{Identity, OwnedRequest, Ruling};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Ending;
use super::pace::QuestionPace;
use audit_engine::{Review, ReviewOutcome};

/// The longest that an answer may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Carries out reviews. How many are under way at once is decided by who starts them.
pub struct Reviewer {
    asker: Asker,
    tasks: JoinSet<()>,
    done: mpsc::UnboundedSender<(Review, ReviewOutcome)>,
}

impl Reviewer {
    /// A reviewer, and where it tells what came of each review.
    #[must_use]
    pub fn new(client: &Client) -> (Self, mpsc::UnboundedReceiver<(Review, ReviewOutcome)>) {
        let (done, outcomes) = mpsc::unbounded_channel();
        let asker = Asker {
            api: Api::all(client.clone()),
            pace: QuestionPace::new(),
            is_told: Arc::default(),
        };
        let tasks = JoinSet::new();
        (Self { asker, tasks, done }, outcomes)
    }

    /// Starts a review. Its outcome is told in any case, even if it panics.
    pub fn start(&mut self, review: Review) {
        while self.tasks.try_join_next().is_some() {}
        let asker = self.asker.clone();
        let mut ending = Ending::new(review, ReviewOutcome::Failed, self.done.clone());
        self.tasks.spawn(async move {
            if let Some((review, outcome)) = ending.get() {
                *outcome = asker.review(review).await;
            }
        });
    }
}

/// Makes the calls.
#[derive(Clone)]
struct Asker {
    api: Api<SubjectAccessReview>,
    pace: QuestionPace,
    /// The log has it that questions fail.
    is_told: Arc<AtomicBool>,
}

impl Asker {
    /// Asks one question after the other. The first that is not answered ends the review.
    async fn review(&self, review: &Review) -> ReviewOutcome {
        let mut rulings = Vec::with_capacity(review.questions.len());
        for question in &review.questions {
            self.pace.turn().await;
            let body = body(&review.key, &question.request);
            let outcome = match timeout(LONGEST, self.api.create(&PostParams::default(), &body)).await {
                Ok(Ok(SubjectAccessReview {
                    status: Some(status), ..
                })) => {
                    rulings.push(ruling(&status));
                    continue;
                }
                Ok(Ok(_)) => self.failed("an answer without a status"),
                Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
                    self.failed(&status.message);
                    ReviewOutcome::Refused
                }
                Ok(Err(error)) => self.failed(&error.to_string()),
                Err(_) => self.failed("no answer in time"),
            };
            return outcome;
        }
        self.is_told.store(false, Ordering::Relaxed);
        ReviewOutcome::Answered(rulings)
    }

    /// Says so in the log, once until all is well again.
    fn failed(&self, error: &str) -> ReviewOutcome {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let error = audit_core::text::reveal(error);
            tracing::warn!(%error, "the API server does not confirm expected permissions; what roles and bindings say stands alone");
        }
        ReviewOutcome::Failed
    }
}

/// The question of a ServiceAccount's request.
fn body(key: &BindingKey, request: &OwnedRequest) -> SubjectAccessReview {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(key.subject()),
            groups: Some(Identity::from(key).groups().map(str::to_owned).collect()),
            resource_attributes: Some(ResourceAttributes {
                namespace: request.namespace.clone(),
                verb: some(&request.verb),
                group: some(&request.api_group),
                resource: some(&request.resource),
                subresource: some(&request.subresource),
                name: some(&request.name),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}

fn ruling(status: &SubjectAccessReviewStatus) -> Ruling {
    if status.allowed {
        return Ruling::Allowed;
    }
    Ruling::Denied {
        explicitly: status.denied.unwrap_or(false),
        failed: status
            .evaluation_error
            .as_ref()
            .is_some_and(|error| !error.is_empty()),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/cluster/review.rs"]
mod tests;
