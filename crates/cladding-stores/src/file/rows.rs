//! Records and leases as rows of the database. Called within a transaction.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use twox_hash::XxHash3_128;

use super::clock::{End, Moment};
use super::process::Process;
use crate::store::{Key, Record, Token};

type Result<T> = rusqlite::Result<T>;

/// The name of a record in the file: the digest of its space, and its own.
pub(super) type Name = [u8; 32];

pub(super) fn name(key: &Key) -> Name {
    let mut name = first(&key.space);
    name[16..].copy_from_slice(&key.digest.to_be_bytes());
    name
}

/// The first and the last name that a record of a space can have.
pub(super) fn first(space: &str) -> Name {
    let mut name = [0; 32];
    name[..16].copy_from_slice(&XxHash3_128::oneshot(space.as_bytes()).to_be_bytes());
    name
}

pub(super) fn last(space: &str) -> Name {
    let mut name = first(space);
    name[16..].fill(u8::MAX);
    name
}

pub(super) fn tag_name(space: &str, tag: &str) -> Vec<u8> {
    [&first(space)[..16], tag.as_bytes()].concat()
}

/// When a row ends, from its columns `boot, until, wall, life`.
fn end(row: &Row<'_>, at: usize) -> Result<Option<End>> {
    let Some(boot) = row.get(at)? else { return Ok(None) };
    Ok(Some(End {
        boot,
        since_boot: row.get(at + 1)?,
        wall: row.get(at + 2)?,
        life: row.get(at + 3)?,
    }))
}

fn lives(end: Option<&End>, now: &Moment) -> bool {
    end.is_none_or(|end| end.left(now).is_some())
}

fn token(row: &Row<'_>, at: usize) -> Result<Token> {
    row.get(at).map(|bytes| Token(u128::from_be_bytes(bytes)))
}

/// The record of that name, unless it has expired.
pub(super) fn read(connection: &Connection, name: &Name, now: &Moment) -> Result<Option<Record>> {
    connection
        .prepare_cached("select writer, body, boot, until, wall, life from records where key = ?1")?
        .query_row([&name[..]], |row| {
            let end = end(row, 2)?;
            if !lives(end.as_ref(), now) {
                return Ok(None);
            }
            Ok(Some(Record {
                body: row.get_ref(1)?.as_blob()?.to_vec(),
                writer: token(row, 0)?,
                left: end.and_then(|end| end.left(now)),
            }))
        })
        .optional()
        .map(Option::flatten)
}

/// Who wrote the record of that name, unless it has expired.
pub(super) fn writer(connection: &Connection, name: &Name, now: &Moment) -> Result<Option<Token>> {
    connection
        .prepare_cached("select writer, boot, until, wall, life from records where key = ?1")?
        .query_row([&name[..]], |row| {
            Ok(lives(end(row, 1)?.as_ref(), now).then_some(token(row, 0)?))
        })
        .optional()
        .map(Option::flatten)
}

/// Writes a record in the place of what was there.
pub(super) fn write(
    connection: &Connection,
    name: &Name,
    record: (&[u8], Token),
    end: Option<End>,
    tags: &[Vec<u8>],
    now: &Moment,
) -> Result<()> {
    erase(connection, name, now)?;
    let (body, writer) = record;
    connection
        .prepare_cached(
            "insert into records (key, writer, boot, until, wall, life, tagged, body) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            &name[..],
            &writer.0.to_be_bytes()[..],
            end.map(|end| end.boot),
            end.map(|end| end.since_boot),
            end.map(|end| end.wall),
            end.map(|end| end.life),
            !tags.is_empty(),
            body,
        ])?;
    let id = connection.last_insert_rowid();
    for tag in tags {
        connection
            .prepare_cached("insert or ignore into tags (tag, record) values (?1, ?2)")?
            .execute(params![tag, id])?;
    }
    Ok(())
}

