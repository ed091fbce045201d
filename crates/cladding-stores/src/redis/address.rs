//! Where the servers are and how to log in, read from a URL. No message says what may be part of a password.

use std::fmt;
use std::path::PathBuf;

/// The port of Redis and Valkey.
const PORT: u16 = 6379;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    /// Over the network.
    Tcp(String, u16),
    /// On this machine, by a file.
    Unix(PathBuf),
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(formatter, "Redis at [{host}]:{port}"),
            Self::Tcp(host, port) => write!(formatter, "Redis at {host}:{port}"),
            Self::Unix(path) => write!(formatter, "Redis at {}", path.display()),
        }
    }
}

/// Who the client is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login { .. }")
    }
}

/// What a TLS connection asks for beside what is usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TlsOptions {
    /// Certificates to trust instead of the system's.
    pub(super) ca: Option<PathBuf>,
    /// The client's own certificate.
    pub(super) cert: Option<PathBuf>,
    /// The key to it.
    pub(super) key: Option<PathBuf>,
    /// Whether any certificate will do.
    pub(super) insecure: bool,
}

/// All that a URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The server, or some of a cluster's.
    pub(super) nodes: Vec<Node>,
    pub(super) cluster: bool,
    pub(super) login: Option<Login>,
    /// The number of the database.
    pub(super) database: u32,
    pub(super) tls: Option<TlsOptions>,
}

impl Address {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err("the address of a Redis server begins with a scheme such as redis://".into());
        };
        let (cluster, secure, unix) = match scheme {
            "redis" | "valkey" => (false, false, false),
            "rediss" | "valkeys" => (false, true, false),
            "redis+unix" | "valkey+unix" => (false, false, true),
            "redis+cluster" | "valkey+cluster" => (true, false, false),
            "rediss+cluster" | "valkeys+cluster" => (true, true, false),
            _ => {
                return Err("the scheme is none of redis, rediss, redis+unix, redis+cluster and rediss+cluster".into());
            }
        };
        if rest.contains('#') {
            return Err("there is a '#' in the address; in a password it is written %23".into());
        }
        let (rest, query) = rest
            .split_once('?')
            .map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (parse_login(login)?, hosts),
            None => (None, authority),
        };
        if !unix && path.contains('@') {
            return Err("there is a '/' before the '@' of the address; in a password it is written %2F".into());
        }
        let mut address = Self {
            nodes: Vec::new(),
            cluster,
            login,
            database: 0,
            tls: secure.then(TlsOptions::default),
        };
        if unix {
            if !hosts.is_empty() || path.len() < 2 {
                return Err("a socket's address is redis+unix:///path/of/the/socket, with three slashes".into());
            }
            address.nodes.push(Node::Unix(decoded(path)?.into()));
        } else {
            for host in hosts.split(',') {
                address.nodes.push(parse_host(host)?);
            }
            if !cluster && address.nodes.len() > 1 {
                return Err("several servers are a cluster, whose scheme is redis+cluster or rediss+cluster".into());
            }
            let number = path.trim_matches('/');
            if !number.is_empty() {
                address.database = parse_database(number)?;
            }
        }
        for option in query.unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            address.option(name, &decoded(value)?)?;
        }
        if cluster && address.database != 0 {
            return Err("a cluster has no databases but number 0".into());
        }
        Ok(address)
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name == "db" {
            self.database = parse_database(value)?;
            return Ok(());
        }
        if !matches!(name, "ca" | "cert" | "key" | "insecure") {
            return Err("an option of the address is none of db, ca, cert, key and insecure".into());
        }
        let Some(tls) = &mut self.tls else {
            return Err(format!("the option {name} is for TLS, whose scheme is rediss"));
        };
        match name {
            "ca" => tls.ca = Some(value.into()),
            "cert" => tls.cert = Some(value.into()),
            "key" => tls.key = Some(value.into()),
            _ => {
                tls.insecure = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err("the option insecure is neither true nor false".into()),
                }
            }
        }
        Ok(())
    }
}

fn parse_login(text: &str) -> Result<Option<Login>, String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let (user, password) = (decoded(user)?, decoded(password)?);
    if password.is_empty() {
        return if user.is_empty() {
            Ok(None)
        } else {
            Err("a user is named without a password; a password alone is written redis://:password@host".into())
        };
    }
    Ok(Some(Login {
        user: Some(user).filter(|user| !user.is_empty()),
        password,
    }))
}

