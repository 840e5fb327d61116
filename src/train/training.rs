//! The training loop over the model axis.

use super::fold_group::{FoldGroup, Member};
use super::observer::Observer;
use super::plan::{self, List};
use crate::backend::Backend;
use crate::error::Result;
use std::time::Instant;

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done, or early stopping has ended every fold.
    Finished,
    /// By this signal, with the state handed to the observer.
    Interrupted(u8),
}

impl<B: Backend> FoldGroup<'_, B> {
    /// Trains until every fold has stopped or the last epoch is over.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let clock = Instant::now();
        while self.epoch < self.spec.epochs && self.members.iter().any(|member| !member.state.stopped) {
            let orders: Vec<Vec<u32>> = self.members.iter().map(|member| self.order(member)).collect();
            let members = self.members.iter().zip(&orders);
            let lists: Vec<List> = members.map(|(member, order)| member.list(order)).collect();
            while self.position < plan::steps(&lists, self.spec.batch) {
                if let Some(signal) = observer.interrupted() {
                    observer.step(&self.drain(&lists)?)?;
                    observer.checkpoint(&|| self.state())?;
                    return Ok(Outcome::Interrupted(signal));
                }
                let reports = self.step(&lists)?;
                if !reports.is_empty() {
                    observer.step(&self.account(&lists, reports)?)?;
                }
                if observer.is_due() {
                    observer.step(&self.drain(&lists)?)?;
                    observer.checkpoint(&|| self.state())?;
                }
            }
            observer.step(&self.drain(&lists)?)?;
            let records = self.end_epoch(clock)?;
            observer.epoch(&records)?;
            observer.checkpoint(&|| self.state())?;
        }
        Ok(Outcome::Finished)
    }

    /// The epoch's sequences of one fold; none once it has stopped.
    fn order(&self, member: &Member) -> Vec<u32> {
        match member.state.stopped {
            true => Vec::new(),
            false => {
                plan::order(member.fold.train().sequences(), member.spec.seed, member.number, self.epoch)
            }
        }
    }
}
