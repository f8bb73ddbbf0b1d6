//! What the Redis client reports becomes a [`BrokerError`]: by what a caller can do about it.
//!
//! No type of the client gets out, and no text of it that could hold a key, a payload or a password.

use std::sync::Arc;
use std::time::Duration;

use fred::error::{Error, ErrorKind};

use crate::broker::BrokerError;

/// States of a server that pass by themselves.
const PASSING: [&str; 6] = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"];

/// Whom an error is about.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Where it is, without a password.
    pub(crate) address: String,
    /// What a user has to be granted there.
    pub(crate) grants: Arc<str>,
}

/// What `error` of `call` means.
pub(crate) fn translate(peer: &Peer, call: &'static str, waited: Duration, error: &Error) -> BrokerError {
    let address = peer.address.clone();
    let details = in_script(error.details());
    let reason = server_words(details);
    if lacks_permission(details) {
        let reason = format!("{reason}; grant the user what LTQ needs: {}", peer.grants);
        return BrokerError::Refused { address, call, reason };
    }
    if let Some(code) = server_code(details) {
        return match code {
            _ if PASSING.contains(&code) => BrokerError::Unavailable { address, reason, source: None },
            "OOM" => BrokerError::OutOfMemory { address, call },
            "READONLY" => BrokerError::ReadOnly { address, call },
            "WRONGTYPE" => BrokerError::WrongType { address, call, reason },
            _ => BrokerError::Refused { address, call, reason },
        };
    }
    if let Some(reason) = tls_words(details) {
        return BrokerError::Tls { address, reason };
    }
    match error.kind() {
        #[cfg(feature = "tls")]
        ErrorKind::Tls => BrokerError::Tls { address, reason: details.to_owned() },
        ErrorKind::Timeout if !waited.is_zero() => BrokerError::Timeout { address, call, waited },
        ErrorKind::Auth => BrokerError::Refused { address, call, reason: details.to_owned() },
        ErrorKind::Protocol | ErrorKind::Parse => BrokerError::Protocol { address, call, reason: details.to_owned() },
        _ => BrokerError::Unavailable { address, reason: plain_words(details), source: None },
    }
}

/// What a command inside a script was answered. Redis 6.2 wraps it: `ERR Error running script (call to f_…):
/// @user_script:9: WRONGTYPE …`, or `… @user_script:9: @user_script: 9: -OOM …`.
fn in_script(details: &str) -> &str {
    match details.rsplit_once("@user_script:") {
        Some((wrapper, inner)) if wrapper.starts_with("ERR Error running script") => {
            inner.split_once(": ").map_or(details, |(_, answer)| answer.trim_start_matches('-'))
        }
        _ => details,
    }
}

/// Whether a server said that it cannot serve now.
pub(super) fn is_passing(error: &Error) -> bool {
    server_code(error.details()).is_some_and(|code| PASSING.contains(&code))
}

/// Whether the server refused because the user may not do so. Inside a script servers have words for it only, older and
/// newer ones different ones.
fn lacks_permission(details: &str) -> bool {
    details.starts_with("NOPERM")
        || details.starts_with("ERR ACL failure in script")
        || details.contains("can't run this command or subcommand")
        || details.contains("can't access at least one of the keys")
}

/// What went wrong with an encrypted connection. The client hands on the debug form of what its library reported.
fn tls_words(details: &str) -> Option<String> {
    let said = |marker: &str| details.split_once(marker).map(|(_, rest)| rest.trim_end_matches([' ', '}', ')']));
    if let Some(why) = said("InvalidCertificate(") {
        return Some(if why.starts_with("NotValidForName") {
            "the server's certificate is not for the name in the address; connect by a name that it is for".to_owned()
        } else if why.starts_with("Expired") {
            "the server's certificate has expired; renew it".to_owned()
        } else {
            format!(
                "the server's certificate is not signed by an authority that is trusted here ({why}); name the one that \
                 signed it: ?ca=/path/to/ca.pem"
            )
        });
    }
    if let Some(why) = said("AlertReceived(") {
        return Some(format!(
            "the server did not accept what this program shows ({why}); if it wants a certificate, name one it knows the \
             signer of: &cert=/path/to/cert.pem&key=/path/to/key.pem"
        ));
    }
    if details.contains("InvalidMessage(") {
        return Some(
            "what answers there does not encrypt; write redis:// instead of rediss://, or another port".into(),
        );
    }
    None
}