fn parse_host(text: &str) -> Result<Node, String> {
    let no_port = || "the port is not a number from 1 to 65535".to_owned();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("an IPv6 address has no closing bracket")?;
            match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if port.is_empty() => (host, None),
                None => return Err(no_port()),
            }
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address is written in brackets: redis://[::1]:6379".into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("the address names no host".into());
    }
    let port = match port {
        None => PORT,
        Some(port) => port.parse().ok().filter(|&port| port > 0).ok_or_else(no_port)?,
    };
    Ok(Node::Tcp(decoded(host)?, port))
}

fn parse_database(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "the database is not a number, as in redis://host:6379/0".into())
}

/// A part of a URL with its percent signs and what they stand for.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let code = rest.get(..2).filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        bytes.push(
            code.and_then(|code| u8::from_str_radix(code, 16).ok())
                .ok_or("a '%' is not followed by two hexadecimal digits; a '%' itself is written %25")?,
        );
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| "what percent signs stand for is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Node {
        Node::Tcp(host.into(), port)
    }

    #[test]
    fn addresses_say_where_and_who() {
        let plain = Address::parse("redis://cache.example").unwrap();
        assert_eq!(plain.nodes, [tcp("cache.example", 6379)]);
        assert_eq!(
            (plain.login, plain.database, plain.tls, plain.cluster),
            (None, 0, None, false)
        );

        let full = Address::parse("valkeys://me:p%40%2Fss:w%25@[::1]:7000/3?ca=/a%20b.pem&insecure=true").unwrap();
        assert_eq!(full.nodes, [tcp("::1", 7000)]);
        let login = full.login.unwrap();
        assert_eq!(
            (login.user.as_deref(), login.password.as_str()),
            (Some("me"), "p@/ss:w%")
        );
        assert_eq!(full.database, 3);
        let tls = full.tls.unwrap();
        assert_eq!((tls.ca, tls.insecure), (Some("/a b.pem".into()), true));

        assert_eq!(Address::parse("redis://:pw@h/").unwrap().login.unwrap().user, None);
        let unix = Address::parse("redis+unix://:pw@/run/redis%20a.sock?db=2").unwrap();
        assert_eq!(unix.nodes, [Node::Unix("/run/redis a.sock".into())]);
        assert_eq!((unix.database, unix.login.is_some()), (2, true));
        let cluster = Address::parse("rediss+cluster://:pw@a:1,b,[::2]:3").unwrap();
        assert_eq!(cluster.nodes, [tcp("a", 1), tcp("b", 6379), tcp("::2", 3)]);
        assert!(cluster.cluster && cluster.tls.is_some());
    }

    #[test]
    fn wrong_addresses_are_explained_and_passwords_never_shown() {
        for (url, part) in [
            ("localhost:6379", "scheme"),
            ("http://secret@h", "scheme"),
            ("redis://", "no host"),
            ("redis://:secret@", "no host"),
            ("redis://:sec/secret@h", "%2F"),
            ("redis://u:s#secret@h", "%23"),
            ("redis://:secret%2@h", "%25"),
            ("redis://secret@h", "without a password"),
            ("redis://:secret@h:0", "port"),
            ("redis://:secret@h:99999", "port"),
            ("redis://:secret@::1:6379", "brackets"),
            ("redis://:secret@[::1", "bracket"),
            ("redis://:secret@a,b", "cluster"),
            ("redis+cluster://:secret@a,b/1", "number 0"),
            ("redis://:secret@h/one", "database"),
            ("redis://:secret@h?secret=1", "option"),
            ("redis://:secret@h?ca=/x", "rediss"),
            ("rediss://:secret@h?insecure=secret", "neither"),
            ("redis+unix://:secret@run/sock", "three slashes"),
            ("redis+unix://", "three slashes"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
        assert!(!format!("{:?}", Address::parse("redis://secret:secret@h").unwrap()).contains("secret"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_address_or_explained(rest in ".{0,40}") {
            for scheme in ["redis", "rediss+cluster", "redis+unix"] {
                if let Err(error) = Address::parse(&format!("{scheme}://{rest}")) {
                    proptest::prop_assert!(!error.is_empty());
                }
            }
        }
    }
}
