//! The protocol of Redis, versions 2 and 3: commands as bytes, and answers read from bytes.

use std::io::{ErrorKind, Read, Write};
use std::ops::Range;

use super::fault::{Answer, Fault};
use crate::store::{Record, Token};

/// What is read from the network at once, unless a value is longer. No line is longer.
const BUFFER: usize = 16 * 1024;

/// No value is longer: it is the servers' own default bound.
const LONGEST_VALUE: u64 = 512 << 20;

/// What is set aside for a value before anything of it has arrived.
const ADVANCE: u64 = 1 << 20;

/// No answer has more elements in a list.
const LONGEST_LIST: u64 = 1 << 20;

/// No answer has lists in lists in lists deeper than this.
const DEEPEST: u8 = 8;

/// How many bytes of a value name its writer.
pub(super) const HEAD: usize = 16;

/// One command, written down.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// As it is sent.
    pub(super) bytes: Vec<u8>,
    /// Where in them the key is that says which server of a cluster is asked.
    key: Range<usize>,
    /// Whether the values in the answer are records.
    pub(super) records: bool,
}

impl Command {
    /// A command of `count` words, its name among them, which are then added.
    pub(super) fn new(count: usize) -> Self {
        let mut bytes = Vec::with_capacity(128);
        let _ = write!(bytes, "*{count}\r\n");
        Self {
            bytes,
            key: 0..0,
            records: false,
        }
    }

    /// A whole command without a key.
    pub(super) fn plain(words: &[&[u8]]) -> Self {
        words
            .iter()
            .fold(Self::new(words.len()), |command, word| command.word(word))
    }

    /// The next word.
    pub(super) fn word(self, word: &[u8]) -> Self {
        self.joined(word, &[])
    }

