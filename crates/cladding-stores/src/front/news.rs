//! What is worth a line in a log, each thing once.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use super::op::Op;
use crate::locked::locked;

/// Something that happened to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It does not answer, for this reason. Said once for an outage.
    Failed(String),
    /// It answers, but did not accept an operation. Said once for a kind of operation, until one of the kind is accepted.
    Refused(String),
    /// It answers again.
    Recovered,
}

/// What nobody has asked for yet.
#[derive(Debug, Default)]
pub(super) struct Board {
    any: AtomicBool,
    news: Mutex<VecDeque<News>>,
    /// The kinds of operations whose refusal was told.
    refused: AtomicU16,
}

/// What is kept where nobody asks.
const MOST: usize = 16;

const _: () = assert!(Op::KINDS <= u16::BITS as usize);

impl Board {
    pub(super) fn tell(&self, news: News) {
        let mut board = locked(&self.news);
        if board.len() == MOST {
            board.pop_front();
        }
        board.push_back(news);
        self.any.store(true, Ordering::Release);
    }

    pub(super) fn refused(&self, kind: usize, reason: &str) {
        let bit = 1 << kind;
        if self.refused.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.tell(News::Refused(reason.to_owned()));
        }
    }

    pub(super) fn accepted(&self, kind: usize) {
        let bit = 1 << kind;
        if self.refused.load(Ordering::Acquire) & bit != 0 {
            self.refused.fetch_and(!bit, Ordering::AcqRel);
        }
    }

    /// The oldest news.
    pub(super) fn take(&self) -> Option<News> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut board = locked(&self.news);
        let news = board.pop_front();
        self.any.store(!board.is_empty(), Ordering::Release);
        news
    }
}