/// Takes a record out; says whether it was there and had not expired.
pub(super) fn erase(connection: &Connection, name: &Name, now: &Moment) -> Result<bool> {
    let found = connection
        .prepare_cached("select id, tagged, boot, until, wall, life from records where key = ?1")?
        .query_row([&name[..]], |row| {
            Ok((row.get(0)?, row.get(1)?, lives(end(row, 2)?.as_ref(), now)))
        })
        .optional()?;
    let Some((id, tagged, lived)) = found else {
        return Ok(false);
    };
    erase_row(connection, id, tagged)?;
    Ok(lived)
}

fn erase_row(connection: &Connection, id: i64, tagged: bool) -> Result<()> {
    connection
        .prepare_cached("delete from records where id = ?1")?
        .execute([id])?;
    if tagged {
        connection
            .prepare_cached("delete from tags where record = ?1")?
            .execute([id])?;
    }
    Ok(())
}

/// The number of the latest record.
pub(super) fn latest(connection: &Connection) -> Result<i64> {
    connection
        .prepare_cached("select coalesce(max(id), 0) from records")?
        .query_row([], |row| row.get(0))
}

/// What is to be taken out.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    Space(&'a str),
    Tagged(&'a [u8]),
}

/// Takes out at most `most` records up to the number `latest`. Says how many that were, and how many had not expired.
pub(super) fn erase_some(
    connection: &Connection,
    which: Which<'_>,
    latest: i64,
    most: usize,
    now: &Moment,
) -> Result<(usize, u64)> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, lives(end(row, 2)?.as_ref(), now)));
    let most = most as i64;
    let rows: Vec<(i64, bool, bool)> = match which {
        Which::Space(space) => connection
            .prepare_cached(
                "select id, tagged, boot, until, wall, life from records \
                 where key between ?1 and ?2 and id <= ?3 limit ?4",
            )?
            .query_map(params![&first(space)[..], &last(space)[..], latest, most], read)?
            .collect::<Result<_>>()?,
        Which::Tagged(tag) => connection
            .prepare_cached(
                "select id, tagged, boot, until, wall, life from tags join records on id = record \
                 where tag = ?1 and record <= ?2 limit ?3",
            )?
            .query_map(params![tag, latest, most], read)?
            .collect::<Result<_>>()?,
    };
    for &(id, tagged, _) in &rows {
        erase_row(connection, id, tagged)?;
    }
    let lived = rows.iter().filter(|(_, _, lived)| *lived).count();
    Ok((rows.len(), lived as u64))
}

