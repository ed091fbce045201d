//! What can go wrong in an exchange with a server, and what it means for the caller.

use std::fmt::Display;
use std::io::{self, ErrorKind};

use crate::store::Trouble;

/// Why there is no answer, or not the one that was asked for.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection failed, or time was up.
    Io(io::Error),
    /// The server said no.
    Answer(Answer),
    /// What came is not the protocol, or not what this command answers.
    Nonsense(&'static str),
}

/// What happens to a command that a server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer(pub(super) String);

/// Codes of servers that work, but will not do this.
const REFUSALS: [&str; 12] = [
    "OOM",
    "READONLY",
    "NOPERM",
    "NOAUTH",
    "WRONGPASS",
    "MISCONF",
    "NOREPLICAS",
    "WRONGTYPE",
    "DENIED",
    "NOPROTO",
    "EXECABORT",
    "NOSCRIPT",
];

/// Codes of servers that cannot do anything just now.
const OUTAGES: [&str; 7] = [
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "MOVED",
    "ASK",
];

impl Answer {
    /// What kind of error it is. Servers before version 7 wrap the error of a script's command in one of the script's.
    pub(super) fn code(&self) -> &str {
        let first = self.0.split(' ').next().unwrap_or_default();
        if first != "ERR" {
            return first;
        }
        self.0
            .split([' ', ':'])
            .filter_map(|word| word.strip_prefix('-'))
            .find(|word| REFUSALS.contains(word) || OUTAGES.contains(word))
            .unwrap_or(first)
    }

    /// Whether another connection may have better luck: names may lead to another server by now, and rights may have changed.
    pub(super) fn spoils_connection(&self) -> bool {
        matches!(
            self.code(),
            "READONLY" | "NOAUTH" | "NOPERM" | "MASTERDOWN" | "LOADING" | "CLUSTERDOWN"
        )
    }

    /// Where the key is now, and whether that is only for this one command.
    pub(super) fn elsewhere(&self) -> Option<(&str, bool)> {
        let mut words = self.0.split(' ');
        let once = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        Some((words.nth(1)?, once))
    }

    fn means_down(&self) -> bool {
        let code = self.code();
        OUTAGES.contains(&code) || self.0.starts_with("ERR max number of clients")
    }
}

impl Fault {
    /// Whether the other side was gone already, so that nothing was done and another connection will do.
    pub(super) fn is_dead_connection(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(
            error.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::NotConnected
        ))
    }

    /// What the caller is told.
    pub(super) fn trouble(self, server: &impl Display) -> Trouble {
        match self {
            Self::Io(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                Trouble::Down(format!("{server} has not answered in time"))
            }
            Self::Io(error) => Trouble::Down(format!("{server}: {error}")),
            Self::Nonsense(what) => Trouble::Down(format!("{server} does not speak the protocol of Redis: {what}")),
            Self::Answer(answer) if answer.means_down() => Trouble::Down(format!("{server}: {}", answer.0)),
            Self::Answer(answer) => Trouble::Refused(format!("{server}: {}", answer.0)),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Time was up.
pub(super) fn late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "time is up")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(text: &str) -> Trouble {
        Fault::Answer(Answer(text.into())).trouble(&"here")
    }

    #[test]
    fn a_server_that_refuses_is_told_from_one_that_is_down() {
        for text in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
            "NOAUTH Authentication required.",
            "MISCONF Redis is configured to save RDB snapshots",
            "ERR unknown command",
        ] {
            assert!(matches!(trouble(text), Trouble::Refused(_)), "{text}");
        }
        for text in [
            "LOADING Redis is loading the dataset in memory",
            "CLUSTERDOWN Hash slot not served",
            "ERR max number of clients reached",
            "BUSY Redis is busy running a script.",
        ] {
            assert!(matches!(trouble(text), Trouble::Down(_)), "{text}");
        }
    }

    #[test]
    fn the_error_inside_an_error_of_a_script_counts() {
        let answer = Answer("ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed".into());
        assert_eq!(answer.code(), "OOM");
        assert_eq!(Answer("ERR value is -1 or so".into()).code(), "ERR");
    }

    #[test]
    fn redirections_say_where_to() {
        let answer = Answer("MOVED 3999 127.0.0.1:6381".into());
        assert_eq!(answer.elsewhere(), Some(("127.0.0.1:6381", false)));
        assert_eq!(Answer("ASK 3 h:1".into()).elsewhere(), Some(("h:1", true)));
        assert_eq!(Answer("ERR no".into()).elsewhere(), None);
        assert_eq!(Answer("MOVED x".into()).elsewhere(), None);
    }
}
