//! What the server does in one step: small programs in Lua, and the commands that run them.
//!
//! All are safe to run twice. Times are in milliseconds, 0 for ever.

use std::time::Duration;

use super::names::{self, Space};
use super::resp::{Command, HEAD};
use crate::store::{Key, Token};

/// What lives longer than this, a hundred years, lives for ever.
const LONGEST: u128 = 100 * 366 * 24 * 3600 * 1000;

/// For so much longer a tag knows its record, whose expiry begins a little later, on another server's clock perhaps.
const MARGIN: u64 = 60_000;

/// The record and its life if there is one that is not by the given writer; else nothing if the lease is had; else how long
/// it is somebody else's. What is too short for a record is none.
const BEGIN: &str = "
local head = redis.call('GETRANGE', KEYS[1], 0, 15)
if #head == 16 and head ~= ARGV[3] then
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return false
end
return redis.call('PTTL', KEYS[2])";

const RENEW: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

const RELEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// Without the lease it is done if it was done before. The lease ends even if the server is too full for the
/// record; not before, for a full server lets a script go on that has removed something.
const FINISH: &str = "
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  if redis.call('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then return 1 end
  return 0
end
local done
if ARGV[3] == '0' then
  done = redis.pcall('SET', KEYS[1], ARGV[2])
else
  done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
redis.call('DEL', KEYS[2])
if done.err then return done end
return 1";

const PUT: &str = "
local done
if ARGV[2] == '0' then
  done = redis.pcall('SET', KEYS[1], ARGV[1])
else
  done = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('DEL', KEYS[2])
if done.err then return done end
return 1";

const REMOVE: &str = "
redis.call('DEL', KEYS[2])
return redis.call('UNLINK', KEYS[1])";

/// Adds a record to those with a tag, by the time that it expires; takes out those that have. The whole expires with the
/// last of them.
const TAG: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local ends = ARGV[2] == '0' and math.huge or now + ARGV[2]
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known or (known ~= 'inf' and tonumber(known) < ends) then
  redis.call('ZADD', KEYS[1], ends == math.huge and '+inf' or string.format('%.0f', ends), ARGV[1])
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(last)))
end
return 1";

/// Sets the records with a tag aside, so that what is tagged from now on stays, and nothing is forgotten if the removal breaks
/// off. A full server allows it, unless some are set aside already.
const TAKE: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('RENAME', KEYS[1], KEYS[2])
else
  redis.call('ZUNIONSTORE', KEYS[2], 2, KEYS[1], KEYS[2], 'AGGREGATE', 'MAX')
  redis.call('DEL', KEYS[1])
end
return 1";

/// In whole milliseconds, more rather than less; 0 for ever.
fn milliseconds(life: Option<Duration>) -> u64 {
    let whole = |life: Duration| life.as_nanos().div_ceil(1_000_000).max(1);
    life.map(whole).filter(|&life| life <= LONGEST).unwrap_or(0) as u64
}

/// How long a lease runs: never for ever.
fn lease_time(lease: Duration) -> u64 {
    match milliseconds(Some(lease)) {
        0 => LONGEST as u64,
        time => time,
    }
}

/// A script with its keys; arguments are added, so many.
fn eval(script: &str, leading: &str, second: Option<&str>, arguments: usize) -> Command {
    let keys = 1 + usize::from(second.is_some());
    let command = Command::new(3 + keys + arguments).word(b"EVAL").word(script.as_bytes());
    let command = command.number(keys as u64).key(leading);
    match second {
        Some(second) => command.word(second.as_bytes()),
        None => command,
    }
}

fn of(token: Token) -> [u8; HEAD] {
    token.0.to_be_bytes()
}

/// Answers a record.
pub(super) fn get(key: &Key) -> Command {
    Command::new(2).word(b"GET").key(&names::record(key)).for_records()
}

/// Answers the life of a record, in milliseconds: -1 for ever, -2 if there is none.
pub(super) fn life(key: &Key) -> Command {
    Command::new(2).word(b"PTTL").key(&names::record(key))
}

/// Answers nothing (the lease is had), a number (for how long it is somebody else's) or a list of a record and its life.
pub(super) fn begin(key: &Key, token: Token, lease: Duration, old: Option<Token>) -> Command {
    let command = eval(BEGIN, &names::record(key), Some(&names::lease(key)), 3);
    let command = command.word(&of(token)).number(lease_time(lease));
    match old {
        Some(old) => command.word(&of(old)),
        None => command.word(b""),
    }
    .for_records()
}

/// Answers 1 if the lease was held, else 0.
pub(super) fn renew(key: &Key, token: Token, lease: Duration) -> Command {
    let command = eval(RENEW, &names::lease(key), None, 2);
    command.word(&of(token)).number(lease_time(lease))
}

/// Answers 1 if the lease was held, else 0.
pub(super) fn release(key: &Key, token: Token) -> Command {
    eval(RELEASE, &names::lease(key), None, 1).word(&of(token))
}

/// Answers 1 if the lease was held, else 0.
pub(super) fn finish(key: &Key, token: Token, body: &[u8], life: Option<Duration>) -> Command {
    let command = eval(FINISH, &names::record(key), Some(&names::lease(key)), 3);
    let command = command.word(&of(token)).joined(&of(token), body);
    command.number(milliseconds(life))
}

/// Answers 1.
pub(super) fn put(key: &Key, token: Token, body: &[u8], life: Option<Duration>) -> Command {
    let command = eval(PUT, &names::record(key), Some(&names::lease(key)), 2);
    command.joined(&of(token), body).number(milliseconds(life))
}

/// Answers how many records there were, 0 or 1.
pub(super) fn remove(key: &Key) -> Command {
    eval(REMOVE, &names::record(key), Some(&names::lease(key)), 0)
}

/// Answers 1.
pub(super) fn tag(key: &Key, tag: &str, life: Option<Duration>) -> Command {
    let life = match milliseconds(life) {
        0 => 0,
        life => life + MARGIN,
    };
    let command = eval(TAG, &Space::new(&key.space).tag(tag), None, 2);
    command.word(names::hexadecimal(key.digest).as_bytes()).number(life)
}

/// Answers 1 if there was a record with this tag, else 0.
pub(super) fn take(tag: &str) -> Command {
    eval(TAKE, tag, Some(&names::leaving(tag)), 0)
}

/// Answers some of the digests that were set aside.
pub(super) fn taken(tag: &str) -> Command {
    let command = Command::new(4).word(b"ZRANGE").key(&names::leaving(tag));
    command.number(0).number(999)
}

/// Forgets digests that were set aside.
pub(super) fn forget(tag: &str, digests: &[u128]) -> Command {
    let command = Command::new(2 + digests.len()).word(b"ZREM").key(&names::leaving(tag));
    digests.iter().fold(command, |command, &digest| {
        command.word(names::hexadecimal(digest).as_bytes())
    })
}

/// Answers where to go on, and some names.
pub(super) fn scan(cursor: &[u8], pattern: &str) -> Command {
    Command::plain(&[b"SCAN", cursor, b"MATCH", pattern.as_bytes(), b"COUNT", b"1000"])
}

/// Answers how many there were, 0 or 1.
pub(super) fn unlink(name: &str) -> Command {
    Command::new(2).word(b"UNLINK").key(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_whole_milliseconds_and_never_none_by_rounding() {
        assert_eq!(milliseconds(None), 0);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 1);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), 0);
        assert_eq!(lease_time(Duration::MAX), LONGEST as u64);
    }
}
