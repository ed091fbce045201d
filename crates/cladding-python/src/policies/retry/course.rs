//! What one call remembers once an attempt has failed.

use cladding_capi::Owned;
use cladding_engine::budget::Withdrawal;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use std::any::Any;

use super::nesting::Mark;
use crate::hooks::{Slot, SlotData};

/// Of more failures than this only the latest are kept.
const MOST_FAILURES: usize = 100;

#[derive(Default)]
pub(super) struct Course {
    /// The seconds of the wait before, for schedules that go by it.
    pub(super) previous: f64,
    /// The iterator of a schedule of the user's own.
    pub(super) waits: Option<Owned>,
    /// The exceptions of the attempts before, oldest first.
    failures: SmallVec<[Owned; 4]>,
    /// What says to calls inside that this one is being retried.
    pub(super) mark: Option<Mark>,
    /// What the last retry took from the budget.
    pub(super) withdrawn: Option<Withdrawal>,
    /// The deadline of the call, in clock ticks, as this policy found it.
    pub(super) deadline_around: u64,
    /// Whether the retries of this call are left to one around it, once it is known.
    pub(super) yields: Option<bool>,
}

impl Course {
    /// That of a call, made when it is first wanted.
    pub(super) fn of(slot: &mut Slot) -> &mut Self {
        let data = slot.data.get_or_insert_with(|| Box::<Self>::default());
        let course = data.as_any().downcast_mut();
        course.expect("the data of a retry's slot are a course")
    }

    /// Notes an exception that is retried. One that is raised again and again is kept once.
    pub(super) fn keep(&mut self, failure: &Owned) {
        if self.failures.iter().any(|known| known.as_ptr() == failure.as_ptr()) {
            return;
        }
        if self.failures.len() == MOST_FAILURES {
            self.failures.remove(0);
        }
        self.failures.push(failure.clone());
    }

    /// The exceptions before `last`, which is not among them even if it was raised before.
    pub(super) fn before<'py>(&self, py: Python<'py>, last: Option<&Owned>) -> PyResult<Bound<'py, PyTuple>> {
        let is_last = |known: &&Owned| last.is_some_and(|last| last.as_ptr() == known.as_ptr());
        let earlier: Vec<&Owned> = self.failures.iter().filter(|known| !is_last(known)).collect();
        PyTuple::new(py, earlier.iter().map(|failure| failure.bound(py)))
    }
}

impl SlotData for Course {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        let mark = self.mark.iter().flat_map(Mark::objects);
        self.waits.iter().chain(&self.failures).chain(mark).for_each(visit);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Course {
    /// A call that is given up while it waits is not left: what calls inside were told is taken back here.
    fn drop(&mut self) {
        if let Some(mark) = self.mark.take() {
            Python::try_attach(|py| {
                if let Err(error) = mark.leave(py) {
                    cladding_capi::counted(py, |_| drop(error));
                }
                drop(mark);
            });
        }
    }
}