/// Takes out at most `most` records that have expired, and lets as many of an earlier boot go by this boot's clock.
pub(super) fn sweep(connection: &Connection, most: i64, now: &Moment) -> Result<usize> {
    let expired: Vec<(i64, bool)> = connection
        .prepare_cached("select id, tagged from records where boot = ?1 and until <= ?2 limit ?3")?
        .query_map(params![now.boot, now.since_boot, most], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_>>()?;
    for &(id, tagged) in &expired {
        erase_row(connection, id, tagged)?;
    }
    let mut erased = expired.len();
    for others in [
        "select id, tagged, boot, until, wall, life from records where boot < ?1 limit ?2",
        "select id, tagged, boot, until, wall, life from records where boot > ?1 limit ?2",
    ] {
        let rows: Vec<(i64, bool, Option<End>)> = connection
            .prepare_cached(others)?
            .query_map(params![now.boot, most], |row| {
                Ok((row.get(0)?, row.get(1)?, end(row, 2)?))
            })?
            .collect::<Result<_>>()?;
        for (id, tagged, end) in rows {
            if let Some(end) = end.and_then(|end| end.left(now)).and_then(|left| now.after(left)) {
                connection
                    .prepare_cached("update records set boot = ?2, until = ?3, wall = ?4, life = ?5 where id = ?1")?
                    .execute(params![id, end.boot, end.since_boot, end.wall, end.life])?;
            } else {
                erase_row(connection, id, tagged)?;
                erased += 1;
            }
        }
    }
    Ok(erased)
}

/// Takes out the records that were written the longest ago. Says how many.
pub(super) fn erase_oldest(connection: &Connection, most: i64) -> Result<usize> {
    let rows: Vec<(i64, bool)> = connection
        .prepare_cached("select id, tagged from records order by id limit ?1")?
        .query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for &(id, tagged) in &rows {
        erase_row(connection, id, tagged)?;
    }
    Ok(rows.len())
}

/// The bytes of the file that hold something.
pub(super) fn bytes(connection: &Connection) -> Result<u64> {
    let number = |name: &str| -> Result<i64> { connection.prepare_cached(name)?.query_row([], |row| row.get(0)) };
    let pages = number("pragma page_count")? - number("pragma freelist_count")?;
    Ok((pages * number("pragma page_size")?).max(0) as u64)
}

/// For how long the lease on that name still runs; `None` if there is none, or its holder is dead.
pub(super) fn lease(connection: &Connection, name: &Name, now: &Moment, here: &Process) -> Result<Option<Duration>> {
    let found = connection
        .prepare_cached("select place, process, began, boot, until, wall, life from leases where key = ?1")?
        .query_row([&name[..]], |row| {
            let holder = Process {
                place: row.get(0)?,
                number: row.get(1)?,
                began: row.get(2)?,
            };
            Ok((end(row, 3)?.and_then(|end| end.left(now)), holder))
        })
        .optional()?;
    Ok(found.and_then(|(left, holder)| left.filter(|_| !holder.is_dead(here))))
}

/// Whether the lease on that name still runs under that token.
pub(super) fn is_held(connection: &Connection, name: &Name, token: Token, now: &Moment) -> Result<bool> {
    let end = connection
        .prepare_cached("select boot, until, wall, life from leases where key = ?1 and token = ?2")?
        .query_row(params![&name[..], &token.0.to_be_bytes()[..]], |row| end(row, 0))
        .optional()?;
    Ok(end.flatten().is_some_and(|end| end.left(now).is_some()))
}

pub(super) fn grant(connection: &Connection, name: &Name, token: Token, end: &End, holder: &Process) -> Result<()> {
    connection
        .prepare_cached("insert or replace into leases values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            &name[..],
            &token.0.to_be_bytes()[..],
            end.boot,
            end.since_boot,
            end.wall,
            end.life,
            holder.place,
            holder.number,
            holder.began,
        ])?;
    Ok(())
}

/// Lets a lease run until `end`, if it still does under that token.
pub(super) fn prolong(connection: &Connection, name: &Name, token: Token, end: &End, now: &Moment) -> Result<bool> {
    let changed = connection
        .prepare_cached(
            "update leases set until = ?5, wall = ?6, life = ?7 \
             where key = ?1 and token = ?2 and boot = ?3 and until > ?4",
        )?
        .execute(params![
            &name[..],
            &token.0.to_be_bytes()[..],
            now.boot,
            now.since_boot,
            end.since_boot,
            end.wall,
            end.life,
        ])?;
    Ok(changed > 0)
}

pub(super) fn end_lease(connection: &Connection, name: &Name, token: Option<Token>) -> Result<()> {
    match token {
        Some(token) => connection
            .prepare_cached("delete from leases where key = ?1 and token = ?2")?
            .execute(params![&name[..], &token.0.to_be_bytes()[..]])?,
        None => connection
            .prepare_cached("delete from leases where key = ?1")?
            .execute([&name[..]])?,
    };
    Ok(())
}

pub(super) fn end_leases(connection: &Connection, space: &str) -> Result<()> {
    connection
        .prepare_cached("delete from leases where key between ?1 and ?2")?
        .execute([&first(space)[..], &last(space)[..]])?;
    Ok(())
}

/// Takes out all leases that are over. There are never many, so they are all looked at.
pub(super) fn sweep_leases(connection: &Connection, now: &Moment) -> Result<()> {
    connection
        .prepare_cached("delete from leases where (boot = ?1 and until <= ?2) or (boot <> ?1 and wall <= ?3)")?
        .execute(params![now.boot, now.since_boot, now.wall])?;
    Ok(())
}