/// The code a server's error begins with, such as `WRONGPASS`.
fn server_code(details: &str) -> Option<&str> {
    let code = details.split(' ').next()?;
    (code.len() > 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

/// The server's words without the arguments it may quote, and what to do where it is not to wait.
pub(super) fn server_words(details: &str) -> String {
    let words = details.split(", with args beginning with").next().unwrap_or(details);
    if words.starts_with("CLUSTERDOWN The cluster is down") {
        return format!(
            "{words}: some of its hash slots have no server, and it is set to serve none then; set \
             `cluster-require-full-coverage no` on all its servers, so that the queues on the others go on"
        );
    }
    words.to_owned()
}

/// The message inside the debug form of an I/O error, which is what the client hands on.
fn plain_words(details: &str) -> String {
    for marker in ["message: \"", "error: \""] {
        if let Some((_, rest)) = details.split_once(marker)
            && let Some((message, _)) = rest.split_once('"')
        {
            return message.to_owned();
        }
    }
    details.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(call: &'static str, waited: Duration, error: &Error) -> BrokerError {
        let peer = Peer { address: "redis://host".to_owned(), grants: "+evalsha".into() };
        translate(&peer, call, waited, error)
    }

    fn text(kind: ErrorKind, details: &'static str) -> String {
        meaning("turn", Duration::from_secs(1), &Error::new(kind, details)).to_string()
    }

    #[test]
    fn the_server_is_quoted_without_arguments() {
        let shown = text(ErrorKind::Unknown, "ERR unknown command 'FOO', with args beginning with: 'secret'");
        assert_eq!(shown, "redis://host refused `turn`: ERR unknown command 'FOO'");
    }

    #[test]
    fn io_errors_read_like_sentences() {
        let shown = text(ErrorKind::IO, r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#);
        assert_eq!(shown, "cannot reach redis://host: Connection refused");
    }

    #[test]
    fn a_missing_permission_is_answered_with_what_to_grant() {
        for details in [
            "NOPERM this user has no permissions to run the 'blpop' command",
            "ERR The user executing the script can't run this command or subcommand script: 1, on @user_script:1.",
            "The user executing the script can't run this command or subcommand",
            "ERR ACL failure in script: User worker has no permissions to run the 'hset' command script: 1, on @user_script:1.",
        ] {
            let shown = text(ErrorKind::Unknown, details);
            assert!(shown.contains(details) && shown.contains("+evalsha"), "{shown}");
        }
    }

    #[test]
    fn passing_states_are_worth_another_try() {
        let error = Error::new(ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory");
        assert!(meaning("turn", Duration::ZERO, &error).is_transient());
        let error = Error::new(ErrorKind::Unknown, "OOM command not allowed when used memory > 'maxmemory'.");
        assert!(!meaning("turn", Duration::ZERO, &error).is_transient());
    }

    #[test]
    fn a_server_that_takes_no_writes_is_told_apart() {
        let of = |details: &'static str| meaning("publish", Duration::ZERO, &Error::new(ErrorKind::Unknown, details));
        let full = of("OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:9.");
        assert!(matches!(full, BrokerError::OutOfMemory { .. }), "{full:?}");
        let older = "ERR Error running script (call to f_00aa): @user_script:37: @user_script: 37: -OOM command not \
                     allowed when used memory > 'maxmemory'.";
        assert!(matches!(of(older), BrokerError::OutOfMemory { .. }), "{:?}", of(older));
        let other = "ERR Error running script (call to f_00aa): @user_script:51: WRONGTYPE Operation against a key";
        assert!(matches!(of(other), BrokerError::WrongType { .. }), "{:?}", of(other));
        let replica = of("READONLY You can't write against a read only replica.");
        assert!(matches!(replica, BrokerError::ReadOnly { .. }) && !replica.is_transient(), "{replica:?}");
    }
}