    /// The next word, in two pieces.
    pub(super) fn joined(mut self, first: &[u8], second: &[u8]) -> Self {
        let length = first.len() + second.len();
        self.bytes.reserve(length + 24);
        let _ = write!(self.bytes, "${length}\r\n");
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// The next word, a number.
    pub(super) fn number(self, number: u64) -> Self {
        self.word(number.to_string().as_bytes())
    }

    /// The next word, the key that leads to the right server of a cluster.
    pub(super) fn key(mut self, key: &str) -> Self {
        self = self.word(key.as_bytes());
        let end = self.bytes.len() - 2;
        self.key = end - key.len()..end;
        self
    }

    /// Says that the values in its answer are records.
    pub(super) fn for_records(mut self) -> Self {
        self.records = true;
        self
    }

    /// The key that leads to the right server of a cluster.
    pub(super) fn leading_key(&self) -> &[u8] {
        &self.bytes[self.key.clone()]
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Nothing is there.
    Nil,
    /// A number, or a truth value.
    Int(i64),
    /// Bytes, or a short text.
    Bytes(Vec<u8>),
    /// A value that was asked for as a record.
    Record(Record),
    /// The server says no.
    Error(Answer),
    /// Several answers; maps are lists of keys and values in turn.
    List(Vec<Reply>),
    /// A message that nobody asked for.
    Push(Vec<Reply>),
}

impl Reply {
    /// The answer, unless it is an error.
    pub(super) fn accepted(self) -> Result<Self, Fault> {
        match self {
            Self::Error(answer) => Err(Fault::Answer(answer)),
            reply => Ok(reply),
        }
    }

    /// The answer as a number.
    pub(super) fn int(self) -> Result<i64, Fault> {
        match self.accepted()? {
            Self::Int(number) => Ok(number),
            _ => Err(Fault::Nonsense("no number")),
        }
    }

    /// The answer as a record, if there is one.
    pub(super) fn record(self) -> Result<Option<Record>, Fault> {
        match self.accepted()? {
            Self::Nil => Ok(None),
            Self::Record(record) => Ok(Some(record)),
            _ => Err(Fault::Nonsense("no value")),
        }
    }

    /// The answer as a list.
    pub(super) fn list(self) -> Result<Vec<Self>, Fault> {
        match self.accepted()? {
            Self::List(items) => Ok(items),
            _ => Err(Fault::Nonsense("no list")),
        }
    }

    /// The answer as text.
    pub(super) fn text(self) -> Result<String, Fault> {
        match self.accepted()? {
            Self::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| Fault::Nonsense("no text")),
            _ => Err(Fault::Nonsense("no text")),
        }
    }
}

/// Reads answers.
#[derive(Debug)]
pub(super) struct Reader<R> {
    source: R,
    buffer: Box<[u8]>,
    /// What of the buffer has arrived and is not used yet.
    held: Range<usize>,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            held: 0..0,
        }
    }

    pub(super) fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Whether nothing has arrived beyond what was read.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether anything has arrived, or arrives before the source gives up waiting.
    pub(super) fn has_more(&mut self) -> Result<bool, Fault> {
        if self.is_empty() {
            match self.fill() {
                Err(Fault::Io(error)) if error.kind() == ErrorKind::TimedOut => return Ok(false),
                done => done?,
            }
        }
        Ok(true)
    }

    /// The next answer, whose values are records if `records` says so.
    pub(super) fn reply(&mut self, records: bool) -> Result<Reply, Fault> {
        self.nested(records, 0)
    }

    fn nested(&mut self, records: bool, depth: u8) -> Result<Reply, Fault> {
        if depth > DEEPEST {
            return Err(Fault::Nonsense("too many lists in lists"));
        }
        let line = self.line()?;
        let line = &self.buffer[line];
        let Some((&kind, rest)) = line.split_first() else {
            return Err(Fault::Nonsense("an empty line"));
        };
        Ok(match kind {
            b'+' | b',' | b'(' => Reply::Bytes(rest.to_vec()),
            b'-' => Reply::Error(Answer(String::from_utf8_lossy(rest).into_owned())),
            b':' => Reply::Int(number(rest)?),
            b'#' => Reply::Int(i64::from(rest == b"t")),
            b'_' => Reply::Nil,
            b'$' | b'=' | b'!' => {
                let Some(length) = length(rest, LONGEST_VALUE)? else {
                    return Ok(Reply::Nil);
                };
                if kind == b'!' {
                    let text = self.value(length)?;
                    Reply::Error(Answer(String::from_utf8_lossy(&text).into_owned()))
                } else if records {
                    Reply::Record(self.record(length)?)
                } else {
                    Reply::Bytes(self.value(length)?)
                }
            }
            b'*' | b'~' | b'%' | b'>' | b'|' => {
                let Some(count) = length(rest, LONGEST_LIST)? else {
                    return Ok(Reply::Nil);
                };
                let count = if matches!(kind, b'%' | b'|') { count * 2 } else { count };
                let mut items = Vec::with_capacity(count.min(1024) as usize);
                for _ in 0..count {
                    items.push(self.nested(records, depth + 1)?);
                }
                match kind {
                    b'>' => Reply::Push(items),
                    // What is said about the answer, before the answer.
                    b'|' => self.nested(records, depth + 1)?,
                    _ => Reply::List(items),
                }
            }
            _ => return Err(Fault::Nonsense("an answer of no known kind")),
        })
    }

    /// Where in the buffer the next line is, without its end.
    fn line(&mut self) -> Result<Range<usize>, Fault> {
        let mut searched = 0;
        loop {
            let from = self.held.start;
            if let Some(at) = self.buffer[from + searched..self.held.end]
                .iter()
                .position(|&byte| byte == b'\n')
            {
                let end = from + searched + at;
                self.held.start = end + 1;
                if end == from || self.buffer[end - 1] != b'\r' {
                    return Err(Fault::Nonsense("a line that ends as no line does"));
                }
                return Ok(from..end - 1);
            }
            searched = self.held.len();
            if searched == BUFFER {
                return Err(Fault::Nonsense("a line without an end"));
            }
            self.fill()?;
        }
    }

    /// Reads what has arrived, at least one byte.
    fn fill(&mut self) -> Result<(), Fault> {
        if self.held.is_empty() {
            self.held = 0..0;
        } else if self.held.end == BUFFER {
            self.buffer.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
        }
        let count = self.source.read(&mut self.buffer[self.held.end..])?;
        if count == 0 {
            return Err(Fault::Io(ErrorKind::UnexpectedEof.into()));
        }
        self.held.end += count;
        Ok(())
    }

    /// A value of so many bytes that is a record: its writer, and then its body. One that is too short for that was not
    /// written as a record; it is one with an empty body, which nobody takes for a result.
    fn record(&mut self, length: u64) -> Result<Record, Fault> {
        let mut writer = [0; HEAD];
        let Some(rest) = length.checked_sub(HEAD as u64) else {
            self.value(length)?;
            return Ok(foreign());
        };
        while self.held.len() < HEAD {
            self.fill()?;
        }
        writer.copy_from_slice(&self.buffer[self.held.start..self.held.start + HEAD]);
        self.held.start += HEAD;
        Ok(Record {
            body: self.value(rest)?,
            writer: Token(u128::from_be_bytes(writer)),
            left: None,
        })
    }

    /// So many bytes, and the end of a line.
    fn value(&mut self, length: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::with_capacity(length.min(ADVANCE) as usize);
        let here = self.held.len().min(length as usize);
        bytes.extend_from_slice(&self.buffer[self.held.start..self.held.start + here]);
        self.held.start += here;
        let missing = length - here as u64;
        if missing > 0 && (&mut self.source).take(missing).read_to_end(&mut bytes)? as u64 != missing {
            return Err(Fault::Io(ErrorKind::UnexpectedEof.into()));
        }
        while self.held.len() < 2 {
            self.fill()?;
        }
        if self.buffer[self.held.start..self.held.start + 2] != *b"\r\n" {
            return Err(Fault::Nonsense("a value longer than it says"));
        }
        self.held.start += 2;
        Ok(bytes)
    }
}

/// What stands for a value that nobody wrote as a record.
fn foreign() -> Record {
    Record {
        body: Vec::new(),
        writer: Token(0),
        left: None,
    }
}

