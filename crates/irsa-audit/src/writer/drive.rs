//! Carries out what the core's machines ask for, effect by effect.

use std::sync::Arc;

use audit_api::IrsaApproval;
use audit_aws::RoleEditor;
use audit_core::model::BindingKey;
use audit_k8s::lease::Leadership;
use audit_remedy::{
    Execution, JournalRecord, Plan, Recovery, StopReason, WriteAnswer, WriteOrder, WriteTiming, WriterEffect,
    WriterEnd, WriterOutcome,
};
use iam_policy::RoleArn;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::announce::Announcer;
use super::journal::JournalKeeper;
use super::timing::unsigned;
use crate::remediation::{LiveReader, RoleEditors};
use crate::service::stop;

/// What the machines work with.
#[derive(Clone)]
pub struct Hands {
    /// Reads the API server.
    pub reader: LiveReader,
    /// Reads and writes roles.
    pub roles: Arc<RoleEditors>,
    /// Creates and closes records.
    pub journal: JournalKeeper,
    /// Publishes.
    pub announcer: Announcer,
    /// What the elector believes.
    pub leadership: watch::Receiver<Leadership>,
    /// On once the program is to stop.
    pub stopped: watch::Receiver<bool>,
}

/// A machine of the core.
enum Machine {
    Execution(Box<Execution>),
    Recovery(Box<Recovery>),
}

impl Machine {
    fn next(&mut self, now: Timestamp) -> WriterEffect {
        match self {
            Self::Execution(execution) => execution.next(now),
            Self::Recovery(recovery) => recovery.next(now),
        }
    }

    fn observe(&mut self, outcome: WriterOutcome, now: Timestamp) {
        match self {
            Self::Execution(execution) => execution.observe(outcome, now),
            Self::Recovery(recovery) => recovery.observe(&outcome, now),
        }
    }
}

/// A machine under way.
struct Drive {
    hands: Hands,
    machine: Machine,
    role: RoleArn,
    binding: BindingKey,
    /// The approvals of the last check: a record names the one that it spends.
    approvals: Vec<IrsaApproval>,
    /// There is a record, or there may be, or what came of one is about to be told: from here on the program waits for the end.
    must_end: bool,
}

impl Hands {
    /// Carries out a plan. Gives nothing if the program was stopped before anything was recorded.
    pub async fn execute(self, plan: Plan, writer: &str, timing: WriteTiming) -> Option<WriterEnd> {
        let role = plan.role.arn.clone();
        let binding = BindingKey::new(&plan.subject.namespace, &plan.subject.name);
        let machine = Machine::Execution(Box::new(Execution::new(plan, writer, timing)));
        self.drive(machine, role, binding).run().await
    }

    /// Finds out what became of a record that was left open. `since` is a time at which this process held the lease, and at which no
    /// execution of its own was at work on the record.
    pub async fn recover(
        self,
        record: JournalRecord,
        role: RoleArn,
        since: Timestamp,
        timing: WriteTiming,
    ) -> Option<WriterEnd> {
        let binding = BindingKey::new(&record.namespace, &record.service_account);
        let recovery = Recovery::new(record, since, timing);
        self.drive(Machine::Recovery(Box::new(recovery)), role, binding)
            .run()
            .await
    }

    fn drive(self, machine: Machine, role: RoleArn, binding: BindingKey) -> Drive {
        Drive {
            hands: self,
            machine,
            role,
            binding,
            approvals: Vec::new(),
            must_end: false,
        }
    }
}

impl Drive {
    async fn run(mut self) -> Option<WriterEnd> {
        loop {
            let effect = self.machine.next(Timestamp::now());
            if let WriterEffect::Done(end) = effect {
                return Some(end);
            }
            let stopped = self.hands.stopped.clone();
            if !self.must_end && *stopped.borrow() {
                return None;
            }
            // A record spends its approval, so that none is created that could not lead to a write.
            if matches!(effect, WriterEffect::CreateRecord(_)) && !self.hands.leadership.borrow().is_current()
            {
                return Some(WriterEnd::Stopped(StopReason::NoLease));
            }
            self.must_end |= matches!(effect, WriterEffect::CreateRecord(_) | WriterEffect::Announce(_));
            let must_end = self.must_end;
            let outcome = tokio::select! {
                outcome = self.carry_out(effect) => outcome,
                () = stop::until(stopped), if !must_end => return None,
            };
            self.machine.observe(outcome, Timestamp::now());
        }
    }

    async fn carry_out(&mut self, effect: WriterEffect) -> WriterOutcome {
        match effect {
            WriterEffect::ReadRole { role_name } => self.read(&role_name).await,
            WriterEffect::Wait { until } => {
                sleep(unsigned(until.duration_since(Timestamp::now()))).await;
                WriterOutcome::Waited
            }
            WriterEffect::Check => self.check().await,
            WriterEffect::CreateRecord(record) => self.hands.journal.create(&record, &self.approvals).await,
            WriterEffect::CheckLease => WriterOutcome::Lease(held_until(*self.hands.leadership.borrow())),
            WriterEffect::Write(order) => WriterOutcome::Written(self.write(&order).await),
            WriterEffect::CloseRecord(closing) => self.hands.journal.close(&closing).await,
            WriterEffect::Announce(notice) => {
                self.hands.announcer.announce(&notice).await;
                WriterOutcome::Announced
            }
            // The loop has ended before.
            WriterEffect::Done(_) => WriterOutcome::Failed,
        }
    }

    fn editor(&self) -> Option<&RoleEditor> {
        self.hands.roles.of(&self.role)
    }

    async fn read(&self, role_name: &str) -> WriterOutcome {
        let Some(editor) = self.editor() else {
            return WriterOutcome::Failed;
        };
        match editor.read(role_name).await {
            Ok(Some(role)) => WriterOutcome::Role(Box::new(role)),
            Ok(None) => WriterOutcome::RoleGone,
            Err(failure) => {
                tracing::warn!(target: super::LOG, role_arn = %self.role, error = failure.message, "the role could not be read");
                WriterOutcome::Failed
            }
        }
    }

    async fn check(&mut self) -> WriterOutcome {
        let BindingKey {
            namespace,
            service_account,
        } = &self.binding;
        match self.hands.reader.check(namespace, service_account).await {
            Ok((check, approvals)) => {
                self.approvals = approvals;
                WriterOutcome::Checked(Box::new(check))
            }
            Err(error) => {
                tracing::warn!(target: super::LOG, role_arn = %self.role, %error, "who has to agree could not be read");
                WriterOutcome::Failed
            }
        }
    }

    /// Writes once. The lease is asked again, by a clock that no one can set.
    async fn write(&self, order: &WriteOrder) -> WriteAnswer {
        let Some(editor) = self.editor() else {
            return WriteAnswer::TooLate;
        };
        if !self.hands.leadership.borrow().lasts(unsigned(order.timeout)) {
            return WriteAnswer::TooLate;
        }
        tracing::info!(
            target: super::LOG,
            role_arn = %self.role,
            record = order.record,
            "the trust policy is written"
        );
        editor.write(order).await
    }
}

/// Until when the lease is held, as a time of the wall clock.
fn held_until(leadership: Leadership) -> Option<Timestamp> {
    // In this order: what passes in between makes it earlier, never later.
    let now = Timestamp::now();
    let left = leadership.until?.saturating_duration_since(Instant::now());
    let left = SignedDuration::try_from(left).ok()?;
    left.is_positive().then(|| now.checked_add(left).ok()).flatten()
}
