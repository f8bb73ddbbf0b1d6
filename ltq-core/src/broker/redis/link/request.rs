//! [`Request`]: whatever is asked of a server, a script or a command, so that connections can ask it of the right one, and
//! again.

use fred::clients::Client;
use fred::error::Error;
use fred::types::Value as Answer;

/// Something to ask, once or several times.
pub(super) trait Request: Sync {
    /// What errors call it.
    fn call(&self) -> &'static str;

    /// The hash slot of its keys. Computed on demand: a single server has no slots.
    fn slot(&self) -> u16;

    /// Asks.
    fn send(&self, client: &Client) -> impl Future<Output = Result<Answer, Error>> + Send;
}