fn number(digits: &[u8]) -> Result<i64, Fault> {
    let digits = std::str::from_utf8(digits).ok();
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(Fault::Nonsense("a number of no digits"))
}

/// How much follows; `None` for nothing at all, which is not the same as an empty thing.
fn length(digits: &[u8], most: u64) -> Result<Option<u64>, Fault> {
    match number(digits)? {
        -1 => Ok(None),
        count => match u64::try_from(count) {
            Ok(count) if count <= most => Ok(Some(count)),
            _ => Err(Fault::Nonsense("a length out of bounds")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Reply, Fault> {
        Reader::new(bytes).reply(false)
    }

    /// Gives one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(1).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn commands_are_lists_of_words() {
        let command = Command::new(4).word(b"SET").key("a{b}").joined(b"x", b"yz").number(12);
        assert_eq!(
            command.bytes,
            b"*4\r\n$3\r\nSET\r\n$4\r\na{b}\r\n$3\r\nxyz\r\n$2\r\n12\r\n"
        );
        assert_eq!(command.leading_key(), b"a{b}");
    }

    #[test]
    fn every_kind_of_answer_is_read_however_it_arrives() {
        let bytes = |text: &str| Reply::Bytes(text.into());
        let cases: [(&str, Reply); 13] = [
            ("+OK\r\n", bytes("OK")),
            ("-ERR no\r\n", Reply::Error(Answer("ERR no".into()))),
            (":-12\r\n", Reply::Int(-12)),
            ("$-1\r\n", Reply::Nil),
            ("$0\r\n\r\n", bytes("")),
            ("$4\r\na\r\nb\r\n", bytes("a\r\nb")),
            ("*-1\r\n", Reply::Nil),
            (
                "*2\r\n:1\r\n*0\r\n",
                Reply::List(vec![Reply::Int(1), Reply::List(vec![])]),
            ),
            ("_\r\n", Reply::Nil),
            ("#t\r\n", Reply::Int(1)),
            ("%1\r\n+a\r\n:1\r\n", Reply::List(vec![bytes("a"), Reply::Int(1)])),
            ("|1\r\n+a\r\n:1\r\n:2\r\n", Reply::Int(2)),
            (
                ">2\r\n+invalidate\r\n_\r\n",
                Reply::Push(vec![bytes("invalidate"), Reply::Nil]),
            ),
        ];
        for (text, reply) in cases {
            assert_eq!(read(text.as_bytes()).unwrap(), reply, "{text:?}");
            assert_eq!(
                Reader::new(Drops(text.as_bytes())).reply(false).unwrap(),
                reply,
                "{text:?}"
            );
            for end in 0..text.len() {
                assert!(
                    read(&text.as_bytes()[..end]).unwrap_err().is_dead_connection(),
                    "{text:?} to {end}"
                );
            }
        }
    }

    #[test]
    fn long_values_are_read_past_the_buffer() {
        for length in [BUFFER - 8, BUFFER, BUFFER + 1, 3 * BUFFER] {
            let mut text = format!("${}\r\n", length + HEAD).into_bytes();
            text.extend_from_slice(&7_u128.to_be_bytes());
            text.extend((0..length).map(|at| at as u8));
            text.extend_from_slice(b"\r\n:5\r\n");
            let mut reader = Reader::new(&text[..]);
            let record = reader.reply(true).unwrap().record().unwrap().unwrap();
            assert_eq!(record.writer, Token(7));
            assert!(record.body.iter().enumerate().all(|(at, &byte)| byte == at as u8));
            assert_eq!(record.body.len(), length);
            assert_eq!(reader.reply(false).unwrap(), Reply::Int(5));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_value_that_is_no_record_is_one_without_a_body() {
        let record = Reader::new(&b"$5\r\nhello\r\n"[..])
            .reply(true)
            .unwrap()
            .record()
            .unwrap();
        assert_eq!(record, Some(foreign()));
        assert_eq!(
            Reader::new(&b"$-1\r\n"[..]).reply(true).unwrap().record().unwrap(),
            None
        );
    }

    #[test]
    fn nonsense_is_told_and_allocates_nothing() {
        let deep = "*1\r\n".repeat(50);
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\r\n",
            "+a\n",
            "$99999999999999\r\n",
            "$-2\r\n",
            "*9999999999\r\n",
            ":x\r\n",
            "$1\r\nabc",
            &deep,
            &"a".repeat(BUFFER + 1),
        ] {
            assert!(matches!(read(text.as_bytes()), Err(Fault::Nonsense(_))), "{text:.20}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_a_fault(bytes in proptest::collection::vec(0_u8..128, 0..200)) {
            let mut reader = Reader::new(&bytes[..]);
            while reader.reply(true).is_ok() {}
        }

        #[test]
        fn what_looks_like_an_answer_ends_too(text in "([$*%>|:+_-]-?[0-9]{0,3}\r\n){0,20}") {
            let mut reader = Reader::new(text.as_bytes());
            while reader.reply(false).is_ok() {}
        }
    }
}
